package policies_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
)

// Every account has one budget, of what configuration says, for its own cost, with somebody who hears of it.
func TestEveryAccountHasItsBudget(t *testing.T) {
	project := testkit.Project(t)
	accounts := map[string]string{project.Base.Stack(): project.Base.Account.ID}
	names := map[string]config.Name{project.Base.Stack(): config.BaseName}
	for _, environment := range project.Environments {
		accounts[environment.Stack()], names[environment.Stack()] = environment.Account.ID, environment.Name
	}
	for _, stack := range testkit.Stacks(t) {
		budgets := stack.Resources("aws_budgets_budget")
		if len(budgets) != 1 {
			t.Errorf("%s: %d budgets", stack.Name, len(budgets))
			continue
		}
		wanted, err := config.CostOf(string(names[stack.Name]))
		if err != nil {
			t.Fatal(err)
		}
		if found := budgets[0].Text("limit_amount"); found != fmt.Sprint(wanted.MonthlyBudgetUsd) {
			t.Errorf("%s: a budget of %s, wanted %v", stack.Name, found, wanted.MonthlyBudgetUsd)
		}
		text, _ := json.Marshal(budgets[0].Body["cost_filter"])
		if !strings.Contains(string(text), accounts[stack.Name]) {
			t.Errorf("%s: the budget is of %s", stack.Name, text)
		}
		for _, item := range budgets[0].Body["notification"].([]any) {
			notification := item.(map[string]any)
			if notification["subscriber_sns_topic_arns"] == nil && notification["subscriber_email_addresses"] == nil {
				t.Errorf("%s: nobody hears of %v", stack.Name, notification)
			}
		}
		if len(stack.Resources("aws_ce_anomaly_subscription")) != 1 {
			t.Errorf("%s: nobody hears of unusual days", stack.Name)
		}
	}
}
