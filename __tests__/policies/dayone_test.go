package policies_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
)

// firstDay is what an alarm's metric says on the day of the first apply, before any release, visitor or backup.
type firstDay struct {
	// data says whether there is any; value is then what is compared with the threshold.
	data  bool
	value float64
	// because of this
	because string
}

func nothing(because string) firstDay             { return firstDay{because: because} }
func says(value float64, because string) firstDay { return firstDay{true, value, because} }

// firstDays are by the kind of alarm, which is its section of the runbook. An alarm of a new kind has to be judged here.
var firstDays = map[string]firstDay{
	"api-5xx":                   nothing("nobody calls the API"),
	"api-latency":               nothing("nobody calls the API"),
	"api-refused":               nothing("nobody calls the API; a canary's requests are fewer than the 100 that count"),
	"backup-failed":             nothing("AWS Backup counts jobs only"),
	"backup-missing":            nothing("the first backup is made the next night"),
	"cache-connections":         says(1, "of thousands"),
	"cache-cpu":                 says(1, "an idle node"),
	"cache-evictions":           says(0, "an empty cache"),
	"cache-lag":                 says(0, "an empty cache"),
	"cache-memory":              says(1, "an empty cache"),
	"cache-refused":             says(0, "nobody signs in"),
	"cache-silent":              nothing("a new node publishes after some minutes; the alarm may be there first"),
	"canary-failed":             says(0, "the bucket of the site is empty, and no service has been released"),
	"certificate-expiry":        nothing("ACM reports twice a day"),
	"database-connections":      says(5, "the proxy's and the functions'"),
	"database-cpu":              says(30, "bootstrap and rotations"),
	"database-credits":          says(0, "a new instance has launch credits"),
	"database-latency":          says(0.005, "an empty database"),
	"database-load":             says(0.1, "an empty database"),
	"database-memory":           says(400<<20, "an idle instance of the smallest class has 400 MiB free"),
	"database-lag":              says(0, "an empty database"),
	"database-silent":           nothing("a new instance publishes after some minutes; the alarm may be there first"),
	"database-storage":          says(15<<30, "an empty database on 20 GiB"),
	"database-transactions":     says(1000, "an empty database"),
	"distribution-4xx":          says(0, "every answer is 404 or 403, of fewer requests than the 100 that count"),
	"distribution-5xx":          nothing("an empty bucket answers 403 or 404"),
	"distribution-latency":      says(100, "milliseconds, for an error"),
	"events-undelivered":        nothing("EventBridge counts failures only"),
	"firewall-blocked":          nothing("nobody visits"),
	"function-errors":           nothing("IAM's delay is waited for, so a first call does not fail"),
	"function-slow":             says(45_000, "milliseconds: the longest wait for IAM in a function of 60 seconds or more"),
	"function-throttled":        says(0, "a call at a time"),
	"load-balancer-5xx":         nothing("nobody calls; placeholders answer health checks"),
	"load-balancer-latency":     nothing("nobody calls"),
	"load-balancer-rejected":    nothing("nobody calls"),
	"load-balancer-unreachable": nothing("nobody calls"),
	"migration-errors":          nothing("the first migration succeeds, or the apply fails with its reason"),
	"nat-drops":                 says(0, "little traffic"),
	"nat-ports":                 says(0, "little traffic"),
	"proxy-clients-refused":     nothing("no service is released"),
	"proxy-database-refuses":    nothing("the target is registered when passwords are set"),
	"proxy-full":                says(0, "no service is released"),
	"proxy-latency":             nothing("no service is released"),
	"proxy-pinned":              says(0, "no service is released"),
	"rollback":                  nothing("no rollout has begun"),
	"rotation-errors":           nothing("IAM's delay is waited for, so a first rotation does not fail"),
	"secret-expiring":           nothing("nobody has put a value in"),
	"secret-overdue":            says(0, "the apply waits for the first rotation"),
	"service-cpu":               says(1, "a placeholder"),
	"service-memory":            says(5, "a placeholder"),
	"service-nobody-healthy":    nothing("placeholders are not healthy yet when the alarm is made"),
	"service-rollout":           nothing("no rollout has begun"),
	"service-tasks-missing":     says(0, "placeholders start in less time than the alarm waits"),
	"slo-burn":                  nothing("nobody visits: fewer requests than count"),
}

var anchor = regexp.MustCompile(`runbook\.md#([a-z0-9-]+)`)

// ringsOnFirstDay says what CloudWatch makes of a metric alarm on the first day.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#alarms-and-missing-data
func ringsOnFirstDay(alarm testkit.Resource) (rings bool, fault string) {
	kind := anchor.FindStringSubmatch(alarm.Text("alarm_description"))
	if kind == nil {
		return false, "links to no section of the runbook"
	}
	day, judged := firstDays[kind[1]]
	if !judged {
		return false, fmt.Sprintf("is of the kind %s: say in firstDays what its metric says on the day of the first apply", kind[1])
	}
	if !day.data {
		return alarm.Text("treat_missing_data") == "breaching", ""
	}
	threshold, _ := alarm.Body["threshold"].(float64)
	switch alarm.Text("comparison_operator") {
	case "GreaterThanThreshold":
		return day.value > threshold, ""
	case "LessThanThreshold":
		return day.value < threshold, ""
	}
	return false, "compares in a way that is not judged here"
}

// tellsNobody says whether an alarm's topics have no subscription.
func tellsNobody(stack *testkit.Stack, alarm testkit.Resource) bool {
	actions, _ := alarm.Body["alarm_actions"].([]any)
	for _, subscription := range stack.Resources("aws_sns_topic_subscription") {
		if slices.Contains(actions, any(subscription.Text("topic_arn"))) {
			return false
		}
	}
	return true
}

var inRule = regexp.MustCompile(`ALARM\("\$\{(aws_cloudwatch_metric_alarm\.[A-Za-z0-9_-]+)\.alarm_name\}"\)`)

// firstDayFaults are alarms that tell somebody on the first day of what nobody can do anything about.
func firstDayFaults(stack *testkit.Stack) []string {
	var faults []string
	ringing := map[string]bool{}
	for _, alarm := range stack.Resources("aws_cloudwatch_metric_alarm") {
		rings, fault := ringsOnFirstDay(alarm)
		if fault != "" {
			faults = append(faults, alarm.Address()+" "+fault)
		}
		ringing[alarm.Address()] = rings
		if rings && !tellsNobody(stack, alarm) {
			faults = append(faults, alarm.Address()+" rings on the first day")
		}
	}
	for _, composite := range stack.Resources("aws_cloudwatch_composite_alarm") {
		parts := inRule.FindAllStringSubmatch(composite.Text("alarm_rule"), -1)
		rings := len(parts) > 0 && len(parts)-1 == strings.Count(composite.Text("alarm_rule"), " AND ")
		for _, part := range parts {
			rings = rings && ringing[part[1]]
		}
		if !rings || tellsNobody(stack, composite) {
			continue
		}
		suppressor, _ := composite.Body["actions_suppressor"].(map[string]any)
		by := addressOf.FindString(fmt.Sprint(suppressor["alarm"]))
		if !ringing[by] {
			faults = append(faults, composite.Address()+" rings on the first day, and nothing suppresses it")
		}
	}
	return faults
}

// On the day of the first apply there is no release, no visitor and no backup. No alarm tells of that.
func TestNoAlarmRingsOnTheFirstDay(t *testing.T) {
	judged := 0
	for _, stack := range testkit.Environments(t) {
		judged += len(stack.Resources("aws_cloudwatch_metric_alarm"))
		for _, fault := range firstDayFaults(stack) {
			t.Errorf("%s: %s", stack.Name, fault)
		}
	}
	if judged < 100 {
		t.Errorf("only %d alarms were judged", judged)
	}
	used := map[string]bool{}
	for _, stack := range testkit.Environments(t) {
		for _, alarm := range stack.Resources("aws_cloudwatch_metric_alarm") {
			if kind := anchor.FindStringSubmatch(alarm.Text("alarm_description")); kind != nil {
				used[kind[1]] = true
			}
		}
	}
	for kind, day := range firstDays {
		if day.because == "" || !used[kind] && kind != "database-lag" { // no environment has a read replica
			t.Errorf("firstDays has %s, without a reason or of no alarm", kind)
		}
	}
}

// Once there was something to watch, its absence rings: the suppressor looks back much longer than the alarm.
func TestWhatIsMissingLaterRings(t *testing.T) {
	suppressed := 0
	for _, stack := range testkit.Environments(t) {
		alarms := map[string]testkit.Resource{}
		for _, alarm := range stack.Resources("aws_cloudwatch_metric_alarm") {
			alarms[alarm.Address()] = alarm
		}
		for _, composite := range stack.Resources("aws_cloudwatch_composite_alarm") {
			suppressor, _ := composite.Body["actions_suppressor"].(map[string]any)
			never := alarms[addressOf.FindString(fmt.Sprint(suppressor["alarm"]))]
			parts := inRule.FindAllStringSubmatch(composite.Text("alarm_rule"), -1)
			if len(parts) != 1 || never.Type == "" {
				continue // a rollout's excuse is another thing
			}
			suppressed++
			now := alarms[parts[0][1]]
			for _, same := range []string{"metric_name", "namespace", "statistic", "period", "threshold", "comparison_operator", "treat_missing_data", "dimensions"} {
				if now.Text(same) != never.Text(same) {
					t.Errorf("%s: %s and its suppressor differ in %s", stack.Name, composite.Address(), same)
				}
			}
			periods, longer := now.Body["evaluation_periods"].(float64), never.Body["evaluation_periods"].(float64)
			if longer < 4*periods {
				t.Errorf("%s: %s is suppressed after %v periods, it rings after %v", stack.Name, composite.Address(), longer, periods)
			}
			for _, alarm := range []testkit.Resource{now, never} {
				// AWS, "PutMetricAlarm": at most a day, or seven days where the period is an hour or longer
				span, period := alarm.Body["evaluation_periods"].(float64)*alarm.Body["period"].(float64), alarm.Body["period"].(float64)
				if most := map[bool]float64{false: 86400, true: 7 * 86400}[period >= 3600]; span > most {
					t.Errorf("%s: %s looks back %v seconds, AWS allows %v", stack.Name, alarm.Address(), span, most)
				}
				if alarm.Body["evaluation_periods"] != alarm.Body["datapoints_to_alarm"] {
					t.Errorf("%s: %s rings after a part of its periods", stack.Name, alarm.Address())
				}
			}
		}
	}
	if suppressed < 7 {
		t.Errorf("only %d alarms wait for something to watch", suppressed)
	}
}

func TestPlantedAlarmsThatRingOnTheFirstDayAreFound(t *testing.T) {
	for name, plant := range map[string]func(*testkit.Stack){
		"a backup's absence without a suppressor": func(stack *testkit.Stack) {
			delete(stack.Resource(t, "aws_cloudwatch_composite_alarm", "backup_main_missing").Body, "actions_suppressor")
		},
		"a suppressor that does not ring": func(stack *testkit.Stack) {
			stack.Resource(t, "aws_cloudwatch_metric_alarm", "canary_site_failed_never").Body["treat_missing_data"] = "notBreaching"
			stack.Resource(t, "aws_cloudwatch_metric_alarm", "canary_site_failed_never").Body["threshold"] = 0.0
		},
		"silence that mails": func(stack *testkit.Stack) {
			alarm := stack.Resource(t, "aws_cloudwatch_metric_alarm", "load_balancer_main_5xx")
			alarm.Body["treat_missing_data"] = "breaching"
		},
		"a new kind of alarm": func(stack *testkit.Stack) {
			alarm := stack.Resource(t, "aws_cloudwatch_metric_alarm", "load_balancer_main_5xx")
			alarm.Body["alarm_description"] = strings.Replace(alarm.Text("alarm_description"), "#load-balancer-5xx", "#something-new", 1)
		},
	} {
		stack := testkit.Synth(t, testkit.Project(t))["batbern-prod"]
		if plant(stack); len(firstDayFaults(stack)) != 1 {
			t.Errorf("%s: found %q", name, firstDayFaults(stack))
		}
	}
}
