package network

import (
	"fmt"
	"slices"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/eip"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/internetgateway"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/natgateway"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/route"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/routetable"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/routetableassociation"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/subnet"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// placed is a subnet of the plan, made.
type placed struct {
	config.Subnet
	id, routeTableID string
}

// newSubnets makes the plan's subnets, each with a route table of its own: a change of NAT then changes routes only.
func newSubnets(scope constructs.Construct, props Props, vpcID string) []placed {
	plan, err := props.Network.SubnetPlan()
	if err != nil {
		panic(fmt.Errorf("network: %w", err))
	}
	var subnets []placed
	for _, planned := range plan {
		name := subnetName(planned)
		tags := named(fmt.Sprintf("%s-%s-%s", props.Name, planned.Tier, planned.Zone))
		made := subnet.NewSubnet(scope, jsii.String("subnet_"+name), &subnet.SubnetConfig{
			VpcId:               jsii.String(vpcID),
			CidrBlock:           jsii.String(planned.Cidr.String()),
			AvailabilityZone:    jsii.String(props.Account.Region + planned.Zone),
			MapPublicIpOnLaunch: jsii.Bool(false), // EC2.15: NAT gateways bring their own address
			Tags:                tags,
		})
		table := routetable.NewRouteTable(scope, jsii.String("route_table_"+name), &routetable.RouteTableConfig{
			VpcId: jsii.String(vpcID),
			Tags:  tags,
		})
		routetableassociation.NewRouteTableAssociation(scope, jsii.String("route_table_association_"+name),
			&routetableassociation.RouteTableAssociationConfig{SubnetId: made.Id(), RouteTableId: table.Id()})
		subnets = append(subnets, placed{Subnet: planned, id: *made.Id(), routeTableID: *table.Id()})
	}
	return subnets
}

// exits are the ways to the internet.
type exits struct {
	publicIPs []string
	natIDs    map[string]string // by zone
	routes    []cdktf.ITerraformDependable
}

// waysOut makes the internet gateway, the NAT gateways and the routes to them, in zones that are not in use too: a zone's
// subnets work before anything runs there. Isolated subnets get no route.
func waysOut(scope constructs.Construct, props Props, vpcID string, subnets []placed) exits {
	gateway := internetgateway.NewInternetGateway(scope, jsii.String("internet_gateway"), &internetgateway.InternetGatewayConfig{
		VpcId: jsii.String(vpcID),
		Tags:  named(props.Name),
	})
	out := exits{natIDs: map[string]string{}}
	for _, zone := range props.Network.NatZones() {
		tags := named(fmt.Sprintf("%s-nat-%s", props.Name, zone))
		address := eip.NewEip(scope, jsii.String("nat_address_"+zone), &eip.EipConfig{Domain: jsii.String("vpc"), Tags: tags})
		nat := natgateway.NewNatGateway(scope, jsii.String("nat_"+zone), &natgateway.NatGatewayConfig{
			AllocationId: address.AllocationId(),
			SubnetId:     jsii.String(idOf(subnets, config.Public, zone)),
			Tags:         tags,
			DependsOn:    &[]cdktf.ITerraformDependable{gateway},
		})
		out.natIDs[zone] = *nat.Id()
		out.publicIPs = append(out.publicIPs, *address.PublicIp())
	}
	for _, s := range subnets {
		to := &route.RouteConfig{RouteTableId: jsii.String(s.routeTableID), DestinationCidrBlock: jsii.String(anywhere.String())}
		switch s.Tier {
		case config.Public:
			to.GatewayId = gateway.Id()
		case config.Private:
			if id, made := out.natIDs[props.Network.NatZoneFor(s.Zone)]; made {
				to.NatGatewayId = jsii.String(id)
			}
		}
		if to.GatewayId == nil && to.NatGatewayId == nil {
			continue
		}
		out.routes = append(out.routes, route.NewRoute(scope, jsii.String("route_internet_"+subnetName(s.Subnet)), to))
	}
	return out
}

// idOf is the tier's subnet in a zone.
func idOf(subnets []placed, tier config.Tier, zone string) string {
	for _, s := range subnets {
		if s.Tier == tier && s.Zone == zone {
			return s.id
		}
	}
	return ""
}

// inUse are the subnets of the zones that the configuration names.
func inUse(subnets []placed) []placed {
	return slices.DeleteFunc(slices.Clone(subnets), func(s placed) bool { return !s.InUse })
}

// idsOf are the tier's subnets, by zone.
func idsOf(subnets []placed, tier config.Tier) *[]*string {
	var ids []*string
	for _, s := range subnets {
		if s.Tier == tier {
			ids = append(ids, jsii.String(s.id))
		}
	}
	return &ids
}
