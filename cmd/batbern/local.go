package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/batbern/infrastructure/internal/emulator"
	"github.com/batbern/infrastructure/internal/terraform"
)

// LocalCmd works on an AWS emulator on this machine: no account, no credentials, no cost.
type LocalCmd struct {
	Apply   LocalApplyCmd   `cmd:"" default:"withargs" help:"Apply stacks and plan them again (the default)."`
	Destroy LocalDestroyCmd `cmd:"" help:"Take the stacks away and stop the emulator."`
}

const (
	// localTree is beside cdktf.out: the stacks' state is found relative to it.
	localTree = "cdktf.local"
	// localFolder holds the emulator's files and the stacks' state.
	localFolder = ".local"
)

// LocalApplyCmd applies stacks to the emulator.
type LocalApplyCmd struct {
	Endpoint string   `help:"A running emulator (LocalStack, moto) on this machine; without one, moto is started." placeholder:"URL"`
	Stacks   []string `arg:"" optional:"" help:"Environments, or base; without any: base and dev."`
}

// Run synthesizes for the emulator, applies each stack, plans it again, and prints what it saw.
func (c *LocalApplyCmd) Run(ctx context.Context, std streams) (err error) {
	if len(c.Stacks) == 0 {
		c.Stacks = []string{"base", "dev"}
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
	wanted, err := inOrder(c.Stacks, known)
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
			return fmt.Errorf("%w\nthe emulator keeps what was made; `make local-destroy` takes it away", err)
		}
		results = append(results, result)
	}
	return printResults(std, results)
}

// union are the names of both, each once.
func union(a, b []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}

// applied are those of the stacks that the emulator holds.
func applied(stacks []string) []string {
	return slices.DeleteFunc(slices.Clone(stacks), func(name string) bool {
		_, err := os.Stat(fmt.Sprintf("%s/state/terraform.%s.tfstate", localFolder, name))
		return err != nil
	})
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

// synthesizeFor runs the app for the emulator. A process of its own, because jsii lives once in one.
func synthesizeFor(ctx context.Context, endpoint string) error {
	command := exec.CommandContext(ctx, "go", "run", ".")
	command.Env = append(os.Environ(), "CDKTF_OUTDIR="+localTree, "BATBERN_AWS_ENDPOINT_URL="+endpoint, "BATBERN_BACKEND=local")
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("synthesis for the emulator failed: %w\n%s", err, out)
	}
	return nil
}

// inOrder are the named stacks, each after those it depends on.
func inOrder(names, known []string) ([]string, error) {
	var wanted []string
	for _, name := range names {
		if !slices.Contains(known, stackOf(name)) {
			return nil, fmt.Errorf("there is no stack %q; there are %s", stackOf(name), strings.Join(known, ", "))
		}
		wanted = append(wanted, stackOf(name))
	}
	return slices.DeleteFunc(slices.Clone(known), func(name string) bool { return !slices.Contains(wanted, name) }), nil
}

func printResults(std streams, results []emulator.Result) error {
	table := tabwriter.NewWriter(std.Out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\nstack\tapplied\tleft out\tsecond plan\tforgiven\tseconds\t")
	var unexplained []string
	for _, r := range results {
		second := "empty"
		if n := len(r.Drift.Unexplained); n > 0 {
			second = fmt.Sprintf("%d changes", n)
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\t%d\t%.0f\t\n", r.Stack, r.Resources, len(r.LeftOut), second, len(r.Drift.Forgiven), r.Took.Seconds())
		unexplained = append(unexplained, r.Drift.Unexplained...)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(std.Out, "\nleft out and forgiven: what the emulator cannot do, with reasons in internal/emulator/gaps.json")
	if len(unexplained) > 0 {
		return fmt.Errorf("a second plan is not empty:\n  %s", strings.Join(unexplained, "\n  "))
	}
	return nil
}

// LocalDestroyCmd takes the applied stacks away.
type LocalDestroyCmd struct {
	Endpoint string `help:"The emulator that the stacks are on; without one, the started moto." placeholder:"URL"`
}

// Run destroys every stack that has a state, environments first, and stops the emulator that was started.
func (c *LocalDestroyCmd) Run(ctx context.Context, std streams) error {
	endpoint := c.Endpoint
	if endpoint == "" {
		// moto keeps everything in memory: without it there is nothing left to destroy
		if err := emulator.Stop(localFolder); err != nil {
			return err
		}
		return c.clear(std)
	}
	if err := emulator.Loopback(endpoint); err != nil {
		return err
	}
	known, err := terraform.Stacks(localTree)
	if err != nil {
		return err
	}
	made := applied(known)
	slices.Reverse(made)
	for _, name := range made {
		fmt.Fprintf(std.Err, "destroying %s\n", name)
		if err := emulator.Destroy(ctx, localTree, endpoint, name); err != nil {
			return err
		}
	}
	return c.clear(std)
}

func (c *LocalDestroyCmd) clear(std streams) error {
	if err := errors.Join(os.RemoveAll(localFolder), os.RemoveAll(localTree)); err != nil {
		return err
	}
	fmt.Fprintln(std.Out, "the local stacks are gone")
	return nil
}

// stackOf is the stack of an environment's name; a stack's own name will do.
func stackOf(name string) string {
	if strings.HasPrefix(name, "batbern-") {
		return name
	}
	return "batbern-" + name
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
