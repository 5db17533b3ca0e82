package resources_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
	"github.com/batbern/infrastructure/constructs/records"
)

// AC16: CloudFront for static content.
func TestEdge(t *testing.T) {
	t.Run("should_configureCDN_when_frontendDeployed", func(t *testing.T) {
		for _, stack := range testkit.Environments(t) {
			environment := environmentOf(t, stack)
			for _, distribution := range distributions(t, stack) {
				want := func(what string, found, wanted any) {
					t.Helper()
					if fmt.Sprint(found) != fmt.Sprint(wanted) {
						t.Errorf("%s: %s: %s is %v, wanted %v", stack.Name, distribution.Path, what, found, wanted)
					}
				}
				want("default root object (CloudFront.1)", distribution.Body["default_root_object"], "index.html")
				want("HTTP version", distribution.Body["http_version"], "http2and3")
				want("IPv6", distribution.Body["is_ipv6_enabled"], true)
				want("price class", distribution.Body["price_class"], environment.Edge.PriceClass)
				want("certificate (CloudFront.7)", strings.Contains(fmt.Sprint(nested(distribution.Body["viewer_certificate"], "acm_certificate_arn")), "virginia_validation"), true)
				want("TLS (CloudFront.15)", nested(distribution.Body["viewer_certificate"], "minimum_protocol_version"), "TLSv1.2_2021")
				want("SNI (CloudFront.8)", nested(distribution.Body["viewer_certificate"], "ssl_support_method"), "sni-only")
				want("plain logs (CloudFront.5)", strings.Contains(fmt.Sprint(nested(distribution.Body["logging_config"], "bucket")), "cdn_logs_acl"), true)
				want("firewall (CloudFront.6)", distribution.Body["web_acl_id"] != nil, environment.Edge.Firewall.Mode != config.FirewallOff)
				want("errors that are masked", distribution.Body["custom_error_response"], nil)
				for _, origin := range distribution.Body["origin"].([]any) {
					want("origin access control (CloudFront.13)", nested(origin, "origin_access_control_id") != nil, true)
					want("origin (CloudFront.12)", strings.HasPrefix(fmt.Sprint(nested(origin, "domain_name")), "${aws_s3_bucket."), true)
				}
				for _, behavior := range behaviors(distribution) {
					want("protocol (CloudFront.3)", nested(behavior, "viewer_protocol_policy"), "redirect-to-https")
					want("compression", nested(behavior, "compress"), true)
					want("methods", nested(behavior, "allowed_methods"), "[GET HEAD OPTIONS]")
					want("response headers", nested(behavior, "response_headers_policy_id") != nil, true)
				}
			}
		}
	})

	t.Run("HTML is never cached, assets for long", func(t *testing.T) {
		const disabled, optimized = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "658327ea-f89d-4fab-a63d-7e88639e58f6"
		for _, stack := range testkit.Environments(t) {
			frontend := stack.Resource(t, "aws_cloudfront_distribution", "frontend/distribution")
			if policy := nested(frontend.Body["default_cache_behavior"], "cache_policy_id"); policy != disabled {
				t.Errorf("%s: pages are cached by %v", stack.Name, policy)
			}
			assets := nested(frontend.Body["ordered_cache_behavior"], 0)
			if nested(assets, "path_pattern") != "/assets/*" || nested(assets, "cache_policy_id") != optimized {
				t.Errorf("%s: assets are served by %v", stack.Name, assets)
			}
			if value := customHeader(stack.Resource(t, "aws_cloudfront_response_headers_policy", "frontend/page_headers"), "Cache-Control"); value != "no-store" {
				t.Errorf("%s: browsers are told %q of pages", stack.Name, value)
			}
			// for assets the function decides, which leaves errors alone
			if value := customHeader(stack.Resource(t, "aws_cloudfront_response_headers_policy", "frontend/asset_headers"), "Cache-Control"); value != "" {
				t.Errorf("%s: browsers are told %q of assets, even of those that are missing", stack.Name, value)
			}
		}
	})

	t.Run("origins fail over where there are replicas", func(t *testing.T) {
		for _, stack := range testkit.Environments(t) {
			replicated := environmentOf(t, stack).Storage.Replicated
			for _, distribution := range distributions(t, stack) {
				members, _ := nested(distribution.Body["origin_group"], 0, "member").([]any)
				if replicated != (len(members) == 2) {
					t.Errorf("%s: %s has %d origins in a group, replicated is %v", stack.Name, distribution.Path, len(members), replicated)
				}
				var ids []string
				for _, origin := range distribution.Body["origin"].([]any) {
					ids = append(ids, fmt.Sprint(nested(origin, "origin_id")))
				}
				if group := nested(distribution.Body["origin_group"], 0, "origin_id"); group != nil {
					ids = append(ids, fmt.Sprint(group))
				}
				for _, behavior := range behaviors(distribution) {
					if target := fmt.Sprint(nested(behavior, "target_origin_id")); !slices.Contains(ids, target) || replicated != strings.HasSuffix(target, "-failover") {
						t.Errorf("%s: %s asks %s of %v", stack.Name, distribution.Path, target, ids)
					}
				}
				// an object that is missing is missing in both
				for _, code := range []string{"403", "404"} {
					if strings.Contains(fmt.Sprint(nested(distribution.Body["origin_group"], 0, "failover_criteria", "status_codes")), code) {
						t.Errorf("%s: %s turns to the replica for %s", stack.Name, distribution.Path, code)
					}
				}
			}
		}
	})

	t.Run("a bucket is read by its own distribution alone", func(t *testing.T) {
		for _, stack := range testkit.Environments(t) {
			for name, distribution := range map[string]string{
				"frontend": "edge_frontend_distribution", "frontend_replica": "edge_frontend_distribution",
				"content": "edge_content_distribution", "content_replica": "edge_content_distribution",
			} {
				if strings.HasSuffix(name, "_replica") && !environmentOf(t, stack).Storage.Replicated {
					continue
				}
				readers := 0
				for _, statement := range statements(t, stack.Resource(t, "aws_s3_bucket_policy", "storage_access/"+name), "policy") {
					if statement.Effect != policy.Allow {
						continue
					}
					readers++
					sources := statement.Conditions["StringEquals"]["aws:SourceArn"]
					if !slices.Equal(statement.Principals.Services, []string{"cloudfront.amazonaws.com"}) || len(sources) != 1 ||
						!strings.HasPrefix(sources[0], "${aws_cloudfront_distribution."+distribution) {
						t.Errorf("%s: %s is open to %v from %v", stack.Name, name, statement.Principals, sources)
					}
				}
				if readers != 2 {
					t.Errorf("%s: %s has %d statements that allow, wanted reading and listing", stack.Name, name, readers)
				}
			}
			// the key opens to the same two, by name
			for _, key := range stack.Resources("aws_kms_key_policy") {
				if id := key.Text("key_id"); !strings.HasSuffix(id, ".key_id}") {
					t.Errorf("%s: %s is of %s: by its ARN every plan would find it changed", stack.Name, key.Path, id)
				}
				readers := 0
				for _, statement := range statements(t, key, "policy") {
					if !slices.Contains(statement.Principals.Services, "cloudfront.amazonaws.com") {
						continue
					}
					readers++
					arns := statement.Conditions["StringEquals"]["aws:SourceArn"]
					if len(arns) != 2 || strings.Contains(fmt.Sprint(arns), "*") {
						t.Errorf("%s: %s is open to %v", stack.Name, key.Path, arns)
					}
				}
				if readers != 1 {
					t.Errorf("%s: %s lets CloudFront in by %d statements, wanted 1", stack.Name, key.Path, readers)
				}
			}
		}
	})
}

func TestSecurityHeaders(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		environment := environmentOf(t, stack)
		for _, headers := range stack.Resources("aws_cloudfront_response_headers_policy") {
			security := headers.Body["security_headers_config"]
			if age, _ := nested(security, "strict_transport_security", "access_control_max_age_sec").(float64); age < 365*24*60*60 {
				t.Errorf("%s: %s has browsers keep to HTTPS for %v seconds", stack.Name, headers.Path, age)
			}
			if nested(security, "content_type_options") == nil || nested(security, "referrer_policy") == nil {
				t.Errorf("%s: %s lacks a security header: %v", stack.Name, headers.Path, security)
			}
			if header := nested(headers.Body["remove_headers_config"], "items", 0, "header"); header != "Server" {
				t.Errorf("%s: %s tells which server answers", stack.Name, headers.Path)
			}
			for _, name := range []string{"Permissions-Policy", "Cross-Origin-Opener-Policy"} {
				if customHeader(headers, name) == "" {
					t.Errorf("%s: %s has no %s", stack.Name, headers.Path, name)
				}
			}
			if hidden := customHeader(headers, "X-Robots-Tag") != ""; hidden == environment.Edge.Indexed {
				t.Errorf("%s: %s hides from search engines: %v", stack.Name, headers.Path, hidden)
			}
			enforced := nested(security, "content_security_policy") != nil
			reported := customHeader(headers, "Content-Security-Policy-Report-Only") != ""
			frontend := strings.HasPrefix(headers.Path, "edge/frontend")
			if enforced == reported || enforced != (environment.Edge.EnforcePolicy || !frontend) {
				t.Errorf("%s: %s: policy enforced %v, reported %v", stack.Name, headers.Path, enforced, reported)
			}
			if frontend && nested(security, "frame_options", "frame_option") != "DENY" {
				t.Errorf("%s: %s may be shown in a frame", stack.Name, headers.Path)
			}
		}
	}
}

func TestFirewall(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		settings := environmentOf(t, stack).Edge.Firewall
		var acls []testkit.Resource
		for _, acl := range stack.Resources("aws_wafv2_web_acl") {
			if strings.HasPrefix(acl.Path, "edge/") {
				acls = append(acls, acl)
			}
		}
		if settings.Mode == config.FirewallOff {
			for _, resource := range stack.All() {
				if strings.Contains(resource.Path, "edge/firewall") || strings.HasPrefix(resource.Path, "edge_logs") {
					t.Errorf("%s has no firewall, yet has %s", stack.Name, resource.Address())
				}
			}
			continue
		}
		for _, acl := range acls {
			if acl.Text("scope") != "CLOUDFRONT" || acl.Text("provider") != "aws.virginia" {
				t.Errorf("%s: %s is %s by %s", stack.Name, acl.Path, acl.Text("scope"), acl.Text("provider"))
			}
			names := map[any]bool{}
			for _, rule := range acl.Body["rule"].([]any) {
				names[nested(rule, "name")] = true
				action := nested(rule, "action")
				lets, stops := "count", "block"
				if action == nil {
					action, stops = nested(rule, "override_action"), "none" // the group's own actions
				}
				wanted := lets
				if settings.Mode == config.FirewallBlock {
					wanted = stops
				}
				if nested(action, wanted) == nil {
					t.Errorf("%s: %v does %v, wanted %s", stack.Name, nested(rule, "name"), action, wanted)
				}
				if nested(rule, "visibility_config", "cloudwatch_metrics_enabled") != true {
					t.Errorf("%s: %v has no metrics (WAF.12)", stack.Name, nested(rule, "name"))
				}
			}
			for _, group := range []string{"AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet", "AWSManagedRulesAmazonIpReputationList", "requests-per-address"} {
				if !names[group] {
					t.Errorf("%s: no rule %s", stack.Name, group)
				}
			}
		}
		logs := stack.Resource(t, "aws_wafv2_web_acl_logging_configuration", "edge/firewall/logging")
		for _, private := range []string{"authorization", "cookie", "query_string"} {
			if !strings.Contains(fmt.Sprint(logs.Body["redacted_fields"]), private) {
				t.Errorf("%s: logs keep %s", stack.Name, private)
			}
		}
		group := stack.Resource(t, "aws_cloudwatch_log_group", "edge/firewall/log_group")
		if !strings.HasPrefix(group.Text("name"), "aws-waf-logs-") || group.Text("kms_key_id") == "" || group.Text("retention_in_days") != fmt.Sprint(settings.LogRetentionDays) {
			t.Errorf("%s: log group %v", stack.Name, group.Body)
		}
		if len(acls) != 1 {
			t.Errorf("%s: %d web ACLs, wanted one for both distributions", stack.Name, len(acls))
		}
	}
}

// Where the environment asks for it, one client's requests to the API are limited and judged before a service sees them,
// by the address that API Gateway writes; no way leads around the load balancer, which is internal (decision 17).
func TestApiFirewall(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		settings := environmentOf(t, stack).Api.Firewall
		for _, fault := range apiFirewallFaults(stack, settings) {
			t.Errorf("%s: %s", stack.Name, fault)
		}
	}
	for wanted, plant := range map[string]func(stack *testkit.Stack, rate map[string]any){
		"the load balancer has no web ACL": func(stack *testkit.Stack, _ map[string]any) {
			stack.Resource(t, "aws_wafv2_web_acl_association", "api_firewall_protects").Body["resource_arn"] = "other"
		},
		"counts by IP": func(_ *testkit.Stack, rate map[string]any) {
			rate["aggregate_key_type"] = "IP" // of the VPC link: all clients together
		},
		"the client's own header": func(stack *testkit.Stack, _ map[string]any) {
			stack.Resources("aws_apigatewayv2_integration")[0].Body["request_parameters"] = map[string]any{"append:header.x-client-address": "$context.identity.sourceIp"}
		},
		"the default endpoint is open": func(stack *testkit.Stack, _ map[string]any) {
			stack.Resources("aws_apigatewayv2_api")[0].Body["disable_execute_api_endpoint"] = false
		},
		"the load balancer is public": func(stack *testkit.Stack, _ map[string]any) { stack.Resources("aws_lb")[0].Body["internal"] = false },
	} {
		stack := testkit.Synth(t, testkit.Project(t))["batbern-prod"]
		rule := stack.Resource(t, "aws_wafv2_web_acl", "api_firewall/acl").Body["rule"].([]any)[0]
		plant(stack, nested(rule, "statement", "rate_based_statement").(map[string]any))
		if faults := apiFirewallFaults(stack, environmentOf(t, stack).Api.Firewall); !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, wanted) }) {
			t.Errorf("planted %q, found %q", wanted, faults)
		}
	}
}

func apiFirewallFaults(stack *testkit.Stack, settings config.Firewall) []string {
	var faults []string
	fault := func(ok bool, format string, values ...any) {
		if !ok {
			faults = append(faults, fmt.Sprintf(format, values...))
		}
	}
	balancer, entry := stack.Resources("aws_lb")[0], stack.Resources("aws_apigatewayv2_api")[0]
	fault(balancer.Body["internal"] == true, "the load balancer is public")
	fault(entry.Body["disable_execute_api_endpoint"] == true, "the default endpoint is open")
	parameters, _ := stack.Resources("aws_apigatewayv2_integration")[0].Body["request_parameters"].(map[string]any)
	fault(parameters["overwrite:header.x-client-address"] == "$context.identity.sourceIp", "the client's own header reaches the firewall: %v", parameters)
	associations := stack.Resources("aws_wafv2_web_acl_association")
	if settings.Mode == config.FirewallOff {
		fault(len(associations) == 0, "a firewall that is off protects something")
		return faults
	}
	fault(slices.ContainsFunc(associations, func(a testkit.Resource) bool { return a.Text("resource_arn") == "${"+balancer.Address()+".arn}" }),
		"the load balancer has no web ACL")
	for _, acl := range stack.Resources("aws_wafv2_web_acl") {
		if acl.Text("scope") != "REGIONAL" {
			continue
		}
		rate, _ := nested(acl.Body["rule"].([]any)[0], "statement", "rate_based_statement").(map[string]any)
		fault(rate["aggregate_key_type"] == "FORWARDED_IP" && nested(rate["forwarded_ip_config"], "header_name") == "x-client-address", "counts by %v", rate["aggregate_key_type"])
		fault(rate["limit"] == float64(settings.RequestsPerFiveMinutes), "limits to %v", rate["limit"])
		rules := fmt.Sprint(acl.Body["rule"])
		fault(strings.Contains(rules, "AWSManagedRulesSQLiRuleSet"), "lets injections into the database through")
		fault(settings.Mode != config.FirewallBlock || nested(acl.Body["rule"].([]any)[0], "action", "block") != nil, "does not block")
	}
	return faults
}

// Logs and metrics that cost come where the configuration asks for them, and only there.
func TestEdgeByConfiguration(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		edge := environmentOf(t, stack).Edge
		for typ, wanted := range map[string]bool{
			"aws_cloudwatch_log_delivery":            edge.QueryableLogs,
			"aws_cloudwatch_log_delivery_source":     edge.QueryableLogs,
			"aws_cloudfront_monitoring_subscription": edge.DetailedMetrics,
		} {
			if count := len(stack.Resources(typ)); (count == 2) != wanted || count != 0 && !wanted {
				t.Errorf("%s: %d of %s, configured is %v", stack.Name, count, typ, wanted)
			}
		}
		for _, typ := range []string{"aws_cloudwatch_log_delivery", "aws_cloudwatch_log_delivery_source", "aws_cloudwatch_log_delivery_destination"} {
			for _, resource := range stack.Resources(typ) {
				if resource.Body["provider"] != "aws.virginia" {
					t.Errorf("%s: %s is not in us-east-1", stack.Name, resource.Path)
				}
			}
		}
	}
}

// Certificates are made in both regions, proven once and written only below the environment's own name.
func TestNames(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		domains := environmentOf(t, stack).Domains
		providers := map[any]bool{}
		for _, certificate := range stack.Resources("aws_acm_certificate") {
			providers[certificate.Body["provider"]] = true
			if certificate.Text("domain_name") != domains.Root || fmt.Sprint(certificate.Body["subject_alternative_names"]) != "[*."+domains.Root+"]" {
				t.Errorf("%s: %s is for %v and %v", stack.Name, certificate.Path, certificate.Body["domain_name"], certificate.Body["subject_alternative_names"])
			}
			if certificate.Text("validation_method") != "DNS" {
				t.Errorf("%s: %s is validated by %s (ACM.1)", stack.Name, certificate.Path, certificate.Text("validation_method"))
			}
		}
		if len(providers) != 2 || !providers[nil] || !providers["aws.virginia"] {
			t.Errorf("%s: certificates by %v", stack.Name, providers)
		}

		kinds := map[string][]string{}
		for _, record := range stack.Resources("aws_route53_record") {
			if record.Body["provider"] != "aws.dns" {
				t.Errorf("%s: %s is written by %v", stack.Name, record.Path, record.Body["provider"])
			}
			if !strings.HasPrefix(record.Path, "records/") {
				continue // the proof's name comes from ACM, below the name it is for
			}
			name := record.Text("name")
			if name != domains.Root && !strings.HasSuffix(name, "."+domains.Root) {
				t.Errorf("%s writes %s", stack.Name, name)
			}
			kinds[name] = append(kinds[name], record.Text("type"))
		}
		wanted := []string{domains.Www(), domains.Cdn()}
		if domains.Apex() {
			wanted = append(wanted, domains.Root)
		}
		for _, name := range wanted {
			if slices.Sort(kinds[name]); !slices.Equal(kinds[name], []string{"A", "AAAA"}) {
				t.Errorf("%s: %s has the records %v", stack.Name, name, kinds[name])
			}
		}
		if !domains.Apex() && kinds[domains.Root] != nil {
			t.Errorf("%s: %s answers, which only production's root should", stack.Name, domains.Root)
		}
		// an alias is one distribution's, and each that is served has a record
		served := map[any]bool{}
		for _, distribution := range distributions(t, stack) {
			for _, alias := range distribution.Body["aliases"].([]any) {
				if served[alias] || kinds[fmt.Sprint(alias)] == nil {
					t.Errorf("%s: %v is served twice or leads nowhere", stack.Name, alias)
				}
				served[alias] = true
			}
		}
		if len(served) != len(wanted) {
			t.Errorf("%s serves %v, wanted %v", stack.Name, served, wanted)
		}
	}
}

func distributions(t *testing.T, stack *testkit.Stack) []testkit.Resource {
	t.Helper()
	found := stack.Resources("aws_cloudfront_distribution")
	if len(found) != 2 {
		t.Fatalf("%s: %d distributions, wanted frontend and content", stack.Name, len(found))
	}
	return found
}

func behaviors(distribution testkit.Resource) []any {
	others, _ := distribution.Body["ordered_cache_behavior"].([]any)
	return append([]any{distribution.Body["default_cache_behavior"]}, others...)
}

func customHeader(policy testkit.Resource, name string) string {
	items, _ := nested(policy.Body["custom_headers_config"], "items").([]any)
	for _, item := range items {
		if nested(item, "header") == name {
			return fmt.Sprint(nested(item, "value"))
		}
	}
	return ""
}

// An environment that would write another's name stops the synthesis with a message that names it.
func TestForeignNamesAreRefused(t *testing.T) {
	for name, allowed := range map[string]bool{
		"dev.batbern.ch": true, "www.dev.batbern.ch": true, "a.b.dev.batbern.ch": true,
		"batbern.ch": false, "www.batbern.ch": false, "www.staging.batbern.ch": false, "xdev.batbern.ch": false, "dev.batbern.ch.evil.example": false,
	} {
		write := func() {
			testkit.Construct(t, func(stack cdktf.TerraformStack) {
				records.New(stack, "records", records.Props{ZoneID: "Z1", Root: "dev.batbern.ch", Aliases: []records.Alias{{ID: "some", Name: name, Target: "target.example", TargetZoneID: "Z2"}}})
			})
		}
		if allowed {
			write()
		} else if message := testkit.Fails(t, write); !strings.Contains(message, name) || !strings.Contains(message, "allowed: dev.batbern.ch") {
			t.Errorf("%s is refused with %q", name, message)
		}
	}
}
