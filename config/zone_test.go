package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const liveZone = `$ORIGIN batbern.ch.
$TTL 600
@       3600 IN SOA ns1.example.ch. hostmaster.example.ch. 1 7200 3600 1209600 3600
@       IN NS    ns1.example.ch.
@       IN A     192.0.2.1
@       IN MX    10 mail.example.ch.
@       300 IN MX 20 mail2.example.ch.
@       IN TXT   "v=spf1 include:example.ch ~all"
@       IN TXT   "google-site-verification=abc"
@       IN CAA   0 issue "letsencrypt.org"
_dmarc  IN TXT   "v=DMARC1; p=none"
s1._domainkey IN TXT "v=DKIM1; k=rsa; p=AAAA" "BBBB"
www     IN CNAME batbern.ch.
Shop    IN A     192.0.2.2
dev     IN NS    ns-1.awsdns-00.org.
`

func zoneFile(t *testing.T, text string) map[string]string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "batbern.ch.zone")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"BATBERN_ZONE_FILE": file}
}

func TestZoneFile(t *testing.T) {
	project := load(t, zoneFile(t, liveZone))
	want := []DNSRecord{
		{"batbern.ch", "MX", 300, []string{"10 mail.example.ch.", "20 mail2.example.ch."}},
		{"batbern.ch", "TXT", 600, []string{"v=spf1 include:example.ch ~all", "google-site-verification=abc"}},
		{"batbern.ch", "CAA", 600, []string{`0 issue "letsencrypt.org"`}},
		{"_dmarc.batbern.ch", "TXT", 600, []string{"v=DMARC1; p=none"}},
		{"s1._domainkey.batbern.ch", "TXT", 600, []string{`v=DKIM1; k=rsa; p=AAAA""BBBB`}},
		{"shop.batbern.ch", "A", 600, []string{"192.0.2.2"}},
	}
	if !reflect.DeepEqual(project.Base.Existing, want) {
		t.Errorf("the base takes over %v\nwant %v", project.Base.Existing, want)
	}
	own := []DNSRecord{{"batbern.ch", "A", 600, []string{"192.0.2.1"}}, {"www.batbern.ch", "CNAME", 600, []string{"batbern.ch."}}}
	if got := project.Environments[2].Existing; !reflect.DeepEqual(got, own) {
		t.Errorf("production takes over %v\nwant %v", got, own)
	}
}

func TestZoneFileFaults(t *testing.T) {
	for name, c := range map[string]struct{ text, path, word string }{
		"no zone file":                 {"this is no zone\n", "BATBERN_ZONE_FILE", "RFC 1035"},
		"a type without a counterpart": {"batbern.ch. 60 IN TYPE65280 \\# 1 00\n", "BATBERN_ZONE_FILE[batbern.ch", "types"},
		"another domain's name":        {"www.example.ch. 60 IN A 192.0.2.1\n", "BATBERN_ZONE_FILE[www.example.ch A]", "batbern.ch"},
		"a name of another zone":       {"www.dev 60 IN A 192.0.2.1\n", "BATBERN_ZONE_FILE[www.dev.batbern.ch A]", "zone of its own"},
		"a CNAME beside others":        {"x 60 IN CNAME a.example.\nx 60 IN A 192.0.2.1\n", "BATBERN_ZONE_FILE[x.batbern.ch CNAME]", "alone"},
		"decimal escapes":              {"x 60 IN TXT \"\\195\\164\"\n", "BATBERN_ZONE_FILE[x.batbern.ch TXT]", "ASCII"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadProject(zoneFile(t, c.text))
			var faults Faults
			if !errors.As(err, &faults) || len(faults) != 1 || !strings.HasPrefix(faults[0].Path, c.path) || !strings.Contains(err.Error(), c.word) {
				t.Errorf("got %v, want one fault of %s that says %q", err, c.path, c.word)
			}
		})
	}
	_, err := LoadProject(map[string]string{"BATBERN_ZONE_FILE": "nowhere.zone"})
	if err == nil || !strings.Contains(err.Error(), "nowhere.zone") {
		t.Errorf("a missing file gives %v", err)
	}
}

// Alarms to an address whose mail the zone turns away could never be confirmed.
func TestAlarmAddressInsideTheZone(t *testing.T) {
	const withoutMail = "@ 60 IN TXT \"v=spf1 -all\"\n@ 60 IN MX 0 .\n"
	for name, c := range map[string]struct {
		address, zone string
		refused       bool
	}{
		"outside":                          {"ops@example.com", "", false},
		"inside, no mail":                  {"ops@batbern.ch", "", true},
		"inside, in capitals":              {"ops@BATBERN.CH", "", true},
		"below, no mail":                   {"ops@mail.batbern.ch", "", true},
		"a look-alike":                     {"ops@notbatbern.ch", "", false},
		"inside, exchangers":               {"ops@batbern.ch", liveZone, false},
		"inside, null MX":                  {"ops@batbern.ch", withoutMail, true},
		"below, exchangers of the apex":    {"ops@lists.batbern.ch", liveZone, true},
		"below, a host that may take mail": {"ops@shop.batbern.ch", liveZone, false},
	} {
		t.Run(name, func(t *testing.T) {
			variables := map[string]string{"BATBERN_ALARM_EMAILS": c.address}
			if c.zone != "" {
				variables["BATBERN_ZONE_FILE"] = zoneFile(t, c.zone)["BATBERN_ZONE_FILE"]
			}
			_, err := LoadProject(variables)
			var faults Faults
			if refused := errors.As(err, &faults) && len(faults) == 1 && faults[0].Path == "BATBERN_ALARM_EMAILS"; refused != c.refused || err != nil && !refused {
				t.Errorf("got %v, want refused: %v", err, c.refused)
			}
		})
	}
}

func TestHeldNames(t *testing.T) {
	project := load(t, map[string]string{"BATBERN_NAMES_HELD": "www.batbern.ch, batbern.ch"})
	if prod := project.Environments[2].Domains; !prod.IsHeld("www.batbern.ch") || !prod.IsHeld("batbern.ch") || prod.IsHeld("cdn.batbern.ch") {
		t.Errorf("held: %v", prod.Held)
	}
	_, err := LoadProject(map[string]string{"BATBERN_NAMES_HELD": "api.batbern.ch"})
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 1 || faults[0].Path != "BATBERN_NAMES_HELD" {
		t.Errorf("a name that no distribution has gives %v", err)
	}
}

// What a zone file says of mail and what Mail says exclude each other.
func TestMailIsConfiguredOnce(t *testing.T) {
	base := Base{Zone: "batbern.ch", Mail: Mail{Exchangers: []string{"10 mail.example.ch."}},
		Existing: []DNSRecord{{"batbern.ch", "MX", 60, []string{"10 other.example.ch."}}}}
	var faults Faults
	base.checkMail(&faults)
	if len(faults) != 1 {
		t.Errorf("two MX give %v", faults)
	}
}
