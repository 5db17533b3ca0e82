package policies_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/metrics"
)

const virginia = "us-east-1"

// region is where a resource of an environment is made.
func region(resource testkit.Resource) string {
	if resource.Text("provider") == "aws.virginia" {
		return virginia
	}
	return config.Regions[0]
}

// watchedBy says which resources' attributes a dimension's value may be. One without types is a constant.
var watchedBy = map[string]struct {
	types     []string
	attribute string
	constants []string
}{
	"ApiId":                {types: []string{"aws_apigatewayv2_api"}, attribute: "id"},
	"Stage":                {types: []string{"aws_apigatewayv2_stage"}, attribute: "name"},
	"LoadBalancer":         {types: []string{"aws_lb"}, attribute: "arn_suffix"},
	"TargetGroup":          {types: []string{"aws_lb_target_group"}, attribute: "arn_suffix"},
	"BackupVaultName":      {types: []string{"aws_backup_vault"}, attribute: "name"},
	"CertificateArn":       {types: []string{"aws_acm_certificate_validation"}, attribute: "certificate_arn"},
	"DistributionId":       {types: []string{"aws_cloudfront_distribution"}, attribute: "id"},
	"Region":               {constants: []string{"Global", "eu-central-1"}}, // WAF before a load balancer counts by region
	"ClusterName":          {types: []string{"aws_ecs_cluster"}, attribute: "name"},
	"ServiceName":          {types: []string{"aws_ecs_service"}, attribute: "name"},
	"RuleName":             {types: []string{"aws_cloudwatch_event_rule"}, attribute: "name"},
	"FunctionName":         {types: []string{"aws_lambda_function"}, attribute: "function_name"},
	"LogGroupName":         {types: []string{"aws_cloudwatch_log_group"}, attribute: "name"},
	"NatGatewayId":         {types: []string{"aws_nat_gateway"}, attribute: "id"},
	"DBInstanceIdentifier": {types: []string{"aws_db_instance"}, attribute: "identifier"},
	"ProxyName":            {types: []string{"aws_db_proxy"}, attribute: "name"},
	"WebACL":               {types: []string{"aws_wafv2_web_acl"}, attribute: "name"},
	"Rule":                 {constants: []string{"ALL"}},
	"CanaryName":           {types: []string{"aws_synthetics_canary"}, attribute: "name"},
	"Secret":               {types: []string{"aws_secretsmanager_secret"}, attribute: "name"},
	"QueueName":            {types: []string{"aws_sqs_queue"}, attribute: "name"},
	"Currency":             {constants: []string{"USD"}},
	"LinkedAccount":        {},
	"CacheClusterId":       {types: []string{"aws_elasticache_replication_group"}, attribute: "replication_group_id"},
}

var (
	reference = regexp.MustCompile(`\$\{([a-z0-9_]+)\.([A-Za-z0-9_-]+)\.([a-z0-9_]+)\}`)
	// nodeNumber is what ElastiCache adds to a group's name for each node.
	nodeNumber = regexp.MustCompile(`-\d{3,4}(-\d{3})?$`)
)

// resolve puts literal arguments in the place of references to them.
func resolve(stack *testkit.Stack, value string) string {
	return reference.ReplaceAllStringFunc(value, func(text string) string {
		parts := reference.FindStringSubmatch(text)
		for _, resource := range stack.Resources(parts[1]) {
			if literal, is := resource.Body[parts[3]].(string); is && resource.ID == parts[2] {
				return resolve(stack, literal)
			}
		}
		return text
	})
}

// ownAccount is the account that the stack's provider works in.
func ownAccount(stack *testkit.Stack) string {
	providers, _ := stack.Body["provider"].(map[string]any)
	for _, provider := range list(providers["aws"]) {
		for _, account := range list(provider.(map[string]any)["allowed_account_ids"]) {
			return fmt.Sprint(account)
		}
	}
	return ""
}

// dimensionFault says why no resource of the stack has that dimension, "" where one has.
func dimensionFault(stack *testkit.Stack, name, value string) string {
	known, is := watchedBy[name]
	if !is {
		return fmt.Sprintf("dimension %s is of no known resource", name)
	}
	if slices.Contains(known.constants, value) || name == "LinkedAccount" && value == ownAccount(stack) {
		return ""
	}
	found := resolve(stack, value)
	if name == "CacheClusterId" {
		found = nodeNumber.ReplaceAllString(found, "")
	}
	for _, typ := range known.types {
		for _, resource := range stack.Resources(typ) {
			if found == fmt.Sprintf("${%s.%s}", resource.Address(), known.attribute) || found == resolve(stack, resource.Text(known.attribute)) {
				return ""
			}
		}
	}
	return fmt.Sprintf("%s is %s, which is the %s of no %s", name, value, known.attribute, strings.Join(known.types, " or "))
}

// metricUse is a metric of an alarm's JSON.
func metricUse(metric map[string]any, statistic, region string) (metrics.Use, map[string]string) {
	use := metrics.Use{Namespace: fmt.Sprint(metric["namespace"]), Metric: fmt.Sprint(metric["metric_name"]), Statistic: statistic, Region: region}
	values := map[string]string{}
	dimensions, _ := metric["dimensions"].(map[string]any)
	for name, value := range dimensions {
		use.Dimensions = append(use.Dimensions, name)
		values[name] = fmt.Sprint(value)
	}
	return use, values
}

// alarmFaults are the rules that a metric alarm of the stack breaks.
func alarmFaults(stack *testkit.Stack, alarm testkit.Resource, sections map[string]bool) []string {
	faults := actionFaults(stack, alarm, sections)
	if alarm.Text("treat_missing_data") == "" {
		faults = append(faults, "missing data is not spoken of")
	}
	if alarm.Body["datapoints_to_alarm"] == nil {
		faults = append(faults, "no datapoints_to_alarm")
	}
	judge := func(metric map[string]any, statistic string) {
		use, values := metricUse(metric, statistic, region(alarm))
		if fault := use.Fault(); fault != "" {
			faults = append(faults, fault)
		}
		for name, value := range values {
			if fault := dimensionFault(stack, name, value); fault != "" {
				faults = append(faults, fault)
			}
		}
	}
	if alarm.Body["metric_name"] != nil {
		judge(alarm.Body, alarm.Text("statistic")+alarm.Text("extended_statistic"))
	}
	queries, _ := alarm.Body["metric_query"].([]any)
	returned := 0
	for _, query := range queries {
		fields := query.(map[string]any)
		if fields["return_data"] == true {
			returned++
		}
		if metric, is := fields["metric"].(map[string]any); is {
			judge(metric, fmt.Sprint(metric["stat"]))
		}
	}
	if len(queries) > 0 && returned != 1 {
		faults = append(faults, fmt.Sprintf("%d queries are compared, wanted 1", returned))
	}
	if len(queries) == 0 && alarm.Body["metric_name"] == nil {
		faults = append(faults, "watches nothing")
	}
	return faults
}

var runbookLink = regexp.MustCompile(`/docs/runbook\.md#([a-z0-9-]+)$`)

// actionFaults are what keeps an alarm of any kind from being heard and understood.
func actionFaults(stack *testkit.Stack, alarm testkit.Resource, sections map[string]bool) []string {
	var faults []string
	if alarm.Body["actions_enabled"] == false {
		faults = append(faults, "CloudWatch.17: actions are switched off")
	}
	for _, kind := range []string{"alarm_actions", "ok_actions"} {
		actions, _ := alarm.Body[kind].([]any)
		if len(actions) == 0 {
			faults = append(faults, "CloudWatch.15: no "+kind)
		}
		for _, action := range actions {
			called := false
			for _, topic := range stack.Resources("aws_sns_topic") {
				called = called || action == fmt.Sprintf("${%s.arn}", topic.Address()) && region(topic) == region(alarm)
			}
			if !called {
				faults = append(faults, fmt.Sprintf("%s: %v is no topic of %s", kind, action, region(alarm)))
			}
		}
	}
	link := runbookLink.FindStringSubmatch(alarm.Text("alarm_description"))
	if link == nil || !sections[link[1]] {
		faults = append(faults, "leads to no section of the runbook: "+alarm.Text("alarm_description"))
	}
	return faults
}

// runbookSections are the anchors of docs/runbook.md.
func runbookSections(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testkit.Root(), "docs", "runbook.md"))
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]bool{}
	for line := range strings.SplitSeq(string(text), "\n") {
		if title, is := strings.CutPrefix(line, "### "); is {
			sections[title] = true
		}
	}
	return sections
}

func TestAlarmsCanFireAndAreHeard(t *testing.T) {
	sections := runbookSections(t)
	for _, stack := range testkit.Environments(t) {
		alarms := stack.Resources("aws_cloudwatch_metric_alarm")
		if len(alarms) == 0 {
			t.Errorf("%s: no alarms", stack.Name)
		}
		names := map[string]bool{}
		for _, alarm := range alarms {
			for _, fault := range alarmFaults(stack, alarm, sections) {
				t.Errorf("%s: %s: %s", stack.Name, alarm.Path, fault)
			}
			if names[alarm.Text("alarm_name")] {
				t.Errorf("%s: %s stands twice: the second overwrites the first", stack.Name, alarm.Text("alarm_name"))
			}
			names[alarm.Text("alarm_name")] = true
		}
		for _, alarm := range stack.Resources("aws_cloudwatch_composite_alarm") {
			for _, fault := range actionFaults(stack, alarm, sections) {
				t.Errorf("%s: %s: %s", stack.Name, alarm.Path, fault)
			}
		}
	}
}

// What there is, is watched: each of these types has an alarm on each of its resources.
func TestNothingThatMattersIsUnwatched(t *testing.T) {
	for typ, dimension := range map[string]string{
		"aws_db_instance": "DBInstanceIdentifier", "aws_db_proxy": "ProxyName", "aws_ecs_service": "ServiceName", "aws_lb": "LoadBalancer",
		"aws_lb_target_group": "TargetGroup", "aws_apigatewayv2_api": "ApiId", "aws_cloudfront_distribution": "DistributionId",
		"aws_lambda_function": "FunctionName", "aws_acm_certificate_validation": "CertificateArn", "aws_nat_gateway": "NatGatewayId",
		"aws_backup_vault": "BackupVaultName", "aws_wafv2_web_acl": "WebACL", "aws_synthetics_canary": "CanaryName",
		"aws_elasticache_replication_group": "CacheClusterId", "aws_sqs_queue": "QueueName", "aws_cloudwatch_event_rule": "RuleName",
	} {
		t.Run(typ, func(t *testing.T) {
			for _, stack := range testkit.Stacks(t) {
				if stack.Name != "batbern-prod" { // the others leave out what costs more than it tells
					continue
				}
				for _, resource := range stack.Resources(typ) {
					if region(resource) != virginia && resource.Text("provider") != "" {
						continue // the recovery region's copies
					}
					if !watched(stack, resource, dimension) {
						t.Errorf("%s: nothing watches %s", stack.Name, resource.Path)
					}
				}
			}
		})
	}
}

// watched says whether an alarm has the dimension with a value that is of that resource.
func watched(stack *testkit.Stack, resource testkit.Resource, dimension string) bool {
	for _, alarm := range stack.Resources("aws_cloudwatch_metric_alarm") {
		text, _ := json.Marshal(alarm.Body)
		for _, match := range regexp.MustCompile(`"`+dimension+`":"([^"]*)"`).FindAllStringSubmatch(string(text), -1) {
			value := nodeNumber.ReplaceAllString(resolve(stack, match[1]), "")
			attribute := watchedBy[dimension].attribute
			if match[1] == fmt.Sprintf("${%s.%s}", resource.Address(), attribute) || value == resolve(stack, resource.Text(attribute)) {
				return true
			}
		}
	}
	return false
}

// The dashboard is true: every metric on it is published, and of a resource that the stack has.
func TestDashboardsShowWhatIsThere(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		boards := stack.Resources("aws_cloudwatch_dashboard")
		if len(boards) != 1 {
			t.Errorf("%s: %d dashboards", stack.Name, len(boards))
			continue
		}
		var body struct {
			Widgets []struct {
				X, Y, Width, Height int
				Properties          struct {
					Title, Region string
					Metrics       [][]any
					Alarms        []string
				}
			}
		}
		if err := json.Unmarshal([]byte(boards[0].Text("dashboard_body")), &body); err != nil {
			t.Fatalf("%s: %v", stack.Name, err)
		}
		names := map[string]bool{}
		for _, typ := range []string{"aws_cloudwatch_metric_alarm", "aws_cloudwatch_composite_alarm"} {
			for _, alarm := range stack.Resources(typ) {
				names[alarm.Text("alarm_name")] = region(alarm) == config.Regions[0]
			}
		}
		taken := map[[2]int]bool{}
		for _, widget := range body.Widgets {
			for place := range widget.Width * widget.Height {
				at := [2]int{widget.X + place%widget.Width, widget.Y + place/widget.Width}
				if taken[at] || at[0] >= 24 {
					t.Errorf("%s: %q lies on another widget, or beside the page, at %v", stack.Name, widget.Properties.Title, at)
					break
				}
				taken[at] = true
			}
			if found := len(widget.Properties.Metrics); found > 500 { // what CloudWatch draws
				t.Errorf("%s: %q shows %d metrics", stack.Name, widget.Properties.Title, found)
			}
			for _, arn := range widget.Properties.Alarms {
				if !names[arn[strings.LastIndex(arn, ":")+1:]] {
					t.Errorf("%s: there is no alarm %s", stack.Name, arn)
				}
			}
			for _, entry := range widget.Properties.Metrics {
				options := entry[len(entry)-1].(map[string]any)
				if options["expression"] != nil {
					continue
				}
				use := metrics.Use{Namespace: fmt.Sprint(entry[0]), Metric: fmt.Sprint(entry[1]), Statistic: fmt.Sprint(options["stat"]), Region: widget.Properties.Region}
				for i := 2; i < len(entry)-1; i += 2 {
					use.Dimensions = append(use.Dimensions, fmt.Sprint(entry[i]))
					if fault := dimensionFault(stack, fmt.Sprint(entry[i]), fmt.Sprint(entry[i+1])); fault != "" {
						t.Errorf("%s: %s: %s", stack.Name, widget.Properties.Title, fault)
					}
				}
				if fault := use.Fault(); fault != "" {
					t.Errorf("%s: %s: %s", stack.Name, widget.Properties.Title, fault)
				}
			}
		}
	}
}

// The judges themselves: each planted fault is found.
func TestPlantedAlarmFaultsAreFound(t *testing.T) {
	stack := testkit.Synth(t, testkit.Project(t))["batbern-dev"] // its own: the shared one stays whole
	sections := runbookSections(t)
	alarm := stack.Resource(t, "aws_cloudwatch_metric_alarm", "observability/alarms/database_main_storage")
	if faults := alarmFaults(stack, alarm, sections); len(faults) > 0 {
		t.Fatalf("faulty before anything is planted: %v", faults)
	}
	other := stack.Resource(t, "aws_sns_topic", "virginia_topics/critical/topic")
	for name, test := range map[string]struct {
		argument string
		value    any
		want     string
	}{
		"nobody is told":              {"alarm_actions", []any{}, "CloudWatch.15"},
		"nobody is told of the end":   {"ok_actions", nil, "CloudWatch.15"},
		"switched off":                {"actions_enabled", false, "CloudWatch.17"},
		"a topic of another region":   {"alarm_actions", []any{"${" + other.Address() + ".arn}"}, "no topic of"},
		"a topic that is not there":   {"ok_actions", []any{"arn:aws:sns:eu-central-1:1:x"}, "no topic of"},
		"no word on missing data":     {"treat_missing_data", nil, "missing data"},
		"no datapoints":               {"datapoints_to_alarm", nil, "datapoints_to_alarm"},
		"no runbook":                  {"alarm_description", "Call somebody", "runbook"},
		"a section that is not there": {"alarm_description", "See https://github.com/x/y/blob/main/docs/runbook.md#nothing", "runbook"},
		"a cluster of one instance":   {"dimensions", map[string]any{"DBClusterIdentifier": "batbern-dev"}, "no dimensions"},
		"another instance":            {"dimensions", map[string]any{"DBInstanceIdentifier": "batbern-test"}, "of no aws_db_instance"},
		"a resource that is gone":     {"dimensions", map[string]any{"DBInstanceIdentifier": "${aws_db_instance.gone.identifier}"}, "of no aws_db_instance"},
		"an unknown metric":           {"metric_name", "VolumeUtilization", "no metric"},
		"an unknown namespace":        {"namespace", "AWS/EBS", "not documented"},
		"another region's metric":     {"provider", "aws.virginia", "no topic of us-east-1"},
	} {
		t.Run(name, func(t *testing.T) {
			whole, had := alarm.Body[test.argument]
			alarm.Body[test.argument] = test.value
			if test.value == nil {
				delete(alarm.Body, test.argument)
			}
			t.Cleanup(func() {
				alarm.Body[test.argument] = whole
				if !had {
					delete(alarm.Body, test.argument)
				}
			})
			if faults := strings.Join(alarmFaults(stack, alarm, sections), "; "); !strings.Contains(faults, test.want) {
				t.Errorf("found %q, wanted %q", faults, test.want)
			}
		})
	}
}
