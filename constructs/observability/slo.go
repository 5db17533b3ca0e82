package observability

import (
	"fmt"

	"github.com/batbern/infrastructure/config"
)

// burn is how fast a budget of errors is used up: at a rate of 1 it lasts for the 30 days that the promise is about.
// Both windows have to agree: the long one that it is worth waking somebody, the short one that it still goes on.
// https://sre.google/workbook/alerting-on-slos/#6-multiwindow-multi-burn-rate-alerts
type burn struct {
	name        string
	rate        float64
	short, long int // seconds
	severity    config.Severity
	meaning     string
}

var burnSpeeds = []burn{
	{"fast", 14.4, five, hour, config.Critical, "a month's budget of errors would be gone in two days"},
	{"slow", 6, 30 * minute, 6 * hour, config.Warning, "a month's budget of errors would be gone in five days"},
}

// fewestRequests is how many a window needs before its errors are a rate: one failed visit at night is none.
const fewestRequests = 10

// promise is one thing that is promised: how to measure its errors in a window, as a fraction of all requests.
type promise struct {
	key      string
	percent  float64
	virginia bool
	errors   func(windowSeconds int) []Query // the last is called "rate"
}

// burnRates watch the budgets of errors of API and site.
//
// CloudWatch takes one period an alarm, so each window has an alarm of its own, and a composite joins the two.
func burnRates(targets Targets, watch config.Observability) ([]Alarm, []Composite) {
	var alarms []Alarm
	var composites []Composite
	for _, p := range promises(targets, watch) {
		for _, speed := range burnSpeeds {
			parts := []Alarm{p.window(speed, speed.short), p.window(speed, speed.long)}
			alarms = append(alarms, parts...)
			composites = append(composites, Composite{
				ID: id("slo", p.key, speed.name), Runbook: "slo-burn", Severity: speed.severity,
				Summary:  fmt.Sprintf("%s answers with so many errors that %s", p.key, speed.meaning),
				All:      []string{parts[0].ID, parts[1].ID},
				Virginia: p.virginia,
			})
		}
	}
	return alarms, composites
}

func promises(targets Targets, watch config.Observability) []promise {
	if watch.Slo == nil {
		return nil
	}
	var all []promise
	for _, t := range targets.Apis {
		all = append(all, promise{key: "api", percent: watch.Slo.ApiPercent, errors: func(window int) []Query { return apiErrors(t, window) }})
	}
	for _, t := range targets.Distributions {
		if t.Site {
			all = append(all, promise{key: "site", percent: watch.Slo.SitePercent, virginia: true, errors: func(window int) []Query { return siteErrors(t, window) }})
		}
	}
	return all
}

func (p promise) window(speed burn, seconds int) Alarm {
	budget := (100 - p.percent) / 100
	queries := append(p.errors(seconds), Query{
		ID: "burn", Expression: fmt.Sprintf("rate / %.5g", budget), Label: "times the rate that lasts for a month",
	})
	return Alarm{
		ID: id("slo", p.key, speed.name, fmt.Sprintf("%dm", seconds/minute)), Runbook: "slo-burn", Severity: config.Info,
		Summary: fmt.Sprintf("%s: errors of the last %d minutes, %.3g times what the promise of %.5g percent bears", p.key, seconds/minute, speed.rate, p.percent),
		Queries: queries, Compare: Above, Threshold: speed.rate, Breaching: 1, Periods: 1, Missing: NotBreaching,
		Virginia: p.virginia, component: true,
	}
}

func apiErrors(t Api, window int) []Query {
	metric := func(name string) *Metric {
		return &Metric{"AWS/ApiGateway", name, "Sum", window, map[string]string{"ApiId": t.ID, "Stage": t.Stage}}
	}
	return []Query{
		{ID: "errors", Metric: metric("5xx")},
		{ID: "requests", Metric: metric("Count")},
		{ID: "rate", Expression: fmt.Sprintf("IF(requests >= %d, errors / requests, 0)", fewestRequests), Label: "errors, part of all"},
	}
}

// siteErrors are CloudFront's, which publishes a percentage of each minute: their mean stands for the window's.
func siteErrors(t Distribution, window int) []Query {
	metric := func(name, statistic string) *Metric {
		return &Metric{"AWS/CloudFront", name, statistic, window, map[string]string{"DistributionId": t.ID, "Region": global}}
	}
	return []Query{
		{ID: "percent", Metric: metric("5xxErrorRate", "Average")},
		{ID: "requests", Metric: metric("Requests", "Sum")},
		{ID: "rate", Expression: fmt.Sprintf("IF(requests >= %d, percent / 100, 0)", fewestRequests), Label: "errors, part of all"},
	}
}
