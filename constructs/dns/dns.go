// Package dns makes the public hosted zone, a zone of its own for each environment below the apex, and the records that
// concern the zone as a whole: certificate authorities, mail, and what the live domain has besides. What an environment
// answers to is written by the environment.
package dns

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchloggroup"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchlogresourcepolicy"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/route53querylog"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/route53record"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/route53zone"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
)

// Props says what the zone is.
type Props struct {
	Zone string // "batbern.ch"
	Mail config.Mail
	// Existing are records of the live domain to take over. With ZoneFile nothing is added to them but configured Mail.
	Existing []config.DNSRecord
	ZoneFile bool
	// Delegated are the names that get a zone of their own: "dev.batbern.ch". The domain's present DNS provider delegates
	// to it as the new zone does, so such a name works before and after the domain moves.
	// AWS, "Migrating DNS service for a subdomain to Amazon Route 53 without migrating the parent domain"
	Delegated              []string
	CertificateAuthorities []string
	SecurityContacts       []string
	Protection             config.Protection
	QueryLog               QueryLog
}

// QueryLog records the queries that the zone answers (Route53.2). The zero value records none.
type QueryLog struct {
	AccountID     string
	RetentionDays int // 0 for no log
	// Provider has to be in us-east-1: Route 53 writes to no other region. KeyArn is a key for logs there.
	Provider cdktf.TerraformProvider
	KeyArn   string
}

// Outputs are what environments and the domain's registrar have to know.
type Outputs struct {
	ZoneID      string
	NameServers []string // a list token: hand it on whole
	// Delegated are the zones of the names in Props.Delegated.
	Delegated map[string]Zone
}

// Zone is a hosted zone.
type Zone struct {
	ID          string
	NameServers []string // a list token: hand it on whole
}

// New makes the zone. Its name servers have to be told to the registrar once, by hand.
func New(scope constructs.Construct, id string, props Props) Outputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	zone := hostedZone(scope, "zone", props.Zone, props.Protection)
	for _, record := range Records(props) {
		route53record.NewRoute53Record(scope, jsii.String(record.ID), &route53record.Route53RecordConfig{
			ZoneId:  zone.ZoneId(),
			Name:    jsii.String(record.Name),
			Type:    jsii.String(record.Type),
			Ttl:     jsii.Number(record.TTLSeconds),
			Records: jsii.Strings(literals(record.Values)...),
		})
	}
	zones := map[string]route53zone.Route53Zone{"query_log": zone}
	outputs := Outputs{ZoneID: *zone.ZoneId(), NameServers: values(zone.NameServers()), Delegated: map[string]Zone{}}
	for _, name := range props.Delegated {
		label := strings.TrimSuffix(name, "."+props.Zone)
		made := delegate(scope, label, name, zone, props)
		zones[label+"_query_log"] = made
		outputs.Delegated[name] = Zone{ID: *made.ZoneId(), NameServers: values(made.NameServers())}
	}
	if props.QueryLog.RetentionDays > 0 {
		queryLog(scope, props, zones)
	}
	return outputs
}

func hostedZone(scope constructs.Construct, id, name string, protection config.Protection) route53zone.Route53Zone {
	return route53zone.NewRoute53Zone(scope, jsii.String(id), &route53zone.Route53ZoneConfig{
		Name:         jsii.String(name),
		Comment:      jsii.String("The public names of " + name),
		ForceDestroy: jsii.Bool(protection.ForceDestroy()),
		Lifecycle:    &cdktf.TerraformResourceLifecycle{PreventDestroy: jsii.Bool(protection.PreventDestroy())},
	})
}

// delegate makes a zone for a name below the parent, and the NS record that leads to it.
func delegate(scope constructs.Construct, label, name string, parent route53zone.Route53Zone, props Props) route53zone.Route53Zone {
	zone := hostedZone(scope, label+"_zone", name, props.Protection)
	route53record.NewRoute53Record(scope, jsii.String(label+"_delegation"), &route53record.Route53RecordConfig{
		ZoneId:  parent.ZoneId(),
		Name:    jsii.String(name),
		Type:    jsii.String("NS"),
		Ttl:     jsii.Number(defaultTTLSeconds),
		Records: zone.NameServers(),
	})
	return zone
}

func values(list *[]*string) []string {
	var out []string
	for _, value := range *list {
		out = append(out, *value)
	}
	return out
}

// queryLog records the queries of all zones, each under the id of its log, in one log group: a line begins with its zone.
func queryLog(scope constructs.Construct, props Props, zones map[string]route53zone.Route53Zone) {
	group := cloudwatchloggroup.NewCloudwatchLogGroup(scope, jsii.String("queries"), &cloudwatchloggroup.CloudwatchLogGroupConfig{
		Name:            jsii.String("/aws/route53/" + props.Zone),
		RetentionInDays: jsii.Number(props.QueryLog.RetentionDays),
		KmsKeyId:        jsii.String(props.QueryLog.KeyArn),
		Provider:        props.QueryLog.Provider,
	})
	access := cloudwatchlogresourcepolicy.NewCloudwatchLogResourcePolicy(scope, jsii.String("queries_access"),
		&cloudwatchlogresourcepolicy.CloudwatchLogResourcePolicyConfig{
			PolicyName:     jsii.String("route53-" + props.Zone),
			PolicyDocument: jsii.String(QueryLogPolicy(props).JSON()),
			Provider:       props.QueryLog.Provider,
		})
	for _, id := range slices.Sorted(maps.Keys(zones)) {
		route53querylog.NewRoute53QueryLog(scope, jsii.String(id), &route53querylog.Route53QueryLogConfig{
			ZoneId:                zones[id].ZoneId(),
			CloudwatchLogGroupArn: group.Arn(),
			DependsOn:             &[]cdktf.ITerraformDependable{access},
			Provider:              props.QueryLog.Provider,
		})
	}
}

// QueryLogPolicy lets Route 53 write the zone's log, for hosted zones of the account alone.
func QueryLogPolicy(props Props) policy.Document {
	return policy.Document{Statements: []policy.Statement{{
		Sid:        "LogQueries",
		Effect:     policy.Allow,
		Principals: policy.Principals{Services: []string{"route53.amazonaws.com"}},
		Actions:    []string{"logs:CreateLogStream", "logs:PutLogEvents"},
		Resources:  []string{fmt.Sprintf("arn:aws:logs:us-east-1:%s:log-group:/aws/route53/%s:*", props.QueryLog.AccountID, props.Zone)},
		Conditions: policy.Conditions{
			"StringEquals": {"aws:SourceAccount": {props.QueryLog.AccountID}},
			"ArnLike":      {"aws:SourceArn": {"arn:aws:route53:::hostedzone/*"}},
		},
	}}}
}
