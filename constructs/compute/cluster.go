// Package compute makes an environment's ECS cluster and its services on Fargate: tasks, roles, logs, discovery, scaling
// and the way a new image is rolled out. Everything about one service follows from its entry in the configuration.
package compute

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchloggroup"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/ecscluster"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/ecsclustercapacityproviders"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/servicediscoveryprivatednsnamespace"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/network"
)

// ClusterProps says what the cluster is made of.
type ClusterProps struct {
	// Name is the cluster's, "batbern-dev".
	Name    string
	Compute config.Compute
	Vpc     network.Outputs
	// DataKeyArn encrypts the disks of tasks, LogsKeyArn the logs and the sessions of ECS Exec.
	DataKeyArn, LogsKeyArn string
}

// Cluster is where tasks run and how they are found.
type Cluster struct {
	Arn, Name string
	// NamespaceName is the private domain of the services: a service is found at <name>.<NamespaceName> by everything in
	// the VPC.
	NamespaceName             string
	NamespaceID, NamespaceArn string
	// ExecLogGroupArn keeps the sessions of ECS Exec; "" where there are none.
	ExecLogGroupArn string
	// Ready is what tasks need besides the cluster itself: its capacity providers.
	Ready []cdktf.ITerraformDependable
}

// NewCluster makes the cluster. It stands apart from the services, because the schema migration runs in it before them.
func NewCluster(scope constructs.Construct, id string, props ClusterProps) Cluster {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	namespace := namespace(scope, props)
	insights := insightsLogs(scope, props)

	args := &ecscluster.EcsClusterConfig{
		Name:                   jsii.String(props.Name),
		Setting:                &[]*ecscluster.EcsClusterSetting{{Name: jsii.String("containerInsights"), Value: jsii.String(props.Compute.ContainerInsights)}}, // ECS.12
		ServiceConnectDefaults: &ecscluster.EcsClusterServiceConnectDefaults{Namespace: namespace.Arn()},
		Configuration: &ecscluster.EcsClusterConfiguration{
			ManagedStorageConfiguration: &ecscluster.EcsClusterConfigurationManagedStorageConfiguration{
				FargateEphemeralStorageKmsKeyId: jsii.String(props.DataKeyArn),
			},
		},
		DependsOn: &[]cdktf.ITerraformDependable{insights},
	}
	cluster := Cluster{NamespaceName: *namespace.Name(), NamespaceID: *namespace.Id(), NamespaceArn: *namespace.Arn()}
	if props.Compute.Exec {
		cluster.ExecLogGroupArn = auditedExec(scope, args, props)
	}
	resource := ecscluster.NewEcsCluster(scope, jsii.String("cluster"), args)
	cluster.Arn, cluster.Name = *resource.Arn(), *resource.Name()
	cluster.Ready = []cdktf.ITerraformDependable{capacityProviders(scope, cluster.Name, props.Compute.Capacity)}
	return cluster
}

// namespace is the private domain of the environment's services. ".internal" is reserved for such names, and the
// environment's own name keeps two environments apart wherever both can be reached.
func namespace(scope constructs.Construct, props ClusterProps) servicediscoveryprivatednsnamespace.ServiceDiscoveryPrivateDnsNamespace {
	return servicediscoveryprivatednsnamespace.NewServiceDiscoveryPrivateDnsNamespace(scope, jsii.String("namespace"),
		&servicediscoveryprivatednsnamespace.ServiceDiscoveryPrivateDnsNamespaceConfig{
			Name:        jsii.String(props.Name + ".internal"),
			Vpc:         jsii.String(props.Vpc.VpcID),
			Description: jsii.String("services of " + props.Name),
		})
}

// insightsLogs is made before Container Insights would make it itself, without a key and for ever.
func insightsLogs(scope constructs.Construct, props ClusterProps) cloudwatchloggroup.CloudwatchLogGroup {
	return logGroup(scope, "insights_log_group", fmt.Sprintf("/aws/ecs/containerinsights/%s/performance", props.Name), props.Compute.LogRetentionDays, props.LogsKeyArn)
}

// auditedExec encrypts the sessions of ECS Exec and keeps what was typed and shown. It gives the log group's ARN.
func auditedExec(scope constructs.Construct, args *ecscluster.EcsClusterConfig, props ClusterProps) string {
	log := logGroup(scope, "exec_log_group", fmt.Sprintf("/ecs/%s/exec", props.Name), props.Compute.LogRetentionDays, props.LogsKeyArn)
	args.Configuration.ExecuteCommandConfiguration = &ecscluster.EcsClusterConfigurationExecuteCommandConfiguration{
		KmsKeyId: jsii.String(props.LogsKeyArn),
		Logging:  jsii.String("OVERRIDE"),
		LogConfiguration: &ecscluster.EcsClusterConfigurationExecuteCommandConfigurationLogConfiguration{
			CloudWatchEncryptionEnabled: jsii.Bool(true),
			CloudWatchLogGroupName:      log.Name(),
		},
	}
	return *log.Arn()
}

func capacityProviders(scope constructs.Construct, cluster string, capacity config.Capacity) cdktf.ITerraformDependable {
	var strategy []*ecsclustercapacityproviders.EcsClusterCapacityProvidersDefaultCapacityProviderStrategy
	for _, part := range shares(capacity) {
		strategy = append(strategy, &ecsclustercapacityproviders.EcsClusterCapacityProvidersDefaultCapacityProviderStrategy{
			CapacityProvider: jsii.String(part.provider), Base: jsii.Number(part.base), Weight: jsii.Number(part.weight),
		})
	}
	return ecsclustercapacityproviders.NewEcsClusterCapacityProviders(scope, jsii.String("capacity_providers"), &ecsclustercapacityproviders.EcsClusterCapacityProvidersConfig{
		ClusterName:                     jsii.String(cluster),
		CapacityProviders:               jsii.Strings(onDemand, spot),
		DefaultCapacityProviderStrategy: &strategy,
	})
}

const (
	onDemand = "FARGATE"
	spot     = "FARGATE_SPOT"
)

// share is one capacity provider's part of a service's tasks.
type share struct {
	provider     string
	base, weight int
}

// shares are the capacity providers in use. A launch type would exclude them, and cannot be changed later.
func shares(capacity config.Capacity) []share {
	var used []share
	if capacity.OnDemandBase > 0 || capacity.OnDemandWeight > 0 {
		used = append(used, share{onDemand, capacity.OnDemandBase, capacity.OnDemandWeight})
	}
	if capacity.SpotWeight > 0 {
		used = append(used, share{spot, 0, capacity.SpotWeight})
	}
	return used
}

func logGroup(scope constructs.Construct, id, name string, retentionDays int, keyArn string) cloudwatchloggroup.CloudwatchLogGroup {
	return cloudwatchloggroup.NewCloudwatchLogGroup(scope, jsii.String(id), &cloudwatchloggroup.CloudwatchLogGroupConfig{
		Name:            jsii.String(name),
		RetentionInDays: jsii.Number(retentionDays),
		KmsKeyId:        jsii.String(keyArn),
	})
}
