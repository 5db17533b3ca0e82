// Package cli_test runs the cdktf CLI as the documentation has it.
package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/testproc"
)

// project is the folder of cdktf.json.
func project(t *testing.T) string {
	t.Helper()
	root, err := testproc.RepositoryRoot()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// cdktf runs `npx cdktf` with the arguments and without a terminal, and returns everything it printed. Variables of the
// form NAME=value are added to the process's.
func cdktf(t *testing.T, variables []string, args ...string) (output string, err error) {
	t.Helper()
	command := exec.Command("npx", append([]string{"cdktf"}, args...)...)
	command.Dir = project(t)
	if _, err := os.Stat(filepath.Join(command.Dir, "node_modules", ".bin", "cdktf")); err != nil {
		testproc.Require(t, fmt.Errorf("%w: the cdktf CLI is not installed: run `make setup`", testproc.ErrMissing))
	}
	command.Env = slices.Concat(os.Environ(), variables)
	text, err := command.CombinedOutput()
	return string(text), err
}

// lines are the lines of the text that contain all parts.
func lines(text string, parts ...string) []string {
	var found []string
	for line := range strings.Lines(text) {
		if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}
