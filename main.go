// BATbern's infrastructure: Terraform for the base and every environment, synthesized into cdktf.out.
//
//	go run .             synthesize all stacks
//	npx cdktf synth      the same, by the cdktf CLI
package main

import (
	"fmt"
	"os"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/stacks"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	variables, err := config.FromProcess(".env")
	if err != nil {
		return err
	}
	project, err := config.LoadProject(variables)
	if err != nil {
		return err
	}
	return stacks.Synthesize(project, outputFolder())
}

// outputFolder is where the cdktf CLI wants the output, cdktf.out without it.
func outputFolder() string {
	if folder := os.Getenv("CDKTF_OUTDIR"); folder != "" {
		return folder
	}
	return "cdktf.out"
}
