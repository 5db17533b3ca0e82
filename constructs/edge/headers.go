package edge

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	headers "github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudfrontresponseheaderspolicy"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// responseHeaders is what a response headers policy adds to each answer beyond what all of them add.
type responseHeaders struct {
	policy ContentSecurityPolicy
	// enforce makes browsers obey the policy; without it they only report what it would forbid.
	enforce bool
	// cacheControl tells browsers how long to keep the answer; empty leaves that to the object.
	cacheControl string
	// unframed keeps older browsers, which know no frame-ancestors, and those that only report the policy from showing the
	// answer in a frame.
	unframed bool
	// readers are web origins whose scripts may read the answers.
	readers []string
}

// header is a header by its name.
type header struct{ name, value string }

// custom are the headers that CloudFront has no field for.
func (r responseHeaders) custom(edge config.Edge) []header {
	out := []header{
		{"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
		// who opened a page of ours has no hold on it. Who may embed what we serve is not bounded beyond frames: it is public,
		// and mails show pictures of it
		{"Cross-Origin-Opener-Policy", "same-origin-allow-popups"},
	}
	if r.cacheControl != "" {
		out = append(out, header{"Cache-Control", r.cacheControl})
	}
	if !r.enforce {
		out = append(out, header{"Content-Security-Policy-Report-Only", must(r.policy.Value())})
	}
	if !edge.Indexed {
		out = append(out, header{"X-Robots-Tag", "noindex, nofollow"})
	}
	return out
}

// twoYears is what browsers' preload lists ask of Strict-Transport-Security, in seconds.
const twoYears = 2 * 365 * 24 * 60 * 60

func newResponseHeaders(scope constructs.Construct, id, name string, with responseHeaders, props Props) *string {
	yes := jsii.Bool(true)
	security := &headers.CloudfrontResponseHeadersPolicySecurityHeadersConfig{
		ContentTypeOptions: &headers.CloudfrontResponseHeadersPolicySecurityHeadersConfigContentTypeOptions{Override: yes},
		ReferrerPolicy: &headers.CloudfrontResponseHeadersPolicySecurityHeadersConfigReferrerPolicy{
			ReferrerPolicy: jsii.String("strict-origin-when-cross-origin"), Override: yes,
		},
		// without preload: that binds every name of the zone for years, and is for people to decide
		StrictTransportSecurity: &headers.CloudfrontResponseHeadersPolicySecurityHeadersConfigStrictTransportSecurity{
			AccessControlMaxAgeSec: jsii.Number(twoYears), IncludeSubdomains: yes, Override: yes,
		},
	}
	if with.enforce {
		security.ContentSecurityPolicy = &headers.CloudfrontResponseHeadersPolicySecurityHeadersConfigContentSecurityPolicy{
			ContentSecurityPolicy: jsii.String(must(with.policy.Value())), Override: yes,
		}
	}
	if with.unframed {
		security.FrameOptions = &headers.CloudfrontResponseHeadersPolicySecurityHeadersConfigFrameOptions{FrameOption: jsii.String("DENY"), Override: yes}
	}
	var items []*headers.CloudfrontResponseHeadersPolicyCustomHeadersConfigItems
	for _, header := range with.custom(props.Edge) {
		items = append(items, &headers.CloudfrontResponseHeadersPolicyCustomHeadersConfigItems{
			Header: jsii.String(header.name), Value: jsii.String(header.value), Override: yes,
		})
	}
	return headers.NewCloudfrontResponseHeadersPolicy(scope, jsii.String(id), &headers.CloudfrontResponseHeadersPolicyConfig{
		Name:                  jsii.String(props.Name + "-" + name),
		SecurityHeadersConfig: security,
		CustomHeadersConfig:   &headers.CloudfrontResponseHeadersPolicyCustomHeadersConfig{Items: &items},
		CorsConfig:            with.cors(),
		RemoveHeadersConfig: &headers.CloudfrontResponseHeadersPolicyRemoveHeadersConfig{
			Items: &[]*headers.CloudfrontResponseHeadersPolicyRemoveHeadersConfigItems{{Header: jsii.String("Server")}},
		},
		Lifecycle: &cdktf.TerraformResourceLifecycle{CreateBeforeDestroy: jsii.Bool(true)}, // ResponseHeadersPolicyInUse
	}).Id()
}

func (r responseHeaders) cors() *headers.CloudfrontResponseHeadersPolicyCorsConfig {
	if len(r.readers) == 0 {
		return nil
	}
	return &headers.CloudfrontResponseHeadersPolicyCorsConfig{
		AccessControlAllowCredentials: jsii.Bool(false),
		AccessControlAllowHeaders:     &headers.CloudfrontResponseHeadersPolicyCorsConfigAccessControlAllowHeaders{Items: jsii.Strings("range")},
		AccessControlAllowMethods:     &headers.CloudfrontResponseHeadersPolicyCorsConfigAccessControlAllowMethods{Items: jsii.Strings("GET", "HEAD")},
		AccessControlAllowOrigins:     &headers.CloudfrontResponseHeadersPolicyCorsConfigAccessControlAllowOrigins{Items: jsii.Strings(r.readers...)},
		AccessControlMaxAgeSec:        jsii.Number(3600),
		OriginOverride:                jsii.Bool(true),
	}
}
