package main

import (
	"context"
	"fmt"

	"github.com/batbern/infrastructure/internal/emulator"
)

// LocalGapsCmd tries each entry of gaps.json without it.
type LocalGapsCmd struct{ jsonFlag }

// Run applies all stacks, sends what gaps.json leaves out, and fails if an entry was not needed.
func (c *LocalGapsCmd) Run(ctx context.Context, std streams) error {
	gaps, err := emulator.KnownGaps()
	if err != nil {
		return err
	}
	all := LocalApplyCmd{Stacks: []environmentName{"base", "dev", "staging", "prod"}}
	results, err := all.apply(ctx, std)
	if err != nil {
		return err
	}
	table := std
	if c.JSON {
		table.Out = std.Err // standard output holds one JSON value
	}
	if err := all.report(table, results); err != nil {
		return err
	}
	if c.JSON {
		if err := c.print(std.Out, map[string]any{"unneeded": gaps.Unneeded(results)}, nil); err != nil {
			return err
		}
	}
	if err := checkGaps(results); err != nil {
		return err
	}
	_, err = fmt.Fprintln(table.Out, "each entry of internal/emulator/gaps.json is needed")
	return err
}
