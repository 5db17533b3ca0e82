package resources_test

import (
	"maps"
	"testing"

	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/dns"
	"github.com/batbern/infrastructure/constructs/records"
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

// An environment below the apex has a zone of its own, so that the domain's present provider can delegate to it and ours
// delegates the same way: its names work before and after the domain moves.
func TestDelegatedZones(t *testing.T) {
	stack := zone(t, func(props *dns.Props) {
		props.Delegated = []string{"dev.batbern.ch"}
		props.QueryLog = dns.QueryLog{AccountID: "111122223333", RetentionDays: 30, KeyArn: "arn:aws:kms:us-east-1:111122223333:key/k"}
	})
	own := stack.Resource(t, "aws_route53_zone", "dns/dev_zone")
	parent := stack.Resource(t, "aws_route53_zone", "dns/zone")
	testkit.HasResourceWithProperties(t, stack, "aws_route53_zone", map[string]any{
		"name": "dev.batbern.ch", "lifecycle": map[string]any{"prevent_destroy": true}})
	testkit.HasResourceWithProperties(t, stack, "aws_route53_record", map[string]any{
		"name": "dev.batbern.ch", "type": "NS", "zone_id": "${" + parent.Address() + ".zone_id}", "records": "${" + own.Address() + ".name_servers}"})
	if logs := stack.Resources("aws_route53_query_log"); len(logs) != 2 {
		t.Errorf("%d query logs of two zones", len(logs))
	}
}

// SPF macros begin like a template of Terraform's, which would refuse them.
func TestExistingRecordsAreNoTemplates(t *testing.T) {
	stack := zone(t, func(props *dns.Props) {
		props.ZoneFile = true
		props.Existing = []config.DNSRecord{{Name: "batbern.ch", Type: "TXT", TTLSeconds: 300, Values: []string{"v=spf1 exists:%{i}._spf.example.ch -all", "${x}"}}}
	})
	testkit.HasResourceWithProperties(t, stack, "aws_route53_record", map[string]any{
		"type": "TXT", "ttl": 300, "records": []any{"v=spf1 exists:%%{i}._spf.example.ch -all", "$${x}"}})
	if records := stack.Resources("aws_route53_record"); len(records) != 1 {
		t.Errorf("%d records, want the live domain's one", len(records))
	}
}

// A name of the live domain keeps leading where it leads, at the addresses in Terraform that lead to ours later: the
// change is one in place.
func TestAliasesOfALiveDomain(t *testing.T) {
	write := func(existing ...config.DNSRecord) *testkit.Stack {
		return testkit.Construct(t, func(stack cdktf.TerraformStack) {
			records.New(stack, "records", records.Props{ZoneID: "Z1", Root: "batbern.ch", Aliases: []records.Alias{
				{ID: "www", Name: "www.batbern.ch", Target: "d1.cloudfront.net", TargetZoneID: "Z2", Existing: existing}}})
		})
	}
	for name, c := range map[string]struct {
		live []config.DNSRecord
		want map[string]string // address: type
	}{
		"none":      {nil, map[string]string{"records/www_a": "A", "records/www_aaaa": "AAAA"}},
		"a CNAME":   {[]config.DNSRecord{{Name: "www.batbern.ch", Type: "CNAME", TTLSeconds: 60, Values: []string{"old.example.ch."}}}, map[string]string{"records/www_a": "CNAME"}},
		"addresses": {[]config.DNSRecord{{Name: "www.batbern.ch", Type: "A", TTLSeconds: 60, Values: []string{"192.0.2.1"}}}, map[string]string{"records/www_a": "A"}},
	} {
		t.Run(name, func(t *testing.T) {
			stack := write(c.live...)
			got := map[string]string{}
			for _, record := range stack.Resources("aws_route53_record") {
				got[record.Path] = record.Text("type")
				if alias := record.Body["alias"] != nil; alias != (c.live == nil) {
					t.Errorf("%s: alias %v", record.Path, alias)
				}
			}
			if !maps.Equal(got, c.want) {
				t.Errorf("records %v, want %v", got, c.want)
			}
		})
	}
	aaaa := write().Resource(t, "aws_route53_record", "records/www_aaaa")
	if after, _ := aaaa.Body["depends_on"].([]any); len(after) != 1 {
		t.Errorf("the AAAA record waits for %v, want the A record, which may have been a CNAME", after)
	}
}
