package edge

import (
	"strings"
	"testing"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/storage"
)

// closed is the least that a policy must say.
func closed(change func(*ContentSecurityPolicy)) ContentSecurityPolicy {
	policy := ContentSecurityPolicy{DefaultSrc: []Source{None}, FrameAncestors: []Source{None}, BaseURI: []Source{None}, FormAction: []Source{None}}
	change(&policy)
	return policy
}

func TestContentSecurityPolicy(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*ContentSecurityPolicy)
		wanted string
	}{
		"the least": {func(*ContentSecurityPolicy) {}, "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
		"sources keep their order": {
			func(p *ContentSecurityPolicy) { p.ImgSrc = []Source{Self, Host("cdn.batbern.ch"), Data} },
			"default-src 'none'; img-src 'self' https://cdn.batbern.ch data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
		},
		"upgrade comes last": {
			func(p *ContentSecurityPolicy) { p.UpgradeInsecureRequests = true },
			"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; upgrade-insecure-requests",
		},
		"web sockets": {
			func(p *ContentSecurityPolicy) { p.ConnectSrc = []Source{"wss://api.batbern.ch"} },
			"default-src 'none'; connect-src wss://api.batbern.ch; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
		},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := closed(test.change).Value()
			if err != nil {
				t.Fatal(err)
			}
			if found != test.wanted {
				t.Errorf("found  %s\nwanted %s", found, test.wanted)
			}
		})
	}
}

func TestContentSecurityPolicyRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*ContentSecurityPolicy)
		wanted string
	}{
		"no default":          {func(p *ContentSecurityPolicy) { p.DefaultSrc = nil }, "default-src: found nothing"},
		"no frame ancestors":  {func(p *ContentSecurityPolicy) { p.FrameAncestors = nil }, "frame-ancestors: found nothing"},
		"no base":             {func(p *ContentSecurityPolicy) { p.BaseURI = nil }, "base-uri: found nothing"},
		"no form action":      {func(p *ContentSecurityPolicy) { p.FormAction = nil }, "form-action: found nothing"},
		"inline scripts":      {func(p *ContentSecurityPolicy) { p.ScriptSrc = []Source{Self, UnsafeInline} }, "script-src: found \"'unsafe-inline'\""},
		"scripts as data":     {func(p *ContentSecurityPolicy) { p.ScriptSrc = []Source{Data} }, `script-src: found "data:"`},
		"every host":          {func(p *ContentSecurityPolicy) { p.ImgSrc = []Source{"*"} }, `img-src: found "*"`},
		"every host below":    {func(p *ContentSecurityPolicy) { p.ImgSrc = []Source{"https://*.batbern.ch"} }, "one exact host"},
		"without encryption":  {func(p *ContentSecurityPolicy) { p.ConnectSrc = []Source{"http://api.batbern.ch"} }, "allowed: https:// or wss://"},
		"none beside another": {func(p *ContentSecurityPolicy) { p.ObjectSrc = []Source{None, Self} }, "'none' alone"},
		"a second directive":  {func(p *ContentSecurityPolicy) { p.ImgSrc = []Source{"https://a.ch; script-src https://b.ch"} }, "one exact host"},
		"a second header":     {func(p *ContentSecurityPolicy) { p.ImgSrc = []Source{"https://a.ch\r\nSet-Cookie: a=b"} }, "one exact host"},
		"an unknown keyword":  {func(p *ContentSecurityPolicy) { p.ScriptSrc = []Source{"'unsafe-eval'"} }, "one exact host"},
	} {
		t.Run(name, func(t *testing.T) {
			value, err := closed(test.change).Value()
			if err == nil {
				t.Fatalf("accepted: %s", value)
			}
			if !strings.Contains(err.Error(), test.wanted) {
				t.Errorf("found %q, wanted it to say %q", err, test.wanted)
			}
		})
	}
	t.Run("all faults at once", func(t *testing.T) {
		_, err := ContentSecurityPolicy{}.Value()
		if count := strings.Count(err.Error(), "found nothing"); count != 4 {
			t.Errorf("found %d faults, wanted 4: %v", count, err)
		}
	})
}

// The policies in use are valid in every environment, and differ only as configured.
func TestPoliciesInUse(t *testing.T) {
	project, err := config.LoadProject(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, environment := range project.Environments {
		t.Run(string(environment.Name), func(t *testing.T) {
			props := Props{Account: environment.Account, Domains: environment.Domains, Edge: environment.Edge,
				Buckets: storage.Outputs{Content: storage.Bucket{Name: "content"}}}
			for name, policy := range map[string]ContentSecurityPolicy{"frontend": frontendPolicy(props), "content": contentPolicy(props)} {
				value, err := policy.Value()
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(value, "https://") {
					t.Errorf("%s names no host: %s", name, value)
				}
				// another environment's host in a policy would be an open door between the two
				for _, other := range project.Environments {
					if other.Name != environment.Name && strings.Contains(value, "https://"+other.Domains.Api()) {
						t.Errorf("%s names %s's API: %s", name, other.Name, value)
					}
				}
			}
		})
	}
}
