package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The figures are worked out by hand, one environment at a time: tasks at their most, schedules included, times their size,
// and half a vCPU for the migration.
func TestNeededQuotas(t *testing.T) {
	project := load(t, nil)
	for i, wanted := range []map[string]float64{
		// 5 services of 2 tasks with 0.25: one of the two may run on demand, both on Spot
		{"FargateVcpus": 5*1*0.25 + 0.5, "FargateSpotVcpus": 5 * 2 * 0.25, "ElasticIPs": 1},
		// 5 services of 3 tasks with 0.5: the base and one more on demand, two on Spot
		{"FargateVcpus": 5*2*0.5 + 0.5, "FargateSpotVcpus": 5 * 2 * 0.5, "ElasticIPs": 1},
		// 5 services of 8 tasks with 0.5 on the morning of a conference
		{"FargateVcpus": 5*8*0.5 + 0.5, "FargateSpotVcpus": 0, "ElasticIPs": 2},
	} {
		project.Environments[i].Services = project.Environments[i].Services[:5] // the figures are for five
		for _, quota := range project.Environments[i].AccountQuotas() {
			if quota.Needed != wanted[quota.Field] || quota.Code == "" {
				t.Errorf("%s: %s needs %v, wanted %v", project.Environments[i].Name, quota.Field, quota.Needed, wanted[quota.Field])
			}
		}
	}
}

func TestQuotasAreJudged(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(*Environment)
		field string
		says  string
	}{
		"a new account's vCPUs":     {func(e *Environment) { e.Quotas.FargateVcpus = 6 }, "Quotas.FargateVcpus", "21 or more"},
		"one vCPU too few":          {func(e *Environment) { e.Quotas.FargateVcpus = 20 }, "Quotas.FargateVcpus", "21 or more"},
		"a schedule alone":          {func(e *Environment) { e.Services[0].Scaling.Schedules[0].MaxTasks = 60 }, "Quotas.FargateVcpus", "151 or more"}, // all services share it
		"bounds alone":              {func(e *Environment) { e.Services[0].Scaling.MaxTasks = 60 }, "Quotas.FargateVcpus", "47 or more"},
		"larger tasks":              {func(e *Environment) { e.Services[0].Cpu, e.Services[0].MemoryMiB = 8192, 16384 }, "Quotas.FargateVcpus", "81 or more"},
		"as much on Spot":           {func(e *Environment) { e.Compute.Capacity.SpotWeight = 4 }, "Quotas.FargateSpotVcpus", "13 or more"},
		"addresses of NAT gateways": {func(e *Environment) { e.Quotas.ElasticIPs = 1 }, "Quotas.ElasticIPs", "2 or more"},
		"no quota at all":           {func(e *Environment) { e.Quotas = Quotas{} }, "Quotas.FargateVcpus", "1 or more"},
	} {
		t.Run(name, func(t *testing.T) {
			project := load(t, nil)
			prod := &project.Environments[2]
			prod.Services = prod.Services[:5]
			test.spoil(prod)
			faults := project.validate()
			for _, fault := range faults {
				if fault.Path == "prod."+test.field && strings.HasPrefix(fault.Allowed, test.says) {
					return
				}
			}
			t.Errorf("found %v, wanted %s: %s", faults, test.field, test.says)
		})
	}
}

// The guide requests each quota above AWS's default, with the value that the configuration counts on.
func TestGuideRequestsTheQuotas(t *testing.T) {
	guide, err := os.ReadFile("../docs/accounts.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, environment := range load(t, nil).Environments {
		for _, quota := range environment.AccountQuotas() {
			command := fmt.Sprintf("--service-code %s --quota-code %s --desired-value %d", quota.ServiceCode, quota.Code, quota.Configured)
			if quota.Configured > quota.Default && !strings.Contains(string(guide), command) {
				t.Errorf("%s: docs/accounts.md does not say %q", environment.Name, command)
			}
		}
	}
}
