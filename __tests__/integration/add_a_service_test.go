package integration_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
)

// docs/add-a-service.md, followed to the letter: its entry is put into the list, nothing else is touched, and synthesis and
// the tests of configuration and containers succeed with a sixth service in every environment.
func TestAddAServiceAsDocumented(t *testing.T) {
	root := testkit.Root()
	overlay := withDocumentedEntry(t, root)
	out := filepath.Join(t.TempDir(), "cdktf.out")
	run(t, root, out, "run", "-overlay", overlay, ".")
	for _, stack := range testkit.Project(t).Stacks() {
		text, err := os.ReadFile(filepath.Join(out, "stacks", stack, "cdk.tf.json"))
		if err != nil {
			t.Fatal(err)
		}
		if stack != "batbern-base" && !strings.Contains(string(text), `"family": "`+stack+`-newsletter-template"`) {
			t.Errorf("%s has no newsletter", stack)
		}
	}
	run(t, root, out, "test", "-overlay", overlay, "-count=1", "./config")
	run(t, root, out, "test", "-overlay", overlay, "-count=1", "-run", "TestContainerInfrastructure|TestRolloutByEnvironment|TestContainersAreHardened",
		"./__tests__/resources")
}

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// withDocumentedEntry gives an overlay file in which config/services.go has the documented entry.
func withDocumentedEntry(t *testing.T, root string) string {
	t.Helper()
	document := read(t, filepath.Join(root, "docs", "add-a-service.md"))
	blocks := goBlock.FindAllStringSubmatch(document, -1)
	if len(blocks) != 1 {
		t.Fatalf("the recipe has %d blocks of Go, not one: it is one entry", len(blocks))
	}
	file := filepath.Join(root, "config", "services.go")
	const list = "return withDefaults([]Service{\n"
	source := read(t, file)
	if strings.Count(source, list) != 1 {
		t.Fatalf("%s has no list that begins %q", file, list)
	}
	edited := filepath.Join(t.TempDir(), "services.go")
	write(t, edited, strings.Replace(source, list, list+blocks[0][1], 1))
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{file: edited}})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	write(t, overlay, string(text))
	return overlay
}

func run(t *testing.T, root, out string, arguments ...string) {
	t.Helper()
	command := exec.Command("go", arguments...)
	command.Dir = root
	command.Env = append(os.Environ(), "CDKTF_OUTDIR="+out)
	if text, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(arguments, " "), err, text)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
