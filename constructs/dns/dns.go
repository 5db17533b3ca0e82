// Package dns makes the public hosted zone and the records that concern the zone as a whole: who may issue
// certificates and who may send mail. What an environment answers to is written by the environment.
package dns

import (
	"fmt"

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
	Zone                   string // "batbern.ch"
	Mail                   config.Mail
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
}

// New makes the zone. Its name servers have to be told to the registrar once, by hand.
func New(scope constructs.Construct, id string, props Props) Outputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	zone := route53zone.NewRoute53Zone(scope, jsii.String("zone"), &route53zone.Route53ZoneConfig{
		Name:         jsii.String(props.Zone),
		Comment:      jsii.String("The public names of " + props.Zone),
		ForceDestroy: jsii.Bool(props.Protection.ForceDestroy()),
		Lifecycle:    &cdktf.TerraformResourceLifecycle{PreventDestroy: jsii.Bool(props.Protection.PreventDestroy())},
	})
	for _, record := range Records(props) {
		route53record.NewRoute53Record(scope, jsii.String(record.ID), &route53record.Route53RecordConfig{
			ZoneId:  zone.ZoneId(),
			Name:    jsii.String(record.Name),
			Type:    jsii.String(record.Type),
			Ttl:     jsii.Number(3600),
			Records: jsii.Strings(record.Values...),
		})
	}
	if props.QueryLog.RetentionDays > 0 {
		queryLog(scope, props, zone)
	}
	outputs := Outputs{ZoneID: *zone.ZoneId()}
	for _, server := range *zone.NameServers() {
		outputs.NameServers = append(outputs.NameServers, *server)
	}
	return outputs
}

func queryLog(scope constructs.Construct, props Props, zone route53zone.Route53Zone) {
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
	route53querylog.NewRoute53QueryLog(scope, jsii.String("query_log"), &route53querylog.Route53QueryLogConfig{
		ZoneId:                zone.ZoneId(),
		CloudwatchLogGroupArn: group.Arn(),
		DependsOn:             &[]cdktf.ITerraformDependable{access},
		Provider:              props.QueryLog.Provider,
	})
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
