package compute

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/ecsservice"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/servicediscoveryservice"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/network"
)

// portName is what Service Connect calls a service's one port.
const portName = "http"

// ecsService keeps a service's tasks running. It starts with the placeholder; from the first rollout on the pipeline
// says which task definition runs (docs/decisions/0008). It gives the service's name.
func ecsService(scope constructs.Construct, service config.Service, p parts, props ServicesProps) string {
	balancer := props.LoadBalancer.Service(service.Name)
	args := &ecsservice.EcsServiceConfig{
		Name:                            jsii.String(service.Name),
		Cluster:                         jsii.String(props.Cluster.Arn),
		TaskDefinition:                  jsii.String(p.placeholderArn),
		DesiredCount:                    jsii.Number(service.Scaling.DesiredTasks),
		CapacityProviderStrategy:        capacityStrategy(props.Compute.Capacity),
		DeploymentMinimumHealthyPercent: jsii.Number(100),
		DeploymentMaximumPercent:        jsii.Number(200),
		HealthCheckGracePeriodSeconds:   jsii.Number(service.StartSeconds),
		AvailabilityZoneRebalancing:     jsii.String("ENABLED"),
		EnableEcsManagedTags:            jsii.Bool(true),
		PropagateTags:                   jsii.String("SERVICE"),
		EnableExecuteCommand:            jsii.Bool(props.Compute.Exec),
		NetworkConfiguration: &ecsservice.EcsServiceNetworkConfiguration{
			Subnets:        jsii.Strings(props.Vpc.SubnetIDs(config.Private)...),
			SecurityGroups: jsii.Strings(props.Vpc.SecurityGroupID(network.Service)),
			AssignPublicIp: jsii.Bool(false), // ECS.2
		},
		LoadBalancer: &[]*ecsservice.EcsServiceLoadBalancer{{
			TargetGroupArn: jsii.String(balancer.Blue.Arn),
			ContainerName:  jsii.String(ContainerName),
			ContainerPort:  jsii.Number(service.Port),
		}},
		ServiceRegistries: &ecsservice.EcsServiceServiceRegistries{RegistryArn: jsii.String(p.registryArn)},
	}
	ready := append(append(append([]cdktf.ITerraformDependable{}, p.ready...), balancer.Ready...), props.Cluster.Ready...)
	ready = append(ready, props.AfterMigration...)
	args.DependsOn = &ready
	if props.Compute.Rollout.BlueGreen() {
		byCodeDeploy(args, balancer.Blue.Replaced)
	} else {
		byECS(args, service, p, props)
	}
	return *ecsservice.NewEcsService(scope, jsii.String("service"), args).Name()
}

func capacityStrategy(capacity config.Capacity) *[]*ecsservice.EcsServiceCapacityProviderStrategy {
	var strategy []*ecsservice.EcsServiceCapacityProviderStrategy
	for _, part := range shares(capacity) {
		strategy = append(strategy, &ecsservice.EcsServiceCapacityProviderStrategy{
			CapacityProvider: jsii.String(part.provider), Base: jsii.Number(part.base), Weight: jsii.Number(part.weight),
		})
	}
	return &strategy
}

// byECS lets ECS roll out: it replaces tasks one by one and goes back when they fail or an alarm sounds.
func byECS(args *ecsservice.EcsServiceConfig, service config.Service, p parts, props ServicesProps) {
	args.DeploymentController = &ecsservice.EcsServiceDeploymentController{Type: jsii.String("ECS")}
	args.DeploymentCircuitBreaker = &ecsservice.EcsServiceDeploymentCircuitBreaker{Enable: jsii.Bool(true), Rollback: jsii.Bool(true)}
	args.Alarms = &ecsservice.EcsServiceAlarms{AlarmNames: jsii.Strings(p.alarms...), Enable: jsii.Bool(true), Rollback: jsii.Bool(true)}
	// without it another mix of capacity would replace the service
	args.ForceNewDeployment = jsii.Bool(true)
	args.ServiceConnectConfiguration = serviceConnect(service, p, props)
	args.Lifecycle = &cdktf.TerraformResourceLifecycle{
		IgnoreChanges: jsii.Strings("desired_count", "task_definition"), // the autoscaler's and the pipeline's
	}
}

// byCodeDeploy leaves rollouts to CodeDeploy. ECS then refuses to change by itself what a task set is made of: those
// arguments hold for the service's first task set, and each rollout brings them along (see instructions).
func byCodeDeploy(args *ecsservice.EcsServiceConfig, groupReplaced string) {
	args.DeploymentController = &ecsservice.EcsServiceDeploymentController{Type: jsii.String("CODE_DEPLOY")}
	args.Lifecycle = &cdktf.TerraformResourceLifecycle{
		IgnoreChanges:      jsii.Strings("capacity_provider_strategy", "desired_count", "load_balancer", "network_configuration", "task_definition"),
		ReplaceTriggeredBy: &[]any{groupReplaced},
	}
}

// serviceConnect puts a proxy between the services of the cluster, which retries, spreads and measures their calls. Its
// name for a service is the one that Cloud Map's DNS has for it, so that a caller's address is the same with and without
// the proxy: ECS offers none to services that CodeDeploy rolls out.
func serviceConnect(service config.Service, p parts, props ServicesProps) *ecsservice.EcsServiceServiceConnectConfiguration {
	return &ecsservice.EcsServiceServiceConnectConfiguration{
		Enabled:   jsii.Bool(true),
		Namespace: jsii.String(props.Cluster.NamespaceArn),
		Service: &[]*ecsservice.EcsServiceServiceConnectConfigurationService{{
			PortName: jsii.String(portName),
			// Cloud Map keeps the proxy's endpoints beside the DNS service, which has the plain name
			DiscoveryName: jsii.String(service.Name + "-connect"),
			ClientAlias: &ecsservice.EcsServiceServiceConnectConfigurationServiceClientAlias{
				DnsName: jsii.String(fmt.Sprintf("%s.%s", service.Name, props.Cluster.NamespaceName)),
				Port:    jsii.Number(service.Port),
			},
		}},
		LogConfiguration: &ecsservice.EcsServiceServiceConnectConfigurationLogConfiguration{
			LogDriver: jsii.String("awslogs"),
			Options: &map[string]*string{
				"awslogs-group":         jsii.String(p.logGroup),
				"awslogs-region":        jsii.String(props.Account.Region),
				"awslogs-stream-prefix": jsii.String("connect"),
				"mode":                  jsii.String("non-blocking"),
				"max-buffer-size":       jsii.String("4m"),
			},
		},
	}
}

// registry gives the service a name in the environment's private domain, for whoever is in the VPC: other services,
// functions, an operator's tunnel.
func registry(scope constructs.Construct, service config.Service, props ServicesProps) string {
	const ttlSeconds = 10 // a task that left is forgotten in no longer than it drains
	return *servicediscoveryservice.NewServiceDiscoveryService(scope, jsii.String("registry"), &servicediscoveryservice.ServiceDiscoveryServiceConfig{
		Name: jsii.String(service.Name),
		DnsConfig: &servicediscoveryservice.ServiceDiscoveryServiceDnsConfig{
			NamespaceId:   jsii.String(props.Cluster.NamespaceID),
			RoutingPolicy: jsii.String("MULTIVALUE"),
			DnsRecords:    &[]*servicediscoveryservice.ServiceDiscoveryServiceDnsConfigDnsRecords{{Type: jsii.String("A"), Ttl: jsii.Number(ttlSeconds)}},
		},
		// ECS reports the health of tasks here. The provider calls the threshold deprecated, but forgets the block
		// without it and then wants to replace the service on every plan
		// https://github.com/hashicorp/terraform-provider-aws/issues/44285
		HealthCheckCustomConfig: &servicediscoveryservice.ServiceDiscoveryServiceHealthCheckCustomConfig{FailureThreshold: jsii.Number(1)},
		// ECS registers instances that Terraform does not know, and they would keep the service from being destroyed
		ForceDestroy: jsii.Bool(true),
	}).Arn()
}
