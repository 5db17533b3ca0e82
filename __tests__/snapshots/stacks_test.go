package snapshots_test

import (
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/internal/golden"
)

// One golden file a stack: what a change of the code changes in AWS can be read in the diff of these files. That a
// function was compiled anew is not among it: its hash differs with every version of Go.
func TestStacks(t *testing.T) {
	var files []string
	for _, stack := range testkit.Stacks(t) {
		t.Run(stack.Name, func(t *testing.T) { golden.Compare(t, stack.Name+".json", withoutBuilds(stack)) })
		files = append(files, stack.Name+".json")
	}
	golden.NoOrphans(t, files...)
}

func withoutBuilds(stack *testkit.Stack) string {
	text := stack.JSON
	for _, function := range stack.Resources("aws_lambda_function") {
		name := function.Text("function_name")
		text = strings.ReplaceAll(text, function.Text("source_code_hash"), "hash of "+name)
		text = strings.ReplaceAll(text, function.Text("filename"), "archive of "+name)
	}
	return text
}
