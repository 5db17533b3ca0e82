package observability

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/metrics"
)

// everything has one target of each kind in each of its variants.
var everything = Targets{
	Databases: []Database{
		{Key: "main", InstanceID: "batbern-dev", Vcpus: 2, MemoryMiB: 4096, StorageGiB: 50, Burstable: true, Insights: true},
		{Key: "replica", InstanceID: "batbern-dev-replica", Vcpus: 2, MemoryMiB: 4096, StorageGiB: 50, Replica: true, Sleeps: true},
	},
	Proxies: []Proxy{{Key: "main", Name: "batbern-dev"}},
	Caches:  []CacheNode{{Key: "001", ClusterID: "batbern-dev-cache-001", Replicated: true}},
	Services: []Service{
		{Key: "api-gateway", Cluster: "batbern-dev", Name: "api-gateway", LoadBalancer: "app/x/1", TargetGroups: []string{"targetgroup/a/1"}, StartSeconds: 180, Sleeps: true},
		{Key: "event-management", Cluster: "batbern-dev", Name: "event-management", LoadBalancer: "app/x/1", TargetGroups: []string{"targetgroup/b/1", "targetgroup/g/1"}, BlueGreen: true, StartSeconds: 180},
	},
	LoadBalancers: []LoadBalancer{{Key: "main", ArnSuffix: "app/x/1"}},
	Apis:          []Api{{Key: "main", ID: "abc", Stage: "$default"}},
	Distributions: []Distribution{{Key: "frontend", ID: "E1", Site: true, Detailed: true}, {Key: "content", ID: "E2"}},
	Firewalls:     []Firewall{{Key: "edge", Name: "batbern-dev-edge"}},
	Functions: []Function{
		{Key: "plain", Name: "batbern-dev-plain", TimeoutSeconds: 60},
		{Key: "rotation", Name: "batbern-dev-rotation", TimeoutSeconds: 60, Work: Rotation},
		{Key: "migration", Name: "batbern-dev-migration", TimeoutSeconds: 60, Work: Migration},
	},
	Secrets:      []Secret{{Key: "database-x", Name: "batbern-dev/database/x"}, {Key: "external-mail", Name: "batbern-dev/external/mail", External: true}},
	Vaults:       []Vault{{Key: "main", Name: "batbern-dev", Daily: true}},
	Certificates: []Certificate{{Key: "regional", Arn: "arn:1"}, {Key: "virginia", Arn: "arn:2", Virginia: true}},
	NatGateways:  []NatGateway{{Key: "a", ID: "nat-1"}},
	Queues:       []Queue{{Key: "dead", Name: "dead", DeadLetters: true}, {Key: "work", Name: "work"}},
	Canaries:     []Canary{{Key: "site", Name: "batbern-dev-site"}},
	Rules:        []Rule{{Key: "migration", Name: "batbern-dev-migration-failed"}},
	LogGroups:    []LogGroup{{Key: "api", Name: "/api", Kind: ApiLog}},
}

var closely = config.Observability{
	AlarmsFrom: config.Info, MailFrom: config.Info, Slo: &config.Slo{ApiPercent: 99.5, SitePercent: 99.9}, SlowMilliseconds: 1000,
	Canaries: &config.Canaries{EveryMinutes: 15, ApiPath: "/api/v1/events"},
}

var namesInExpressions = regexp.MustCompile(`\b[a-z][a-zA-Z0-9_]*\b`)

// alarmFaults are what is wrong with an alarm, as far as it alone says.
func alarmFaults(alarm Alarm, sections map[string]bool) []string {
	var faults []string
	fault := func(format string, values ...any) { faults = append(faults, fmt.Sprintf(format, values...)) }
	region := "eu-central-1"
	if alarm.Virginia {
		region = virginia
	}
	known, count := map[string]bool{}, 0
	period := 0
	for i, query := range alarm.Queries {
		if query.Metric == nil {
			for _, name := range namesInExpressions.FindAllString(query.Expression, -1) {
				if !known[name] {
					fault("%q names %s, which comes later or never", query.Expression, name)
				}
			}
			if query.Label == "" {
				fault("%q has no label", query.Expression)
			}
		} else {
			var dimensions []string
			for name, value := range query.Metric.Dimensions {
				dimensions = append(dimensions, name)
				if value == "" {
					fault("dimension %s is empty", name)
				}
			}
			use := metrics.Use{Namespace: query.Metric.Namespace, Metric: query.Metric.Name, Statistic: query.Metric.Statistic, Dimensions: dimensions, Region: region}
			if found := use.Fault(); found != "" {
				fault("%s", found)
			}
			if period != 0 && period != query.Metric.PeriodSeconds {
				fault("two periods, %d and %d: CloudWatch takes one an alarm", period, query.Metric.PeriodSeconds)
			}
			period = query.Metric.PeriodSeconds
			count++
			if len(alarm.Queries) == 1 && alarm.Compare == Below && slices.Contains([]string{"Count", "Requests", "RequestCount"}, query.Metric.Name) {
				fault("few requests are no fault: %s below %g", query.Metric.Name, alarm.Threshold)
			}
		}
		known[query.ID] = true
		if i == len(alarm.Queries)-1 && len(alarm.Queries) > 1 && query.Expression == "" {
			fault("the last query is compared, and is no expression")
		}
	}
	if count > mostMetrics {
		fault("%d metrics, AWS takes %d", count, mostMetrics)
	}
	longest := 24 * hour
	if period >= hour {
		longest = 7 * 24 * hour
	}
	if span := period * alarm.Periods; span > longest || period == 0 {
		fault("%d seconds are looked at, AWS takes 1 to %d", span, longest)
	}
	if alarm.Breaching < 1 || alarm.Breaching > alarm.Periods {
		fault("%d of %d periods", alarm.Breaching, alarm.Periods)
	}
	if !slices.Contains([]Missing{NotBreaching, Breaching, Ignore}, alarm.Missing) {
		fault("missing data is not spoken of")
	}
	if !sections[alarm.Runbook] {
		fault("docs/runbook.md has no section %q", alarm.Runbook)
	}
	if alarm.Summary == "" || strings.HasSuffix(alarm.Summary, ".") {
		fault("summary %q", alarm.Summary)
	}
	return faults
}

// sections are the anchors of the runbook.
func sections(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]bool{}
	for line := range strings.SplitSeq(string(text), "\n") {
		if title, is := strings.CutPrefix(line, "### "); is {
			anchors[title] = true
		}
	}
	return anchors
}

// alarmID is what an alarm is called within its environment.
var alarmID = regexp.MustCompile(`^[a-z0-9_]+$`)

func TestCatalogue(t *testing.T) {
	alarms, composites := Catalogue("batbern-dev", everything, closely)
	anchors := sections(t)
	ids := map[string]bool{}
	for _, alarm := range alarms {
		for _, fault := range alarmFaults(alarm, anchors) {
			t.Errorf("%s: %s", alarm.ID, fault)
		}
		if ids[alarm.ID] {
			t.Errorf("%s stands twice", alarm.ID)
		}
		ids[alarm.ID] = true
		if !alarmID.MatchString(alarm.ID) {
			t.Errorf("%s is no id", alarm.ID)
		}
	}
	for _, composite := range composites {
		for _, part := range composite.All {
			if !ids[part] {
				t.Errorf("%s: there is no alarm %s", composite.ID, part)
			}
		}
		if composite.Suppressor != "" && !ids[composite.Suppressor] {
			t.Errorf("%s: there is no alarm %s", composite.ID, composite.Suppressor)
		}
		if ids[composite.ID] || !anchors[composite.Runbook] {
			t.Errorf("%s: the id is taken, or the runbook has no section %s", composite.ID, composite.Runbook)
		}
	}
	for _, event := range Events("batbern-dev", everything) {
		if !anchors[event.Runbook] {
			t.Errorf("event %s: the runbook has no section %s", event.ID, event.Runbook)
		}
	}
}

// A section that no alarm leads to is of something that is gone. Budgets and anomalies are AWS's own mails.
func TestRunbookHasNothingToSpare(t *testing.T) {
	used := map[string]bool{"budget": true, "anomaly": true, "rollback": true}
	alarms, composites := Catalogue("batbern-dev", everything, closely)
	for _, alarm := range alarms {
		used[alarm.Runbook] = true
	}
	for _, composite := range composites {
		used[composite.Runbook] = true
	}
	for _, event := range Events("batbern-dev", everything) {
		used[event.Runbook] = true
	}
	anchors := sections(t)
	for section := range anchors {
		if !used[section] {
			t.Errorf("no alarm leads to section %q", section)
		}
	}
	text, _ := os.ReadFile("../../docs/runbook.md")
	for _, link := range regexp.MustCompile(`\]\(#([a-z0-9-]+)\)`).FindAllStringSubmatch(string(text), -1) {
		if !anchors[link[1]] {
			t.Errorf("the runbook links to #%s, which it has not", link[1])
		}
	}
	for part := range strings.SplitSeq(string(text), "\n### ") {
		if title, body, _ := strings.Cut(part, "\n"); anchors[title] {
			for _, must := range []string{"**Means**", "**Look**", "**do**"} {
				if !strings.Contains(strings.ReplaceAll(body, "**Do**", "**do**"), must) {
					t.Errorf("section %s says nothing of %s", title, must)
				}
			}
		}
	}
}

// What was wrong with BATbern's former alarms, planted one by one.
func TestPlantedFaultsOfAlarmsAreFound(t *testing.T) {
	sound := Alarm{
		ID: "x", Runbook: "service-cpu", Summary: "x", Compare: Above, Breaching: 1, Periods: 1, Missing: NotBreaching,
		Queries: on(Metric{"AWS/ECS", "CPUUtilization", "Average", five, map[string]string{"ClusterName": "c", "ServiceName": "s"}}),
	}
	anchors := sections(t)
	if faults := alarmFaults(sound, anchors); len(faults) > 0 {
		t.Fatalf("faulty before anything is planted: %v", faults)
	}
	metric := func(namespace, name, statistic string, dimensions ...string) func(*Alarm) {
		values := map[string]string{}
		for _, dimension := range dimensions {
			values[dimension] = "x"
		}
		return func(a *Alarm) { a.Queries = on(Metric{namespace, name, statistic, five, values}) }
	}
	for name, test := range map[string]struct {
		spoil func(*Alarm)
		want  string
	}{
		"availability that is a count": {func(a *Alarm) {
			a.Queries = on(Metric{"AWS/ApiGateway", "Count", "Sum", five, map[string]string{"ApiId": "x"}})
			a.Compare, a.Threshold, a.Missing = Below, 99.9, Breaching
		}, "few requests are no fault"},
		"a REST API's error metric":   {metric("AWS/ApiGateway", "5XXError", "Sum", "ApiName"), "no metric"},
		"disks of Fargate":            {metric("AWS/EBS", "VolumeUtilization", "Average"), "not documented"},
		"CPU without cluster":         {metric("AWS/ECS", "CPUUtilization", "Average", "ServiceName"), "no dimensions"},
		"memory without cluster":      {metric("AWS/ECS", "MemoryUtilization", "Average", "ServiceName"), "no dimensions"},
		"a cluster of one instance":   {metric("AWS/RDS", "CPUUtilization", "Average", "DBClusterIdentifier"), "no dimensions"},
		"connections of no instance":  {metric("AWS/RDS", "DatabaseConnections", "Average", "DBClusterIdentifier"), "no dimensions"},
		"tasks that nobody counts":    {metric("AWS/ECS", "TaskCount", "Average", "ClusterName", "ServiceName"), "no metric"},
		"the bill from Frankfurt":     {metric("AWS/Billing", "EstimatedCharges", "Maximum", "Currency"), "us-east-1 alone"},
		"the edge from Frankfurt":     {metric("AWS/CloudFront", "5xxErrorRate", "Average", "DistributionId", "Region"), "us-east-1 alone"},
		"traces as metrics":           {metric("AWS/X-Ray", "TracedRequests", "Sum"), "not documented"},
		"hosts without target group":  {metric("AWS/ApplicationELB", "UnHealthyHostCount", "Maximum", "LoadBalancer"), "no dimensions"},
		"an empty dimension":          {func(a *Alarm) { a.Queries[0].Metric.Dimensions["ServiceName"] = "" }, "is empty"},
		"no word on missing data":     {func(a *Alarm) { a.Missing = "" }, "missing data"},
		"more periods than there are": {func(a *Alarm) { a.Breaching = 2 }, "2 of 1"},
		"more than a day":             {func(a *Alarm) { a.Periods = 300 }, "AWS takes"},
		"an expression on nothing":    {func(a *Alarm) { a.Queries = append(a.Queries, Query{ID: "y", Expression: "100 * nothing", Label: "y"}) }, "comes later or never"},
		"no runbook":                  {func(a *Alarm) { a.Runbook = "ask-somebody" }, "no section"},
	} {
		t.Run(name, func(t *testing.T) {
			alarm := sound
			alarm.Queries = on(Metric{"AWS/ECS", "CPUUtilization", "Average", five, map[string]string{"ClusterName": "c", "ServiceName": "s"}})
			test.spoil(&alarm)
			if faults := strings.Join(alarmFaults(alarm, anchors), "; "); !strings.Contains(faults, test.want) {
				t.Errorf("found %q, wanted %q", faults, test.want)
			}
		})
	}
}

func TestAlarmsBySeverity(t *testing.T) {
	for from, wanted := range map[config.Severity][]string{
		config.Critical: {"database_main_storage", "service_event_management_nobody_healthy", "service_event_management_rollout", "service_event_management_tasks_missing"},
		config.Warning:  {"database_main_cpu", "database_main_storage", "slo_api_fast_5m", "slo_api_slow_30m"},
		config.Info:     {"distribution_frontend_4xx"},
	} {
		watch := closely
		watch.AlarmsFrom = from
		alarms, composites := Catalogue("batbern-dev", everything, watch)
		ids := map[string]bool{}
		parts := map[string]bool{}
		for _, composite := range composites {
			if !composite.Severity.AtLeast(from) {
				t.Errorf("%s: composite %s is %s", from, composite.ID, composite.Severity)
			}
			for _, part := range append(slices.Clone(composite.All), composite.Suppressor) {
				parts[part] = true
			}
		}
		for _, alarm := range alarms {
			ids[alarm.ID] = true
			if !parts[alarm.ID] && !alarm.Severity.AtLeast(from) {
				t.Errorf("%s: alarm %s is %s", from, alarm.ID, alarm.Severity)
			}
			if alarm.component && !parts[alarm.ID] {
				t.Errorf("%s: %s is part of no composite", from, alarm.ID)
			}
		}
		for _, id := range wanted {
			if !ids[id] {
				t.Errorf("%s: no alarm %s", from, id)
			}
		}
	}
}

// Without a target there is no alarm on it, and no event of it but AWS's own news.
func TestNothingIsWatchedThatIsNotThere(t *testing.T) {
	alarms, composites := Catalogue("batbern-dev", Targets{}, closely)
	if len(composites) > 0 || len(alarms) != 1 || alarms[0].ID != "events_health_undelivered" {
		t.Errorf("found %v and %v", alarms, composites)
	}
	if events := Events("batbern-dev", Targets{}); len(events) != 1 || events[0].ID != "health" {
		t.Errorf("found %v", events)
	}
}

// The burn rate arithmetic on numbers: at the promised rate of errors the value is 1.
func TestBurnRates(t *testing.T) {
	alarms, composites := burnRates(everything, closely)
	if len(alarms) != 8 || len(composites) != 4 {
		t.Fatalf("%d alarms, %d composites", len(alarms), len(composites))
	}
	for _, alarm := range alarms {
		last := alarm.Queries[len(alarm.Queries)-1].Expression
		want := "rate / 0.005"
		if strings.HasPrefix(alarm.ID, "slo_site") {
			want = "rate / 0.001"
		}
		if last != want {
			t.Errorf("%s: %s, wanted %s", alarm.ID, last, want)
		}
	}
	windows := map[string]int{"slo_api_fast_5m": 300, "slo_api_fast_60m": 3600, "slo_api_slow_30m": 1800, "slo_api_slow_360m": 21600}
	for _, alarm := range alarms {
		if seconds, known := windows[alarm.ID]; known && alarm.Queries[0].Metric.PeriodSeconds != seconds {
			t.Errorf("%s: period %d", alarm.ID, alarm.Queries[0].Metric.PeriodSeconds)
		}
	}
}

func TestMaskingPolicyPairsAuditAndMask(t *testing.T) {
	var policy struct {
		Configuration struct {
			CustomDataIdentifier []struct{ Name, Regex string }
		}
		Statement []struct {
			DataIdentifier []string
			Operation      map[string]any
		}
	}
	if err := json.Unmarshal([]byte(MaskingPolicy("batbern-dev")), &policy); err != nil {
		t.Fatal(err)
	}
	if len(policy.Statement) != 2 || !slices.Equal(policy.Statement[0].DataIdentifier, policy.Statement[1].DataIdentifier) ||
		policy.Statement[0].Operation["Audit"] == nil || policy.Statement[1].Operation["Deidentify"] == nil {
		t.Fatalf("found %v", policy.Statement)
	}
	samples := map[string][]string{"AhvNumber": {"756.1234.5678.97"}, "SwissPhoneNumber": {"+41 31 123 45 67", "0041791234567"}}
	for _, own := range policy.Configuration.CustomDataIdentifier {
		expression := regexp.MustCompile(own.Regex)
		for _, sample := range samples[own.Name] {
			if expression.FindString(sample) != sample {
				t.Errorf("%s does not find %s", own.Name, sample)
			}
		}
		if len(samples[own.Name]) == 0 || len(own.Regex) > 200 {
			t.Errorf("%s is not tested, or longer than the 200 characters that AWS takes", own.Name)
		}
		if expression.MatchString("order 756 of 1234 pieces") {
			t.Errorf("%s finds too much", own.Name)
		}
	}
}

func TestEventsAreMailsThatPeopleCanRead(t *testing.T) {
	for _, event := range Events("batbern-dev", everything) {
		message := event.message(Props{Name: "batbern-dev", Repository: "BATbern/infrastructure"})
		for line := range strings.SplitSeq(message, "\n") {
			if !strings.HasPrefix(line, `"`) || !strings.HasSuffix(line, `"`) {
				t.Errorf("%s: the line %s is not in quotes, EventBridge refuses it", event.ID, line)
			}
		}
		if !strings.Contains(message, "docs/runbook.md#"+event.Runbook) || !strings.Contains(message, "batbern-dev") {
			t.Errorf("%s: %s", event.ID, message)
		}
		for name := range event.Details {
			if !strings.Contains(message, "<"+name+">") {
				t.Errorf("%s: the mail has no %s", event.ID, name)
			}
		}
		if text := encode(event.Pattern); len(text) > 2048 {
			t.Errorf("%s: a pattern of %d characters", event.ID, len(text))
		}
	}
}
