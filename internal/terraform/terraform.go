// Package terraform finds the terraform or tofu command and runs it on synthesized stacks.
package terraform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-exec/tfexec"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/batbern/infrastructure/internal/tree"
)

// BinaryVariable names the engine, "tofu" for example. The cdktf CLI reads the same variable (cdktf, "Environment
// Variables").
const BinaryVariable = "TERRAFORM_BINARY_NAME"

// Binary returns the path of the engine that TERRAFORM_BINARY_NAME names. Without it, it is that of terraform, or of tofu
// where there is no terraform.
func Binary() (string, error) {
	if name := os.Getenv(BinaryVariable); name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", fmt.Errorf("%s is %q, which is not on the PATH: install it, or unset the variable to use terraform or tofu",
				BinaryVariable, name)
		}
		return path, nil
	}
	for _, name := range []string{"terraform", "tofu"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("neither terraform nor tofu is on the PATH; install Terraform 1.10 or newer " +
		"(https://developer.hashicorp.com/terraform/install) or OpenTofu 1.10 or newer (https://opentofu.org/docs/intro/install)")
}

// Stacks are the names of the stacks that a folder was synthesized with, each after those it depends on.
func Stacks(folder string) ([]string, error) {
	synthesized, err := tree.Load(folder)
	if err != nil {
		return nil, err
	}
	return synthesized.InOrder(), nil
}

// Stack is one synthesized stack's working folder.
type Stack struct {
	Name   string
	folder string
	run    *tfexec.Terraform
}

// Open readies a stack to be worked on. Variables are added to the process's for every run.
func Open(folder, name string, variables map[string]string) (Stack, error) {
	binary, err := Binary()
	if err != nil {
		return Stack{}, err
	}
	known, err := Stacks(folder)
	if err != nil {
		return Stack{}, err
	}
	if !slices.Contains(known, name) {
		return Stack{}, fmt.Errorf("there is no stack %q; there are %s", name, strings.Join(known, ", "))
	}
	working := filepath.Join(folder, "stacks", name)
	run, err := tfexec.NewTerraform(working, binary)
	if err != nil {
		return Stack{}, err
	}
	env, err := environment(variables)
	if err != nil {
		return Stack{}, err
	}
	return Stack{Name: name, folder: working, run: run}, run.SetEnv(env)
}

// environment is the process's, without what terraform-exec sets itself, with one download of the provider for all
// stacks.
func environment(variables map[string]string) (map[string]string, error) {
	env := map[string]string{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	for _, name := range tfexec.ProhibitedEnv(env) {
		delete(env, name)
	}
	if _, set := env["TF_PLUGIN_CACHE_DIR"]; !set {
		cache, err := filepath.Abs(filepath.Join(".cache", "terraform"))
		if err != nil {
			return nil, err
		}
		if err := os.MkdirAll(cache, 0o755); err != nil {
			return nil, err
		}
		env["TF_PLUGIN_CACHE_DIR"] = cache
	}
	for name, value := range variables {
		env[name] = value
	}
	return env, nil
}

// Show copies what terraform prints to out.
func (s Stack) Show(out io.Writer) {
	s.run.SetStdout(out)
	s.run.SetStderr(out)
}

// Init downloads the provider, and connects to the state unless backend is false.
func (s Stack) Init(ctx context.Context, backend bool) error {
	return explain(s.Name, s.run.Init(ctx, tfexec.Backend(backend)))
}

// Validate checks the stack against the provider's schema and says what is wrong with it.
func (s Stack) Validate(ctx context.Context) ([]string, error) {
	result, err := s.run.Validate(ctx)
	if err != nil {
		return nil, explain(s.Name, err)
	}
	var faults []string
	for _, diagnostic := range result.Diagnostics {
		where := ""
		if diagnostic.Snippet != nil && diagnostic.Snippet.Context != nil {
			where = *diagnostic.Snippet.Context + ": "
		}
		faults = append(faults, fmt.Sprintf("%s: %s%s: %s", diagnostic.Severity, where, diagnostic.Summary, strings.ReplaceAll(diagnostic.Detail, "\n", " ")))
	}
	if !result.Valid && len(faults) == 0 {
		faults = append(faults, "error: invalid, without a diagnostic")
	}
	return faults, nil
}

// Plan prints what would change and gives it parsed.
func (s Stack) Plan(ctx context.Context) (*tfjson.Plan, error) {
	file := filepath.Join(s.folder, "plan.out")
	defer os.Remove(file)
	if _, err := s.run.Plan(ctx, tfexec.Out("plan.out")); err != nil {
		return nil, explain(s.Name, err)
	}
	plan, err := s.run.ShowPlanFile(ctx, "plan.out")
	return plan, explain(s.Name, err)
}

// PlanOnly prints what would change.
func (s Stack) PlanOnly(ctx context.Context) error {
	_, err := s.run.Plan(ctx)
	return explain(s.Name, err)
}

// Apply makes the stack so.
//
// Parallelism is how many resources Terraform works on at once; 0 is Terraform's default of 10.
func (s Stack) Apply(ctx context.Context, parallelism int) error {
	var options []tfexec.ApplyOption
	if parallelism > 0 {
		options = append(options, tfexec.Parallelism(parallelism))
	}
	return explain(s.Name, s.run.Apply(ctx, options...))
}

// State returns what the stack's state holds.
func (s Stack) State(ctx context.Context) (*tfjson.State, error) {
	state, err := s.run.Show(ctx)
	return state, explain(s.Name, err)
}

// Destroy takes the stack away.
func (s Stack) Destroy(ctx context.Context) error { return explain(s.Name, s.run.Destroy(ctx)) }

// explain adds a remedy to failures that have a known one.
func explain(stack string, err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	for _, known := range []struct{ sign, remedy string }{
		{"Failed to query available provider packages", "the AWS provider cannot be had: terraform reaches neither registry.terraform.io nor a mirror; check the network, or name a filesystem_mirror in the CLI configuration (TF_CLI_CONFIG_FILE)"},
		{"Failed to install provider", "the AWS provider cannot be installed: check the network and the space on the disk"},
		{"Unsupported Terraform Core version", "terraform is too old: install 1.10 or newer"},
		{"No valid credential sources found", "there are no AWS credentials: sign in (aws sso login) and set AWS_PROFILE, or run `make local`, which needs none"},
		{"AWS account ID not allowed", "the credentials are another account's than the stack's: choose the right AWS_PROFILE, or correct BATBERN_ACCOUNT_*"},
		{"prevent_destroy", "the stack is protected: lower Protection in config, apply, then destroy"},
		{"Unable to find remote state", "the base has no state yet: deploy batbern-base first"},
		{"already scheduled for deletion", "a secret of this name was deleted less than 30 days ago. If its value can be created again, " +
			"as that of a database user can, `aws secretsmanager delete-secret --force-delete-without-recovery --secret-id NAME` frees " +
			"the name; to keep the value, `aws secretsmanager restore-secret --secret-id NAME`, then `terraform import ADDRESS ARN`"},
		{"Backend configuration changed", "the folder was initialized for another state. `npx cdktf deploy STACK --migrate-state` copies " +
			"the state to the new backend; where the new backend holds the state already, remove the folder's .terraform/terraform.tfstate"},
		{"Error acquiring the state lock", "somebody else is working on this stack, or a run was killed: ask, then `terraform force-unlock`"},
	} {
		if strings.Contains(text, known.sign) {
			return fmt.Errorf("%s: %s\n%w", stack, known.remedy, err)
		}
	}
	return fmt.Errorf("%s: %w", stack, err)
}
