// Package cost tells people what AWS charges before the bill does: a budget of the account, the detection of days that
// cost more than usual, and the tags by which bills are divided. What an account may have depends on its kind:
//
//	                               member                    payer
//	budget                         of its own cost           limited to its own cost by a filter
//	cost anomaly monitor           AWS services              the stack's tag
//	cost allocation tags           none                      activated
//
// AWS, "Getting started with AWS Cost Anomaly Detection": "Cost monitors for linked accounts, cost allocation tags, and
// cost categories can only be created in the management account".
// https://docs.aws.amazon.com/cost-management/latest/userguide/getting-started-ad.html
package cost

import (
	"fmt"
	"strconv"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/budgetsbudget"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/ceanomalymonitor"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/ceanomalysubscription"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cecostallocationtag"

	"github.com/batbern/infrastructure/config"
)

// Props says what an account may cost and who is told.
type Props struct {
	Name      string // of the budget, e.g. "batbern-dev"
	AccountID string
	// Kind decides what the account may have; see the package.
	Kind config.AccountKind
	// BudgetUsd is the month's, before taxes and credits.
	BudgetUsd float64
	// AnomalyUsd is the unexpected cost of a day, in US dollars, that is reported; 0 makes no monitor.
	AnomalyUsd int
	// Emails receive both. AWS mails them directly, without asking for a confirmation, so that an unusual bill is reported
	// even where nobody has confirmed a topic's subscription.
	Emails []string
}

// New makes the account's budget and its detection of unusual days.
func New(scope constructs.Construct, id string, props Props) {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	budget(scope, props)
	if props.AnomalyUsd > 0 {
		anomalies(scope, props)
	}
}

// threshold is when a budget speaks.
type threshold struct {
	percent  int
	forecast bool
}

// thresholds: five is what AWS allows a budget. A forecast needs five weeks of history, so the actual ones stand by
// themselves.
// https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-best-practices.html
var thresholds = []threshold{
	{percent: 50},
	{percent: 80},
	{percent: 100},
	{percent: 100, forecast: true},
	{percent: 120, forecast: true},
}

// budget counts the account's own cost: each environment has an account, so no tag has to be set. A member sees only its
// own cost; a payer sees everybody's, and needs the filter.
// https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-create-filters.html
func budget(scope constructs.Construct, props Props) {
	var notifications []*budgetsbudget.BudgetsBudgetNotification
	for _, t := range thresholds {
		kind := "ACTUAL"
		if t.forecast {
			kind = "FORECASTED"
		}
		notifications = append(notifications, &budgetsbudget.BudgetsBudgetNotification{
			ComparisonOperator:       jsii.String("GREATER_THAN"),
			NotificationType:         jsii.String(kind),
			Threshold:                jsii.Number(t.percent),
			ThresholdType:            jsii.String("PERCENTAGE"),
			SubscriberEmailAddresses: jsii.Strings(props.Emails...),
		})
	}
	args := &budgetsbudget.BudgetsBudgetConfig{
		Name:        jsii.String(props.Name),
		BudgetType:  jsii.String("COST"),
		TimeUnit:    jsii.String("MONTHLY"),
		LimitAmount: jsii.String(strconv.FormatFloat(props.BudgetUsd, 'f', -1, 64)),
		LimitUnit:   jsii.String("USD"),
		// what the platform costs, not what a credit or a refund leaves of it
		CostTypes: &budgetsbudget.BudgetsBudgetCostTypes{
			IncludeCredit: jsii.Bool(false), IncludeRefund: jsii.Bool(false), IncludeTax: jsii.Bool(false), IncludeSupport: jsii.Bool(true),
		},
		Notification: &notifications,
	}
	if props.pays() {
		args.CostFilter = &[]*budgetsbudget.BudgetsBudgetCostFilter{
			{Name: jsii.String("LinkedAccount"), Values: jsii.Strings(props.AccountID)},
		}
	}
	budgetsbudget.NewBudgetsBudget(scope, jsii.String("budget"), args)
}

func (p Props) pays() bool { return p.Kind == config.Payer }

// monitor compares cost with what it used to be. A payer's goes by the tag Stack, because the other accounts are none of
// this stack's; a member's by AWS service, the only type that a member may have. AWS allows one of that type in an account:
// where the account has it already, docs/deployment.md says what to do.
// https://docs.aws.amazon.com/cost-management/latest/userguide/management-limits.html
func monitor(scope constructs.Construct, props Props) ceanomalymonitor.CeAnomalyMonitor {
	args := &ceanomalymonitor.CeAnomalyMonitorConfig{Name: jsii.String(props.Name)}
	if props.pays() {
		args.MonitorType = jsii.String("CUSTOM")
		args.MonitorSpecification = jsii.String(taggedWith(props.Name))
	} else {
		args.MonitorType = jsii.String("DIMENSIONAL")
		args.MonitorDimension = jsii.String("SERVICE")
	}
	return ceanomalymonitor.NewCeAnomalyMonitor(scope, jsii.String("monitor"), args)
}

// anomalies mails what the monitor finds.
func anomalies(scope constructs.Construct, props Props) {
	watched := monitor(scope, props)
	var subscribers []*ceanomalysubscription.CeAnomalySubscriptionSubscriber
	for _, email := range props.Emails {
		subscribers = append(subscribers, &ceanomalysubscription.CeAnomalySubscriptionSubscriber{Type: jsii.String("EMAIL"), Address: jsii.String(email)})
	}
	ceanomalysubscription.NewCeAnomalySubscription(scope, jsii.String("subscription"), &ceanomalysubscription.CeAnomalySubscriptionConfig{
		Name:           jsii.String(props.Name),
		Frequency:      jsii.String("DAILY"), // addresses are told once a day: the service allows nothing else
		MonitorArnList: jsii.Strings(*watched.Arn()),
		Subscriber:     &subscribers,
		ThresholdExpression: &ceanomalysubscription.CeAnomalySubscriptionThresholdExpression{
			Dimension: &ceanomalysubscription.CeAnomalySubscriptionThresholdExpressionDimension{
				Key: jsii.String("ANOMALY_TOTAL_IMPACT_ABSOLUTE"), MatchOptions: jsii.Strings("GREATER_THAN_OR_EQUAL"), Values: jsii.Strings(fmt.Sprint(props.AnomalyUsd)),
			},
		},
	})
}

// taggedWith is Cost Explorer's expression for a stack's resources, with the nulls that AWS gives back.
func taggedWith(stack string) string {
	return fmt.Sprintf(`{"And":null,"CostCategories":null,"Dimensions":null,"Not":null,"Or":null,"Tags":{"Key":"Stack","MatchOptions":null,"Values":[%q]}}`, stack)
}

// Tags activates tags for cost allocation, so that Cost Explorer and bills can be divided by them. Only a payer may do so,
// and only for a tag that some resource has had for a day.
// https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html
func Tags(scope constructs.Construct, id string, keys []string) {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	for _, key := range keys {
		cecostallocationtag.NewCeCostAllocationTag(scope, jsii.String(key), &cecostallocationtag.CeCostAllocationTagConfig{
			TagKey: jsii.String(key), Status: jsii.String("Active"),
		})
	}
}
