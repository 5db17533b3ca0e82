package main

import (
	"context"
	"fmt"
	"io"

	"github.com/batbern/infrastructure/internal/terraform"
)

// ValidateCmd checks the synthesized stacks against the provider's schema, without credentials or state.
type ValidateCmd struct {
	jsonFlag
	Dir string          `help:"Synthesized stacks." default:"cdktf.out" placeholder:"DIR"`
	Env environmentName `help:"Only this environment." placeholder:"ENV" completion-predictor:"environment"`
}

// validated is the result for one stack.
type validated struct {
	Stack  string   `json:"stack"`
	Valid  bool     `json:"valid"`
	Faults []string `json:"faults"`
}

// Run validates every stack and fails if one is invalid.
func (c *ValidateCmd) Run(ctx context.Context, std streams) error {
	synthesized, err := load(c.Dir)
	if err != nil {
		return err
	}
	stacks := synthesized.Stacks
	if c.Env != "" {
		if stacks, err = only(stacks, c.Env); err != nil {
			return err
		}
	}
	var results []validated
	valid := 0
	for _, stack := range stacks {
		faults, err := c.validate(ctx, stack.Name)
		if err != nil {
			return err
		}
		if len(faults) == 0 {
			valid++
		}
		results = append(results, validated{stack.Name, len(faults) == 0, faults})
	}
	if err := c.print(std.Out, results, func() error { return printValidated(std.Out, results) }); err != nil {
		return err
	}
	if valid < len(results) {
		return fmt.Errorf("%d of %d stacks are valid", valid, len(results))
	}
	return nil
}

func (c *ValidateCmd) validate(ctx context.Context, name string) ([]string, error) {
	stack, err := terraform.Open(c.Dir, name, nil)
	if err != nil {
		return nil, err
	}
	if err := stack.Init(ctx, false); err != nil {
		return nil, err
	}
	return stack.Validate(ctx)
}

func printValidated(out io.Writer, results []validated) error {
	valid := 0
	for _, result := range results {
		if result.Valid {
			valid++
			fmt.Fprintf(out, "%s: valid\n", result.Stack)
		}
		for _, fault := range result.Faults {
			fmt.Fprintf(out, "%s: %s\n", result.Stack, fault)
		}
	}
	_, err := fmt.Fprintf(out, "%d of %d stacks are valid\n", valid, len(results))
	return err
}
