package resources_test

import (
	"testing"

	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/dns"
)

func zone(t *testing.T, change func(*dns.Props)) *testkit.Stack {
	props := dns.Props{
		Zone: "batbern.ch", CertificateAuthorities: []string{"amazon.com"}, SecurityContacts: []string{"operations@batbern.ch"}, Protection: config.Locked,
	}
	change(&props)
	return testkit.Construct(t, func(stack cdktf.TerraformStack) { dns.New(stack, "dns", props) })
}

func TestDNS(t *testing.T) {
	stack := zone(t, func(*dns.Props) {})

	t.Run("the zone cannot be destroyed where it is locked", func(t *testing.T) {
		testkit.HasResourceWithProperties(t, stack, "aws_route53_zone", map[string]any{
			"name": "batbern.ch", "force_destroy": false, "lifecycle": map[string]any{"prevent_destroy": true},
		})
	})

	t.Run("it holds the zone's own records and none that an environment writes", func(t *testing.T) {
		for _, record := range stack.Resources("aws_route53_record") {
			if kind := record.Text("type"); kind == "A" || kind == "AAAA" {
				t.Errorf("%s is an address", record.Path)
			}
		}
		for id, want := range map[string][]any{
			"dns/caa":   {`0 issue "amazon.com"`, `0 issuewild "amazon.com"`, `0 iodef "mailto:operations@batbern.ch"`},
			"dns/mx":    {"0 ."},
			"dns/spf":   {"v=spf1 -all"},
			"dns/dmarc": {"v=DMARC1; p=reject; sp=reject; adkim=s; aspf=s"},
			"dns/dkim":  {"v=DKIM1; p="},
		} {
			name := stack.Resource(t, "aws_route53_record", id).Text("name")
			testkit.HasResourceWithProperties(t, stack, "aws_route53_record", map[string]any{"name": name, "records": want})
		}
	})

	t.Run("queries are logged where that is asked for, by Route 53 for this account alone", func(t *testing.T) {
		if logs := stack.Resources("aws_route53_query_log"); len(logs) > 0 {
			t.Errorf("nobody asked for %v", logs)
		}
		logging := zone(t, func(props *dns.Props) {
			props.QueryLog = dns.QueryLog{AccountID: "111122223333", RetentionDays: 30, KeyArn: "arn:aws:kms:us-east-1:111122223333:key/k"}
		})
		testkit.HasResource(t, logging, "aws_route53_query_log")
		testkit.HasResourceWithProperties(t, logging, "aws_cloudwatch_log_group", map[string]any{
			"name": "/aws/route53/batbern.ch", "retention_in_days": 30, "kms_key_id": "arn:aws:kms:us-east-1:111122223333:key/k",
		})
		testkit.HasResourceWithProperties(t, logging, "aws_cloudwatch_log_resource_policy", map[string]any{
			"policy_document": `{"Version":"2012-10-17","Statement":[{"Sid":"LogQueries","Effect":"Allow","Principal":{"Service":"route53.amazonaws.com"},` +
				`"Action":["logs:CreateLogStream","logs:PutLogEvents"],` +
				`"Resource":"arn:aws:logs:us-east-1:111122223333:log-group:/aws/route53/batbern.ch:*",` +
				`"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:route53:::hostedzone/*"},"StringEquals":{"aws:SourceAccount":"111122223333"}}}]}`,
		})
	})
}
