package config

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

// Observability is how closely an environment is watched.
type Observability struct {
	// MailFrom is the least severity that is mailed to AlarmEmails; what is below it shows on the dashboard only.
	MailFrom Severity `validate:"oneof=critical warning info"`
}
