package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/batbern/infrastructure/internal/bench"
)

// BenchCmd measures the time of a synthesis, relative to a minimal app.
type BenchCmd struct {
	jsonFlag
	Turns int `help:"Runs that count, of each program." default:"5" placeholder:"N"`
}

// Run measures and prints medians and ratios.
func (c *BenchCmd) Run(ctx context.Context, std streams) error {
	if c.Turns < 1 {
		return usageError{fmt.Errorf("--turns is %d: at least 1 run must count", c.Turns)}
	}
	results, err := bench.Run(ctx, std.Err, c.Turns)
	if err != nil {
		return err
	}
	return c.print(std.Out, results, func() error { return printBench(std.Out, results) })
}

func printBench(out io.Writer, results []bench.Result) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "program\tmedian s\tratio\t")
	for _, r := range results {
		fmt.Fprintf(table, "%s\t%.2f\t%.2f\t\n", r.Program, r.MedianSeconds, r.Ratio)
	}
	return table.Flush()
}
