package stacks

import (
	"github.com/aws/jsii-runtime-go"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/backup"
	"github.com/batbern/infrastructure/constructs/database"
	"github.com/batbern/infrastructure/constructs/encryption"
	"github.com/batbern/infrastructure/constructs/network"
	"github.com/batbern/infrastructure/constructs/observability"
)

// data is the database and the vault that keeps copies of it.
type data struct {
	database.Outputs
	vault string // "" where nothing is kept
}

// addDatabase makes the database and what keeps copies of it.
func addDatabase(stack cdktf.TerraformStack, environment config.Environment, vpc network.Outputs, keys encryption.Outputs,
	boundaryArn string, topics observability.TopicOutputs, in clouds) data {
	if environment.Database.ReadReplica {
		stack.AddOverride(jsii.String("terraform.required_version"), writeOnlyVersion)
	}
	out := database.New(stack, "database", database.Props{
		Name:          environment.Stack(),
		Account:       environment.Account,
		Database:      environment.Database,
		Protection:    environment.Protection,
		Services:      environment.Services,
		Vpc:           vpc,
		Keys:          keys,
		BoundaryArn:   boundaryArn,
		EventTopicArn: topics.WarningArn,
	})
	kept := backup.New(stack, "backup", backup.Props{
		Name:          environment.Stack(),
		Account:       environment.Account,
		Backup:        environment.Backup,
		Protection:    environment.Protection,
		InstanceArn:   out.InstanceArn,
		RetentionDays: environment.Database.BackupRetentionDays,
		SubnetGroup:   out.SubnetGroup,
		KeyArn:        keys.DataKeyArn,
		BoundaryArn:   boundaryArn,
		TopicArn:      topics.WarningArn,
		Recovery:      in.recovery,
	})
	return data{Outputs: out, vault: kept.VaultName}
}
