// Package policy writes IAM policy documents: trust policies, permissions, boundaries, and the policies of keys,
// buckets, topics and endpoints. It is plain Go without cdktf, so that a policy can be tested by table.
//
// The JSON is canonical: the same statements give the same bytes, whatever order their lists were built in.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/batbern/infrastructure/internal/text"
)

// Effect is what a statement does with the requests that it matches.
type Effect string

// The two effects. There is no default: a statement says which one it means.
const (
	Allow Effect = "Allow"
	Deny  Effect = "Deny"
)

// Document is a policy. Its statements keep the order in which they are given.
type Document struct {
	Statements []Statement
}

// Statement is one rule of a policy. Empty fields are left out of the JSON.
//
// Either Actions or NotActions is given. Resources and NotResources stay empty in trust policies; Principals are for
// the policies of resources and for trust policies, and stay empty in the policies of roles.
type Statement struct {
	// Sid says in one word what the statement is for: letters and digits, unique in the document.
	Sid        string
	Effect     Effect
	Principals Principals
	Actions    []string
	// NotActions matches every action but these. Only boundaries have a use for it.
	NotActions []string
	Resources  []string
	// NotResources matches every resource but these. Only denials have a use for it.
	NotResources []string
	Conditions   Conditions
}

// Principals are whom a statement of a resource's policy or of a trust policy is about.
type Principals struct {
	Services  []string // "ecs-tasks.amazonaws.com"
	AWS       []string // ARNs of roles, or [Root] of an account
	Federated []string // ARNs of identity providers
	// Everyone is "*". A statement that allows has to narrow it down by conditions (KMS.5, S3.2, SNS.4).
	Everyone bool
}

// Conditions are keys and values by operator; all have to hold, of one key's values any.
//
//	policy.Conditions{"StringEquals": {"aws:SourceAccount": {account}}}
type Conditions map[string]map[string][]string

// Root is the principal that stands for an account: whom in it, the account's own IAM policies decide.
func Root(accountID string) string { return "arn:aws:iam::" + accountID + ":root" }

// DenyInsecureTransport refuses requests to the resources that do not come by TLS (S3.5). The action is the whole
// service's, e.g. "s3:*".
func DenyInsecureTransport(action string, resources ...string) Statement {
	return Statement{
		Sid:        "DenyInsecureTransport",
		Effect:     Deny,
		Principals: Principals{Everyone: true},
		Actions:    []string{action},
		Resources:  resources,
		Conditions: Conditions{"Bool": {"aws:SecureTransport": {"false"}}},
	}
}

// JSON is the document as one line. Lists are sorted and free of duplicates, a list of one is written as a string, and
// nothing is escaped for HTML. Terraform tokens pass through, as long as what they resolve to has no quotes in it,
// as ARNs and names have none.
//
// A document that IAM would refuse (no statement, no effect, neither actions nor other actions, a Sid that is not of
// letters and digits or stands twice) is a mistake in the code, not in its input: JSON panics with an error that
// names the statement, and synthesis ends with it.
func (d Document) JSON() string {
	if err := d.check(); err != nil {
		panic(err)
	}
	return text.JSON(d.wire())
}

var sid = regexp.MustCompile(`^[A-Za-z0-9]+$`)

func (d Document) check() error {
	if len(d.Statements) == 0 {
		return errors.New("policy without statements")
	}
	var faults []error
	seen := map[string]bool{}
	for i, s := range d.Statements {
		fault := func(text string) { faults = append(faults, fmt.Errorf("policy statement %d (%q): %s", i, s.Sid, text)) }
		if !sid.MatchString(s.Sid) {
			fault("the Sid has to be of letters and digits")
		}
		if seen[s.Sid] {
			fault("the Sid stands twice")
		}
		seen[s.Sid] = true
		if s.Effect != Allow && s.Effect != Deny {
			fault(fmt.Sprintf("the effect is %q; allowed: Allow, Deny", s.Effect))
		}
		if (len(s.Actions) == 0) == (len(s.NotActions) == 0) {
			fault("either Actions or NotActions have to be given")
		}
		if len(s.Resources) > 0 && len(s.NotResources) > 0 {
			fault("Resources and NotResources exclude each other")
		}
	}
	return errors.Join(faults...)
}

// wireDocument and wireStatement are the grammar's own shape. encoding/json writes the keys of maps in order.
type wireDocument struct {
	Version   string
	Statement []wireStatement
}

type wireStatement struct {
	Sid         string `json:",omitempty"`
	Effect      Effect
	Principal   any                         `json:",omitempty"`
	Action      words                       `json:",omitempty"`
	NotAction   words                       `json:",omitempty"`
	Resource    words                       `json:",omitempty"`
	NotResource words                       `json:",omitempty"`
	Condition   map[string]map[string]words `json:",omitempty"`
}

func (d Document) wire() wireDocument {
	document := wireDocument{Version: "2012-10-17"}
	for _, s := range d.Statements {
		statement := wireStatement{
			Sid: s.Sid, Effect: s.Effect, Principal: s.Principals.wire(),
			Action: canonical(s.Actions), NotAction: canonical(s.NotActions), Resource: canonical(s.Resources), NotResource: canonical(s.NotResources),
		}
		for operator, keys := range s.Conditions {
			for key, values := range keys {
				if statement.Condition == nil {
					statement.Condition = map[string]map[string]words{}
				}
				if statement.Condition[operator] == nil {
					statement.Condition[operator] = map[string]words{}
				}
				statement.Condition[operator][key] = canonical(values)
			}
		}
		document.Statement = append(document.Statement, statement)
	}
	return document
}

func (p Principals) wire() any {
	if p.Everyone {
		return "*"
	}
	kinds := map[string]words{}
	for kind, names := range map[string][]string{"Service": p.Services, "AWS": p.AWS, "Federated": p.Federated} {
		if len(names) > 0 {
			kinds[kind] = canonical(names)
		}
	}
	if len(kinds) == 0 {
		return nil
	}
	return kinds
}

// words are a list that the grammar also takes as a single string.
type words []string

func (w words) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	var err error
	if len(w) == 1 {
		err = encoder.Encode(w[0])
	} else {
		err = encoder.Encode([]string(w))
	}
	return bytes.TrimSpace(out.Bytes()), err
}

func (w *words) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*w = words{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(w))
}

// canonical sorts a copy and drops duplicates. Values are compared up to their first Terraform token: a token's number
// depends on what else was built in the process, so tokens keep the order in which they were given.
func canonical(values []string) words {
	var sorted words
	for _, value := range values {
		if !slices.Contains(sorted, value) {
			sorted = append(sorted, value)
		}
	}
	slices.SortStableFunc(sorted, func(a, b string) int { return strings.Compare(literal(a), literal(b)) })
	return sorted
}

func literal(value string) string {
	before, _, _ := strings.Cut(value, "${TfToken[")
	return before
}
