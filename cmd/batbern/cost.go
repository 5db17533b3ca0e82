package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/pricing"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/cost"
	"github.com/batbern/infrastructure/internal/tree"
)

// CostCmd holds the cost commands.
type CostCmd struct {
	Estimate EstimateCmd `cmd:"" default:"withargs" help:"Estimate what the synthesized stacks cost a month (the default)."`
	Refresh  RefreshCmd  `cmd:"" help:"Read the prices again from the AWS Price List API."`
}

// EstimateCmd prints what the stacks cost, or what a change of them costs.
type EstimateCmd struct {
	Dir     string      `help:"Synthesized tree." default:"cdktf.out" placeholder:"DIR"`
	Env     string      `help:"Only this environment." placeholder:"ENV"`
	Format  cost.Format `help:"How to write: ${enum}." enum:"table,json,csv,markdown" default:"table"`
	Summary bool        `help:"Leave the single resources out."`
	Against string      `help:"Another synthesized tree: print what the change from it to --dir costs." placeholder:"DIR"`
	Check   bool        `help:"Fail where an environment is above its budget."`
	Into    string      `help:"Write the summary into this Markdown document, between its marks, and print nothing." placeholder:"FILE"`
}

// Run estimates the tree and writes it.
func (c *EstimateCmd) Run(std streams) error {
	estimates, err := c.read(c.Dir)
	if err != nil {
		return err
	}
	report := cost.Report{Format: c.Format, Summary: c.Summary}
	if c.Into != "" {
		if c.Against != "" || c.Env != "" {
			return errors.New("--into writes the table of all environments: leave --against and --env out")
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

// writeInto puts the summary into a document.
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
	if err := os.WriteFile(file, document, 0o644); err != nil {
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

// load reads a synthesized tree with its stacks in the order in which a change travels through them.
func load(dir string) (*tree.Tree, error) {
	all, err := tree.Load(dir)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all.Stacks, func(a, b *tree.Stack) int { return config.InOrder(a.Name, b.Name) })
	return all, nil
}

// only keeps the stack of one environment.
func only(stacks []*tree.Stack, environment string) ([]*tree.Stack, error) {
	var names []string
	for _, s := range stacks {
		names = append(names, s.Environment())
	}
	if i := slices.Index(names, environment); i >= 0 {
		return stacks[i : i+1], nil
	}
	return nil, fmt.Errorf("--env is %q, which is not synthesized: allowed are %s", environment, strings.Join(names, ", "))
}

// RefreshCmd rewrites the price sheet. It needs credentials that may call pricing:GetProducts, and changes nothing in
// AWS.
type RefreshCmd struct {
	Sheet string `help:"Price sheet to rewrite." default:"internal/cost/prices.csv" placeholder:"FILE"`
}

// Run reads each price again and says what changed.
func (c *RefreshCmd) Run(ctx context.Context, std streams) error {
	text, err := os.ReadFile(c.Sheet)
	if err != nil {
		return fmt.Errorf("read the price sheet: %w", err)
	}
	sheet, err := cost.ReadSheet(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s: %w", c.Sheet, err)
	}
	aws, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion("us-east-1")) // where the Price List answers
	if err != nil {
		return fmt.Errorf("find AWS credentials: %w", err)
	}
	done, err := sheet.Refresh(ctx, pricing.NewFromConfig(aws))
	if err != nil {
		return err
	}
	var fresh bytes.Buffer
	if err := sheet.Write(&fresh); err != nil {
		return err
	}
	if err := os.WriteFile(c.Sheet, fresh.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the price sheet: %w", err)
	}
	for _, change := range done.Changed {
		fmt.Fprintf(std.Out, "changed  %s in %s: %v, was %v\n", change.Key, change.Region, change.New, change.Old)
	}
	for _, kept := range done.Kept {
		fmt.Fprintf(std.Out, "kept     %s\n", kept)
	}
	fmt.Fprintf(std.Out, "%d prices changed, %d confirmed, %d kept as they are\n", len(done.Changed), done.Confirmed, len(done.Kept))
	return nil
}
