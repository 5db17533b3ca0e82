package integration_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/internal/terraform"
	"github.com/batbern/infrastructure/internal/testproc"
	"github.com/batbern/infrastructure/stacks"
)

// A plan of an environment says in one sentence that the base has to be applied first. Terraform judges, with states of
// the base that have all outputs, lack one, and have none.
func TestOutputsOfTheBaseAreRequired(t *testing.T) {
	binary, err := terraform.Binary()
	if err != nil {
		testproc.Require(t, errors.Join(testproc.ErrMissing, err))
	}
	base := testkit.StackNamed(t, "batbern-base").Outputs()
	missing := stacks.OutputRepositoryURL("event-management")
	for _, environment := range testkit.Environments(t) {
		for name, c := range map[string]struct {
			without func(output string) bool
			says    []string
		}{
			"all outputs": {without: func(string) bool { return false }},
			"a service that the base does not know": {
				without: func(output string) bool { return output == missing },
				says:    []string{"Apply batbern-base first: its state has no output " + missing + "."}},
			"a base that was destroyed": {
				without: func(string) bool { return true },
				says:    []string{"Apply batbern-base first: its state has no output", missing, "repository_url_flyway"}},
		} {
			t.Run(environment.Name+" "+name, func(t *testing.T) {
				folder := t.TempDir()
				state := filepath.Join(folder, "base.tfstate")
				remote := map[string]any{"base": map[string]any{"backend": "local", "config": map[string]any{"path": state},
					"lifecycle": environment.Data("terraform_remote_state")["base"].(map[string]any)["lifecycle"]}}
				writeJSON(t, filepath.Join(folder, "main.tf.json"), map[string]any{
					"data":   map[string]any{"terraform_remote_state": remote},
					"output": map[string]any{"url": map[string]any{"value": "${data.terraform_remote_state.base.outputs." + missing + "}"}},
				})
				outputs := map[string]any{}
				for output := range base {
					if !c.without(output) {
						outputs[output] = map[string]any{"type": "string", "value": "x"}
					}
				}
				writeJSON(t, state, map[string]any{"version": 4, "serial": 1, "lineage": "test", "terraform_version": "1.10.0", "outputs": outputs})

				run := func(args ...string) (string, error) {
					command := exec.Command(binary, args...)
					command.Dir = folder
					text, err := command.CombinedOutput()
					return strings.Join(strings.Fields(strings.ReplaceAll(string(text), "│", "")), " "), err
				}
				if text, err := run("init", "-no-color"); err != nil {
					t.Fatalf("%v: %s", err, text)
				}
				text, err := run("plan", "-no-color", "-input=false")
				if (err == nil) != (len(c.says) == 0) || strings.Count(text, "Error:") > 1 {
					t.Errorf("%v: %s", err, text)
				}
				for _, part := range c.says {
					if !strings.Contains(text, part) {
						t.Errorf("terraform does not say %q: %s", part, text)
					}
				}
			})
		}
	}
}

func writeJSON(t *testing.T, file string, content any) {
	t.Helper()
	text, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(fmt.Errorf("write %s: %w", file, err))
	}
}
