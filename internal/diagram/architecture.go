package diagram

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/batbern/infrastructure/internal/tree"
)

// Architecture draws one environment: who may talk to whom, from the rules of its security groups and the origins of
// its distributions, in the tiers of its network; below it what else the stack holds.
func Architecture(ctx context.Context, stack *tree.Stack) (*Picture, error) {
	a := &architecture{stack: stack, roles: map[*tree.Resource]string{}}
	var concerns []string
	for _, r := range stack.Resources {
		concerns = append(concerns, r.Concern())
	}
	a.theme = themeOf(concerns)
	a.network()
	a.edge()
	a.apis()
	a.inside()
	a.ways()
	a.securityFlows()
	size, err := a.drawing.place(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", stack.Name, err)
	}
	return a.compose(size), nil
}

// Rows of the picture, from the outside inwards.
const (
	rowClients = iota
	rowEdge
	rowElsewhere // other regions, above the home region
	rowOrigins
	rowPublic
	rowBalancer
	rowTasks
	rowPool
	rowData
)

const (
	areaRegion = "region"
	areaVpc    = "vpc"
)

type architecture struct {
	stack   *tree.Stack
	theme   theme
	drawing drawing
	roles   map[*tree.Resource]string // security group to the node of its members
	shown   []*tree.Resource          // what the upper part shows, so that the panels leave it out
}

// network makes the nested frames: region, VPC, tiers.
func (a *architecture) network() {
	region := &area{name: areaRegion, title: "region " + a.stack.Regions["aws"], colour: "#52606d"}
	a.drawing.root.areas = append(a.drawing.root.areas, region)
	for _, vpc := range a.stack.OfType("aws_vpc") {
		inside := &area{name: areaVpc, title: "VPC " + vpc.String("cidr_block"), colour: a.theme.of(vpc.Concern())}
		region.areas = append(region.areas, inside)
		for _, tier := range tiers {
			if n := len(a.subnets(tier)); n > 0 {
				inside.areas = append(inside.areas, &area{name: tier, title: fmt.Sprintf("%s subnets in %s", tier, count(n, "zone")), colour: tierColours[tier], below: tier == "isolated"})
			}
		}
		a.shown = append(a.shown, vpc)
	}
}

var (
	tiers       = []string{"public", "private", "isolated"}
	tierColours = map[string]colour{"public": "#2f7d32", "private": "#0b7fab", "isolated": "#b0306a"}
)

func (a *architecture) subnets(tier string) []*tree.Resource {
	var found []*tree.Resource
	for _, s := range a.stack.OfType("aws_subnet") {
		if tierOf(s) == tier {
			found = append(found, s)
		}
	}
	return found
}

// tierOf reads the tier from the subnet's construct path.
func tierOf(subnet *tree.Resource) string {
	for _, tier := range tiers {
		if strings.Contains(subnet.Label(), tier) {
			return tier
		}
	}
	return ""
}

// tier is where a resource has its network interfaces: in the subnets that it names, directly or by a subnet group.
func (a *architecture) tier(r *tree.Resource) string {
	for _, ref := range r.References() {
		if ref.To.Type == "aws_subnet" {
			return tierOf(ref.To)
		}
		if strings.HasSuffix(ref.To.Type, "_subnet_group") {
			return a.tier(ref.To)
		}
	}
	return ""
}

func (a *architecture) add(name, area string, row int, c card) {
	if a.drawing.node(name) != nil {
		return
	}
	a.drawing.nodes = append(a.drawing.nodes, &node{name: name, area: area, rank: row, size: c.size(), draw: c.draw, colour: c.colour})
}

func (a *architecture) flow(from, to, label string) {
	for _, f := range a.drawing.flows {
		if f.from == from && f.to == to {
			return
		}
	}
	a.drawing.flows = append(a.drawing.flows, &flow{from: from, to: to, label: label})
}

// edge draws the distributions, who looks at them, and the buckets behind them.
func (a *architecture) edge() {
	for _, d := range a.stack.OfType("aws_cloudfront_distribution") {
		a.add("browsers", "", rowClients, card{mark: "www", title: "Browsers", subtitle: "attendees, speakers, partners", colour: soft})
		subtitle := "CloudFront"
		if d.Value("web_acl_id") != nil {
			subtitle += ", WAF"
		}
		a.add(d.Address(), "", rowEdge, card{mark: "CDN", title: text(first(d.List("aliases")), named(d)), subtitle: subtitle, colour: a.theme.of(d.Concern())})
		a.flow("browsers", d.Address(), "443")
		a.shown = append(a.shown, d)
		for _, to := range d.Refers("origin") {
			if to.Type == "aws_s3_bucket" {
				a.bucket(to)
				a.flow(d.Address(), to.Address(), "")
			}
		}
	}
}

func (a *architecture) bucket(b *tree.Resource) {
	area, row, subtitle := areaRegion, rowOrigins, "private bucket"
	if region := b.Region(); region != a.stack.Regions["aws"] {
		area, row, subtitle = a.otherRegion(region), rowElsewhere, "if the first fails"
	}
	a.add(b.Address(), area, row, card{mark: "S3", title: title(named(b)), subtitle: subtitle, colour: a.theme.of(b.Concern())})
	a.shown = append(a.shown, b)
}

// otherRegion is the frame of a region beside the home region.
func (a *architecture) otherRegion(region string) string {
	if a.drawing.root.find(region) == nil {
		a.drawing.root.areas = append(a.drawing.root.areas, &area{name: region, title: "region " + region, colour: "#52606d"})
	}
	return region
}

// apis draws the HTTP API; its link into the VPC has a security group and comes with the roles.
func (a *architecture) apis() {
	for _, api := range a.stack.OfType("aws_apigatewayv2_api") {
		a.add("clients", "", rowClients, card{mark: "API", title: "API clients", subtitle: "web frontend, partners", colour: soft})
		name := text(a.domainOf(api), named(api))
		a.add(api.Address(), areaRegion, rowOrigins, card{mark: "API", title: name, subtitle: "API Gateway, HTTP API", colour: a.theme.of(api.Concern())})
		a.flow("clients", api.Address(), "443")
		a.shown = append(a.shown, api)
	}
}

func (a *architecture) domainOf(api *tree.Resource) any {
	for _, m := range a.stack.OfType("aws_apigatewayv2_api_mapping") {
		if !slices.Contains(m.Refers("api_id"), api) {
			continue
		}
		for _, d := range m.Refers("domain_name") {
			return d.Value("domain_name")
		}
	}
	return nil
}

// inside draws one node for each security group: what is in it. A group that nothing names yet is of tasks or functions
// that start on demand.
func (a *architecture) inside() {
	for _, group := range a.stack.OfType("aws_security_group") {
		members := a.members(group)
		a.roles[group] = group.Address()
		if !a.hasRules(group) {
			continue
		}
		tier, row := "private", rowTasks
		for _, m := range members {
			tier = text(a.tier(m), tier)
			a.shown = append(a.shown, m)
		}
		if r, ok := rows[typeOf(members)]; ok {
			row = r
		}
		a.add(group.Address(), a.known(tier), row, a.role(group, members))
	}
}

// known is the tier's frame, or the VPC's where the network has no such tier.
func (a *architecture) known(tier string) string {
	if a.drawing.root.find(tier) != nil {
		return tier
	}
	return areaVpc
}

var rows = map[string]int{
	"aws_apigatewayv2_vpc_link": rowPublic, "aws_lb": rowBalancer, "aws_ecs_service": rowTasks, "aws_lambda_function": rowTasks,
	"aws_vpc_endpoint": rowTasks, "aws_db_proxy": rowPool, "aws_elasticache_replication_group": rowPool, "aws_db_instance": rowData,
}

func typeOf(members []*tree.Resource) string {
	if len(members) == 0 {
		return ""
	}
	return members[0].Type
}

// members are the resources whose network interfaces are in the group.
func (a *architecture) members(group *tree.Resource) []*tree.Resource {
	var found []*tree.Resource
	for _, r := range a.stack.Resources {
		for _, ref := range r.References() {
			if ref.To == group && strings.Contains(ref.Attribute, "security_group") && !strings.HasSuffix(r.Type, "_rule") {
				found = append(found, r)
				break
			}
		}
	}
	return found
}

func (a *architecture) hasRules(group *tree.Resource) bool {
	for _, rule := range a.rules() {
		if slices.Contains(rule.Refers("security_group_id"), group) || slices.Contains(rule.Refers("referenced_security_group_id"), group) {
			return true
		}
	}
	return false
}

func (a *architecture) rules() []*tree.Resource {
	return append(a.stack.OfType("aws_vpc_security_group_ingress_rule"), a.stack.OfType("aws_vpc_security_group_egress_rule")...)
}

// role describes what is in a security group.
func (a *architecture) role(group *tree.Resource, members []*tree.Resource) card {
	name := title(strings.TrimPrefix(last(group.Label()), "security_group_"))
	c := card{mark: "SG", title: name, subtitle: "runs on demand", colour: a.theme.of(group.Concern())}
	if len(members) == 0 {
		if task := a.taskNamed(name); task != nil {
			c.mark, c.colour, c.subtitle = "RUN", a.theme.of(task.Concern()), "task on demand"
			a.shown = append(a.shown, task)
		}
		return c
	}
	m := members[0]
	c.colour = a.theme.of(m.Concern())
	switch m.Type {
	case "aws_apigatewayv2_vpc_link":
		c.mark, c.title, c.subtitle = "LNK", "VPC link", "from API Gateway"
	case "aws_lb":
		c.mark, c.title, c.subtitle = "ALB", "Load balancer", "internal"
		if !m.Bool("internal") {
			c.subtitle = "faces the internet"
		}
	case "aws_ecs_service":
		c = a.services(members)
	case "aws_lambda_function":
		c.mark, c.title, c.subtitle, c.items, c.columns = "λ", count(len(members), "function"), "Lambda", items(members), 1
	case "aws_db_proxy":
		c.mark, c.title, c.subtitle = "PXY", "RDS Proxy", "connection pool"
	case "aws_db_instance":
		c.mark, c.title = "SQL", strings.TrimSpace("PostgreSQL "+m.String("engine_version"))
		c.subtitle = join(m.String("instance_class"), when(m.Bool("multi_az"), "Multi-AZ", "single-AZ"), amount(m, "allocated_storage", "GB"))
	case "aws_elasticache_replication_group":
		c.mark, c.title = "KV", strings.TrimSpace(title(m.String("engine"))+" "+m.String("engine_version"))
		c.subtitle = join(m.String("node_type"), cacheNodes(m))
	case "aws_vpc_endpoint":
		c = a.endpoints(members)
	default:
		c.mark, c.subtitle, c.items, c.columns = "ENI", "", items(members), 1
	}
	return c
}

// taskNamed is a task definition of the concern that the group is named after.
func (a *architecture) taskNamed(name string) *tree.Resource {
	for _, task := range a.stack.OfType("aws_ecs_task_definition") {
		if !a.stack.RunsAsService(task) && strings.Contains(strings.ToLower(task.Label()), strings.ToLower(name)) {
			return task
		}
	}
	return nil
}

// services is the grid of all services, each with its number of tasks and their size.
func (a *architecture) services(members []*tree.Resource) card {
	c := card{mark: "ECS", title: count(len(members), "service"), subtitle: "ECS Fargate" + a.portsAmong(members), colour: a.theme.of(members[0].Concern()), columns: 2}
	for _, m := range members {
		c.items = append(c.items, item{title: text(m.Value("name"), named(m)), subtitle: a.tasks(m)})
	}
	sort.Slice(c.items, func(i, j int) bool { return c.items[i].title < c.items[j].title })
	return c
}

// portsAmong says on which ports the members call each other: an arrow from a card to itself would say less.
func (a *architecture) portsAmong(members []*tree.Resource) string {
	for group := range a.roles {
		if !slices.Contains(a.members(group), members[0]) {
			continue
		}
		if ports := a.ports()[[2]string{group.Address(), group.Address()}]; len(ports) > 0 {
			return ", call each other on " + span(ports)
		}
	}
	return ""
}

func (a *architecture) tasks(service *tree.Resource) string {
	count := amount(service, "desired_count", "")
	if target := a.stack.ScalingOf(service); target != nil {
		count = amount(target, "min_capacity", "") + "–" + amount(target, "max_capacity", "")
	}
	if task := a.stack.TaskOf(service); task != nil {
		cpu, _ := task.Number("cpu", 0)
		memory, _ := task.Number("memory", 0)
		return fmt.Sprintf("%s × %s vCPU, %s GB", count, plain(cpu/1024), plain(memory/1024))
	}
	return count + " tasks"
}

// endpoints are the private ways to AWS's own APIs.
func (a *architecture) endpoints(members []*tree.Resource) card {
	c := card{mark: "EP", title: "Endpoints", subtitle: "to AWS APIs", colour: a.theme.of(members[0].Concern()), columns: 1}
	for _, m := range members {
		c.items = append(c.items, item{title: serviceOf(m)})
	}
	sort.Slice(c.items, func(i, j int) bool { return c.items[i].title < c.items[j].title })
	return c
}

// serviceOf is the last part of the endpoint's service: "com.amazonaws.eu-central-1.ecr.api" is ecr.api.
func serviceOf(endpoint *tree.Resource) string {
	parts := strings.SplitN(endpoint.String("service_name"), ".", 4)
	return parts[len(parts)-1]
}

const wayOut = "nat"

// ways draws the ways out: NAT gateways, and the gateway endpoints.
func (a *architecture) ways() {
	if nats := a.stack.OfType("aws_nat_gateway"); len(nats) > 0 {
		a.add(wayOut, a.known("public"), rowPublic, card{mark: "NAT", title: count(len(nats), "NAT gateway"), subtitle: "out to the internet", colour: a.theme.of(nats[0].Concern())})
		a.shown = append(a.shown, nats...)
	}
	for _, e := range a.stack.OfType("aws_vpc_endpoint") {
		if e.String("vpc_endpoint_type") == "Gateway" && a.reached(e) {
			a.add(e.Address(), areaVpc, rowPool, card{mark: "EP", title: title(serviceOf(e)), subtitle: "gateway endpoint", colour: a.theme.of(e.Concern())})
			a.shown = append(a.shown, e)
		}
	}
}

func (a *architecture) reached(endpoint *tree.Resource) bool {
	for _, rule := range a.rules() {
		if slices.Contains(rule.Refers("prefix_list_id"), endpoint) {
			return true
		}
	}
	return false
}

// securityFlows draws what the rules of the security groups allow.
func (a *architecture) securityFlows() {
	for _, link := range a.stack.OfType("aws_apigatewayv2_vpc_link") {
		for _, i := range a.stack.OfType("aws_apigatewayv2_integration") {
			if !slices.Contains(i.Refers("connection_id"), link) {
				continue
			}
			for _, api := range i.Refers("api_id") {
				for _, group := range link.Refers("security_group_ids") {
					a.flow(api.Address(), a.roles[group], "")
				}
			}
		}
	}
	ports := a.ports()
	var ends [][2]string
	for e := range ports {
		ends = append(ends, e)
	}
	sort.Slice(ends, func(i, j int) bool { return ends[i][0]+ends[i][1] < ends[j][0]+ends[j][1] })
	for _, e := range ends {
		if e[0] != e[1] && a.drawing.node(e[0]) != nil && a.drawing.node(e[1]) != nil {
			a.flow(e[0], e[1], span(ports[e]))
		}
	}
}

// ports are the allowed ports between two nodes.
func (a *architecture) ports() map[[2]string][]float64 {
	found := map[[2]string][]float64{}
	allow := func(from, to string, rule *tree.Resource) {
		port, _ := rule.Number("from_port", 0)
		if at := [2]string{from, to}; !slices.Contains(found[at], port) {
			found[at] = append(found[at], port)
		}
	}
	for _, rule := range a.stack.OfType("aws_vpc_security_group_ingress_rule") {
		for _, to := range rule.Refers("security_group_id") {
			for _, from := range rule.Refers("referenced_security_group_id") {
				allow(from.Address(), to.Address(), rule)
			}
		}
	}
	for _, rule := range a.stack.OfType("aws_vpc_security_group_egress_rule") {
		for _, from := range rule.Refers("security_group_id") {
			if rule.String("cidr_ipv4") == "0.0.0.0/0" {
				allow(from.Address(), wayOut, rule)
			}
			for _, endpoint := range rule.Refers("prefix_list_id") {
				allow(from.Address(), endpoint.Address(), rule)
			}
		}
	}
	return found
}

// span writes ports: "443", "8080–8085", "443, 5432".
func span(ports []float64) string {
	ports = slices.Compact(slices.Sorted(slices.Values(ports)))
	if n := len(ports); n > 2 && ports[n-1]-ports[0] == float64(n-1) {
		return plain(ports[0]) + "–" + plain(ports[n-1])
	}
	var parts []string
	for _, p := range ports {
		parts = append(parts, plain(p))
	}
	return strings.Join(parts, ", ")
}
