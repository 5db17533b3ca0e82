package identity_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/identity"
	"github.com/batbern/infrastructure/internal/policytest"
)

const zoneID = "Z123"

var deployments = []config.Deployment{
	{Environment: config.Dev, Domains: config.Domains{Zone: "batbern.ch", Root: "dev.batbern.ch"}},
	{Environment: config.Staging, Domains: config.Domains{Zone: "batbern.ch", Root: "staging.batbern.ch"}},
	{Environment: config.Prod, Domains: config.Domains{Zone: "batbern.ch", Root: "batbern.ch"}},
}

func TestRecordNames(t *testing.T) {
	const proof = "_????????????????????????????????"
	for _, test := range []struct {
		deployment      config.Deployment
		allowed, denied []string
	}{
		{deployments[0], []string{"dev.batbern.ch", "*.dev.batbern.ch"}, []string{"*.staging.batbern.ch", "staging.batbern.ch"}},
		{deployments[1], []string{"staging.batbern.ch", "*.staging.batbern.ch"}, []string{"*.dev.batbern.ch", "dev.batbern.ch"}},
		{deployments[2], []string{
			"batbern.ch", proof + ".batbern.ch", "www.batbern.ch", proof + ".www.batbern.ch",
			"cdn.batbern.ch", proof + ".cdn.batbern.ch", "api.batbern.ch", proof + ".api.batbern.ch",
		}, []string{"*.dev.batbern.ch", "*.staging.batbern.ch", "dev.batbern.ch", "staging.batbern.ch"}},
	} {
		t.Run(string(test.deployment.Environment), func(t *testing.T) {
			allowed, denied := identity.RecordNames(test.deployment.Domains, deployments)
			if !reflect.DeepEqual(allowed, test.allowed) || !reflect.DeepEqual(denied, test.denied) {
				t.Errorf("got  %v, never %v\nwant %v, never %v", allowed, denied, test.allowed, test.denied)
			}
		})
	}
}

// Every environment writes its own names, and no name of another's, of the zone's or of somebody else's.
func TestRecordPolicy(t *testing.T) {
	proof := "_" + strings.Repeat("0123456789abcdef", 2)
	own := map[config.Name][]string{
		config.Dev:     {"dev.batbern.ch", "www.dev.batbern.ch", "api.dev.batbern.ch", proof + ".dev.batbern.ch", proof + ".www.dev.batbern.ch"},
		config.Staging: {"staging.batbern.ch", "cdn.staging.batbern.ch", proof + ".api.staging.batbern.ch"},
		config.Prod:    {"batbern.ch", "www.batbern.ch", "cdn.batbern.ch", "api.batbern.ch", proof + ".batbern.ch", proof + ".api.batbern.ch"},
	}
	// of nobody: the zone's own, other people's, and look-alikes
	strangers := []string{
		"_dmarc.batbern.ch", "s1._domainkey.batbern.ch", "shop.batbern.ch", "evil-dev.batbern.ch", "devbatbern.ch", "example.com", "batbern.ch.example.com",
		"xwww.batbern.ch", "a.www.batbern.ch",
		// as long as a proof, and in another environment's part of the zone
		"_" + strings.Repeat("a", 26) + "x.dev." + "batbern.ch.example.com",
	}
	change := func(environment int, names string, kind string) bool {
		policy := identity.RecordPolicy(zoneID, deployments[environment].Domains, deployments)
		return allows(t, policy, "route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/"+zoneID, map[string]string{
			"route53:ChangeResourceRecordSetsNormalizedRecordNames": names,
			"route53:ChangeResourceRecordSetsRecordTypes":           kind,
		})
	}
	for i, deployment := range deployments {
		t.Run(string(deployment.Environment), func(t *testing.T) {
			for owner, names := range own {
				for _, name := range names {
					if got, want := change(i, name, "A"), owner == deployment.Environment; got != want {
						t.Errorf("%s: allowed %v, want %v", name, got, want)
					}
				}
			}
			for _, name := range strangers {
				if change(i, name, "A") {
					t.Errorf("%s is allowed", name)
				}
			}
			name := deployment.Domains.Root
			for _, kind := range []string{"NS", "CAA", "MX", "TXT", "SOA", "A,NS"} {
				if change(i, name, kind) {
					t.Errorf("%s of type %s is allowed", name, kind)
				}
			}
			// one foreign name among own ones
			for _, other := range deployments {
				if other.Environment != deployment.Environment && change(i, name+","+other.Domains.Root, "A,A") {
					t.Errorf("%s together with its own name is allowed", other.Domains.Root)
				}
			}
			policy := identity.RecordPolicy(zoneID, deployment.Domains, deployments)
			if allows(t, policy, "route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/"+zoneID, nil) {
				t.Error("a change without names is allowed")
			}
			if allows(t, policy, "route53:ListResourceRecordSets", "arn:aws:route53:::hostedzone/ZOTHER", nil) {
				t.Error("another zone can be read")
			}
		})
	}
	t.Run("a proof's pattern reaches into another environment, and is denied there", func(t *testing.T) {
		// 32 characters, the last of which are ".dev"
		name := "_" + strings.Repeat("a", 28) + ".dev.batbern.ch"
		allowed, _ := identity.RecordNames(deployments[2].Domains, deployments)
		if !policytest.MatchesAny(allowed, name) {
			t.Fatalf("%s does not show what it should", name)
		}
		if change(2, name, "CNAME") {
			t.Errorf("prod may write %s", name)
		}
	})
}
