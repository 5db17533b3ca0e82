package cost

import (
	"fmt"
	"slices"

	"github.com/batbern/infrastructure/internal/tree"
)

// vpc carries the traffic that no single resource is billed for.
func vpc(m *meter) {
	a := m.assume
	if len(zones(m.stack)) > 1 {
		m.add("traffic between zones", "transfer.az.gb", assumed(2*a.CrossAzGb, gb(a.CrossAzGb, "between zones, billed both ways")))
	}
	m.add("traffic to the internet", "transfer.internet.gb", assumed(a.InternetGb, gb(a.InternetGb, "to the internet past CloudFront")))
}

// zones are the availability zones that the stack has subnets in.
func zones(s *tree.Stack) []string {
	var names []string
	for _, subnet := range s.OfType("aws_subnet") {
		if z := subnet.String("availability_zone"); !slices.Contains(names, z) {
			names = append(names, z)
		}
	}
	return names
}

func gb(n float64, what string) string { return fmt.Sprintf("%s GB %s", plain(n), what) }

func million(n float64, what string) string { return fmt.Sprintf("%s million %s", plain(n), what) }

func elasticIp(m *meter) { m.add("public IPv4 address", "ipv4.hour", m.hours(1, "IPv4")) }

// natGateway is billed by the hour and by the byte; its address is billed with aws_eip.
func natGateway(m *meter) {
	m.add("NAT gateway", "nat.hour", m.hours(1, "gateway"))
	m.add("data through NAT", "nat.gb", assumed(m.assume.NatGb, gb(m.assume.NatGb, "through each NAT gateway")))
}

// endpoint bills interface endpoints by their network interfaces, one a subnet. Gateway endpoints are free.
func endpoint(m *meter) {
	if m.String("vpc_endpoint_type") != "Interface" {
		return
	}
	if subnets := float64(len(m.List("subnet_ids"))); subnets > 0 {
		m.add("interface endpoint", "endpoint.hour", m.hours(subnets, "zone"))
	}
	m.add("data through endpoint", "endpoint.gb", assumed(m.assume.EndpointGb, gb(m.assume.EndpointGb, "through each interface endpoint")))
}

func endpointSubnet(m *meter) { m.add("interface endpoint", "endpoint.hour", m.hours(1, "zone")) }

func flowLog(m *meter) {
	q := assumed(m.assume.FlowLogGb, gb(m.assume.FlowLogGb, "of each flow log"))
	if m.String("log_destination_type") == "s3" {
		m.add("flow log to S3", "logs.vended_s3.gb", q)
		return
	}
	m.add("flow log to CloudWatch", "logs.vended.gb", q)
}

// loadBalancer bills hours, capacity units and, facing the internet, one public address a zone.
func loadBalancer(m *meter) {
	kind, item := "alb", "Application Load Balancer"
	switch t := m.String("load_balancer_type"); t {
	case "", "application":
	case "network":
		kind, item = "nlb", "Network Load Balancer"
	default:
		m.fault("%s: load balancers of type %q have no price here: allowed are application and network", m.Address(), t)
		return
	}
	units := m.assume.AlbCapacityUnits
	m.add(item, kind+".hour", m.hours(1, "load balancer"))
	m.add("capacity units", kind+".lcu_hour", assumed(units*m.assume.HoursPerMonth, fmt.Sprintf("%s × %s h", times(units, "capacity unit"), plain(m.assume.HoursPerMonth))))
	if !m.Bool("internal") {
		subnets := max(len(m.List("subnets")), len(m.List("subnet_mapping")))
		m.add("public IPv4 addresses", "ipv4.hour", m.hours(float64(subnets), "zone"))
	}
}

func httpApi(m *meter) {
	requests := m.assume.ApiRequestsMillion
	switch t := m.String("protocol_type"); t {
	case "HTTP":
		m.add("API requests", "apigateway.http_requests", assumed(requests, million(requests, "API requests")))
	default:
		m.fault("%s: API Gateway protocol %q has no price here: allowed is HTTP", m.Address(), t)
	}
}

func vpcLink(m *meter) { m.add("VPC link", "apigateway.vpc_link.hour", m.hours(1, "VPC link")) }

// distribution prices all traffic at the rate of European edges, where the audience is.
func distribution(m *meter) {
	a := m.assume
	m.add("traffic to viewers", "cloudfront.gb", assumed(a.CloudFrontGb, gb(a.CloudFrontGb, "from each distribution")))
	m.add("HTTPS requests", "cloudfront.https_requests", assumed(a.CloudFrontRequestsMillion*100, million(a.CloudFrontRequestsMillion, "requests to each distribution")))
	if m.hasFunction() {
		m.add("edge functions", "cloudfront.function", assumed(a.CloudFrontRequestsMillion, million(a.CloudFrontRequestsMillion, "requests to each distribution")))
	}
}

func (m *meter) hasFunction() bool {
	for _, behaviour := range append(m.List("default_cache_behavior"), m.List("ordered_cache_behavior")...) {
		b, _ := behaviour.(map[string]any)
		if b["function_association"] != nil {
			return true
		}
	}
	return false
}

// distributionMetrics are CloudFront's eight additional metrics, billed as custom metrics.
func distributionMetrics(m *meter) {
	m.add("additional metrics", "cloudwatch.metric", stated(8, "8 metrics of a distribution"))
}

// webAcl counts each rule once, managed rule groups as well; groups that cost extra are refused rather than missed.
func webAcl(m *meter) {
	m.add("web ACL", "waf.acl", one("web ACL"))
	rules := m.List("rule")
	if len(rules) > 0 {
		m.add("rules", "waf.rule", stated(float64(len(rules)), times(float64(len(rules)), "rule")))
	}
	for i := range rules {
		group := m.String(fmt.Sprintf("rule.%d.statement.managed_rule_group_statement.name", i))
		if slices.Contains([]string{"AWSManagedRulesBotControlRuleSet", "AWSManagedRulesATPRuleSet", "AWSManagedRulesACFPRuleSet", "AWSManagedRulesAntiDDoSRuleSet"}, group) {
			m.fault("%s: %s is billed by request on top and has no price here: price it in internal/cost before using it", m.Address(), group)
		}
	}
	requests := m.assume.ApiRequestsMillion
	if m.String("scope") == "CLOUDFRONT" {
		requests = m.assume.CloudFrontRequestsMillion * float64(len(m.protected()))
	}
	m.add("inspected requests", "waf.requests", assumed(requests, million(requests, "requests inspected")))
}

// protected are the distributions that name the web ACL.
func (m *meter) protected() []*tree.Resource {
	var found []*tree.Resource
	for _, d := range m.stack.OfType("aws_cloudfront_distribution") {
		if slices.Contains(d.Refers("web_acl_id"), m.Resource) {
			found = append(found, d)
		}
	}
	return found
}

func ruleGroup(m *meter) {
	n := float64(len(m.List("rule")))
	m.add("rules", "waf.rule", stated(n, times(n, "rule")))
}

// zone is a hosted zone; Cloud Map makes one for a DNS namespace.
func zone(m *meter) {
	m.add("hosted zone", "route53.zone", one("zone"))
	m.add("DNS queries", "route53.queries", assumed(m.assume.DnsQueriesMillion, million(m.assume.DnsQueriesMillion, "queries of each zone")))
}

// healthCheck is of an AWS endpoint; HTTPS, string matching, latency and the fast interval are billed each.
func healthCheck(m *meter) {
	m.add("health check", "route53.health_check", one("check"))
	var options float64
	switch m.String("type") {
	case "HTTPS":
		options++
	case "HTTP_STR_MATCH":
		options++
	case "HTTPS_STR_MATCH":
		options += 2
	}
	if m.Bool("measure_latency") {
		options++
	}
	if m.number("request_interval", 30) == 10 {
		options++
	}
	if options > 0 {
		m.add("health check options", "route53.health_check_option", stated(options, times(options, "option")))
	}
}
