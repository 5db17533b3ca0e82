package network

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/batbern/infrastructure/config"
)

// aclRule is one rule of a tier's network ACL.
type aclRule struct {
	tier      config.Tier
	direction direction
	// number is the rule's place: AWS takes the first rule that matches, by number. It follows from what the rule
	// is for and whom it names, so that no rule moves when another comes or goes.
	number int
	allow  bool
	cidr   netip.Prefix
	ports  span
	// name is unique within tier and direction, e.g. "https_private_a".
	name string
}

// direction is seen from the subnet.
type direction string

const (
	ingress direction = "ingress"
	egress  direction = "egress"
)

// span is a range of ports, both ends included.
type span struct{ from, to int }

func (s span) contains(other span) bool { return s.from <= other.from && other.to <= s.to }

const (
	sshPort = 22
	rdpPort = 3389
)

// anywhere is every IPv4 address. The VPC has no IPv6.
var anywhere = netip.MustParsePrefix("0.0.0.0/0")

// Ports from which connections are opened, and to which answers come back. Fargate takes them from 32768 up, but
// Lambda, load balancers and NAT gateways from the whole range.
// https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html#nacl-ephemeral-ports
var (
	answers = span{1024, 65535}
	// Inwards without remote desktop's port, which lies amid the range (EC2.21). A connection that happened to be
	// opened from it gets no answer and is tried again from another.
	answersBelowRdp = span{1024, rdpPort - 1}
	answersAboveRdp = span{rdpPort + 1, 65535}
)

// The hundreds of rule numbers, by what a rule is for. A number in use keeps its meaning. Only a target of one port may
// be reached from another tier; within a tier the way for answers spans the ports of all others.
var hundreds = map[Target]int{
	targetHTTPS:    100,
	targetProxy:    200,
	targetDatabase: 300,
	targetCache:    400,
	targetServices: 500,
}

const (
	denySshNumber      = 10
	denyRdpNumber      = 20
	answersHundred     = 1000
	answersHighHundred = 1100
)

// peer is what a rule lets through to or from: a subnet, or everything.
type peer struct {
	name   string
	cidr   netip.Prefix
	number int // added to the hundred: 0 for everything, else tens for the tier and ones for the zone
}

// acl collects the rules of all tiers.
type acl struct {
	peers map[config.Tier][]peer
	rules []aclRule
}

// aclRules are the rules of all tiers' network ACLs: exactly what the flows need, there and back, since a network ACL
// does not remember connections. Traffic within a subnet never meets them.
func aclRules(plan []config.Subnet, flows []Flow) []aclRule {
	a := acl{peers: peersOf(plan)}
	for _, tier := range config.Tiers() {
		a.deny(tier, "ssh", denySshNumber, sshPort)
		a.deny(tier, "rdp", denyRdpNumber, rdpPort)
	}
	for _, flow := range flows {
		from, _ := flow.From.Tier()
		if to, inside := flow.To.Tier(); inside {
			a.within(flow, from, to)
		} else {
			a.outwards(flow, from)
		}
	}
	return a.needed()
}

func (a *acl) within(flow Flow, from, to config.Tier) {
	a.open(from, egress, flow, a.peers[to])
	a.open(to, ingress, flow, a.peers[from])
	a.reply(to, a.peers[from])
	a.receive(from, a.peers[to])
}

// outwards opens the way to a place outside the VPC. The gateway endpoints' addresses are AWS's public ones, which a
// network ACL can only name as everything: prefix lists are for groups and routes.
func (a *acl) outwards(flow Flow, from config.Tier) {
	world := []peer{{name: "anywhere", cidr: anywhere}}
	a.open(from, egress, flow, world)
	a.receive(from, world)
	if flow.To != Internet {
		return
	}
	// through the NAT gateway: into the public subnet with the far end's address, and out of it
	a.open(config.Public, ingress, flow, a.peers[from])
	a.open(config.Public, egress, flow, world)
	a.receive(config.Public, world)
	a.reply(config.Public, a.peers[from])
}

func (a *acl) reply(tier config.Tier, to []peer) {
	a.add(tier, egress, "answers", answersHundred, answers, to)
}

func (a *acl) receive(tier config.Tier, from []peer) {
	a.add(tier, ingress, "answers_low", answersHundred, answersBelowRdp, from)
	a.add(tier, ingress, "answers_high", answersHighHundred, answersAboveRdp, from)
}

func (a *acl) open(tier config.Tier, direction direction, flow Flow, peers []peer) {
	a.add(tier, direction, string(flow.Target), hundreds[flow.Target], span{flow.Port, flow.Port}, peers)
}

func (a *acl) add(tier config.Tier, direction direction, name string, hundred int, ports span, peers []peer) {
	for _, p := range peers {
		a.rules = append(a.rules, aclRule{
			tier: tier, direction: direction, number: hundred + p.number, allow: true, cidr: p.cidr, ports: ports, name: name + "_" + p.name,
		})
	}
}

func (a *acl) deny(tier config.Tier, name string, number, port int) {
	a.rules = append(a.rules, aclRule{tier: tier, direction: ingress, number: number, cidr: anywhere, ports: span{port, port}, name: name + "_anywhere"})
}

// needed drops rules that are there twice, or that another makes superfluous.
func (a *acl) needed() []aclRule {
	slices.SortFunc(a.rules, func(one, other aclRule) int {
		return cmp.Or(cmp.Compare(one.tier, other.tier), cmp.Compare(one.direction, other.direction), cmp.Compare(one.number, other.number),
			cmp.Compare(one.ports.from, other.ports.from))
	})
	rules := slices.Compact(a.rules)
	var needed []aclRule
	for _, rule := range rules {
		if !slices.ContainsFunc(rules, rule.superfluousBeside) {
			needed = append(needed, rule)
		}
	}
	return needed
}

// superfluousBeside says whether another rule lets the same through and more, or the same by a lower number.
func (r aclRule) superfluousBeside(other aclRule) bool {
	return other.covers(r) && (!r.covers(other) || other.number < r.number)
}

func (r aclRule) covers(other aclRule) bool {
	return r.allow && other.allow && r.tier == other.tier && r.direction == other.direction &&
		r.cidr.Bits() <= other.cidr.Bits() && r.cidr.Contains(other.cidr.Addr()) && r.ports.contains(other.ports)
}

func peersOf(plan []config.Subnet) map[config.Tier][]peer {
	peers := map[config.Tier][]peer{}
	for _, subnet := range plan {
		peers[subnet.Tier] = append(peers[subnet.Tier], peer{
			name:   subnetName(subnet),
			cidr:   subnet.Cidr,
			number: 10*(1+slices.Index(config.Tiers(), subnet.Tier)) + int(subnet.Zone[0]-'a'),
		})
	}
	return peers
}

// subnetName is a subnet's name within the VPC, e.g. "private_a".
func subnetName(subnet config.Subnet) string { return string(subnet.Tier) + "_" + subnet.Zone }
