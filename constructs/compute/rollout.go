package compute

import (
	"fmt"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchmetricalarm"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/codedeployapp"
	group "github.com/cdktf/cdktf-provider-aws-go/aws/v19/codedeploydeploymentgroup"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/ssmparameter"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/loadbalancer"
	"github.com/batbern/infrastructure/constructs/network"
	"github.com/batbern/infrastructure/constructs/policy"
	"github.com/batbern/infrastructure/internal/text"
)

// rollout lets CodeDeploy replace the service's tasks where the environment asks for it: a second set of tasks, reached
// by the test listener first, then by the traffic in steps; back at once when an alarm sounds. It gives the name of
// application and deployment group, "" where ECS rolls out itself.
func rollout(scope constructs.Construct, service config.Service, serviceName string, p parts, props ServicesProps) string {
	if !props.Compute.Rollout.BlueGreen() {
		return ""
	}
	name := fmt.Sprintf("%s-%s", props.Name, service.Name)
	app := codedeployapp.NewCodedeployApp(scope, jsii.String("application"), &codedeployapp.CodedeployAppConfig{
		Name: jsii.String(name), ComputePlatform: jsii.String("ECS"),
	})
	source := fmt.Sprintf("arn:aws:codedeploy:%s:%s:deploymentgroup:%s/*", props.Account.Region, props.Account.ID, name)
	roleArn, rights := role(scope, "deploy", service.Name+"-deploy", policy.TrustService(codeDeployPrincipal, props.Account.ID, source), deployPolicy(service, p, props), props)

	var pair []*group.CodedeployDeploymentGroupLoadBalancerInfoTargetGroupPairInfoTargetGroup
	for _, targets := range props.LoadBalancer.Service(service.Name).Groups() {
		pair = append(pair, &group.CodedeployDeploymentGroupLoadBalancerInfoTargetGroupPairInfoTargetGroup{Name: jsii.String(targets.Name)})
	}
	group.NewCodedeployDeploymentGroup(scope, jsii.String("deployment_group"), &group.CodedeployDeploymentGroupConfig{
		AppName:              app.Name(),
		DeploymentGroupName:  jsii.String(name),
		DeploymentConfigName: jsii.String(props.Compute.Rollout.TrafficShift),
		ServiceRoleArn:       jsii.String(roleArn),
		DeploymentStyle: &group.CodedeployDeploymentGroupDeploymentStyle{
			DeploymentOption: jsii.String("WITH_TRAFFIC_CONTROL"), DeploymentType: jsii.String("BLUE_GREEN"),
		},
		BlueGreenDeploymentConfig: &group.CodedeployDeploymentGroupBlueGreenDeploymentConfig{
			// the alarms decide, not a person who has to be awake
			DeploymentReadyOption: &group.CodedeployDeploymentGroupBlueGreenDeploymentConfigDeploymentReadyOption{ActionOnTimeout: jsii.String("CONTINUE_DEPLOYMENT")},
			TerminateBlueInstancesOnDeploymentSuccess: &group.CodedeployDeploymentGroupBlueGreenDeploymentConfigTerminateBlueInstancesOnDeploymentSuccess{
				Action: jsii.String("TERMINATE"), TerminationWaitTimeInMinutes: jsii.Number(props.Compute.Rollout.BakeMinutes),
			},
		},
		AutoRollbackConfiguration: &group.CodedeployDeploymentGroupAutoRollbackConfiguration{
			Enabled: jsii.Bool(true),
			Events:  jsii.Strings("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"),
		},
		AlarmConfiguration: &group.CodedeployDeploymentGroupAlarmConfiguration{Enabled: jsii.Bool(true), Alarms: jsii.Strings(p.alarms...)},
		EcsService:         &group.CodedeployDeploymentGroupEcsService{ClusterName: jsii.String(props.Cluster.Name), ServiceName: jsii.String(serviceName)},
		LoadBalancerInfo: &group.CodedeployDeploymentGroupLoadBalancerInfo{
			TargetGroupPairInfo: &group.CodedeployDeploymentGroupLoadBalancerInfoTargetGroupPairInfo{
				ProdTrafficRoute: &group.CodedeployDeploymentGroupLoadBalancerInfoTargetGroupPairInfoProdTrafficRoute{ListenerArns: jsii.Strings(props.LoadBalancer.ListenerArn)},
				TestTrafficRoute: &group.CodedeployDeploymentGroupLoadBalancerInfoTargetGroupPairInfoTestTrafficRoute{ListenerArns: jsii.Strings(props.LoadBalancer.TestListenerArn)},
				TargetGroup:      &pair,
			},
		},
		DependsOn: &[]cdktf.ITerraformDependable{rights},
	})
	return name
}

const (
	balancerNamespace = "AWS/ApplicationELB"

	alarmPeriodSeconds = 60
	// tooManyErrors is how many answers of 500 and above a minute, twice in a row, stop a rollout.
	tooManyErrors  = 5
	errorMinutes   = 2
	startedMinutes = 2
)

// rollbackAlarms watch what a bad image does first: it answers with errors, or does not get healthy. It gives their names,
// as references: who uses them waits for the alarms.
func rollbackAlarms(scope constructs.Construct, service config.Service, props ServicesProps) []string {
	prefix := fmt.Sprintf("%s-%s-rollback-", props.Name, service.Name)
	watch := alarms{scope, props, props.LoadBalancer.Service(service.Name).Groups()}
	errors := watch.add(alarm{
		id: "rollback_5xx", name: prefix + "5xx", metric: "HTTPCode_Target_5XX_Count", stat: "Sum", minutes: errorMinutes, above: tooManyErrors - 1,
		why: service.Name + " answers with errors: a rollout in progress goes back",
	})
	unhealthy := watch.add(alarm{
		id: "rollback_unhealthy", name: prefix + "unhealthy", metric: "UnHealthyHostCount", stat: "Maximum",
		// a starting JVM fails its first checks and counts as unhealthy meanwhile
		minutes: (service.StartSeconds+59)/60 + startedMinutes, above: 0,
		why: service.Name + " has tasks that do not get healthy: a rollout in progress goes back",
	})
	return []string{errors, unhealthy}
}

type alarm struct {
	id, name, metric, stat string
	minutes, above         int
	why                    string
}

type alarms struct {
	scope  constructs.Construct
	props  ServicesProps
	groups []loadbalancer.TargetGroup
}

// add makes an alarm over the sum of both target groups: which of them is which changes with each rollout.
func (a alarms) add(of alarm) (name string) {
	var queries []*cloudwatchmetricalarm.CloudwatchMetricAlarmMetricQuery
	var terms []string
	for i, targets := range a.groups {
		id := fmt.Sprintf("group%d", i)
		terms = append(terms, fmt.Sprintf("FILL(%s, 0)", id))
		queries = append(queries, &cloudwatchmetricalarm.CloudwatchMetricAlarmMetricQuery{
			Id: jsii.String(id),
			Metric: &cloudwatchmetricalarm.CloudwatchMetricAlarmMetricQueryMetric{
				Namespace: jsii.String(balancerNamespace), MetricName: jsii.String(of.metric), Stat: jsii.String(of.stat), Period: jsii.Number(alarmPeriodSeconds),
				Dimensions: &map[string]*string{"LoadBalancer": jsii.String(a.props.LoadBalancer.ArnSuffix), "TargetGroup": jsii.String(targets.ArnSuffix)},
			},
		})
	}
	queries = append(queries, &cloudwatchmetricalarm.CloudwatchMetricAlarmMetricQuery{
		Id: jsii.String("total"), Expression: jsii.String(strings.Join(terms, " + ")), Label: jsii.String(of.metric), ReturnData: jsii.Bool(true),
	})
	args := &cloudwatchmetricalarm.CloudwatchMetricAlarmConfig{
		AlarmName:          jsii.String(of.name),
		AlarmDescription:   jsii.String(fmt.Sprintf("%s. What to do: %s", of.why, a.props.Runbook)),
		ComparisonOperator: jsii.String("GreaterThanThreshold"),
		Threshold:          jsii.Number(of.above),
		EvaluationPeriods:  jsii.Number(of.minutes),
		DatapointsToAlarm:  jsii.Number(of.minutes),
		TreatMissingData:   jsii.String("notBreaching"), // no requests, no tasks at night: nothing is wrong
		MetricQuery:        &queries,
		// CloudWatch refuses to delete an alarm that a composite alarm names
		Lifecycle: &cdktf.TerraformResourceLifecycle{CreateBeforeDestroy: jsii.Bool(true)},
	}
	if a.props.AlarmTopicArn != "" {
		args.AlarmActions, args.OkActions = jsii.Strings(a.props.AlarmTopicArn), jsii.Strings(a.props.AlarmTopicArn)
	}
	return *cloudwatchmetricalarm.NewCloudwatchMetricAlarm(a.scope, jsii.String(of.id), args).AlarmName()
}

// deployment is all that a service's pipeline needs to know, as JSON in a parameter: which template to put its image
// in, and where the result has to run.
type deployment struct {
	Cluster         string   `json:"cluster"`
	Service         string   `json:"service"`
	Template        string   `json:"template"`
	Family          string   `json:"family"`
	Container       string   `json:"container"`
	Port            int      `json:"port"`
	Repository      string   `json:"repository"`
	Application     string   `json:"application,omitempty"`
	DeploymentGroup string   `json:"deploymentGroup,omitempty"`
	Subnets         []string `json:"subnets,omitempty"`
	SecurityGroup   string   `json:"securityGroup,omitempty"`
	Capacity        []any    `json:"capacityProviderStrategy,omitempty"`
}

// instructions are the parameter that pipelines read. With CodeDeploy a rollout brings network and capacity along, in
// its AppSpec: that is how a change of those reaches the tasks.
func instructions(scope constructs.Construct, service config.Service, p parts, deploymentGroup string, props ServicesProps) {
	what := deployment{
		Cluster: props.Cluster.Name, Service: service.Name, Template: p.templateArn, Family: props.Name + "-" + service.Name,
		Container: ContainerName, Port: service.Port, Repository: props.Repositories[service.Name].URL,
		Application: deploymentGroup, DeploymentGroup: deploymentGroup,
	}
	if deploymentGroup != "" {
		what.Subnets, what.SecurityGroup = props.Vpc.SubnetIDs(config.Private), props.Vpc.SecurityGroupID(network.Service)
		for _, part := range shares(props.Compute.Capacity) {
			what.Capacity = append(what.Capacity, map[string]any{"capacityProvider": part.provider, "base": part.base, "weight": part.weight})
		}
	}
	ssmparameter.NewSsmParameter(scope, jsii.String("deployment"), &ssmparameter.SsmParameterConfig{
		Name:          jsii.String(instructionsName(service, props)),
		Description:   jsii.String("what the pipeline of " + service.Name + " needs for a rollout"),
		Type:          jsii.String("String"),
		InsecureValue: jsii.String(text.JSON(what)),
	})
}

// instructionsName is the parameter's: "/batbern/dev/services/event-management/deployment".
func instructionsName(service config.Service, props ServicesProps) string {
	return fmt.Sprintf("/%s/services/%s/deployment", strings.Replace(props.Name, "-", "/", 1), service.Name)
}

func upper(name string) string { return strings.ToUpper(snake(name)) }
