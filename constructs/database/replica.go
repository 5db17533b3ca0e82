package database

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/dbinstance"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/constructs/network"
)

// replica follows the instance. RDS Proxy serves the instance alone, so whoever reads here signs in to the replica
// itself: operators, by IAM.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations
type replica struct {
	id, endpoint   string // "" without one
	parameterGroup string
}

func replicaIdentifier(props Props) string { return identifier(props) + "-replica" }

// readReplica copies the instance, in the same region and with its key, subnets and passwords. It comes after the master's
// password: RDS changes none while it copies an instance.
func readReplica(scope constructs.Construct, props Props, main postgres, master []cdktf.ITerraformDependable) replica {
	database, protection := props.Database, props.Protection
	scope = constructs.NewConstruct(scope, jsii.String("replica"))
	group := parameterGroup(scope, "parameters", replicaIdentifier(props), props)
	made := dbinstance.NewDbInstance(scope, jsii.String("instance"), &dbinstance.DbInstanceConfig{
		Identifier:        jsii.String(replicaIdentifier(props)),
		ReplicateSourceDb: jsii.String(main.id),
		InstanceClass:     jsii.String(database.InstanceClass), // a smaller one would fall behind
		Port:              jsii.Number(database.Port),

		IamDatabaseAuthenticationEnabled: jsii.Bool(true), // RDS.10
		StorageType:                      jsii.String("gp3"),
		Iops:                             numberOrNil(database.Iops), // a slower disk would fall behind
		StorageThroughput:                numberOrNil(database.ThroughputMiB),
		MaxAllocatedStorage:              jsii.Number(database.MaxStorageGiB),
		StorageEncrypted:                 jsii.Bool(true), // with the instance's key

		MultiAz:                 jsii.Bool(false),
		VpcSecurityGroupIds:     jsii.Strings(props.Vpc.SecurityGroupID(network.Database)),
		PubliclyAccessible:      jsii.Bool(false),
		CaCertIdentifier:        jsii.String(certificateAuthority),
		ParameterGroupName:      group.Name(),
		ApplyImmediately:        jsii.Bool(true), // docs/decisions/0015
		MaintenanceWindow:       jsii.String(database.MaintenanceWindow),
		AutoMinorVersionUpgrade: jsii.Bool(true),
		CopyTagsToSnapshot:      jsii.Bool(true),

		MonitoringInterval:                 jsii.Number(database.MonitoringSeconds),
		MonitoringRoleArn:                  jsii.String(main.monitoring),
		PerformanceInsightsEnabled:         jsii.Bool(true),
		PerformanceInsightsKmsKeyId:        jsii.String(props.Keys.DataKeyArn),
		PerformanceInsightsRetentionPeriod: jsii.Number(freeInsightsDays),
		EnabledCloudwatchLogsExports:       jsii.Strings(exportedLogs...),

		DeletionProtection: jsii.Bool(protection.DeletionProtection()),
		SkipFinalSnapshot:  jsii.Bool(true), // RDS takes none of a replica
		Tags:               &map[string]*string{"Name": jsii.String(replicaIdentifier(props))},
		Lifecycle:          &cdktf.TerraformResourceLifecycle{PreventDestroy: jsii.Bool(protection.PreventDestroy())},
		DependsOn:          replicaLogs(scope, props, append(master, main.monitoringReady)),
	})
	return replica{id: *made.Identifier(), endpoint: *made.Address(), parameterGroup: *group.Name()}
}

// replicaLogs are made before the replica writes to them, as the instance's own.
func replicaLogs(scope constructs.Construct, props Props, before []cdktf.ITerraformDependable) *[]cdktf.ITerraformDependable {
	for _, export := range exportedLogs {
		before = append(before, logGroup(scope, "log_"+export, "/aws/rds/instance/"+replicaIdentifier(props)+"/"+export, props))
	}
	return &before
}

// What the instance and its replica have in common.
const (
	certificateAuthority = "rds-ca-rsa2048-g1"
	freeInsightsDays     = 7
	// lifecycleSupport declines RDS Extended Support, which RDS otherwise bills for each vCPU and hour once a major version
	// leaves standard support: PostgreSQL 15 does in February 2028. RDS then upgrades the instance to the next major
	// version in a maintenance window. The API accepts the choice for an instance alone, and not for a read replica.
	// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/extended-support.html
	lifecycleSupport = "open-source-rds-extended-support-disabled"
)

var exportedLogs = []string{"postgresql", "upgrade"}
