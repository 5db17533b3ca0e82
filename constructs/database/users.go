package database

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/lambdainvocation"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/lambdapermission"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/secretsmanagersecretrotation"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/function"
	"github.com/batbern/infrastructure/constructs/network"
	"github.com/batbern/infrastructure/constructs/policy"
	vault "github.com/batbern/infrastructure/constructs/secrets"
	"github.com/batbern/infrastructure/internal/text"
	"github.com/batbern/infrastructure/lambda/event"
)

// BootstrapSeconds is how long the bootstrap function may take; its alarms measure by it.
const BootstrapSeconds = 300

// RotationSeconds is how long a step of a rotation may take; its alarms measure by it. RDS takes minutes to set a master's
// password.
func RotationSeconds(database config.Database) int {
	if database.ReadReplica {
		return 300
	}
	return 60
}

// secret is a user's secret.
type secret struct {
	arn   string
	ready cdktf.ITerraformDependable
}

// passwordUsers are the users with a password: all but the operators' reader, who signs in by IAM.
func passwordUsers(services []config.Service) []string {
	return append(serviceUsers(services), config.DatabaseMigrator)
}

// secretUsers are passwordUsers, and the master where RDS does not manage it.
func secretUsers(props Props) []string {
	users := passwordUsers(props.Services)
	if props.Database.ReadReplica {
		users = append(users, config.DatabaseAdmin)
	}
	return users
}

// secrets are one for each user with a password, empty: the bootstrap writes who signs in where, the first rotation the
// password.
func secrets(scope constructs.Construct, props Props) map[string]secret {
	scope = constructs.NewConstruct(scope, jsii.String("users"))
	made := map[string]secret{}
	for _, user := range secretUsers(props) {
		out := vault.New(scope, user, vault.Props{
			Name:       SecretName(props.Name, user),
			Purpose:    "PostgreSQL user " + user + " of " + props.Name,
			AccountID:  props.Account.ID,
			Protection: props.Protection,
			KeyArn:     props.Keys.SecretsKeyArn,
		})
		made[user] = secret{arn: out.Arn, ready: out.Ready}
	}
	return made
}

// SecretName is what a user's secret is called in an environment of that AWS name.
func SecretName(name, user string) string { return name + "/database/" + user }

// bootstrapFunction makes roles, schemas and grants when it is called.
func bootstrapFunction(scope constructs.Construct, props Props, main postgres, users map[string]secret) function.Outputs {
	return function.New(scope, "bootstrap", functionProps(props, function.Props{
		Name:           props.Name + "-database-bootstrap",
		Source:         "database-bootstrap",
		Purpose:        "Makes the roles, schemas and grants of the database",
		TimeoutSeconds: BootstrapSeconds,
		Statements: []policy.Statement{
			{Sid: "ReadMasterSecret", Effect: policy.Allow, Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []string{main.masterSecretArn}},
			{Sid: "DescribeUsersInSecrets", Effect: policy.Allow, Resources: arns(users),
				Actions: []string{"secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"}},
			decrypt(props, "kms:GenerateDataKey"),
		},
	}))
}

// bootstrap has roles, schemas and grants made when the instance exists and its master can sign in, and again when their
// description or the function changes.
func bootstrap(scope constructs.Construct, props Props, main postgres, maker function.Outputs, users map[string]secret, master []cdktf.ITerraformDependable) []cdktf.ITerraformDependable {
	ready := slices.Concat(maker.Ready, props.Vpc.Ready, master)
	for _, user := range slices.Sorted(maps.Keys(users)) {
		ready = append(ready, users[user].ready)
	}
	return []cdktf.ITerraformDependable{
		lambdainvocation.NewLambdaInvocation(scope, jsii.String("bootstrap_run"), &lambdainvocation.LambdaInvocationConfig{
			FunctionName: jsii.String(maker.Name),
			Input:        jsii.String(bootstrapInput(props, main, users)),
			Triggers:     &map[string]*string{"code": jsii.String(maker.CodeHash)},
			DependsOn:    &ready,
		}),
	}
}

// SharedSchema holds what all services read.
const SharedSchema = "shared_kernel"

// bootstrapInput describes who there is and what they may do. It holds no password.
func bootstrapInput(props Props, main postgres, users map[string]secret) string {
	input := event.Bootstrap{
		Host: main.endpoint, Port: props.Database.Port, MasterSecretARN: main.masterSecretArn,
		Database: config.DatabaseName, Owner: config.DatabaseOwner, Schemas: []string{SharedSchema},
		Logins: []event.Login{
			{Name: config.DatabaseMigrator, Kind: event.KindMigrator, SecretARN: users[config.DatabaseMigrator].arn, ConnectionLimit: config.MigrationConnections},
			{Name: config.DatabaseReader, Kind: event.KindReadOnly, IAM: true, ConnectionLimit: config.OperatorConnections},
		},
	}
	for _, service := range props.Services {
		if user := service.DatabaseUser; user != "" {
			input.Schemas = append(input.Schemas, service.Schema())
			input.Logins = append(input.Logins, event.Login{
				Name: user, Kind: event.KindService, Schema: service.Schema(), Reads: []string{SharedSchema}, SecretARN: users[user].arn,
			})
		}
	}
	// the order of the services must not change the plan
	slices.Sort(input.Schemas)
	slices.SortFunc(input.Logins, func(a, b event.Login) int { return strings.Compare(a.Name, b.Name) })
	return text.JSON(input)
}

// rotator changes passwords when Secrets Manager calls it.
type rotator struct {
	function.Outputs
	allowed cdktf.ITerraformDependable // Secrets Manager's right to call it
}

func rotationFunction(scope constructs.Construct, props Props, main postgres, users map[string]secret) rotator {
	statements := []policy.Statement{
		{Sid: "RotateSecrets", Effect: policy.Allow, Resources: arns(users), Actions: []string{
			"secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage",
		}},
		{Sid: "ReadMasterSecret", Effect: policy.Allow, Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []string{main.masterSecretArn}},
		// AWS knows no resource for this action
		{Sid: "MakePasswords", Effect: policy.Allow, Actions: []string{"secretsmanager:GetRandomPassword"}, Resources: []string{"*"}},
		decrypt(props, "kms:GenerateDataKey"),
	}
	if props.Database.ReadReplica {
		statements = append(statements, policy.Statement{Sid: "SetMasterPassword", Effect: policy.Allow, Resources: []string{main.arn},
			Actions: []string{"rds:DescribeDBInstances", "rds:ModifyDBInstance"}})
	}
	made := function.New(scope, "rotation", functionProps(props, function.Props{
		Name:           props.Name + "-secret-rotation",
		Source:         "secret-rotation",
		Purpose:        "Rotates the passwords of the database's users",
		TimeoutSeconds: RotationSeconds(props.Database),
		Statements:     statements,
	}))
	allowed := lambdapermission.NewLambdaPermission(scope, jsii.String("rotation_permission"), &lambdapermission.LambdaPermissionConfig{
		StatementId:   jsii.String("SecretsManager"),
		FunctionName:  jsii.String(made.Name),
		Action:        jsii.String("lambda:InvokeFunction"),
		Principal:     jsii.String("secretsmanager.amazonaws.com"),
		SourceAccount: jsii.String(props.Account.ID),
		SourceArn:     jsii.String(fmt.Sprintf("arn:aws:secretsmanager:%s:%s:secret:%s", props.Account.Region, props.Account.ID, SecretName(props.Name, "*"))),
	})
	return rotator{Outputs: made, allowed: allowed}
}

// takeOver gives the master a password that somebody knows, the rotation function, where RDS does not manage it: it is
// described in its secret, rotated, and waited for. Nothing where RDS does.
func takeOver(scope constructs.Construct, props Props, main postgres, maker function.Outputs, turner rotator, users map[string]secret) []cdktf.ITerraformDependable {
	if !props.Database.ReadReplica {
		return nil
	}
	master := users[config.DatabaseAdmin]
	input := event.Bootstrap{DescribeMaster: &event.Master{
		Host: main.endpoint, Port: props.Database.Port, Database: config.DatabaseName, Name: config.DatabaseAdmin,
		InstanceID: main.id, SecretARN: master.arn,
	}}
	before := slices.Concat(maker.Ready, props.Vpc.Ready, []cdktf.ITerraformDependable{master.ready})
	described := lambdainvocation.NewLambdaInvocation(scope, jsii.String("master_description"), &lambdainvocation.LambdaInvocationConfig{
		FunctionName: jsii.String(maker.Name),
		Input:        jsii.String(text.JSON(input)),
		DependsOn:    &before,
	})
	scheduled := schedule(scope, config.DatabaseAdmin, props, turner, master, []cdktf.ITerraformDependable{described})
	return []cdktf.ITerraformDependable{
		awaitPasswords(scope, "master_password", maker.Name, []string{master.arn}, []cdktf.ITerraformDependable{scheduled}),
	}
}

// rotation sets every user's first password and changes it from then on. It returns what is to be waited for before
// anybody signs in.
func rotation(scope constructs.Construct, props Props, maker function.Outputs, turner rotator, users map[string]secret, made []cdktf.ITerraformDependable) []cdktf.ITerraformDependable {
	var scheduled []cdktf.ITerraformDependable
	var awaited []string
	schedules := constructs.NewConstruct(scope, jsii.String("schedules"))
	for _, user := range slices.Sorted(slices.Values(passwordUsers(props.Services))) {
		scheduled = append(scheduled, schedule(schedules, user, props, turner, users[user], made))
		awaited = append(awaited, users[user].arn)
	}
	return []cdktf.ITerraformDependable{awaitPasswords(scope, "first_passwords", maker.Name, awaited, scheduled)}
}

// schedule has a user's password changed now and from then on.
func schedule(scope constructs.Construct, id string, props Props, turner rotator, user secret, after []cdktf.ITerraformDependable) cdktf.ITerraformDependable {
	before := slices.Concat([]cdktf.ITerraformDependable{turner.allowed}, turner.Ready, after)
	return secretsmanagersecretrotation.NewSecretsmanagerSecretRotation(scope, jsii.String(id), &secretsmanagersecretrotation.SecretsmanagerSecretRotationConfig{
		SecretId:          jsii.String(user.arn),
		RotationLambdaArn: jsii.String(turner.Arn),
		RotateImmediately: jsii.Bool(true), // the first rotation makes the first password
		RotationRules: &secretsmanagersecretrotation.SecretsmanagerSecretRotationRotationRules{
			AutomaticallyAfterDays: jsii.Number(props.Database.RotationDays),
		},
		DependsOn: &before,
	})
}

// awaitPasswords is done when every secret holds a password: Secrets Manager runs first rotations some time after they
// were configured, and what signs in cannot be made before.
func awaitPasswords(scope constructs.Construct, id, bootstrapFunction string, arns []string, after []cdktf.ITerraformDependable) cdktf.ITerraformDependable {
	input := event.Bootstrap{AwaitPasswords: arns}
	return lambdainvocation.NewLambdaInvocation(scope, jsii.String(id), &lambdainvocation.LambdaInvocationConfig{
		FunctionName: jsii.String(bootstrapFunction),
		Input:        jsii.String(text.JSON(input)),
		DependsOn:    &after,
	})
}

// functionProps adds what the database's functions have in common.
func functionProps(props Props, own function.Props) function.Props {
	own.Account, own.BoundaryArn = props.Account, props.BoundaryArn
	own.SubnetIDs, own.SecurityGroupID = props.Vpc.SubnetIDs(config.Private), props.Vpc.SecurityGroupID(network.Function)
	own.LogsKeyArn, own.LogRetentionDays = props.Keys.LogsKeyArn, props.Database.LogRetentionDays
	return own
}

// arns are the secrets' ARNs in the order of their users. The ARNs themselves are tokens, whose order depends on what else
// was built: in an invocation's input another order would call the function again.
func arns(users map[string]secret) []string {
	var all []string
	for _, user := range slices.Sorted(maps.Keys(users)) {
		all = append(all, users[user].arn)
	}
	return all
}
