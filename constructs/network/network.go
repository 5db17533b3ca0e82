// Package network makes an environment's VPC: subnets, ways out, endpoints, flow logs, and every security group and
// network ACL of the environment, generated from one matrix of flows (flows.go).
package network

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/defaultnetworkacl"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/defaultroutetable"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/defaultsecuritygroup"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/vpc"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// Props says what the network is made of. Values from config are already validated.
type Props struct {
	Name    string // prefix of AWS names, e.g. "batbern-dev"
	Account config.Account
	Network config.Network

	DatabasePort int   // where the PostgreSQL instance listens
	ServicePorts []int // where the services' containers listen; order and repetition do not matter
	ReadReplica  bool  // whether the database has one: the functions call RDS then
	Cache        bool  // whether there is a cache: without one there is no group and no path for it

	BoundaryArn string // permissions boundary of the flow logs' role
	LogsKeyArn  string // KMS key of CloudWatch log groups
	// FlowLogsBucketArn is the bucket that takes every connection's record; "" leaves rejected ones in CloudWatch
	// as the only record.
	FlowLogsBucketArn string
}

// Outputs are what other constructs may use.
type Outputs struct {
	VpcID   string
	VpcCidr string
	// NatPublicIPs are the addresses under which the private subnets appear in the internet, by zone; none without
	// NAT.
	NatPublicIPs []string
	// NatGatewayIDs are the NAT gateways, by zone.
	NatGatewayIDs map[string]string
	// RejectedLogGroup is the CloudWatch log group of rejected connections, for metrics and alarms.
	RejectedLogGroup string
	// Ready are the resources that open paths: routes, rules, endpoints. What makes a connection while Terraform
	// still applies, such as the invocation of a function, depends on them; an id alone does not wait for them.
	Ready []cdktf.ITerraformDependable

	subnets     map[config.Tier][]string
	allSubnets  map[config.Tier][]string
	routeTables map[config.Tier][]string
	networkAcls map[config.Tier]string
	groups      map[Role]string
	endpoints   map[string]string
}

// SubnetIDs are the tier's subnets in the zones in use, by zone.
func (o Outputs) SubnetIDs(tier config.Tier) []string { return slices.Clone(o.subnets[tier]) }

// AllSubnetIDs are the tier's subnets in all zones, by zone: for what AWS cannot move to other subnets later.
func (o Outputs) AllSubnetIDs(tier config.Tier) []string { return slices.Clone(o.allSubnets[tier]) }

// RouteTableIDs are the tier's route tables in the zones in use, one per subnet, by zone.
func (o Outputs) RouteTableIDs(tier config.Tier) []string { return slices.Clone(o.routeTables[tier]) }

// NetworkAclID is the network ACL of the tier's subnets.
func (o Outputs) NetworkAclID(tier config.Tier) string { return o.networkAcls[tier] }

// Roles are the roles that have a security group, by name.
func (o Outputs) Roles() []Role { return slices.Sorted(maps.Keys(o.groups)) }

// SecurityGroupID is the role's security group. It panics for a role that this network has none for: whoever asks
// composes something that Props said was not there.
func (o Outputs) SecurityGroupID(role Role) string {
	id, made := o.groups[role]
	if !made {
		panic(fmt.Errorf("network: no security group for role %q; there are %v; look at Props and the flow matrix", role, o.Roles()))
	}
	return id
}

// EndpointID is the VPC endpoint of an AWS service, by the last part of its name ("s3", "dynamodb", "secretsmanager");
// "" where there is none.
func (o Outputs) EndpointID(service string) string { return o.endpoints[service] }

// New makes the network.
//
// A zone's resources carry the zone's letter in their ids, a rule's the ends of its flow: adding either leaves every
// other resource as it is. It panics where zones or range are ones that config refuses.
func New(scope constructs.Construct, id string, props Props) Outputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	flows := Flows(props)

	vpc := virtualNetwork(scope, props)
	vpcID := *vpc.Id()
	emptyDefaults(scope, props, vpc)
	subnets := newSubnets(scope, props, vpcID)
	exits := waysOut(scope, props, vpcID, subnets)
	acls, aclRules := networkAcls(scope, props, vpcID, subnets, flows)
	gateways := gatewayEndpoints(scope, props, vpcID, subnets)
	groups := securityGroups(scope, props, vpcID, flows)
	groupRules := securityGroupRules(scope, groups, gateways, flows)
	interfaces := interfaceEndpoints(scope, props, vpcID, subnets, groups)
	rejected := flowLogs(scope, props, vpcID)

	outputs := Outputs{
		VpcID:            vpcID,
		VpcCidr:          props.Network.Cidr.String(),
		NatPublicIPs:     exits.publicIPs,
		NatGatewayIDs:    exits.natIDs,
		RejectedLogGroup: rejected,
		Ready:            slices.Concat(exits.routes, aclRules, groupRules),
		subnets:          map[config.Tier][]string{},
		allSubnets:       map[config.Tier][]string{},
		routeTables:      map[config.Tier][]string{},
		networkAcls:      acls,
		groups:           groups,
		endpoints:        map[string]string{},
	}
	for _, s := range subnets {
		outputs.allSubnets[s.Tier] = append(outputs.allSubnets[s.Tier], s.id)
		if !s.InUse {
			continue
		}
		outputs.subnets[s.Tier] = append(outputs.subnets[s.Tier], s.id)
		outputs.routeTables[s.Tier] = append(outputs.routeTables[s.Tier], s.routeTableID)
	}
	for _, endpoint := range slices.Concat(gateways, interfaces) {
		outputs.endpoints[endpoint.service] = *endpoint.Id()
		outputs.Ready = append(outputs.Ready, endpoint.VpcEndpoint)
	}
	return outputs
}

// virtualNetwork is the VPC, with the DNS that private names of endpoints and of Cloud Map need.
func virtualNetwork(scope constructs.Construct, props Props) vpc.Vpc {
	return vpc.NewVpc(scope, jsii.String("vpc"), &vpc.VpcConfig{
		CidrBlock:          jsii.String(props.Network.Cidr.String()),
		EnableDnsSupport:   jsii.Bool(true),
		EnableDnsHostnames: jsii.Bool(true),
		Tags:               named(props.Name),
	})
}

// emptyDefaults adopts what AWS makes with every VPC and takes all rules and routes out of it, so that whatever is
// attached to it by mistake reaches nothing and is reached by nothing (EC2.2).
func emptyDefaults(scope constructs.Construct, props Props, vpc vpc.Vpc) {
	tags := named(props.Name + "-default-unused")
	defaultsecuritygroup.NewDefaultSecurityGroup(scope, jsii.String("default_security_group"), &defaultsecuritygroup.DefaultSecurityGroupConfig{
		VpcId: vpc.Id(),
		Tags:  tags,
	})
	defaultnetworkacl.NewDefaultNetworkAcl(scope, jsii.String("default_network_acl"), &defaultnetworkacl.DefaultNetworkAclConfig{
		DefaultNetworkAclId: vpc.DefaultNetworkAclId(),
		Tags:                tags,
	})
	defaultroutetable.NewDefaultRouteTable(scope, jsii.String("default_route_table"), &defaultroutetable.DefaultRouteTableConfig{
		DefaultRouteTableId: vpc.DefaultRouteTableId(),
		Route:               &[]*defaultroutetable.DefaultRouteTableRoute{}, // present and empty: without it routes are left alone
		Tags:                tags,
	})
}

// named is the Name tag; all other tags come from the provider.
func named(name string) *map[string]*string { return &map[string]*string{"Name": jsii.String(name)} }

// snake turns an AWS name into a part of a construct id.
func snake(name string) string { return strings.NewReplacer("-", "_", ".", "_").Replace(name) }
