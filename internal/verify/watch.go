package verify

import (
	"context"
	"fmt"
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

	"github.com/batbern/infrastructure/config"
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

// askQuotas compares what the configuration counts on, which the synthesis holds every maximum against, with the account.
func askQuotas(ctx context.Context, w *World) (answer, error) {
	var a answer
	var seen []string
	client := servicequotas.NewFromConfig(w.AWS)
	for _, quota := range w.Quotas {
		allowed, err := allowance(ctx, client, quota)
		if err != nil {
			return a, err
		}
		if counted := float64(quota.Configured); counted > allowed {
			a.fault("%s (%s): the configuration counts on %g, AWS allows %g", quota.Name, quota.Code, counted, allowed)
		}
		seen = append(seen, fmt.Sprintf("%s %g", quota.Name, allowed))
	}
	a.seen = strings.Join(seen, ", ")
	return a, nil
}

// allowance returns the account's value, or AWS's default where the account has none of its own.
func allowance(ctx context.Context, client *servicequotas.Client, q config.Quota) (float64, error) {
	applied, err := client.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: aws.String(q.ServiceCode), QuotaCode: aws.String(q.Code)})
	if err == nil {
		return aws.ToFloat64(applied.Quota.Value), nil
	}
	if !isMissing(err) {
		return 0, err
	}
	byDefault, err := client.GetAWSDefaultServiceQuota(ctx, &servicequotas.GetAWSDefaultServiceQuotaInput{ServiceCode: aws.String(q.ServiceCode), QuotaCode: aws.String(q.Code)})
	if err != nil {
		return 0, err
	}
	return aws.ToFloat64(byDefault.Quota.Value), nil
}
