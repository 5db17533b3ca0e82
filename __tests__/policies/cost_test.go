package policies_test

import (
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/cost"
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
