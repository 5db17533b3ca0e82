package main

import (
	"context"
	"errors"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/batbern/infrastructure/internal/terraform"
)

// PlanCmd shows what would change in one stack.
type PlanCmd struct {
	jsonFlag
	Dir string          `help:"Synthesized stacks." default:"cdktf.out" placeholder:"DIR"`
	Env environmentName `help:"The environment, or base." required:"" placeholder:"ENV" completion-predictor:"environment"`
}

// plannedChange is one resource that would change. Values are left out: a plan's JSON holds sensitive ones in clear.
type plannedChange struct {
	Address string         `json:"address"`
	Actions tfjson.Actions `json:"actions"`
}

// Run plans with the backend that the stacks were synthesized with.
func (c *PlanCmd) Run(ctx context.Context, std streams) error {
	synthesized, err := load(c.Dir)
	if err != nil {
		return err
	}
	if _, err := only(synthesized.Stacks, c.Env); err != nil {
		return err
	}
	stack, err := terraform.Open(c.Dir, c.Env.stack(), nil)
	if err != nil {
		return err
	}
	if err := stack.Init(ctx, true); err != nil {
		return err
	}
	if c.JSON {
		return c.printChanges(ctx, stack, std)
	}
	stack.Show(std.Out)
	if err := stack.PlanOnly(ctx); err != nil {
		return errors.New(firstLine(err)) // Terraform has printed its reasons
	}
	return nil
}

func (c *PlanCmd) printChanges(ctx context.Context, stack terraform.Stack, std streams) error {
	plan, err := stack.Plan(ctx)
	if err != nil {
		return err
	}
	changes := []plannedChange{}
	for _, change := range plan.ResourceChanges {
		if !change.Change.Actions.NoOp() && !change.Change.Actions.Read() {
			changes = append(changes, plannedChange{change.Address, change.Change.Actions})
		}
	}
	return c.print(std.Out, changes, nil)
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
