package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// nameServer answers from a zone's records on a port of this machine, over UDP.
func nameServer(t *testing.T, records ...string) string {
	t.Helper()
	var zone []dns.RR
	for _, record := range records {
		entry, err := dns.NewRR(record)
		if err != nil {
			t.Fatal(err)
		}
		zone = append(zone, entry)
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, asked *dns.Msg) {
		answer := new(dns.Msg).SetReply(asked)
		for _, entry := range zone {
			header := entry.Header()
			if header.Name == asked.Question[0].Name && header.Rrtype == dns.TypeNS {
				answer.Ns = append(answer.Ns, entry)
			} else if header.Name == asked.Question[0].Name && (header.Rrtype == asked.Question[0].Qtype || header.Rrtype == dns.TypeCNAME) {
				answer.Answer = append(answer.Answer, entry)
			}
		}
		_ = w.WriteMsg(answer)
	})}
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown() })
	return conn.LocalAddr().String()
}

func TestDomainCompare(t *testing.T) {
	live := []string{
		"batbern.ch. 60 IN MX 10 mail.example.ch.",
		`batbern.ch. 60 IN TXT "v=spf1 include:example.ch ~all"`,
		`s1._domainkey.batbern.ch. 60 IN TXT "v=DKIM1; p=AAAA" "BBBB"`,
		"www.batbern.ch. 60 IN CNAME old.example.ch.",
		"dev.batbern.ch. 60 IN NS ns-1.awsdns-00.org.",
	}
	folder := t.TempDir()
	t.Chdir(folder)
	file := filepath.Join(folder, "zone")
	if err := os.WriteFile(file, []byte(strings.Join(live, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BATBERN_ZONE_FILE", file)
	old := nameServer(t, live...)
	for name, c := range map[string]struct {
		server string
		code   int
		words  []string
	}{
		"the same, however divided and kept": {nameServer(t,
			"batbern.ch. 3600 IN MX 10 mail.example.ch.", live[1], `s1._domainkey.batbern.ch. 60 IN TXT "v=DKIM1; p=AAAABBBB"`, live[3], live[4]),
			0, []string{"same     batbern.ch MX", "same     s1._domainkey.batbern.ch TXT", "same     www.batbern.ch CNAME", "same     dev.batbern.ch NS"}},
		"mail would be lost": {nameServer(t, append([]string{"batbern.ch. 60 IN MX 0 ."}, live[1:]...)...),
			1, []string{"differs  batbern.ch MX: now MX 10 mail.example.ch.; then MX 0 .", "1 record sets differ"}},
		"a record that the file forgot": {nameServer(t, append(live, `_dmarc.batbern.ch. 60 IN TXT "v=DMARC1; p=reject"`)...),
			1, []string{"differs  _dmarc.batbern.ch TXT: now nothing; then"}},
		"no name server": {"127.0.0.1:1", 1, []string{"127.0.0.1:1", "does not answer", "port 53"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			code := run(context.Background(), []string{"domain", "compare", "--old", old, "--new", c.server}, streams{&out, &out})
			if code != c.code {
				t.Errorf("code %d, want %d", code, c.code)
			}
			for _, word := range c.words {
				if !strings.Contains(out.String(), word) {
					t.Errorf("%q is not in\n%s", word, out.String())
				}
			}
		})
	}
	t.Setenv("BATBERN_ZONE_FILE", "")
	var out bytes.Buffer
	if code := run(context.Background(), []string{"domain", "compare", "--old", old, "--new", old}, streams{&out, &out}); code != 1 || !strings.Contains(out.String(), "BATBERN_ZONE_FILE is not set") {
		t.Errorf("without a zone file: code %d, %s", code, out.String())
	}
}
