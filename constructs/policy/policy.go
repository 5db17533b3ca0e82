// Package policy builds IAM policy JSON: canonical, sorted, without HTML escaping.
package policy

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Document is an IAM policy.
type Document struct{ Statements []Statement }

// Statement is one of a policy's statements. An empty Effect means Allow.
type Statement struct {
	Sid        string
	Effect     string
	Principals map[string][]string
	Actions    []string
	Resources  []string
	Conditions map[string]map[string][]string
}

// JSON is the policy's text.
func (d Document) JSON() string {
	type statement struct {
		Sid       string `json:",omitempty"`
		Effect    string
		Principal any `json:",omitempty"`
		Action    []string
		Resource  []string                       `json:",omitempty"`
		Condition map[string]map[string][]string `json:",omitempty"`
	}
	out := struct {
		Version   string
		Statement []statement
	}{Version: "2012-10-17"}
	for _, s := range d.Statements {
		effect := s.Effect
		if effect == "" {
			effect = "Allow"
		}
		var principal any
		if len(s.Principals) > 0 {
			principal = s.Principals
		}
		out.Statement = append(out.Statement, statement{s.Sid, effect, principal, slices.Sorted(slices.Values(s.Actions)), slices.Sorted(slices.Values(s.Resources)), s.Conditions})
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(out)
	return string(bytes.TrimSpace(text.Bytes()))
}
