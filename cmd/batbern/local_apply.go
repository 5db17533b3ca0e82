package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/batbern/infrastructure/internal/emulator"
	"github.com/batbern/infrastructure/internal/terraform"
)

// LocalApplyCmd applies stacks to the emulator.
type LocalApplyCmd struct {
	jsonFlag
	Endpoint string            `help:"A running emulator (LocalStack, moto) on this machine. Without one, moto is started." placeholder:"URL"`
	Env      []environmentName `help:"Environments to apply, or base." placeholder:"ENV" completion-predictor:"environment"`
	Stacks   []environmentName `arg:"" optional:"" help:"The same as --env. Without any: base and dev." completion-predictor:"environment"`
}

// Run synthesizes for the emulator, applies each stack, plans it again, and prints the results.
func (c *LocalApplyCmd) Run(ctx context.Context, std streams) (err error) {
	environments := slices.Concat(c.Env, c.Stacks)
	if len(environments) == 0 {
		environments = []environmentName{"base", "dev"}
	}
	if c.Endpoint != "" {
		if err := emulator.Loopback(c.Endpoint); err != nil {
			return err
		}
	}
	start := time.Now()
	progress := func(step string) { fmt.Fprintf(std.Err, "%6.0fs  %s\n", time.Since(start).Seconds(), step) }

	endpoint, stop, err := c.endpoint(ctx, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	progress("synthesis for " + endpoint)
	if err := synthesizeFor(ctx, endpoint); err != nil {
		return err
	}
	known, err := terraform.Stacks(localTree)
	if err != nil {
		return err
	}
	wanted, err := inOrder(environments, known)
	if err != nil {
		return err
	}
	gaps, err := emulator.KnownGaps()
	if err != nil {
		return err
	}
	if err := emulator.Fits(localTree, gaps, union(applied(known), wanted)); err != nil {
		return err
	}
	prepared, err := emulator.Prepare(localTree, gaps, wanted)
	if err != nil {
		return err
	}
	var results []emulator.Result
	for _, name := range wanted {
		result, err := emulator.Apply(ctx, localTree, endpoint, gaps, prepared[name], progress)
		if err != nil {
			return fmt.Errorf("%w\nthe emulator keeps what was created; `make local-destroy` destroys it", err)
		}
		results = append(results, result)
	}
	return c.report(std, results)
}

// union returns the names of both, each once.
func union(a, b []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}

// endpoint is where Terraform finds the emulator, until stop.
func (c *LocalApplyCmd) endpoint(ctx context.Context, progress func(string)) (endpoint string, stop func() error, err error) {
	if c.Endpoint != "" {
		return strings.TrimSuffix(c.Endpoint, "/"), func() error { return nil }, nil
	}
	progress("starting moto")
	moto, err := emulator.Start(ctx, localFolder)
	if err != nil {
		return "", nil, err
	}
	return emulator.Relay(moto)
}

// synthesizeFor runs the app for the emulator, as a process of its own because a process can start jsii only once.
func synthesizeFor(ctx context.Context, endpoint string) error {
	temporary, err := os.MkdirTemp("", "batbern-local-") // jsii cleans up only if it may end by itself
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	command := exec.CommandContext(ctx, "go", "run", ".")
	endWithChildren(command)
	command.Env = append(os.Environ(), "CDKTF_OUTDIR="+localTree, "BATBERN_AWS_ENDPOINT_URL="+endpoint, "BATBERN_BACKEND=local",
		"TMPDIR="+temporary)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("synthesis for the emulator failed: %w\n%s", err, out)
	}
	return nil
}

// inOrder returns the stacks of the environments, each after those it depends on.
func inOrder(environments []environmentName, known []string) ([]string, error) {
	var wanted []string
	for _, environment := range environments {
		if !slices.Contains(known, environment.stack()) {
			return nil, notSynthesized(environment, known)
		}
		wanted = append(wanted, environment.stack())
	}
	return slices.DeleteFunc(slices.Clone(known), func(name string) bool { return !slices.Contains(wanted, name) }), nil
}

// report prints the results and fails if a second plan is not empty.
func (c *LocalApplyCmd) report(std streams, results []emulator.Result) error {
	if err := c.print(std.Out, results, func() error { return printResults(std.Out, results) }); err != nil {
		return err
	}
	var unexplained []string
	for _, r := range results {
		unexplained = append(unexplained, r.Drift.Unexplained...)
	}
	if len(unexplained) > 0 {
		return fmt.Errorf("a second plan is not empty:\n  %s", strings.Join(unexplained, "\n  "))
	}
	return nil
}

func printResults(out io.Writer, results []emulator.Result) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\nstack\tapplied\tleft out\tsecond plan\tforgiven\tseconds\t")
	for _, r := range results {
		second := "empty"
		if n := len(r.Drift.Unexplained); n > 0 {
			second = fmt.Sprintf("%d changes", n)
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\t%d\t%.0f\t\n", r.Stack, r.Resources, len(r.LeftOut), second, len(r.Drift.Forgiven), r.Took.Seconds())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "\nleft out and forgiven: what the emulator cannot do, with reasons in internal/emulator/gaps.json")
	return err
}
