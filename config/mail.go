package config

import (
	"fmt"
	"strings"
)

// Mail is who receives and who sends mail for the zone. The zero value says nobody does either, in records that let
// every receiver refuse mail in the zone's name.
type Mail struct {
	// Exchangers receive mail, "10 mail.example.ch.". None gives the null MX of RFC 7505.
	Exchangers []string `validate:"unique"`
	// Senders may send in the zone's name, as mechanisms of SPF: "include:amazonses.com", "ip4:192.0.2.1".
	Senders []string `validate:"unique,dive,spfmechanism"`
	// DkimTargets are the names where senders publish their signing keys, by selector (CNAME records).
	DkimTargets map[string]string `validate:"dive,keys,dnslabel,endkeys,hostname"`
	// ReportAddress receives DMARC's reports; empty means none.
	ReportAddress string `validate:"omitempty,email"`
}

// longestText is the longest string in a TXT record (RFC 1035), and with it of an SPF policy that is one string.
const longestText = 255

func (m Mail) check(at path, report *Faults) {
	for i, exchanger := range m.Exchangers {
		preference, host, spaced := strings.Cut(exchanger, " ")
		if !spaced || strings.Trim(preference, "0123456789") != "" || preference == "" || !strings.HasSuffix(host, ".") {
			report.add(at.field(fmt.Sprintf("Exchangers[%d]", i)), exchanger, `a preference and a host name with a dot at its end`,
				`write for example "10 mail.example.ch."`)
		}
	}
	if text := m.Spf(); len(text) > longestText {
		report.add(at.field("Senders"), text, fmt.Sprintf("an SPF policy of at most %d characters", longestText), "list fewer senders")
	}
}

// Spf is the policy that names the senders. Mail of others is refused where nobody sends; where somebody does, it is
// left to DMARC, because forwarded mail fails SPF although it is genuine.
func (m Mail) Spf() string {
	if len(m.Senders) == 0 {
		return "v=spf1 -all"
	}
	return "v=spf1 " + strings.Join(m.Senders, " ") + " ~all"
}

// Dmarc is what receivers shall do with mail that neither SPF nor DKIM vouches for. Names below the zone never send.
func (m Mail) Dmarc() string {
	policy := "v=DMARC1; p=reject; sp=reject; adkim=s; aspf=s"
	if len(m.Senders) > 0 {
		policy = "v=DMARC1; p=quarantine; sp=reject; adkim=r; aspf=r"
	}
	if m.ReportAddress != "" {
		policy += "; rua=mailto:" + m.ReportAddress
	}
	return policy
}
