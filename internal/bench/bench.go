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
	"time"
)

// measured is one program and what its runs took.
type measured struct {
	name, source string
	variables    []string
	seconds      []float64
}

// Result is what the runs of one program took.
type Result struct {
	Program       string  `json:"program"`
	MedianSeconds float64 `json:"medianSeconds"`
	Ratio         float64 `json:"ratio"` // of the median to that of the first program
}

// Run builds the programs, runs each the given number of times in turns, and returns their results. The first turn
// warms the caches and does not count. It writes its progress and leaves no file behind, also where ctx ends early.
func Run(ctx context.Context, progress io.Writer, turns int) ([]Result, error) {
	folder, err := os.MkdirTemp("", "batbern-bench-")
	if err != nil {
		return nil, err
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
			return nil, fmt.Errorf("building %s: %w\n%s", program.source, err, text)
		}
		program.source = binary
	}
	for turn := range turns + 1 {
		for _, program := range programs {
			if err := program.run(ctx, folder, turn > 0); err != nil {
				return nil, err
			}
		}
		fmt.Fprintf(progress, "turn %d of %d\n", turn, turns)
	}
	return compare(programs), nil
}

func (m *measured) run(ctx context.Context, folder string, counts bool) error {
	command := exec.CommandContext(ctx, m.source)
	command.Env = append(append(os.Environ(), "CDKTF_OUTDIR="+filepath.Join(folder, "out"),
		"TMPDIR="+folder, // jsii's temporary files, which a killed process leaves
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20"), m.variables...)
	start := time.Now()
	if text, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", m.name, err, text)
	}
	if counts {
		m.seconds = append(m.seconds, time.Since(start).Seconds())
	}
	return nil
}

// compare relates the medians to the first program's.
func compare(programs []*measured) []Result {
	reference := median(programs[0].seconds)
	var results []Result
	for _, program := range programs {
		m := median(program.seconds)
		results = append(results, Result{program.name, m, m / reference})
	}
	return results
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
