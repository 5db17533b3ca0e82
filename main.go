// BATbern's infrastructure: Terraform for the base and every environment, synthesized into cdktf.out.
//
//	go run .             synthesize all stacks
//	npx cdktf synth      the same, by the cdktf CLI
package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/nodejs"
	"github.com/batbern/infrastructure/stacks"
)

func main() {
	if err := run(os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(out, progress io.Writer) error {
	start := time.Now()
	variables, err := config.FromProcess(".env")
	if err != nil {
		return err
	}
	project, err := config.LoadProject(variables)
	if err != nil {
		return err
	}
	if err := nodejs.Prepare(project.Settings.LazyBindings); err != nil {
		return err
	}
	summaries, err := stacks.Synthesize(project, outputFolder(), func(step string) {
		fmt.Fprintf(progress, "%5.1fs  %s\n", time.Since(start).Seconds(), step)
	})
	if err != nil {
		return nodejs.Explain(err)
	}
	return printTable(out, summaries, time.Since(start))
}

// outputFolder is where the cdktf CLI wants the output, cdktf.out without it.
func outputFolder() string {
	if folder := os.Getenv("CDKTF_OUTDIR"); folder != "" {
		return folder
	}
	return "cdktf.out"
}

func printTable(out io.Writer, summaries []stacks.Summary, total time.Duration) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\nstack\tresources\tdata sources\toutputs\tseconds\t")
	for _, s := range summaries {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%.1f\t\n", s.Stack, s.Resources, s.DataSources, s.Outputs, s.Took.Seconds())
	}
	fmt.Fprintf(table, "all, with loading and writing\t\t\t\t%.1f\t\n", total.Seconds())
	return table.Flush()
}
