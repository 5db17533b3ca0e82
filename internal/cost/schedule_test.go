package cost

import (
	"math"
	"testing"
)

func TestRunsPerMonth(t *testing.T) {
	for expression, want := range map[string]float64{
		"rate(5 minutes)":            8760,
		"rate(1 hour)":               730,
		"rate(1 day)":                365.0 / 12,
		"rate(0 minutes)":            1,
		"cron(0 3 * * ? *)":          365.0 / 12,
		"cron(0 5 1 * ? *)":          1,
		"cron(0 7,19 ? * MON-FRI *)": 2 * 365.0 / 12 * 5 / 7,
		"cron(*/15 * * * ? *)":       4 * 730,
		"cron(0/20 8-17 ? * 2-6 *)":  3 * 10 * 365.0 / 12 * 5 / 7,
		"cron(0 4 ? * SUN *)":        365.0 / 12 / 7,
		"cron(0 4 ? 1,7 SUN#1 *)":    2.0 / 12,
		"cron(0 4 L JAN-MAR ? *)":    3.0 / 12,
		"at(2026-12-01T00:00:00)":    1,
	} {
		got, err := runsPerMonth(expression)
		if err != nil || math.Abs(got-want) > 1e-9 {
			t.Errorf("%s runs %v times a month, %v, want %v", expression, got, err, want)
		}
	}
	for _, expression := range []string{"", "often", "rate(5 fortnights)", "rate(x minutes)", "cron(0 3)", "cron(0 9-5 * * ? *)", "cron(*/0 * * * ? *)", "rate(1 day"} {
		if got, err := runsPerMonth(expression); err == nil {
			t.Errorf("%q is read as %v runs", expression, got)
		}
	}
}
