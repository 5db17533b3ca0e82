package policies_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/cost"
	"github.com/batbern/infrastructure/internal/tree"
)

// Every resource of every stack has a price or a reason to be free, and no stack's month is above its budget.
func TestNoStackIsAboveItsBudget(t *testing.T) {
	sheet, err := cost.CheckedIn()
	if err != nil {
		t.Fatal(err)
	}
	estimates, err := cost.All(testkit.Tree(t), config.CostOf, sheet)
	if err != nil {
		t.Fatal(err)
	}
	if want := len(testkit.Stacks(t)); len(estimates) != want {
		t.Errorf("%d estimates for %d stacks", len(estimates), want)
	}
	for _, estimate := range estimates {
		if err := estimate.CheckBudget(); err != nil {
			t.Error(err)
		}
		if estimate.Total() <= 0 {
			t.Errorf("%s costs nothing", estimate.Stack)
		}
	}
}

// Grafana is off. Where it is asked for it has an address, and its price is in the table.
func TestGrafanaWhereAskedForIsPriced(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		if len(stack.Resources("aws_grafana_workspace")) > 0 || stack.Outputs()["grafana"] != nil || stack.Outputs()["dashboard"] == nil {
			t.Errorf("%s: Grafana is there without having been asked for, or no dashboard is named", stack.Name)
		}
	}
	project := testkit.Project(t)
	project.Environments = slices.Clone(project.Environments)
	project.Environments[0].Observability.Grafana = true
	stack := testkit.Synth(t, project)["batbern-dev"]
	if stack.Outputs()["grafana"] == nil {
		t.Error("nobody is told where Grafana is")
	}
	text, err := json.Marshal(stack.Body)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := tree.Parse(stack.Name, text)
	if err != nil {
		t.Fatal(err)
	}
	sheet, err := cost.CheckedIn()
	if err != nil {
		t.Fatal(err)
	}
	estimates, err := cost.All(&tree.Tree{Stacks: []*tree.Stack{parsed}}, config.CostOf, sheet)
	if err != nil {
		t.Fatal(err)
	}
	assumed, err := config.CostOf("dev")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range estimates[0].Lines {
		if line.Item == "Grafana editors" && line.Usd == 9*assumed.Assumptions.GrafanaEditors {
			return
		}
	}
	t.Error("Grafana has no line, or another price than 9 USD for each editor")
}
