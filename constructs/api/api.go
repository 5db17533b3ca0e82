// Package api makes the entry to an environment's services: an HTTP API of API Gateway on the environment's own name,
// which reaches the internal load balancer through a VPC link.
package api

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/apigatewayv2api"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/apigatewayv2apimapping"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/apigatewayv2authorizer"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/apigatewayv2domainname"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/apigatewayv2integration"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/apigatewayv2route"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/apigatewayv2stage"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/apigatewayv2vpclink"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchloggroup"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/network"
)

// Props says what the API is.
type Props struct {
	// Name begins the names in AWS: "batbern-dev".
	Name    string
	Api     config.Api
	Domains config.Domains
	Vpc     network.Outputs
	// ListenerArn is the load balancer's, whose certificate is for the API's name too.
	ListenerArn string
	// CertificateArn is the regional certificate of the API's name.
	CertificateArn string
	LogsKeyArn     string
}

// Outputs are the API's names, for records, alarms and dashboards.
type Outputs struct {
	// ID is the ApiId of the API's metrics, Stage their Stage.
	ID, Stage string
	// URL is where clients begin.
	URL string
	// Target is what the record of the API's name is an alias of, TargetZoneID the zone that AWS keeps it in.
	Target, TargetZoneID string
	// LogGroup keeps the access log.
	LogGroup string
}

const (
	// defaultStage has no part in the path, defaultRoute takes what no other takes: API Gateway calls both so.
	defaultStage = "$default"
	defaultRoute = "$default"
	// ClientHeader tells the firewall and the services the client's address. Forwarded and X-Forwarded-For are reserved: API
	// Gateway does not let a mapping write them.
	// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-parameter-mapping.html#http-api-mapping-reserved-headers
	ClientHeader = "x-client-address"
	// integrationMilliseconds is as long as API Gateway waits at most.
	integrationMilliseconds = 30000
)

// New makes the API. Its record is written by the records construct, from Target.
func New(scope constructs.Construct, id string, props Props) Outputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	api := httpAPI(scope, props)
	out := Outputs{ID: *api.Id(), Stage: defaultStage, URL: "https://" + props.Domains.Api()}
	routes(scope, out.ID, integration(scope, out.ID, props), authorizer(scope, out.ID, props), props)
	log := accessLog(scope, props)
	out.LogGroup = *log.Name()
	out.Target, out.TargetZoneID = domain(scope, out.ID, stage(scope, out.ID, *log.Arn(), props), props)
	return out
}

func httpAPI(scope constructs.Construct, props Props) apigatewayv2api.Apigatewayv2Api {
	return apigatewayv2api.NewApigatewayv2Api(scope, jsii.String("api"), &apigatewayv2api.Apigatewayv2ApiConfig{
		Name:         jsii.String(props.Name),
		ProtocolType: jsii.String("HTTP"),
		Description:  jsii.String("entry to the services of " + props.Name),
		// a second name would be a way past whatever is put before the first
		DisableExecuteApiEndpoint: jsii.Bool(true),
		CorsConfiguration: &apigatewayv2api.Apigatewayv2ApiCorsConfiguration{
			AllowOrigins:     jsii.Strings(Origins(props.Api, props.Domains)...),
			AllowMethods:     jsii.Strings("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"),
			AllowHeaders:     jsii.Strings("accept", "accept-language", "authorization", "content-type", "idempotency-key", "if-match", "traceparent"),
			ExposeHeaders:    jsii.Strings("etag", "location"),
			AllowCredentials: jsii.Bool(false), // tokens travel in a header: no cookie crosses origins
			MaxAge:           jsii.Number(600),
		},
	})
}

// Origins are the web origins whose pages may call the API: the environment's own frontend, and what config adds.
func Origins(api config.Api, domains config.Domains) []string {
	if slices.Contains(api.CorsOrigins, "*") {
		return []string{"*"}
	}
	own := []string{"https://" + domains.Www()}
	if domains.Apex() {
		own = append(own, "https://"+domains.Root)
	}
	return append(own, api.CorsOrigins...)
}

// integration leads to the load balancer, over TLS with its name checked.
func integration(scope constructs.Construct, apiID string, props Props) (id string) {
	link := apigatewayv2vpclink.NewApigatewayv2VpcLink(scope, jsii.String("vpc_link"), &apigatewayv2vpclink.Apigatewayv2VpcLinkConfig{
		Name: jsii.String(props.Name),
		// In all zones: AWS, "VPC links are immutable. After you create a VPC link, you can't change its subnets or
		// security groups."
		SubnetIds:        jsii.Strings(props.Vpc.AllSubnetIDs(config.Private)...),
		SecurityGroupIds: jsii.Strings(props.Vpc.SecurityGroupID(network.VpcLink)),
		// AWS refuses to delete a link that an integration uses: the integration moves to the new one first
		// https://github.com/hashicorp/terraform-provider-aws/issues/12195
		Lifecycle: &cdktf.TerraformResourceLifecycle{CreateBeforeDestroy: jsii.Bool(true)},
	})
	return *apigatewayv2integration.NewApigatewayv2Integration(scope, jsii.String("load_balancer"), &apigatewayv2integration.Apigatewayv2IntegrationConfig{
		ApiId:                jsii.String(apiID),
		IntegrationType:      jsii.String("HTTP_PROXY"),
		IntegrationMethod:    jsii.String("ANY"),
		IntegrationUri:       jsii.String(props.ListenerArn),
		ConnectionType:       jsii.String("VPC_LINK"),
		ConnectionId:         link.Id(),
		PayloadFormatVersion: jsii.String("1.0"),
		TimeoutMilliseconds:  jsii.Number(integrationMilliseconds),
		TlsConfig:            &apigatewayv2integration.Apigatewayv2IntegrationTlsConfig{ServerNameToVerify: jsii.String(props.Domains.Api())},
		// the load balancer's rules match the host: the API has one name, and sends it for any that the client sent
		RequestParameters: &map[string]*string{
			"overwrite:header.Host": jsii.String(props.Domains.Api()),
			// overwritten, so that a client cannot claim another's address
			"overwrite:header." + ClientHeader: jsii.String("$context.identity.sourceIp"),
		},
	}).Id()
}

// authorizer checks tokens where config names an issuer. It gives "" where it does not.
func authorizer(scope constructs.Construct, apiID string, props Props) (id string) {
	if props.Api.Jwt == nil {
		return ""
	}
	return *apigatewayv2authorizer.NewApigatewayv2Authorizer(scope, jsii.String("tokens"), &apigatewayv2authorizer.Apigatewayv2AuthorizerConfig{
		ApiId:           jsii.String(apiID),
		Name:            jsii.String("tokens"),
		AuthorizerType:  jsii.String("JWT"),
		IdentitySources: jsii.Strings("$request.header.Authorization"),
		JwtConfiguration: &apigatewayv2authorizer.Apigatewayv2AuthorizerJwtConfiguration{
			Issuer: jsii.String(props.Api.Jwt.Issuer), Audience: jsii.Strings(props.Api.Jwt.Audience...),
		},
		Lifecycle: &cdktf.TerraformResourceLifecycle{CreateBeforeDestroy: jsii.Bool(true)}, // routes release it first
	}).Id()
}

// routes send everything to the load balancer, whose rules know the services. With an authorizer a token is needed but
// for the public routes, and for the browser's question before a call, which carries none.
func routes(scope constructs.Construct, apiID, integrationID, authorizerID string, props Props) {
	add := func(id, key string, args apigatewayv2route.Apigatewayv2RouteConfig) {
		args.ApiId, args.RouteKey, args.Target = jsii.String(apiID), jsii.String(key), jsii.String("integrations/"+integrationID)
		apigatewayv2route.NewApigatewayv2Route(scope, jsii.String("route_"+id), &args)
	}
	open := apigatewayv2route.Apigatewayv2RouteConfig{AuthorizationType: jsii.String("NONE")}
	if authorizerID == "" {
		add("default", defaultRoute, open)
		return
	}
	add("default", defaultRoute, apigatewayv2route.Apigatewayv2RouteConfig{AuthorizationType: jsii.String("JWT"), AuthorizerId: jsii.String(authorizerID)})
	add("preflight", "OPTIONS /{proxy+}", open)
	for _, key := range props.Api.PublicRoutes {
		add(routeID(key), key, open)
	}
}

var notInID = regexp.MustCompile(`[^a-z0-9]+`)

// routeID makes a construct's id of a route's key: "get_api_v1_events" of "GET /api/v1/events".
func routeID(key string) string {
	return strings.Trim(notInID.ReplaceAllString(strings.ToLower(key), "_"), "_")
}

// accessLog has a name for which CloudWatch Logs needs no policy: one for each group would soon exceed what a region
// may have of them.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
func accessLog(scope constructs.Construct, props Props) cloudwatchloggroup.CloudwatchLogGroup {
	return cloudwatchloggroup.NewCloudwatchLogGroup(scope, jsii.String("access_log"), &cloudwatchloggroup.CloudwatchLogGroupConfig{
		Name:            jsii.String(fmt.Sprintf("/aws/vendedlogs/%s/api", props.Name)),
		RetentionInDays: jsii.Number(props.Api.LogRetentionDays),
		KmsKeyId:        jsii.String(props.LogsKeyArn),
	})
}

// accessLogFields are what a fault is found by and an attack shows in: no token, no query, no body.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
var accessLogFields = [][2]string{
	{"requestId", "$context.requestId"},
	{"time", "$context.requestTimeEpoch"},
	{"sourceIp", "$context.identity.sourceIp"},
	{"userAgent", "$context.identity.userAgent"},
	{"method", "$context.httpMethod"},
	{"path", "$context.path"},
	{"routeKey", "$context.routeKey"},
	{"protocol", "$context.protocol"},
	{"status", "$context.status"},
	{"responseLength", "$context.responseLength"},
	{"latency", "$context.responseLatency"},
	{"integrationLatency", "$context.integrationLatency"},
	{"integrationStatus", "$context.integrationStatus"},
	{"integrationError", "$context.integrationErrorMessage"},
	{"authorizerError", "$context.authorizer.error"},
	{"error", "$context.error.message"},
}

// accessLogFormat is one request as a line of JSON.
func accessLogFormat() string {
	fields := make([]string, len(accessLogFields))
	for i, field := range accessLogFields {
		fields[i] = fmt.Sprintf(`"%s":"%s"`, field[0], field[1])
	}
	return "{" + strings.Join(fields, ",") + "}"
}

func stage(scope constructs.Construct, apiID, logArn string, props Props) (id string) {
	return *apigatewayv2stage.NewApigatewayv2Stage(scope, jsii.String("stage"), &apigatewayv2stage.Apigatewayv2StageConfig{
		ApiId:             jsii.String(apiID),
		Name:              jsii.String(defaultStage),
		AutoDeploy:        jsii.Bool(true),
		AccessLogSettings: &apigatewayv2stage.Apigatewayv2StageAccessLogSettings{DestinationArn: jsii.String(logArn), Format: jsii.String(accessLogFormat())},
		DefaultRouteSettings: &apigatewayv2stage.Apigatewayv2StageDefaultRouteSettings{
			DetailedMetricsEnabled: jsii.Bool(true),
			ThrottlingRateLimit:    jsii.Number(props.Api.RequestsPerSecond),
			ThrottlingBurstLimit:   jsii.Number(props.Api.BurstRequests),
		},
	}).Id()
}

// domain gives the API the environment's name. It gives what a record has to point at.
func domain(scope constructs.Construct, apiID, stageID string, props Props) (target, zoneID string) {
	name := apigatewayv2domainname.NewApigatewayv2DomainName(scope, jsii.String("domain"), &apigatewayv2domainname.Apigatewayv2DomainNameConfig{
		DomainName: jsii.String(props.Domains.Api()),
		DomainNameConfiguration: &apigatewayv2domainname.Apigatewayv2DomainNameDomainNameConfiguration{
			CertificateArn: jsii.String(props.CertificateArn),
			EndpointType:   jsii.String("REGIONAL"),
			SecurityPolicy: jsii.String("TLS_1_2"),
		},
	})
	apigatewayv2apimapping.NewApigatewayv2ApiMapping(scope, jsii.String("mapping"), &apigatewayv2apimapping.Apigatewayv2ApiMappingConfig{
		ApiId: jsii.String(apiID), DomainName: name.Id(), Stage: jsii.String(stageID),
	})
	configuration := name.DomainNameConfiguration()
	return *configuration.TargetDomainName(), *configuration.HostedZoneId()
}
