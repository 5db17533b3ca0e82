package config_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/config"
)

func TestEveryEnvironmentHasABudget(t *testing.T) {
	for _, name := range append([]config.Name{"base"}, config.Names()...) {
		cost, err := config.CostOf(string(name))
		if err != nil {
			t.Error(err)
			continue
		}
		if cost.MonthlyBudgetUsd <= 0 {
			t.Errorf("%s: MonthlyBudgetUsd is %v", name, cost.MonthlyBudgetUsd)
		}
		a := cost.Assumptions
		for field, value := range reflect.ValueOf(a).Fields() {
			if value.Float() < 0 {
				t.Errorf("%s: %s is %v, must not be negative", name, field.Name, value)
			}
		}
		for _, hours := range []float64{a.HoursPerMonth, a.TaskHoursPerMonth, a.DatabaseHoursPerMonth} {
			if hours <= 0 || hours > 744 {
				t.Errorf("%s: a month of %v hours", name, hours)
			}
		}
	}
	if _, err := config.CostOf("qa"); err == nil || !strings.Contains(err.Error(), "config/cost.go") {
		t.Errorf("an unknown environment gives %v, want an error that says where to add it", err)
	}
}

func TestStacksAreOrderedAsAChangeTravels(t *testing.T) {
	stacks := []string{"batbern-prod", "other", "batbern-staging", "batbern-base", "another", "batbern-dev"}
	slices.SortFunc(stacks, config.InOrder)
	if want := []string{"batbern-base", "batbern-dev", "batbern-staging", "batbern-prod", "another", "other"}; !slices.Equal(stacks, want) {
		t.Errorf("order is %v, want %v", stacks, want)
	}
}
