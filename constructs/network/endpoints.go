package network

import (
	"fmt"
	"slices"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/vpcendpoint"

	"github.com/batbern/infrastructure/config"
)

// endpoint is the VPC endpoint of an AWS service.
type endpoint struct {
	vpcendpoint.VpcEndpoint
	service string
}

// gatewayEndpoints lead private subnets to S3 and DynamoDB without NAT, at no charge. Isolated subnets get none:
// database and cache call nobody.
func gatewayEndpoints(scope constructs.Construct, props Props, vpcID string, subnets []placed) []endpoint {
	var tables []*string
	for _, s := range subnets {
		if s.Tier == config.Private {
			tables = append(tables, jsii.String(s.routeTableID))
		}
	}
	var endpoints []endpoint
	for _, gateway := range []struct{ service, policy string }{
		{string(S3), s3EndpointPolicy(props.Account)},
		{string(DynamoDB), dynamoDBEndpointPolicy(props.Account)},
	} {
		endpoints = append(endpoints, endpoint{service: gateway.service, VpcEndpoint: vpcendpoint.NewVpcEndpoint(
			scope, jsii.String("gateway_endpoint_"+gateway.service), &vpcendpoint.VpcEndpointConfig{
				VpcId:           jsii.String(vpcID),
				VpcEndpointType: jsii.String("Gateway"),
				ServiceName:     jsii.String(serviceName(props, gateway.service)),
				RouteTableIds:   &tables,
				Policy:          jsii.String(gateway.policy),
				Tags:            named(fmt.Sprintf("%s-%s", props.Name, gateway.service)),
			})})
	}
	return endpoints
}

// interfaceEndpoints bring the configured AWS APIs into the private subnets, under their ordinary names.
func interfaceEndpoints(scope constructs.Construct, props Props, vpcID string, subnets []placed, groups map[Role]string) []endpoint {
	var endpoints []endpoint
	for _, service := range slices.Sorted(slices.Values(props.Network.InterfaceEndpoints)) {
		endpoints = append(endpoints, endpoint{service: service, VpcEndpoint: vpcendpoint.NewVpcEndpoint(
			scope, jsii.String("interface_endpoint_"+snake(service)), &vpcendpoint.VpcEndpointConfig{
				VpcId:             jsii.String(vpcID),
				VpcEndpointType:   jsii.String("Interface"),
				ServiceName:       jsii.String(serviceName(props, service)),
				SubnetIds:         idsOf(inUse(subnets), config.Private),
				SecurityGroupIds:  jsii.Strings(groups[Endpoint]),
				PrivateDnsEnabled: jsii.Bool(true),
				Policy:            jsii.String(interfaceEndpointPolicy(service, props.Account)),
				Tags:              named(fmt.Sprintf("%s-%s", props.Name, service)),
			})})
	}
	return endpoints
}

func serviceName(props Props, service string) string {
	return fmt.Sprintf("com.amazonaws.%s.%s", props.Account.Region, service)
}

// prefixListOf names the addresses behind a gateway endpoint. In a group's quota of rules it counts as one.
// https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html
func prefixListOf(gateways []endpoint, service string) *string {
	for _, gateway := range gateways {
		if gateway.service == service {
			return gateway.PrefixListId()
		}
	}
	return nil
}
