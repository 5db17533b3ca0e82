package cost

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// daysPerMonth is an average month.
const daysPerMonth = 365.0 / 12

// runsPerMonth is how often a schedule of EventBridge, Backup or Synthetics runs in an average month: rate(5 minutes),
// cron(0 3 ? * MON *), at(...).
func runsPerMonth(expression string) (float64, error) {
	kind, rest, ok := strings.Cut(expression, "(")
	inside, end, closed := strings.Cut(rest, ")")
	if !ok || !closed || end != "" {
		return 0, fmt.Errorf("schedule is %q, must be rate(...), cron(...) or at(...)", expression)
	}
	fields := strings.Fields(inside)
	switch {
	case kind == "at":
		return 1, nil
	case kind == "rate" && len(fields) == 2:
		return rateRuns(fields[0], strings.TrimSuffix(fields[1], "s"), expression)
	case kind == "cron" && (len(fields) == 5 || len(fields) == 6):
		return cronRuns(fields, expression)
	}
	return 0, fmt.Errorf("schedule is %q, must be rate(n unit) or cron(minutes hours day month weekday year)", expression)
}

func rateRuns(n, unit, expression string) (float64, error) {
	perDay := map[string]float64{"minute": 24 * 60, "hour": 24, "day": 1}[unit]
	every, err := strconv.ParseFloat(n, 64)
	if err != nil || perDay == 0 || every < 0 {
		return 0, fmt.Errorf("schedule is %q, must be a number of minutes, hours or days", expression)
	}
	if every == 0 { // Synthetics: run once
		return 1, nil
	}
	return daysPerMonth * perDay / every, nil
}

func cronRuns(f []string, expression string) (float64, error) {
	minutes, err1 := countField(f[0], 60)
	hours, err2 := countField(f[1], 24)
	days, err3 := countField(f[2], daysPerMonth)
	months, err4 := countField(f[3], 12)
	weekdays, err5 := countField(f[4], 7)
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			return 0, fmt.Errorf("schedule is %q: %w", expression, err)
		}
	}
	if strings.Contains(f[4], "#") || strings.HasSuffix(f[4], "L") { // the third Monday, the last Friday: once a month
		return minutes * hours * months / 12, nil
	}
	return minutes * hours * days * (months / 12) * (weekdays / 7), nil
}

// countField counts the values of one cron field whose range holds all values.
func countField(field string, all float64) (float64, error) {
	if field == "*" || field == "?" {
		return all, nil
	}
	var count float64
	for part := range strings.SplitSeq(field, ",") {
		spread, step, stepped := strings.Cut(part, "/")
		n := 1.0
		if from, to, isRange := strings.Cut(spread, "-"); isRange {
			a, b := cronValue(from), cronValue(to)
			if a < 0 || b < a {
				return 0, fmt.Errorf("%q is no range of a schedule", part)
			}
			n = b - a + 1
		} else if stepped { // "*/15" and "0/15" both run to the end
			n = all - max(0, cronValue(spread))
		}
		if stepped {
			s, err := strconv.ParseFloat(step, 64)
			if err != nil || s <= 0 {
				return 0, fmt.Errorf("%q is no step of a schedule", part)
			}
			n = math.Ceil(n / s)
		}
		count += n
	}
	return count, nil
}

// cronValue is a number, or the place of a weekday or month in its list, -1 where it is neither.
func cronValue(s string) float64 {
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		return n
	}
	for _, names := range []string{"SUN MON TUE WED THU FRI SAT", "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"} {
		for i, name := range strings.Fields(names) {
			if strings.EqualFold(s, name) {
				return float64(i + 1)
			}
		}
	}
	return -1
}

// short writes a number with at most two decimals.
func short(x float64) string {
	s := strconv.FormatFloat(x, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
