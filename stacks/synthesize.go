package stacks

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/jsii-runtime-go"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/nodejs"
)

// Summary says what a synthesized stack holds.
type Summary struct {
	Stack                           string
	Resources, DataSources, Outputs int
	// Took is how long the stack's constructs took to make; the first of a process also loads the AWS binding.
	Took time.Duration
}

// Synthesize writes Terraform for all stacks into the folder, or leaves the folder as it was and says why. It tells
// progress when a stack begins and when the writing does, and closes the jsii runtime.
func Synthesize(project config.Project, folder string, progress func(step string)) (summaries []Summary, err error) {
	defer nodejs.Close()
	defer func() {
		// jsii reports every error by a panic, as an error or as a plain string
		if cause := recover(); cause != nil {
			summaries, err = nil, fmt.Errorf("synthesis failed: %v", cause)
		}
	}()
	// beside the target: a rename works only within one file system
	partial, err := os.MkdirTemp(filepath.Dir(filepath.Clean(folder)), ".synth-")
	if err != nil {
		return nil, fmt.Errorf("no folder can be made beside %s to synthesize into: %w", folder, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(partial)) }()

	app := cdktf.NewApp(&cdktf.AppConfig{
		Outdir: jsii.String(partial),
		// cdktf would run `terraform version` for the cloud backend and for each terraform_data, and fail where there is none;
		// required_version asks for more, of the Terraform that really runs
		SkipValidation: jsii.Bool(true),
	})
	took := Define(app, project, progress)
	progress("writing " + folder)
	app.Synth()
	for _, stack := range project.Stacks() {
		summary, err := summarize(partial, stack)
		if err != nil {
			return nil, err
		}
		summary.Took = took[stack]
		summaries = append(summaries, summary)
	}
	return summaries, moveInto(folder, partial)
}

// summarize counts what the stack's file holds.
func summarize(folder, stack string) (Summary, error) {
	file := filepath.Join(folder, "stacks", stack, "cdk.tf.json")
	text, err := os.ReadFile(file)
	if err != nil {
		return Summary{}, fmt.Errorf("stack %s was not written: %w", stack, err)
	}
	var terraform struct {
		Resource, Data map[string]map[string]json.RawMessage
		Output         map[string]json.RawMessage
	}
	if err := json.Unmarshal(text, &terraform); err != nil {
		return Summary{}, fmt.Errorf("%s is no Terraform: %w", file, err)
	}
	count := func(kinds map[string]map[string]json.RawMessage) (total int) {
		for _, instances := range kinds {
			total += len(instances)
		}
		return total
	}
	return Summary{Stack: stack, Resources: count(terraform.Resource), DataSources: count(terraform.Data), Outputs: len(terraform.Output)}, nil
}

// moveInto replaces the files of folder by those of partial and leaves others alone: Terraform's lock files and
// working folders live beside the stacks. Assets of an earlier run go: their names are hashes.
func moveInto(folder, partial string) error {
	stale, err := filepath.Glob(filepath.Join(folder, "stacks", "*", "assets"))
	if err != nil {
		return err
	}
	for _, assets := range stale {
		if err := os.RemoveAll(assets); err != nil {
			return err
		}
	}
	return filepath.WalkDir(partial, func(from string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(partial, from)
		if err != nil {
			return err
		}
		to := filepath.Join(folder, name)
		if entry.IsDir() {
			return os.MkdirAll(to, 0o755)
		}
		return os.Rename(from, to)
	})
}
