package network

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"testing"

	"github.com/batbern/infrastructure/config"
)

// What EC2 takes as the description of a security group rule.
var description = regexp.MustCompile(`^[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{1,255}$`)

func TestEveryRowHasAReasonAndIsTheOnlyOne(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range matrix {
		key := fmt.Sprintf("%s to %s, %s", r.from, r.to, r.target)
		if seen[key] {
			t.Errorf("%s: there are two rows", key)
		}
		seen[key] = true
		if !description.MatchString(r.why) {
			t.Errorf("%s: the reason %q is none that EC2 takes as a description", key, r.why)
		}
		if _, inside := r.from.Tier(); !inside {
			t.Errorf("%s: begins outside the VPC; nothing outside may open connections", key)
		}
		if hundreds[r.target] == 0 {
			t.Errorf("%s: the target has no hundred of network ACL rule numbers", key)
		}
		for _, api := range r.apis {
			if !slices.Contains(config.Endpoints, api) {
				t.Errorf("%s: %q is no endpoint that the configuration knows", key, api)
			}
		}
	}
}

func TestEveryRoleHasAPath(t *testing.T) {
	props := example()
	roles := groupRoles(Flows(props))
	if wanted := slices.Sorted(maps.Keys(tiers)); !slices.Equal(roles, wanted) {
		t.Errorf("with everything on, groups are %v, roles are %v", roles, wanted)
	}
}

func TestFlowsFollowTheConfiguration(t *testing.T) {
	tests := []struct {
		name       string
		change     func(*Props)
		open, shut []string
	}{
		{"all on", func(p *Props) {},
			[]string{"service cache 6379", "service proxy 5432", "proxy database 5433", "migration database 5433", "function database 5433", "service endpoint 443", "service internet 443"},
			[]string{"migration internet 443", "function internet 443", "service database 5433", "migration proxy 5432", "function s3 443"}},
		{"no cache", func(p *Props) { p.Cache = false },
			nil, []string{"service cache 6379"}},
		{"no endpoints", func(p *Props) { p.Network.InterfaceEndpoints = nil },
			[]string{"migration internet 443", "function internet 443"},
			[]string{"service endpoint 443", "migration endpoint 443", "function endpoint 443"}},
		{"one of the migration's endpoints", func(p *Props) { p.Network.InterfaceEndpoints = []string{"ecr.api"} },
			[]string{"migration internet 443", "migration endpoint 443", "function internet 443"},
			[]string{"function endpoint 443"}},
		{"an endpoint that nobody but services may use", func(p *Props) { p.Network.InterfaceEndpoints = []string{"ec2"} },
			[]string{"service endpoint 443", "migration internet 443", "function internet 443"},
			[]string{"migration endpoint 443", "function endpoint 443"}},
		{"no NAT", func(p *Props) { p.Network.NatGateways = 0 },
			[]string{"service s3 443", "migration s3 443", "service dynamodb 443"},
			[]string{"service internet 443", "migration internet 443", "function internet 443"}},
		{"services' ports", func(p *Props) { p.ServicePorts = []int{9000, 8081, 9000} },
			[]string{"load-balancer service 8081", "load-balancer service 9000", "service service 8081", "service service 9000"},
			[]string{"load-balancer service 8080"}},
		{"database's port", func(p *Props) { p.DatabasePort = 6000 },
			[]string{"proxy database 6000", "service proxy 5432"}, []string{"proxy database 5433"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			props := example()
			test.change(&props)
			open := map[string]int{}
			for _, flow := range Flows(props) {
				open[fmt.Sprintf("%s %s %d", flow.From, flow.To, flow.Port)]++
			}
			for path, times := range open {
				if times > 1 {
					t.Errorf("%s is opened %d times", path, times)
				}
			}
			for _, path := range test.open {
				if open[path] == 0 {
					t.Errorf("%s is shut", path)
				}
			}
			for _, path := range test.shut {
				if open[path] > 0 {
					t.Errorf("%s is open", path)
				}
			}
		})
	}
}

// Whatever may start without NAT can do so: the endpoints that the configuration then asks for are all that rows to the
// internet stand in for.
func TestNothingIsCutOffWithoutNat(t *testing.T) {
	props := example()
	props.Network.NatGateways = 0
	props.Network.InterfaceEndpoints = []string{"ecr.api", "ecr.dkr", "logs", "secretsmanager"}
	flows := Flows(props)
	for _, r := range matrix {
		if r.to != Internet || r.apis == nil {
			continue
		}
		for _, api := range r.apis {
			if !slices.Contains(props.Network.InterfaceEndpoints, api) {
				t.Errorf("%s needs %s, which a network without NAT may lack", r.from, api)
			}
		}
		if !slices.ContainsFunc(flows, func(f Flow) bool { return f.From == r.from && f.To == Endpoint }) {
			t.Errorf("%s reaches no endpoint", r.from)
		}
	}
}

// example is a network with everything on.
func example() Props {
	return Props{
		Name:    "batbern-test",
		Account: config.Account{ID: "111122223333", Region: "eu-central-1", RecoveryRegion: "eu-west-1"},
		Network: config.Network{
			Cidr:               netip.MustParsePrefix("10.10.0.0/16"),
			Zones:              []string{"a", "b"},
			NatGateways:        2,
			InterfaceEndpoints: []string{"ecr.api", "ecr.dkr", "logs", "secretsmanager"},
			FlowLogs:           config.FlowLogs{AggregationSeconds: 60, RetentionDays: 30},
		},
		DatabasePort: 5433,
		ServicePorts: []int{8080, 8081, 8082},
		Cache:        true,
	}
}
