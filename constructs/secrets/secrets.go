// Package secrets makes secrets in Secrets Manager: encrypted, closed to other accounts, and empty. Values come from
// functions and people, never from Terraform.
package secrets

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/secretsmanagersecret"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/secretsmanagersecretpolicy"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
)

// Props says whose secret it is.
type Props struct {
	Name       string // in Secrets Manager, e.g. "batbern-dev/database/event_management"
	Purpose    string // one sentence, shown in AWS
	AccountID  string
	Protection config.Protection
	KeyArn     string
	// Tags say more to whoever looks at the secret in AWS: how long a value may be used, for one that a person puts in.
	Tags map[string]string
}

// MaxAgeTag tells whoever puts a value in how many days it may be used.
const MaxAgeTag = "MaxAgeDays"

// Outputs are what other constructs may use.
type Outputs struct {
	Arn, Name string
	// Ready is the secret's policy: a value should not be put in before it.
	Ready cdktf.ITerraformDependable
}

// New makes one secret without a value.
func New(scope constructs.Construct, id string, props Props) Outputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	tags := map[string]*string{}
	for key, value := range props.Tags {
		tags[key] = jsii.String(value)
	}
	made := secretsmanagersecret.NewSecretsmanagerSecret(scope, jsii.String("secret"), &secretsmanagersecret.SecretsmanagerSecretConfig{
		Name:                 jsii.String(props.Name),
		Description:          jsii.String(props.Purpose),
		KmsKeyId:             jsii.String(props.KeyArn),
		RecoveryWindowInDays: jsii.Number(props.Protection.SecretRecoveryDays()),
		Lifecycle:            &cdktf.TerraformResourceLifecycle{PreventDestroy: jsii.Bool(props.Protection.PreventDestroy())},
		Tags:                 &tags,
	})
	closed := secretsmanagersecretpolicy.NewSecretsmanagerSecretPolicy(scope, jsii.String("policy"), &secretsmanagersecretpolicy.SecretsmanagerSecretPolicyConfig{
		SecretArn:         made.Arn(),
		Policy:            jsii.String(Closed(props.AccountID).JSON()),
		BlockPublicPolicy: jsii.Bool(true),
	})
	return Outputs{Arn: *made.Arn(), Name: *made.Name(), Ready: closed}
}

// Closed refuses a secret to every account but its own, whatever IAM says there.
func Closed(accountID string) policy.Document {
	return policy.Document{Statements: []policy.Statement{{
		Sid:        "RefuseOtherAccounts",
		Effect:     policy.Deny,
		Principals: policy.Principals{Everyone: true},
		Actions:    []string{"secretsmanager:*"},
		Resources:  []string{"*"}, // in a secret's own policy: this secret
		Conditions: policy.Conditions{
			"StringNotEquals": {"aws:PrincipalAccount": {accountID}},
			"Bool":            {"aws:PrincipalIsAWSService": {"false"}},
		},
	}}}
}
