package snapshots_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/internal/golden"
)

// One golden file per stack: the diff of these files shows what a change of the code changes in AWS. Hashes of compiled
// functions are left out, because they differ with every version of Go.
func TestStacks(t *testing.T) {
	var files []string
	for _, stack := range testkit.Stacks(t) {
		t.Run(stack.Name, func(t *testing.T) { golden.Compare(t, stack.Name+".json", reviewable(t, stack)) })
		files = append(files, stack.Name+".json")
	}
	golden.NoOrphans(t, files...)
}

// reviewable is the stack without what differs between machines: the archives of functions. Of the metadata of cdktf it
// keeps the construct paths, which tell a reviewer, and tests that run on golden stacks, where a resource comes from.
func reviewable(t *testing.T, stack *testkit.Stack) string {
	t.Helper()
	body := maps.Clone(stack.Body)
	delete(body, "//")
	text, err := json.MarshalIndent(onlyPaths(body), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	var replace []string
	for _, function := range stack.Resources("aws_lambda_function") {
		name := function.Text("function_name")
		replace = append(replace, function.Text("source_code_hash"), "hash of "+name, function.Text("filename"), "archive of "+name)
	}
	return strings.NewReplacer(replace...).Replace(string(text))
}

func onlyPaths(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, item := range v {
			if key == "//" {
				metadata, _ := item.(map[string]any)["metadata"].(map[string]any)
				item = map[string]any{"metadata": map[string]any{"path": metadata["path"]}}
			}
			out[key] = onlyPaths(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = onlyPaths(item)
		}
		return out
	}
	return value
}
