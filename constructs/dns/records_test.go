package dns_test

import (
	"reflect"
	"testing"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/dns"
)

func TestRecords(t *testing.T) {
	caa := dns.Record{ID: "caa", Name: "batbern.ch", Type: "CAA", TTLSeconds: 3600, Values: []string{
		`0 issue "amazon.com"`, `0 issuewild "amazon.com"`, `0 iodef "mailto:operations@batbern.ch"`}}
	for name, test := range map[string]struct {
		mail config.Mail
		want []dns.Record
	}{
		"without mail, records say so": {config.Mail{}, []dns.Record{
			caa,
			{ID: "mx", Name: "batbern.ch", Type: "MX", TTLSeconds: 3600, Values: []string{"0 ."}},
			{ID: "spf", Name: "batbern.ch", Type: "TXT", TTLSeconds: 3600, Values: []string{"v=spf1 -all"}},
			{ID: "dmarc", Name: "_dmarc.batbern.ch", Type: "TXT", TTLSeconds: 3600, Values: []string{"v=DMARC1; p=reject; sp=reject; adkim=s; aspf=s"}},
			{ID: "dkim", Name: "*._domainkey.batbern.ch", Type: "TXT", TTLSeconds: 3600, Values: []string{"v=DKIM1; p="}},
		}},
		"with mail, only the senders' keys count": {
			config.Mail{
				Exchangers:  []string{"10 mail.example.ch."},
				Senders:     []string{"include:amazonses.com"},
				DkimTargets: map[string]string{"s2": "s2.dkim.amazonses.com", "s1": "s1.dkim.amazonses.com"},
			},
			[]dns.Record{
				caa,
				{ID: "mx", Name: "batbern.ch", Type: "MX", TTLSeconds: 3600, Values: []string{"10 mail.example.ch."}},
				{ID: "spf", Name: "batbern.ch", Type: "TXT", TTLSeconds: 3600, Values: []string{"v=spf1 include:amazonses.com ~all"}},
				{ID: "dmarc", Name: "_dmarc.batbern.ch", Type: "TXT", TTLSeconds: 3600, Values: []string{"v=DMARC1; p=quarantine; sp=reject; adkim=r; aspf=r"}},
				{ID: "dkim_s1", Name: "s1._domainkey.batbern.ch", Type: "CNAME", TTLSeconds: 3600, Values: []string{"s1.dkim.amazonses.com"}},
				{ID: "dkim_s2", Name: "s2._domainkey.batbern.ch", Type: "CNAME", TTLSeconds: 3600, Values: []string{"s2.dkim.amazonses.com"}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := dns.Records(dns.Props{
				Zone: "batbern.ch", Mail: test.mail, CertificateAuthorities: []string{"amazon.com"}, SecurityContacts: []string{"operations@batbern.ch"},
			})
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

// A live domain is answered for as it is: nothing that it does not have is added.
func TestRecordsOfALiveDomain(t *testing.T) {
	live := []config.DNSRecord{
		{Name: "batbern.ch", Type: "MX", TTLSeconds: 300, Values: []string{"10 mail.example.ch."}},
		{Name: "*.shop.batbern.ch", Type: "A", TTLSeconds: 60, Values: []string{"192.0.2.1"}},
	}
	want := []dns.Record{
		{ID: "existing_@_mx", Name: "batbern.ch", Type: "MX", TTLSeconds: 300, Values: []string{"10 mail.example.ch."}},
		{ID: "existing_*.shop_a", Name: "*.shop.batbern.ch", Type: "A", TTLSeconds: 60, Values: []string{"192.0.2.1"}},
	}
	got := dns.Records(dns.Props{Zone: "batbern.ch", CertificateAuthorities: []string{"amazon.com"}, ZoneFile: true, Existing: live})
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
