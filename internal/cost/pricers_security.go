package cost

import (
	"fmt"
	"strings"
)

// key bills the key, its requests and the earlier material that rotation leaves.
func key(m *meter) {
	a := m.assume
	m.add("key", "kms.key", one("key"))
	if m.Bool("enable_key_rotation") && a.KeyRotationsBilled > 0 {
		m.add("rotated key material", "kms.key", assumed(a.KeyRotationsBilled, times(a.KeyRotationsBilled, "earlier material")+" of each rotated key"))
	}
	m.add("key requests", "kms.requests", assumed(a.KeyRequestsMillion*100, million(a.KeyRequestsMillion, "requests to each key")))
}

// secret bills the secret and each replica as one more secret.
func secret(m *meter) {
	m.add("secret", "secrets.secret", one("secret"))
	for i := range m.List("replica") {
		region := m.String(fmt.Sprintf("replica.%d.region", i))
		m.addIn(region, "replica in "+region, "secrets.secret", one("replica"))
	}
	calls := m.assume.SecretCallsThousand
	m.add("secret calls", "secrets.calls", assumed(calls/10, fmt.Sprintf("%s thousand calls of each secret", plain(calls))))
}

// parameter is free in the standard tier.
func parameter(m *meter) {
	if t := m.String("tier"); t == "Advanced" || t == "Intelligent-Tiering" {
		m.add("advanced parameter", "ssm.advanced_parameter", one("parameter"))
	}
}

// analyzer is free for external access; for unused access each role of the account is billed.
func analyzer(m *meter) {
	if !strings.HasSuffix(m.String("type"), "UNUSED_ACCESS") {
		return
	}
	roles := float64(len(m.stack.OfType("aws_iam_role")))
	m.add("unused access analysis", "accessanalyzer.role", stated(roles, times(roles, "role")+" of the stack"))
}

func configRecorder(m *meter) {
	m.add("configuration items", "config.item", assumed(m.assume.ConfigItems, times(m.assume.ConfigItems, "item")+" recorded"))
}

func configRule(m *meter) {
	m.add("rule evaluations", "config.rule", assumed(m.assume.ConfigEvaluations, times(m.assume.ConfigEvaluations, "evaluation")+" of each rule"))
}

// trail is free for the first copy of management events; data events are billed.
func trail(m *meter) {
	selectors := append(m.List("event_selector"), m.List("advanced_event_selector")...)
	for _, s := range selectors {
		selector, _ := s.(map[string]any)
		if selector["data_resource"] != nil || selector["field_selector"] != nil {
			m.add("data events", "cloudtrail.data", assumed(m.assume.TrailDataEventsMillion*10, million(m.assume.TrailDataEventsMillion, "data events of each trail")))
			return
		}
	}
}

func guardDuty(m *meter) {
	a := m.assume
	m.add("analysed events", "guardduty.events", assumed(a.GuardDutyEventsMillion, million(a.GuardDutyEventsMillion, "events analysed by GuardDuty")))
	m.add("analysed logs", "guardduty.gb", assumed(a.GuardDutyGb, gb(a.GuardDutyGb, "of logs analysed by GuardDuty")))
}

func securityHub(m *meter) {
	m.add("security checks", "securityhub.check", assumed(m.assume.SecurityChecks, times(m.assume.SecurityChecks, "check")+" of each standard"))
}

// budgetAction is billed by the day; AWS gives two free, which the estimate leaves out like every free tier.
func budgetAction(m *meter) {
	days := m.assume.HoursPerMonth / 24
	m.add("budget action", "budgets.action", stated(days, times(days, "day")))
}
