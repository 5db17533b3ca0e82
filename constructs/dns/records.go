package dns

import (
	"maps"
	"slices"
)

// Record is a set of DNS records of one name and type.
type Record struct {
	ID     string // the construct's, and so part of Terraform's address
	Name   string
	Type   string
	Values []string
}

// Records are the zone's own: certificate authorities (RFC 8659), and mail (RFC 7505 for none, SPF, DKIM, DMARC).
func Records(props Props) []Record {
	records := []Record{
		{ID: "caa", Name: props.Zone, Type: "CAA", Values: authorities(props)},
		{ID: "mx", Name: props.Zone, Type: "MX", Values: exchangers(props)},
		{ID: "spf", Name: props.Zone, Type: "TXT", Values: []string{props.Mail.Spf()}},
		{ID: "dmarc", Name: "_dmarc." + props.Zone, Type: "TXT", Values: []string{props.Mail.Dmarc()}},
	}
	return append(records, signingKeys(props)...)
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
