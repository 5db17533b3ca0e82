package database

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchloggroup"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/dbeventsubscription"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/dbinstance"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/dbparametergroup"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/dbsubnetgroup"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrole"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrolepolicyattachment"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/network"
	"github.com/batbern/infrastructure/constructs/policy"
)

// postgres is the instance as the rest of the package needs it.
type postgres struct {
	id, arn, endpoint, subnetGroup string
	// masterSecretArn is the master's secret: RDS's own, or ours where RDS cannot manage it.
	masterSecretArn string
	parameterGroups []string
	replica         replica
	// monitoring is the role of enhanced monitoring, and what it waits for.
	monitoring      string
	monitoringReady cdktf.ITerraformDependable
}

func identifier(props Props) string { return props.Name + "-postgres" }

// logs are the groups that are made before their writers and removed after them: RDS makes a group that is missing,
// without key and retention, and the next apply would find it there already.
type logs struct {
	postgresql, upgrade, proxy, system cloudwatchloggroup.CloudwatchLogGroup
}

func (l logs) names() map[string]string {
	return map[string]string{"postgresql": *l.postgresql.Name(), "upgrade": *l.upgrade.Name(), "proxy": *l.proxy.Name()}
}

func logGroups(scope constructs.Construct, props Props) logs {
	return logs{
		postgresql: logGroup(scope, "log_postgresql", "/aws/rds/instance/"+identifier(props)+"/postgresql", props),
		upgrade:    logGroup(scope, "log_upgrade", "/aws/rds/instance/"+identifier(props)+"/upgrade", props),
		proxy:      logGroup(scope, "log_proxy", "/aws/rds/proxy/"+proxyName(props), props),
		system:     logGroup(scope, "log_system", "RDSOSMetrics", props), // enhanced monitoring knows one group an account
	}
}

func logGroup(scope constructs.Construct, id, name string, props Props) cloudwatchloggroup.CloudwatchLogGroup {
	return cloudwatchloggroup.NewCloudwatchLogGroup(scope, jsii.String(id), &cloudwatchloggroup.CloudwatchLogGroupConfig{
		Name:            jsii.String(name),
		RetentionInDays: jsii.Number(props.Database.LogRetentionDays),
		KmsKeyId:        jsii.String(props.Keys.LogsKeyArn),
	})
}

func instance(scope constructs.Construct, props Props, logs logs) postgres {
	database, protection := props.Database, props.Protection
	monitoring, monitoringReady := monitoringRole(scope, props)
	group, subnets := parameterGroup(scope, "parameters", identifier(props), props), subnetGroup(scope, props)
	config := &dbinstance.DbInstanceConfig{
		Identifier:    jsii.String(identifier(props)),
		Engine:        jsii.String("postgres"),
		EngineVersion: jsii.String(config.DatabaseMajorVersion), // the minor version is AWS's to raise: naming it would plan a downgrade
		InstanceClass: jsii.String(database.InstanceClass),

		DbName:                           jsii.String(config.DatabaseName),
		Port:                             jsii.Number(database.Port),
		Username:                         jsii.String(config.DatabaseAdmin),
		IamDatabaseAuthenticationEnabled: jsii.Bool(true), // RDS.10: for operators

		AllocatedStorage:    jsii.Number(database.StorageGiB),
		MaxAllocatedStorage: jsii.Number(database.MaxStorageGiB),
		StorageType:         jsii.String("gp3"),
		Iops:                numberOrNil(database.Iops),
		StorageThroughput:   numberOrNil(database.ThroughputMiB),
		StorageEncrypted:    jsii.Bool(true),
		KmsKeyId:            jsii.String(props.Keys.DataKeyArn),

		MultiAz:             jsii.Bool(database.MultiAz),
		DbSubnetGroupName:   subnets.Name(),
		VpcSecurityGroupIds: jsii.Strings(props.Vpc.SecurityGroupID(network.Database)),
		PubliclyAccessible:  jsii.Bool(false),
		CaCertIdentifier:    jsii.String(certificateAuthority),
		ParameterGroupName:  group.Name(),

		BackupRetentionPeriod:   jsii.Number(database.BackupRetentionDays),
		ApplyImmediately:        jsii.Bool(true), // docs/decisions/0015
		BackupWindow:            jsii.String(database.BackupWindow),
		MaintenanceWindow:       jsii.String(database.MaintenanceWindow),
		AutoMinorVersionUpgrade: jsii.Bool(true),
		EngineLifecycleSupport:  jsii.String(lifecycleSupport),
		CopyTagsToSnapshot:      jsii.Bool(true),

		MonitoringInterval:                 jsii.Number(database.MonitoringSeconds),
		MonitoringRoleArn:                  jsii.String(monitoring),
		PerformanceInsightsEnabled:         jsii.Bool(true),
		PerformanceInsightsKmsKeyId:        jsii.String(props.Keys.DataKeyArn),
		PerformanceInsightsRetentionPeriod: jsii.Number(freeInsightsDays),
		EnabledCloudwatchLogsExports:       jsii.Strings(exportedLogs...),

		DeletionProtection:     jsii.Bool(protection.DeletionProtection()),
		DeleteAutomatedBackups: jsii.Bool(!protection.FinalSnapshot()),
		SkipFinalSnapshot:      jsii.Bool(!protection.FinalSnapshot()),
		Tags:                   &map[string]*string{"Name": jsii.String(identifier(props))},
		Lifecycle: &cdktf.TerraformResourceLifecycle{
			PreventDestroy: jsii.Bool(protection.PreventDestroy()),
			// both are read once: the snapshot when the instance is made, the final one's name when it goes
			IgnoreChanges: jsii.Strings("final_snapshot_identifier", "snapshot_identifier"),
		},
		DependsOn: &[]cdktf.ITerraformDependable{logs.postgresql, logs.upgrade, logs.system, monitoringReady},
	}
	if protection.FinalSnapshot() {
		// a name of its own for every instance that ever was: AWS refuses a second snapshot of the same name
		config.FinalSnapshotIdentifier = jsii.String(identifier(props) + `-final-${formatdate("YYYYMMDDhhmmss", timestamp())}`)
	}
	if database.SnapshotID != "" {
		config.SnapshotIdentifier = jsii.String(database.SnapshotID)
	}
	masterPassword(config, props)
	made := dbinstance.NewDbInstance(scope, jsii.String("instance"), config)
	main := postgres{id: *made.Identifier(), arn: *made.Arn(), endpoint: *made.Address(), subnetGroup: *subnets.Name(), parameterGroups: []string{*group.Name()},
		monitoring: monitoring, monitoringReady: monitoringReady}
	if !database.ReadReplica {
		main.masterSecretArn = *made.MasterUserSecret().Get(jsii.Number(0)).SecretArn()
	}
	return main
}

// masterPassword is in no plan and in no state. RDS makes, keeps and rotates it, unless there is a replica, which RDS
// refuses beside a master that it manages: then the instance is made with one that nobody knows, a value of Terraform's
// that is written once and kept nowhere, and the rotation function makes another (docs/decisions/0011).
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html#rds-secrets-manager-limitations
func masterPassword(config *dbinstance.DbInstanceConfig, props Props) {
	if props.Database.ReadReplica {
		config.PasswordWo = jsii.String("${uuid()}${uuid()}") // 72 characters, 244 random bits
		config.PasswordWoVersion = jsii.Number(1)
		return
	}
	config.ManageMasterUserPassword = jsii.Bool(true)
	config.MasterUserSecretKmsKeyId = jsii.String(props.Keys.SecretsKeyArn)
}

func subnetGroup(scope constructs.Construct, props Props) dbsubnetgroup.DbSubnetGroup {
	return dbsubnetgroup.NewDbSubnetGroup(scope, jsii.String("subnets"), &dbsubnetgroup.DbSubnetGroupConfig{
		Name:        jsii.String(identifier(props)),
		Description: jsii.String("Isolated subnets of " + props.Name),
		SubnetIds:   jsii.Strings(props.Vpc.SubnetIDs(config.Isolated)...), // RDS.46: no route to the internet
	})
}

func parameterGroup(scope constructs.Construct, id, instance string, props Props) dbparametergroup.DbParameterGroup {
	var parameters []*dbparametergroup.DbParameterGroupParameter
	for _, parameter := range Parameters(props.Database) {
		parameters = append(parameters, &dbparametergroup.DbParameterGroupParameter{
			Name:        jsii.String(parameter.Name),
			Value:       jsii.String(parameter.Value),
			ApplyMethod: jsii.String(parameter.ApplyMethod()),
		})
	}
	return dbparametergroup.NewDbParameterGroup(scope, jsii.String(id), &dbparametergroup.DbParameterGroupConfig{
		// a prefix: a group cannot be deleted while an instance uses it, so its successor is made first
		NamePrefix:  jsii.String(fmt.Sprintf("%s-%s-", instance, config.DatabaseMajorVersion)),
		Family:      jsii.String("postgres" + config.DatabaseMajorVersion),
		Description: jsii.String("PostgreSQL " + config.DatabaseMajorVersion + " of " + props.Name),
		Parameter:   &parameters,
		Lifecycle:   &cdktf.TerraformResourceLifecycle{CreateBeforeDestroy: jsii.Bool(true)},
	})
}

// monitoringRole lets RDS write the operating system's figures to CloudWatch Logs (enhanced monitoring).
func monitoringRole(scope constructs.Construct, props Props) (arn string, ready cdktf.ITerraformDependable) {
	source := fmt.Sprintf("arn:aws:rds:%s:%s:db:%s", props.Account.Region, props.Account.ID, identifier(props))
	if props.Database.ReadReplica {
		source += "*" // the replica's name begins with the instance's
	}
	role := iamrole.NewIamRole(scope, jsii.String("monitoring"), &iamrole.IamRoleConfig{
		Name:                jsii.String(props.Name + "-rds-monitoring"),
		Description:         jsii.String("Enhanced monitoring of the database of " + props.Name),
		AssumeRolePolicy:    jsii.String(policy.TrustService("monitoring.rds.amazonaws.com", props.Account.ID, source).JSON()),
		PermissionsBoundary: jsii.String(props.BoundaryArn),
	})
	rights := iamrolepolicyattachment.NewIamRolePolicyAttachment(scope, jsii.String("monitoring_rights"), &iamrolepolicyattachment.IamRolePolicyAttachmentConfig{
		Role:      role.Name(),
		PolicyArn: jsii.String("arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"),
	})
	return *role.Arn(), rights
}

// events tells the topic what RDS does to the instance, its parameter group and its security groups.
func events(scope constructs.Construct, props Props, main postgres) {
	subscribe := func(id, sourceType string, sources []string, categories ...string) {
		dbeventsubscription.NewDbEventSubscription(scope, jsii.String("events_"+id), &dbeventsubscription.DbEventSubscriptionConfig{
			Name:            jsii.String(props.Name + "-" + sourceType),
			SnsTopic:        jsii.String(props.EventTopicArn),
			SourceType:      jsii.String(sourceType),
			SourceIds:       stringsOrNil(sources),
			EventCategories: jsii.Strings(categories...),
		})
	}
	instances := []string{main.id}
	if main.replica.id != "" {
		instances = append(instances, main.replica.id)
	}
	subscribe("instance", "db-instance", instances, "availability", "configuration change", "deletion", "failover", "failure",
		"low storage", "maintenance", "notification", "recovery") // RDS.20 and what an operator wants to know besides
	subscribe("parameter_group", "db-parameter-group", main.parameterGroups, "configuration change") // RDS.21
	subscribe("security_group", "db-security-group", nil, "configuration change", "failure")         // RDS.22
}

// numberOrNil leaves out what is 0: RDS then takes its own figure.
func numberOrNil(value int) *float64 {
	if value == 0 {
		return nil
	}
	return jsii.Number(value)
}

func stringsOrNil(values []string) *[]*string {
	if len(values) == 0 {
		return nil
	}
	return jsii.Strings(values...)
}
