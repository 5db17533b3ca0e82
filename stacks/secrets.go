package stacks

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/encryption"
	"github.com/batbern/infrastructure/constructs/secrets"
)

// addExternalSecrets makes the secrets whose values a person puts in: ARNs by name.
func addExternalSecrets(stack cdktf.TerraformStack, environment config.Environment, keys encryption.Outputs) map[string]string {
	scope := constructs.NewConstruct(stack, jsii.String("external_secrets"))
	arns := map[string]string{}
	for _, secret := range environment.ExternalSecrets {
		arns[secret.Name] = secrets.New(scope, secret.Name, secrets.Props{
			Name:       environment.Stack() + "/external/" + secret.Name,
			Purpose:    secret.Purpose,
			AccountID:  environment.Account.ID,
			Protection: environment.Protection,
			KeyArn:     keys.SecretsKeyArn,
		}).Arn
	}
	return arns
}
