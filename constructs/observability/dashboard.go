package observability

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchdashboard"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/text"
)

// dashboard makes the environment's and gives its name.
func dashboard(scope constructs.Construct, id string, props Props) string {
	return *cloudwatchdashboard.NewCloudwatchDashboard(scope, jsii.String(id), &cloudwatchdashboard.CloudwatchDashboardConfig{
		DashboardName: jsii.String(props.Name),
		DashboardBody: jsii.String(Dashboard(View{
			Name: props.Name, Account: props.Account.ID, Region: props.Account.Region, Targets: props.Targets, Watch: props.Watch,
			BudgetUsd: props.BudgetUsd, Repository: props.Repository, AlarmArns: alarmsAtHome(props),
		})),
	}).DashboardName()
}

// alarmsAtHome are the ARNs of the alarms that speak for themselves, in the home region.
func alarmsAtHome(props Props) []string {
	var arns []string
	add := func(id string, inVirginia bool) {
		if !inVirginia {
			arns = append(arns, fmt.Sprintf("arn:aws:cloudwatch:%s:%s:alarm:%s", props.Account.Region, props.Account.ID, props.alarmName(id)))
		}
	}
	metric, composite := Catalogue(props.Name, props.Targets, props.Watch)
	for _, alarm := range composite {
		add(alarm.ID, alarm.Virginia)
	}
	for _, alarm := range metric {
		add(alarm.ID, alarm.Virginia || alarm.component)
	}
	return arns
}

// View is what a dashboard shows.
type View struct {
	Name, Account, Region string
	Targets               Targets
	Watch                 config.Observability
	BudgetUsd             float64
	Repository            string
	// AlarmArns are the alarms of the home region: CloudWatch shows those of no other.
	AlarmArns []string
}

// Dashboard is the body of the environment's dashboard: a row for each concern, of what exists. A kind of target that the
// environment has not has no row.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
func Dashboard(v View) string {
	var b board
	b.heading(fmt.Sprintf("# %s\n[What to do](https://github.com/%s/blob/main/docs/runbook.md)", v.Name, v.Repository))
	b.row("", v.alarms()...)
	b.row("What is promised", v.promises()...)
	b.row("Traffic", v.traffic()...)
	b.row("Services", v.services()...)
	b.row("Database", v.databases()...)
	b.row("Cache", v.caches()...)
	b.row("Edge", v.edge()...)
	b.row("Functions and backups", v.background()...)
	b.row("Cost", v.cost()...)
	return text.JSON(map[string]any{"start": "-PT3H", "periodOverride": "inherit", "widgets": b.widgets})
}

// The grid that CloudWatch lays widgets out on.
const (
	columns       = 24
	mostInLine    = 4
	graphHeight   = 6
	headingHeight = 1
)

// board is a dashboard in the making, top down.
type board struct {
	widgets []widget
	y       int
}

type widget struct {
	Type       string         `json:"type"`
	X          int            `json:"x"`
	Y          int            `json:"y"`
	Width      int            `json:"width"`
	Height     int            `json:"height"`
	Properties map[string]any `json:"properties"`
}

func (b *board) heading(markdown string) {
	height := headingHeight + strings.Count(markdown, "\n")
	b.widgets = append(b.widgets, widget{"text", 0, b.y, columns, height, map[string]any{"markdown": markdown}})
	b.y += height
}

// row adds widgets below a heading, side by side as far as they are wide enough. Without widgets there is no heading.
func (b *board) row(title string, graphs ...widget) {
	if len(graphs) == 0 {
		return
	}
	if title != "" {
		b.heading("## " + title)
	}
	for line := range slices.Chunk(graphs, mostInLine) {
		width := columns / len(line)
		for i, graph := range line {
			graph.X, graph.Y, graph.Width, graph.Height = i*width, b.y, width, graphHeight
			b.widgets = append(b.widgets, graph)
		}
		b.y += graphHeight
	}
}

// line is a metric or an expression in a graph.
type line struct {
	label      string
	metric     Metric
	id         string // for expressions to name
	expression string
	hidden     bool
	right      bool // its scale is the right one
}

// graph draws lines over time in a region.
func graph(title, region string, lines []line, mark ...any) widget {
	var metrics []any
	for _, l := range lines {
		options := map[string]any{"label": l.label}
		if l.id != "" {
			options["id"] = l.id
		}
		if l.hidden {
			options["visible"] = false
		}
		if l.right {
			options["yAxis"] = "right"
		}
		if l.expression != "" {
			options["expression"] = l.expression
			metrics = append(metrics, []any{options})
			continue
		}
		options["stat"], options["period"] = l.metric.Statistic, l.metric.PeriodSeconds
		entry := []any{l.metric.Namespace, l.metric.Name}
		for _, name := range slices.Sorted(maps.Keys(l.metric.Dimensions)) {
			entry = append(entry, name, l.metric.Dimensions[name])
		}
		metrics = append(metrics, append(entry, options))
	}
	properties := map[string]any{"title": title, "region": region, "view": "timeSeries", "stacked": false, "metrics": metrics,
		"yAxis": map[string]any{"left": map[string]any{"min": 0}}}
	if len(mark) > 0 {
		properties["annotations"] = map[string]any{"horizontal": mark}
	}
	return widget{Type: "metric", Properties: properties}
}

// mark is a horizontal line at a limit.
func mark(label string, value float64) any { return map[string]any{"label": label, "value": value} }

func (v View) alarms() []widget {
	if len(v.AlarmArns) == 0 {
		return nil
	}
	const mostAlarms = 100 // of a widget
	var widgets []widget
	for arns := range slices.Chunk(v.AlarmArns, mostAlarms) {
		widgets = append(widgets, widget{Type: "alarm", Properties: map[string]any{"title": "Alarms", "alarms": arns, "sortBy": "stateUpdatedTimestamp"}})
	}
	return widgets
}

// promises are how much of the budget of errors the last hours took: at 1 it lasts just for a month.
func (v View) promises() []widget {
	var widgets []widget
	for _, p := range promises(v.Targets, v.Watch) {
		region := v.Region
		if p.virginia {
			region = virginia
		}
		var lines []line
		for _, query := range p.errors(hour) {
			l := line{label: query.Label, id: query.ID, expression: query.Expression, hidden: true}
			if query.Metric != nil {
				l.metric, l.label = *query.Metric, query.Metric.Name
			}
			lines = append(lines, l)
		}
		budget := (100 - p.percent) / 100
		lines = append(lines, line{label: "good answers, percent", id: "good", expression: "100 * (1 - rate)"})
		kept := graph(fmt.Sprintf("%s: good answers, promised are %.5g percent", p.key, p.percent), region, lines, mark("promised", p.percent))
		kept.Properties["yAxis"] = map[string]any{"left": map[string]any{"max": 100}}
		burning := slices.Clone(lines[:len(lines)-1])
		burning = append(burning, line{label: "times the rate that lasts for a month", id: "burn", expression: fmt.Sprintf("rate / %.5g", budget)})
		widgets = append(widgets, kept, graph(p.key+": budget of errors, how fast it goes", region, burning,
			mark("somebody gets up", burnSpeeds[0].rate), mark("somebody looks", burnSpeeds[1].rate)))
	}
	return widgets
}

func (v View) traffic() []widget {
	var widgets []widget
	for _, t := range v.Targets.Apis {
		metric := func(name, statistic string) Metric {
			return Metric{"AWS/ApiGateway", name, statistic, five, map[string]string{"ApiId": t.ID, "Stage": t.Stage}}
		}
		widgets = append(widgets,
			graph("API: requests and errors", v.Region, []line{
				{label: "requests", metric: metric("Count", "Sum")},
				{label: "refused (4xx)", metric: metric("4xx", "Sum"), right: true},
				{label: "errors (5xx)", metric: metric("5xx", "Sum"), right: true},
			}),
			graph("API: how long answers take, ms", v.Region, []line{
				{label: "half of them", metric: metric("Latency", "p50")},
				{label: "19 of 20", metric: metric("Latency", "p95")},
				{label: "19 of 20, services alone", metric: metric("IntegrationLatency", "p95")},
			}, mark("slow", float64(v.Watch.SlowMilliseconds))))
	}
	for _, t := range v.Targets.LoadBalancers {
		metric := func(name, statistic string) Metric {
			return Metric{"AWS/ApplicationELB", name, statistic, five, map[string]string{"LoadBalancer": t.ArnSuffix}}
		}
		widgets = append(widgets,
			graph("Load balancer: requests and errors", v.Region, []line{
				{label: "requests", metric: metric("RequestCount", "Sum")},
				{label: "services' errors (5xx)", metric: metric("HTTPCode_Target_5XX_Count", "Sum"), right: true},
				{label: "its own errors (5xx)", metric: metric("HTTPCode_ELB_5XX_Count", "Sum"), right: true},
			}))
	}
	if len(v.Targets.Canaries) > 0 {
		var lines []line
		for _, t := range v.Targets.Canaries {
			lines = append(lines, line{label: t.Key, metric: Metric{"CloudWatchSynthetics", "SuccessPercent", "Average", hour, map[string]string{"CanaryName": t.Name}}})
		}
		widgets = append(widgets, graph("Visits from outside that succeed, percent", v.Region, lines))
	}
	return widgets
}

// services are four graphs, with a line for each service.
func (v View) services() []widget {
	if len(v.Targets.Services) == 0 {
		return nil
	}
	lines := func(of func(Service) Metric) []line {
		var all []line
		for _, t := range v.Targets.Services {
			all = append(all, line{label: t.Key, metric: of(t)})
		}
		return all
	}
	dimensions := func(t Service) map[string]string {
		return map[string]string{"ClusterName": t.Cluster, "ServiceName": t.Name}
	}
	var errors []line
	for i, t := range v.Targets.Services {
		var terms []string
		for j, targets := range t.TargetGroups {
			id := fmt.Sprintf("m%d_%d", i, j)
			terms = append(terms, fmt.Sprintf("FILL(%s, 0)", id))
			errors = append(errors, line{label: t.Key, id: id, hidden: true, metric: Metric{"AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "Sum", five,
				map[string]string{"LoadBalancer": t.LoadBalancer, "TargetGroup": targets}}})
		}
		errors = append(errors, line{label: t.Key, id: fmt.Sprintf("e%d", i), expression: strings.Join(terms, " + ")})
	}
	return []widget{
		graph("CPU, percent", v.Region, lines(func(t Service) Metric { return Metric{"AWS/ECS", "CPUUtilization", "Average", five, dimensions(t)} })),
		graph("Memory, percent", v.Region, lines(func(t Service) Metric { return Metric{"AWS/ECS", "MemoryUtilization", "Average", five, dimensions(t)} })),
		graph("Running tasks", v.Region, lines(func(t Service) Metric {
			return Metric{"ECS/ContainerInsights", "RunningTaskCount", "Average", five, dimensions(t)}
		})),
		graph("Errors (5xx)", v.Region, errors),
	}
}

func (v View) databases() []widget {
	var widgets []widget
	for _, t := range v.Targets.Databases {
		metric := func(name, statistic string) Metric {
			return Metric{"AWS/RDS", name, statistic, five, map[string]string{"DBInstanceIdentifier": t.InstanceID}}
		}
		widgets = append(widgets,
			graph(t.Key+": CPU, percent, and connections", v.Region, []line{
				{label: "CPU", metric: metric("CPUUtilization", "Average")},
				{label: "connections", metric: metric("DatabaseConnections", "Maximum"), right: true},
			}),
			graph(t.Key+": free memory and storage, bytes", v.Region, []line{
				{label: "memory", metric: metric("FreeableMemory", "Average")},
				{label: "storage", metric: metric("FreeStorageSpace", "Minimum"), right: true},
			}),
			graph(t.Key+": disk, seconds and operations", v.Region, []line{
				{label: "reading", metric: metric("ReadLatency", "Average")}, {label: "writing", metric: metric("WriteLatency", "Average")},
				{label: "reads", metric: metric("ReadIOPS", "Average"), right: true}, {label: "writes", metric: metric("WriteIOPS", "Average"), right: true},
			}))
	}
	for _, t := range v.Targets.Proxies {
		metric := func(name, statistic string) Metric {
			return Metric{"AWS/RDS", name, statistic, minute, map[string]string{"ProxyName": t.Name}}
		}
		widgets = append(widgets, graph("Proxy: connections", v.Region, []line{
			{label: "of services", metric: metric("ClientConnections", "Sum")},
			{label: "to the database, in use", metric: metric("DatabaseConnectionsCurrentlyBorrowed", "Sum")},
			{label: "pinned", metric: metric("DatabaseConnectionsCurrentlySessionPinned", "Sum")},
			{label: "wait, microseconds", metric: metric("DatabaseConnectionsBorrowLatency", "Average"), right: true},
		}))
	}
	return widgets
}

func (v View) caches() []widget {
	if len(v.Targets.Caches) == 0 {
		return nil
	}
	lines := func(name, statistic string) []line {
		var all []line
		for _, t := range v.Targets.Caches {
			all = append(all, line{label: t.Key, metric: Metric{"AWS/ElastiCache", name, statistic, five, map[string]string{"CacheClusterId": t.ClusterID}}})
		}
		return all
	}
	memory := lines("DatabaseMemoryUsagePercentage", "Maximum")
	for _, evicted := range lines("Evictions", "Sum") {
		evicted.label, evicted.right = evicted.label+": evictions", true
		memory = append(memory, evicted)
	}
	return []widget{
		graph("Engine's CPU, percent", v.Region, lines("EngineCPUUtilization", "Average")),
		graph("Memory, percent, and evictions", v.Region, memory),
		graph("Found in the cache, percent", v.Region, lines("CacheHitRate", "Average")),
		graph("Connections", v.Region, lines("CurrConnections", "Maximum")),
	}
}

func (v View) edge() []widget {
	var widgets []widget
	for _, t := range v.Targets.Distributions {
		metric := func(name, statistic string) Metric {
			return Metric{"AWS/CloudFront", name, statistic, five, map[string]string{"DistributionId": t.ID, "Region": global}}
		}
		lines := []line{
			{label: "requests", metric: metric("Requests", "Sum")},
			{label: "refused (4xx), percent", metric: metric("4xxErrorRate", "Average"), right: true},
			{label: "errors (5xx), percent", metric: metric("5xxErrorRate", "Average"), right: true},
		}
		if t.Detailed {
			lines = append(lines, line{label: "found in the cache, percent", metric: metric("CacheHitRate", "Average"), right: true})
		}
		widgets = append(widgets, graph(t.Key+": requests and errors", virginia, lines))
	}
	for _, t := range v.Targets.Firewalls {
		metric := func(name string) Metric {
			return Metric{"AWS/WAFV2", name, "Sum", five, t.dimensions()}
		}
		widgets = append(widgets, graph("Firewall: "+t.Key, cmp.Or(t.Region, virginia), []line{
			{label: "let through", metric: metric("AllowedRequests")}, {label: "blocked", metric: metric("BlockedRequests"), right: true},
		}))
	}
	return widgets
}

func (v View) background() []widget {
	var widgets []widget
	if len(v.Targets.Functions) > 0 {
		var errors, durations []line
		for _, t := range v.Targets.Functions {
			dimensions := map[string]string{"FunctionName": t.Name}
			errors = append(errors, line{label: t.Key, metric: Metric{"AWS/Lambda", "Errors", "Sum", five, dimensions}})
			durations = append(durations, line{label: t.Key, metric: Metric{"AWS/Lambda", "Duration", "Maximum", five, dimensions}})
		}
		widgets = append(widgets, graph("Functions: errors", v.Region, errors), graph("Functions: duration, ms", v.Region, durations))
	}
	for _, t := range v.Targets.Vaults {
		metric := func(name string) Metric {
			return Metric{"AWS/Backup", name, "Sum", hour, map[string]string{"BackupVaultName": t.Name}}
		}
		widgets = append(widgets, graph(t.Key+": backups", v.Region, []line{
			{label: "done", metric: metric("NumberOfBackupJobsCompleted")}, {label: "failed", metric: metric("NumberOfBackupJobsFailed")},
			{label: "copied", metric: metric("NumberOfCopyJobsCompleted")},
		}))
	}
	return widgets
}

// cost is the bill so far, and what makes it grow without anybody's asking.
func (v View) cost() []widget {
	day := 24 * hour
	estimated := func(dimensions map[string]string) Metric {
		return Metric{"AWS/Billing", "EstimatedCharges", "Maximum", 6 * hour, dimensions}
	}
	// an account that another one pays for has its number as a dimension; one that pays for itself has not
	bill := []line{
		{label: "this month, USD, paid by the account", metric: estimated(map[string]string{"Currency": "USD"})},
		{label: "this month, USD, paid by its organization", metric: estimated(map[string]string{"Currency": "USD", "LinkedAccount": v.Account})},
	}
	var marks []any
	if v.BudgetUsd > 0 {
		marks = append(marks, mark("budget", v.BudgetUsd))
	}
	// empty until somebody switches billing alerts on in the paying account: docs/cost.md
	widgets := []widget{graph("Bill (docs/cost.md says how to switch it on)", virginia, bill, marks...)}
	if len(v.Targets.NatGateways) > 0 {
		var lines []line
		for _, t := range v.Targets.NatGateways {
			dimensions := map[string]string{"NatGatewayId": t.ID}
			lines = append(lines,
				line{label: t.Key + ": out", metric: Metric{"AWS/NATGateway", "BytesOutToDestination", "Sum", day, dimensions}},
				line{label: t.Key + ": in", metric: Metric{"AWS/NATGateway", "BytesInFromDestination", "Sum", day, dimensions}})
		}
		widgets = append(widgets, graph("NAT gateways, bytes a day", v.Region, lines))
	}
	if len(v.Targets.LogGroups) > 0 {
		var lines []line
		for _, t := range v.Targets.LogGroups {
			lines = append(lines, line{label: t.Key, metric: Metric{"AWS/Logs", "IncomingBytes", "Sum", day, map[string]string{"LogGroupName": t.Name}}})
		}
		widgets = append(widgets, graph("Logs, bytes a day", v.Region, lines))
	}
	return widgets
}

// virginia is where CloudFront and the bill publish their metrics.
const virginia = "us-east-1"
