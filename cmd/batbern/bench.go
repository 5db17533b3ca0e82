package main

import (
	"context"

	"github.com/batbern/infrastructure/internal/bench"
)

// BenchCmd measures how long synthesis takes, as a ratio.
type BenchCmd struct {
	Turns int `help:"Runs that count, of each program." default:"5"`
}

// Run measures and prints.
func (c *BenchCmd) Run(ctx context.Context, std streams) error {
	return bench.Run(ctx, std.Out, c.Turns)
}
