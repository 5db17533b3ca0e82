package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/apparentlymart/go-cidr/cidr"
	"go4.org/netipx"
)

// Network is an environment's VPC.
type Network struct {
	// Cidr is the VPC's address range, /16 to /20, overlapping no other environment's.
	Cidr netip.Prefix
	// Zones are the letters of the availability zones in use, e.g. "a", "b". Subnets exist in every zone of the plan
	// from the start; this list decides where tasks, functions, load balancer, database, cache and NAT gateways run.
	// Adding a zone therefore replaces nothing (docs/decisions/0015).
	Zones []string `validate:"required,min=2,unique,dive,oneof=a b c"`
	// NatGateways is 0 (private subnets reach no internet, and need interface endpoints instead), 1 (shared; its
	// zone's failure cuts the others off too) or one for each zone.
	NatGateways int `validate:"min=0"`
	// InterfaceEndpoints are AWS services reached inside the VPC, by the last part of the endpoint's name
	// ("secretsmanager", "ecr.api"). Each costs by the hour and zone; S3 and DynamoDB come free as gateways.
	InterfaceEndpoints []string `validate:"unique,dive,endpoint"`
	// FlowLogs says how traffic is recorded.
	FlowLogs FlowLogs
}

// FlowLogs record every connection to S3 and the rejected ones to CloudWatch (EC2.6).
type FlowLogs struct {
	// AggregationSeconds is 60 or 600: shorter means more records and a finer picture.
	AggregationSeconds int `validate:"oneof=60 600"`
	// RetentionDays is how long both kinds are kept.
	RetentionDays int `validate:"logretention"`
}

// Tier is a layer of subnets with one kind of reachability.
type Tier string

const (
	// Public subnets have a route to the internet gateway: NAT gateways live there, nothing else.
	Public Tier = "public"
	// Private subnets reach the internet through NAT: load balancer, services, functions.
	Private Tier = "private"
	// Isolated subnets have no route out of the VPC: database and cache.
	Isolated Tier = "isolated"
)

// Tiers are all tiers, outermost first.
func Tiers() []Tier { return []Tier{Public, Private, Isolated} }

// Subnet is one subnet of the plan.
type Subnet struct {
	Tier Tier
	Zone string // the zone's letter
	Cidr netip.Prefix
	// InUse reports whether Network.Zones names the zone.
	InUse bool
}

// zoneLetters fixes each zone's quarter of the VPC. The fourth stays free for a zone to come.
var zoneLetters = []string{"a", "b", "c"}

// SubnetPlan divides the VPC: a quarter for each zone letter, in each quarter the lower half private (each Fargate task
// needs an address), then an eighth public and an eighth isolated; the rest stays free. A subnet's range depends
// only on the VPC's range, its tier and its zone's letter.
//
// The plan covers all zones, also those that are not in use: RDS Proxy and API Gateway's VPC link cannot change their
// subnets, so they have all of them from the start. A subnet costs nothing.
//
// It fails when the range is no IPv4 network of /16 to /20 or a zone's letter is unknown.
func (n Network) SubnetPlan() ([]Subnet, error) {
	if fault := n.cidrFault(); fault != "" {
		return nil, fmt.Errorf("network %s: %s", n.Cidr, fault)
	}
	for _, zone := range n.Zones {
		if !slices.Contains(zoneLetters, zone) {
			return nil, fmt.Errorf("zone %q: not one of %s", zone, strings.Join(zoneLetters, ", "))
		}
	}
	var plan []Subnet
	for quarter, zone := range zoneLetters {
		for _, part := range []struct {
			tier          Tier
			newBits, slot int
		}{{Public, 5, 4}, {Private, 3, 0}, {Isolated, 5, 5}} {
			// in eighths of a quarter: slots 0 to 3 are the private half, 4 public, 5 isolated
			slot := quarter << (part.newBits - 2)
			slot += part.slot
			subnet, err := cidr.Subnet(netipx.PrefixIPNet(n.Cidr), part.newBits, slot)
			if err != nil {
				return nil, fmt.Errorf("subnet %s in zone %s does not fit into %s: %w", part.tier, zone, n.Cidr, err)
			}
			prefix, _ := netipx.FromStdIPNet(subnet)
			plan = append(plan, Subnet{Tier: part.tier, Zone: zone, Cidr: prefix, InUse: slices.Contains(n.Zones, zone)})
		}
	}
	return plan, nil
}

// NatZones are the zones that hold a NAT gateway.
func (n Network) NatZones() []string {
	zones := slices.Sorted(slices.Values(n.Zones))
	return zones[:min(n.NatGateways, len(zones))]
}

// NatZoneFor is the zone whose NAT gateway serves the given zone: its own where there is one, else the first. Empty
// without NAT.
func (n Network) NatZoneFor(zone string) string {
	holders := n.NatZones()
	switch {
	case len(holders) == 0:
		return ""
	case slices.Contains(holders, zone):
		return zone
	default:
		return holders[0]
	}
}

func (n Network) cidrFault() string {
	switch {
	case !n.Cidr.IsValid() || !n.Cidr.Addr().Is4():
		return "no IPv4 network"
	case n.Cidr != n.Cidr.Masked():
		return "has host bits set"
	case n.Cidr.Bits() < 16 || n.Cidr.Bits() > 20:
		return "the plan's subnets do not fit"
	case !n.Cidr.Addr().IsPrivate():
		return "not a private range"
	}
	return ""
}

func (n Network) check(at path, report *Faults) {
	if fault := n.cidrFault(); fault != "" {
		report.add(at.field("Cidr"), n.Cidr, fault+"; allowed: a network of /16 to /20 inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16",
			"choose such a range")
	}
	if count, zones := n.NatGateways, len(n.Zones); count > zones {
		report.add(at.field("NatGateways"), count, fmt.Sprintf("0, 1 or %d: there are %d zones", zones, zones), "lower it, or add a zone")
	} else if count > 1 && count < zones {
		report.add(at.field("NatGateways"), count, fmt.Sprintf("0, 1 or %d (one a zone)", zones),
			"a number in between leaves some zones dependent on others and costs more")
	}
	if n.NatGateways == 0 {
		for _, service := range endpointsWithoutNat {
			if !slices.Contains(n.InterfaceEndpoints, service) {
				report.add(at.field("InterfaceEndpoints"), strings.Join(n.InterfaceEndpoints, ", "), service+" among them where NatGateways is 0",
					"add it, or a NAT gateway: tasks could not start and passwords not rotate")
			}
		}
	}
}

// endpointsWithoutNat are the AWS APIs without which no task starts and no password rotates. A network without NAT
// reaches them by interface endpoints or not at all.
var endpointsWithoutNat = []string{"ecr.api", "ecr.dkr", "logs", "secretsmanager"}
