package policies_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
)

// quotas are how many resources of a type a new account may have in a region (or, for global types, at all), from "Service
// quotas" in the AWS General Reference and the services' own pages. Each stack has its account, so that a stack's count is
// the account's. What depends on sizes and not on a count is judged in config/quotas.go.
var quotas = []struct {
	typ  string
	most int
	name string
}{
	{"aws_acm_certificate", 2500, "ACM certificates"},
	{"aws_apigatewayv2_api", 600, "HTTP APIs per Region"},
	{"aws_apigatewayv2_domain_name", 120, "Custom domain names (public) per account per Region"},
	{"aws_apigatewayv2_vpc_link", 10, "VPC links per Region"},
	{"aws_appautoscaling_target", 3000, "Scalable targets per resource type: ECS"},
	{"aws_backup_vault", 300, "Backup vaults per Region"},
	{"aws_budgets_budget", 20_000, "Budgets per account"},
	{"aws_ce_anomaly_monitor", 500, "Cost anomaly monitors"},
	{"aws_cloudfront_cache_policy", 20, "Cache policies per AWS account"},
	{"aws_cloudfront_distribution", 500, "Distributions per AWS account"},
	{"aws_cloudfront_function", 100, "Functions per AWS account"},
	{"aws_cloudfront_origin_access_control", 100, "Origin access controls per account"},
	{"aws_cloudfront_origin_request_policy", 20, "Origin request policies per AWS account"},
	{"aws_cloudfront_response_headers_policy", 20, "Response headers policies per AWS account"},
	{"aws_cloudwatch_event_rule", 300, "Rules per event bus"},
	{"aws_cloudwatch_log_resource_policy", 10, "Resource policies per Region"},
	{"aws_cloudwatch_metric_alarm", 5000, "Alarms per Region"},
	{"aws_cloudwatch_query_definition", 1000, "Saved CloudWatch Logs Insights queries per Region"},
	{"aws_codedeploy_app", 1000, "Applications per account in a Region"},
	{"aws_db_instance", 40, "DB instances"},
	{"aws_db_parameter_group", 50, "Parameter groups"},
	{"aws_db_proxy", 20, "Proxies"},
	{"aws_db_subnet_group", 50, "DB subnet groups"},
	{"aws_ecr_pull_through_cache_rule", 50, "Pull through cache rules per registry"},
	{"aws_ecr_repository", 100_000, "Repositories per Region"},
	{"aws_ecs_cluster", 10_000, "Clusters per account"},
	{"aws_elasticache_replication_group", 300, "Nodes per Region"},
	{"aws_elasticache_user", 1000, "Users"},
	{"aws_iam_openid_connect_provider", 100, "OpenID Connect providers per account"},
	{"aws_iam_policy", 1500, "Customer managed policies per account"},
	{"aws_iam_role", 1000, "Roles per account"},
	{"aws_internet_gateway", 5, "Internet gateways per Region"},
	{"aws_kms_key", 100_000, "KMS keys"},
	{"aws_lambda_function", 10, "Concurrent executions of a new account, one for each function"},
	{"aws_lb", 50, "Application Load Balancers per Region"},
	{"aws_lb_target_group", 100, "Target groups per Application Load Balancer"},
	{"aws_route53_zone", 500, "Hosted zones"},
	{"aws_secretsmanager_secret", 500_000, "Secrets per Region"},
	{"aws_security_group", 2500, "VPC security groups per Region"},
	{"aws_service_discovery_private_dns_namespace", 50, "Namespaces per Region"},
	{"aws_sns_topic", 100_000, "Topics per account"},
	{"aws_ssm_parameter", 10_000, "Standard parameters per account and Region"},
	{"aws_synthetics_canary", 100, "Canaries per Region"},
	{"aws_vpc", 5, "VPCs per Region"},
	{"aws_vpc_endpoint", 50, "Interface VPC endpoints per VPC"},
	{"aws_wafv2_web_acl", 100, "Web ACLs per account in WAF for CloudFront"},
}

func quotaFaults(count func(typ string) int) []string {
	var faults []string
	for _, quota := range quotas {
		if found := count(quota.typ); found > quota.most {
			faults = append(faults, fmt.Sprintf("%d of %s, quota %q is %d", found, quota.typ, quota.name, quota.most))
		}
	}
	return faults
}

// No stack has more of anything than a new account may have.
func TestStacksFitIntoNewAccounts(t *testing.T) {
	for _, stack := range testkit.Stacks(t) {
		for _, fault := range quotaFaults(func(typ string) int { return len(stack.Resources(typ)) }) {
			t.Errorf("%s: %s", stack.Name, fault)
		}
	}
	for _, planted := range quotas {
		faults := quotaFaults(func(typ string) int { return map[bool]int{true: planted.most + 1}[typ == planted.typ] })
		if len(faults) != 1 || !strings.Contains(faults[0], planted.name) {
			t.Errorf("one %s too many was not found: %v", planted.typ, faults)
		}
	}
}

// An event that CloudTrail delivers reaches a rule only in an account with a trail: the statement on accounts names each.
func TestEventsByTrailAreStated(t *testing.T) {
	statement, err := os.ReadFile("../../docs/accounts.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, stack := range testkit.Environments(t) {
		for _, rule := range stack.Resources("aws_cloudwatch_event_rule") {
			if !strings.Contains(rule.Text("event_pattern"), "via CloudTrail") {
				continue
			}
			found++
			if name := strings.TrimPrefix(rule.Text("name"), stack.Name+"-"); !strings.Contains(string(statement), "`"+name+"`") {
				t.Errorf("%s: docs/accounts.md does not say that the rule %s needs a trail", stack.Name, name)
			}
		}
	}
	if found == 0 {
		t.Error("no rule needs a trail: is the pattern still \"via CloudTrail\"?")
	}
	for _, service := range []string{"CloudTrail", "AWS Config", "GuardDuty", "Security Hub"} {
		if !strings.Contains(string(statement), "| "+service+" |") {
			t.Errorf("docs/accounts.md does not say where %s comes from", service)
		}
	}
}
