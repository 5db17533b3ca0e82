package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/batbern/infrastructure/config"
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
func (c *LocalApplyCmd) Run(ctx context.Context, std streams) error {
	results, err := c.apply(ctx, std)
	if err != nil {
		return err
	}
	return c.report(std, results)
}

// apply applies each stack and plans it again.
func (c *LocalApplyCmd) apply(ctx context.Context, std streams) (results []emulator.Result, err error) {
	environments := slices.Concat(c.Env, c.Stacks)
	if len(environments) == 0 {
		environments = []environmentName{"base", "dev"}
	}
	if c.Endpoint != "" {
		if err := emulator.Loopback(c.Endpoint); err != nil {
			return nil, err
		}
	}
	start := time.Now()
	progress := func(step string) { fmt.Fprintf(std.Err, "%6.0fs  %s\n", time.Since(start).Seconds(), step) }

	again, err := c.recover(progress)
	if err != nil {
		return nil, err
	}
	relay, err := c.relay(ctx, progress)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, relay.Stop()) }()
	progress("synthesis for " + relay.Address)
	if err := synthesizeFor(ctx, relay.Address); err != nil {
		return nil, err
	}
	known, err := terraform.Stacks(localTree)
	if err != nil {
		return nil, err
	}
	wanted, err := inOrder(environments, known)
	if err != nil {
		return nil, err
	}
	if err := oneEnvironment(slices.Concat(wanted, applied(known))); err != nil {
		return nil, err
	}
	wanted = slices.DeleteFunc(slices.Clone(known), func(name string) bool {
		return !slices.Contains(wanted, name) && !slices.Contains(again, name)
	})
	gaps, err := emulator.KnownGaps()
	if err != nil {
		return nil, err
	}
	prepared, err := emulator.Prepare(localTree, gaps, wanted)
	if err != nil {
		return nil, err
	}
	for _, name := range wanted {
		result, err := emulator.ApplyRecorded(ctx, relay, localTree, gaps, prepared[name], progress)
		if err != nil {
			return nil, fmt.Errorf("%w\nthe emulator keeps what was created; `make local-destroy` destroys it", err)
		}
		results = append(results, result)
	}
	return results, nil
}

// oneEnvironment fails for stacks of two environments. The emulator is one account; environments have one each, and names
// that need be unique in an account alone, such as those of target groups, are the same in all of them.
func oneEnvironment(stacks []string) error {
	slices.Sort(stacks)
	stacks = slices.DeleteFunc(slices.Compact(stacks), func(name string) bool { return name == environmentName(config.BaseName).stack() })
	if len(stacks) > 1 {
		return fmt.Errorf("the emulator is one account and holds one environment, not %s: run `make local-destroy`, then one at a time",
			strings.Join(stacks, " and "))
	}
	return nil
}

// recover empties the started emulator if an apply was killed: what it was creating exists there and in no state. It
// returns the stacks that were applied, which have to be applied again.
func (c *LocalApplyCmd) recover(progress func(string)) ([]string, error) {
	killed, err := emulator.Killed(localTree)
	if err != nil || len(killed) == 0 {
		return nil, err
	}
	if c.Endpoint != "" {
		return nil, fmt.Errorf("the last apply of %s was killed: resources that it was creating exist on the emulator and in no "+
			"state; empty the emulator at %s and remove %s and %s", strings.Join(killed, ", "), c.Endpoint, localFolder, localTree)
	}
	progress(fmt.Sprintf("the last apply of %s was killed: starting over with an empty emulator", strings.Join(killed, ", ")))
	known, err := terraform.Stacks(localTree)
	if err != nil {
		return nil, err
	}
	return applied(known), emulator.StartOver(localFolder, localTree)
}

// relay starts the relay through which Terraform reaches the emulator.
func (c *LocalApplyCmd) relay(ctx context.Context, progress func(string)) (*emulator.Relay, error) {
	endpoint := strings.TrimSuffix(c.Endpoint, "/")
	if endpoint == "" {
		progress("starting moto")
		moto, err := emulator.Start(ctx, localFolder)
		if err != nil {
			return nil, err
		}
		endpoint = moto
	}
	return emulator.StartRelay(endpoint, recordings)
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

// report prints the results and fails if a second plan is not empty or a request does not conform.
func (c *LocalApplyCmd) report(std streams, results []emulator.Result) error {
	gaps, err := emulator.KnownGaps()
	if err != nil {
		return err
	}
	if err := c.print(std.Out, results, func() error { return printResults(std.Out, gaps, results) }); err != nil {
		return err
	}
	var unexplained, refused []string
	for _, r := range results {
		unexplained = append(unexplained, r.Drift.Unexplained...)
		for _, violation := range r.Wire.Violations {
			if line := violation.String(); !slices.Contains(refused, line) {
				refused = append(refused, line)
			}
		}
	}
	var faults []error
	if len(refused) > 0 {
		faults = append(faults, fmt.Errorf("AWS's API models do not allow what was sent:\n  %s", strings.Join(refused, "\n  ")))
	}
	if len(unexplained) > 0 {
		faults = append(faults, fmt.Errorf("a second plan is not empty:\n  %s", strings.Join(unexplained, "\n  ")))
	}
	return errors.Join(faults...)
}

// printResults prints a table of the stacks, at most 80 columns wide, what the emulator cannot do, and the totals.
func printResults(out io.Writer, gaps emulator.Gaps, results []emulator.Result) error {
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "stack\tapplied\tleft out\tforgiven\tsecond plan\trequests\ttime")
	requests, refused, changes := 0, 0, 0
	for _, r := range results {
		second := "empty"
		if n := len(r.Drift.Unexplained); n > 0 {
			second = fmt.Sprintf("%d changes", n)
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%s\t%d\t%s\n", r.Stack, r.Resources, len(r.LeftOut), len(r.Drift.Forgiven), second,
			r.Wire.Requests, r.Took.Round(time.Second))
		requests += r.Wire.Requests
		refused += len(r.Wire.Violations)
		changes += len(r.Drift.Unexplained)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	printGaps(out, gaps, results)
	_, err := fmt.Fprintf(out, "\n%d stacks applied; changes in their second plans: %d\n"+
		"%d requests recorded in %s; refused by AWS's API models: %d\n", len(results), changes, requests, recordings, refused)
	return err
}

// printGaps prints what was left out and forgiven, with the reasons.
func printGaps(out io.Writer, gaps emulator.Gaps, results []emulator.Result) {
	leftOut, forgiven := map[string]int{}, map[string]int{}
	for _, r := range results {
		for _, address := range r.LeftOut {
			typ, _, _ := strings.Cut(address, ".")
			leftOut[typ]++
		}
		for _, argument := range r.Drift.Arguments {
			forgiven[argument]++
		}
	}
	for _, typ := range slices.Sorted(maps.Keys(leftOut)) {
		reason := gaps.Missing[typ]
		if reason == "" {
			reason = gaps.Dependent[typ]
		}
		fmt.Fprintf(out, "\nleft out: %s (%d)\n  %s\n", typ, leftOut[typ], reason)
	}
	for _, argument := range slices.Sorted(maps.Keys(forgiven)) {
		typ, _, _ := strings.Cut(argument, ".")
		fmt.Fprintf(out, "\nforgiven: %s (%d)\n  %s\n", argument, forgiven[argument], gaps.Forgotten[typ].Reason)
	}
}
