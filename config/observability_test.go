package config

import "testing"

func TestEveryFaultOfObservabilityIsNamed(t *testing.T) {
	spoil := func(spoil func(*Observability)) func(*Environment) {
		return func(e *Environment) { spoil(&e.Observability) }
	}
	plantEach(t, []fault{
		{"an unknown severity", spoil(func(o *Observability) { o.AlarmsFrom = "fatal" }), "Observability.AlarmsFrom"},
		{"no severity for mails", spoil(func(o *Observability) { o.MailFrom = "" }), "Observability.MailFrom"},
		{"mails of alarms that are not made", spoil(func(o *Observability) { o.AlarmsFrom, o.MailFrom = Critical, Info }), "Observability.MailFrom"},
		{"a promise of nothing but success", spoil(func(o *Observability) { o.Slo = &Slo{ApiPercent: 100, SitePercent: 99} }), "Observability.Slo.ApiPercent"},
		{"a promise of little", spoil(func(o *Observability) { o.Slo = &Slo{ApiPercent: 99, SitePercent: 50} }), "Observability.Slo.SitePercent"},
		{"slow beyond what API Gateway waits", spoil(func(o *Observability) { o.SlowMilliseconds = 30000 }), "Observability.SlowMilliseconds"},
		{"more traces than requests", spoil(func(o *Observability) { o.TracedPercent = 101 }), "Observability.TracedPercent"},
		{"canaries without rest", spoil(func(o *Observability) { o.Canaries = &Canaries{ApiPath: "/"} }), "Observability.Canaries.EveryMinutes"},
		{"canaries that ask no path", spoil(func(o *Observability) { o.Canaries = &Canaries{EveryMinutes: 5, ApiPath: "events"} }), "Observability.Canaries.ApiPath"},
		{"a negative anomaly", spoil(func(o *Observability) { o.AnomalyUsd = -1 }), "Observability.AnomalyUsd"},
		{"a class of unknown memory", func(e *Environment) { e.Database.InstanceClass = "db.z9.large" }, "Database.InstanceClass"},
		{"a class without size", func(e *Environment) { e.Database.InstanceClass = "db.t4g" }, "Database.InstanceClass"},
	})
}

// The classes that AWS lists, by hand.
func TestMachine(t *testing.T) {
	for class, want := range map[string]Machine{
		"db.t4g.micro":    {Vcpus: 2, MemoryMiB: 1024, Burstable: true},
		"db.t4g.medium":   {Vcpus: 2, MemoryMiB: 4096, Burstable: true},
		"db.m7g.large":    {Vcpus: 2, MemoryMiB: 8192},
		"db.r6g.xlarge":   {Vcpus: 4, MemoryMiB: 32768},
		"db.r7g.16xlarge": {Vcpus: 64, MemoryMiB: 524288},
	} {
		if got, known := (Database{InstanceClass: class}).Machine(); !known || got != want {
			t.Errorf("%s: found %+v, wanted %+v", class, got, want)
		}
	}
}

func TestSeverities(t *testing.T) {
	for _, test := range []struct {
		one, other Severity
		want       bool
	}{{Critical, Info, true}, {Warning, Warning, true}, {Info, Warning, false}, {Warning, Critical, false}} {
		if got := test.one.AtLeast(test.other); got != test.want {
			t.Errorf("%s at least %s: %v", test.one, test.other, got)
		}
	}
}
