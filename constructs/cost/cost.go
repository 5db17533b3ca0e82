// Package cost tells people what AWS charges before the bill does: a budget of the account, the detection of days that
// cost more than usual, and the tags by which bills are divided.
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
)

// Props says what an account may cost and who is told.
type Props struct {
	Name      string // of the budget, e.g. "batbern-dev"
	AccountID string
	// BudgetUsd is the month's, before taxes and credits.
	BudgetUsd float64
	// AnomalyUsd is from how many unexpected dollars a day on people are told; 0 detects nothing.
	AnomalyUsd int
	// Emails hear of both. AWS mails them directly, without asking them to confirm, so that a bill is heard of even where
	// nobody has confirmed a topic's subscription.
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

// budget counts the account's own cost: each environment has an account, so that no tag has to be set for it to be true.
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
	budgetsbudget.NewBudgetsBudget(scope, jsii.String("budget"), &budgetsbudget.BudgetsBudgetConfig{
		Name:        jsii.String(props.Name),
		BudgetType:  jsii.String("COST"),
		TimeUnit:    jsii.String("MONTHLY"),
		LimitAmount: jsii.String(strconv.FormatFloat(props.BudgetUsd, 'f', -1, 64)),
		LimitUnit:   jsii.String("USD"),
		CostFilter:  &[]*budgetsbudget.BudgetsBudgetCostFilter{{Name: jsii.String("LinkedAccount"), Values: jsii.Strings(props.AccountID)}},
		// what the platform costs, not what a credit or a refund leaves of it
		CostTypes: &budgetsbudget.BudgetsBudgetCostTypes{
			IncludeCredit: jsii.Bool(false), IncludeRefund: jsii.Bool(false), IncludeTax: jsii.Bool(false), IncludeSupport: jsii.Bool(true),
		},
		Notification: &notifications,
	})
}

// anomalies compares the stack's cost with what it used to be. The monitor goes by the tag Stack: an account may have only
// one by service, which AWS makes by itself where Cost Explorer is on.
func anomalies(scope constructs.Construct, props Props) {
	monitor := ceanomalymonitor.NewCeAnomalyMonitor(scope, jsii.String("monitor"), &ceanomalymonitor.CeAnomalyMonitorConfig{
		Name: jsii.String(props.Name), MonitorType: jsii.String("CUSTOM"),
		MonitorSpecification: jsii.String(taggedWith(props.Name)),
	})
	var subscribers []*ceanomalysubscription.CeAnomalySubscriptionSubscriber
	for _, email := range props.Emails {
		subscribers = append(subscribers, &ceanomalysubscription.CeAnomalySubscriptionSubscriber{Type: jsii.String("EMAIL"), Address: jsii.String(email)})
	}
	ceanomalysubscription.NewCeAnomalySubscription(scope, jsii.String("subscription"), &ceanomalysubscription.CeAnomalySubscriptionConfig{
		Name:           jsii.String(props.Name),
		Frequency:      jsii.String("DAILY"), // addresses are told once a day: the service allows nothing else
		MonitorArnList: jsii.Strings(*monitor.Arn()),
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

// Tags activates tags for cost allocation, so that Cost Explorer and bills can be divided by them. Only the account that
// pays may do so, and only for a tag that some resource has had for a day.
// https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html
func Tags(scope constructs.Construct, id string, keys []string) {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	for _, key := range keys {
		cecostallocationtag.NewCeCostAllocationTag(scope, jsii.String(key), &cecostallocationtag.CeCostAllocationTagConfig{
			TagKey: jsii.String(key), Status: jsii.String("Active"),
		})
	}
}
