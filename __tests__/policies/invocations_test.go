package policies_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
)

// attribute is a list's entry that is nothing but a resource's attribute.
var attribute = regexp.MustCompile(`^\$\{(aws_[a-z0-9_]+\.[A-Za-z0-9_-]+)\.[a-z0-9_]+\}$`)

// unsortedLists are the lists of references, inside a value, that are not in the order of what they refer to. What sorts
// them by the text of their tokens gets another order as soon as something else is built before.
func unsortedLists(path string, value any) []string {
	var faults []string
	switch v := value.(type) {
	case map[string]any:
		for key, item := range v {
			faults = append(faults, unsortedLists(path+"."+key, item)...)
		}
	case []any:
		var references []string
		for i, item := range v {
			faults = append(faults, unsortedLists(fmt.Sprintf("%s[%d]", path, i), item)...)
			if match := attribute.FindStringSubmatch(fmt.Sprint(item)); match != nil {
				references = append(references, match[1])
			}
		}
		if len(references) == len(v) && !slices.IsSorted(references) {
			faults = append(faults, fmt.Sprintf("%s is not sorted by name: %v", path, references))
		}
	}
	return faults
}

// A function is invoked again when its input changes. The order of a list must not be a reason.
func TestInputsOfInvocationsAreSortedByName(t *testing.T) {
	lists := 0
	for _, stack := range testkit.Environments(t) {
		for _, invocation := range stack.Resources("aws_lambda_invocation") {
			var input map[string]any
			if err := json.Unmarshal([]byte(invocation.Text("input")), &input); err != nil {
				t.Fatalf("%s: %v", invocation.Address(), err)
			}
			for _, fault := range unsortedLists(invocation.Address(), input) {
				t.Errorf("%s: %s", stack.Name, fault)
			}
			if awaited, _ := input["awaitPasswords"].([]any); len(awaited) > 1 {
				lists++
			}
		}
	}
	if lists < 3 {
		t.Errorf("only %d lists of secrets were judged", lists)
	}
	planted := map[string]any{"awaitPasswords": []any{"${aws_secretsmanager_secret.b.arn}", "${aws_secretsmanager_secret.a.arn}"}}
	if len(unsortedLists("planted", planted)) != 1 {
		t.Error("planted: a list in another order was not found")
	}
}
