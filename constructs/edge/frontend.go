package edge

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudfrontfunction"
	"github.com/hashicorp/terraform-cdk-go/cdktf"
)

// frontend serves the single-page application. What has a hash in its name lies under /assets/ and is kept by everybody;
// everything else, HTML above all, is asked for anew each time, so that a deployment is seen at once.
func frontend(scope constructs.Construct, id string, shared common) Distribution {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	props := shared.props
	onRequest := function(scope, "request_function", "frontend-request", must(RequestFunction(props.Domains, props.Edge.Redirects)), props)
	onAsset := function(scope, "asset_function", "frontend-asset", must(AssetFunction()), props)
	headers := responseHeaders{policy: frontendPolicy(props), enforce: props.Edge.EnforcePolicy, unframed: true}
	assets := newResponseHeaders(scope, "asset_headers", "frontend-assets", headers, props)
	headers.cacheControl = "no-store"
	pages := newResponseHeaders(scope, "page_headers", "frontend-pages", headers, props)
	return newDistribution(scope, site{
		id:        "frontend",
		comment:   "Frontend of " + props.Name,
		aliases:   frontendAliases(props),
		bucket:    props.Buckets.Frontend,
		replica:   props.Buckets.Recovery.Frontend,
		byDefault: behavior{cachePolicy: cachingDisabled, headers: pages, onRequest: onRequest},
		others:    []behavior{{pattern: "/assets/*", cachePolicy: cachingOptimized, headers: assets, onRequest: onRequest, onResponse: onAsset}},
	}, shared)
}

// frontendAliases has the root beside www where the root is the zone itself: people type it. The function sends them on.
func frontendAliases(props Props) []string {
	aliases := []string{props.Domains.Www()}
	if props.Domains.Apex() {
		aliases = append(aliases, props.Domains.Root)
	}
	return aliases
}

// frontendPolicy is what the application needs: its own files, the API, content to show, and the bucket to upload to.
func frontendPolicy(props Props) ContentSecurityPolicy {
	cdn := Host(props.Domains.Cdn())
	connect := []Source{Self, Host(props.Domains.Api()), cdn, Host(props.Buckets.Content.Name + ".s3." + props.Account.Region + ".amazonaws.com")}
	for _, origin := range props.Edge.ConnectOrigins {
		connect = append(connect, Source(origin))
	}
	return ContentSecurityPolicy{
		DefaultSrc:     []Source{Self},
		ScriptSrc:      []Source{Self},
		StyleSrc:       []Source{Self, UnsafeInline}, // component libraries write styles as they render
		ImgSrc:         []Source{Self, cdn, Data, Blob},
		MediaSrc:       []Source{Self, cdn},
		ConnectSrc:     connect,
		ObjectSrc:      []Source{None},
		FrameAncestors: []Source{None},
		BaseURI:        []Source{Self},
		FormAction:     []Source{Self},
		// browsers complain of it in a policy that is only reported
		UpgradeInsecureRequests: props.Edge.EnforcePolicy,
	}
}

func function(scope constructs.Construct, id, name, code string, props Props) *string {
	return cloudfrontfunction.NewCloudfrontFunction(scope, jsii.String(id), &cloudfrontfunction.CloudfrontFunctionConfig{
		Name:      jsii.String(props.Name + "-" + name),
		Runtime:   jsii.String("cloudfront-js-2.0"),
		Code:      jsii.String(code),
		Publish:   jsii.Bool(true),
		Lifecycle: &cdktf.TerraformResourceLifecycle{CreateBeforeDestroy: jsii.Bool(true)}, // FunctionInUse
	}).Arn()
}
