package changes_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/jsii-runtime-go"
	"github.com/hashicorp/terraform-cdk-go/cdktf"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/stacks"
)

// stage is a folder in which stacks are planned by a real engine and the real provider, without AWS: every stack has a
// state file as if it had been applied, and no plan reads anything from AWS.
type stage struct {
	folder  string
	engine  string // path of terraform or tofu
	schemas map[string]*tfjson.Schema
}

// newStage returns a stage, or skips the test where the engine or the provider is missing.
func newStage(t testing.TB, engine string) *stage {
	t.Helper()
	return &stage{folder: t.TempDir(), engine: engine}
}

// synthesize writes the project's stacks, changed so that they can be planned without AWS.
func (s *stage) synthesize(t testing.TB, project config.Project) map[string]document {
	t.Helper()
	out := t.TempDir()
	app := cdktf.NewApp(&cdktf.AppConfig{Outdir: jsii.String(out), SkipValidation: jsii.Bool(true)})
	stacks.Define(app, project, false, func(string) {})
	app.Synth()
	documents := map[string]document{}
	for _, name := range project.Stacks() {
		from := filepath.Join(out, "stacks", name)
		text, err := os.ReadFile(filepath.Join(from, "cdk.tf.json"))
		if err != nil {
			t.Fatal(err)
		}
		documents[name] = s.offline(t, name, text)
	}
	return documents
}

// document is a stack's Terraform JSON.
type document map[string]any

// awsData are data sources that ask AWS. Their answers never change, so the stage writes them into the configuration.
var awsData = regexp.MustCompile(`data\.(aws_[a-z_]+)\.[A-Za-z0-9_]+\.[a-z_]+`)

// offline replaces what needs AWS: credentials, account checks, roles, data sources, and the place of the state.
func (s *stage) offline(t testing.TB, name string, text []byte) document {
	t.Helper()
	text = awsData.ReplaceAllFunc(text, func(found []byte) []byte {
		return []byte(fmt.Sprintf(`\"answer-of-%s\"`, awsData.FindSubmatch(found)[1]))
	})
	var body document
	if err := json.Unmarshal(text, &body); err != nil {
		t.Fatal(err)
	}
	for _, provider := range object(body["provider"])["aws"].([]any) {
		settings := object(provider)
		delete(settings, "allowed_account_ids")
		delete(settings, "assume_role")
		for _, check := range []string{"skip_credentials_validation", "skip_requesting_account_id", "skip_metadata_api_check", "skip_region_validation"} {
			settings[check] = true
		}
		settings["access_key"], settings["secret_key"] = "stage", "stage"
	}
	object(body["terraform"])["backend"] = map[string]any{"local": map[string]any{"path": s.stateFile(name)}}
	data := object(body["data"])
	for typ := range data {
		if strings.HasPrefix(typ, "aws_") {
			delete(data, typ)
		}
	}
	for _, remote := range object(data["terraform_remote_state"]) {
		object(remote)["config"] = map[string]any{"path": s.stateFile("batbern-base")}
	}
	return body
}

func (s *stage) stateFile(name string) string { return filepath.Join(s.folder, name+".tfstate") }

// write puts the stack's configuration into its folder.
func (s *stage) write(t testing.TB, name string, body document) {
	t.Helper()
	folder := filepath.Join(s.folder, name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "main.tf.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// run runs the engine in the stack's folder and returns what it printed.
func (s *stage) run(t testing.TB, name string, arguments ...string) []byte {
	t.Helper()
	out, err := s.try(name, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (s *stage) try(name string, arguments ...string) ([]byte, error) {
	command := exec.CommandContext(context.Background(), s.engine, arguments...)
	command.Dir = filepath.Join(s.folder, name)
	// a request to AWS is a fault of the stage: it fails at once
	command.Env = append(os.Environ(), "HTTP_PROXY=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1", "AWS_EC2_METADATA_DISABLED=true",
		"CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
	var errors strings.Builder
	command.Stderr = &errors
	out, err := command.Output()
	if err != nil {
		return out, fmt.Errorf("%s: %s %s: %w\n%s\n%s", name, filepath.Base(s.engine), strings.Join(arguments, " "), err, tail(string(out)), brief(errors.String()))
	}
	return out, nil
}

// brief leaves out the long lines of what went wrong: a stack's configuration is one line.
func brief(text string) string {
	var lines []string
	for _, line := range strings.Split(text, "\n") {
		if len(line) > 300 {
			line = line[:300] + "..."
		}
		if strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// tail is the last part of a long text.
func tail(text string) string {
	const most = 600
	if len(text) > most {
		return "..." + text[len(text)-most:]
	}
	return text
}

// plan plans the stack over its state and returns the plan.
func (s *stage) plan(t testing.TB, name string) *tfjson.Plan {
	t.Helper()
	s.run(t, name, "plan", "-refresh=false", "-lock=false", "-input=false", "-no-color", "-out=plan.out")
	var plan tfjson.Plan
	if err := json.Unmarshal(s.run(t, name, "show", "-json", "plan.out"), &plan); err != nil {
		t.Fatal(err)
	}
	return &plan
}

// readSchemas asks the engine for the schemas of the stack's resource types, where they are not known yet.
func (s *stage) readSchemas(t testing.TB, name string, body document) {
	t.Helper()
	known := func(typ string) bool { return s.schemas[typ] != nil }
	if !slices.ContainsFunc(sorted(object(body["resource"])), func(typ string) bool { return !known(typ) }) {
		return
	}
	var all struct {
		Providers map[string]struct {
			Resources map[string]*tfjson.Schema `json:"resource_schemas"`
		} `json:"provider_schemas"`
	}
	if err := json.Unmarshal(s.run(t, name, "providers", "schema", "-json"), &all); err != nil {
		t.Fatal(err)
	}
	s.schemas = map[string]*tfjson.Schema{}
	for _, provider := range all.Providers {
		maps.Copy(s.schemas, provider.Resources)
	}
}

func object(value any) map[string]any {
	fields, _ := value.(map[string]any)
	return fields
}

func sorted[V any](of map[string]V) []string { return slices.Sorted(maps.Keys(of)) }
