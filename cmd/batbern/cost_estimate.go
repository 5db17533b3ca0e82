package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/cost"
)

// EstimateCmd prints what the stacks cost, or what a change of them costs.
type EstimateCmd struct {
	Dir     string          `help:"Synthesized stacks." default:"cdktf.out" placeholder:"DIR"`
	Env     environmentName `help:"Only this environment." placeholder:"ENV" completion-predictor:"environment"`
	Format  cost.Format     `help:"Format of the output: ${enum}." enum:"table,json,csv,markdown" default:"table"`
	JSON    bool            `name:"json" help:"Print JSON: the same as --format json."`
	Summary bool            `help:"Print totals without the single resources."`
	Against string          `help:"Other synthesized stacks: print what the change from them to --dir costs." placeholder:"DIR"`
	Check   bool            `help:"Fail if an environment exceeds its budget."`
	Into    string          `help:"Write the summary into this Markdown document, between its marks, and print nothing." placeholder:"FILE"`
}

// Run estimates the tree and writes it.
func (c *EstimateCmd) Run(std streams) error {
	if c.JSON {
		if c.Format != cost.Table && c.Format != cost.Json {
			return usageError{fmt.Errorf("--json contradicts --format %s: leave one of them out", c.Format)}
		}
		c.Format = cost.Json
	}
	estimates, err := c.read(c.Dir)
	if err != nil {
		return err
	}
	report := cost.Report{Format: c.Format, Summary: c.Summary}
	if c.Into != "" {
		if c.Against != "" || c.Env != "" {
			return usageError{errors.New("--into writes the table of all environments: leave --against and --env out")}
		}
		err = writeInto(c.Into, estimates)
	} else if c.Against == "" {
		err = report.Write(std.Out, estimates)
	} else {
		var before []cost.Estimate
		if before, err = c.read(c.Against); err != nil {
			return err
		}
		err = report.WriteDifference(std.Out, cost.Difference(before, estimates))
	}
	if err != nil || !c.Check {
		return err
	}
	var over []error
	for _, e := range estimates {
		over = append(over, e.CheckBudget())
	}
	return errors.Join(over...)
}

// writeInto writes the summary into a document.
func writeInto(file string, estimates []cost.Estimate) error {
	document, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the document for the table: %w", err)
	}
	var table bytes.Buffer
	if err := (cost.Report{Format: cost.Markdown, Summary: true}).Write(&table, estimates); err != nil {
		return err
	}
	if document, err = cost.Insert(document, table.Bytes()); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := writeFile(file, document); err != nil {
		return fmt.Errorf("write the document with the table: %w", err)
	}
	return nil
}

func (c *EstimateCmd) read(dir string) ([]cost.Estimate, error) {
	tree, err := load(dir)
	if err != nil {
		return nil, err
	}
	if c.Env != "" {
		if tree.Stacks, err = only(tree.Stacks, c.Env); err != nil {
			return nil, err
		}
	}
	sheet, err := cost.CheckedIn()
	if err != nil {
		return nil, err
	}
	return cost.All(tree, config.CostOf, sheet)
}
