package cli_test

import (
	"os"
	"path/filepath"
	"testing"
)

// The CLI would write HCL that Terraform cannot parse (ADR 1): the app refuses, and writes nothing.
func TestHclIsRefused(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "cdktf.out")
	output, err := cdktf(t, nil, "synth", "--hcl", "--output", folder)
	if err == nil || len(lines(output, "cdktf cannot write these stacks as HCL")) == 0 {
		t.Errorf("want a refusal: %v\n%s", err, output)
	}
	if stacks, _ := os.ReadDir(filepath.Join(folder, "stacks")); len(stacks) > 0 {
		t.Errorf("%v was written", stacks)
	}
}
