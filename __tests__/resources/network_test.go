package resources_test

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/network"
	"github.com/batbern/infrastructure/constructs/policy"
)

func TestNetworkIsolation(t *testing.T) {
	t.Run("should_createIsolatedVPC_when_environmentDeployed", func(t *testing.T) {
		var ranges []netip.Prefix
		for _, stack := range testkit.Environments(t) {
			testkit.HasResourceWithProperties(t, stack, "aws_vpc", map[string]any{"enable_dns_support": true, "enable_dns_hostnames": true})
			vpcs := stack.Resources("aws_vpc")
			if len(vpcs) != 1 {
				t.Fatalf("%s has %d VPCs", stack.Name, len(vpcs))
			}
			own := netip.MustParsePrefix(vpcs[0].Text("cidr_block"))
			for _, other := range ranges {
				if own.Overlaps(other) {
					t.Errorf("%s: %s meets another environment's %s", stack.Name, own, other)
				}
			}
			ranges = append(ranges, own)
			for _, resource := range stack.All() {
				for _, connection := range []string{"peering", "transit_gateway", "vpn", "dx_"} {
					if strings.Contains(resource.Type, connection) {
						t.Errorf("%s: %s connects the VPC to another network", stack.Name, resource.Address())
					}
				}
			}
			for _, tier := range config.Tiers() {
				for _, zone := range []string{"a", "b"} {
					stack.Resource(t, "aws_subnet", fmt.Sprintf("network/subnet_%s_%s", tier, zone))
				}
			}
		}
	})
}

// Every row of the flow matrix works, and nothing else does: group, route and network ACL, there and back, for every
// pair of roles in every pair of zones.
func TestNetworkOpensItsFlowsAndNothingElse(t *testing.T) {
	for name, props := range networks(t) {
		t.Run(name, func(t *testing.T) {
			w := newWalker(t, synthNetwork(t, props))
			flows := network.Flows(props)
			for _, wrong := range discrepancies(w, flows, allRoles) {
				t.Error(wrong)
			}
			for _, address := range allowRules(w) {
				if len(broken(w.without(address), flows)) == 0 {
					t.Errorf("%s lets nothing through that a flow needs", address)
				}
			}
		})
	}
}

func TestNetworkWalkFindsPlantedFaults(t *testing.T) {
	props := production(t)
	flows := network.Flows(props)
	stack := synthNetwork(t, props)
	faults := map[string]func(w *walker){
		"a path between cache and database": func(w *walker) {
			w.groups[network.Cache].egress = append(w.groups[network.Cache].egress, walkRule{group: w.groups[network.Database].ref, from: 5433, to: 5433})
			w.groups[network.Database].ingress = append(w.groups[network.Database].ingress, walkRule{group: w.groups[network.Cache].ref, from: 5433, to: 5433})
		},
		"a database open to the world": func(w *walker) {
			w.groups[network.Database].ingress = append(w.groups[network.Database].ingress, walkRule{cidr: netip.MustParsePrefix("0.0.0.0/0"), from: 5433, to: 5433})
		},
		"a group that lost its way out": func(w *walker) { w.groups[network.Service].egress = nil },
		"a private subnet without a route": func(w *walker) {
			for i := range w.subnets {
				if w.subnets[i].tier == config.Private {
					w.subnets[i].toward = ""
				}
			}
		},
		"no gateway endpoint and no NAT": func(w *walker) {
			for i := range w.subnets {
				w.subnets[i].gateways, w.subnets[i].toward = nil, ""
			}
		},
		"a NAT gateway in a subnet without internet": func(w *walker) {
			for i := range w.subnets {
				if w.subnets[i].tier == config.Public {
					w.subnets[i].toward = ""
				}
			}
		},
		"a deny before everything": func(w *walker) {
			for i := range w.subnets {
				rules := w.subnets[i].rules[false]
				w.subnets[i].rules[false] = slices.Insert(slices.Clone(rules), 0, walkAcl{cidr: netip.MustParsePrefix("0.0.0.0/0"), from: 0, to: 65535})
			}
		},
	}
	for name, plant := range faults {
		w := newWalker(t, stack)
		plant(w)
		if len(discrepancies(w, flows, allRoles)) == 0 {
			t.Errorf("%s goes unnoticed", name)
		}
	}
}

// The network ACLs alone, should a group be wrong: whatever stands in a subnet, the tiers hold.
func TestNetworkAclsHoldByThemselves(t *testing.T) {
	for name, props := range networks(t) {
		w := newWalker(t, synthNetwork(t, props))
		for i := range w.subnets {
			from := &w.subnets[i]
			for j := range w.subnets {
				to := &w.subnets[j]
				for _, port := range []int{22, 3389} {
					if from != to && hop(from, from.cidr.Addr().Next(), to, to.cidr.Addr().Next(), port) == nil {
						t.Errorf("%s: port %d is open from %s to %s", name, port, from.ref, to.ref)
					}
				}
				// beyond these pairs nothing is said between tiers but by the matrix
				isolatedCalls := from.tier == config.Isolated && to.tier != config.Isolated
				publicCalls := from.tier == config.Public && to.tier != config.Public
				toPublic := from.tier == config.Isolated && to.tier == config.Public
				for _, port := range []int{80, 443, 5432, 5433, 6379, 8080, 40000} {
					if (isolatedCalls || publicCalls || toPublic) && hop(from, from.cidr.Addr().Next(), to, to.cidr.Addr().Next(), port) == nil {
						t.Errorf("%s: port %d is open from %s to %s", name, port, from.ref, to.ref)
					}
				}
			}
			for port := range 1024 {
				if from.passes(false, outside, port) {
					t.Errorf("%s: %s hears port %d from the internet", name, from.ref, port)
				}
			}
			for _, egress := range []bool{false, true} {
				for _, port := range []int{443, 5433, 40000} {
					if from.tier == config.Isolated && from.passes(egress, outside, port) {
						t.Errorf("%s: the network ACL of %s knows the internet (egress %t)", name, from.ref, egress)
					}
				}
			}
		}
	}
}

// A third zone in use adds its NAT gateway, to which its route moves, and lengthens the interface endpoints' lists of
// subnets. Everything else stays as it is.
func TestNetworkGrowsByAZoneWithoutTouchingTheOthers(t *testing.T) {
	props := production(t)
	two := synthNetwork(t, props)
	props.Network.Zones, props.Network.NatGateways = []string{"c", "b", "a"}, 3
	three := resourcesByAddress(synthNetwork(t, props))
	for _, before := range two.All() {
		after, still := three[before.Address()]
		if !still {
			t.Errorf("%s is gone with a third zone", before.Address())
			continue
		}
		delete(three, before.Address())
		for attribute, value := range before.Body {
			if strings.HasSuffix(before.Path, "network/route_internet_private_c") && attribute == "nat_gateway_id" {
				continue
			}
			if before.Type == "aws_vpc_endpoint" && attribute == "subnet_ids" {
				for _, item := range texts(value) {
					if !slices.Contains(texts(after.Body[attribute]), item) {
						t.Errorf("%s: %s is gone from %s", before.Address(), item, attribute)
					}
				}
			} else if !reflect.DeepEqual(value, after.Body[attribute]) {
				t.Errorf("%s: %s changes from %v to %v", before.Address(), attribute, value, after.Body[attribute])
			}
		}
	}
	if len(three) != 2 {
		t.Errorf("the third zone adds %d resources, not a NAT gateway and its address", len(three))
	}
	for address, resource := range three {
		if !strings.HasSuffix(resource.Path, "_c") {
			t.Errorf("%s is new and not the third zone's", address)
		}
	}
}

// Switching something on or off touches nothing else.
func TestNetworkSwitchesAddOnlyTheirOwn(t *testing.T) {
	tests := map[string]struct {
		change func(*network.Props)
		own    string
	}{
		"cache":        {func(p *network.Props) { p.Cache = false }, "cache"},
		"a service":    {func(p *network.Props) { p.ServicePorts = p.ServicePorts[1:] }, "8080"},
		"one endpoint": {func(p *network.Props) { p.Network.InterfaceEndpoints = p.Network.InterfaceEndpoints[1:] }, "ec2"},
	}
	for name, test := range tests {
		props := production(t)
		with := synthNetwork(t, props)
		test.change(&props)
		without := resourcesByAddress(synthNetwork(t, props))
		gone := 0
		for _, resource := range with.All() {
			other, still := without[resource.Address()]
			delete(without, resource.Address())
			switch {
			case !still && !strings.Contains(resource.Path, test.own):
				t.Errorf("%s: %s goes with it", name, resource.Address())
			case !still:
				gone++
			case !reflect.DeepEqual(resource.Body, other.Body):
				t.Errorf("%s: %s changes with it", name, resource.Address())
			}
		}
		if gone == 0 {
			t.Errorf("%s: nothing belongs to it", name)
		}
		for address := range without {
			t.Errorf("%s: %s comes when it goes", name, address)
		}
	}
}

func TestNetworkNat(t *testing.T) {
	for _, test := range []struct {
		nats   int
		routes map[string]string // by zone
	}{
		{0, map[string]string{}},
		{1, map[string]string{"a": "nat_a", "b": "nat_a", "c": "nat_a"}},
		{3, map[string]string{"a": "nat_a", "b": "nat_b", "c": "nat_c"}},
	} {
		t.Run(fmt.Sprintf("%d gateways", test.nats), func(t *testing.T) {
			props := production(t)
			props.Network.Zones = []string{"a", "b", "c"}
			props.Network.NatGateways = test.nats
			stack := synthNetwork(t, props)
			for _, typ := range []string{"aws_nat_gateway", "aws_eip"} {
				if found := len(stack.Resources(typ)); found != test.nats {
					t.Errorf("%d of %s", found, typ)
				}
			}
			for _, address := range stack.Resources("aws_eip") {
				if !strings.Contains(stack.JSON, "${"+address.Address()+".allocation_id}") {
					t.Errorf("%s belongs to no NAT gateway (EC2.12)", address.Address())
				}
			}
			if found := len(stack.Resources("aws_route_table")); found != 9 {
				t.Errorf("%d route tables, want one for each of 9 subnets", found)
			}
			routes := map[string]string{}
			for _, route := range stack.Resources("aws_route") {
				if zone, private := strings.CutPrefix(route.Path, "network/route_internet_private_"); private {
					_, id, _ := strings.Cut(ref(route.Text("nat_gateway_id")), ".network_")
					routes[zone] = id[:len("nat_a")]
				}
			}
			if !maps.Equal(routes, test.routes) {
				t.Errorf("private subnets leave by %v, want %v", routes, test.routes)
			}
		})
	}
}

func TestNetworkIsolatedSubnetsHaveNoWayOut(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		for _, subnet := range newWalker(t, stack).subnets {
			if subnet.tier == config.Isolated && (subnet.toward != "" || len(subnet.gateways) > 0) {
				t.Errorf("%s: %s leads to %q and %v", stack.Name, subnet.ref, subnet.toward, subnet.gateways)
			}
		}
	}
}

func TestNetworkMeetsTheControls(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		for _, vpc := range stack.Resources("aws_vpc") {
			group := stack.Resource(t, "aws_default_security_group", "network/default_security_group")
			if ref(group.Text("vpc_id")) != vpc.Address() || group.Body["ingress"] != nil || group.Body["egress"] != nil {
				t.Errorf("%s: EC2.2: the default group is not adopted and empty: %v", stack.Name, group.Body)
			}
			acl := stack.Resource(t, "aws_default_network_acl", "network/default_network_acl")
			if ref(acl.Text("default_network_acl_id")) != vpc.Address() || acl.Body["ingress"] != nil || acl.Body["egress"] != nil {
				t.Errorf("%s: the default network ACL is not adopted and empty: %v", stack.Name, acl.Body)
			}
			table := stack.Resource(t, "aws_default_route_table", "network/default_route_table")
			routes, present := table.Body["route"].([]any)
			if ref(table.Text("default_route_table_id")) != vpc.Address() || !present || len(routes) > 0 {
				t.Errorf("%s: the default route table is not adopted and empty: %v", stack.Name, table.Body)
			}
		}
		for _, subnet := range stack.Resources("aws_subnet") {
			if subnet.Body["map_public_ip_on_launch"] != false {
				t.Errorf("%s: EC2.15: %s gives out public addresses", stack.Name, subnet.Address())
			}
		}
		attached := map[string]int{}
		for _, acl := range stack.Resources("aws_network_acl") {
			for _, subnet := range texts(acl.Body["subnet_ids"]) {
				attached[subnet]++
			}
			if len(texts(acl.Body["subnet_ids"])) == 0 {
				t.Errorf("%s: EC2.16: %s has no subnet", stack.Name, acl.Address())
			}
		}
		if subnets := len(stack.Resources("aws_subnet")); len(attached) != subnets {
			t.Errorf("%s: %d of %d subnets have a network ACL of ours", stack.Name, len(attached), subnets)
		}
		for _, rule := range stack.Resources("aws_vpc_security_group_ingress_rule") {
			if rule.Body["cidr_ipv4"] != nil || rule.Body["cidr_ipv6"] != nil || rule.Body["prefix_list_id"] != nil {
				t.Errorf("%s: EC2.18, EC2.19: %s admits addresses, not a group", stack.Name, rule.Address())
			}
		}
		for _, group := range stack.Resources("aws_security_group") {
			if group.Body["ingress"] != nil || group.Body["egress"] != nil {
				t.Errorf("%s: %s has rules of its own beside the matrix", stack.Name, group.Address())
			}
			counts := map[string]int{}
			for _, typ := range []string{"aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule"} {
				for _, rule := range stack.Resources(typ) {
					if ref(rule.Text("security_group_id")) == group.Address() {
						counts[typ]++
					}
					if rule.Text("description") == "" {
						t.Errorf("%s: %s does not say what it is for", stack.Name, rule.Address())
					}
				}
			}
			for typ, count := range counts {
				if count > 60 {
					t.Errorf("%s: %s has %d of %s, AWS takes 60", stack.Name, group.Address(), count, typ)
				}
			}
			if len(counts) == 0 {
				t.Errorf("%s: EC2.22: %s has no rule, so nothing can use it", stack.Name, group.Address())
			}
		}
	}
}

func TestNetworkResourcesHaveNames(t *testing.T) {
	untagged := []string{"aws_route", "aws_route_table_association", "aws_network_acl_rule", "aws_cloudwatch_log_group", "aws_iam_role", "aws_iam_role_policy"}
	for _, resource := range synthNetwork(t, production(t)).All() {
		tags, _ := resource.Body["tags"].(map[string]any)
		if name, _ := tags["Name"].(string); name == "" && !slices.Contains(untagged, resource.Type) {
			t.Errorf("%s has no name", resource.Address())
		}
		if len(tags) > 1 {
			t.Errorf("%s has tags %v; all but Name are the provider's", resource.Address(), tags)
		}
	}
}

func TestNetworkFlowLogs(t *testing.T) {
	props := production(t)
	stack := synthNetwork(t, props)
	all := stack.Resource(t, "aws_flow_log", "flow_log_all")
	testkit.HasResourceWithProperties(t, stack, "aws_flow_log", map[string]any{
		"traffic_type": "ALL", "log_destination_type": "s3", "log_destination": props.FlowLogsBucketArn, "max_aggregation_interval": 60,
		"destination_options": map[string]any{"file_format": "parquet", "hive_compatible_partitions": true, "per_hour_partition": true},
	})
	testkit.HasResourceWithProperties(t, stack, "aws_flow_log", map[string]any{
		"traffic_type": "REJECT", "log_destination_type": "cloud-watch-logs", "max_aggregation_interval": 60,
	})
	for _, field := range []string{"$${pkt-srcaddr}", "$${flow-direction}", "$${traffic-path}", "$${action}"} {
		if !strings.Contains(all.Text("log_format"), field) {
			t.Errorf("the format lacks %s, escaped for Terraform: %s", field, all.Text("log_format"))
		}
	}
	testkit.HasResourceWithProperties(t, stack, "aws_cloudwatch_log_group", map[string]any{
		"name": "/batbern-prod/vpc/rejected", "retention_in_days": 365, "kms_key_id": props.LogsKeyArn,
	})
	role := stack.Resource(t, "aws_iam_role", "flow_log_role")
	if role.Text("permissions_boundary") != props.BoundaryArn {
		t.Errorf("the role's boundary is %q", role.Text("permissions_boundary"))
	}
	trust := statements(t, role, "assume_role_policy")
	wanted := policy.Conditions{
		"StringEquals": {"aws:SourceAccount": {props.Account.ID}},
		"ArnLike":      {"aws:SourceArn": {"arn:aws:ec2:eu-central-1:" + props.Account.ID + ":vpc-flow-log/*"}},
	}
	if len(trust) != 1 || !slices.Equal(trust[0].Principals.Services, []string{"vpc-flow-logs.amazonaws.com"}) || !reflect.DeepEqual(trust[0].Conditions, wanted) {
		t.Errorf("the trust is %+v", trust)
	}
	for _, s := range statements(t, stack.Resource(t, "aws_iam_role_policy", "flow_log_role_policy"), "policy") {
		if slices.Equal(s.Actions, []string{"logs:DescribeLogGroups"}) {
			continue // AWS defines no resource type for this action
		}
		for _, resource := range s.Resources {
			if !strings.HasPrefix(resource, "arn:aws:logs:eu-central-1:"+props.Account.ID+":log-group:") {
				t.Errorf("the role reaches %s", resource)
			}
		}
	}
}

func TestNetworkEndpoints(t *testing.T) {
	props := production(t)
	stack := synthNetwork(t, props)
	for service, pinned := range map[string]string{"s3": "aws:ResourceAccount", "dynamodb": "aws:PrincipalAccount"} {
		gateway := stack.Resource(t, "aws_vpc_endpoint", "gateway_endpoint_"+service)
		if gateway.Text("vpc_endpoint_type") != "Gateway" || len(texts(gateway.Body["route_table_ids"])) != 3 {
			t.Errorf("%s: %v", service, gateway.Body)
		}
		for _, s := range statements(t, gateway, "policy") {
			layers := slices.Equal(s.Resources, []string{"arn:aws:s3:::prod-eu-central-1-starport-layer-bucket/*"}) &&
				slices.Equal(s.Actions, []string{"s3:GetObject"})
			if !layers && !slices.Equal(s.Conditions["StringEquals"][pinned], []string{props.Account.ID}) {
				t.Errorf("%s: %+v is not pinned to the account", service, s)
			}
		}
	}
	group := stack.Resource(t, "aws_security_group", "security_group_endpoint")
	found := 0
	for _, endpoint := range stack.Resources("aws_vpc_endpoint") {
		if endpoint.Text("vpc_endpoint_type") != "Interface" {
			continue
		}
		found++
		groups := texts(endpoint.Body["security_group_ids"])
		if len(groups) != 1 || ref(groups[0]) != group.Address() || endpoint.Body["private_dns_enabled"] != true || len(texts(endpoint.Body["subnet_ids"])) != 2 {
			t.Errorf("%s: %v", endpoint.Address(), endpoint.Body)
		}
		for _, s := range statements(t, endpoint, "policy") {
			if !slices.Equal(s.Conditions["StringEquals"]["aws:PrincipalAccount"], []string{props.Account.ID}) || slices.Contains(s.Actions, "*") {
				t.Errorf("%s: %+v is not pinned to the account", endpoint.Address(), s)
			}
		}
	}
	if found != len(props.Network.InterfaceEndpoints) {
		t.Errorf("%d interface endpoints, %d are configured", found, len(props.Network.InterfaceEndpoints))
	}
}

func TestNetworkOutputs(t *testing.T) {
	props := production(t)
	props.Cache = false
	var out network.Outputs
	testkit.Construct(t, func(stack cdktf.TerraformStack) { out = network.New(stack, "network", props) })
	for _, tier := range config.Tiers() {
		if len(out.SubnetIDs(tier)) != 2 || len(out.AllSubnetIDs(tier)) != 3 || len(out.RouteTableIDs(tier)) != 2 || out.NetworkAclID(tier) == "" {
			t.Errorf("%s: %v, %v, %q", tier, out.SubnetIDs(tier), out.RouteTableIDs(tier), out.NetworkAclID(tier))
		}
	}
	if len(out.NatPublicIPs) != 2 || out.VpcID == "" || out.VpcCidr != "10.30.0.0/16" || out.RejectedLogGroup == "" || len(out.Ready) == 0 {
		t.Errorf("%+v", out)
	}
	if out.EndpointID("s3") == "" || out.EndpointID("secretsmanager") == "" || out.EndpointID("xray") != "" {
		t.Error("endpoints are not found by their service's name")
	}
	wanted := []network.Role{"database", "endpoint", "function", "load-balancer", "migration", "proxy", "service", "vpc-link"}
	if roles := out.Roles(); !slices.Equal(roles, wanted) {
		t.Errorf("groups %v, want %v", roles, wanted)
	}
	for _, role := range out.Roles() {
		if out.SecurityGroupID(role) == "" {
			t.Errorf("%s has no group", role)
		}
	}
	if message := testkit.Fails(t, func() { out.SecurityGroupID(network.Cache) }); !strings.Contains(message, `no security group for role "cache"`) {
		t.Errorf("the failure says %q", message)
	}
}

func TestNetworkRefusesWhatDoesNotFit(t *testing.T) {
	props := production(t)
	props.Network.Cidr = netip.MustParsePrefix("10.0.0.0/24")
	message := testkit.Fails(t, func() { synthNetwork(t, props) })
	if !strings.Contains(message, "10.0.0.0/24") {
		t.Errorf("the failure says %q", message)
	}
}

var allRoles = []network.Role{
	network.VpcLink, network.LoadBalancer, network.Service, network.Migration, network.Function, network.Endpoint,
	network.Proxy, network.Database, network.Cache, network.Internet, network.S3, network.DynamoDB,
}

// discrepancies are the paths that work and should not, or should and do not.
func discrepancies(w *walker, flows []network.Flow, roles []network.Role) []string {
	open := map[string]bool{}
	ports := map[int]bool{22: true, 80: true, 443: true, 1024: true, 3389: true, 5432: true, 8080: true, 40000: true}
	for _, flow := range flows {
		open[fmt.Sprint(flow.From, flow.To, flow.Port)] = true
		ports[flow.Port] = true
	}
	var wrong []string
	hosts := w.hosts(roles)
	for _, from := range hosts {
		for _, to := range hosts {
			for port := range ports {
				wanted := open[fmt.Sprint(from.role, to.role, port)]
				if to.subnet == nil && open[fmt.Sprint(from.role, network.Internet, port)] {
					wanted = true // everything outside is the internet too
				}
				if err := w.connect(from, to, port); (err == nil) != wanted {
					wrong = append(wrong, fmt.Sprintf("%s to %s, port %d: wanted %t, found %v", from, to, port, wanted, err))
				}
			}
		}
	}
	slices.Sort(wrong)
	return wrong
}

// broken are the flows that do not work in some pair of zones.
func broken(w *walker, flows []network.Flow) []network.Flow {
	return slices.DeleteFunc(slices.Clone(flows), func(flow network.Flow) bool {
		for _, from := range w.hosts([]network.Role{flow.From}) {
			for _, to := range w.hosts([]network.Role{flow.To}) {
				if w.connect(from, to, flow.Port) != nil {
					return false
				}
			}
		}
		return true
	})
}

func allowRules(w *walker) []string {
	found := map[string]bool{}
	for _, subnet := range w.subnets {
		for _, rules := range subnet.rules {
			for _, rule := range rules {
				if rule.allow {
					found[rule.address] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// networks are the shapes that environments have and may have.
func networks(t testing.TB) map[string]network.Props {
	small := production(t)
	small.Network.NatGateways, small.Network.InterfaceEndpoints, small.Cache = 1, nil, false
	cutOff := production(t)
	cutOff.Network.NatGateways = 0
	wide := production(t)
	wide.Network.Zones, wide.Network.NatGateways = []string{"a", "b", "c"}, 3
	wide.ServicePorts = []int{1024, 8080, 65535}
	return map[string]network.Props{"like production": production(t), "like development": small, "without NAT": cutOff, "three zones": wide}
}

// production is production's network, with a cache.
func production(t testing.TB) network.Props {
	t.Helper()
	environment, err := testkit.Project(t).Environment(config.Prod)
	if err != nil {
		t.Fatal(err)
	}
	props := network.Props{
		Name:              environment.Stack(),
		Account:           environment.Account,
		Network:           environment.Network,
		DatabasePort:      environment.Database.Port,
		Cache:             true,
		BoundaryArn:       "arn:aws:iam::444455556666:policy/boundary",
		LogsKeyArn:        "arn:aws:kms:eu-central-1:444455556666:key/logs",
		FlowLogsBucketArn: "arn:aws:s3:::flow-logs",
	}
	for _, service := range environment.Services {
		props.ServicePorts = append(props.ServicePorts, service.Port)
	}
	slices.Sort(props.ServicePorts)
	return props
}

// synthesized are the networks that were built before, by their props: a build costs more than a look.
var synthesized = map[string]*testkit.Stack{}

func synthNetwork(t testing.TB, props network.Props) *testkit.Stack {
	t.Helper()
	key := fmt.Sprintf("%+v", props)
	if synthesized[key] == nil {
		synthesized[key] = testkit.Construct(t, func(stack cdktf.TerraformStack) { network.New(stack, "network", props) })
	}
	return synthesized[key]
}

func resourcesByAddress(stack *testkit.Stack) map[string]testkit.Resource {
	all := map[string]testkit.Resource{}
	for _, resource := range stack.All() {
		all[resource.Address()] = resource
	}
	return all
}

// statements are those of a policy in a resource's attribute.
func statements(t testing.TB, resource testkit.Resource, attribute string) []policy.Statement {
	t.Helper()
	document, err := policy.Parse(resource.Text(attribute))
	if err != nil {
		t.Fatalf("%s: %s: %v", resource.Address(), attribute, err)
	}
	return document.Statements
}
