// Package emulator applies synthesized stacks to an AWS emulator on this machine, and takes them away again.
package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/batbern/infrastructure/internal/terraform"
	"github.com/batbern/infrastructure/internal/wire"
)

// Result is what became of one stack.
type Result struct {
	Stack string
	// Resources is how many the stack has, LeftOut those that the emulator cannot make.
	Resources int
	LeftOut   []string
	// Working are those of LeftOut that the emulator created after all.
	Working []string
	Drift   Drift
	// Wire is what AWS's API models say of the requests, where they were recorded.
	Wire wire.Verdict
	Took time.Duration
}

// CompleteFile is where [Prepare] keeps a stack in folder as it was synthesized.
func CompleteFile(folder, stack string) string {
	return filepath.Join(filepath.Dir(file(folder, stack)), completeFile)
}

func file(folder, stack string) string { return filepath.Join(folder, "stacks", stack, "cdk.tf.json") }

// read gives a synthesized stack.
func read(folder, stack string) (map[string]any, error) {
	text, err := os.ReadFile(file(folder, stack))
	if err != nil {
		return nil, err
	}
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", file(folder, stack), err)
	}
	return document, nil
}

// completeFile is the stack as it was synthesized, beside the file that Terraform reads.
const completeFile = "complete.json"

// Prepare leaves out of the synthesized stacks in folder what the emulator cannot make, by stack.
func Prepare(folder string, gaps Gaps, stacks []string) (map[string]Result, error) {
	prepared := map[string]Result{}
	for _, stack := range stacks {
		complete, err := os.ReadFile(file(folder, stack))
		if err != nil {
			return nil, err
		}
		document, err := read(folder, stack)
		if err != nil {
			return nil, err
		}
		result := Result{Stack: stack, LeftOut: gaps.LeaveOut(document)}
		for _, instances := range object(document["resource"]) {
			result.Resources += len(object(instances))
		}
		if err := write(file(folder, stack), document); err != nil {
			return nil, err
		}
		if err := os.WriteFile(CompleteFile(folder, stack), complete, 0o644); err != nil {
			return nil, err
		}
		prepared[stack] = result
	}
	return prepared, nil
}

func write(path string, document map[string]any) error {
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o644)
}

// Apply applies one prepared stack and plans it again. Progress is reported step by step.
func Apply(ctx context.Context, folder, endpoint string, gaps Gaps, result Result, progress func(step string)) (Result, error) {
	return apply(ctx, folder, endpoint, gaps, result, progress, func(string) error { return nil })
}

// ApplyRecorded applies one prepared stack through the relay and plans it again, like Apply. Then it sends the
// requests of what was left out, and judges everything that was sent.
func ApplyRecorded(ctx context.Context, relay *Relay, folder string, gaps Gaps, result Result, progress func(step string)) (Result, error) {
	start := time.Now()
	result, err := apply(ctx, folder, relay.Address, gaps, result, progress, func(phase string) error {
		return relay.Begin(result.Stack, phase)
	})
	if err != nil {
		return result, err
	}
	if len(result.LeftOut) > 0 {
		progress(fmt.Sprintf("%s: send the %d resources left out", result.Stack, len(result.LeftOut)))
		if err := relay.Begin(result.Stack, PhaseUnimplemented); err != nil {
			return result, err
		}
		if result.Working, err = sendLeftOut(ctx, folder, relay.Address, result); err != nil {
			return result, err
		}
	}
	progress(result.Stack + ": judge the requests")
	if err := relay.recorder.Close(); err != nil {
		return result, err
	}
	result.Wire, err = relay.judge(ctx, folder, result.Stack)
	result.Took = time.Since(start)
	return result, err
}

// parallelism is how many resources Terraform works on at once. The provider waits a fixed time for many of them, a
// load balancer or a database for example; more of them at once overlap their waits. The emulator answers from one
// process, on one processor: more than this only queues there.
const parallelism = 30

// The phases of a recording.
const (
	PhaseApply         = "apply"
	PhasePlan          = "plan"
	PhaseUnimplemented = "unimplemented"
	PhaseDestroy       = "destroy"
)

func apply(ctx context.Context, folder, endpoint string, gaps Gaps, result Result, progress func(step string),
	begin func(phase string) error) (Result, error) {
	start := time.Now()
	stack, err := terraform.Open(folder, result.Stack, Variables(endpoint))
	if err != nil {
		return result, err
	}
	progress(result.Stack + ": init")
	if err := initialize(ctx, folder, result.Stack); err != nil {
		return result, err
	}
	progress(fmt.Sprintf("%s: apply %d resources", result.Stack, result.Resources))
	if err := begin(PhaseApply); err != nil {
		return result, err
	}
	if err := markApplying(folder, result.Stack); err != nil {
		return result, err
	}
	stack.Watch(func(finished int) {
		progress(fmt.Sprintf("%s: %d of %d resources", result.Stack, finished, result.Resources))
	})
	err = stack.Apply(ctx, parallelism)
	stack.Show(io.Discard)
	if ended(err) {
		err = errors.Join(err, unmarkApplying(folder, result.Stack))
	}
	if err != nil {
		return result, err
	}
	progress(result.Stack + ": second plan")
	if err := begin(PhasePlan); err != nil {
		return result, err
	}
	plan, err := stack.Plan(ctx)
	if err != nil {
		return result, err
	}
	result.Drift, result.Took = gaps.DriftOf(plan), time.Since(start)
	return result, nil
}

// applyingFile exists while a stack is applied. One that is left over tells of an apply that was killed: what it was
// making at that moment exists on the emulator and in no state.
const applyingFile = "applying"

func applying(folder, stack string) string {
	return filepath.Join(filepath.Dir(file(folder, stack)), applyingFile)
}

func markApplying(folder, stack string) error {
	return os.WriteFile(applying(folder, stack), nil, 0o600)
}

func unmarkApplying(folder, stack string) error { return os.Remove(applying(folder, stack)) }

// ended says whether Terraform ended by itself, successful or not, and has written its state.
func ended(err error) bool {
	var exit *exec.ExitError
	return err == nil || errors.As(err, &exit) && exit.Exited()
}

// Killed returns the stacks whose last apply was killed before it had written its state.
func Killed(folder string) ([]string, error) {
	found, err := filepath.Glob(applying(folder, "*"))
	if err != nil {
		return nil, err
	}
	var stacks []string
	for _, path := range found {
		stacks = append(stacks, filepath.Base(filepath.Dir(path)))
	}
	return stacks, nil
}

// StartOver empties the started emulator and the stacks' states, after an apply that was killed.
func StartOver(folder, tree string) error {
	if err := errors.Join(Stop(folder), os.RemoveAll(filepath.Join(folder, "state"))); err != nil {
		return err
	}
	stacks, err := Killed(tree)
	if err != nil {
		return err
	}
	for _, stack := range stacks {
		err = errors.Join(err, unmarkApplying(tree, stack))
	}
	return err
}

// Destroy takes one stack away.
func Destroy(ctx context.Context, folder, endpoint, name string) error {
	stack, err := terraform.Open(folder, name, Variables(endpoint))
	if err != nil {
		return err
	}
	if err := initialize(ctx, folder, name); err != nil {
		return err
	}
	return stack.Destroy(ctx)
}

// initialize runs without the variables of the emulator: the provider comes from the network or a mirror.
func initialize(ctx context.Context, folder, name string) error {
	stack, err := terraform.Open(folder, name, nil)
	if err != nil {
		return err
	}
	return stack.Init(ctx, true)
}

// Variables are those that send everything to the emulator. S3 Control puts the account id before the host name, so that
// only a proxy can catch it; the same proxy keeps a forgotten endpoint from reaching AWS. Loopback itself is never proxied.
func Variables(endpoint string) map[string]string {
	return map[string]string{
		"HTTP_PROXY": endpoint, "HTTPS_PROXY": endpoint, "NO_PROXY": "", "CHECKPOINT_DISABLE": "1",
		"AWS_ACCESS_KEY_ID": "emulator", "AWS_SECRET_ACCESS_KEY": "emulator", "AWS_PROFILE": "",
		"AWS_EC2_METADATA_DISABLED": "true",
	}
}
