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

const (
	providerSource = "hashicorp/aws"
	// ProviderVersion is the exact version of the AWS provider that every stack requires: the last release of 5.x, which
	// accepts everything that the binding's 5.99.1 accepts. See docs/decisions/0013-aws-provider-5-100-0.md.
	ProviderVersion = "5.100.0"
)

// virginia is where CloudFront's certificates, web ACLs and metrics have to be.
const virginia = "us-east-1"

// sessionName is how the sessions of Terraform are called in CloudTrail.
const sessionName = "batbern-terraform"

// target is an account and a region that a provider works in, and how it gets there.
type target struct {
	account, region string
	entry           entry
}

// entry is how a provider gets into its account; the zero value means with the caller's own credentials.
type entry struct {
	roleArn    string // assumed on the way
	configFile string // file with the credentials of a remote run
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
		return emulated(awsprovider.NewAwsProvider(p.stack, jsii.String(id), args), p.settings.AwsEndpoint, alias)
	}
	args.AllowedAccountIds = jsii.Strings(to.account)
	if to.entry.roleArn != "" {
		args.AssumeRole = &[]*awsprovider.AwsProviderAssumeRole{{
			RoleArn:     jsii.String(to.entry.roleArn),
			SessionName: jsii.String(sessionName),
		}}
	}
	if to.entry.configFile != "" {
		args.SharedConfigFiles = jsii.Strings(to.entry.configFile)
	}
	return awsprovider.NewAwsProvider(p.stack, jsii.String(id), args)
}

// entries are how an environment's providers get into its own account and into the base's, where its names are written.
func entries(stack cdktf.TerraformStack, base shared, environment config.Environment, settings config.Settings) (own, dns entry) {
	switch settings.DeployRole {
	case config.RemoteRuns:
		return remoteEntries(stack)
	case "none":
		return entry{}, entry{roleArn: base.dnsRoleArn(environment.Name, settings)}
	default:
		role := fmt.Sprintf("arn:aws:iam::%s:role/%s-%s", environment.Account.ID, environment.Stack(), settings.DeployRole)
		return entry{roleArn: role}, entry{roleArn: base.dnsRoleArn(environment.Name, settings)}
	}
}

// dnsTag is the tag of the workspace's second set of credentials: TFC_AWS_PROVIDER_AUTH_DNS and so on.
const dnsTag = "DNS"

// remoteEntries takes both accounts' credentials from Terraform Cloud, which signs in to each anew in each phase: a
// role that the configuration names would be the same in a plan and in its apply.
// https://developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/specifying-multiple-configurations
func remoteEntries(stack cdktf.TerraformStack) (own, dns entry) {
	const variable = "tfc_aws_dynamic_credentials" // Terraform Cloud's name, it sets the value
	cdktf.NewTerraformVariable(stack, jsii.String(variable), &cdktf.TerraformVariableConfig{
		Type:        jsii.String("object({ default = object({ shared_config_file = string }), aliases = map(object({ shared_config_file = string })) })"),
		Description: jsii.String("Files with the credentials of a remote run, set by Terraform Cloud"),
	})
	return entry{configFile: fmt.Sprintf("${var.%s.default.shared_config_file}", variable)},
		entry{configFile: fmt.Sprintf("${var.%s.aliases[%q].shared_config_file}", variable, dnsTag)}
}

// emulated points a provider at an emulator: any credentials do, no account is checked, no role is assumed. The access key
// says which of the stack's providers sent a request, for those who read the recordings.
func emulated(provider awsprovider.AwsProvider, endpoint, alias string) cdktf.TerraformProvider {
	key := "emulator"
	if alias != "" {
		key += "-" + alias
	}
	provider.SetAccessKey(jsii.String(key))
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
