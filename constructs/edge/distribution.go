package edge

import (
	"slices"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	cloudfront "github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudfrontdistribution"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudfrontmonitoringsubscription"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudfrontoriginaccesscontrol"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/storage"
)

// CloudFront's own cache policies, by the ids that they have in every account.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
const (
	cachingDisabled  = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
	cachingOptimized = "658327ea-f89d-4fab-a63d-7e88639e58f6"
)

// site is one distribution.
type site struct {
	id      string
	comment string
	aliases []string
	bucket  storage.Bucket
	replica storage.Bucket // used where the environment replicates
	// byDefault serves all paths but those of the others.
	byDefault behavior
	others    []behavior
}

// behavior is how the paths that match a pattern are served.
type behavior struct {
	pattern     string // "" for the default
	cachePolicy string
	headers     *string
	// functions are CloudFront functions by the event that runs them.
	onRequest, onResponse *string
}

// originAccessControl signs CloudFront's requests to S3, so that buckets can tell distributions apart (CloudFront.13).
func originAccessControl(scope constructs.Construct, props Props) *string {
	return cloudfrontoriginaccesscontrol.NewCloudfrontOriginAccessControl(scope, jsii.String("origin_access_control"),
		&cloudfrontoriginaccesscontrol.CloudfrontOriginAccessControlConfig{
			Name:                          jsii.String(props.Name + "-s3"),
			Description:                   jsii.String("Signs requests to the buckets of " + props.Name),
			OriginAccessControlOriginType: jsii.String("s3"),
			SigningBehavior:               jsii.String("always"),
			SigningProtocol:               jsii.String("sigv4"),
			Lifecycle:                     &cdktf.TerraformResourceLifecycle{CreateBeforeDestroy: jsii.Bool(true)}, // OriginAccessControlInUse
		}).Id()
}

func newDistribution(scope constructs.Construct, site site, shared common) Distribution {
	props := shared.props
	origins, groups, target := site.origins(shared)
	var others []*cloudfront.CloudfrontDistributionOrderedCacheBehavior
	for _, behavior := range site.others {
		others = append(others, behavior.ordered(target))
	}
	distribution := cloudfront.NewCloudfrontDistribution(scope, jsii.String("distribution"), &cloudfront.CloudfrontDistributionConfig{
		Comment:              jsii.String(site.comment),
		Enabled:              jsii.Bool(true),
		Aliases:              aliases(site.aliases, props.Domains),
		DefaultRootObject:    jsii.String("index.html"), // CloudFront.1
		HttpVersion:          jsii.String("http2and3"),
		IsIpv6Enabled:        jsii.Bool(true),
		PriceClass:           jsii.String(props.Edge.PriceClass),
		WebAclId:             shared.firewall.Arn, // CloudFront.6
		Origin:               &origins,
		OriginGroup:          groups,
		DefaultCacheBehavior: site.byDefault.asDefault(target),
		OrderedCacheBehavior: &others,
		ViewerCertificate: &cloudfront.CloudfrontDistributionViewerCertificate{
			AcmCertificateArn:      jsii.String(props.CertificateArn), // CloudFront.7
			MinimumProtocolVersion: jsii.String("TLSv1.2_2021"),       // CloudFront.15
			SslSupportMethod:       jsii.String("sni-only"),           // CloudFront.8
		},
		Restrictions: &cloudfront.CloudfrontDistributionRestrictions{
			GeoRestriction: &cloudfront.CloudfrontDistributionRestrictionsGeoRestriction{RestrictionType: jsii.String("none")},
		},
		// the plain logs, which are what CloudFront.5 looks at
		LoggingConfig: &cloudfront.CloudfrontDistributionLoggingConfig{
			Bucket:         jsii.String(props.Buckets.CdnLogs.ID + ".s3.amazonaws.com"),
			Prefix:         jsii.String(site.id + "/"),
			IncludeCookies: jsii.Bool(false),
		},
		Lifecycle: &cdktf.TerraformResourceLifecycle{PreventDestroy: jsii.Bool(props.Protection.PreventDestroy())},
	})
	if props.Edge.DetailedMetrics {
		detailedMetrics(scope, distribution.Id())
	}
	return Distribution{
		ID:         *distribution.Id(),
		Arn:        *distribution.Arn(),
		DomainName: *distribution.DomainName(),
		ZoneID:     *distribution.HostedZoneId(),
	}
}

// origins are the bucket and, where there is one, its replica in the recovery region, in a group that turns to the
// second when the first answers that S3 is in trouble (CloudFront.4). An object that is missing is no trouble. The last
// result is where behaviors point.
func (s site) origins(shared common) ([]*cloudfront.CloudfrontDistributionOrigin, any, string) {
	origin := func(id string, bucket storage.Bucket) *cloudfront.CloudfrontDistributionOrigin {
		return &cloudfront.CloudfrontDistributionOrigin{
			OriginId:              jsii.String(id),
			DomainName:            jsii.String(bucket.RegionalDomainName),
			OriginAccessControlId: shared.accessControl,
		}
	}
	first, second, group := s.id, s.id+"-replica", s.id+"-failover"
	origins := []*cloudfront.CloudfrontDistributionOrigin{origin(first, s.bucket)}
	if !shared.props.Buckets.Recovery.Exists() {
		return origins, nil, first
	}
	return append(origins, origin(second, s.replica)), &[]*cloudfront.CloudfrontDistributionOriginGroup{{
		OriginId: jsii.String(group),
		FailoverCriteria: &cloudfront.CloudfrontDistributionOriginGroupFailoverCriteria{
			StatusCodes: jsii.Numbers(500, 502, 503, 504),
		},
		Member: &[]*cloudfront.CloudfrontDistributionOriginGroupMember{
			{OriginId: jsii.String(first)}, {OriginId: jsii.String(second)},
		},
	}}, group
}

func (b behavior) asDefault(target string) *cloudfront.CloudfrontDistributionDefaultCacheBehavior {
	var functions []*cloudfront.CloudfrontDistributionDefaultCacheBehaviorFunctionAssociation
	for _, function := range b.functions() {
		functions = append(functions, &cloudfront.CloudfrontDistributionDefaultCacheBehaviorFunctionAssociation{
			EventType: jsii.String(function.event), FunctionArn: function.arn,
		})
	}
	return &cloudfront.CloudfrontDistributionDefaultCacheBehavior{
		TargetOriginId:          jsii.String(target),
		AllowedMethods:          readMethods(),
		CachedMethods:           jsii.Strings("GET", "HEAD"),
		ViewerProtocolPolicy:    jsii.String("redirect-to-https"), // CloudFront.3
		CachePolicyId:           jsii.String(b.cachePolicy),
		ResponseHeadersPolicyId: b.headers,
		Compress:                jsii.Bool(true),
		FunctionAssociation:     &functions,
	}
}

func (b behavior) ordered(target string) *cloudfront.CloudfrontDistributionOrderedCacheBehavior {
	var functions []*cloudfront.CloudfrontDistributionOrderedCacheBehaviorFunctionAssociation
	for _, function := range b.functions() {
		functions = append(functions, &cloudfront.CloudfrontDistributionOrderedCacheBehaviorFunctionAssociation{
			EventType: jsii.String(function.event), FunctionArn: function.arn,
		})
	}
	return &cloudfront.CloudfrontDistributionOrderedCacheBehavior{
		PathPattern:             jsii.String(b.pattern),
		TargetOriginId:          jsii.String(target),
		AllowedMethods:          readMethods(),
		CachedMethods:           jsii.Strings("GET", "HEAD"),
		ViewerProtocolPolicy:    jsii.String("redirect-to-https"), // CloudFront.3
		CachePolicyId:           jsii.String(b.cachePolicy),
		ResponseHeadersPolicyId: b.headers,
		Compress:                jsii.Bool(true),
		FunctionAssociation:     &functions,
	}
}

// readMethods are all that a bucket behind CloudFront is asked. OPTIONS is for browsers that ask before they read.
func readMethods() *[]*string { return jsii.Strings("GET", "HEAD", "OPTIONS") }

type association struct {
	event string
	arn   *string
}

func (b behavior) functions() []association {
	var out []association
	if b.onRequest != nil {
		out = append(out, association{"viewer-request", b.onRequest})
	}
	if b.onResponse != nil {
		out = append(out, association{"viewer-response", b.onResponse})
	}
	return out
}

// detailedMetrics adds hit rate, origin latency and error rates by status.
func detailedMetrics(scope constructs.Construct, distributionID *string) {
	metrics := &cloudfrontmonitoringsubscription.CloudfrontMonitoringSubscriptionMonitoringSubscription{
		RealtimeMetricsSubscriptionConfig: &cloudfrontmonitoringsubscription.CloudfrontMonitoringSubscriptionMonitoringSubscriptionRealtimeMetricsSubscriptionConfig{
			RealtimeMetricsSubscriptionStatus: jsii.String("Enabled"),
		},
	}
	cloudfrontmonitoringsubscription.NewCloudfrontMonitoringSubscription(scope, jsii.String("metrics"),
		&cloudfrontmonitoringsubscription.CloudfrontMonitoringSubscriptionConfig{DistributionId: distributionID, MonitoringSubscription: metrics})
}

// aliases are the names that the distribution answers to. One that a distribution elsewhere still holds is left out:
// CloudFront would refuse ours with CNAMEAlreadyExists.
// AWS, "Move an alternate domain name": https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/alternate-domain-names-move.html
func aliases(names []string, domains config.Domains) *[]*string {
	return jsii.Strings(slices.DeleteFunc(slices.Clone(names), domains.IsHeld)...)
}
