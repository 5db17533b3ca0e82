package changes_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// OpenTofu validates the stacks and plans no change over the states that Terraform's plans settled: the engine can be
// exchanged. It is not run where there is no tofu.
func TestOpenTofuPlansNoChange(t *testing.T) {
	s := settled(t)
	tofu, err := exec.LookPath("tofu")
	if err != nil {
		t.Skip("not run: tofu is not on the PATH")
	}
	if tofu == s.engine {
		t.Skip("not run: all plans here are tofu's already")
	}
	other := stage{folder: filepath.Join(s.folder, "tofu"), engine: tofu, settings: openTofuMirror(t, s)}
	for _, name := range []string{base, prod} {
		folder := filepath.Join(other.folder, name)
		writeConfiguration(t, folder, s.settled[name])
		for _, arguments := range [][]string{{"init", "-input=false", "-no-color"}, {"validate", "-no-color"}} {
			if _, err := other.runIn(folder, arguments...); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		plan, err := other.planIn(folder)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if table := tableOf(plan); table != noChange {
			t.Errorf("%s: tofu plans\n%s", name, table)
		}
	}
}

const providerSource = "hashicorp/aws"

// openTofuMirror returns the settings by which tofu finds the provider that terraform has installed. tofu looks for it
// under another host name: OpenTofu, "Provider Requirements", "Source Addresses".
func openTofuMirror(t *testing.T, s *stage) []string {
	t.Helper()
	platforms, err := filepath.Glob(filepath.Join(s.folder, base, ".terraform", "providers", "registry.terraform.io", providerSource, "*", "*"))
	if err != nil || len(platforms) != 1 {
		t.Fatalf("terraform has installed %q: %v", platforms, err)
	}
	installed, err := filepath.EvalSymlinks(platforms[0])
	if err != nil {
		t.Fatal(err)
	}
	mirror := t.TempDir()
	version := filepath.Join(mirror, "registry.opentofu.org", providerSource, filepath.Base(filepath.Dir(platforms[0])))
	if err := os.MkdirAll(version, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(installed, filepath.Join(version, filepath.Base(platforms[0]))); err != nil {
		t.Fatal(err)
	}
	path, err := json.Marshal(mirror)
	if err != nil {
		t.Fatal(err)
	}
	settings := filepath.Join(mirror, "settings.tfrc")
	text := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %s\n  }\n}\n", path)
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"TF_CLI_CONFIG_FILE=" + settings}
}
