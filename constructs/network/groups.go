package network

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/networkacl"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/networkaclrule"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/securitygroup"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/vpcsecuritygroupegressrule"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/vpcsecuritygroupingressrule"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// networkAcls makes a network ACL for each tier. What no rule lets through, AWS's last rule refuses.
func networkAcls(scope constructs.Construct, props Props, vpcID string, subnets []placed, flows []Flow) (map[config.Tier]string, []cdktf.ITerraformDependable) {
	acls := map[config.Tier]string{}
	for _, tier := range config.Tiers() {
		acls[tier] = *networkacl.NewNetworkAcl(scope, jsii.String("network_acl_"+string(tier)), &networkacl.NetworkAclConfig{
			VpcId:     jsii.String(vpcID),
			SubnetIds: idsOf(subnets, tier),
			Tags:      named(fmt.Sprintf("%s-%s", props.Name, tier)),
		}).Id()
	}
	var plan []config.Subnet
	for _, s := range subnets {
		plan = append(plan, s.Subnet)
	}
	var rules []cdktf.ITerraformDependable
	for _, rule := range aclRules(plan, flows) {
		id := fmt.Sprintf("network_acl_%s_%s_%s", rule.tier, rule.direction, rule.name)
		action := "deny"
		if rule.allow {
			action = "allow"
		}
		rules = append(rules, networkaclrule.NewNetworkAclRule(scope, jsii.String(id), &networkaclrule.NetworkAclRuleConfig{
			NetworkAclId: jsii.String(acls[rule.tier]),
			Egress:       jsii.Bool(rule.direction == egress),
			RuleNumber:   jsii.Number(rule.number),
			RuleAction:   jsii.String(action),
			Protocol:     jsii.String(protocol),
			CidrBlock:    jsii.String(rule.cidr.String()),
			FromPort:     jsii.Number(rule.ports.from),
			ToPort:       jsii.Number(rule.ports.to),
		}))
	}
	return acls, rules
}

// securityGroups makes a group without rules for each role.
func securityGroups(scope constructs.Construct, props Props, vpcID string, flows []Flow) map[Role]string {
	groups := map[Role]string{}
	for _, role := range groupRoles(flows) {
		name := fmt.Sprintf("%s-%s", props.Name, role)
		groups[role] = *securitygroup.NewSecurityGroup(scope, jsii.String("security_group_"+snake(string(role))), &securitygroup.SecurityGroupConfig{
			VpcId:       jsii.String(vpcID),
			NamePrefix:  jsii.String(name + "-"), // with create_before_destroy two of them live side by side
			Description: jsii.String(name),       // a change would replace the group: nothing that one wants to reword
			Tags:        named(name),
			Lifecycle:   &cdktf.TerraformResourceLifecycle{CreateBeforeDestroy: jsii.Bool(true)},
		}).Id()
	}
	return groups
}

// securityGroupRules opens each flow in the group it leaves and in the group it enters. A group has no other rules,
// not even outwards.
func securityGroupRules(scope constructs.Construct, groups map[Role]string, gateways []endpoint, flows []Flow) []cdktf.ITerraformDependable {
	var rules []cdktf.ITerraformDependable
	for _, flow := range flows {
		ends := fmt.Sprintf("%s_%s_%d", snake(string(flow.From)), snake(string(flow.To)), flow.Port)
		leave := &vpcsecuritygroupegressrule.VpcSecurityGroupEgressRuleConfig{
			SecurityGroupId: jsii.String(groups[flow.From]),
			IpProtocol:      jsii.String(protocol),
			FromPort:        jsii.Number(flow.Port),
			ToPort:          jsii.Number(flow.Port),
			Description:     jsii.String(flow.Why),
			Tags:            named(fmt.Sprintf("to %s", flow.To)),
		}
		switch flow.To {
		case Internet:
			leave.CidrIpv4 = jsii.String(anywhere.String())
		case S3, DynamoDB:
			leave.PrefixListId = prefixListOf(gateways, string(flow.To))
		default:
			leave.ReferencedSecurityGroupId = jsii.String(groups[flow.To])
			rules = append(rules, vpcsecuritygroupingressrule.NewVpcSecurityGroupIngressRule(scope, jsii.String("ingress_"+ends),
				&vpcsecuritygroupingressrule.VpcSecurityGroupIngressRuleConfig{
					SecurityGroupId:           jsii.String(groups[flow.To]),
					ReferencedSecurityGroupId: jsii.String(groups[flow.From]),
					IpProtocol:                jsii.String(protocol),
					FromPort:                  jsii.Number(flow.Port),
					ToPort:                    jsii.Number(flow.Port),
					Description:               jsii.String(flow.Why),
					Tags:                      named(fmt.Sprintf("from %s", flow.From)),
				}))
		}
		rules = append(rules, vpcsecuritygroupegressrule.NewVpcSecurityGroupEgressRule(scope, jsii.String("egress_"+ends), leave))
	}
	return rules
}
