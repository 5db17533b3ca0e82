// Package policytest evaluates policies as IAM does, for tests: which requests documents allow, within a boundary.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
package policytest

import (
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/constructs/policy"
)

// Request is what somebody asks for.
type Request struct {
	Action   string
	Resource string
	// Context are the values of condition keys. A key of several values has them separated by commas.
	Context map[string]string
}

// Allows says whether the document allows the request: some statement allows it, and none denies. Conditions are judged
// for the operators that our policies use; an operator that is not known here fails the test.
func Allows(t testing.TB, document policy.Document, request Request) bool {
	t.Helper()
	allowed := false
	for _, s := range document.Statements {
		if !applies(t, s, request) {
			continue
		}
		if s.Effect == policy.Deny {
			return false
		}
		allowed = true
	}
	return allowed
}

// AllowsWithin says whether a role with these policies may do it within its boundary: what both allow, and neither
// denies.
func AllowsWithin(t testing.TB, boundary policy.Document, policies []policy.Document, request Request) bool {
	t.Helper()
	var all policy.Document
	for _, document := range policies {
		all.Statements = append(all.Statements, document.Statements...)
	}
	return Allows(t, all, request) && Allows(t, boundary, request)
}

func applies(t testing.TB, s policy.Statement, request Request) bool {
	t.Helper()
	action := MatchesAction(s.Actions, request.Action) || len(s.NotActions) > 0 && !MatchesAction(s.NotActions, request.Action)
	resource := MatchesAny(s.Resources, request.Resource) || len(s.NotResources) > 0 && !MatchesAny(s.NotResources, request.Resource)
	return action && resource && holds(t, s.Conditions, request.Context)
}

func holds(t testing.TB, conditions policy.Conditions, context map[string]string) bool {
	t.Helper()
	for operator, keys := range conditions {
		for key, patterns := range keys {
			found, set := context[key]
			if !holdsFor(t, operator, patterns, found, set) {
				return false
			}
		}
	}
	return true
}

func holdsFor(t testing.TB, operator string, patterns []string, found string, set bool) bool {
	t.Helper()
	values := strings.Split(found, ",")
	matches := func(value string) bool { return MatchesAny(patterns, value) }
	fails := func(value string) bool { return !MatchesAny(patterns, value) }
	switch operator {
	case "StringEquals", "ArnEquals":
		return set && slices.Contains(patterns, found)
	case "StringLike", "ArnLike":
		return set && matches(found)
	case "StringNotEquals", "StringNotLike", "ArnNotEquals", "ArnNotLike":
		return !set || fails(found)
	case "ForAllValues:StringLike", "ForAllValues:StringEquals":
		return !set || !slices.ContainsFunc(values, fails)
	case "ForAnyValue:StringLike":
		return set && slices.ContainsFunc(values, matches)
	case "ForAnyValue:StringNotLike":
		return set && slices.ContainsFunc(values, fails)
	case "Null":
		return set != (patterns[0] == "true")
	default:
		t.Fatalf("operator %s is not known here", operator)
		return false
	}
}

// MatchesAction says whether an action is one of the patterns', whatever its letters' case.
func MatchesAction(patterns []string, action string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return match(strings.ToLower(pattern), strings.ToLower(action)) })
}

// MatchesAny says whether a text is one of the patterns', with IAM's two wildcards.
func MatchesAny(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return match(pattern, text) })
}

func match(pattern, text string) bool {
	switch {
	case pattern == "":
		return text == ""
	case pattern[0] == '*':
		return match(pattern[1:], text) || text != "" && match(pattern, text[1:])
	case text == "":
		return false
	default:
		return (pattern[0] == '?' || pattern[0] == text[0]) && match(pattern[1:], text[1:])
	}
}
