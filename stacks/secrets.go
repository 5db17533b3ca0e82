package stacks

import (
	"strconv"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/database"
	"github.com/batbern/infrastructure/constructs/encryption"
	"github.com/batbern/infrastructure/constructs/secrets"
	"github.com/batbern/infrastructure/constructs/secretwatch"
)

// addExternalSecrets makes the secrets whose values a person puts in: ARNs by name.
func addExternalSecrets(stack cdktf.TerraformStack, environment config.Environment, keys encryption.Outputs) map[string]string {
	scope := constructs.NewConstruct(stack, jsii.String("external_secrets"))
	arns := map[string]string{}
	for _, secret := range environment.ExternalSecrets {
		arns[secret.Name] = secrets.New(scope, secret.Name, secrets.Props{
			Name:       externalName(environment, secret),
			Purpose:    secret.Purpose,
			AccountID:  environment.Account.ID,
			Protection: environment.Protection,
			KeyArn:     keys.SecretsKeyArn,
			Tags:       map[string]string{secrets.MaxAgeTag: strconv.Itoa(secret.MaxAgeDays)},
		}).Arn
	}
	return arns
}

func externalName(environment config.Environment, secret config.ExternalSecret) string {
	return environment.Stack() + "/external/" + secret.Name
}

// watchedSecrets are all whose age is measured: the database's users' and the external ones.
func watchedSecrets(environment config.Environment, from database.Outputs, external map[string]string) []secretwatch.Secret {
	var all []secretwatch.Secret
	for user, arn := range from.SecretArns {
		all = append(all, secretwatch.Secret{Name: database.SecretName(environment.Stack(), user), Arn: arn, RotateEveryDays: environment.Database.RotationDays})
	}
	for _, secret := range environment.ExternalSecrets {
		all = append(all, secretwatch.Secret{Name: externalName(environment, secret), Arn: external[secret.Name], MaxAgeDays: secret.MaxAgeDays})
	}
	return all
}

// addSecretWatch has the age of the secrets measured.
func addSecretWatch(stack cdktf.TerraformStack, environment config.Environment, keys encryption.Outputs, boundaryArn string,
	from database.Outputs, external map[string]string) secretwatch.Outputs {
	return secretwatch.New(stack, "secret_watch", secretwatch.Props{
		Name:             environment.Stack(),
		Account:          environment.Account,
		Secrets:          watchedSecrets(environment, from, external),
		BoundaryArn:      boundaryArn,
		LogsKeyArn:       keys.LogsKeyArn,
		LogRetentionDays: environment.Database.LogRetentionDays,
	})
}
