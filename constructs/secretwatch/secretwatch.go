// Package secretwatch has the age of an environment's secrets measured once a day: whether those that rotate by
// themselves did so in time, and how long the values that people put in may still be used. Alarms on its metrics are
// made by constructs/observability.
package secretwatch

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatcheventrule"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatcheventtarget"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/lambdapermission"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/function"
	"github.com/batbern/infrastructure/constructs/policy"
	"github.com/batbern/infrastructure/internal/text"
	"github.com/batbern/infrastructure/lambda/event"
)

// Secret is one that is watched. It either rotates by itself or is renewed by a person: one of the two numbers is set.
type Secret struct {
	// Name is the secret's in AWS, and the dimension of its metrics.
	Name, Arn string
	// RotateEveryDays is how often it has to rotate.
	RotateEveryDays int
	// MaxAgeDays is how old a value may become that a person put in.
	MaxAgeDays int
}

// Props says what is watched.
type Props struct {
	Name    string // prefix of AWS names, e.g. "batbern-dev"
	Account config.Account
	// Secrets are watched in any order; one at least.
	Secrets []Secret

	BoundaryArn      string
	LogsKeyArn       string
	LogRetentionDays int
}

// Outputs are what other constructs may use.
type Outputs struct {
	// Function and Rule are names, for alarms.
	Function, Rule string
	// Secrets are those that are watched, by name.
	Secrets []Secret
}

// TimeoutSeconds is how long a look at all secrets may take.
const TimeoutSeconds = 120

// secretsACall keeps a call's input, some 200 characters a secret, below the 8192 that EventBridge takes. A rule has five
// targets at most: 150 secrets.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html
const secretsACall = 30

// daily is in UTC: after the nightly windows, before anybody reads mail.
const daily = "cron(0 5 * * ? *)"

// New makes the function, which calls AWS alone and stays outside the VPC, and calls it every day.
func New(scope constructs.Construct, id string, props Props) Outputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	secrets := slices.SortedFunc(slices.Values(props.Secrets), func(a, b Secret) int { return strings.Compare(a.Name, b.Name) })
	made := function.New(scope, "function", function.Props{
		Name:             props.Name + "-secret-watch",
		Source:           "secret-watch",
		Purpose:          "Measures how old secrets are; reads no value",
		Account:          props.Account,
		TimeoutSeconds:   TimeoutSeconds,
		Statements:       []policy.Statement{describe(secrets)},
		BoundaryArn:      props.BoundaryArn,
		LogsKeyArn:       props.LogsKeyArn,
		LogRetentionDays: props.LogRetentionDays,
	})
	rule := cloudwatcheventrule.NewCloudwatchEventRule(scope, jsii.String("daily"), &cloudwatcheventrule.CloudwatchEventRuleConfig{
		Name:               jsii.String(props.Name + "-secret-watch"),
		Description:        jsii.String("Has the age of secrets measured"),
		ScheduleExpression: jsii.String(daily),
	})
	lambdapermission.NewLambdaPermission(scope, jsii.String("permission"), &lambdapermission.LambdaPermissionConfig{
		StatementId:   jsii.String("EventBridge"),
		FunctionName:  jsii.String(made.Name),
		Action:        jsii.String("lambda:InvokeFunction"),
		Principal:     jsii.String("events.amazonaws.com"),
		SourceAccount: jsii.String(props.Account.ID),
		SourceArn:     rule.Arn(),
	})
	number := 0
	for some := range slices.Chunk(secrets, secretsACall) {
		target, name := "target", "function"
		if number > 0 {
			target, name = fmt.Sprintf("target_%d", number), fmt.Sprintf("function-%d", number)
		}
		cloudwatcheventtarget.NewCloudwatchEventTarget(scope, jsii.String(target), &cloudwatcheventtarget.CloudwatchEventTargetConfig{
			Rule:      rule.Name(),
			TargetId:  jsii.String(name),
			Arn:       jsii.String(made.Arn),
			Input:     jsii.String(input(some)),
			DependsOn: &made.Ready,
		})
		number++
	}
	return Outputs{Function: made.Name, Rule: *rule.Name(), Secrets: secrets}
}

// describe allows to look at what is known of the secrets, and not at what is in them.
func describe(secrets []Secret) policy.Statement {
	var arns []string
	for _, secret := range secrets {
		arns = append(arns, secret.Arn)
	}
	return policy.Statement{
		Sid: "DescribeSecrets", Effect: policy.Allow, Resources: arns,
		Actions: []string{"secretsmanager:DescribeSecret", "secretsmanager:ListSecretVersionIds"},
	}
}

func input(secrets []Secret) string {
	var watched event.SecretWatch
	for _, secret := range secrets {
		watched.Secrets = append(watched.Secrets, event.WatchedSecret{
			Name: secret.Name, ARN: secret.Arn, RotateEveryDays: secret.RotateEveryDays, MaxAgeDays: secret.MaxAgeDays,
		})
	}
	return text.JSON(watched)
}
