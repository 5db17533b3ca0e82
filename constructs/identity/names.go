package identity

import (
	"slices"
	"strings"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
)

// recordTypes are what an environment writes: addresses, and the CNAME records that prove a certificate's names. It
// never writes NS, which would give a name away, nor CAA, MX and TXT, which speak for the zone.
var recordTypes = []string{"A", "AAAA", "CNAME"}

// validationLabel matches the first label of a record that proves a name to ACM: an underscore and 32 hexadecimal
// digits.
var validationLabel = "_" + strings.Repeat("?", 32)

// RecordNames are the patterns of names that an environment may write in the zone, and those it may not write even
// where a pattern matches: the other environments' names. "*" matches any characters, dots among them, "?" one.
//
// An environment that is not at the zone's apex owns its root and all below. One that is owns the apex, its own names
// beside it, and the names that prove these to ACM.
func RecordNames(own config.Domains, deployments []config.Deployment) (allowed, denied []string) {
	if own.Apex() {
		for _, name := range []string{own.Root, own.Www(), own.Cdn(), own.Api()} {
			allowed = append(allowed, name, validationLabel+"."+name)
		}
	} else {
		allowed = []string{own.Root, "*." + own.Root}
	}
	for _, other := range deployments {
		if root := other.Domains.Root; root != own.Root && !other.Domains.Apex() {
			denied = append(denied, root, "*."+root)
		}
	}
	slices.Sort(denied)
	return allowed, denied
}

// RecordPolicy lets a role read the zone, and write the names and types of one environment.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-conditions-route53.html
func RecordPolicy(zoneID string, own config.Domains, deployments []config.Deployment) policy.Document {
	const (
		names = "route53:ChangeResourceRecordSetsNormalizedRecordNames"
		types = "route53:ChangeResourceRecordSetsRecordTypes"
	)
	allowed, denied := RecordNames(own, deployments)
	document := zonePolicy(zoneID)
	document.Statements = append(document.Statements, policy.Statement{
		Sid:       "WriteOwnNames",
		Effect:    policy.Allow,
		Actions:   []string{"route53:ChangeResourceRecordSets"},
		Resources: []string{zoneArn(zoneID)},
		Conditions: policy.Conditions{
			"ForAllValues:StringLike":   {names: allowed},
			"ForAllValues:StringEquals": {types: recordTypes},
			// "all values" also holds for no value at all
			"Null": {names: {"false"}, types: {"false"}},
		},
	})
	if len(denied) > 0 {
		document.Statements = append(document.Statements, policy.Statement{
			Sid:        "NeverOthersNames",
			Effect:     policy.Deny,
			Actions:    []string{"route53:ChangeResourceRecordSets"},
			Resources:  []string{zoneArn(zoneID)},
			Conditions: policy.Conditions{"ForAnyValue:StringLike": {names: denied}},
		})
	}
	return document
}

// zonePolicy lets a role read the zone and wait for changes to it.
func zonePolicy(zoneID string) policy.Document {
	return policy.Document{Statements: []policy.Statement{
		{
			Sid:       "ReadZone",
			Effect:    policy.Allow,
			Actions:   []string{"route53:GetHostedZone", "route53:ListResourceRecordSets", "route53:ListTagsForResource"},
			Resources: []string{zoneArn(zoneID)},
		},
		{
			Sid:       "WaitForChanges",
			Effect:    policy.Allow,
			Actions:   []string{"route53:GetChange"},
			Resources: []string{"arn:aws:route53:::change/*"},
		},
	}}
}

func zoneArn(zoneID string) string { return "arn:aws:route53:::hostedzone/" + zoneID }
