package nodejs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHookIsAddedToWhatIsSet(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	for given, want := range map[string]string{
		"":                          "--max-old-space-size=4096",
		"--max-old-space-size=9999": "--max-old-space-size=9999",
	} {
		t.Setenv("NODE_OPTIONS", given)
		for range 2 { // twice changes nothing
			if err := Prepare(true); err != nil {
				t.Fatal(err)
			}
			options := os.Getenv("NODE_OPTIONS")
			if strings.Count(options, "--require") != 1 || !strings.Contains(options, want) {
				t.Errorf("%q became %q", given, options)
			}
		}
	}
}

func TestWithoutLazyNothingIsSet(t *testing.T) {
	t.Setenv("NODE_OPTIONS", "--trace-warnings")
	if err := Prepare(false); err != nil || os.Getenv("NODE_OPTIONS") != "--trace-warnings" {
		t.Errorf("%v, %q", err, os.Getenv("NODE_OPTIONS"))
	}
}

func TestDamagedHookIsWrittenAgain(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	file, err := writeHook()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("half of it"), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := writeHook()
	if err != nil || again != file {
		t.Fatalf("%s, %v", again, err)
	}
	if text, _ := os.ReadFile(file); string(text) != string(lazyHook) {
		t.Error("the damaged hook stayed")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*")); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestMissingAndOldNodeAreNamed(t *testing.T) {
	t.Setenv("JSII_NODE", "no-such-node")
	if err := Prepare(true); err == nil || !strings.Contains(err.Error(), "install") {
		t.Errorf("missing: %v", err)
	}
	old := filepath.Join(t.TempDir(), "node")
	if err := os.WriteFile(old, []byte("#!/bin/sh\necho v16.20.0\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("JSII_NODE", old)
	failure := os.ErrInvalid
	if err := Explain(failure); err == nil || !strings.Contains(err.Error(), "v16.20.0") {
		t.Errorf("old: %v", err)
	}
	if Explain(nil) != nil {
		t.Error("no failure became one")
	}
}
