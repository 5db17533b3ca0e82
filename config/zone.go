package config

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// DNSRecord is one set of DNS records: all values of one name and type.
type DNSRecord struct {
	// Name is the full name in lower-case letters without a dot at its end: "www.batbern.ch", "*.shop.batbern.ch".
	Name string
	// Type is the record type: "A", "MX", "TXT".
	Type string
	// TTLSeconds is how long resolvers may keep the answer.
	TTLSeconds int
	// Values are the records as Route 53 writes them: host names end with a dot, a TXT record has no quotes around it.
	Values []string
}

var (
	// zoneName is a name in a zone: labels of letters, digits, hyphens and underscores, the first of them maybe "*".
	zoneName      = regexp.MustCompile(`^(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)+[a-z0-9-]+$`)
	decimalEscape = regexp.MustCompile(`\\[0-9]{3}`)
)

// recordTypes are the types that a zone of Route 53 can take over.
// AWS, "Supported DNS record types": https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/ResourceRecordTypes.html
var recordTypes = []string{
	"A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SRV", "SSHFP", "SVCB", "TLSA", "TXT",
}

// signingTypes belong to a zone that is signed. Route 53 signs by itself: they are not carried over.
var signingTypes = []string{"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY", "TYPE65534"}

// longestRecord is Route 53's limit of one value. AWS, "ResourceRecord" in the API reference.
const longestRecord = 4000

// readZone reads the zone file (RFC 1035, as DNS providers export it) of the live domain. The faults bear the name of
// the setting and the line's record. SOA, the apex's NS records and signatures are left out: Route 53 makes its own.
func readZone(file, zone string, report *Faults) []DNSRecord {
	const setting = path("BATBERN_ZONE_FILE")
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		report.add(setting, file, "a readable file", "export the zone at the present DNS provider, and name that file")
		return nil
	}
	parser := dns.NewZoneParser(strings.NewReader(string(text)), dns.Fqdn(zone), "")
	parser.SetDefaultTTL(3600)
	var records []DNSRecord
	for entry, more := parser.Next(); more; entry, more = parser.Next() {
		header := entry.Header()
		kind := dns.TypeToString[header.Rrtype]
		name := strings.ToLower(strings.TrimSuffix(header.Name, "."))
		ours := kind == "SOA" || kind == "NS" && name == zone || slices.Contains(signingTypes, kind)
		if ours {
			continue
		}
		at := setting.key(fmt.Sprintf("%s %s", name, kind))
		value, fault := recordValue(entry)
		switch {
		case !slices.Contains(recordTypes, kind):
			report.add(at, strings.Join(strings.Fields(entry.String()), " "), "records of the types "+strings.Join(recordTypes, ", "),
				"Route 53 has no other: write what it stands for, for example the addresses of an ALIAS")
		case header.Class != dns.ClassINET:
			report.add(at, dns.ClassToString[header.Class], "class IN", "remove the record")
		case name != zone && !strings.HasSuffix(name, "."+zone):
			report.add(at, name, "names of "+zone+" or below it", "remove the record, or add the dot that its name lacks")
		case !zoneName.MatchString(name):
			report.add(at, name, "names of letters, digits, hyphens and underscores, * as a whole first label", "remove the record")
		case fault != "":
			report.add(at, value, fault, "shorten it, or remove the record")
		default:
			records = addRecord(records, DNSRecord{Name: name, Type: kind, TTLSeconds: int(header.Ttl), Values: []string{value}})
		}
	}
	if err := parser.Err(); err != nil {
		report.add(setting, file, "lines of a zone file (RFC 1035)", strings.TrimPrefix(err.Error(), "dns: "))
	}
	return records
}

// addRecord adds a value to the set of its name and type, which begins with the set's first value. Their TTL is the
// shortest of all: RFC 2181 allows one only.
func addRecord(records []DNSRecord, record DNSRecord) []DNSRecord {
	for i := range records {
		if set := &records[i]; set.Name == record.Name && set.Type == record.Type {
			set.TTLSeconds = min(set.TTLSeconds, record.TTLSeconds)
			if !slices.Contains(set.Values, record.Values[0]) {
				set.Values = append(set.Values, record.Values[0])
			}
			return records
		}
	}
	return append(records, record)
}

// recordValue is the entry's value as Route 53 and its Terraform resource write it, and what is allowed if it is not.
func recordValue(entry dns.RR) (value, fault string) {
	if text, is := entry.(*dns.TXT); is {
		// the resource puts quotes around the whole; strings of 255 characters at most stand side by side in it
		value = strings.Join(text.Txt, `""`)
	} else {
		value = strings.TrimSpace(strings.TrimPrefix(entry.String(), entry.Header().String()))
	}
	switch {
	case len(value) > longestRecord:
		return value, fmt.Sprintf("%d characters or fewer", longestRecord)
	case decimalEscape.MatchString(value):
		// DNS writes \ddd in decimal digits, Route 53 in octal ones
		return value, "ASCII characters that need no escape of digits"
	}
	return value, ""
}

// carry divides the records of the live domain: what an environment answers to goes to the environment, which leads it
// to itself one day; names in a zone of their own are refused; the rest is the base's.
func (p *Project) carry(records []DNSRecord, report *Faults) {
	for _, record := range records {
		at := path("BATBERN_ZONE_FILE").key(record.Name + " " + record.Type)
		owner := slices.IndexFunc(p.Environments, func(e Environment) bool { return e.Domains.owns(record.Name) })
		switch {
		case owner >= 0 && !p.Environments[owner].Domains.Apex():
			if root := p.Environments[owner].Domains.Root; record.Type != "NS" || record.Name != root {
				report.add(at, record.Name, "no name of "+root+" or below it", fmt.Sprintf("remove the record: %s is a zone of its own", root))
			}
		case owner >= 0 && slices.Contains([]string{"A", "AAAA", "CNAME"}, record.Type):
			p.Environments[owner].Existing = append(p.Environments[owner].Existing, record)
		default:
			p.Base.Existing = append(p.Base.Existing, record)
		}
	}
	cnamesAlone(records, report)
}

// cnamesAlone refuses a CNAME beside other records of its name, and at the zone's apex, which RFC 1034 forbids.
func cnamesAlone(records []DNSRecord, report *Faults) {
	for _, record := range records {
		if record.Type != "CNAME" {
			continue
		}
		others := slices.ContainsFunc(records, func(other DNSRecord) bool { return other.Name == record.Name && other.Type != "CNAME" })
		if others || len(record.Values) > 1 {
			report.add(path("BATBERN_ZONE_FILE").key(record.Name+" CNAME"), strings.Join(record.Values, ", "), "a CNAME alone at its name",
				"remove the CNAME, or the other records of the name (RFC 1034, 3.6.2)")
		}
	}
}

// owns says whether a record of that name is the environment's: its four names at the zone's apex, and everything at
// and below its root elsewhere.
func (d Domains) owns(name string) bool {
	if d.Apex() {
		return slices.Contains([]string{d.Root, d.Www(), d.Cdn(), d.Api()}, name)
	}
	return name == d.Root || strings.HasSuffix(name, "."+d.Root)
}

// receivesMail says whether mail to an address of that domain arrives, as far as the zone is concerned: by an exchanger,
// or by an address where there is no MX record (RFC 5321, 5.1). Domains outside the zone are none of its business.
func (b Base) receivesMail(domain string, live []DNSRecord) bool {
	domain = strings.ToLower(domain)
	if domain != b.Zone && !strings.HasSuffix(domain, "."+b.Zone) {
		return true
	}
	if domain == b.Zone && len(b.Mail.Exchangers) > 0 {
		return true
	}
	of := func(kind string) []string {
		for _, record := range live {
			if record.Name == domain && record.Type == kind {
				return record.Values
			}
		}
		return nil
	}
	if exchangers := of("MX"); exchangers != nil {
		return !slices.Contains(exchangers, "0 .") // the null MX of RFC 7505
	}
	// without a zone file the apex has a null MX, and names below it have the records that the stacks make: none for mail
	return len(of("A"))+len(of("AAAA"))+len(of("CNAME")) > 0
}

// checkAlarmAddresses refuses an address whose mail the zone itself turns away: SNS's confirmation would never arrive.
func (p Project) checkAlarmAddresses(live []DNSRecord, report *Faults) {
	for _, address := range p.Settings.AlarmEmails {
		_, domain, _ := strings.Cut(address, "@")
		if !p.Base.receivesMail(domain, live) {
			report.add("BATBERN_ALARM_EMAILS", address, "an address outside "+p.Base.Zone+", or one whose domain has a mail exchanger",
				"nobody could confirm it: name the exchangers by BATBERN_ZONE_FILE or in Mail in config/base.go, or take another address")
		}
	}
}

// checkMail refuses mail that is configured twice.
func (b Base) checkMail(report *Faults) {
	if len(b.Mail.Exchangers)+len(b.Mail.Senders)+len(b.Mail.DkimTargets) == 0 && b.Mail.ReportAddress == "" {
		return
	}
	for _, record := range b.Existing {
		text := strings.Join(record.Values, " ")
		mail := record.Type == "MX" && record.Name == b.Zone || record.Name == "_dmarc."+b.Zone ||
			strings.HasSuffix(record.Name, "._domainkey."+b.Zone) || record.Name == b.Zone && strings.Contains(text, "v=spf1")
		if mail {
			report.add(path("BATBERN_ZONE_FILE").key(record.Name+" "+record.Type), text, "no records of mail beside Mail in config/base.go",
				"remove them from one of the two")
			return
		}
	}
}

// checkHeld refuses a held name that no distribution of these stacks would have.
func (p Project) checkHeld(report *Faults) {
	var names []string
	for _, environment := range p.Environments {
		names = append(names, environment.Domains.Distributed()...)
	}
	for _, name := range p.Settings.NamesHeld {
		if !slices.Contains(names, name) {
			report.add("BATBERN_NAMES_HELD", name, strings.Join(names, ", "), "correct the name, or remove it: no distribution of ours has it")
		}
	}
}

// Distributed are the names that CloudFront answers to: the frontend's and the content's.
func (d Domains) Distributed() []string {
	names := []string{d.Www(), d.Cdn()}
	if d.Apex() {
		names = append(names, d.Root)
	}
	return names
}

// IsHeld says whether a distribution outside these stacks still answers to the name.
func (d Domains) IsHeld(name string) bool { return slices.Contains(d.Held, name) }
