package observability

import (
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchcompositealarm"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchmetricalarm"
	"github.com/hashicorp/terraform-cdk-go/cdktf"
)

// alarms makes the catalogue's alarms. Composite ones come last: they name others.
func alarms(scope constructs.Construct, constructID string, props Props) {
	scope = constructs.NewConstruct(scope, jsii.String(constructID))
	names := map[string]string{} // by id
	metric, composite := Catalogue(props.Name, props.Targets, props.Watch)
	for _, alarm := range metric {
		one := cloudwatchmetricalarm.NewCloudwatchMetricAlarm(scope, jsii.String(alarm.ID), metricAlarm(alarm, props))
		names[alarm.ID] = *one.AlarmName()
	}
	for _, alarm := range composite {
		cloudwatchcompositealarm.NewCloudwatchCompositeAlarm(scope, jsii.String(alarm.ID), compositeAlarm(alarm, names, props))
	}
}

// alarmName is what CloudWatch calls the alarm of that id.
func (p Props) alarmName(id string) string { return p.Name + "-" + slug(id) }

// place is where an alarm lives and whom it tells: an alarm and its topic share a region.
func (p Props) place(inVirginia bool) (cdktf.TerraformProvider, TopicOutputs) {
	if inVirginia {
		return p.Virginia, p.VirginiaTopics
	}
	return nil, p.Topics
}

func metricAlarm(alarm Alarm, props Props) *cloudwatchmetricalarm.CloudwatchMetricAlarmConfig {
	provider, topics := props.place(alarm.Virginia)
	tell := jsii.Strings(topics.Arn(alarm.Severity))
	args := &cloudwatchmetricalarm.CloudwatchMetricAlarmConfig{
		AlarmName:          jsii.String(props.alarmName(alarm.ID)),
		AlarmDescription:   jsii.String(description(alarm.Summary, props.Repository, alarm.Runbook)),
		ActionsEnabled:     jsii.Bool(true), // CloudWatch.17
		AlarmActions:       tell,            // CloudWatch.15
		OkActions:          tell,            // who got up wants to know that it is over
		ComparisonOperator: jsii.String(string(alarm.Compare)),
		Threshold:          jsii.Number(alarm.Threshold),
		DatapointsToAlarm:  jsii.Number(alarm.Breaching),
		EvaluationPeriods:  jsii.Number(alarm.Periods),
		TreatMissingData:   jsii.String(string(alarm.Missing)),
		Provider:           provider,
		Lifecycle:          releasedFirst(),
	}
	if len(alarm.Queries) > 1 {
		args.MetricQuery = metricQueries(alarm.Queries)
		return args
	}
	metric := alarm.Queries[0].Metric
	args.Namespace, args.MetricName, args.Dimensions = jsii.String(metric.Namespace), jsii.String(metric.Name), pointers(metric.Dimensions)
	args.Period = jsii.Number(metric.PeriodSeconds)
	if strings.HasPrefix(metric.Statistic, "p") {
		args.ExtendedStatistic = jsii.String(metric.Statistic)
		args.EvaluateLowSampleCountPercentiles = jsii.String("ignore") // the slowest of three answers says nothing
	} else {
		args.Statistic = jsii.String(metric.Statistic)
	}
	return args
}

// metricQueries are an alarm's metrics and expressions; the last is the one that is compared.
func metricQueries(queries []Query) []*cloudwatchmetricalarm.CloudwatchMetricAlarmMetricQuery {
	var out []*cloudwatchmetricalarm.CloudwatchMetricAlarmMetricQuery
	for i, query := range queries {
		one := &cloudwatchmetricalarm.CloudwatchMetricAlarmMetricQuery{Id: jsii.String(query.ID)}
		if metric := query.Metric; metric != nil {
			one.Metric = &cloudwatchmetricalarm.CloudwatchMetricAlarmMetricQueryMetric{
				Namespace: jsii.String(metric.Namespace), MetricName: jsii.String(metric.Name), Dimensions: pointers(metric.Dimensions),
				Stat: jsii.String(metric.Statistic), Period: jsii.Number(metric.PeriodSeconds),
			}
		} else {
			one.Expression, one.Label = jsii.String(query.Expression), jsii.String(query.Label)
		}
		if i == len(queries)-1 {
			one.ReturnData = jsii.Bool(true)
		}
		out = append(out, one)
	}
	return out
}

const (
	// suppressorWaitSeconds is how long a composite alarm waits for its suppressor to notice a rollout, which shows in the
	// metrics of the next minute or the one after.
	suppressorWaitSeconds = 180
	// suppressorExtensionSeconds is how long it keeps quiet after: the last task of a rollout may just have started.
	suppressorExtensionSeconds = 60
)

func compositeAlarm(alarm Composite, names map[string]string, props Props) *cloudwatchcompositealarm.CloudwatchCompositeAlarmConfig {
	provider, topics := props.place(alarm.Virginia)
	tell := jsii.Strings(topics.Arn(alarm.Severity))
	var rule []string
	for _, part := range alarm.All {
		rule = append(rule, `ALARM("`+names[part]+`")`)
	}
	args := &cloudwatchcompositealarm.CloudwatchCompositeAlarmConfig{
		AlarmName:        jsii.String(props.alarmName(alarm.ID)),
		AlarmDescription: jsii.String(description(alarm.Summary, props.Repository, alarm.Runbook)),
		AlarmRule:        jsii.String(strings.Join(rule, " AND ")),
		ActionsEnabled:   jsii.Bool(true),
		AlarmActions:     tell,
		OkActions:        tell,
		Provider:         provider,
		Lifecycle:        releasedFirst(),
	}
	if alarm.Suppressor != "" {
		args.ActionsSuppressor = &cloudwatchcompositealarm.CloudwatchCompositeAlarmActionsSuppressor{
			Alarm:           jsii.String(names[alarm.Suppressor]),
			WaitPeriod:      jsii.Number(suppressorWaitSeconds),
			ExtensionPeriod: jsii.Number(suppressorExtensionSeconds),
		}
	}
	return args
}

// releasedFirst makes Terraform update a composite alarm before it deletes an alarm of its rule, which CloudWatch refuses
// otherwise (https://github.com/hashicorp/terraform-provider-aws/issues/34807).
func releasedFirst() *cdktf.TerraformResourceLifecycle {
	return &cdktf.TerraformResourceLifecycle{CreateBeforeDestroy: jsii.Bool(true)}
}

func pointers(values map[string]string) *map[string]*string {
	out := make(map[string]*string, len(values))
	for key, value := range values {
		out[key] = jsii.String(value)
	}
	return &out
}
