package edge

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// content serves presentations and photographs, which people have uploaded: browsers show them and run nothing in them.
func content(scope constructs.Construct, id string, shared common) Distribution {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	props := shared.props
	headers := newResponseHeaders(scope, "headers", "content", responseHeaders{
		policy:  contentPolicy(props),
		enforce: true, // in every environment: no application of ours runs here that it could break
		readers: append([]string{"https://" + props.Domains.Www()}, props.UploadOrigins...),
	}, props)
	return newDistribution(scope, site{
		id:        "content",
		comment:   "Content of " + props.Name,
		aliases:   []string{props.Domains.Cdn()},
		bucket:    props.Buckets.Content,
		replica:   props.Buckets.Recovery.Content,
		byDefault: behavior{cachePolicy: cachingOptimized, headers: headers},
	}, shared)
}

func contentPolicy(props Props) ContentSecurityPolicy {
	return ContentSecurityPolicy{
		DefaultSrc:     []Source{None},
		ImgSrc:         []Source{Self},
		MediaSrc:       []Source{Self},
		StyleSrc:       []Source{UnsafeInline}, // of browsers' own viewers
		FrameAncestors: []Source{Self, Host(props.Domains.Www())},
		BaseURI:        []Source{None},
		FormAction:     []Source{None},
	}
}
