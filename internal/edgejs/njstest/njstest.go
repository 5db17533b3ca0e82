// Package njstest finds njs, the engine that the runtime of CloudFront Functions is built on.
package njstest

import (
	"os"
	"os/exec"
	"testing"
)

// Program returns the njs command. It skips the test where the command is not
// installed, and fails it in CI.
func Program(t testing.TB) string {
	t.Helper()
	program, err := exec.LookPath("njs")
	if err == nil {
		return program
	}
	const remedy = "njs, the engine of CloudFront Functions, was not found: apt-get install njs"
	if os.Getenv("CI") == "true" {
		t.Fatal(remedy)
	}
	t.Skip(remedy)
	return ""
}
