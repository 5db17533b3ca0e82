package verify

import (
	"context"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/batbern/infrastructure/internal/tree"
)

// rarely are the ends of names of log groups whose silence is no fault, and why.
var rarely = map[string]string{
	"/upgrade":   "RDS writes it during an upgrade of the engine only",
	"/slow-log":  "written by a slow command only",
	"/query-log": "written by queries for the name only",
}

func askLogs(ctx context.Context, w *World) (answer, error) {
	var a answer
	receiving, quiet, unnamed := 0, 0, 0
	for _, group := range w.Stack.OfType("aws_cloudwatch_log_group") {
		name, ok := literal(group, "name")
		if !ok {
			unnamed++ // a canary's: AWS chooses the name
			continue
		}
		found, err := logs.NewFromConfig(w.in(group)).DescribeLogStreams(ctx, &logs.DescribeLogStreamsInput{
			LogGroupName: aws.String(name), OrderBy: logtypes.OrderByLastEventTime, Descending: aws.Bool(true), Limit: aws.Int32(1),
		})
		switch {
		case err != nil && isMissing(err):
			a.fault("%s does not exist", name)
		case err != nil:
			return a, err
		case len(found.LogStreams) > 0 && found.LogStreams[0].LastIngestionTime != nil:
			receiving++
		case rarely["/"+path.Base(name)] != "":
			quiet++
		default:
			a.fault("%s never received an event", name)
		}
	}
	a.seen = fmt.Sprintf("%d receive, %d rarely written, %d not asked: AWS names them", receiving, quiet, unnamed)
	return a, nil
}

// alarmPage is the most names that DescribeAlarms accepts. AWS, "DescribeAlarms", AlarmNames.
const alarmPage = 100

func askAlarms(ctx context.Context, w *World) (answer, error) {
	names := map[string][]string{}
	for _, alarm := range w.Stack.OfType("aws_cloudwatch_metric_alarm") {
		region := w.in(alarm).Region
		names[region] = append(names[region], alarm.String("alarm_name"))
	}
	var a answer
	total, ringing := 0, 0
	for _, region := range sorted(names) {
		client := cloudwatch.NewFromConfig(w.inRegion(region))
		for wanted := range slices.Chunk(names[region], alarmPage) {
			found, err := client.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: wanted, MaxRecords: aws.Int32(alarmPage)})
			if err != nil {
				return a, err
			}
			var exist []string
			for _, alarm := range found.MetricAlarms {
				exist = append(exist, aws.ToString(alarm.AlarmName))
				switch alarm.StateValue {
				case "INSUFFICIENT_DATA":
					a.fault("%s has no data", aws.ToString(alarm.AlarmName))
				case "ALARM":
					ringing++
				}
			}
			total += len(exist)
			for _, name := range wanted {
				if !slices.Contains(exist, name) {
					a.fault("%s does not exist", name)
				}
			}
		}
	}
	a.seen = fmt.Sprintf("%d alarms have data, %d of them ring", total, ringing)
	return a, nil
}

func askSubscriptions(ctx context.Context, w *World) (answer, error) {
	var a answer
	confirmed := 0
	for _, subscription := range w.Stack.OfType("aws_sns_topic_subscription") {
		for _, topic := range subscription.Refers("topic_arn") {
			settings := w.in(topic)
			arn := fmt.Sprintf("arn:aws:sns:%s:%s:%s", settings.Region, account(w.Stack), topic.String("name"))
			endpoint, ok := literal(subscription, "endpoint")
			if !ok {
				continue // a function: it needs no confirmation
			}
			state := "does not exist"
			pages := sns.NewListSubscriptionsByTopicPaginator(sns.NewFromConfig(settings), &sns.ListSubscriptionsByTopicInput{TopicArn: aws.String(arn)})
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx)
				if err != nil {
					return a, err
				}
				for _, found := range page.Subscriptions {
					if aws.ToString(found.Endpoint) == endpoint {
						// AWS, "ListSubscriptionsByTopic": the ARN says PendingConfirmation until it is confirmed
						state = aws.ToString(found.SubscriptionArn)
					}
				}
			}
			if strings.HasPrefix(state, "arn:") {
				confirmed++
				continue
			}
			a.fault("%s on %s: %s", endpoint, topic.String("name"), state)
		}
	}
	a.seen = fmt.Sprintf("%d subscriptions confirmed", confirmed)
	return a, nil
}

func askTrail(ctx context.Context, w *World) (answer, error) {
	var a answer
	client := cloudtrail.NewFromConfig(w.AWS)
	trails, err := client.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{IncludeShadowTrails: aws.Bool(true)})
	if err != nil {
		return a, err
	}
	for _, trail := range trails.TrailList {
		if !aws.ToBool(trail.IsMultiRegionTrail) {
			continue
		}
		status, err := client.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: trail.TrailARN})
		if err != nil {
			return a, err
		}
		if aws.ToBool(status.IsLogging) && aws.ToString(status.LatestDeliveryError) == "" {
			a.seen = aws.ToString(trail.Name) + " is logging"
			return answer{seen: a.seen}, nil
		}
		a.fault("%s is not logging %s", aws.ToString(trail.Name), aws.ToString(status.LatestDeliveryError))
	}
	if len(a.faults) == 0 {
		a.fault("there is no trail of all regions")
	}
	return a, nil
}

// quota is one that a new account is likely to meet, and how much of it the stack needs.
type quota struct {
	service, code, name string
	need                func(*tree.Stack) (float64, error)
}

// The codes are those of the Service Quotas console: "Fargate On-Demand vCPU resource count", "EC2-VPC Elastic IPs".
var quotas = []quota{
	{"fargate", "L-3032A538", "Fargate vCPUs", fargateCPUs},
	{"ec2", "L-0263D0A3", "Elastic IPs", func(s *tree.Stack) (float64, error) { return float64(len(s.OfType("aws_eip"))), nil }},
}

// cpuUnits is one vCPU in a task definition.
const cpuUnits = 1024

// fargateCPUs sums the tasks of all services at the most that their scaling and its schedules allow.
func fargateCPUs(s *tree.Stack) (float64, error) {
	total := 0.0
	for _, service := range s.OfType("aws_ecs_service") {
		task := s.TaskOf(service)
		if task == nil {
			continue
		}
		cpu, err := task.Number("cpu", 0)
		if err != nil {
			return 0, err
		}
		most, err := service.Number("desired_count", 1)
		if err != nil {
			return 0, err
		}
		if scaling := s.ScalingOf(service); scaling != nil {
			if most, err = scaling.Number("max_capacity", most); err != nil {
				return 0, err
			}
			for _, action := range s.OfType("aws_appautoscaling_scheduled_action") {
				if !slices.Contains(action.Refers("resource_id"), scaling) {
					continue
				}
				scheduled, err := action.Number("scalable_target_action.max_capacity", 0)
				if err != nil {
					return 0, err
				}
				most = math.Max(most, scheduled)
			}
		}
		total += most * cpu / cpuUnits
	}
	return total, nil
}

func askQuotas(ctx context.Context, w *World) (answer, error) {
	var a answer
	var seen []string
	client := servicequotas.NewFromConfig(w.AWS)
	for _, quota := range quotas {
		need, err := quota.need(w.Stack)
		if err != nil {
			return a, err
		}
		allowed, err := allowance(ctx, client, quota)
		if err != nil {
			return a, err
		}
		if need > allowed {
			a.fault("%s: %g needed, %g allowed (%s)", quota.name, need, allowed, quota.code)
		}
		seen = append(seen, fmt.Sprintf("%s %g of %g", quota.name, need, allowed))
	}
	a.seen = strings.Join(seen, ", ")
	return a, nil
}

// allowance returns the account's value, or AWS's default where the account has none of its own.
func allowance(ctx context.Context, client *servicequotas.Client, q quota) (float64, error) {
	applied, err := client.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: aws.String(q.service), QuotaCode: aws.String(q.code)})
	if err == nil {
		return aws.ToFloat64(applied.Quota.Value), nil
	}
	if !isMissing(err) {
		return 0, err
	}
	byDefault, err := client.GetAWSDefaultServiceQuota(ctx, &servicequotas.GetAWSDefaultServiceQuotaInput{ServiceCode: aws.String(q.service), QuotaCode: aws.String(q.code)})
	if err != nil {
		return 0, err
	}
	return aws.ToFloat64(byDefault.Quota.Value), nil
}
