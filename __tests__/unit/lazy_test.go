package unit_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/internal/golden"
)

// The AWS binding loaded class by class gives the same bytes as the binding loaded whole.
func TestLazyBindingsGiveTheSameBytes(t *testing.T) {
	program := filepath.Join(t.TempDir(), "app")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = testkit.Root()
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	work := t.TempDir()
	synth := func(name string, variables ...string) map[string]string {
		folder := filepath.Join(work, name)
		command := exec.Command(program)
		command.Dir = testkit.Root() // assets are found beside cdktf.json
		command.Env = append(append(command.Environ(), "CDKTF_OUTDIR="+folder, "NODE_OPTIONS="), variables...)
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		written := map[string]string{}
		for _, stack := range testkit.Project(t).Stacks() {
			text, err := os.ReadFile(filepath.Join(folder, "stacks", stack, "cdk.tf.json"))
			if err != nil {
				t.Fatal(err)
			}
			written[stack] = string(text)
		}
		return written
	}
	whole := synth("whole", "BATBERN_LAZY_BINDINGS=false")
	tools := t.TempDir()
	for _, tool := range []string{"go", "node"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(tools, tool)); err != nil {
			t.Fatal(err)
		}
	}
	for name, variables := range map[string][]string{
		// only a deployment needs Terraform
		"without terraform": {"PATH=" + tools},
		"lazy":              {"BATBERN_LAZY_BINDINGS=true"},
		// without a folder for the hook the ordinary load happens, without a word
		"nowhere to write the hook": {"BATBERN_LAZY_BINDINGS=true", "XDG_CACHE_HOME=/dev/null"},
	} {
		for stack, text := range synth(name, variables...) {
			if text != whole[stack] {
				t.Errorf("%s: %s differs (- whole, + lazy):\n%s", name, stack, golden.JSONDiff([]byte(whole[stack]), []byte(text)))
			}
		}
	}
}
