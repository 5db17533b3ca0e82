// Package synth writes the Terraform of all stacks into a folder: completely, or not at all.
package synth

import (
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
	"github.com/batbern/infrastructure/internal/terraform"
	"github.com/batbern/infrastructure/internal/tree"
	"github.com/batbern/infrastructure/stacks"
)

// Summary counts what a synthesized stack holds.
type Summary struct {
	Stack                           string
	Resources, DataSources, Outputs int
	// Took is how long the constructs of the stack took; the first stack of a process also loads the AWS binding.
	Took time.Duration
}

// Write writes Terraform for all stacks into the folder. When it fails, the folder is left as it was. It reports progress
// before each stack and before the files are written, and closes the jsii runtime. See stacks.Define for ordered.
func Write(project config.Project, folder string, ordered bool, progress func(step string)) (summaries []Summary, err error) {
	defer nodejs.Close()
	// beside the target: a rename works within one file system only
	partial, err := os.MkdirTemp(filepath.Dir(filepath.Clean(folder)), ".synth-")
	if err != nil {
		return nil, fmt.Errorf("no folder can be created beside %s to synthesize into: %w", folder, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(partial)) }()

	took, err := Into(partial, project, ordered, progress)
	if err != nil {
		return nil, err
	}
	all, err := tree.Load(partial)
	if err != nil {
		return nil, err
	}
	for _, name := range project.Stacks() {
		stack, err := all.Stack(name)
		if err != nil {
			return nil, err
		}
		summaries = append(summaries, Summary{
			Stack: name, Resources: len(stack.Resources), DataSources: len(stack.Data), Outputs: len(stack.Outputs), Took: took[name],
		})
	}
	if err := moveInto(folder, partial); err != nil {
		return nil, err
	}
	return summaries, errors.Join(terraform.WriteLocks(folder), terraform.ForgetBackends(folder, stacks.EmulatorState))
}

// Into synthesizes all stacks into an empty folder and returns how long the constructs of each took. jsii stays open.
func Into(folder string, project config.Project, ordered bool, progress func(step string)) (took map[string]time.Duration, err error) {
	defer func() {
		// jsii reports every error by a panic, with an error or a string
		if cause := recover(); cause != nil {
			took, err = nil, fmt.Errorf("synthesis failed: %v", cause)
		}
	}()
	app := cdktf.NewApp(&cdktf.AppConfig{
		Outdir: jsii.String(folder),
		// cdktf would run `terraform version` for the cloud backend and for each terraform_data, and fail where there is no
		// terraform; required_version checks more, in the Terraform that runs
		SkipValidation: jsii.Bool(true),
	})
	took = stacks.Define(app, project, ordered, progress)
	progress("writing files")
	app.Synth()
	return took, nil
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
