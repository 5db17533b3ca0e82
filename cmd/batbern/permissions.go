package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/emulator"
	"github.com/batbern/infrastructure/internal/permissions"
)

// PermissionsCmd judges the requests that a local apply recorded against the policies of the pipelines' roles.
type PermissionsCmd struct {
	jsonFlag
	Table      string   `help:"Bring the rows of this table of actions up to date with the recordings." type:"path" placeholder:"FILE"`
	Recordings []string `arg:"" optional:"" type:"existingfile" help:"Recordings of requests; without any: all of .local/wire."`
}

// Run prints what the roles may not do, and fails where there is something.
func (c *PermissionsCmd) Run(ctx context.Context, std streams) error {
	recordings := c.Recordings
	if len(recordings) == 0 {
		// the pattern is a constant and valid
		recordings, _ = filepath.Glob(filepath.Join(localFolder, "wire", "*.jsonl"))
	}
	if len(recordings) == 0 {
		return errors.New("there are no recordings: make local records the requests that it makes")
	}
	python := filepath.Join(".venv", "bin", "python")
	project, files, err := c.project(ctx, python)
	if err != nil {
		return err
	}
	calls, err := permissions.Decode(ctx, python, files, recordings)
	if err != nil {
		return err
	}
	verdict, err := permissions.Judge(ctx, ".", project, calls)
	if err != nil {
		return err
	}
	if err := c.print(std.Out, verdict, func() error { return printVerdict(std.Out, verdict) }); err != nil {
		return err
	}
	if n := len(verdict.Refusals); n > 0 {
		return fmt.Errorf("%d requests would be refused", n)
	}
	if c.Table != "" {
		return permissions.UpdateTable(c.Table, project, calls)
	}
	return nil
}

// project reads the stacks that were applied locally, with what their applies told, and the files that name resources.
func (c *PermissionsCmd) project(ctx context.Context, python string) (permissions.Project, []string, error) {
	variables, err := config.FromProcess(".env")
	if err != nil {
		return permissions.Project{}, nil, err
	}
	configured, err := config.LoadProject(variables)
	if err != nil {
		return permissions.Project{}, nil, err
	}
	accounts := map[string]string{configured.Base.Stack(): configured.Base.Account.ID}
	for _, environment := range configured.Environments {
		accounts[environment.Stack()] = environment.Account.ID
	}
	managed, err := permissions.ManagedPolicies(ctx, python)
	if err != nil {
		return permissions.Project{}, nil, err
	}
	project := permissions.Project{Managed: managed}
	var files []string
	for _, name := range configured.Stacks() {
		file := emulator.CompleteFile(localTree, name)
		if !exists(file) {
			continue
		}
		state := filepath.Join(localFolder, "state", fmt.Sprintf("terraform.%s.tfstate", name))
		stack, err := permissions.ReadStack(name, accounts[name], file, state)
		if err != nil {
			return permissions.Project{}, nil, err
		}
		project.Stacks, files = append(project.Stacks, stack), append(files, file)
	}
	return project, files, nil
}

func printVerdict(out io.Writer, verdict permissions.Verdict) error {
	refusals := make([]string, len(verdict.Refusals))
	for i, refusal := range verdict.Refusals {
		refusals[i] = refusal.String()
	}
	slices.Sort(refusals)
	for _, refusal := range refusals {
		fmt.Fprintln(out, refusal)
	}
	for reason, n := range verdict.Skipped {
		fmt.Fprintf(out, "%d requests not judged: %s\n", n, reason)
	}
	_, err := fmt.Fprintf(out, "%d requests judged by %d checks, %d refused; %d more are an administrator's\n",
		verdict.Calls, verdict.Checks, len(verdict.Refusals), verdict.Administrators)
	return err
}
