package config

import (
	"fmt"
	"strings"
)

// Severity is how much an alarm matters, which decides the topic it goes to.
type Severity string

// The severities, each with a topic of its own.
const (
	Critical Severity = "critical" // people cannot use the platform, or soon cannot: somebody gets up
	Warning  Severity = "warning"  // somebody looks the same day
	Info     Severity = "info"     // good to know
)

// severities, the least first.
var severities = map[Severity]int{Info: 1, Warning: 2, Critical: 3}

// AtLeast says whether s matters as much as other, or more.
func (s Severity) AtLeast(other Severity) bool { return severities[s] >= severities[other] }

// Observability is how closely an environment is watched. Every alarm costs ten cents a month and for each further
// metric in it another ten, a composite alarm fifty.
type Observability struct {
	// AlarmsFrom is the least severity that alarms are made for. What a composite alarm is made of comes along.
	AlarmsFrom Severity `validate:"oneof=critical warning info"`
	// MailFrom is the least severity that is mailed to AlarmEmails; what is below it shows on the dashboard only.
	MailFrom Severity `validate:"oneof=critical warning info"`
	// Slo is what is promised; nil promises nothing and watches no budget of errors.
	Slo *Slo
	// SlowMilliseconds is how long the slowest twentieth of the API's answers may take before it counts as slow.
	SlowMilliseconds int `validate:"min=100,max=29000"`
	// TracedPercent is how many of a hundred requests X-Ray records besides the first of each second. Health checks are
	// never recorded.
	TracedPercent float64 `validate:"min=0,max=100"`
	// MaskPersonalData hides e-mail addresses, telephone and AHV numbers and the like from whoever reads a log without
	// the right logs:Unmask.
	MaskPersonalData bool
	// Canaries visit site and API as people do; nil for none.
	Canaries *Canaries
	// Grafana adds a workspace of Amazon Managed Grafana. It costs nine dollars a month for each editor and asks for IAM
	// Identity Center.
	Grafana bool
	// AnomalyUsd is the unexpected cost of a day from which on Cost Anomaly Detection reports; 0 for no detection.
	AnomalyUsd int `validate:"min=0,max=100000"`
}

// Slo is what an environment promises: the part of requests, in percent of 30 days, that is not answered with an error
// of the platform's own.
type Slo struct {
	ApiPercent  float64 `validate:"min=90,lt=100"`
	SitePercent float64 `validate:"min=90,lt=100"`
}

// Canaries are scripts that visit site and API from outside.
type Canaries struct {
	// EveryMinutes is how long they rest between visits. A visit costs about a sixth of a cent.
	EveryMinutes int `validate:"min=1,max=60"`
	// ApiPath is what is asked of the API: one of its public routes, which asks a service and the database behind it.
	ApiPath string `validate:"startswith=/"`
}

// Machine is what an instance class of RDS has.
type Machine struct {
	Vcpus     int
	MemoryMiB int
	// Burstable saves up credits when idle and pays for CPU beyond them.
	Burstable bool
}

// memoryPerLarge is the memory of a class's "large" size in MiB, by the first letter of its family.
var memoryPerLarge = map[string]int{"t": 8192, "m": 8192, "r": 16384, "c": 4096}

// sizes are by how much the sizes differ from "large", in eighths.
var sizes = map[string]int{
	"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32, "4xlarge": 64, "8xlarge": 128, "12xlarge": 192, "16xlarge": 256, "24xlarge": 384,
}

// Machine is what the database runs on; alarms on memory and connections are measured by it. It says false for a class
// that it does not know.
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Summary.html
func (d Database) Machine() (Machine, bool) {
	parts := strings.Split(d.InstanceClass, ".")
	if len(parts) != 3 || parts[1] == "" {
		return Machine{}, false
	}
	large, eighths := memoryPerLarge[parts[1][:1]], sizes[parts[2]]
	if large == 0 || eighths == 0 {
		return Machine{}, false
	}
	return Machine{Vcpus: max(2, 2*eighths/8), MemoryMiB: large * eighths / 8, Burstable: parts[1][:1] == "t"}, true
}

// BudgetUsd is what the environment may cost a month.
func (e Environment) BudgetUsd() float64 {
	// validation knows every environment that gets here
	cost, _ := CostOf(string(e.Name))
	return cost.MonthlyBudgetUsd
}

// BudgetUsd is what the base may cost a month.
func (b Base) BudgetUsd() float64 { return baseCost().MonthlyBudgetUsd }

// checkObservability reports what alarms could not be measured by.
func (e Environment) checkObservability(at path, report *Faults) {
	if _, known := e.Database.Machine(); !known && strings.HasPrefix(e.Database.InstanceClass, "db.") {
		report.add(at.field("Database.InstanceClass"), e.Database.InstanceClass, "a class of the families t, m, r and c, whose memory alarms are measured by",
			"take such a class, or teach Machine in config/observability.go what this one has")
	}
	if _, err := CostOf(string(e.Name)); err != nil {
		report.add(at.field("Name"), string(e.Name), "an environment with a budget", "give it one in config/cost.go")
	}
	if o := e.Observability; !o.MailFrom.AtLeast(o.AlarmsFrom) {
		report.add(at.field("Observability.MailFrom"), string(o.MailFrom), fmt.Sprintf("%s or more: there are no alarms below AlarmsFrom", o.AlarmsFrom), "raise it, or lower AlarmsFrom")
	}
}
