package changes_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/jsii-runtime-go"
	"github.com/hashicorp/terraform-cdk-go/cdktf"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/terraform"
	"github.com/batbern/infrastructure/internal/terraform/terraformtest"
	"github.com/batbern/infrastructure/stacks"
)

// stage is a folder in which stacks are planned by a real engine and the real provider, without AWS: every stack has a
// state file as if it had been applied, and no plan reads anything from AWS.
type stage struct {
	folder   string
	engine   string // path of terraform or tofu
	schemas  map[string]*tfjson.Schema
	settled  map[string]document // the stacks whose states agree with them, by name
	settings []string            // environment variables of the engine, NAME=value
}

var shared *stage

// settled returns the stage on which base and prod are as if applied. All tests of a run plan over it.
func settled(t *testing.T) *stage {
	t.Helper()
	terraformtest.RequireProvider(t)
	if shared == nil {
		engine, err := terraform.Binary()
		if err != nil {
			t.Fatal(err)
		}
		folder, err := os.MkdirTemp("", "changes-")
		if err != nil {
			t.Fatal(err)
		}
		shared = &stage{folder: folder, engine: engine, settled: map[string]document{}}
		for _, name := range []string{base, prod} {
			shared.settle(t, name, shared.synthesize(t, testkit.Project(t), name))
		}
	}
	if len(shared.settled) < 2 {
		t.Fatal("the stacks' states were not settled")
	}
	return shared
}

// synthesize returns one of the project's stacks, changed so that it can be planned without AWS.
func (s *stage) synthesize(t testing.TB, project config.Project, name string) document {
	t.Helper()
	out := t.TempDir()
	app := cdktf.NewApp(&cdktf.AppConfig{Outdir: jsii.String(out), SkipValidation: jsii.Bool(true)})
	if name == base {
		stacks.Base(app, project)
	}
	for _, environment := range project.Environments {
		if environment.Stack() == name {
			stacks.Environment(app, project, environment)
		}
	}
	app.Synth()
	text, err := os.ReadFile(filepath.Join(out, "stacks", name, "cdk.tf.json"))
	if err != nil {
		t.Fatal(err)
	}
	return s.offline(t, name, text)
}

// mostPlansAtOnce is how many plans run side by side: each keeps a processor busy and needs 1.5 GB.
const mostPlansAtOnce = 2

// planAll plans each change over the settled states and returns the plans in the order of the changes.
func (s *stage) planAll(t *testing.T, changes []change) []*tfjson.Plan {
	t.Helper()
	plans := make([]*tfjson.Plan, len(changes))
	failures := make([]error, len(changes))
	var running sync.WaitGroup
	free := make(chan struct{}, mostPlansAtOnce)
	for n, each := range changes {
		project := testkit.Project(t)
		each.apply(&project)
		after := s.synthesize(t, project, each.stack)
		folder := filepath.Join(s.folder, fmt.Sprintf("%s-%s-%d", each.stack, t.Name(), n))
		s.copyInitialized(t, each.stack, folder)
		writeConfiguration(t, folder, after)
		free <- struct{}{}
		running.Go(func() {
			defer func() { <-free }()
			plans[n], failures[n] = s.planIn(folder)
		})
	}
	running.Wait()
	for n, err := range failures {
		if err != nil {
			t.Errorf("%s: %v", changes[n].name, err)
		}
	}
	return plans
}

// copyInitialized makes the folder one that the engine has initialized for the stack, with the stack's state.
func (s *stage) copyInitialized(t testing.TB, name, folder string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{".terraform", ".terraform.lock.hcl"} {
		if err := os.Symlink(filepath.Join(s.folder, name, file), filepath.Join(folder, file)); err != nil {
			t.Fatal(err)
		}
	}
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

func writeConfiguration(t testing.TB, folder string, body document) {
	t.Helper()
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

// runIn runs the engine in the folder and returns what it printed.
func (s *stage) runIn(folder string, arguments ...string) ([]byte, error) {
	command := exec.Command(s.engine, arguments...)
	command.Dir = folder
	// a request to AWS is a fault of the stage: it fails at once
	command.Env = slices.Concat(os.Environ(), s.settings)
	command.Env = append(command.Env, "HTTP_PROXY=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1", "AWS_EC2_METADATA_DISABLED=true",
		"CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1")
	var errors strings.Builder
	command.Stderr = &errors
	out, err := command.Output()
	if err != nil {
		return out, fmt.Errorf("%s %s: %w\n%s\n%s", filepath.Base(s.engine), strings.Join(arguments, " "), err, tail(string(out)), brief(errors.String()))
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

// planIn plans the configuration in the folder over its state.
func (s *stage) planIn(folder string) (*tfjson.Plan, error) {
	if _, err := s.runIn(folder, "plan", "-refresh=false", "-lock=false", "-input=false", "-no-color", "-out=plan.out"); err != nil {
		return nil, err
	}
	text, err := s.runIn(folder, "show", "-json", "plan.out")
	if err != nil {
		return nil, err
	}
	var plan tfjson.Plan
	return &plan, json.Unmarshal(text, &plan)
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
	text, err := s.runIn(filepath.Join(s.folder, name), "providers", "schema", "-json")
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
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
