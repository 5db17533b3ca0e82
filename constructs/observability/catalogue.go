package observability

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/batbern/infrastructure/config"
)

// Catalogue is every alarm for what exists in the environment of that AWS name. It is plain Go: what is watched, how, and
// how much it matters.
func Catalogue(name string, targets Targets, watch config.Observability) ([]Alarm, []Composite) {
	var alarms []Alarm
	var composites []Composite
	for _, t := range targets.Databases {
		own, silent := databaseAlarms(t)
		alarms, composites = append(alarms, own...), append(composites, silent...)
	}
	for _, t := range targets.Proxies {
		alarms = append(alarms, proxyAlarms(t)...)
	}
	for _, t := range targets.Caches {
		own, silent := cacheAlarms(t)
		alarms, composites = append(alarms, own...), append(composites, silent)
	}
	for _, t := range targets.Services {
		own, down := serviceAlarms(t)
		alarms, composites = append(alarms, own...), append(composites, down)
	}
	for _, t := range targets.LoadBalancers {
		alarms = append(alarms, loadBalancerAlarms(t, watch)...)
	}
	for _, t := range targets.Apis {
		alarms = append(alarms, apiAlarms(t, watch)...)
	}
	for _, t := range targets.Distributions {
		alarms = append(alarms, distributionAlarms(t)...)
	}
	for _, t := range targets.Firewalls {
		alarms = append(alarms, firewallAlarms(t)...)
	}
	for _, t := range targets.Functions {
		alarms = append(alarms, functionAlarms(t)...)
	}
	for _, t := range targets.Secrets {
		alarms = append(alarms, secretAlarm(t))
	}
	for _, t := range targets.Vaults {
		own, missing := vaultAlarms(t)
		alarms, composites = append(alarms, own...), append(composites, missing...)
	}
	for _, t := range targets.Certificates {
		alarms = append(alarms, certificateAlarms(t)...)
	}
	for _, t := range targets.NatGateways {
		alarms = append(alarms, natAlarms(t)...)
	}
	for _, t := range targets.Queues {
		alarms = append(alarms, queueAlarms(t)...)
	}
	for _, t := range targets.Canaries {
		own, failed := canaryAlarms(t, watch)
		alarms, composites = append(alarms, own...), append(composites, failed)
	}
	alarms = append(alarms, eventAlarms(name, targets)...)
	burning, burns := burnRates(targets, watch)
	return keep(append(alarms, burning...), append(composites, burns...), watch.AlarmsFrom)
}

// keep leaves out what matters too little, but not what a kept composite alarm is made of.
func keep(alarms []Alarm, composites []Composite, from config.Severity) ([]Alarm, []Composite) {
	composites = slices.DeleteFunc(composites, func(c Composite) bool { return !c.Severity.AtLeast(from) })
	parts := map[string]bool{}
	for _, c := range composites {
		for _, part := range append(slices.Clone(c.All), c.Suppressor) {
			parts[part] = true
		}
	}
	alarms = slices.DeleteFunc(alarms, func(a Alarm) bool {
		return !parts[a.ID] && (a.component || !a.Severity.AtLeast(from))
	})
	return alarms, composites
}

const (
	minute = 60
	five   = 5 * minute
	hour   = 60 * minute
	mebi   = 1024 * 1024
	gibi   = 1024 * mebi
)

func databaseAlarms(t Database) ([]Alarm, []Composite) {
	metric := func(name, statistic string) Metric {
		return Metric{"AWS/RDS", name, statistic, five, map[string]string{"DBInstanceIdentifier": t.InstanceID}}
	}
	// a quarter of an hour: what passes by itself wakes nobody
	alarm := func(what string, severity config.Severity, summary string, queries []Query, compare Comparison, threshold float64) Alarm {
		return Alarm{ID: id("database", t.Key, what), Runbook: "database-" + slug(what), Severity: severity, Summary: summary,
			Queries: queries, Compare: compare, Threshold: threshold, Breaching: 3, Periods: 3, Missing: NotBreaching}
	}
	alarms := []Alarm{
		alarm("cpu", config.Warning, "The database's CPU has been busy for a quarter of an hour", on(metric("CPUUtilization", "Average")), Above, 80),
		alarm("memory", config.Warning, "The database has less than a twentieth of its memory free", on(metric("FreeableMemory", "Average")), Below, float64(t.MemoryMiB)*mebi/20),
		// storage grows by itself when a tenth is left: below a twentieth it did not
		alarm("storage", config.Critical, "The database's disk is nearly full and did not grow", on(metric("FreeStorageSpace", "Minimum")), Below, float64(t.StorageGiB)*gibi/20),
		alarm("connections", config.Warning, "Four fifths of the database's connections are taken", on(metric("DatabaseConnections", "Maximum")), Above, float64(config.Machine{MemoryMiB: t.MemoryMiB}.MaxConnections()*4/5)),
		alarm("latency", config.Warning, "The database's disk answers slowly", []Query{
			{ID: "reading", Metric: pointer(metric("ReadLatency", "Average"))},
			{ID: "writing", Metric: pointer(metric("WriteLatency", "Average"))},
			{ID: "slower", Expression: "MAX([reading, writing])", Label: "slower of reading and writing, in seconds"},
		}, Above, 0.05),
		// at two thousand millions PostgreSQL stops taking writes
		alarm("transactions", config.Critical, "The database's vacuum does not keep up with transaction numbers", on(metric("MaximumUsedTransactionIDs", "Maximum")), Above, 1e9),
	}
	if t.Burstable {
		alarms = append(alarms, alarm("credits", config.Warning, "The database uses more CPU than its class includes, which is paid for by the hour",
			on(metric("CPUSurplusCreditsCharged", "Maximum")), Above, 0))
	}
	if t.Insights {
		alarms = append(alarms, alarm("load", config.Warning, "More sessions want the database's CPU than it has, twice over", on(metric("DBLoad", "Average")), Above, float64(2*t.Vcpus)))
	}
	if t.Replica {
		alarms = append(alarms, alarm("lag", config.Warning, "The read replica is more than five minutes behind", on(metric("ReplicaLag", "Average")), Above, 300))
	}
	if t.Sleeps {
		return alarms, nil
	}
	silent := alarm("silent", config.Critical, "The database sends no metrics: it is down or unreachable", on(metric("CPUUtilization", "SampleCount")), Below, 1)
	silent.Missing, silent.Breaching, silent.Periods = Breaching, 2, 2
	parts, composite := onceSeen(silent, hour/five)
	return append(alarms, parts...), []Composite{composite}
}

func proxyAlarms(t Proxy) []Alarm {
	metric := func(name, statistic string) *Metric {
		return &Metric{"AWS/RDS", name, statistic, minute, map[string]string{"ProxyName": t.Name}}
	}
	alarm := func(what string, severity config.Severity, summary string, threshold float64, queries ...Query) Alarm {
		return Alarm{ID: id("proxy", t.Key, what), Runbook: "proxy-" + slug(what), Severity: severity, Summary: summary,
			Queries: queries, Compare: Above, Threshold: threshold, Breaching: 10, Periods: 10, Missing: NotBreaching}
	}
	value := func(name, statistic string) Query { return Query{ID: "value", Metric: metric(name, statistic)} }
	return []Alarm{
		alarm("pinned", config.Warning, "Sessions are pinned to connections, so that the proxy cannot share these", 5, value("DatabaseConnectionsCurrentlySessionPinned", "Sum")),
		alarm("latency", config.Warning, "Services wait a tenth of a second for a connection from the proxy", 100_000, value("DatabaseConnectionsBorrowLatency", "Average")), // microseconds
		alarm("full", config.Critical, "Four fifths of the proxy's connections to the database are in use", 80,
			Query{ID: "used", Metric: metric("DatabaseConnectionsCurrentlyBorrowed", "Sum")},
			Query{ID: "allowed", Metric: metric("MaxDatabaseConnectionsAllowed", "Sum")},
			Query{ID: "percent", Expression: "100 * used / allowed", Label: "connections in use, percent"}),
		alarm("database_refuses", config.Critical, "The proxy cannot sign in to the database", 0, value("DatabaseConnectionsSetupFailed", "Sum")),
		alarm("clients_refused", config.Warning, "The proxy refuses clients' credentials", 10, value("ClientConnectionsSetupFailedAuth", "Sum")),
	}
}

// mostCacheConnections is how many clients a node lets in, whatever its size (maxclients).
// https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/BestPractices.Clients.Redis.Connections.html
const mostCacheConnections = 65000

func cacheAlarms(t CacheNode) ([]Alarm, Composite) {
	alarm := func(what string, severity config.Severity, summary, name, statistic string, threshold float64) Alarm {
		return Alarm{ID: id("cache", t.Key, what), Runbook: "cache-" + slug(what), Severity: severity, Summary: summary,
			Queries: on(Metric{"AWS/ElastiCache", name, statistic, five, map[string]string{"CacheClusterId": t.ClusterID}}),
			Compare: Above, Threshold: threshold, Breaching: 3, Periods: 3, Missing: NotBreaching}
	}
	// no count is below zero: it is the silence that sounds the alarm
	silent := alarm("silent", config.Critical, "A cache node sends no metrics: it is down", "CurrConnections", "Maximum", 0)
	silent.Compare, silent.Missing = Below, Breaching
	alarms := []Alarm{
		alarm("cpu", config.Warning, "A cache node's engine is busy", "EngineCPUUtilization", "Average", 80),
		alarm("memory", config.Warning, "A cache node's memory is nearly full", "DatabaseMemoryUsagePercentage", "Maximum", 85),
		alarm("evictions", config.Warning, "The cache forgets entries for want of memory", "Evictions", "Sum", 1000),
		alarm("connections", config.Warning, "Four fifths of the connections that a cache node takes are open", "CurrConnections", "Maximum", mostCacheConnections*4/5),
		alarm("refused", config.Warning, "The cache refuses clients' credentials", "AuthenticationFailures", "Sum", 0),
	}
	if t.Replicated {
		alarms = append(alarms, alarm("lag", config.Warning, "A cache replica is ten seconds behind", "ReplicationLag", "Maximum", 10))
	}
	parts, composite := onceSeen(silent, hour/five)
	return append(alarms, parts...), composite
}

// rolloutMinutes is how long after its start a rollout excuses a service: the new tasks start, are tested, take over.
const rolloutMinutes = 15

// serviceAlarms are a service's own and the composite that says it is down. Errors and tasks that do not get healthy have
// alarms already, which stop rollouts, beside the service.
func serviceAlarms(t Service) ([]Alarm, Composite) {
	insights := func(name, statistic string) *Metric {
		return &Metric{"ECS/ContainerInsights", name, statistic, minute, map[string]string{"ClusterName": t.Cluster, "ServiceName": t.Name}}
	}
	alarm := func(what string, severity config.Severity, summary string, threshold float64, periods int, queries ...Query) Alarm {
		return Alarm{ID: id("service", t.Key, what), Runbook: "service-" + slug(what), Severity: severity, Summary: t.Key + ": " + summary,
			Queries: queries, Compare: Above, Threshold: threshold, Breaching: periods, Periods: periods, Missing: NotBreaching}
	}
	usage := func(what, summary, name string, threshold float64) Alarm {
		return alarm(what, config.Warning, summary, threshold, 3,
			Query{ID: "value", Metric: &Metric{"AWS/ECS", name, "Average", five, map[string]string{"ClusterName": t.Cluster, "ServiceName": t.Name}}})
	}
	missing := alarm("tasks_missing", config.Warning, "fewer tasks run than are wanted", 0, t.StartSeconds/minute+3,
		Query{ID: "wanted", Metric: insights("DesiredTaskCount", "Average")},
		Query{ID: "running", Metric: insights("RunningTaskCount", "Average")},
		Query{ID: "missing", Expression: "FILL(wanted, 0) - FILL(running, 0)", Label: "missing tasks"})
	nobody := alarm("nobody_healthy", config.Info, "the load balancer finds no healthy task", 1, 2, healthyHosts(t)...)
	nobody.Compare, nobody.component = Below, true
	if !t.Sleeps {
		nobody.Missing = Breaching
	}
	began := "DeploymentCount"
	if t.BlueGreen {
		began = "TaskSetCount"
	}
	rollout := alarm("rollout", config.Info, "a rollout began", 0, rolloutMinutes,
		Query{ID: "sets", Metric: insights(began, "Maximum")},
		Query{ID: "begun", Expression: "DIFF(sets)", Label: "rollouts begun"})
	rollout.Breaching, rollout.component = 1, true // one of the last minutes is enough

	return []Alarm{
			usage("cpu", "the CPU is busy although it may scale", "CPUUtilization", 90),
			usage("memory", "the memory is nearly full", "MemoryUtilization", 92),
			missing, nobody, rollout,
		}, Composite{
			ID: id("service", t.Key, "down"), Runbook: "service-down", Severity: config.Critical,
			Summary:    t.Key + " is down: no task is healthy, and fewer run than are wanted",
			All:        []string{missing.ID, nobody.ID},
			Suppressor: rollout.ID,
		}
}

// healthyHosts adds up the healthy tasks of both target groups, whichever takes the traffic.
func healthyHosts(t Service) []Query {
	var queries []Query
	var terms []string
	for i, group := range t.TargetGroups {
		name := fmt.Sprintf("group%d", i)
		terms = append(terms, fmt.Sprintf("FILL(%s, 0)", name))
		queries = append(queries, Query{ID: name, Metric: &Metric{"AWS/ApplicationELB", "HealthyHostCount", "Maximum", minute,
			map[string]string{"TargetGroup": group, "LoadBalancer": t.LoadBalancer}}})
	}
	return append(queries, Query{ID: "healthy", Expression: strings.Join(terms, " + "), Label: "healthy tasks"})
}

func loadBalancerAlarms(t LoadBalancer, watch config.Observability) []Alarm {
	alarm := func(what string, severity config.Severity, summary, name, statistic string, threshold float64) Alarm {
		return Alarm{ID: id("load_balancer", t.Key, what), Runbook: "load-balancer-" + slug(what), Severity: severity, Summary: summary,
			Queries: on(Metric{"AWS/ApplicationELB", name, statistic, minute, map[string]string{"LoadBalancer": t.ArnSuffix}}),
			Compare: Above, Threshold: threshold, Breaching: 3, Periods: 5, Missing: NotBreaching}
	}
	return []Alarm{
		alarm("5xx", config.Critical, "The load balancer answers with errors of its own: it reaches no task", "HTTPCode_ELB_5XX_Count", "Sum", 5),
		alarm("latency", config.Warning, "One of twenty answers of the services is slow", "TargetResponseTime", "p95", float64(watch.SlowMilliseconds)/1000),
		alarm("unreachable", config.Warning, "The load balancer cannot connect to tasks", "TargetConnectionErrorCount", "Sum", 5),
		alarm("rejected", config.Critical, "The load balancer turns connections away", "RejectedConnectionCount", "Sum", 0),
	}
}

func apiAlarms(t Api, watch config.Observability) []Alarm {
	metric := func(name, statistic string) *Metric {
		return &Metric{"AWS/ApiGateway", name, statistic, five, map[string]string{"ApiId": t.ID, "Stage": t.Stage}}
	}
	alarm := func(what string, severity config.Severity, summary string, threshold float64, queries ...Query) Alarm {
		return Alarm{ID: id("api", t.Key, what), Runbook: "api-" + slug(what), Severity: severity, Summary: summary,
			Queries: queries, Compare: Above, Threshold: threshold, Breaching: 3, Periods: 3, Missing: NotBreaching}
	}
	// among few requests one that fails is a large part
	percent := func(least int) Query {
		return Query{ID: "percent", Expression: fmt.Sprintf("IF(requests >= %d, 100 * errors / requests, 0)", least), Label: "percent of requests"}
	}
	return []Alarm{
		alarm("5xx", config.Critical, "A twentieth of the API's answers are errors", 5,
			Query{ID: "errors", Metric: metric("5xx", "Sum")}, Query{ID: "requests", Metric: metric("Count", "Sum")}, percent(20)),
		alarm("refused", config.Warning, "Half of the API's answers refuse the request: throttled, or a client is broken", 50,
			Query{ID: "errors", Metric: metric("4xx", "Sum")}, Query{ID: "requests", Metric: metric("Count", "Sum")}, percent(100)),
		alarm("latency", config.Warning, "One of twenty answers of the API is slow", float64(watch.SlowMilliseconds), Query{ID: "value", Metric: metric("Latency", "p95")}),
	}
}

// global is how CloudFront's metrics name their region, wherever requests come from.
const global = "Global"

func distributionAlarms(t Distribution) []Alarm {
	alarm := func(what string, severity config.Severity, summary, name, statistic string, threshold float64) Alarm {
		return Alarm{ID: id("distribution", t.Key, what), Runbook: "distribution-" + slug(what), Severity: severity, Summary: t.Key + ": " + summary,
			Queries: on(Metric{"AWS/CloudFront", name, statistic, five, map[string]string{"DistributionId": t.ID, "Region": global}}),
			Compare: Above, Threshold: threshold, Breaching: 3, Periods: 3, Missing: NotBreaching, Virginia: true}
	}
	// among few requests one is a large part, and before the first release everybody who looks is refused
	refused := alarm("4xx", config.Info, "half of CloudFront's answers refuse the request", "4xxErrorRate", "Average", 50)
	refused.Queries = []Query{
		{ID: "refused", Metric: refused.Queries[0].Metric},
		{ID: "requests", Metric: &Metric{"AWS/CloudFront", "Requests", "Sum", five, map[string]string{"DistributionId": t.ID, "Region": global}}},
		{ID: "percent", Expression: "IF(requests >= 100, refused, 0)", Label: "percent of requests"},
	}
	alarms := []Alarm{
		alarm("5xx", config.Critical, "a twentieth of CloudFront's answers are errors", "5xxErrorRate", "Average", 5),
		refused,
	}
	if t.Detailed {
		alarms = append(alarms, alarm("latency", config.Warning, "one of twenty answers of the bucket behind CloudFront takes three seconds", "OriginLatency", "p95", 3000))
	}
	return alarms
}

func firewallAlarms(t Firewall) []Alarm {
	return []Alarm{{
		ID: id("firewall", t.Key, "blocked"), Runbook: "firewall-blocked", Severity: config.Warning,
		Summary: "The firewall blocks many requests: an attack, or a rule that hits the wrong people",
		Queries: on(Metric{"AWS/WAFV2", "BlockedRequests", "Sum", five, t.dimensions()}),
		Compare: Above, Threshold: 1000, Breaching: 3, Periods: 3, Missing: NotBreaching, Virginia: t.Region == "",
	}}
}

func functionAlarms(t Function) []Alarm {
	work := cmp.Or(string(t.Work), "function")
	alarm := func(what string, summary, name, statistic string, threshold float64) Alarm {
		return Alarm{ID: id("function", t.Key, what), Runbook: work + "-" + slug(what), Severity: config.Warning, Summary: t.Key + ": " + summary,
			Queries: on(Metric{"AWS/Lambda", name, statistic, five, map[string]string{"FunctionName": t.Name}}),
			Compare: Above, Threshold: threshold, Breaching: 1, Periods: 1, Missing: NotBreaching} // each call counts
	}
	failing := map[Work]string{
		Ordinary:  "the function fails",
		Rotation:  "passwords are not renewed",
		Migration: "the schema was not migrated: no service rolls out",
	}[t.Work]
	slow := alarm("slow", "the function needs four fifths of the time it has", "Duration", "Maximum", float64(t.TimeoutSeconds)*1000*4/5)
	throttled := alarm("throttled", "Lambda does not let the function run", "Throttles", "Sum", 0)
	slow.Runbook, throttled.Runbook = "function-slow", "function-throttled"
	return []Alarm{alarm("errors", failing, "Errors", "Sum", 0), throttled, slow}
}

// secretAlarm is on what lambda/secret-watch measures once a day. Its silence is told of by the alarms on that function
// and on its rule.
func secretAlarm(t Secret) Alarm {
	measured := func(name, statistic string) []Query {
		return on(Metric{"BATbern/Secrets", name, statistic, 24 * hour, map[string]string{"Secret": t.Name}})
	}
	if t.External {
		return Alarm{ID: id("secret", t.Key, "expiring"), Runbook: "secret-expiring", Severity: config.Warning,
			Summary: fmt.Sprintf("%s: the value is too old in %d days", t.Key, config.ExpiryWarningDays),
			Queries: measured("DaysUntilExpiry", "Minimum"), Compare: Below, Threshold: config.ExpiryWarningDays, Breaching: 1, Periods: 1, Missing: Ignore}
	}
	return Alarm{ID: id("secret", t.Key, "overdue"), Runbook: "secret-overdue", Severity: config.Warning, Summary: t.Key + ": the password did not change in time",
		Queries: measured("RotationOverdue", "Maximum"), Compare: Above, Threshold: 0, Breaching: 1, Periods: 1, Missing: Ignore}
}

// onceSeen makes an alarm quiet until there is something to watch. On the day of the first apply there is no backup yet, no
// metric, no page at the address: the alarm would ring, and nobody could do anything about it.
//
// The composite that it returns rings like the alarm. Its actions are suppressed as long as the same condition has held for
// all of a much longer range, neverPeriods: from the first apply until things first work. When they fail later, the
// composite has told long before the longer range is over, and it stays in the state ALARM after that: a suppressor
// suppresses actions, not the state. What never works at all rings never; "batbern verify" reports that.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Create_Composite_Alarm.html#Create_Composite_Alarm_Suppression
func onceSeen(alarm Alarm, neverPeriods int) ([]Alarm, Composite) {
	now, never := alarm, alarm
	now.ID, never.ID = id(alarm.ID, "now"), id(alarm.ID, "never")
	now.Severity, never.Severity = config.Info, config.Info
	now.component, never.component = true, true
	never.Summary = alarm.Summary + ", for so long that it may never have been otherwise"
	never.Breaching, never.Periods = neverPeriods, neverPeriods
	return []Alarm{now, never}, Composite{
		ID: alarm.ID, Runbook: alarm.Runbook, Severity: alarm.Severity, Summary: alarm.Summary,
		All: []string{now.ID}, Suppressor: never.ID, Virginia: alarm.Virginia,
	}
}

// dayAndMargin is how long after a backup the next one has to be done, in hours: its window moves.
const dayAndMargin = 26

func vaultAlarms(t Vault) ([]Alarm, []Composite) {
	alarm := func(what string, severity config.Severity, summary, name string) Alarm {
		return Alarm{ID: id("backup", t.Key, what), Runbook: "backup-" + slug(what), Severity: severity, Summary: t.Key + ": " + summary,
			Queries: on(Metric{"AWS/Backup", name, "Sum", hour, map[string]string{"BackupVaultName": t.Name}}),
			Compare: Above, Threshold: 0, Breaching: 1, Periods: 1, Missing: NotBreaching}
	}
	// copies that fail are told of by the vault itself, with the reason
	alarms := []Alarm{alarm("failed", config.Warning, "a backup failed", "NumberOfBackupJobsFailed")}
	if !t.Daily {
		return alarms, nil
	}
	missing := alarm("missing", config.Critical, "no backup was completed in a day", "NumberOfBackupJobsCompleted")
	missing.Compare, missing.Threshold, missing.Missing = Below, 1, Breaching
	missing.Breaching, missing.Periods = dayAndMargin, dayAndMargin
	parts, composite := onceSeen(missing, longestHours)
	return append(alarms, parts...), []Composite{composite}
}

// longestHours is the longest range of an alarm whose period is an hour: seven days.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
const longestHours = 7 * 24

// renewalDays is how many days before a certificate's end ACM begins to renew it: certificates that it issues are valid for
// 198 days. An alarm at that age or before would ring for each certificate that is being renewed as planned.
// https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html
const renewalDays = 45

// certificateAlarms ring when the renewal is two weeks late, and again while a person has two weeks left to act. ACM
// reports twice a day.
func certificateAlarms(t Certificate) []Alarm {
	alarm := func(what string, severity config.Severity, days int) Alarm {
		return Alarm{ID: id("certificate", t.Key, what), Runbook: "certificate-expiry", Severity: severity,
			Summary: fmt.Sprintf("The certificate %s ends within %d days and was not renewed", t.Key, days),
			Queries: on(Metric{"AWS/CertificateManager", "DaysToExpiry", "Minimum", 24 * hour, map[string]string{"CertificateArn": t.Arn}}),
			Compare: Below, Threshold: float64(days), Breaching: 1, Periods: 1, Missing: Ignore, Virginia: t.Virginia}
	}
	return []Alarm{alarm("expires", config.Warning, renewalDays-14), alarm("expires_soon", config.Critical, 14)}
}

func natAlarms(t NatGateway) []Alarm {
	alarm := func(what, summary, name string, threshold float64) Alarm {
		return Alarm{ID: id("nat", t.Key, what), Runbook: "nat-" + slug(what), Severity: config.Warning, Summary: summary,
			Queries: on(Metric{"AWS/NATGateway", name, "Sum", five, map[string]string{"NatGatewayId": t.ID}}),
			Compare: Above, Threshold: threshold, Breaching: 3, Periods: 3, Missing: NotBreaching}
	}
	return []Alarm{
		alarm("ports", "The NAT gateway has no port left for a connection", "ErrorPortAllocation", 0),
		alarm("drops", "The NAT gateway loses packets", "PacketsDropCount", 100),
	}
}

func queueAlarms(t Queue) []Alarm {
	alarm := func(what, summary, name string, threshold float64) Alarm {
		return Alarm{ID: id("queue", t.Key, what), Runbook: "queue-" + slug(what), Severity: config.Warning, Summary: t.Key + ": " + summary,
			Queries: on(Metric{"AWS/SQS", name, "Maximum", five, map[string]string{"QueueName": t.Name}}),
			Compare: Above, Threshold: threshold, Breaching: 1, Periods: 1, Missing: NotBreaching}
	}
	if t.DeadLetters {
		return []Alarm{alarm("dead_letters", "a message could not be handled", "ApproximateNumberOfMessagesVisible", 0)}
	}
	return []Alarm{alarm("waiting", "messages have waited for a quarter of an hour", "ApproximateAgeOfOldestMessage", 900)}
}

// canaryAlarms: one visit may fail by itself, two in a row do not. A canary that says nothing has stopped.
func canaryAlarms(t Canary, watch config.Observability) ([]Alarm, Composite) {
	period := max(five, watch.Canaries.EveryMinutes*minute)
	return onceSeen(Alarm{
		ID: id("canary", t.Key, "failed"), Runbook: "canary-failed", Severity: config.Critical,
		Summary: "Visits from outside fail: " + t.Key,
		Queries: on(Metric{"CloudWatchSynthetics", "SuccessPercent", "Average", period, map[string]string{"CanaryName": t.Name}}),
		Compare: Below, Threshold: 100, Breaching: 2, Periods: 2, Missing: Breaching,
	}, 24*hour/period) // a day is the longest range of an alarm whose period is shorter than an hour
}

// mostMetrics is how many metrics an alarm may have.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
const mostMetrics = 10

// eventAlarms are on events that reach no topic: a policy of a key or of a topic that shuts EventBridge out loses its
// messages without a word.
func eventAlarms(name string, targets Targets) []Alarm {
	var home, inVirginia []Rule
	for _, event := range Events(name, targets) {
		rule := Rule{Key: event.ID, Name: event.ruleName(name)}
		if event.Virginia {
			inVirginia = append(inVirginia, rule)
		} else {
			home = append(home, rule)
		}
	}
	return append(undelivered(append(home, targets.Rules...), false), undelivered(inVirginia, true)...)
}

// undelivered are the alarms on rules of one region, as few as there can be.
func undelivered(rules []Rule, inVirginia bool) []Alarm {
	var alarms []Alarm
	for some := range slices.Chunk(rules, mostMetrics) {
		alarm := Alarm{
			ID: id("events", some[0].Key, "undelivered"), Runbook: "events-undelivered", Severity: config.Warning, Summary: "Events did not reach their topic",
			Compare: Above, Threshold: 0, Breaching: 1, Periods: 1, Missing: NotBreaching, Virginia: inVirginia,
		}
		var terms []string
		for _, rule := range some {
			query := id("rule", rule.Key)
			alarm.Queries = append(alarm.Queries, Query{ID: query, Metric: &Metric{"AWS/Events", "FailedInvocations", "Sum", five, map[string]string{"RuleName": rule.Name}}})
			terms = append(terms, fmt.Sprintf("FILL(%s, 0)", query))
		}
		alarm.Queries = append(alarm.Queries, Query{ID: "undelivered", Expression: strings.Join(terms, " + "), Label: "events that reached no topic"})
		alarms = append(alarms, alarm)
	}
	return alarms
}

func pointer(m Metric) *Metric { return &m }
