package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/batbern/infrastructure/internal/terraform"
)

// ValidateCmd checks the synthesized stacks against the provider's schema, without credentials or state.
type ValidateCmd struct {
	Dir string `help:"Synthesized tree." default:"cdktf.out" placeholder:"DIR"`
}

// Run validates stack after stack and fails when one of them is wrong.
func (c *ValidateCmd) Run(ctx context.Context, std streams) error {
	names, err := terraform.Stacks(c.Dir)
	if err != nil {
		return err
	}
	valid := 0
	for _, name := range names {
		stack, err := terraform.Open(c.Dir, name, nil)
		if err != nil {
			return err
		}
		if err := stack.Init(ctx, false); err != nil {
			return err
		}
		faults, err := stack.Validate(ctx)
		if err != nil {
			return err
		}
		if len(faults) == 0 {
			valid++
			fmt.Fprintf(std.Out, "%s: valid\n", name)
		}
		for _, fault := range faults {
			fmt.Fprintf(std.Out, "%s: %s\n", name, fault)
		}
	}
	if valid < len(names) {
		return fmt.Errorf("%d of %d stacks are valid", valid, len(names))
	}
	fmt.Fprintf(std.Out, "%d of %d stacks are valid\n", valid, len(names))
	return nil
}

// PlanCmd shows what would change in one stack.
type PlanCmd struct {
	Dir string `help:"Synthesized tree." default:"cdktf.out" placeholder:"DIR"`
	Env string `help:"The environment, or base." required:"" placeholder:"ENV"`
}

// Run plans with the backend that the tree was synthesized with.
func (c *PlanCmd) Run(ctx context.Context, std streams) error {
	stack, err := terraform.Open(c.Dir, stackOf(c.Env), nil)
	if err != nil {
		return err
	}
	if err := stack.Init(ctx, true); err != nil {
		return err
	}
	stack.Show(std.Out)
	if err := stack.PlanOnly(ctx); err != nil {
		// terraform has printed its reasons
		return errors.New(firstLine(err))
	}
	return nil
}
