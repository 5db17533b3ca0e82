package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/batbern/infrastructure/config"
)

// DomainCmd holds the commands for moving a domain that is in use.
type DomainCmd struct {
	Compare CompareCmd `cmd:"" help:"Compare what two name servers answer for the domain, before the registrar is told the new ones."`
}

// CompareCmd asks the domain's present and its future name server for every record of the zone file, and for what is
// easily forgotten in one. Nothing is changed. It ends with code 1 when an answer differs.
type CompareCmd struct {
	jsonFlag
	Old string `required:"" help:"A name server that the domain uses now, host or host:port."`
	New string `required:"" help:"One of the base's output zone_name_servers, host or host:port."`
}

// Run compares and prints one line for each record set.
func (c CompareCmd) Run(ctx context.Context, std streams) error {
	variables, err := config.FromProcess(".env")
	if err != nil {
		return err
	}
	project, err := config.LoadProject(variables)
	if err != nil {
		return err
	}
	if project.Settings.ZoneFile == "" {
		return fmt.Errorf("BATBERN_ZONE_FILE is not set: export the zone at the present DNS provider, and name that file")
	}
	differences := 0
	results := []compared{}
	for _, question := range questions(project) {
		before, err := ask(ctx, c.Old, question)
		if err != nil {
			return err
		}
		after, err := ask(ctx, c.New, question)
		if err != nil {
			return err
		}
		same := slices.Equal(before, after)
		if !same {
			differences++
		}
		if !same || len(before) > 0 {
			results = append(results, compared{question.name, question.kind, same, before, after})
		}
	}
	if err := c.print(std.Out, results, func() error { return printCompared(std.Out, results) }); err != nil {
		return err
	}
	if differences > 0 {
		return fmt.Errorf("%d record sets differ: correct the zone file (BATBERN_ZONE_FILE), apply batbern-base and batbern-prod, compare again", differences)
	}
	return nil
}

// compared is what the two name servers answered to one question.
type compared struct {
	Name string   `json:"name"`
	Type string   `json:"type"`
	Same bool     `json:"same"`
	Old  []string `json:"old"`
	New  []string `json:"new"`
}

func printCompared(out io.Writer, results []compared) error {
	for _, r := range results {
		line := fmt.Sprintf("differs  %s %s: now %s; then %s", r.Name, r.Type, shown(r.Old), shown(r.New))
		if r.Same {
			line = fmt.Sprintf("same     %s %s", r.Name, r.Type)
		}
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}

// question is a name and a type to ask for.
type question struct{ name, kind string }

// questions are the record sets of the zone file, and those of the apex, of its mail and of the names that the platform
// will answer to, in or out of the file.
func questions(project config.Project) []question {
	zone := project.Base.Zone
	var all []question
	for _, kind := range []string{"A", "AAAA", "CAA", "MX", "TXT"} {
		all = append(all, question{zone, kind})
	}
	all = append(all, question{"_dmarc." + zone, "TXT"})
	records := slices.Clone(project.Base.Existing)
	for _, environment := range project.Environments {
		records = append(records, environment.Existing...)
		if environment.Domains.Apex() {
			for _, name := range []string{environment.Domains.Www(), environment.Domains.Cdn(), environment.Domains.Api()} {
				all = append(all, question{name, "A"}, question{name, "AAAA"})
			}
		} else {
			all = append(all, question{environment.Domains.Root, "NS"})
		}
	}
	for _, record := range records {
		if asked := (question{record.Name, record.Type}); !slices.Contains(all, asked) {
			all = append(all, asked)
		}
	}
	return all
}

// ask returns the values that the server has for the question, sorted and without TTLs. A CNAME in place of an address
// is a value too. NS records of a delegation come in the authority section.
func ask(ctx context.Context, server string, q question) ([]string, error) {
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(strings.TrimSuffix(server, "."), "53")
	}
	message := new(dns.Msg).SetQuestion(dns.Fqdn(q.name), dns.StringToType[q.kind])
	message.RecursionDesired = false
	client := &dns.Client{Timeout: 5 * time.Second}
	answer, _, err := client.ExchangeContext(ctx, message, server)
	if err == nil && answer.Truncated {
		client.Net = "tcp"
		answer, _, err = client.ExchangeContext(ctx, message, server)
	}
	if err != nil {
		return nil, fmt.Errorf("name server %s does not answer for %s %s: %w; check the host, and that port 53 is open", server, q.name, q.kind, err)
	}
	if answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError {
		return nil, fmt.Errorf("name server %s answers %s for %s: it is not one of the domain's", server, dns.RcodeToString[answer.Rcode], q.name)
	}
	entries := answer.Answer
	if q.kind == "NS" && len(entries) == 0 {
		entries = answer.Ns
	}
	var values []string
	for _, entry := range entries {
		kind := dns.TypeToString[entry.Header().Rrtype]
		if !strings.EqualFold(entry.Header().Name, dns.Fqdn(q.name)) || kind != q.kind && kind != "CNAME" {
			continue
		}
		text := strings.TrimSpace(strings.TrimPrefix(entry.String(), entry.Header().String()))
		if txt, is := entry.(*dns.TXT); is {
			text = strings.Join(txt.Txt, "") // how a text is divided into strings means nothing
		}
		values = append(values, kind+" "+text)
	}
	slices.Sort(values)
	return values, nil
}

func shown(values []string) string {
	if len(values) == 0 {
		return "nothing"
	}
	return strings.Join(values, ", ")
}
