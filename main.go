// BATbern's infrastructure: Terraform for the base and every environment, synthesized into cdktf.out.
//
//	go run .             synthesize all stacks
//	npx cdktf synth      the same, by the cdktf CLI
package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/cdktfcli"
	"github.com/batbern/infrastructure/internal/nodejs"
	"github.com/batbern/infrastructure/internal/synth"
)

func main() {
	// kept, because closing jsii silences os.Stderr
	out, errors := os.Stdout, os.Stderr
	progress := io.Writer(errors)
	if os.Getenv(cdktfcli.OutputVariable) != "" {
		// the cdktf CLI shows its own progress, and prints what comes on standard error twice
		progress, errors = io.Discard, out
	}
	if err := run(out, progress); err != nil {
		fmt.Fprintln(errors, err)
		os.Exit(1)
	}
}

func run(out, progress io.Writer) error {
	start := time.Now()
	if err := cmp.Or(cdktfcli.CheckApproval(), cdktfcli.RefuseHCL()); err != nil {
		return err
	}
	variables, err := config.FromProcess(".env")
	if err != nil {
		return err
	}
	project, err := config.LoadProject(variables)
	if err != nil {
		return err
	}
	if err := nodejs.Prepare(project.Settings.LazyBindings == "true"); err != nil {
		return err
	}
	ordered := cdktfcli.Names(project.Base.Stack())
	summaries, err := synth.Write(project, outputFolder(), ordered, func(step string) {
		fmt.Fprintf(progress, "%5.1fs  %s\n", time.Since(start).Seconds(), step)
	})
	if err != nil {
		return nodejs.Explain(err)
	}
	return printTable(out, summaries, time.Since(start))
}

func outputFolder() string { return cmp.Or(os.Getenv(cdktfcli.OutputVariable), "cdktf.out") }

func printTable(out io.Writer, summaries []synth.Summary, total time.Duration) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\nstack\tresources\tdata sources\toutputs\tseconds\t")
	for _, s := range summaries {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%.1f\t\n", s.Stack, s.Resources, s.DataSources, s.Outputs, s.Took.Seconds())
	}
	fmt.Fprintf(table, "all, with loading and writing\t\t\t\t%.1f\t\n", total.Seconds())
	return table.Flush()
}
