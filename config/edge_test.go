package config

import (
	"strings"
	"testing"
)

func redirects(list ...Redirect) func(*Environment) {
	return func(e *Environment) { e.Edge.Redirects = list }
}

func TestEveryFaultOfTheEdgeIsNamed(t *testing.T) {
	plantEach(t, []fault{
		{"unknown price class", func(e *Environment) { e.Edge.PriceClass = "cheap" }, "Edge.PriceClass"},
		{"unknown firewall mode", func(e *Environment) { e.Edge.Firewall.Mode = "on" }, "Edge.Firewall.Mode"},
		{"no rate", func(e *Environment) {
			e.Edge.Firewall = Firewall{Mode: FirewallCount, LogRetentionDays: 30}
		}, "Edge.Firewall.RequestsPerFiveMinutes"},
		{"a rate below WAF's least", func(e *Environment) {
			e.Edge.Firewall = Firewall{Mode: FirewallCount, RequestsPerFiveMinutes: 9, LogRetentionDays: 30}
		}, "Edge.Firewall.RequestsPerFiveMinutes"},
		{"firewall logs for ever", func(e *Environment) {
			e.Edge.Firewall = Firewall{Mode: FirewallBlock, RequestsPerFiveMinutes: 1000}
		}, "Edge.Firewall.LogRetentionDays"},
		{"calls to everywhere", func(e *Environment) { e.Edge.ConnectOrigins = []string{"https://*.example.ch"} }, "Edge.ConnectOrigins[0]"},
		{"a redirect from a host", redirects(Redirect{From: "https://old.ch/a", To: "/"}), "Edge.Redirects[https://old.ch/a].From"},
		{"a redirect from a query", redirects(Redirect{From: "/a?b=c", To: "/"}), "Edge.Redirects[/a?b=c].From"},
		{"a star in the middle", redirects(Redirect{From: "/a/*/b", To: "/"}), "Edge.Redirects[/a/*/b].From"},
		{"a redirect to another site", redirects(Redirect{From: "/a", To: "https://evil.example"}), "Edge.Redirects[/a].To"},
		{"a redirect to another host by slashes", redirects(Redirect{From: "/a", To: "//evil.example"}), "Edge.Redirects[/a].To"},
		{"a rest from nowhere", redirects(Redirect{From: "/a", To: "/b/*"}), "Edge.Redirects[/a].To"},
		{"an address twice", redirects(Redirect{From: "/a", To: "/b"}, Redirect{From: "/a", To: "/c"}), "Edge.Redirects"},
		{"a redirect to itself", redirects(Redirect{From: "/a", To: "/a"}), "Edge.Redirects[/a]"},
		{"a loop of two", redirects(Redirect{From: "/a", To: "/b"}, Redirect{From: "/b", To: "/a"}), "Edge.Redirects[/b]"},
		{"a chain", redirects(Redirect{From: "/a", To: "/b"}, Redirect{From: "/b", To: "/c"}), "Edge.Redirects[/a]"},
		{"a chain by a pattern", redirects(Redirect{From: "/a", To: "/b/x?y=z"}, Redirect{From: "/b/*", To: "/c"}), "Edge.Redirects[/a]"},
		{"a chain in other letters", redirects(Redirect{From: "/a", To: "/B"}, Redirect{From: "/b", To: "/c"}), "Edge.Redirects[/a]"},
		{"a pattern that meets its own target", redirects(Redirect{From: "/a/*", To: "/a/b/*"}), "Edge.Redirects[/a/*]"},
	})
}

// The content's host does not redirect: the same path may lead there.
func TestContentEndsARedirect(t *testing.T) {
	project := load(t, nil)
	project.Environments[0].Edge.Redirects = []Redirect{{From: "/archiv/*", To: "/archiv/*", Content: true}}
	if faults := project.validate(); len(faults) > 0 {
		t.Error(faults)
	}
}

// All visitors of a conference share the auditorium's one address, and none of them may be blocked: each loads the
// application and then photographs, and the application calls the API.
func TestAnAuditoriumBehindOneAddressIsServed(t *testing.T) {
	const visitors, files, calls = 300, 100, 30
	for _, environment := range load(t, nil).Environments {
		for name, c := range map[string]struct {
			firewall Firewall
			each     int
		}{
			"the site": {environment.Edge.Firewall, files},
			"the API":  {environment.Api.Firewall, calls},
		} {
			if needed := visitors * c.each; c.firewall.Mode != FirewallOff && c.firewall.RequestsPerFiveMinutes < needed {
				t.Errorf("%s: %s accepts %d requests of one address, an auditorium sends %d", environment.Name, name, c.firewall.RequestsPerFiveMinutes, needed)
			}
		}
	}
}

func TestEdgeProductionFloor(t *testing.T) {
	project := load(t, nil)
	production := &project.Environments[2]
	production.Edge.Firewall = Firewall{Mode: FirewallOff}
	production.Edge.EnforcePolicy = false
	text := project.validate().Error()
	for _, wanted := range []string{"prod.Edge.Firewall.Mode: found \"off\"; allowed: count, block (CloudFront.6) in production", "prod.Edge.EnforcePolicy: found false", "prod.Edge.Firewall.LogRetentionDays: found 0"} {
		if !strings.Contains(text, wanted) {
			t.Errorf("%q is not in\n%s", wanted, text)
		}
	}
}

// Search engines show one of several equal sites: it has to be production's.
func TestProductionAloneIsIndexed(t *testing.T) {
	for _, environment := range load(t, nil).Environments {
		if environment.Edge.Indexed != environment.Production {
			t.Errorf("%s: Indexed is %v", environment.Name, environment.Edge.Indexed)
		}
	}
}
