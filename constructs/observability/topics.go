package observability

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/snstopic"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/snstopicpolicy"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/snstopicsubscription"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
)

// TopicProps says whose topics they are and who listens.
type TopicProps struct {
	Name      string // prefix of AWS names: "batbern-dev" gives "batbern-dev-critical"
	AccountID string
	Region    string
	// KeyArn encrypts messages (SNS.1). It has to let CloudWatch and EventBridge use it: with AWS's own key of SNS their
	// messages are lost without a word.
	KeyArn string
	// Emails hear of alarms. Each address gets a message that asks it to confirm, and nothing before it does.
	Emails []string
	// MailFrom is the least severity that is mailed.
	MailFrom config.Severity
	// Provider is where the topics are made; nil means the stack's first provider. Region has to agree with it.
	Provider cdktf.TerraformProvider
}

// TopicOutputs are the topics by severity.
type TopicOutputs struct {
	CriticalArn string // people cannot use the platform, or soon cannot: somebody gets up
	WarningArn  string // somebody looks the same day
	InfoArn     string // good to know
}

// Arn is the topic of a severity.
func (o TopicOutputs) Arn(severity config.Severity) string {
	return map[config.Severity]string{config.Critical: o.CriticalArn, config.Warning: o.WarningArn, config.Info: o.InfoArn}[severity]
}

// Topics makes a topic for each severity. They come early in a stack: events of databases and backups are sent to them.
func Topics(scope constructs.Construct, id string, props TopicProps) TopicOutputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	return TopicOutputs{
		CriticalArn: topic(scope, config.Critical, props),
		WarningArn:  topic(scope, config.Warning, props),
		InfoArn:     topic(scope, config.Info, props),
	}
}

func topic(scope constructs.Construct, severity config.Severity, props TopicProps) string {
	scope = constructs.NewConstruct(scope, jsii.String(string(severity)))
	name := props.Name + "-" + string(severity)
	made := snstopic.NewSnsTopic(scope, jsii.String("topic"), &snstopic.SnsTopicConfig{
		Name:           jsii.String(name),
		DisplayName:    jsii.String(name), // the sender's name in mails
		KmsMasterKeyId: jsii.String(props.KeyArn),
		Provider:       props.Provider,
	})
	snstopicpolicy.NewSnsTopicPolicy(scope, jsii.String("policy"), &snstopicpolicy.SnsTopicPolicyConfig{
		Arn:      made.Arn(),
		Policy:   jsii.String(TopicPolicy(topicArn(props, name), props.AccountID, props.Region).JSON()),
		Provider: props.Provider,
	})
	if severity.AtLeast(props.MailFrom) {
		for _, email := range props.Emails {
			snstopicsubscription.NewSnsTopicSubscription(scope, jsii.String("mail_"+addressID(email)), &snstopicsubscription.SnsTopicSubscriptionConfig{
				TopicArn: made.Arn(),
				Protocol: jsii.String("email"),
				Endpoint: jsii.String(email),
				Provider: props.Provider,
			})
		}
	}
	return *made.Arn()
}

func topicArn(props TopicProps, name string) string {
	return fmt.Sprintf("arn:aws:sns:%s:%s:%s", props.Region, props.AccountID, name)
}

// TopicPolicy lets AWS services publish to a topic for this account, and nobody without TLS. People and roles of the
// account need no statement: their own policies decide (SNS.4).
//
// EventBridge and AWS Backup are not held to the account, because neither is documented to send its keys: "You can't use
// Condition blocks in Amazon SNS topic policies for EventBridge". A condition would lose their messages.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
func TopicPolicy(arn, account, region string) policy.Document {
	publish := func(sid string, sourceArn string, services ...string) policy.Statement {
		statement := policy.Statement{
			Sid:        sid,
			Effect:     policy.Allow,
			Principals: policy.Principals{Services: services},
			Actions:    []string{"sns:Publish"},
			Resources:  []string{arn},
		}
		if sourceArn != "" {
			statement.Conditions = policy.Conditions{
				"StringEquals": {"aws:SourceAccount": {account}},
				"ArnLike":      {"aws:SourceArn": {sourceArn}},
			}
		}
		return statement
	}
	anomalies := publish("Anomalies", "", "costalerts.amazonaws.com") // sends the account, and no ARN
	anomalies.Conditions = policy.Conditions{"StringEquals": {"aws:SourceAccount": {account}}}
	return policy.Document{Statements: []policy.Statement{
		publish("Alarms", fmt.Sprintf("arn:aws:cloudwatch:%s:%s:alarm:*", region, account), "cloudwatch.amazonaws.com"),
		publish("Budgets", fmt.Sprintf("arn:aws:budgets::%s:*", account), "budgets.amazonaws.com"),
		anomalies,
		publish("DatabaseEvents", fmt.Sprintf("arn:aws:rds:%s:%s:*", region, account), "events.rds.amazonaws.com"),
		publish("Events", "", "backup.amazonaws.com", "events.amazonaws.com"),
		policy.DenyInsecureTransport("sns:Publish", arn),
	}}
}

var notInIDs = regexp.MustCompile(`[^a-z0-9]+`)

// addressID is an e-mail address as part of a construct's id.
func addressID(email string) string { return notInIDs.ReplaceAllString(strings.ToLower(email), "_") }
