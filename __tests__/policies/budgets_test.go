package policies_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
)

// Every account has one budget, of what configuration says, for its own cost, with somebody who hears of it.
func TestEveryAccountHasItsBudget(t *testing.T) {
	project := testkit.Project(t)
	names := map[string]config.Name{project.Base.Stack(): config.BaseName}
	for _, environment := range project.Environments {
		names[environment.Stack()] = environment.Name
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

// payerOnly are what AWS makes in the account that pays alone. AWS, "Getting started with AWS Cost Anomaly Detection": "Cost
// monitors for linked accounts, cost allocation tags, and cost categories can only be created in the management account".
// AWS, "User-defined cost allocation tags": only a management account and single accounts have access to them. The rest are
// the resources of AWS Organizations and of services' settings for all of its accounts.
var payerOnly = []string{
	"aws_backup_global_settings", "aws_ce_cost_allocation_tag", "aws_ce_cost_category", "aws_cloudtrail_organization_delegated_admin_account",
	"aws_detective_organization_admin_account", "aws_fms_admin_account", "aws_guardduty_organization_admin_account",
	"aws_organizations_account", "aws_organizations_organization", "aws_organizations_organizational_unit", "aws_organizations_policy",
	"aws_organizations_policy_attachment", "aws_securityhub_organization_admin_account", "aws_vpc_ipam_organization_admin_account",
}

// payerFaults are what a stack makes that an account of its kind may not have, or lacks what it must have.
func payerFaults(stack *testkit.Stack, account config.Account) []string {
	var faults []string
	pays := account.Kind == config.Payer
	for _, resource := range stack.All() {
		if !pays && (slices.Contains(payerOnly, resource.Type) || resource.Body["is_organization_trail"] == true ||
			strings.HasPrefix(resource.Text("type"), "ORGANIZATION")) {
			faults = append(faults, resource.Address()+" exists in a payer's account only")
		}
	}
	for _, monitor := range stack.Resources("aws_ce_anomaly_monitor") {
		byService := monitor.Text("monitor_type") == "DIMENSIONAL" && monitor.Text("monitor_dimension") == "SERVICE"
		if byService == pays {
			faults = append(faults, fmt.Sprintf("%s is a %s monitor in the account of a %s", monitor.Address(), monitor.Text("monitor_type"), account.Kind))
		}
	}
	for _, budget := range stack.Resources("aws_budgets_budget") {
		filter, _ := json.Marshal(budget.Body["cost_filter"])
		if pays != strings.Contains(string(filter), account.ID) {
			faults = append(faults, fmt.Sprintf("%s of a %s is limited to %s", budget.Address(), account.Kind, filter))
		}
	}
	return faults
}

// Each account makes what one of its kind may have, whichever accounts pay.
func TestAccountsMakeWhatTheirKindMayHave(t *testing.T) {
	ids := []string{"111122223333", "222233334444", "333344445555", "444455556666"}
	for _, payers := range [][]string{nil, ids[:1], ids[1:2], ids} {
		variables := map[string]string{"BATBERN_PAYER_ACCOUNTS": strings.Join(payers, ", ")}
		if slices.Contains(payers, ids[0]) {
			variables["BATBERN_COST_TAGS"] = "true"
		}
		project := testkit.Project(t, variables)
		built := testkit.Synth(t, project)
		accounts := map[string]config.Account{project.Base.Stack(): project.Base.Account}
		for _, environment := range project.Environments {
			accounts[environment.Stack()] = environment.Account
		}
		for name, account := range accounts {
			if pays := slices.Contains(payers, account.ID); pays != (account.Kind == config.Payer) {
				t.Errorf("%s with the payers %v is a %s", name, payers, account.Kind)
			}
			for _, fault := range payerFaults(built[name], account) {
				t.Errorf("%s with the payers %v: %s", name, payers, fault)
			}
			if len(built[name].Resources("aws_ce_anomaly_monitor")) != 1 {
				t.Errorf("%s has no monitor", name)
			}
		}
		tags := len(built[project.Base.Stack()].Resources("aws_ce_cost_allocation_tag"))
		if (tags > 0) != slices.Contains(payers, ids[0]) {
			t.Errorf("with the payers %v, %d tags are activated", payers, tags)
		}
	}
	t.Run("planted", func(t *testing.T) {
		member := config.Account{ID: ids[1], Kind: config.Member}
		stack := testkit.Synth(t, testkit.Project(t, map[string]string{"BATBERN_PAYER_ACCOUNTS": strings.Join(ids, ","), "BATBERN_COST_TAGS": "true"}))
		if faults := payerFaults(stack["batbern-dev"], member); len(faults) != 2 {
			t.Errorf("a payer's stack in a member's account: found %q", faults)
		}
		if faults := payerFaults(stack["batbern-base"], config.Account{ID: ids[0], Kind: config.Member}); len(faults) < 3 {
			t.Errorf("activated tags in a member's account: found %q", faults)
		}
	})
}
