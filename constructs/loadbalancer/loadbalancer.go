// Package loadbalancer makes an environment's internal application load balancer: the listener that the API's VPC link
// reaches, a second one for tests where CodeDeploy rolls out, and a rule and target groups for each service.
package loadbalancer

import (
	"fmt"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/lb"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/lblistener"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/network"
)

// Props says what the load balancer serves.
type Props struct {
	// Name is the load balancer's, "batbern-dev": 32 characters at most.
	Name string
	// Host is the name that requests are for, the API's. A request for another gets 404.
	Host string
	// Services are what rules and target groups are made for, in any order.
	Services []config.Service
	// BlueGreen adds a listener for tests and a second target group for each service.
	BlueGreen  bool
	Protection config.Protection
	Vpc        network.Outputs
	// CertificateArn is the regional certificate of Host.
	CertificateArn string
	// LogBucket takes access and connection logs under LogPrefix. It is a reference that waits for the bucket's policy:
	// AWS tries to write as soon as logging is switched on.
	LogBucket, LogPrefix string
}

// Outputs are the load balancer and what it forwards to.
type Outputs struct {
	Arn string
	// ArnSuffix is what CloudWatch calls the load balancer.
	ArnSuffix string
	DNSName   string
	// ListenerArn takes the API's requests.
	ListenerArn string
	// TestListenerArn reaches the new tasks of a rollout before anybody else does; "" without blue/green.
	TestListenerArn string

	services map[string]Service
}

// Service is what the load balancer forwards a service's requests to. It panics for a name that was not in Props.
func (o Outputs) Service(name string) Service {
	service, made := o.services[name]
	if !made {
		panic(fmt.Errorf("load balancer: no rule for service %q: it was not in Props.Services", name))
	}
	return service
}

const (
	httpsPort = 443
	// testPort is the test listener's. The flow matrix has no row to it: who validates rollouts adds one.
	testPort = 8443
	// sslPolicy is on ELB.17's list. API Gateway's VPC links speak TLS 1.2, so the policies of 1.3 alone are out.
	sslPolicy = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
	// desyncMode is one of the two modes that ELB.12 accepts, and the one that works behind an HTTP API: API Gateway sends
	// Content-Length: 0 with each GET, which the load balancer classifies as "acceptable", and the mode "strictest" answers
	// everything but compliant requests with 400.
	// AWS, "Desync mitigation mode", and AWS Knowledge Center, "API Gateway private integration errors"
	desyncMode = "defensive"
	// IdleSeconds is how long the load balancer keeps a connection on which nothing is sent. It is longer than the 30
	// seconds that API Gateway waits for an answer, and shorter than a target keeps the connection: a target that closes
	// first turns the request that is just being sent into a 502.
	// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html
	IdleSeconds = 60
)

// New makes the load balancer.
func New(scope constructs.Construct, id string, props Props) Outputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	balancer := balancer(scope, props)
	out := Outputs{
		Arn:         *balancer.Arn(),
		ArnSuffix:   *balancer.ArnSuffix(),
		DNSName:     *balancer.DnsName(),
		ListenerArn: listener(scope, "https", httpsPort, *balancer.Arn(), props),
		services:    map[string]Service{},
	}
	if props.BlueGreen {
		out.TestListenerArn = listener(scope, "test", testPort, *balancer.Arn(), props)
	}
	for _, service := range props.Services {
		out.services[service.Name] = forward(scope, service, out, props)
	}
	return out
}

func balancer(scope constructs.Construct, props Props) lb.Lb {
	return lb.NewLb(scope, jsii.String("load_balancer"), &lb.LbConfig{
		Name:                     jsii.String(props.Name),
		Internal:                 jsii.Bool(true),
		LoadBalancerType:         jsii.String("application"),
		Subnets:                  jsii.Strings(props.Vpc.SubnetIDs(config.Private)...),
		SecurityGroups:           jsii.Strings(props.Vpc.SecurityGroupID(network.LoadBalancer)),
		EnableDeletionProtection: jsii.Bool(props.Protection.DeletionProtection()), // ELB.6
		DropInvalidHeaderFields:  jsii.Bool(true),                                  // ELB.4
		DesyncMitigationMode:     jsii.String(desyncMode),
		EnableZonalShift:         jsii.Bool(true),
		IdleTimeout:              jsii.Number(IdleSeconds),
		AccessLogs:               &lb.LbAccessLogs{Bucket: jsii.String(props.LogBucket), Prefix: jsii.String(props.LogPrefix), Enabled: jsii.Bool(true)}, // ELB.5
		ConnectionLogs:           &lb.LbConnectionLogs{Bucket: jsii.String(props.LogBucket), Prefix: jsii.String(props.LogPrefix), Enabled: jsii.Bool(true)},
	})
}

// listener speaks HTTPS alone (ELB.18; there is no port 80 to redirect from) and knows nothing but its rules.
func listener(scope constructs.Construct, id string, port int, balancerArn string, props Props) string {
	return *lblistener.NewLbListener(scope, jsii.String(id), &lblistener.LbListenerConfig{
		LoadBalancerArn: jsii.String(balancerArn),
		Port:            jsii.Number(port),
		Protocol:        jsii.String("HTTPS"),
		SslPolicy:       jsii.String(sslPolicy),
		CertificateArn:  jsii.String(props.CertificateArn),
		DefaultAction: &[]*lblistener.LbListenerDefaultAction{{
			Type: jsii.String("fixed-response"),
			FixedResponse: &lblistener.LbListenerDefaultActionFixedResponse{
				StatusCode:  jsii.String("404"),
				ContentType: jsii.String("application/json"),
				MessageBody: jsii.String(`{"message":"not found"}`),
			},
		}},
		RoutingHttpResponseServerEnabled:                      jsii.Bool(false),
		RoutingHttpResponseStrictTransportSecurityHeaderValue: jsii.String("max-age=31536000; includeSubDomains"),
		RoutingHttpResponseXContentTypeOptionsHeaderValue:     jsii.String("nosniff"),
		RoutingHttpResponseXFrameOptionsHeaderValue:           jsii.String("DENY"),
	}).Arn()
}

func snake(name string) string { return strings.ReplaceAll(name, "-", "_") }
