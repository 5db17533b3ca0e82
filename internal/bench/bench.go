// Package bench measures how long synthesis takes, beside an app that loads the AWS binding whole and makes one VPC.
// The two run in turns in one sitting, so that a busy machine slows both: the ratio means something, seconds do not.
package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"
)

// measured is one program and what its runs took.
type measured struct {
	name, source string
	variables    []string
	seconds      []float64
}

// Run builds the programs, runs each the given number of times in turns, and prints medians and ratios. The first turn
// warms the caches and does not count.
func Run(ctx context.Context, out io.Writer, turns int) error {
	folder, err := os.MkdirTemp("", "batbern-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	programs := []*measured{
		{name: "one VPC, binding loaded whole", source: "./internal/bench/onevpc"},
		{name: "all stacks, binding loaded whole", source: ".", variables: []string{"BATBERN_LAZY_BINDINGS=false"}},
		{name: "all stacks, binding loaded lazily", source: ".", variables: []string{"BATBERN_LAZY_BINDINGS=true"}},
	}
	for i, program := range programs {
		binary := filepath.Join(folder, fmt.Sprint(i))
		if text, err := exec.CommandContext(ctx, "go", "build", "-o", binary, program.source).CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w\n%s", program.source, err, text)
		}
		program.source = binary
	}
	for turn := range turns + 1 {
		for _, program := range programs {
			if err := program.run(ctx, filepath.Join(folder, "out"), turn > 0); err != nil {
				return err
			}
		}
		fmt.Fprintf(out, "turn %d of %d\n", turn, turns)
	}
	return table(out, programs)
}

func (m *measured) run(ctx context.Context, output string, counts bool) error {
	command := exec.CommandContext(ctx, m.source)
	command.Env = append(append(os.Environ(), "CDKTF_OUTDIR="+output, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20"), m.variables...)
	start := time.Now()
	if text, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", m.name, err, text)
	}
	if counts {
		m.seconds = append(m.seconds, time.Since(start).Seconds())
	}
	return nil
}

func table(out io.Writer, programs []*measured) error {
	reference := median(programs[0].seconds)
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\nprogram\tmedian s\tratio\t")
	for _, program := range programs {
		fmt.Fprintf(table, "%s\t%.2f\t%.2f\t\n", program.name, median(program.seconds), median(program.seconds)/reference)
	}
	return table.Flush()
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return 0
	}
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
