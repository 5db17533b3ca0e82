// Package edge makes what stands between an environment and the internet: CloudFront for the frontend and for content,
// their functions and headers, the firewall in front of both and their logs.
package edge

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/firewall"
	"github.com/batbern/infrastructure/constructs/storage"
)

// Props says what is served and how.
type Props struct {
	Name       string // prefix of AWS names, e.g. "batbern-dev"
	Account    config.Account
	Domains    config.Domains
	Protection config.Protection
	Edge       config.Edge
	// Buckets hold what is served and receive the logs. Where they have replicas, CloudFront turns to those when the home
	// region fails.
	Buckets storage.Outputs
	// CertificateArn is valid for the environment's names, in us-east-1.
	CertificateArn string
	// UploadOrigins are web origins besides the frontend that may read content from scripts.
	UploadOrigins []string
	// LogsKeyArn encrypts the firewall's logs: a key of us-east-1, needed where the firewall is on.
	LogsKeyArn string
	// Virginia is the provider of us-east-1, where firewall and log deliveries of CloudFront live.
	Virginia cdktf.TerraformProvider
}

// Outputs are the two distributions.
type Outputs struct {
	Frontend, Content Distribution
	// FirewallName is the web ACL's name in CloudWatch's metrics, empty without a firewall.
	FirewallName string
}

// Distribution is a CloudFront distribution as others see it.
type Distribution struct {
	ID, Arn string
	// DomainName and ZoneID are the target of alias records.
	DomainName, ZoneID string
}

// New makes the distributions.
func New(scope constructs.Construct, id string, props Props) Outputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	shared := common{
		props:         props,
		accessControl: originAccessControl(scope, props),
		firewall: firewall.New(scope, "firewall", firewall.Props{
			Name: props.Name + "-edge", Settings: props.Edge.Firewall, Before: firewall.CloudFront, LogsKeyArn: props.LogsKeyArn, Provider: props.Virginia,
		}),
	}
	out := Outputs{
		Frontend:     frontend(scope, "frontend", shared),
		Content:      content(scope, "content", shared),
		FirewallName: shared.firewall.Name,
	}
	if props.Edge.QueryableLogs {
		queryableLogs(scope, "queryable_logs", out, props)
	}
	return out
}

// common is what both distributions share.
type common struct {
	props         Props
	accessControl *string
	firewall      firewall.Outputs
}

// must turns an error of a pure builder into the panic by which constructs report what is wrong with their values.
func must(text string, err error) string {
	if err != nil {
		panic(err)
	}
	return text
}
