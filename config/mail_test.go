package config

import (
	"strings"
	"testing"
)

func TestMail(t *testing.T) {
	for name, test := range map[string]struct {
		mail       Mail
		spf, dmarc string
	}{
		"nobody sends": {Mail{}, "v=spf1 -all", "v=DMARC1; p=reject; sp=reject; adkim=s; aspf=s"},
		"nobody sends, and somebody wants to know who tries": {Mail{ReportAddress: "dmarc@batbern.ch"},
			"v=spf1 -all", "v=DMARC1; p=reject; sp=reject; adkim=s; aspf=s; rua=mailto:dmarc@batbern.ch"},
		"the community sends": {Mail{Senders: []string{"include:amazonses.com", "ip4:192.0.2.1"}},
			"v=spf1 include:amazonses.com ip4:192.0.2.1 ~all", "v=DMARC1; p=quarantine; sp=reject; adkim=r; aspf=r"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.mail.Spf(); got != test.spf {
				t.Errorf("SPF %q, want %q", got, test.spf)
			}
			if got := test.mail.Dmarc(); got != test.dmarc {
				t.Errorf("DMARC %q, want %q", got, test.dmarc)
			}
		})
	}
}

func TestMailFaults(t *testing.T) {
	var faults Faults
	Mail{
		Exchangers: []string{"10 mail.example.ch.", "mail.example.ch.", "10 mail.example.ch", "ten mail.example.ch."},
		Senders:    []string{strings.Repeat("include:mail.example.ch ", 11)},
	}.check("base.Mail", &faults)
	var at []string
	for _, fault := range faults {
		at = append(at, fault.Path)
	}
	if got, want := strings.Join(at, " "), "base.Mail.Exchangers[1] base.Mail.Exchangers[2] base.Mail.Exchangers[3] base.Mail.Senders"; got != want {
		t.Errorf("faults at %s, want %s", got, want)
	}
}
