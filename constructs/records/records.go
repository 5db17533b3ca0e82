// Package records writes an environment's names into the shared zone: aliases of what answers to them, for IPv4 and IPv6.
package records

import (
	"fmt"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/route53record"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
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
	// Existing are the records that the name has in the live domain. As long as there are any, the name leads there: with
	// them taken out of the zone file, the same resources are changed in place, which Route 53 does in one transaction.
	Existing []config.DNSRecord
}

// New writes an A and an AAAA record for each alias, or what the name has in the live domain.
func New(scope constructs.Construct, id string, props Props) {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	for _, alias := range props.Aliases {
		if alias.Name != props.Root && !strings.HasSuffix(alias.Name, "."+props.Root) {
			panic(fmt.Errorf("record %s: found %q; allowed: %s and names below it; another environment's names are its own to write", alias.ID, alias.Name, props.Root))
		}
		alias.write(scope, props)
	}
}

func (a Alias) write(scope constructs.Construct, props Props) {
	if len(a.Existing) > 0 {
		for _, record := range a.Existing {
			args := a.record(record.Type, props)
			args.Ttl, args.Records = jsii.Number(record.TTLSeconds), jsii.Strings(record.Values...)
			route53record.NewRoute53Record(scope, jsii.String(a.address(record.Type)), args)
		}
		return
	}
	var before []cdktf.ITerraformDependable
	for _, kind := range []string{"A", "AAAA"} {
		args := a.record(kind, props)
		args.Alias = &route53record.Route53RecordAlias{
			Name:                 jsii.String(a.Target),
			ZoneId:               jsii.String(a.TargetZoneID),
			EvaluateTargetHealth: jsii.Bool(false), // there is no second target to turn to
		}
		// the A record may have been a CNAME, beside which no AAAA record can be
		if len(before) > 0 {
			args.DependsOn = &before
		}
		before = append(before, route53record.NewRoute53Record(scope, jsii.String(a.address(kind)), args))
	}
}

func (a Alias) record(kind string, props Props) *route53record.Route53RecordConfig {
	return &route53record.Route53RecordConfig{
		Provider: props.DNS, ZoneId: jsii.String(props.ZoneID), Name: jsii.String(a.Name), Type: jsii.String(kind),
	}
}

// address is the resource's place in Terraform. A CNAME takes the A record's, which replaces it one day.
func (a Alias) address(kind string) string {
	if kind == "CNAME" {
		kind = "A"
	}
	return a.ID + "_" + strings.ToLower(kind)
}
