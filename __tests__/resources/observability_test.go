package resources_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/jsii-runtime-go"
	awsprovider "github.com/cdktf/cdktf-provider-aws-go/aws/v19/provider"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/cost"
	"github.com/batbern/infrastructure/constructs/observability"
	"github.com/batbern/infrastructure/constructs/storage"
	"github.com/batbern/infrastructure/internal/functionbuild"
)

const watchedAccount = "222233334444"

// topicProps mail three severities to two people.
func topicProps() observability.TopicProps {
	return observability.TopicProps{
		Name: "batbern-dev", AccountID: watchedAccount, Region: "eu-central-1", KeyArn: "arn:aws:kms:eu-central-1:222233334444:key/1",
		Emails: []string{"one@batbern.ch", "Two.Three@batbern.ch"}, MailFrom: config.Warning,
	}
}

func TestTopics(t *testing.T) {
	stack := testkit.Construct(t, func(stack cdktf.TerraformStack) { observability.Topics(stack, "topics", topicProps()) })

	t.Run("one for each severity, encrypted with our key (SNS.1)", func(t *testing.T) {
		if topics := stack.Resources("aws_sns_topic"); len(topics) != 3 {
			t.Errorf("%d topics", len(topics))
		}
		for _, severity := range []string{"critical", "warning", "info"} {
			testkit.HasResourceWithProperties(t, stack, "aws_sns_topic", map[string]any{
				"name": "batbern-dev-" + severity, "kms_master_key_id": topicProps().KeyArn,
			})
		}
	})
	t.Run("mailed from the least severity on", func(t *testing.T) {
		mailed := map[string][]string{}
		for _, subscription := range stack.Resources("aws_sns_topic_subscription") {
			topic := strings.Split(subscription.Path, "/")[1]
			mailed[topic] = append(mailed[topic], subscription.Text("endpoint"))
		}
		for topic, addresses := range mailed {
			slices.Sort(addresses)
			if topic == "info" || !slices.Equal(addresses, []string{"Two.Three@batbern.ch", "one@batbern.ch"}) {
				t.Errorf("%s is mailed to %v", topic, addresses)
			}
		}
		if len(mailed) != 2 {
			t.Errorf("found %v", mailed)
		}
	})
	t.Run("only named services of the account publish, and by TLS (SNS.4)", func(t *testing.T) {
		for _, policy := range stack.Resources("aws_sns_topic_policy") {
			for _, fault := range topicPolicyFaults(policy.Policy(t, "policy")) {
				t.Errorf("%s: %s", policy.Path, fault)
			}
		}
	})
	for name, planted := range map[string]string{
		"everybody":             `{"Statement":[{"Sid":"X","Effect":"Allow","Principal":"*","Action":"sns:Publish","Resource":"a"},{"Sid":"D","Effect":"Deny","Principal":"*","Action":"sns:Publish","Resource":"a","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`,
		"without TLS":           `{"Statement":[]}`,
		"alarms of any account": `{"Statement":[{"Sid":"X","Effect":"Allow","Principal":{"Service":"cloudwatch.amazonaws.com"},"Action":"sns:Publish","Resource":"a"},{"Sid":"D","Effect":"Deny","Principal":"*","Action":"sns:Publish","Resource":"a","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`,
		"more than publishing":  `{"Statement":[{"Sid":"X","Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sns:*","Resource":"a"},{"Sid":"D","Effect":"Deny","Principal":"*","Action":"sns:Publish","Resource":"a","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`,
	} {
		t.Run("planted: "+name, func(t *testing.T) {
			var policy map[string]any
			if err := json.Unmarshal([]byte(planted), &policy); err != nil {
				t.Fatal(err)
			}
			if len(topicPolicyFaults(policy)) == 0 {
				t.Error("not found")
			}
		})
	}
}

// sendNoAccount are the services that are documented to send neither account nor ARN to a topic.
var sendNoAccount = []string{"backup.amazonaws.com", "events.amazonaws.com"}

func topicPolicyFaults(policy map[string]any) []string {
	var faults []string
	secure := false
	for _, item := range policy["Statement"].([]any) {
		statement := item.(map[string]any)
		condition := fmt.Sprint(statement["Condition"])
		if statement["Effect"] == "Deny" {
			secure = secure || strings.Contains(condition, "aws:SecureTransport:false")
			continue
		}
		if statement["Action"] != "sns:Publish" {
			faults = append(faults, fmt.Sprintf("%v allows %v", statement["Sid"], statement["Action"]))
		}
		principal, _ := statement["Principal"].(map[string]any)
		services, _ := principal["Service"].([]any)
		if one, is := principal["Service"].(string); is {
			services = []any{one}
		}
		if len(services) == 0 || len(principal) != 1 {
			faults = append(faults, fmt.Sprintf("%v is for %v", statement["Sid"], statement["Principal"]))
		}
		for _, service := range services {
			if !slices.Contains(sendNoAccount, fmt.Sprint(service)) && !strings.Contains(condition, "aws:SourceAccount:"+watchedAccount) {
				faults = append(faults, fmt.Sprintf("%v may come for any account", service))
			}
		}
	}
	if !secure {
		faults = append(faults, "no TLS is asked for")
	}
	return faults
}

// watch makes the construct with one target of most kinds.
func watch(t *testing.T, spoil func(*observability.Props)) *testkit.Stack {
	return testkit.Construct(t, func(stack cdktf.TerraformStack) {
		props := observability.Props{
			Name: "batbern-dev", Account: config.Account{ID: watchedAccount, Region: "eu-central-1", RecoveryRegion: "eu-west-1"},
			Domains: config.Domains{Zone: "batbern.ch", Root: "dev.batbern.ch"}, Repository: "BATbern/infrastructure", BudgetUsd: 100,
			Watch: config.Observability{AlarmsFrom: config.Info, MailFrom: config.Info, SlowMilliseconds: 2000, TracedPercent: 60, MaskPersonalData: true,
				Slo: &config.Slo{ApiPercent: 99.5, SitePercent: 99.9}},
			Topics:         observability.TopicOutputs{CriticalArn: "arn:home:critical", WarningArn: "arn:home:warning", InfoArn: "arn:home:info"},
			VirginiaTopics: observability.TopicOutputs{CriticalArn: "arn:virginia:critical", WarningArn: "arn:virginia:warning", InfoArn: "arn:virginia:info"},
			Virginia: awsprovider.NewAwsProvider(stack, jsii.String("aws_virginia"), &awsprovider.AwsProviderConfig{
				Alias: jsii.String("virginia"), Region: jsii.String("us-east-1"),
			}),
			LogsKeyArn: "arn:logs-key", StorageKeyArn: "arn:storage-key", Artefacts: storage.Bucket{Name: "batbern-dev-logs", Arn: "arn:aws:s3:::batbern-dev-logs"},
			LogRetentionDays: 7, BoundaryArn: "arn:boundary",
			Targets: observability.Targets{
				Databases: []observability.Database{{Key: "main", InstanceID: "batbern-dev", Vcpus: 2, MemoryMiB: 1024, StorageGiB: 20, Burstable: true}},
				Services: []observability.Service{{
					Key: "event-management", Cluster: "batbern-dev", Name: "event-management", LoadBalancer: "app/x/1", BlueGreen: true, StartSeconds: 180,
					TargetGroups: []string{"targetgroup/b/1", "targetgroup/g/2"},
				}},
				Apis:          []observability.Api{{Key: "main", ID: "abc", Stage: "$default"}},
				Distributions: []observability.Distribution{{Key: "frontend", ID: "E1", Site: true}},
				Caches:        []observability.CacheNode{{Key: "001", ClusterID: "batbern-dev-cache-001", Replicated: true}},
				LogGroups:     []observability.LogGroup{{Key: "api", Name: "/api", Kind: observability.ApiLog}},
			},
		}
		if spoil != nil {
			spoil(&props)
		}
		observability.New(stack, "observability", props)
	})
}

func TestObservability(t *testing.T) {
	stack := watch(t, nil)

	t.Run("an alarm tells the topic of its severity, also when it is over", func(t *testing.T) {
		testkit.HasResourceWithProperties(t, stack, "aws_cloudwatch_metric_alarm", map[string]any{
			"alarm_name": "batbern-dev-database-main-storage", "namespace": "AWS/RDS", "metric_name": "FreeStorageSpace", "statistic": "Minimum",
			"dimensions": map[string]any{"DBInstanceIdentifier": "batbern-dev"}, "threshold": 1 << 30, "comparison_operator": "LessThanThreshold",
			"datapoints_to_alarm": 3, "evaluation_periods": 3, "period": 300, "treat_missing_data": "notBreaching",
			"alarm_actions": []any{"arn:home:critical"}, "ok_actions": []any{"arn:home:critical"},
			"alarm_description": "The database's disk is nearly full and did not grow. What to do: https://github.com/BATbern/infrastructure/blob/main/docs/runbook.md#database-storage",
		})
	})
	t.Run("CloudFront's alarms live in Virginia", func(t *testing.T) {
		testkit.HasResourceWithProperties(t, stack, "aws_cloudwatch_metric_alarm", map[string]any{
			"alarm_name": "batbern-dev-distribution-frontend-5xx", "provider": "aws.virginia", "alarm_actions": []any{"arn:virginia:critical"},
		})
		testkit.HasResourceWithProperties(t, stack, "aws_cloudwatch_composite_alarm", map[string]any{
			"alarm_name": "batbern-dev-slo-site-fast", "provider": "aws.virginia", "alarm_actions": []any{"arn:virginia:critical"},
		})
	})
	t.Run("a percentile is no statistic, and few answers make none", func(t *testing.T) {
		alarm := stack.Resource(t, "aws_cloudwatch_metric_alarm", "alarms/api_main_latency")
		if alarm.Text("extended_statistic") != "p95" || alarm.Body["statistic"] != nil || alarm.Text("evaluate_low_sample_count_percentiles") != "ignore" {
			t.Errorf("found %v", alarm.Body)
		}
	})
	t.Run("a service is down when two say so, and no rollout began", func(t *testing.T) {
		down := stack.Resource(t, "aws_cloudwatch_composite_alarm", "alarms/service_event_management_down")
		name := func(id string) string {
			return "${" + stack.Resource(t, "aws_cloudwatch_metric_alarm", "alarms/service_event_management_"+id).Address() + ".alarm_name}"
		}
		if want := fmt.Sprintf(`ALARM("%s") AND ALARM("%s")`, name("tasks_missing"), name("nobody_healthy")); down.Text("alarm_rule") != want {
			t.Errorf("rule %s, wanted %s", down.Text("alarm_rule"), want)
		}
		suppressor := down.Body["actions_suppressor"].(map[string]any)
		if suppressor["alarm"] != name("rollout") || suppressor["wait_period"] != 180.0 {
			t.Errorf("suppressor %v", suppressor)
		}
	})
	t.Run("traces: health checks never, changes twice as often", func(t *testing.T) {
		for name, rate := range map[string]float64{"health": 0, "changes": 1, "requests": 0.6} {
			testkit.HasResourceWithProperties(t, stack, "aws_xray_sampling_rule", map[string]any{"rule_name": "batbern-dev-" + name, "fixed_rate": rate})
		}
		testkit.HasResourceWithProperties(t, stack, "aws_xray_encryption_config", map[string]any{"type": "KMS", "key_id": "arn:logs-key"})
		testkit.HasResourceWithProperties(t, stack, "aws_xray_group", map[string]any{"filter_expression": "responsetime > 2"})
	})
	t.Run("events are mailed in words", func(t *testing.T) {
		rule := stack.Resource(t, "aws_cloudwatch_event_rule", "events/task_memory")
		for _, part := range []string{`"exitCode":[137]`, `"stopCode":["EssentialContainerExited"]`, `"suffix":":cluster/batbern-dev"`} {
			if !strings.Contains(rule.Text("event_pattern"), part) {
				t.Errorf("%s has no %s", rule.Text("event_pattern"), part)
			}
		}
		target := stack.Resource(t, "aws_cloudwatch_event_target", "events/task_memory_target")
		if target.Text("arn") != "arn:home:warning" || target.Body["role_arn"] != nil {
			t.Errorf("goes to %s", target.Text("arn"))
		}
	})
	t.Run("neither Grafana nor canaries unless asked for", func(t *testing.T) {
		if found := slices.Concat(stack.Resources("aws_grafana_workspace"), stack.Resources("aws_synthetics_canary")); len(found) > 0 {
			t.Errorf("found %v", found)
		}
	})
}

func TestGrafana(t *testing.T) {
	stack := watch(t, func(props *observability.Props) { props.Watch.Grafana = true })
	testkit.HasResourceWithProperties(t, stack, "aws_grafana_workspace", map[string]any{
		"data_sources": []any{"CLOUDWATCH", "XRAY"}, "authentication_providers": []any{"AWS_SSO"}, "account_access_type": "CURRENT_ACCOUNT",
	})
	role := stack.Resource(t, "aws_iam_role", "grafana/role")
	if role.Text("permissions_boundary") != "arn:boundary" || !strings.Contains(role.Text("assume_role_policy"), `"aws:SourceAccount":"222233334444"`) {
		t.Errorf("found %v", role.Body)
	}
	reads := []string{"BatchGet", "Decrypt", "Describe", "Get", "List", "StartQuery", "StopQuery"}
	for _, statement := range statements(t, stack.Resource(t, "aws_iam_role_policy", "grafana/rights"), "policy") {
		for _, action := range statement.Actions {
			_, verb, _ := strings.Cut(action, ":")
			if !slices.ContainsFunc(reads, func(read string) bool { return strings.HasPrefix(verb, read) }) {
				t.Errorf("%s does not only read", action)
			}
		}
	}
}

func TestCanaries(t *testing.T) {
	stack := watch(t, func(props *observability.Props) {
		props.Watch.Canaries = &config.Canaries{EveryMinutes: 15, ApiPath: "/api/v1/events"}
	})
	for key, url := range map[string]string{"site": "https://www.dev.batbern.ch/", "api": "https://api.dev.batbern.ch/api/v1/events"} {
		canary := stack.Resource(t, "aws_synthetics_canary", "canaries/"+key+"/canary")
		text, _ := json.Marshal(canary.Body)
		for _, part := range []string{`"VISIT_URL":"` + url + `"`, `"expression":"rate(15 minutes)"`, `"delete_lambda":true`, `"kms_key_arn":"arn:storage-key"`,
			`"artifact_s3_location":"s3://batbern-dev-logs/canaries/` + key + `/"`} {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s has no %s", text, part)
			}
		}
		if len(canary.Text("name")) > 21 {
			t.Errorf("%s is longer than the 21 characters that Synthetics takes", canary.Text("name"))
		}
		alarm := stack.Resource(t, "aws_cloudwatch_metric_alarm", "alarms/canary_"+key+"_failed_now")
		if alarm.Body["period"] != 900.0 || alarm.Text("treat_missing_data") != "breaching" {
			t.Errorf("found %v", alarm.Body)
		}
	}
	if rights := stack.Resource(t, "aws_iam_role_policy", "canaries/rights").Text("policy"); strings.Contains(rights, "logs:CreateLogGroup") {
		t.Error("a canary that makes its own log group makes one that is kept for ever")
	}
}

func TestCanaryArchiveIsTheSameTwice(t *testing.T) {
	t.Chdir(testkit.Root())
	files := map[string]string{"b.js": "b", "a.js": "a"}
	first, err := functionbuild.Pack("canary-test", files)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(first.Path) })
	second, err := functionbuild.Pack("canary-test", files)
	if err != nil || first != second {
		t.Errorf("%v and %v: %v", first, second, err)
	}
	files["a.js"] = "other"
	third, err := functionbuild.Pack("canary-test", files)
	t.Cleanup(func() { os.Remove(third.Path) })
	if err != nil || third.Hash == first.Hash || third.Path == first.Path {
		t.Errorf("another content has the same archive: %v", err)
	}
}

// The canaries' script against a real server, by the Node.js that synthesis needs anyway.
func TestCanaryScript(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/good":
			fmt.Fprint(w, "<html><body>BATbern</body></html>")
		case "/denied":
			w.WriteHeader(http.StatusUnauthorized)
		case "/broken":
			w.WriteHeader(http.StatusBadGateway)
		case "/slow":
			select {
			case <-r.Context().Done():
			case <-time.After(10 * time.Second):
			}
		}
	}))
	t.Cleanup(server.Close)
	script := filepath.Join(t.TempDir(), "visit.js")
	if err := os.WriteFile(script, []byte(observability.CanaryScript), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		variables []string
		want      string // in the error, "" for success
	}{
		"a page with the text":         {[]string{"VISIT_URL=" + server.URL + "/good", "VISIT_TEXT=<html"}, ""},
		"a page without it":            {[]string{"VISIT_URL=" + server.URL + "/good", "VISIT_TEXT=Basel"}, `has no "Basel" in it`},
		"an error":                     {[]string{"VISIT_URL=" + server.URL + "/broken"}, "found status 502, wanted less than 400"},
		"refused where that is enough": {[]string{"VISIT_URL=" + server.URL + "/denied", "VISIT_STATUS_BELOW=500"}, ""},
		"refused where it is not":      {[]string{"VISIT_URL=" + server.URL + "/denied"}, "found status 401"},
		"no answer in time":            {[]string{"VISIT_URL=" + server.URL + "/slow", "VISIT_MILLISECONDS=200"}, "no answer within 200 ms"},
		"nobody there":                 {[]string{"VISIT_URL=http://127.0.0.1:1/"}, "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			command := exec.Command("node", "-e", `require(process.argv[1]).handler().then(console.log, e => { console.error(e.message); process.exit(1) })`, script)
			command.Env = append(os.Environ(), test.variables...)
			output, err := command.CombinedOutput()
			if failed := err != nil; failed != (test.want != "") || !strings.Contains(string(output), test.want) {
				t.Errorf("%v: %s", err, output)
			}
		})
	}
}

func TestCost(t *testing.T) {
	stack := testkit.Construct(t, func(stack cdktf.TerraformStack) {
		cost.New(stack, "cost", cost.Props{
			Name: "batbern-dev", AccountID: watchedAccount, Kind: config.Payer, BudgetUsd: 250, AnomalyUsd: 10,
			Emails: []string{"a@batbern.ch", "b@batbern.ch"},
		})
		cost.New(stack, "base_cost", cost.Props{Name: "batbern-base", AccountID: "111122223333", Kind: config.Member, BudgetUsd: 59.5, AnomalyUsd: 5, Emails: []string{"a@batbern.ch"}})
		cost.Tags(stack, "cost_tags", []string{"Environment", "Project"})
	})

	t.Run("the account's cost, actual and forecast", func(t *testing.T) {
		budget := stack.Resource(t, "aws_budgets_budget", "cost/budget")
		text, _ := json.Marshal(budget.Body)
		for _, part := range []string{`"limit_amount":"250"`, `"name":"LinkedAccount","values":["222233334444"]`, `"include_credit":false`} {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s has no %s", text, part)
			}
		}
		var seen []string
		for _, item := range budget.Body["notification"].([]any) {
			notification := item.(map[string]any)
			seen = append(seen, fmt.Sprintf("%v %v %v", notification["notification_type"], notification["threshold"], notification["subscriber_email_addresses"]))
		}
		var want []string
		for _, threshold := range []string{"ACTUAL 50", "ACTUAL 80", "ACTUAL 100", "FORECASTED 100", "FORECASTED 120"} {
			want = append(want, threshold+" [a@batbern.ch b@batbern.ch]")
		}
		if !slices.Equal(seen, want) {
			t.Errorf("found %v, wanted %v", seen, want)
		}
	})
	t.Run("cents count", func(t *testing.T) {
		if found := stack.Resource(t, "aws_budgets_budget", "base_cost/budget").Text("limit_amount"); found != "59.5" {
			t.Errorf("found %s", found)
		}
	})
	t.Run("unusual days, where asked", func(t *testing.T) {
		payer := stack.Resource(t, "aws_ce_anomaly_monitor", "cost/monitor")
		if payer.Text("monitor_type") != "CUSTOM" || !strings.Contains(payer.Text("monitor_specification"), `"Values":["batbern-dev"]`) {
			t.Errorf("the payer's monitor is %v", payer.Body)
		}
		member := stack.Resource(t, "aws_ce_anomaly_monitor", "base_cost/monitor")
		if member.Text("monitor_type") != "DIMENSIONAL" || member.Text("monitor_dimension") != "SERVICE" || member.Body["monitor_specification"] != nil {
			t.Errorf("the member's monitor is %v", member.Body)
		}
		if filter := stack.Resource(t, "aws_budgets_budget", "base_cost/budget").Body["cost_filter"]; filter != nil {
			t.Errorf("the member's budget is limited to %v", filter)
		}
		testkit.HasResourceWithProperties(t, stack, "aws_ce_anomaly_subscription", map[string]any{"frequency": "DAILY"})
	})
	t.Run("tags are activated", func(t *testing.T) {
		for _, key := range []string{"Environment", "Project"} {
			testkit.HasResourceWithProperties(t, stack, "aws_ce_cost_allocation_tag", map[string]any{"tag_key": key, "status": "Active"})
		}
	})
}
