package policy_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/constructs/policy"
)

func TestJSON(t *testing.T) {
	const version = `{"Version":"2012-10-17","Statement":[`
	for name, test := range map[string]struct {
		statements []policy.Statement
		want       string
	}{
		"a role's policy": {
			[]policy.Statement{{Sid: "Read", Effect: policy.Allow, Actions: []string{"s3:GetObject"}, Resources: []string{"arn:aws:s3:::files/*"}}},
			`{"Sid":"Read","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::files/*"}`,
		},
		"lists are sorted and without duplicates": {
			[]policy.Statement{{Sid: "Read", Effect: policy.Allow, Actions: []string{"s3:PutObject", "s3:GetObject", "s3:PutObject"}, Resources: []string{"b", "a"}}},
			`{"Sid":"Read","Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":["a","b"]}`,
		},
		"statements keep their order": {
			[]policy.Statement{{Sid: "B", Effect: policy.Deny, Actions: []string{"x"}}, {Sid: "A", Effect: policy.Allow, NotActions: []string{"y"}, NotResources: []string{"r"}}},
			`{"Sid":"B","Effect":"Deny","Action":"x"},{"Sid":"A","Effect":"Allow","NotAction":"y","NotResource":"r"}`,
		},
		"nothing is escaped for HTML": {
			[]policy.Statement{{Sid: "A", Effect: policy.Allow, Actions: []string{"a"}, Resources: []string{"<&>"},
				Conditions: policy.Conditions{"StringLike": {"key": {"<a&b>"}}}}},
			`{"Sid":"A","Effect":"Allow","Action":"a","Resource":"<&>","Condition":{"StringLike":{"key":"<a&b>"}}}`,
		},
		"all kinds of principals": {
			[]policy.Statement{{Sid: "A", Effect: policy.Allow, Actions: []string{"a"}, Principals: policy.Principals{
				Services: []string{"s2", "s1"}, AWS: []string{policy.Root("111122223333")}, Federated: []string{"f"}}}},
			`{"Sid":"A","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root","Federated":"f","Service":["s1","s2"]},"Action":"a"}`,
		},
		"everyone": {
			[]policy.Statement{policy.DenyInsecureTransport("s3:*", "arn:aws:s3:::b", "arn:aws:s3:::b/*")},
			`{"Sid":"DenyInsecureTransport","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"],` +
				`"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`,
		},
		"conditions are sorted": {
			[]policy.Statement{{Sid: "A", Effect: policy.Allow, Actions: []string{"a"}, Conditions: policy.Conditions{
				"StringLike": {"b": {"2", "1"}, "a": {"1"}}, "Bool": {"c": {"true"}}, "Null": {}}}},
			`{"Sid":"A","Effect":"Allow","Action":"a","Condition":{"Bool":{"c":"true"},"StringLike":{"a":"1","b":["1","2"]}}}`,
		},
		"tokens pass, and keep their order whatever their numbers are": {
			[]policy.Statement{{Sid: "A", Effect: policy.Allow, Actions: []string{"a"}, Resources: []string{
				"${TfToken[TOKEN.10]}", "${TfToken[TOKEN.9]}/*", "arn:z", "arn:a/${TfToken[TOKEN.3]}"}}},
			`{"Sid":"A","Effect":"Allow","Action":"a","Resource":["${TfToken[TOKEN.10]}","${TfToken[TOKEN.9]}/*","arn:a/${TfToken[TOKEN.3]}","arn:z"]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			document := policy.Document{Statements: test.statements}
			got, want := document.JSON(), version+test.want+"]}"
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			parsed, err := policy.Parse(got)
			if err != nil {
				t.Fatalf("what was written cannot be read: %v", err)
			}
			if again := parsed.JSON(); again != got {
				t.Errorf("read and written again: %s\nwant %s", again, got)
			}
		})
	}
}

func TestJSONLeavesItsInputAlone(t *testing.T) {
	actions := []string{"b", "a"}
	policy.Document{Statements: []policy.Statement{{Sid: "A", Effect: policy.Allow, Actions: actions}}}.JSON()
	if !reflect.DeepEqual(actions, []string{"b", "a"}) {
		t.Errorf("the caller's list was sorted: %v", actions)
	}
}

func TestJSONRefusesWhatIamRefuses(t *testing.T) {
	good := policy.Statement{Sid: "A", Effect: policy.Allow, Actions: []string{"a"}}
	spoilt := func(change func(*policy.Statement)) []policy.Statement {
		statement := good
		change(&statement)
		return []policy.Statement{statement}
	}
	for name, test := range map[string]struct {
		statements []policy.Statement
		want       string
	}{
		"no statements":    {nil, "policy without statements"},
		"no effect":        {spoilt(func(s *policy.Statement) { s.Effect = "" }), `policy statement 0 ("A"): the effect is ""; allowed: Allow, Deny`},
		"no action":        {spoilt(func(s *policy.Statement) { s.Actions = nil }), "either Actions or NotActions"},
		"both resources":   {spoilt(func(s *policy.Statement) { s.Resources, s.NotResources = []string{"a"}, []string{"b"} }), "Resources and NotResources exclude"},
		"both actions":     {spoilt(func(s *policy.Statement) { s.NotActions = []string{"b"} }), "either Actions or NotActions"},
		"a Sid of words":   {spoilt(func(s *policy.Statement) { s.Sid = "Allow this" }), `("Allow this"): the Sid has to be of letters and digits`},
		"no Sid":           {spoilt(func(s *policy.Statement) { s.Sid = "" }), "the Sid has to be of letters and digits"},
		"the same Sid":     {[]policy.Statement{good, good}, `policy statement 1 ("A"): the Sid stands twice`},
		"all faults named": {[]policy.Statement{{Sid: "A"}}, "the effect is \"\"; allowed: Allow, Deny\npolicy statement 0 (\"A\"): either"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				err, _ := recover().(error)
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want an error with %q", err, test.want)
				}
			}()
			policy.Document{Statements: test.statements}.JSON()
		})
	}
}

// A service that documents no conditions gets none, one that does gets both, and nothing else is written.
func TestTrustService(t *testing.T) {
	const ecs = "arn:aws:ecs:eu-central-1:222233334444:*"
	for service, test := range map[string]struct{ sourceArn, want string }{
		"ecs-tasks.amazonaws.com": {ecs, `,"Condition":{"ArnLike":{"aws:SourceArn":"` + ecs + `"},"StringEquals":{"aws:SourceAccount":"222233334444"}}`},
		"rds.amazonaws.com":       {},
		"s3.amazonaws.com":        {},
		"backup.amazonaws.com":    {},
		"lambda.amazonaws.com":    {},
	} {
		want := `{"Version":"2012-10-17","Statement":[{"Sid":"TrustService","Effect":"Allow","Principal":{"Service":"` + service +
			`"},"Action":"sts:AssumeRole"` + test.want + `}]}`
		if got := policy.TrustService(service, "222233334444", test.sourceArn).JSON(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	for name, c := range map[string]struct{ service, sourceArn, says string }{
		"a service without a page":        {"unknown.amazonaws.com", "", "add it to policy.ServiceRoles"},
		"a condition nobody documents":    {"s3.amazonaws.com", "arn:aws:s3:::a", "conditions are documented: false"},
		"no condition where there is one": {"codedeploy.amazonaws.com", "", "conditions are documented: true"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if err, _ := recover().(error); err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("got %v, want an error with %q", err, c.says)
				}
			}()
			policy.TrustService(c.service, "222233334444", c.sourceArn)
		})
	}
	for service, role := range policy.ServiceRoles {
		if !strings.HasPrefix(role.Page, "https://docs.aws.amazon.com/") {
			t.Errorf("%s: no page of AWS: %q", service, role.Page)
		}
	}
}

func TestParse(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want policy.Statement
	}{
		"a single statement without a list": {
			`{"Statement":{"Effect":"Allow","Action":"a","Resource":["r"]}}`,
			policy.Statement{Effect: policy.Allow, Actions: []string{"a"}, Resources: []string{"r"}},
		},
		"everyone by the long way": {
			`{"Statement":[{"Effect":"Deny","Principal":{"AWS":"*"},"NotAction":["a"]}]}`,
			policy.Statement{Effect: policy.Deny, Principals: policy.Principals{AWS: []string{"*"}, Everyone: true}, NotActions: []string{"a"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := policy.Parse(test.text)
			if want := (policy.Document{Statements: []policy.Statement{test.want}}); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, %v\nwant %+v", got, err, want)
			}
		})
	}
	for name, test := range map[string]struct{ text, want string }{
		"no JSON":                   {`nonsense`, "not a policy document"},
		"an element it cannot hold": {`{"Statement":[{"Effect":"Allow","NotPrincipal":"r","Action":"a"}]}`, "policy statement 0: NotPrincipal: the element is not supported"},
		"a kind it does not know":   {`{"Statement":[{"Effect":"Allow","Principal":{"CanonicalUser":"c"},"Action":"a"}]}`, `Principal: kind "CanonicalUser"`},
		"a principal in plain text": {`{"Statement":[{"Effect":"Allow","Principal":"me","Action":"a"}]}`, `Principal: "me"; allowed: * or an object`},
		"numbers for actions":       {`{"Statement":[{"Effect":"Allow","Action":[1]}]}`, "Action: "},
		"conditions in plain text":  {`{"Statement":[{"Effect":"Allow","Action":"a","Condition":"none"}]}`, "Condition: "},
		"principals in a list":      {`{"Statement":[{"Effect":"Allow","Action":"a","Principal":[]}]}`, "Principal: "},
		"a statement in plain text": {`{"Statement":["none"]}`, "policy statement 0: "},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := policy.Parse(test.text); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}
