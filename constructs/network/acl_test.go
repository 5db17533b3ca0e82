package network

import (
	"fmt"
	"slices"
	"testing"

	"github.com/batbern/infrastructure/config"
)

// What AWS takes for one network ACL and one direction, and the highest number.
const (
	mostRules     = 20
	highestNumber = 32766
)

func TestAclRulesKeepTheirPromises(t *testing.T) {
	for name, props := range variants() {
		rules := rulesOf(t, props)
		counts := map[string]int{}
		taken := map[string]aclRule{}
		for _, rule := range rules {
			list := fmt.Sprintf("%s %s", rule.tier, rule.direction)
			counts[list]++
			for _, key := range []string{fmt.Sprintf("%s %d", list, rule.number), list + " " + rule.name} {
				if other, twice := taken[key]; twice {
					t.Errorf("%s: %v and %v are both %s", name, rule, other, key)
				}
				taken[key] = rule
			}
			if rule.number < 1 || rule.number > highestNumber {
				t.Errorf("%s: %v: no number that AWS takes", name, rule)
			}
			for _, port := range []int{sshPort, rdpPort} {
				admits := rule.allow && rule.direction == ingress && rule.ports.contains(span{port, port})
				if admits {
					t.Errorf("%s: %v admits port %d", name, rule, port)
				}
			}
		}
		for list, count := range counts {
			if count > mostRules {
				t.Errorf("%s: %s has %d rules, AWS takes %d", name, list, count, mostRules)
			}
		}
		for _, tier := range config.Tiers() {
			for _, number := range []int{denySshNumber, denyRdpNumber} {
				denied := slices.ContainsFunc(rules, func(r aclRule) bool {
					return r.tier == tier && r.direction == ingress && r.number == number && !r.allow && r.cidr == anywhere
				})
				if !denied {
					t.Errorf("%s: %s subnets deny nothing at number %d", name, tier, number)
				}
			}
		}
	}
}

// A rule's number and name mean the same in every network of the same address range.
func TestAclRulesNeverMove(t *testing.T) {
	meanings := map[string]string{}
	for name, props := range variants() {
		for _, rule := range rulesOf(t, props) {
			key := fmt.Sprintf("%s %s %s", rule.tier, rule.direction, rule.name)
			meaning := fmt.Sprintf("number %d, %t, %s", rule.number, rule.allow, rule.cidr)
			if before, known := meanings[key]; known && before != meaning {
				t.Errorf("%s: %s is %s, elsewhere %s", name, key, meaning, before)
			}
			meanings[key] = meaning
		}
	}
}

// Subnets exist in every zone from the start, and so do their rules.
func TestAZoneChangesNoAclRule(t *testing.T) {
	props := example()
	two := rulesOf(t, props)
	props.Network.Zones = []string{"c", "a", "b"}
	if three := rulesOf(t, props); !slices.Equal(two, three) {
		t.Errorf("with a third zone the rules are\n%v, without it\n%v", three, two)
	}
}

// Two targets that share a port must not make each other superfluous.
func TestTargetsMayShareAPort(t *testing.T) {
	props := example()
	props.DatabasePort = CachePort
	admitted := slices.ContainsFunc(rulesOf(t, props), func(r aclRule) bool {
		return r.tier == config.Isolated && r.direction == ingress && r.allow && r.ports == span{CachePort, CachePort}
	})
	if !admitted {
		t.Errorf("nothing admits port %d to the isolated subnets", CachePort)
	}
}

// Isolated subnets hear from private and isolated ones alone and answer nobody else.
func TestIsolatedSubnetsHaveNoRuleForOthers(t *testing.T) {
	props := example()
	plan, err := props.Network.SubnetPlan()
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range aclRules(plan, Flows(props)) {
		if rule.tier != config.Isolated || !rule.allow {
			continue
		}
		inside := slices.ContainsFunc(plan, func(s config.Subnet) bool { return s.Tier != config.Public && s.Cidr == rule.cidr })
		if !inside {
			t.Errorf("%v", rule)
		}
	}
}

func rulesOf(t *testing.T, props Props) []aclRule {
	t.Helper()
	plan, err := props.Network.SubnetPlan()
	if err != nil {
		t.Fatal(err)
	}
	return aclRules(plan, Flows(props))
}

// variants are networks of every shape that the configuration allows, and then some.
func variants() map[string]Props {
	all := map[string]Props{}
	for _, zones := range [][]string{{"a", "b"}, {"a", "c"}, {"a", "b", "c"}} {
		for _, nats := range []int{0, 1, len(zones)} {
			for _, endpoints := range [][]string{nil, {"secretsmanager"}, config.Endpoints} {
				for _, cache := range []bool{false, true} {
					for _, ports := range [][]int{{8080}, {1024, 8080, 65535}} {
						for _, database := range []int{1150, 5433, CachePort} {
							props := example()
							props.Network.Zones, props.Network.NatGateways, props.Network.InterfaceEndpoints = zones, nats, endpoints
							props.Cache, props.ServicePorts, props.DatabasePort = cache, ports, database
							all[fmt.Sprintf("%v, %d NAT, %v, cache %t, ports %v, database %d", zones, nats, endpoints, cache, ports, database)] = props
						}
					}
				}
			}
		}
	}
	return all
}
