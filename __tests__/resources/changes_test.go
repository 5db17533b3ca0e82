package resources_test

import (
	"slices"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
)

// Types whose changes wait for a maintenance window unless apply_immediately is set, in provider 5.100.0's schema. The
// rest of them (aws_docdb_*, aws_neptune_*, aws_memorydb_*, aws_mq_broker, aws_opensearch_domain) are not used here.
var windowed = []string{"aws_db_instance", "aws_rds_cluster", "aws_rds_cluster_instance", "aws_elasticache_cluster", "aws_elasticache_replication_group"}

// A fix from the runbook acts when it is applied, in every environment (docs/decisions/0015).
func TestChangesDoNotWaitForTheWindow(t *testing.T) {
	for _, stack := range testkit.Stacks(t) {
		for _, resource := range stack.All() {
			if slices.Contains(windowed, resource.Type) && resource.Body["apply_immediately"] != true {
				t.Errorf("%s: %s waits for its maintenance window", stack.Name, resource.Address())
			}
		}
	}
}

// What AWS refuses to delete while another resource refers to it. create_before_destroy makes Terraform update the
// referrer before it deletes.
var releasedFirst = map[string]string{
	"aws_cloudwatch_metric_alarm":            "composite alarms: https://github.com/hashicorp/terraform-provider-aws/issues/34807",
	"aws_cloudwatch_composite_alarm":         "other composite alarms and suppressors",
	"aws_elasticache_user":                   "its group: https://github.com/hashicorp/terraform-provider-aws/issues/43281",
	"aws_elasticache_parameter_group":        "the replication group: InvalidCacheParameterGroupState",
	"aws_db_parameter_group":                 "the instance: InvalidDBParameterGroupState",
	"aws_lb_target_group":                    "listener rules: ResourceInUse",
	"aws_security_group":                     "network interfaces: DependencyViolation",
	"aws_apigatewayv2_vpc_link":              "integrations: https://github.com/hashicorp/terraform-provider-aws/issues/12195",
	"aws_acm_certificate":                    "listeners and distributions: ResourceInUseException",
	"aws_apigatewayv2_authorizer":            "routes: ConflictException",
	"aws_cloudfront_function":                "distributions: FunctionInUse",
	"aws_cloudfront_cache_policy":            "distributions: CachePolicyInUse",
	"aws_cloudfront_origin_request_policy":   "distributions: OriginRequestPolicyInUse",
	"aws_cloudfront_response_headers_policy": "distributions: ResponseHeadersPolicyInUse",
	"aws_cloudfront_origin_access_control":   "distributions: OriginAccessControlInUse",
	"aws_cloudfront_key_group":               "distributions: ResourceInUse",
	"aws_cloudfront_public_key":              "key groups: PublicKeyInUse",
	"aws_wafv2_web_acl":                      "distributions: WAFAssociatedItemException",
	"aws_wafv2_regex_pattern_set":            "web ACLs: WAFAssociatedItemException",
	"aws_wafv2_ip_set":                       "web ACLs: WAFAssociatedItemException",
	"aws_codedeploy_deployment_config":       "deployment groups: DeploymentConfigInUse",
}

func TestReferrersAreUpdatedBeforeDeletion(t *testing.T) {
	found := map[string]int{}
	for _, stack := range testkit.Stacks(t) {
		for _, resource := range stack.All() {
			why, refused := releasedFirst[resource.Type]
			if !refused {
				continue
			}
			found[resource.Type]++
			if nested(resource.Body["lifecycle"], "create_before_destroy") != true {
				t.Errorf("%s: %s is deleted before AWS allows it; in use by %s", stack.Name, resource.Address(), why)
			}
		}
	}
	for _, typ := range []string{"aws_elasticache_user", "aws_lb_target_group", "aws_apigatewayv2_vpc_link"} {
		if found[typ] == 0 {
			t.Errorf("no %s was looked at", typ)
		}
	}
}

// Nothing that AWS cannot move between subnets names only the zones in use: a third zone would replace it.
func TestFixedSubnetsCoverEveryZone(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		for typ, attribute := range map[string]string{"aws_db_proxy": "vpc_subnet_ids", "aws_apigatewayv2_vpc_link": "subnet_ids"} {
			for _, resource := range stack.Resources(typ) {
				if subnets := texts(resource.Body[attribute]); len(subnets) != 3 {
					t.Errorf("%s: %s is in %v", stack.Name, resource.Address(), subnets)
				}
			}
		}
	}
}
