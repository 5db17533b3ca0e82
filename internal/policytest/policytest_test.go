package policytest_test

import (
	"testing"

	"github.com/batbern/infrastructure/constructs/policy"
	"github.com/batbern/infrastructure/internal/policytest"
)

// IAM's own rules, one a line.
func TestAllows(t *testing.T) {
	allow := policy.Statement{Effect: policy.Allow, Actions: []string{"s3:Get*"}, Resources: []string{"arn:aws:s3:::a/*"}}
	deny := policy.Statement{Effect: policy.Deny, Actions: []string{"s3:GetObjectVersion"}, NotResources: []string{"arn:aws:s3:::a/public"}}
	but := policy.Statement{Effect: policy.Allow, NotActions: []string{"iam:*"}, Resources: []string{"*"}}
	when := func(conditions policy.Conditions) policy.Statement {
		conditional := allow
		conditional.Conditions = conditions
		return conditional
	}
	here := map[string]string{"k": "v"}
	for _, test := range []struct {
		name             string
		statements       []policy.Statement
		action, resource string
		context          map[string]string
		want             bool
	}{
		{"nothing is allowed by nothing", nil, "s3:GetObject", "arn:aws:s3:::a/b", nil, false},
		{"a wildcard", []policy.Statement{allow}, "s3:GetObject", "arn:aws:s3:::a/b/c", nil, true},
		{"actions know no case", []policy.Statement{allow}, "S3:getobject", "arn:aws:s3:::a/b", nil, true},
		{"resources do", []policy.Statement{allow}, "s3:GetObject", "arn:aws:s3:::A/b", nil, false},
		{"another action", []policy.Statement{allow}, "s3:PutObject", "arn:aws:s3:::a/b", nil, false},
		{"another resource", []policy.Statement{allow}, "s3:GetObject", "arn:aws:s3:::ab", nil, false},
		{"a denial wins, whatever the order", []policy.Statement{deny, allow}, "s3:GetObjectVersion", "arn:aws:s3:::a/b", nil, false},
		{"a denial of all but one leaves that", []policy.Statement{allow, deny}, "s3:GetObjectVersion", "arn:aws:s3:::a/public", nil, true},
		{"all but some actions", []policy.Statement{but}, "s3:PutObject", "x", nil, true},
		{"one of those some", []policy.Statement{but}, "iam:CreateUser", "x", nil, false},
		{"equals", []policy.Statement{when(policy.Conditions{"StringEquals": {"k": {"v", "w"}}})}, "s3:GetObject", "arn:aws:s3:::a/b", here, true},
		{"equals knows no wildcard", []policy.Statement{when(policy.Conditions{"StringEquals": {"k": {"*"}}})}, "s3:GetObject", "arn:aws:s3:::a/b", here, false},
		{"equals without a value", []policy.Statement{when(policy.Conditions{"StringEquals": {"k": {"v"}}})}, "s3:GetObject", "arn:aws:s3:::a/b", nil, false},
		{"not equals without a value", []policy.Statement{when(policy.Conditions{"StringNotEquals": {"k": {"v"}}})}, "s3:GetObject", "arn:aws:s3:::a/b", nil, true},
		{"all conditions have to hold", []policy.Statement{when(policy.Conditions{"StringLike": {"k": {"v*"}}, "Null": {"k": {"true"}}})}, "s3:GetObject", "arn:aws:s3:::a/b", here, false},
		{"all of several values", []policy.Statement{when(policy.Conditions{"ForAllValues:StringLike": {"k": {"v*"}}})}, "s3:GetObject", "arn:aws:s3:::a/b", map[string]string{"k": "v1,w"}, false},
		{"any of several values", []policy.Statement{when(policy.Conditions{"ForAnyValue:StringLike": {"k": {"v*"}}})}, "s3:GetObject", "arn:aws:s3:::a/b", map[string]string{"k": "v1,w"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			request := policytest.Request{Action: test.action, Resource: test.resource, Context: test.context}
			if got := policytest.Allows(t, policy.Document{Statements: test.statements}, request); got != test.want {
				t.Errorf("allowed %v, want %v", got, test.want)
			}
		})
	}
}

func TestAllowsWithin(t *testing.T) {
	document := func(effect policy.Effect, actions ...string) policy.Document {
		return policy.Document{Statements: []policy.Statement{{Effect: effect, Actions: actions, Resources: []string{"*"}}}}
	}
	for name, c := range map[string]struct {
		boundary policy.Document
		policies []policy.Document
		want     bool
	}{
		"both allow":                     {document(policy.Allow, "s3:*"), []policy.Document{document(policy.Allow, "s3:GetObject")}, true},
		"a boundary grants nothing":      {document(policy.Allow, "s3:*"), nil, false},
		"a boundary limits":              {document(policy.Allow, "ec2:*"), []policy.Document{document(policy.Allow, "s3:*")}, false},
		"another policy's denial":        {document(policy.Allow, "s3:*"), []policy.Document{document(policy.Allow, "s3:*"), document(policy.Deny, "s3:Get*")}, false},
		"a denial that does not concern": {document(policy.Allow, "s3:*"), []policy.Document{document(policy.Allow, "s3:*"), document(policy.Deny, "s3:Put*")}, true},
		"the boundary's denial":          {document(policy.Deny, "s3:*"), []policy.Document{document(policy.Allow, "s3:*")}, false},
	} {
		if got := policytest.AllowsWithin(t, c.boundary, c.policies, policytest.Request{Action: "s3:GetObject", Resource: "x"}); got != c.want {
			t.Errorf("%s: allowed %v, want %v", name, got, c.want)
		}
	}
}
