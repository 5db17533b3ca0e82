package compute

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/appautoscalingpolicy"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/appautoscalingscheduledaction"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/appautoscalingtarget"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// Tasks are added at once when there is too little, and taken away slowly: a wrong task more costs a few Rappen, one
// less costs requests.
const (
	scaleOutSeconds = 60
	scaleInSeconds  = 300
)

const (
	ecsNamespace   = "ecs"
	countDimension = "ecs:service:DesiredCount"
)

// scaling lets the number of tasks follow the load and the calendar. It returns Application Auto Scaling's name of the
// service and the ARN of its target.
func scaling(scope constructs.Construct, service config.Service, serviceName string, props ServicesProps) (target, targetArn string) {
	owned := scheduledBounds(scope, service.Scaling)
	args := &appautoscalingtarget.AppautoscalingTargetConfig{
		ServiceNamespace:  jsii.String(ecsNamespace),
		ScalableDimension: jsii.String(countDimension),
		ResourceId:        jsii.String(fmt.Sprintf("service/%s/%s", props.Cluster.Name, serviceName)),
		MinCapacity:       jsii.Number(service.Scaling.MinTasks),
		MaxCapacity:       jsii.Number(service.Scaling.MaxTasks),
		Lifecycle:         owned.ofTarget(),
	}
	made := appautoscalingtarget.NewAppautoscalingTarget(scope, jsii.String("scaling_target"), args)
	target = *made.ResourceId()

	follow := tracking{scope, target, owned}
	follow.predefined("cpu", "ECSServiceAverageCPUUtilization", service.Scaling.TargetCpuPercent)
	follow.predefined("memory", "ECSServiceAverageMemoryUtilization", service.Scaling.TargetMemoryPercent)
	follow.requests(service, props)
	for _, schedule := range service.Scaling.Schedules {
		scheduled(scope, schedule, target, owned)
	}
	return target, *made.Arn()
}

// bounds is who owns a target's bounds: nothing but its configuration, or (not empty) its schedules in between two
// changes of that configuration.
type bounds struct{ changed string }

// scheduledBounds lets schedules move the bounds in AWS and the configuration still reach them.
//
// A schedule writes into the very bounds that the target was made with: at night the next plan would find zero and set
// them back to what the day needs. So they are ignored where there are schedules, and a plan is empty at any hour. But
// then a changed minimum would never arrive, because nothing compares it any more. Therefore the configured bounds are
// kept beside the target, and when they change the target is made anew with them, and with it what AWS deletes together
// with a target: its policies and schedules. Tasks go on running meanwhile. The new bounds hold until the next schedule.
func scheduledBounds(scope constructs.Construct, scaling config.Scaling) bounds {
	if len(scaling.Schedules) == 0 {
		return bounds{}
	}
	configured := cdktf.NewDataResource(scope, jsii.String("scaling_bounds"), &cdktf.DataConfig{
		Input: &map[string]any{"max_capacity": scaling.MaxTasks, "min_capacity": scaling.MinTasks},
	})
	return bounds{changed: fmt.Sprintf("%s.%s", *configured.TerraformResourceType(), *configured.FriendlyUniqueId())}
}

func (b bounds) ofTarget() *cdktf.TerraformResourceLifecycle {
	lifecycle := b.ofPart()
	if lifecycle != nil {
		lifecycle.IgnoreChanges = jsii.Strings("max_capacity", "min_capacity")
	}
	return lifecycle
}

func (b bounds) ofPart() *cdktf.TerraformResourceLifecycle {
	if b.changed == "" {
		return nil
	}
	return &cdktf.TerraformResourceLifecycle{ReplaceTriggeredBy: &[]any{b.changed}}
}

// tracking adds target tracking policies. A target of 0 means none.
type tracking struct {
	scope  constructs.Construct
	target string
	owned  bounds
}

func (t tracking) add(name string, goal int, by appautoscalingpolicy.AppautoscalingPolicyTargetTrackingScalingPolicyConfiguration) {
	if goal == 0 {
		return
	}
	by.TargetValue, by.ScaleOutCooldown, by.ScaleInCooldown = jsii.Number(goal), jsii.Number(scaleOutSeconds), jsii.Number(scaleInSeconds)
	appautoscalingpolicy.NewAppautoscalingPolicy(t.scope, jsii.String("scaling_"+name), &appautoscalingpolicy.AppautoscalingPolicyConfig{
		Name:                                     jsii.String(name),
		PolicyType:                               jsii.String("TargetTrackingScaling"),
		ServiceNamespace:                         jsii.String(ecsNamespace),
		ScalableDimension:                        jsii.String(countDimension),
		ResourceId:                               jsii.String(t.target),
		TargetTrackingScalingPolicyConfiguration: &by,
		Lifecycle:                                t.owned.ofPart(),
	})
}

func (t tracking) predefined(name, metric string, goal int) {
	t.add(name, goal, appautoscalingpolicy.AppautoscalingPolicyTargetTrackingScalingPolicyConfiguration{
		PredefinedMetricSpecification: &appautoscalingpolicy.AppautoscalingPolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecification{
			PredefinedMetricType: jsii.String(metric),
		},
	})
}

// The field names of appautoscalingpolicy are too long to read.
type (
	metricQuery     = appautoscalingpolicy.AppautoscalingPolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetrics
	metricStat      = appautoscalingpolicy.AppautoscalingPolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricsMetricStat
	metric          = appautoscalingpolicy.AppautoscalingPolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricsMetricStatMetric
	metricDimension = appautoscalingpolicy.AppautoscalingPolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecificationMetricsMetricStatMetricDimensions
)

// requests follows the requests a task and minute over all target groups. ALBRequestCountPerTarget looks at one, and
// after a rollout that is the wrong one.
func (t tracking) requests(service config.Service, props ServicesProps) {
	var queries []*metricQuery
	expression := ""
	for i, group := range props.LoadBalancer.Service(service.Name).Groups() {
		id := fmt.Sprintf("group%d", i)
		queries = append(queries, &metricQuery{
			Id:         jsii.String(id),
			ReturnData: jsii.Bool(false),
			MetricStat: &metricStat{
				Stat: jsii.String("Sum"),
				Metric: &metric{
					Namespace:  jsii.String(balancerNamespace),
					MetricName: jsii.String("RequestCountPerTarget"),
					Dimensions: &[]*metricDimension{
						{Name: jsii.String("LoadBalancer"), Value: jsii.String(props.LoadBalancer.ArnSuffix)},
						{Name: jsii.String("TargetGroup"), Value: jsii.String(group.ArnSuffix)},
					},
				},
			},
		})
		if i > 0 {
			expression += " + "
		}
		expression += fmt.Sprintf("FILL(%s, 0)", id) // a group without tasks reports nothing
	}
	queries = append(queries, &metricQuery{
		Id: jsii.String("requests"), Expression: jsii.String(expression), Label: jsii.String("requests a task and minute"), ReturnData: jsii.Bool(true),
	})
	t.add("requests", service.Scaling.TargetRequestsPerMinute, appautoscalingpolicy.AppautoscalingPolicyTargetTrackingScalingPolicyConfiguration{
		CustomizedMetricSpecification: &appautoscalingpolicy.AppautoscalingPolicyTargetTrackingScalingPolicyConfigurationCustomizedMetricSpecification{
			Metrics: &queries,
		},
	})
}

// scheduled sets new bounds at a time.
func scheduled(scope constructs.Construct, schedule config.Schedule, target string, owned bounds) {
	appautoscalingscheduledaction.NewAppautoscalingScheduledAction(scope, jsii.String("schedule_"+snake(schedule.Name)), &appautoscalingscheduledaction.AppautoscalingScheduledActionConfig{
		Name:              jsii.String(schedule.Name),
		ServiceNamespace:  jsii.String(ecsNamespace),
		ScalableDimension: jsii.String(countDimension),
		ResourceId:        jsii.String(target),
		Schedule:          jsii.String(fmt.Sprintf("cron(%s)", schedule.Cron)),
		Timezone:          jsii.String(schedule.Zone),
		Lifecycle:         owned.ofPart(),
		ScalableTargetAction: &appautoscalingscheduledaction.AppautoscalingScheduledActionScalableTargetAction{
			MinCapacity: jsii.String(fmt.Sprint(schedule.MinTasks)),
			MaxCapacity: jsii.String(fmt.Sprint(schedule.MaxTasks)),
		},
	})
}
