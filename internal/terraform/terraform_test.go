package terraform

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/tree/treetest"
)

func TestStacksComeAfterWhatTheyRead(t *testing.T) {
	folder := treetest.Write(t, treetest.Golden(t, "batbern-dev"), treetest.Golden(t, "batbern-prod"), treetest.Golden(t, "batbern-base"),
		treetest.New("alone"))
	names, err := Stacks(folder)
	if err != nil || !slices.Equal(names, []string{"alone", "batbern-base", "batbern-dev", "batbern-prod"}) {
		t.Errorf("%v, %v", names, err)
	}
}

// fake puts a command of that name, and nothing else, on the PATH.
func fake(t *testing.T, name, script string) {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder)
}

func TestBinary(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Binary(); err == nil || !strings.Contains(err.Error(), "install") {
		t.Errorf("without terraform: %v", err)
	}
	for _, name := range []string{"terraform", "tofu"} {
		fake(t, name, "exit 0")
		if path, err := Binary(); err != nil || filepath.Base(path) != name {
			t.Errorf("%s: %s, %v", name, path, err)
		}
	}
}

func TestBinaryByItsVariable(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"terraform", "tofu"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", folder)
	t.Setenv(BinaryVariable, "tofu")
	if path, err := Binary(); err != nil || filepath.Base(path) != "tofu" {
		t.Errorf("%s, %v", path, err)
	}
	t.Setenv(BinaryVariable, "tofoo")
	if _, err := Binary(); err == nil || !strings.Contains(err.Error(), `TERRAFORM_BINARY_NAME is "tofoo"`) {
		t.Errorf("an engine that is missing: %v", err)
	}
}

func TestUnknownStackListsTheRightOnes(t *testing.T) {
	fake(t, "terraform", "exit 0")
	_, err := Open(treetest.Write(t, treetest.New("batbern-base")), "batbern-test", nil)
	if err == nil || !strings.Contains(err.Error(), "batbern-base") {
		t.Errorf("%v", err)
	}
}

func TestFailuresNameTheRemedy(t *testing.T) {
	for sign, remedy := range map[string]string{
		"Error: Failed to query available provider packages":      "filesystem_mirror",
		"Error: No valid credential sources found":                "AWS_PROFILE",
		"Error: AWS account ID not allowed: 1":                    "BATBERN_ACCOUNT",
		"Instance cannot be destroyed ... prevent_destroy":        "Protection",
		"Error: Unable to find remote state":                      "batbern-base",
		"secret with this name is already scheduled for deletion": "restore-secret",
		"Error: Backend configuration changed":                    "--migrate-state",
	} {
		err := explain("batbern-dev", errors.New(sign))
		if !strings.Contains(err.Error(), remedy) || !strings.Contains(err.Error(), sign) || !strings.HasPrefix(err.Error(), "batbern-dev: ") {
			t.Errorf("%s: %v", sign, err)
		}
	}
	if err := explain("batbern-dev", errors.New("what nobody has seen")); err.Error() != "batbern-dev: what nobody has seen" {
		t.Errorf("%v", err)
	}
	if explain("batbern-dev", nil) != nil {
		t.Error("no failure became one")
	}
}

// A provider that cannot be had is said in one message, with terraform's own words after it.
func TestInitWithoutAProvider(t *testing.T) {
	folder := treetest.Write(t, treetest.New("batbern-base"))
	t.Chdir(t.TempDir())
	fake(t, "terraform", `case "$1" in
version) echo '{"terraform_version": "1.11.4", "platform": "linux_amd64"}';;
*) echo "Error: Failed to query available provider packages" >&2; exit 1;;
esac`)
	stack, err := Open(folder, "batbern-base", map[string]string{"A": "b"})
	if err != nil {
		t.Fatal(err)
	}
	if err := stack.Init(context.Background(), false); err == nil || !strings.Contains(err.Error(), "the AWS provider cannot be had") {
		t.Errorf("%v", err)
	}
}
