package observability

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
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

// ACM's certificates live for 198 days and are renewed from 45 days before their end on: an alarm that early rings for
// each of them although nothing is wrong. It has to leave the renewal a week, and a person a week.
// https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html
func TestCertificateAlarmsWaitForTheRenewal(t *testing.T) {
	for _, alarm := range certificateAlarms(Certificate{Key: "regional", Arn: "arn:1"}) {
		if alarm.Compare != Below || alarm.Threshold > 45-7 || alarm.Threshold < 7 {
			t.Errorf("%s rings %v days before the end", alarm.ID, alarm.Threshold)
		}
	}
}

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
		general := strings.ReplaceAll(link[1], "-", " ") // a section that is about no alarm has a heading in words
		if !anchors[link[1]] && !strings.Contains(strings.ToLower(string(text)), "\n## "+general+"\n") {
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
	if len(composites) > 0 || len(alarms) != 2 || alarms[0].ID != "events_health_undelivered" || alarms[1].ID != "events_health_virginia_undelivered" {
		t.Errorf("found %v and %v", alarms, composites)
	}
	if events := Events("batbern-dev", Targets{}); len(events) != 2 || events[0].ID != "health" || !events[1].Virginia {
		t.Errorf("found %v", events)
	}
}

// calculate is what CloudWatch makes of an alarm's expressions when its metrics have these values; one without a value has
// sent nothing. CloudWatch's arithmetic is written as JavaScript's, which Node.js is here for.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
func calculate(t *testing.T, alarm Alarm, values map[string]float64) float64 {
	t.Helper()
	script := "const IF = (c, a, b) => c ? a : b, MAX = (all) => Math.max(...all), FILL = (v, d) => v === undefined ? d : v;\n"
	for _, query := range alarm.Queries {
		if query.Metric == nil {
			script += fmt.Sprintf("var %s = %s;\n", query.ID, query.Expression)
		} else if value, sent := values[query.ID]; sent {
			script += fmt.Sprintf("var %s = %g;\n", query.ID, value)
		} else {
			script += fmt.Sprintf("var %s;\n", query.ID)
		}
	}
	output, err := exec.Command("node", "-e", script+"console.log("+alarm.Queries[len(alarm.Queries)-1].ID+")").CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", alarm.ID, err, output)
	}
	result, err := strconv.ParseFloat(strings.TrimSpace(string(output)), 64)
	if err != nil {
		t.Fatalf("%s: %s", alarm.ID, output)
	}
	return result
}

// found is the alarm of an id.
func found(t *testing.T, alarms []Alarm, id string) Alarm {
	t.Helper()
	i := slices.IndexFunc(alarms, func(a Alarm) bool { return a.ID == id })
	if i < 0 {
		t.Fatalf("there is no alarm %s", id)
	}
	return alarms[i]
}

// fires says whether the value is over, or under, the threshold.
func fires(alarm Alarm, value float64) bool {
	return map[Comparison]bool{Above: value > alarm.Threshold, Below: value < alarm.Threshold}[alarm.Compare]
}

// Each expression on numbers: what sounds the alarm, and what just does not.
func TestExpressions(t *testing.T) {
	alarms, _ := Catalogue("batbern-dev", everything, closely)
	type values = map[string]float64
	for _, test := range []struct {
		alarm  string
		values values
		want   float64
		sounds bool
	}{
		// promised are 99.5 percent of the API's answers, 99.9 of the site's: at that rate of errors the value is 1
		{"slo_api_fast_60m", values{"errors": 5, "requests": 1000}, 1, false},
		{"slo_api_fast_60m", values{"errors": 72, "requests": 1000}, 14.4, false},
		{"slo_api_fast_60m", values{"errors": 73, "requests": 1000}, 14.6, true},
		{"slo_api_fast_60m", values{"errors": 9, "requests": 9}, 0, false}, // too few to be a rate
		{"slo_api_slow_360m", values{"errors": 31, "requests": 1000}, 6.2, true},
		{"slo_site_fast_5m", values{"percent": 0.1, "requests": 1000}, 1, false},
		{"slo_site_fast_5m", values{"percent": 1.5, "requests": 1000}, 15, true},
		{"slo_site_fast_5m", values{"percent": 100, "requests": 1}, 0, false},
		{"api_main_5xx", values{"errors": 1, "requests": 20}, 5, false},
		{"api_main_5xx", values{"errors": 2, "requests": 20}, 10, true},
		{"api_main_5xx", values{"errors": 19, "requests": 19}, 0, false},
		{"api_main_refused", values{"errors": 60, "requests": 100}, 60, true},
		{"database_main_latency", values{"reading": 0.01, "writing": 0.2}, 0.2, true},
		{"proxy_main_full", values{"used": 40, "allowed": 50}, 80, false},
		{"proxy_main_full", values{"used": 41, "allowed": 50}, 82, true},
		{"service_api_gateway_tasks_missing", values{"wanted": 2, "running": 2}, 0, false},
		{"service_api_gateway_tasks_missing", values{"wanted": 2, "running": 1}, 1, true},
		{"service_api_gateway_tasks_missing", values{"wanted": 2}, 2, true}, // nothing runs, so nothing reports
		{"service_event_management_nobody_healthy", values{"group0": 0, "group1": 2}, 2, false},
		{"service_event_management_nobody_healthy", values{"group0": 0}, 0, true},
		{"events_health_undelivered", values{"rule_health": 1}, 1, true},
		{"events_health_virginia_undelivered", values{}, 0, false},
	} {
		alarm := found(t, alarms, test.alarm)
		value := calculate(t, alarm, test.values)
		if math.Abs(value-test.want) > 1e-9 || fires(alarm, math.Round(value*1e9)/1e9) != test.sounds {
			t.Errorf("%s of %v: found %g against %g, wanted %g and the alarm %v", test.alarm, test.values, value, alarm.Threshold, test.want, test.sounds)
		}
	}
}

// The speeds are those of the SRE workbook: so much of a month's budget is gone when the long window is full of errors.
func TestBurnRates(t *testing.T) {
	const month = 30 * 24 * hour
	for _, speed := range burnSpeeds {
		want := map[string]struct{ share, days float64 }{"fast": {0.02, 2}, "slow": {0.05, 5}}[speed.name]
		if share := speed.rate * float64(speed.long) / month; math.Abs(share-want.share) > 1e-9 {
			t.Errorf("%s: %g of the budget in a window, wanted %g", speed.name, share, want.share)
		}
		if days := 30 / speed.rate; math.Round(days) != want.days || !strings.Contains(speed.meaning, map[float64]string{2: "two days", 5: "five days"}[want.days]) {
			t.Errorf("%s: gone in %g days, and the mail says %q", speed.name, days, speed.meaning)
		}
		if speed.long != 12*speed.short {
			t.Errorf("%s: windows of %d and %d seconds, wanted a twelfth", speed.name, speed.short, speed.long)
		}
	}
	alarms, composites := burnRates(everything, closely)
	if len(alarms) != 8 || len(composites) != 4 {
		t.Fatalf("%d alarms, %d composites", len(alarms), len(composites))
	}
	for id, seconds := range map[string]int{"slo_api_fast_5m": 300, "slo_api_fast_60m": 3600, "slo_api_slow_30m": 1800, "slo_site_slow_360m": 21600} {
		if alarm := found(t, alarms, id); alarm.Queries[0].Metric.PeriodSeconds != seconds || !alarm.component {
			t.Errorf("%s: period %d, speaks for itself: %v", id, alarm.Queries[0].Metric.PeriodSeconds, !alarm.component)
		}
	}
	for _, composite := range composites {
		if len(composite.All) != 2 {
			t.Errorf("%s joins %v, wanted both windows", composite.ID, composite.All)
		}
	}
}

// A service that is being rolled out is not down: the suppressor sounds long enough, and the composite waits until it can.
func TestServiceDownKeepsQuietDuringARollout(t *testing.T) {
	for _, service := range everything.Services {
		alarms, down := serviceAlarms(service)
		rollout := found(t, alarms, down.Suppressor)
		period := 0
		for _, query := range rollout.Queries {
			if query.Metric != nil {
				period = query.Metric.PeriodSeconds
			}
		}
		if remembers := period * rollout.Periods; remembers < service.StartSeconds || rollout.Breaching != 1 {
			t.Errorf("%s: a rollout is forgotten after %d seconds, a task takes %d to start", service.Key, remembers, service.StartSeconds)
		}
		missing := found(t, alarms, id("service", service.Key, "tasks_missing"))
		if patience := missing.Periods * minute; patience <= service.StartSeconds {
			t.Errorf("%s: tasks are missed after %d seconds, one takes %d to start", service.Key, patience, service.StartSeconds)
		}
		if suppressorWaitSeconds < 2*period {
			t.Errorf("%s: the composite waits %d seconds for a metric of each %d", service.Key, suppressorWaitSeconds, period)
		}
		nobody := found(t, alarms, id("service", service.Key, "nobody_healthy"))
		if silence := map[bool]Missing{true: NotBreaching, false: Breaching}[service.Sleeps]; nobody.Missing != silence {
			t.Errorf("%s: silence is %s, wanted %s", service.Key, nobody.Missing, silence)
		}
	}
}
