package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/emulator"
)

// LocalGapsCmd names the entries of gaps.json that no environment needs.
type LocalGapsCmd struct{ jsonFlag }

// Run applies the base with each environment in turn and fails if an entry of gaps.json was not needed by any of them.
func (c *LocalGapsCmd) Run(ctx context.Context, std streams) error {
	gaps, err := emulator.KnownGaps()
	if err != nil {
		return err
	}
	table := std
	if c.JSON {
		table.Out = std.Err // standard output holds one JSON value
	}
	var results []emulator.Result
	for _, environment := range config.Names() {
		one := LocalApplyCmd{Stacks: []environmentName{environmentName(config.BaseName), environmentName(environment)}}
		applied, err := one.apply(ctx, std)
		if err != nil {
			return err
		}
		if err := one.report(table, applied); err != nil {
			return err
		}
		results = append(results, applied...)
		if err := (&LocalDestroyCmd{}).Run(ctx, table); err != nil {
			return err
		}
	}
	unneeded := gaps.Unneeded(results)
	if c.JSON {
		if err := c.print(std.Out, map[string]any{"unneeded": unneeded}, nil); err != nil {
			return err
		}
	}
	if len(unneeded) > 0 {
		return fmt.Errorf("internal/emulator/gaps.json has entries that are not needed; remove them:\n  %s",
			strings.Join(unneeded, "\n  "))
	}
	_, err = fmt.Fprintln(table.Out, "each entry of internal/emulator/gaps.json is needed")
	return err
}
