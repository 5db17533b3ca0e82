// Package records writes an environment's names into the shared zone: aliases of what answers to them, for IPv4 and IPv6.
package records

import (
	"fmt"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/route53record"
	"github.com/hashicorp/terraform-cdk-go/cdktf"
)

// Props is the zone and what is written to it.
type Props struct {
	ZoneID string
	// Root is the environment's own name: no record is written that is not Root or below it.
	Root string
	// DNS is the provider that may write the environment's names.
	DNS     cdktf.TerraformProvider
	Aliases []Alias
}

// Alias is a name and what answers to it.
type Alias struct {
	// ID is the record's place in Terraform: "www".
	ID   string
	Name string
	// Target is the domain name of a CloudFront distribution or of an API, TargetZoneID the zone that AWS keeps it in.
	Target, TargetZoneID string
}

// New writes an A and an AAAA record for each alias.
func New(scope constructs.Construct, id string, props Props) {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	for _, alias := range props.Aliases {
		if alias.Name != props.Root && !strings.HasSuffix(alias.Name, "."+props.Root) {
			panic(fmt.Errorf("record %s: found %q; allowed: %s and names below it; another environment's names are its own to write", alias.ID, alias.Name, props.Root))
		}
		for _, kind := range []string{"A", "AAAA"} {
			route53record.NewRoute53Record(scope, jsii.String(alias.ID+"_"+strings.ToLower(kind)), &route53record.Route53RecordConfig{
				Provider: props.DNS,
				ZoneId:   jsii.String(props.ZoneID),
				Name:     jsii.String(alias.Name),
				Type:     jsii.String(kind),
				Alias: &route53record.Route53RecordAlias{
					Name:                 jsii.String(alias.Target),
					ZoneId:               jsii.String(alias.TargetZoneID),
					EvaluateTargetHealth: jsii.Bool(false), // there is no second target to turn to
				},
			})
		}
	}
}
