package dns

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Record is a set of DNS records of one name and type.
type Record struct {
	ID     string // the construct's, and so part of Terraform's address
	Name   string
	Type   string
	Values []string
	// TTLSeconds is how long resolvers may keep the answer.
	TTLSeconds int
}

// defaultTTLSeconds is the TTL of records that are not taken over from the live domain.
const defaultTTLSeconds = 3600

// Records are the zone's own, and those of the live domain that it takes over.
//
// Without a zone file the zone's own are certificate authorities (RFC 8659) and mail (RFC 7505 for none, SPF, DKIM,
// DMARC). With one the zone answers what the live domain answers, and configured Mail: a CAA record that the live domain
// does not have could refuse another site's certificate, and an SPF record could refuse its mail.
func Records(props Props) []Record {
	var records []Record
	if !props.ZoneFile {
		records = append(records, Record{ID: "caa", Name: props.Zone, Type: "CAA", Values: authorities(props)})
	}
	if mail := props.Mail; !props.ZoneFile || len(mail.Exchangers)+len(mail.Senders) > 0 {
		records = append(records,
			Record{ID: "mx", Name: props.Zone, Type: "MX", Values: exchangers(props)},
			Record{ID: "spf", Name: props.Zone, Type: "TXT", Values: []string{mail.Spf()}},
			Record{ID: "dmarc", Name: "_dmarc." + props.Zone, Type: "TXT", Values: []string{mail.Dmarc()}},
		)
		records = append(records, signingKeys(props)...)
	}
	for i := range records {
		records[i].TTLSeconds = defaultTTLSeconds
	}
	return append(records, existing(props)...)
}

// existing are the records of the live domain. Their ids name them: adding one moves no other.
func existing(props Props) []Record {
	var records []Record
	for _, record := range props.Existing {
		name := strings.TrimSuffix(strings.TrimSuffix(record.Name, props.Zone), ".")
		if name == "" {
			name = "@"
		}
		records = append(records, Record{
			ID: fmt.Sprintf("existing_%s_%s", name, strings.ToLower(record.Type)), Name: record.Name, Type: record.Type,
			Values: record.Values, TTLSeconds: record.TTLSeconds,
		})
	}
	return records
}

// literals are texts in which Terraform finds no template: SPF macros begin "%{".
func literals(texts []string) []string {
	var out []string
	for _, text := range texts {
		out = append(out, strings.NewReplacer("${", "$${", "%{", "%%{").Replace(text))
	}
	return out
}

// authorities may issue certificates for names of the zone and wildcards; nobody else may.
func authorities(props Props) []string {
	var values []string
	for _, authority := range props.CertificateAuthorities {
		values = append(values, `0 issue "`+authority+`"`, `0 issuewild "`+authority+`"`)
	}
	for _, contact := range props.SecurityContacts {
		values = append(values, `0 iodef "mailto:`+contact+`"`)
	}
	return values
}

func exchangers(props Props) []string {
	if len(props.Mail.Exchangers) == 0 {
		return []string{"0 ."}
	}
	return props.Mail.Exchangers
}

// signingKeys point at the senders' DKIM keys. Where nobody sends, an empty key under every selector revokes all.
func signingKeys(props Props) []Record {
	if len(props.Mail.Senders) == 0 {
		return []Record{{ID: "dkim", Name: "*._domainkey." + props.Zone, Type: "TXT", Values: []string{"v=DKIM1; p="}}}
	}
	var records []Record
	for _, selector := range slices.Sorted(maps.Keys(props.Mail.DkimTargets)) {
		records = append(records, Record{
			ID: "dkim_" + selector, Name: selector + "._domainkey." + props.Zone, Type: "CNAME", Values: []string{props.Mail.DkimTargets[selector]},
		})
	}
	return records
}
