// Package firewall makes web ACLs of AWS WAF: one in front of CloudFront, which protects files, and one in front of the
// load balancer, which protects the API (docs/decisions/0017).
package firewall

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchloggroup"
	waf "github.com/cdktf/cdktf-provider-aws-go/aws/v19/wafv2webacl"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/wafv2webaclassociation"
	logging "github.com/cdktf/cdktf-provider-aws-go/aws/v19/wafv2webaclloggingconfiguration"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// Props says what a web ACL stands in front of.
type Props struct {
	// Name is the web ACL's, and of its metrics: "batbern-dev-edge".
	Name     string
	Settings config.Firewall
	// Before is what the web ACL protects: CloudFront or LoadBalancer.
	Before Place
	// ClientHeader carries the client's address, where another service stands between it and the load balancer. That service
	// has to overwrite the header: WAF believes it.
	ClientHeader string
	// LogsKeyArn encrypts the log, in the web ACL's region.
	LogsKeyArn string
	// Provider is the one of us-east-1 for CloudFront; nil for the home region.
	Provider cdktf.TerraformProvider
}

// Place is what a web ACL protects.
type Place string

// The places, by the name that WAF has for the scope of such a web ACL.
const (
	CloudFront   Place = "CLOUDFRONT"
	LoadBalancer Place = "REGIONAL"
)

// Outputs are the web ACL; both are empty where the firewall is off.
type Outputs struct {
	Arn  *string
	Name string
}

// group is one of AWS's managed rule groups.
type group struct {
	name string
	// counted are rules that only count, in any mode.
	counted []string
}

// managedGroups are AWS's own rules, in the order in which they judge a request. CloudFront serves files, so the rules
// against injection into databases are the API's. The reputation list knows the address that a request comes from and no
// header, so that it is of no use behind API Gateway. A body of more than 8 KB is no attack on the API: a talk's
// description is longer.
// https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html
var managedGroups = map[Place][]group{
	CloudFront: {
		{name: "AWSManagedRulesAmazonIpReputationList"},
		{name: "AWSManagedRulesKnownBadInputsRuleSet"},
		{name: "AWSManagedRulesCommonRuleSet"},
	},
	LoadBalancer: {
		{name: "AWSManagedRulesKnownBadInputsRuleSet"},
		{name: "AWSManagedRulesCommonRuleSet", counted: []string{"SizeRestrictions_BODY"}},
		{name: "AWSManagedRulesSQLiRuleSet"},
	},
}

// New makes a web ACL and its log; nothing where the firewall is off.
func New(scope constructs.Construct, id string, props Props) Outputs {
	if props.Settings.Mode == config.FirewallOff {
		return Outputs{}
	}
	scope = constructs.NewConstruct(scope, jsii.String(id))
	rules := []*waf.Wafv2WebAclRule{rateRule(props)}
	for _, group := range managedGroups[props.Before] {
		rules = append(rules, managedRule(group, float64(len(rules)), props.Settings))
	}
	acl := waf.NewWafv2WebAcl(scope, jsii.String("acl"), &waf.Wafv2WebAclConfig{
		Provider:      props.Provider,
		Name:          jsii.String(props.Name),
		Description:   jsii.String("Firewall " + props.Name),
		Scope:         jsii.String(string(props.Before)),
		DefaultAction: &waf.Wafv2WebAclDefaultAction{Allow: &waf.Wafv2WebAclDefaultActionAllow{}},
		Rule:          &rules,
		VisibilityConfig: &waf.Wafv2WebAclVisibilityConfig{
			CloudwatchMetricsEnabled: jsii.Bool(true), MetricName: jsii.String(props.Name), SampledRequestsEnabled: jsii.Bool(true),
		},
		Lifecycle: &cdktf.TerraformResourceLifecycle{CreateBeforeDestroy: jsii.Bool(true)}, // WAFAssociatedItemException
	})
	firewallLogs(scope, acl, props)
	return Outputs{Arn: acl.Arn(), Name: props.Name}
}

// Protect puts a web ACL in front of a load balancer. CloudFront names its web ACL itself.
func Protect(scope constructs.Construct, id string, firewall Outputs, loadBalancerArn string) {
	if firewall.Arn == nil {
		return
	}
	wafv2webaclassociation.NewWafv2WebAclAssociation(scope, jsii.String(id), &wafv2webaclassociation.Wafv2WebAclAssociationConfigA{
		ResourceArn: jsii.String(loadBalancerArn), WebAclArn: firewall.Arn,
	})
}

// rateRule comes first: it costs the least and stops the most.
func rateRule(props Props) *waf.Wafv2WebAclRule {
	settings := props.Settings
	limit := map[string]any{"limit": settings.RequestsPerFiveMinutes, "aggregate_key_type": "IP", "evaluation_window_sec": 300}
	if props.ClientHeader != "" {
		limit["aggregate_key_type"] = "FORWARDED_IP"
		// MATCH is for a header without a valid address. A request without the header escapes the rule, so the service that
		// writes it has to write it into every request, and be the only way here
		// https://docs.aws.amazon.com/waf/latest/APIReference/API_ForwardedIPConfig.html
		limit["forwarded_ip_config"] = map[string]any{"header_name": props.ClientHeader, "fallback_behavior": "MATCH"}
	}
	action := &waf.Wafv2WebAclRuleAction{Count: &waf.Wafv2WebAclRuleActionCount{}}
	if settings.Mode == config.FirewallBlock {
		action = &waf.Wafv2WebAclRuleAction{Block: &waf.Wafv2WebAclRuleActionBlock{}}
	}
	return &waf.Wafv2WebAclRule{
		Name:             jsii.String("requests-per-address"),
		Priority:         jsii.Number(0),
		Action:           action,
		Statement:        map[string]any{"rate_based_statement": limit},
		VisibilityConfig: visible("requests-per-address"),
	}
}

func managedRule(group group, priority float64, settings config.Firewall) *waf.Wafv2WebAclRule {
	action := &waf.Wafv2WebAclRuleOverrideAction{Count: &waf.Wafv2WebAclRuleOverrideActionCount{}}
	if settings.Mode == config.FirewallBlock {
		// "none" overrides nothing: the group's rules do what they are made to do
		action = &waf.Wafv2WebAclRuleOverrideAction{None: &waf.Wafv2WebAclRuleOverrideActionNone{}}
	}
	statement := map[string]any{"vendor_name": "AWS", "name": group.name}
	var counted []any
	for _, rule := range group.counted {
		counted = append(counted, map[string]any{"name": rule, "action_to_use": map[string]any{"count": map[string]any{}}})
	}
	if len(counted) > 0 {
		statement["rule_action_override"] = counted
	}
	return &waf.Wafv2WebAclRule{
		Name:           jsii.String(group.name),
		Priority:       jsii.Number(priority),
		OverrideAction: action,
		// the binding has no type for statements, which can hold each other
		Statement:        map[string]any{"managed_rule_group_statement": statement},
		VisibilityConfig: visible(group.name),
	}
}

// visible shows a rule in CloudWatch (WAF.12).
func visible(metric string) *waf.Wafv2WebAclRuleVisibilityConfig {
	return &waf.Wafv2WebAclRuleVisibilityConfig{
		CloudwatchMetricsEnabled: jsii.Bool(true), MetricName: jsii.String(metric), SampledRequestsEnabled: jsii.Bool(true),
	}
}

// firewallLogs keep the requests that met a rule (WAF.11), without what signs a visitor in or says who it is: queries carry
// addresses and one-time codes.
func firewallLogs(scope constructs.Construct, acl waf.Wafv2WebAcl, props Props) {
	group := cloudwatchloggroup.NewCloudwatchLogGroup(scope, jsii.String("log_group"), &cloudwatchloggroup.CloudwatchLogGroupConfig{
		Provider:        props.Provider,
		Name:            jsii.String("aws-waf-logs-" + props.Name), // WAF writes to no other names
		RetentionInDays: jsii.Number(props.Settings.LogRetentionDays),
		KmsKeyId:        jsii.String(props.LogsKeyArn),
	})
	redacted := []*logging.Wafv2WebAclLoggingConfigurationRedactedFields{{QueryString: &logging.Wafv2WebAclLoggingConfigurationRedactedFieldsQueryString{}}}
	for _, header := range []string{"authorization", "cookie"} {
		redacted = append(redacted, &logging.Wafv2WebAclLoggingConfigurationRedactedFields{
			SingleHeader: &logging.Wafv2WebAclLoggingConfigurationRedactedFieldsSingleHeader{Name: jsii.String(header)},
		})
	}
	var met []*logging.Wafv2WebAclLoggingConfigurationLoggingFilterFilterCondition
	for _, action := range []string{"BLOCK", "COUNT", "EXCLUDED_AS_COUNT"} {
		met = append(met, &logging.Wafv2WebAclLoggingConfigurationLoggingFilterFilterCondition{
			ActionCondition: &logging.Wafv2WebAclLoggingConfigurationLoggingFilterFilterConditionActionCondition{Action: jsii.String(action)},
		})
	}
	logging.NewWafv2WebAclLoggingConfiguration(scope, jsii.String("logging"), &logging.Wafv2WebAclLoggingConfigurationConfig{
		Provider:              props.Provider,
		ResourceArn:           acl.Arn(),
		LogDestinationConfigs: &[]*string{group.Arn()},
		RedactedFields:        &redacted,
		LoggingFilter: &logging.Wafv2WebAclLoggingConfigurationLoggingFilter{
			DefaultBehavior: jsii.String("DROP"),
			Filter: &[]*logging.Wafv2WebAclLoggingConfigurationLoggingFilterFilter{{
				Behavior: jsii.String("KEEP"), Requirement: jsii.String("MEETS_ANY"), Condition: &met,
			}},
		},
	})
}
