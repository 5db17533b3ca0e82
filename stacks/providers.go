package stacks

import (
	"fmt"

	"github.com/aws/jsii-runtime-go"
	awsprovider "github.com/cdktf/cdktf-provider-aws-go/aws/v19/provider"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// Terraform from 1.10 on: the S3 backend locks without a table. Below 2: what that changes is not known.
const requiredVersion = ">= 1.10.0, < 2.0.0"

// writeOnlyVersion is of those that know write-only arguments.
const writeOnlyVersion = ">= 1.11.0, < 2.0.0"

// virginia is where CloudFront's certificates, web ACLs and metrics have to be.
const virginia = "us-east-1"

// target is an account and a region that a provider works in.
type target struct {
	account, region string
	roleArn         string // assumed on the way, "" for the caller's own credentials
}

// providers adds AWS providers to a stack, all with the same tags and guards.
type providers struct {
	stack    cdktf.TerraformStack
	settings config.Settings
	tags     map[string]string
}

// add makes one provider. The first one of a stack has no alias and is what resources take by default.
func (p providers) add(id, alias string, to target) cdktf.TerraformProvider {
	args := &awsprovider.AwsProviderConfig{
		Alias:       optional(alias),
		Region:      jsii.String(to.region),
		DefaultTags: &[]*awsprovider.AwsProviderDefaultTags{{Tags: pointers(p.tags)}},
	}
	if p.settings.AwsEndpoint != "" {
		return emulated(awsprovider.NewAwsProvider(p.stack, jsii.String(id), args), p.settings.AwsEndpoint)
	}
	args.AllowedAccountIds = jsii.Strings(to.account)
	if to.roleArn != "" {
		args.AssumeRole = &[]*awsprovider.AwsProviderAssumeRole{{
			RoleArn:     jsii.String(to.roleArn),
			SessionName: jsii.String("batbern-terraform"),
		}}
	}
	return awsprovider.NewAwsProvider(p.stack, jsii.String(id), args)
}

// deployRoleArn is the role that a pipeline assumes in the stack's own account, "" for a person's own credentials.
func deployRoleArn(stack, account string, settings config.Settings) string {
	if settings.DeployRole == "none" {
		return ""
	}
	return fmt.Sprintf("arn:aws:iam::%s:role/%s-%s", account, stack, settings.DeployRole)
}

// emulated points a provider at an emulator: any credentials do, no account is checked, no role is assumed.
func emulated(provider awsprovider.AwsProvider, endpoint string) cdktf.TerraformProvider {
	provider.SetAccessKey(jsii.String("emulator"))
	provider.SetSecretKey(jsii.String("emulator"))
	provider.SetSkipCredentialsValidation(jsii.Bool(true))
	provider.SetSkipMetadataApiCheck(jsii.String("true"))
	provider.SetSkipRequestingAccountId(jsii.Bool(false))
	provider.SetS3UsePathStyle(jsii.Bool(true))
	provider.SetMaxRetries(jsii.Number(2)) // an emulator's 500 means "not implemented", not "try again"
	endpoints := map[string]any{}
	for _, service := range emulatedServices {
		endpoints[service] = endpoint
	}
	// an override, because the typed block has a field for each of AWS's 300 services
	provider.AddOverride(jsii.String("endpoints"), []any{endpoints})
	return provider
}

// emulatedServices are the services that the stacks use, by the names that the provider's endpoints block takes.
// A service missing here would be asked for at AWS itself.
var emulatedServices = []string{
	"accessanalyzer", "acm", "apigateway", "apigatewayv2", "appautoscaling", "backup", "budgets", "ce", "cloudfront",
	"cloudtrail", "cloudwatch", "cloudwatchlogs", "codedeploy", "configservice", "dynamodb", "ec2", "ecr", "ecs",
	"elasticache", "elbv2", "events", "firehose", "grafana", "guardduty", "iam", "kms", "lambda", "rds",
	"resourcegroups", "route53", "route53resolver", "s3", "s3control", "scheduler", "secretsmanager", "securityhub",
	"servicediscovery", "sns", "sqs", "ssm", "sts", "synthetics", "wafv2", "xray",
}

func pointers(values map[string]string) *map[string]*string {
	out := make(map[string]*string, len(values))
	for key, value := range values {
		out[key] = jsii.String(value)
	}
	return &out
}
