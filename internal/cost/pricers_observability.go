package cost

import (
	"fmt"
	"slices"
)

// logCompression is how much of the ingested volume CloudWatch stores, by AWS's pricing examples.
const logCompression = 0.15

// enhancedMonitoring is the group that RDS writes an operating system's figures to.
const enhancedMonitoring = "RDSOSMetrics"

// logGroup bills what goes in, by the group's class, and what is kept of it for the retention.
func logGroup(m *meter) {
	in := m.assume.LogGb
	item, ingest := "log ingestion", "logs.ingest.gb"
	if m.String("log_group_class") == "INFREQUENT_ACCESS" {
		item, ingest = "log ingestion, infrequent access", "logs.ingest_infrequent.gb"
	}
	switch {
	case m.holdsFlowLogs(): // billed with the flow log, at the price of vended logs
		in = m.assume.FlowLogGb
	case m.String("name") == enhancedMonitoring: // billed with the instance
	default:
		m.add(item, ingest, assumed(in, gb(in, "into each log group")))
	}
	days := m.number("retention_in_days", 0)
	if days == 0 { // never expires: count a year
		days = 365
	}
	m.add("log storage", "logs.store.gb", assumed(in*days/30*logCompression, fmt.Sprintf("%s × %s days kept", gb(in, "into each log group"), plain(days))))
}

func (m *meter) holdsFlowLogs() bool {
	for _, f := range m.stack.OfType("aws_flow_log") {
		if slices.Contains(f.Refers("log_destination"), m.Resource) {
			return true
		}
	}
	return false
}

func logProtection(m *meter) {
	m.add("data protection scan", "logs.protect.gb", assumed(m.assume.LogGb, gb(m.assume.LogGb, "into each log group")))
}

// logAccountPolicy masks in every group that the account has in its region.
func logAccountPolicy(m *meter) {
	if m.String("policy_type") != "DATA_PROTECTION_POLICY" {
		return
	}
	groups := 0.0
	for _, group := range m.stack.OfType("aws_cloudwatch_log_group") {
		if group.Region() == m.Region() {
			groups++
		}
	}
	if groups == 0 {
		return
	}
	m.add("data protection scan", "logs.protect.gb", assumed(m.assume.LogGb*groups, gb(m.assume.LogGb, "into each log group")))
}

func logDelivery(m *meter) {
	m.add("delivered logs", "logs.vended_s3.gb", assumed(m.assume.LogGb, gb(m.assume.LogGb, "of each log delivery")))
}

func metricFilter(m *meter) {
	n := float64(max(1, len(m.List("metric_transformation"))))
	m.add("custom metrics", "cloudwatch.metric", stated(n, times(n, "metric")))
}

// alarm is billed by the metrics it evaluates; an anomaly band counts three. Periods below a minute are high resolution.
func alarm(m *meter) {
	metrics, fast := m.alarmMetrics()
	item, key := "alarm", "cloudwatch.alarm"
	if fast {
		item, key = "alarm, high resolution", "cloudwatch.alarm_high"
	}
	m.add(item, key, stated(metrics, times(metrics, "metric")))
}

func (m *meter) alarmMetrics() (metrics float64, fast bool) {
	queries := m.List("metric_query")
	fast = m.number("period", 300) < 60
	if len(queries) == 0 {
		metrics = 1
	}
	for i := range queries {
		at := fmt.Sprintf("metric_query.%d.metric", i)
		if m.Value(at) == nil {
			continue
		}
		metrics++
		fast = fast || m.number(at+".period", 300) < 60
	}
	metrics = max(1, metrics)
	if m.String("threshold_metric_id") != "" {
		metrics *= 3
	}
	return metrics, fast
}

func compositeAlarm(m *meter) {
	m.add("composite alarm", "cloudwatch.alarm_composite", one("alarm"))
}

func dashboard(m *meter) { m.add("dashboard", "cloudwatch.dashboard", one("dashboard")) }

func canary(m *meter) {
	runs := m.runs("schedule.expression")
	m.add("canary runs", "cloudwatch.canary_run", stated(runs, times(runs, "run")))
}

func browserMonitor(m *meter) {
	n := m.assume.BrowserEventsThousand
	m.add("browser events", "cloudwatch.rum", assumed(n/100, fmt.Sprintf("%s thousand events of each monitor", plain(n))))
}

// traces are billed once a stack, with its first X-Ray resource, since none of them is billed itself.
func traces(m *meter) {
	if m.isFirstOf("aws_xray_") {
		m.add("traces", "xray.traces", assumed(m.assume.TracesMillion, million(m.assume.TracesMillion, "traces recorded")))
	}
}

// grafana bills active users; a workspace has at least one editor.
func grafana(m *meter) {
	editors := max(1, m.assume.GrafanaEditors)
	m.add("Grafana editors", "grafana.editor", assumed(editors, times(editors, "editor")+" of each workspace"))
	if viewers := m.assume.GrafanaViewers; viewers > 0 {
		m.add("Grafana viewers", "grafana.viewer", assumed(viewers, times(viewers, "viewer")+" of each workspace"))
	}
}

// runs is how often a schedule of the resource runs a month.
func (m *meter) runs(path string) float64 {
	n, err := runsPerMonth(m.String(path))
	if err != nil {
		m.fault("%s: %s: %w", m.Address(), path, err)
	}
	return n
}
