package observability

import (
	"fmt"
	"strings"

	"github.com/batbern/infrastructure/config"
)

// Metric is one of CloudWatch's metrics, over a period.
type Metric struct {
	Namespace, Name, Statistic string
	PeriodSeconds              int
	Dimensions                 map[string]string
}

// Query is a metric or an expression of an alarm on more than one. The last one of an alarm is what is compared.
type Query struct {
	ID         string // begins with a lower-case letter
	Metric     *Metric
	Expression string
	Label      string
}

// Missing is what an alarm makes of a period without data.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#alarms-and-missing-data
type Missing string

const (
	// NotBreaching is for what is counted only when it happens, and for what may be switched off.
	NotBreaching Missing = "notBreaching"
	// Breaching is for what has to speak: its silence is the fault.
	Breaching Missing = "breaching"
	// Ignore is for what speaks rarely: the alarm stays as it is.
	Ignore Missing = "ignore"
)

// Alarm is a metric alarm, before it is one of CloudWatch's.
type Alarm struct {
	// ID is the construct's, and with hyphens the last part of the alarm's name.
	ID string
	// Runbook is the anchor in docs/runbook.md of what to do.
	Runbook  string
	Severity config.Severity
	// Summary says in a sentence what is wrong, to whoever reads it at night.
	Summary string
	// Queries are one metric, or several with an expression at the end.
	Queries   []Query
	Compare   Comparison
	Threshold float64
	// Of periods, that many have to be over the threshold.
	Breaching, Periods int
	Missing            Missing
	// Virginia says that the metric is published in us-east-1: the alarm lives there and calls a topic there.
	Virginia bool
	// component says that a composite alarm is made of it, which speaks for it.
	component bool
}

// Comparison is how a value is compared to the threshold.
type Comparison string

// The comparisons in use.
const (
	Above Comparison = "GreaterThanThreshold"
	Below Comparison = "LessThanThreshold"
)

// Composite is an alarm on alarms.
type Composite struct {
	ID, Runbook string
	Severity    config.Severity
	Summary     string
	// All are the ids of the alarms that have to sound together.
	All []string
	// Suppressor is the id of the alarm under which this one keeps quiet; "" for none.
	Suppressor string
	Virginia   bool
}

// on is a query of one metric.
func on(m Metric) []Query { return []Query{{ID: "value", Metric: &m}} }

// slug is an id as part of a name in AWS.
func slug(id string) string { return strings.ReplaceAll(id, "_", "-") }

// id joins words to a construct's id.
func id(words ...string) string { return strings.ReplaceAll(strings.Join(words, "_"), "-", "_") }

// RunbookLink leads to a section of the runbook in the project's repository, "owner/name" on GitHub.
func RunbookLink(repository, anchor string) string {
	return fmt.Sprintf("https://github.com/%s/blob/main/docs/runbook.md#%s", repository, anchor)
}

// description is what a mail says of the alarm.
func description(summary, repository, anchor string) string {
	return fmt.Sprintf("%s. What to do: %s", summary, RunbookLink(repository, anchor))
}
