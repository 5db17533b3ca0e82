package edge

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchloggroup"
	waf "github.com/cdktf/cdktf-provider-aws-go/aws/v19/wafv2webacl"
	logging "github.com/cdktf/cdktf-provider-aws-go/aws/v19/wafv2webaclloggingconfiguration"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// firewall is the web ACL in front of both distributions; nothing where it is off.
type firewall struct {
	arn  *string
	name string
}

// managedGroups are AWS's own rules, in the order in which they judge a request. Rules against injection into databases
// are not among them: what CloudFront serves here are files.
// https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html
var managedGroups = []string{
	"AWSManagedRulesAmazonIpReputationList",
	"AWSManagedRulesKnownBadInputsRuleSet",
	"AWSManagedRulesCommonRuleSet",
}

func newFirewall(scope constructs.Construct, id string, props Props) firewall {
	settings := props.Edge.Firewall
	if settings.Mode == config.FirewallOff {
		return firewall{}
	}
	scope = constructs.NewConstruct(scope, jsii.String(id))
	name := props.Name + "-edge"
	rules := []*waf.Wafv2WebAclRule{rateRule(settings)}
	for _, group := range managedGroups {
		rules = append(rules, managedRule(group, float64(len(rules)), settings))
	}
	acl := waf.NewWafv2WebAcl(scope, jsii.String("acl"), &waf.Wafv2WebAclConfig{
		Provider:         props.Virginia,
		Name:             jsii.String(name),
		Description:      jsii.String("In front of CloudFront of " + props.Name),
		Scope:            jsii.String("CLOUDFRONT"),
		DefaultAction:    &waf.Wafv2WebAclDefaultAction{Allow: &waf.Wafv2WebAclDefaultActionAllow{}},
		Rule:             &rules,
		VisibilityConfig: &waf.Wafv2WebAclVisibilityConfig{CloudwatchMetricsEnabled: jsii.Bool(true), MetricName: jsii.String(name), SampledRequestsEnabled: jsii.Bool(true)},
		Lifecycle:        &cdktf.TerraformResourceLifecycle{CreateBeforeDestroy: jsii.Bool(true)}, // WAFAssociatedItemException
	})
	firewallLogs(scope, acl, name, props)
	return firewall{arn: acl.Arn(), name: name}
}

// rateRule comes first: it costs the least and stops the most.
func rateRule(settings config.Firewall) *waf.Wafv2WebAclRule {
	action := &waf.Wafv2WebAclRuleAction{Count: &waf.Wafv2WebAclRuleActionCount{}}
	if settings.Mode == config.FirewallBlock {
		action = &waf.Wafv2WebAclRuleAction{Block: &waf.Wafv2WebAclRuleActionBlock{}}
	}
	return &waf.Wafv2WebAclRule{
		Name:     jsii.String("requests-per-address"),
		Priority: jsii.Number(0),
		Action:   action,
		Statement: map[string]any{"rate_based_statement": map[string]any{
			"limit": settings.RequestsPerFiveMinutes, "aggregate_key_type": "IP", "evaluation_window_sec": 300,
		}},
		VisibilityConfig: visible("requests-per-address"),
	}
}

func managedRule(group string, priority float64, settings config.Firewall) *waf.Wafv2WebAclRule {
	action := &waf.Wafv2WebAclRuleOverrideAction{Count: &waf.Wafv2WebAclRuleOverrideActionCount{}}
	if settings.Mode == config.FirewallBlock {
		// "none" overrides nothing: the group's rules do what they are made to do
		action = &waf.Wafv2WebAclRuleOverrideAction{None: &waf.Wafv2WebAclRuleOverrideActionNone{}}
	}
	return &waf.Wafv2WebAclRule{
		Name:           jsii.String(group),
		Priority:       jsii.Number(priority),
		OverrideAction: action,
		// the binding has no type for statements, which can hold each other
		Statement:        map[string]any{"managed_rule_group_statement": map[string]any{"vendor_name": "AWS", "name": group}},
		VisibilityConfig: visible(group),
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
func firewallLogs(scope constructs.Construct, acl waf.Wafv2WebAcl, name string, props Props) {
	group := cloudwatchloggroup.NewCloudwatchLogGroup(scope, jsii.String("log_group"), &cloudwatchloggroup.CloudwatchLogGroupConfig{
		Provider:        props.Virginia,
		Name:            jsii.String("aws-waf-logs-" + name), // WAF writes to no other names
		RetentionInDays: jsii.Number(float64(props.Edge.Firewall.LogRetentionDays)),
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
		Provider:              props.Virginia,
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
