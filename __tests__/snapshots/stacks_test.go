package snapshots_test

import (
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
)

// One golden file a stack: what a change of the code changes in AWS can be read in the diff of these files.
func TestStacks(t *testing.T) {
	var files []string
	for _, stack := range testkit.Stacks(t) {
		t.Run(stack.Name, func(t *testing.T) { testkit.Golden(t, stack.Name+".json", stack.JSON) })
		files = append(files, stack.Name+".json")
	}
	testkit.NoOrphans(t, files...)
}
