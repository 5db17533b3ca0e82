package resources_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/network"
)

// A walker follows packets through a synthesized network as AWS does: groups, routes, network ACLs there and back. It
// knows nothing of the flow matrix; tests compare the two.
type walker struct {
	t       testing.TB
	vpc     netip.Prefix
	subnets []walkSubnet
	groups  map[network.Role]*walkGroup
	// lists are the addresses behind the gateway endpoints, by the prefix list's reference
	lists map[string]netip.Addr
}

type walkSubnet struct {
	ref      string
	tier     config.Tier
	zone     string
	cidr     netip.Prefix
	toward   string             // where the route to everything leads, "" where there is none
	gateways map[string]bool    // references of the gateway endpoints in the route table
	rules    map[bool][]walkAcl // network ACL, by egress, in the order in which AWS reads it
	nat      string             // the reference of the NAT gateway that stands here
}

type walkAcl struct {
	address  string
	number   int
	allow    bool
	cidr     netip.Prefix
	from, to int
}

type walkGroup struct {
	ref             string
	ingress, egress []walkRule
}

type walkRule struct {
	group, list string
	cidr        netip.Prefix
	from, to    int
}

// host is one end: a role's network interface, or an address outside.
type host struct {
	role   network.Role
	subnet *walkSubnet // nil outside
	addr   netip.Addr
}

func (h host) String() string {
	if h.subnet == nil {
		return string(h.role)
	}
	return fmt.Sprintf("%s in zone %s", h.role, h.subnet.zone)
}

var (
	outside   = netip.MustParseAddr("203.0.113.10")
	s3        = netip.MustParseAddr("52.219.0.10")
	dynamoDB  = netip.MustParseAddr("52.94.0.10")
	reference = regexp.MustCompile(`^\$\{(.+)\.([a-z_]+)\}$`)
	// ends of the range from which connections are opened, around the hole in it, and what Linux takes
	callerPorts = []int{1024, 3388, 3390, 32768, 60999, 65535}
)

// ref is what an attribute refers to, e.g. "aws_vpc.network_vpc_1234" for "${aws_vpc.network_vpc_1234.id}".
func ref(text string) string {
	if match := reference.FindStringSubmatch(text); match != nil {
		return match[1]
	}
	return ""
}

func newWalker(t testing.TB, stack *testkit.Stack) *walker {
	t.Helper()
	w := &walker{t: t, groups: map[network.Role]*walkGroup{}, lists: map[string]netip.Addr{}}
	w.vpc = netip.MustParsePrefix(stack.Resource(t, "aws_vpc", "network/vpc").Text("cidr_block"))
	w.readSubnets(stack)
	w.readRoutes(stack)
	w.readAcls(stack)
	w.readGroups(stack)
	return w
}

func (w *walker) readSubnets(stack *testkit.Stack) {
	for _, subnet := range stack.Resources("aws_subnet") {
		tier, zone, _ := strings.Cut(strings.TrimPrefix(subnet.Path, "network/subnet_"), "_")
		w.subnets = append(w.subnets, walkSubnet{
			ref: subnet.Address(), tier: config.Tier(tier), zone: zone,
			cidr:     netip.MustParsePrefix(subnet.Text("cidr_block")),
			gateways: map[string]bool{}, rules: map[bool][]walkAcl{},
		})
	}
}

func (w *walker) readRoutes(stack *testkit.Stack) {
	tables := map[string]string{} // by subnet
	for _, association := range stack.Resources("aws_route_table_association") {
		tables[ref(association.Text("subnet_id"))] = ref(association.Text("route_table_id"))
	}
	for i := range w.subnets {
		subnet := &w.subnets[i]
		table := tables[subnet.ref]
		for _, route := range stack.Resources("aws_route") {
			if ref(route.Text("route_table_id")) == table {
				if route.Text("destination_cidr_block") != "0.0.0.0/0" {
					w.t.Fatalf("%s: the walker knows no such destination", route.Address())
				}
				subnet.toward = ref(route.Text("gateway_id") + route.Text("nat_gateway_id"))
			}
		}
		for _, gateway := range stack.Resources("aws_vpc_endpoint") {
			for _, id := range texts(gateway.Body["route_table_ids"]) {
				if ref(id) == table {
					subnet.gateways[gateway.Address()] = true
				}
			}
		}
		for _, nat := range stack.Resources("aws_nat_gateway") {
			if ref(nat.Text("subnet_id")) == subnet.ref {
				subnet.nat = nat.Address()
			}
		}
	}
	for _, gateway := range stack.Resources("aws_vpc_endpoint") {
		switch service := gateway.Text("service_name"); {
		case strings.HasSuffix(service, ".s3"):
			w.lists[gateway.Address()] = s3
		case strings.HasSuffix(service, ".dynamodb"):
			w.lists[gateway.Address()] = dynamoDB
		}
	}
}

func (w *walker) readAcls(stack *testkit.Stack) {
	for _, acl := range stack.Resources("aws_network_acl") {
		for _, id := range texts(acl.Body["subnet_ids"]) {
			for i := range w.subnets {
				if w.subnets[i].ref != ref(id) {
					continue
				}
				for _, rule := range stack.Resources("aws_network_acl_rule") {
					if ref(rule.Text("network_acl_id")) == acl.Address() {
						w.subnets[i].add(w.t, rule)
					}
				}
			}
		}
	}
}

func (s *walkSubnet) add(t testing.TB, rule testkit.Resource) {
	if rule.Text("protocol") != "tcp" {
		t.Fatalf("%s: the walker knows TCP only", rule.Address())
	}
	egress := rule.Body["egress"] == true
	s.rules[egress] = append(s.rules[egress], walkAcl{
		address: rule.Address(), number: number(rule, "rule_number"), allow: rule.Text("rule_action") == "allow",
		cidr: netip.MustParsePrefix(rule.Text("cidr_block")), from: number(rule, "from_port"), to: number(rule, "to_port"),
	})
	slices.SortFunc(s.rules[egress], func(a, b walkAcl) int { return a.number - b.number })
}

func (w *walker) readGroups(stack *testkit.Stack) {
	byRef := map[string]*walkGroup{}
	for _, group := range stack.Resources("aws_security_group") {
		role := network.Role(strings.ReplaceAll(strings.TrimPrefix(group.Path, "network/security_group_"), "_", "-"))
		w.groups[role] = &walkGroup{ref: group.Address()}
		byRef[group.Address()] = w.groups[role]
	}
	read := func(rule testkit.Resource) (*walkGroup, walkRule) {
		parsed := walkRule{
			group: ref(rule.Text("referenced_security_group_id")), list: ref(rule.Text("prefix_list_id")),
			from: number(rule, "from_port"), to: number(rule, "to_port"),
		}
		if cidr := rule.Text("cidr_ipv4"); cidr != "" {
			parsed.cidr = netip.MustParsePrefix(cidr)
		}
		return byRef[ref(rule.Text("security_group_id"))], parsed
	}
	for _, rule := range stack.Resources("aws_vpc_security_group_ingress_rule") {
		group, parsed := read(rule)
		group.ingress = append(group.ingress, parsed)
	}
	for _, rule := range stack.Resources("aws_vpc_security_group_egress_rule") {
		group, parsed := read(rule)
		group.egress = append(group.egress, parsed)
	}
}

// hosts has each role once in every zone, and what lies outside.
func (w *walker) hosts(roles []network.Role) []host {
	var all []host
	for _, role := range roles {
		tier, inside := role.Tier()
		if !inside {
			addr := map[network.Role]netip.Addr{network.Internet: outside, network.S3: s3, network.DynamoDB: dynamoDB}[role]
			all = append(all, host{role: role, addr: addr})
			continue
		}
		for i := range w.subnets {
			if subnet := &w.subnets[i]; subnet.tier == tier {
				all = append(all, host{role: role, subnet: subnet, addr: subnet.cidr.Addr().Next().Next().Next().Next()})
			}
		}
	}
	return all
}

// connect opens a connection and lets the answers come back. The error names what stopped it.
func (w *walker) connect(from, to host, port int) error {
	if from.subnet == nil && to.subnet == nil {
		return fmt.Errorf("both ends are outside")
	}
	if from.subnet != nil && !w.admits(w.rules(from.role).egress, to, port) {
		return fmt.Errorf("the group of %s does not let it out", from)
	}
	if to.subnet != nil && !w.admits(w.rules(to.role).ingress, from, port) {
		return fmt.Errorf("the group of %s does not let it in", to)
	}
	switch {
	case from.subnet == nil:
		return nil // a group that is open to the outside is a fault, whatever else stands in the way
	case to.subnet == nil:
		return w.leave(from, to, port)
	default:
		return hop(from.subnet, from.addr, to.subnet, to.addr, port)
	}
}

// rules are those of the role's group, none where it has no group.
func (w *walker) rules(role network.Role) walkGroup {
	if group, known := w.groups[role]; known {
		return *group
	}
	return walkGroup{}
}

// leave goes out of the VPC: by a gateway endpoint, or through NAT.
func (w *walker) leave(from, to host, port int) error {
	for gateway := range from.subnet.gateways {
		if w.lists[gateway] == to.addr {
			return hop(from.subnet, from.addr, nil, to.addr, port)
		}
	}
	if from.subnet.toward == "" {
		return fmt.Errorf("no route out of %s", from)
	}
	for i := range w.subnets {
		public := &w.subnets[i]
		if public.nat == "" || public.nat != from.subnet.toward {
			continue
		}
		if !strings.HasPrefix(public.toward, "aws_internet_gateway.") {
			return fmt.Errorf("the NAT gateway in zone %s has no way out", public.zone)
		}
		if err := hop(from.subnet, from.addr, public, to.addr, port); err != nil {
			return err
		}
		return hop(public, public.cidr.Addr().Next(), nil, to.addr, port)
	}
	return fmt.Errorf("the route of %s leads to no NAT gateway", from)
}

// hop passes the network ACLs between two subnets, there and back; nil is a place without any. Within a subnet there is
// nothing to pass. The addresses are those in the packet, which are not the subnets' own where NAT is on the way.
func hop(from *walkSubnet, caller netip.Addr, to *walkSubnet, called netip.Addr, port int) error {
	if from == to {
		return nil
	}
	type check struct {
		at     *walkSubnet
		egress bool
		peer   netip.Addr
		port   int
	}
	checks := []check{{from, true, called, port}, {to, false, caller, port}}
	for _, answer := range callerPorts {
		checks = append(checks, check{to, true, caller, answer}, check{from, false, called, answer})
	}
	for _, c := range checks {
		if c.at != nil && !c.at.passes(c.egress, c.peer, c.port) {
			return fmt.Errorf("the network ACL of %s %s stops port %d (egress %t) of %s", c.at.tier, c.at.zone, c.port, c.egress, c.peer)
		}
	}
	return nil
}

// passes reads the network ACL as AWS does: the first rule that matches decides, without one the answer is no.
func (s *walkSubnet) passes(egress bool, peer netip.Addr, port int) bool {
	for _, rule := range s.rules[egress] {
		if rule.from <= port && port <= rule.to && rule.cidr.Contains(peer) {
			return rule.allow
		}
	}
	return false
}

func (w *walker) admits(rules []walkRule, peer host, port int) bool {
	return slices.ContainsFunc(rules, func(rule walkRule) bool {
		if port < rule.from || port > rule.to {
			return false
		}
		group, known := w.groups[peer.role]
		return rule.cidr.IsValid() && rule.cidr.Contains(peer.addr) ||
			rule.list != "" && w.lists[rule.list] == peer.addr ||
			peer.subnet != nil && known && rule.group == group.ref
	})
}

// without is the network less one rule of a network ACL.
func (w *walker) without(address string) *walker {
	other := *w
	other.subnets = slices.Clone(w.subnets)
	for i, subnet := range other.subnets {
		other.subnets[i].rules = map[bool][]walkAcl{}
		for egress, rules := range subnet.rules {
			other.subnets[i].rules[egress] = slices.DeleteFunc(slices.Clone(rules), func(rule walkAcl) bool { return rule.address == address })
		}
	}
	return &other
}

func texts(value any) []string {
	var all []string
	items, _ := value.([]any)
	for _, item := range items {
		all = append(all, fmt.Sprint(item))
	}
	return all
}

func number(resource testkit.Resource, attribute string) int {
	value, _ := resource.Body[attribute].(float64)
	return int(value)
}
