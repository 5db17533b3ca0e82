// Package emulator applies synthesized stacks to an AWS emulator on this machine, and takes them away again.
package emulator

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/batbern/infrastructure/internal/terraform"
)

// Result is what became of one stack.
type Result struct {
	Stack string
	// Resources is how many the stack has, LeftOut those that the emulator cannot make.
	Resources int
	LeftOut   []string
	Drift     Drift
	Took      time.Duration
}

// Fits refuses stacks that the emulator cannot hold side by side.
func Fits(folder string, gaps Gaps, stacks []string) error {
	for typ, reason := range gaps.Single {
		var holders []string
		for _, stack := range stacks {
			document, err := read(folder, stack)
			if err != nil {
				return err
			}
			for range object(object(document["resource"])[typ]) {
				holders = append(holders, stack)
			}
		}
		if len(holders) > 1 {
			return fmt.Errorf("%s: the emulator holds one %s in all (%s); name fewer, and `make local-destroy` in between",
				strings.Join(holders, ", "), typ, reason)
		}
	}
	return nil
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

// Prepare leaves out of the synthesized stacks in folder what the emulator cannot make, by stack.
func Prepare(folder string, gaps Gaps, stacks []string) (map[string]Result, error) {
	prepared := map[string]Result{}
	for _, stack := range stacks {
		document, err := read(folder, stack)
		if err != nil {
			return nil, err
		}
		result := Result{Stack: stack, LeftOut: gaps.LeaveOut(document)}
		for _, instances := range object(document["resource"]) {
			result.Resources += len(object(instances))
		}
		text, err := json.MarshalIndent(document, "", "  ")
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(file(folder, stack), text, 0o644); err != nil {
			return nil, err
		}
		prepared[stack] = result
	}
	return prepared, nil
}

// Apply applies one prepared stack and plans it again. Progress is told step by step.
func Apply(ctx context.Context, folder, endpoint string, gaps Gaps, result Result, progress func(step string)) (Result, error) {
	start := time.Now()
	stack, err := terraform.Open(folder, result.Stack, variables(endpoint))
	if err != nil {
		return result, err
	}
	progress(result.Stack + ": init")
	if err := initialize(ctx, folder, result.Stack); err != nil {
		return result, err
	}
	progress(fmt.Sprintf("%s: apply %d resources", result.Stack, result.Resources))
	if err := stack.Apply(ctx); err != nil {
		return result, err
	}
	progress(result.Stack + ": second plan")
	plan, err := stack.Plan(ctx)
	if err != nil {
		return result, err
	}
	result.Drift, result.Took = gaps.DriftOf(plan), time.Since(start)
	return result, nil
}

// Destroy takes one stack away.
func Destroy(ctx context.Context, folder, endpoint, name string) error {
	stack, err := terraform.Open(folder, name, variables(endpoint))
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

// variables send everything to the emulator. S3 Control puts the account id before the host name, so that only a proxy
// can catch it; the same proxy keeps a forgotten endpoint from reaching AWS. Loopback itself is never proxied.
func variables(endpoint string) map[string]string {
	return map[string]string{
		"HTTP_PROXY": endpoint, "HTTPS_PROXY": endpoint, "NO_PROXY": "",
		"AWS_ACCESS_KEY_ID": "emulator", "AWS_SECRET_ACCESS_KEY": "emulator", "AWS_PROFILE": "", "AWS_EC2_METADATA_DISABLED": "true",
	}
}
