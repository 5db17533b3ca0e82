package resources_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/backup"
)

// backupTypes are what AWS Backup is made of.
var backupTypes = []string{
	"aws_backup_vault", "aws_backup_vault_policy", "aws_backup_vault_lock_configuration", "aws_backup_vault_notifications", "aws_backup_plan",
	"aws_backup_selection", "aws_backup_restore_testing_plan", "aws_backup_restore_testing_selection", "aws_db_instance_automated_backups_replication",
}

// Each environment keeps what its configuration says, and development, which is made again when it breaks, nothing.
func TestBackupsFollowTheConfiguration(t *testing.T) {
	for _, environment := range testkit.Project(t).Environments {
		stack, kept := testkit.StackNamed(t, environment.Stack()), environment.Backup
		count := func(typ string, want int) {
			t.Helper()
			if got := len(stack.Resources(typ)); got != want {
				t.Errorf("%s: %d %s, want %d", stack.Name, got, typ, want)
			}
		}
		if !kept.Enabled() {
			for _, typ := range backupTypes {
				count(typ, 0)
			}
			continue
		}
		vaults, copies := 1, 0
		if kept.CopyToRecovery {
			vaults, copies = 2, 1
		}
		count("aws_backup_vault", vaults)
		count("aws_backup_vault_policy", vaults)
		count("aws_db_instance_automated_backups_replication", copies)
		count("aws_backup_vault_lock_configuration", vaults*oneIf(kept.Lock))
		count("aws_backup_restore_testing_plan", oneIf(kept.RestoreTest))
		count("aws_backup_restore_testing_selection", oneIf(kept.RestoreTest))
		checkRules(t, stack, kept)
		checkSelection(t, stack, environment)
	}
}

func oneIf(is bool) int {
	if is {
		return 1
	}
	return 0
}

// checkRules compares the plan's rules, their copies and their ends with the configuration.
func checkRules(t *testing.T, stack *testkit.Stack, kept config.Backup) {
	t.Helper()
	days := map[string]int{"daily": kept.DailyDays, "weekly": kept.WeeklyDays, "monthly": kept.MonthlyDays}
	seen := map[string]bool{}
	for _, entry := range stack.Resource(t, "aws_backup_plan", "backup/plan").Body["rule"].([]any) {
		rule := entry.(map[string]any)
		name := rule["rule_name"].(string)
		seen[name] = true
		// "cron(30 4 ...": within the hours that the configuration keeps free of RDS's own windows
		var minute, hour int
		if _, err := fmt.Sscanf(rule["schedule"].(string), "cron(%d %d ", &minute, &hour); err != nil {
			t.Fatal(err)
		}
		from, to, _ := strings.Cut(config.BackupHours, "-")
		last := 60*hour + minute + int(rule["start_window"].(float64))
		if begins := fmt.Sprintf("%02d:%02d", hour, minute); begins < from || fmt.Sprintf("%02d:%02d", last/60, last%60) > to {
			t.Errorf("%s: %s backups begin at %s, or %v minutes later", stack.Name, name, begins, rule["start_window"])
		}
		if end := rule["lifecycle"].(map[string]any)["delete_after"]; end != float64(days[name]) {
			t.Errorf("%s: %s backups end after %v days, want %d", stack.Name, name, end, days[name])
		}
		actions, _ := rule["copy_action"].([]any)
		if len(actions) != oneIf(kept.CopyToRecovery) {
			t.Fatalf("%s: %s backups have %d copies", stack.Name, name, len(actions))
		}
		for _, action := range actions {
			copied := action.(map[string]any)
			if end := copied["lifecycle"].(map[string]any)["delete_after"]; end != float64(days[name]) || !strings.Contains(copied["destination_vault_arn"].(string), "recovery") {
				t.Errorf("%s: %s backups are copied as %v", stack.Name, name, copied)
			}
		}
	}
	for name, length := range days {
		if seen[name] != (length > 0) {
			t.Errorf("%s: %s backups for %d days: there are %v", stack.Name, name, length, seen)
		}
	}
}

// checkSelection follows the ARN from the plan to the database, and the role from the selection to its rights.
func checkSelection(t *testing.T, stack *testkit.Stack, environment config.Environment) {
	t.Helper()
	selection := stack.Resource(t, "aws_backup_selection", "backup/selection")
	instance := stack.Resource(t, "aws_db_instance", "database/instance")
	if arns := fmt.Sprint(selection.Body["resources"]); arns != "[${"+instance.Address()+".arn}]" {
		t.Errorf("%s: the plan selects %s", stack.Name, arns)
	}
	if role := stack.Resource(t, "aws_iam_role", "backup/role"); selection.Text("iam_role_arn") != "${"+role.Address()+".arn}" || role.Text("permissions_boundary") == "" {
		t.Errorf("%s: backups are made as %s", stack.Name, selection.Text("iam_role_arn"))
	}
	if environment.Backup.RestoreTest {
		tested := stack.Resource(t, "aws_backup_restore_testing_selection", "backup/restore_test_database")
		if arns := tested.Body["protected_resource_arns"].([]any); len(arns) != 1 || !strings.Contains(arns[0].(string), "database_instance") {
			t.Errorf("%s: restored for a test are %v", stack.Name, arns)
		}
		// without it AWS Backup restores into the default VPC
		group := stack.Resource(t, "aws_db_subnet_group", "database/subnets")
		if overrides := tested.Body["restore_metadata_overrides"].(map[string]any); overrides["dbSubnetGroupName"] != "${"+group.Address()+".name}" || len(overrides) != 1 {
			t.Errorf("%s: a test restores into %v", stack.Name, overrides)
		}
		plan := stack.Resource(t, "aws_backup_restore_testing_plan", "backup/restore_test")
		chosen := plan.Body["recovery_point_selection"].([]any)[0].(map[string]any)
		if chosen["algorithm"] != "LATEST_WITHIN_WINDOW" || !strings.Contains(fmt.Sprint(chosen["include_vaults"]), stack.Resource(t, "aws_backup_vault", "backup/vault/vault").Address()) {
			t.Errorf("%s: a test restores %v", stack.Name, chosen)
		}
	}
}

// Failures are told: copies by the vaults themselves, on a topic that AWS Backup may write to, backups and restores by
// EventBridge, with their reason.
func TestFailedBackupsAreTold(t *testing.T) {
	for _, environment := range testkit.Project(t).Environments {
		if !environment.Backup.Enabled() {
			continue
		}
		stack := testkit.StackNamed(t, environment.Stack())
		told := stack.Resource(t, "aws_backup_vault_notifications", "backup/notifications")
		if events := fmt.Sprint(told.Body["backup_vault_events"]); events != "[COPY_JOB_FAILED]" {
			t.Errorf("%s: the vault tells %s", stack.Name, events)
		}
		allowed := slices.ContainsFunc(stack.Resources("aws_sns_topic_policy"), func(policy testkit.Resource) bool {
			return policy.Text("arn") == told.Text("sns_topic_arn") && strings.Contains(policy.Text("policy"), "backup.amazonaws.com")
		})
		if !allowed {
			t.Errorf("%s: AWS Backup may not write to %s", stack.Name, told.Text("sns_topic_arn"))
		}
		for _, kind := range []string{"Backup Job State Change", "Restore Job State Change"} {
			heard := slices.ContainsFunc(stack.Resources("aws_cloudwatch_event_rule"), func(rule testkit.Resource) bool {
				pattern := rule.Text("event_pattern")
				return strings.Contains(pattern, "aws.backup") && strings.Contains(pattern, kind) && strings.Contains(pattern, "FAILED")
			})
			if !heard {
				t.Errorf("%s: nobody hears of a failed %s", stack.Name, kind)
			}
		}
	}
}

// A vault is closed to other accounts, encrypted with a key of its region, and guarded as the environment is.
func TestVaultsAreGuarded(t *testing.T) {
	for _, environment := range testkit.Project(t).Environments {
		stack := testkit.StackNamed(t, environment.Stack())
		for _, vault := range stack.Resources("aws_backup_vault") {
			if vault.Text("kms_key_arn") == "" || vault.Body["force_destroy"] != environment.Protection.ForceDestroy() ||
				vault.Body["lifecycle"].(map[string]any)["prevent_destroy"] != environment.Protection.PreventDestroy() {
				t.Errorf("%s: %s is %v", stack.Name, vault.Path, vault.Body)
			}
			abroad := vault.Text("provider") == "aws.recovery"
			if abroad != strings.Contains(vault.Text("kms_key_arn"), "recovery") {
				t.Errorf("%s: %s is encrypted with %s, a key of another region", stack.Name, vault.Path, vault.Text("kms_key_arn"))
			}
		}
		for _, document := range stack.Resources("aws_backup_vault_policy") {
			for _, statement := range statements(t, document, "policy") {
				if statement.Effect != "Deny" || !slices.Contains(statement.Actions, "backup:CopyFromBackupVault") || statement.Conditions["StringNotEquals"]["aws:PrincipalAccount"] == nil {
					t.Errorf("%s: %s says %+v", stack.Name, document.Path, statement)
				}
			}
		}
		for _, lock := range stack.Resources("aws_backup_vault_lock_configuration") {
			if lock.Body["min_retention_days"] != float64(environment.Backup.ShortestDays()) {
				t.Errorf("%s: %s keeps %v days", stack.Name, lock.Path, lock.Body["min_retention_days"])
			}
			// nobody can ever take that back, AWS included: only who asks for it gets it
			if days := lock.Body["changeable_for_days"]; (days != nil) != (environment.Backup.ComplianceAfterDays > 0) {
				t.Errorf("%s: %s turns into a compliance lock after %v days", stack.Name, lock.Path, days)
			}
		}
		if environment.Production && len(stack.Resources("aws_backup_vault_lock_configuration")) == 0 {
			t.Errorf("%s: production's vaults are open", stack.Name)
		}
	}
}

// What an environment may ask for, one at a time: a compliance lock, and no copies.
func TestBackupOnItsOwn(t *testing.T) {
	environment := testkit.Project(t).Environments[2]
	build := func(kept config.Backup) *testkit.Stack {
		return testkit.Construct(t, func(stack cdktf.TerraformStack) {
			backup.New(stack, "backup", backup.Props{
				Name: "batbern-prod", Account: environment.Account, Backup: kept, Protection: config.Locked,
				InstanceArn: "arn:aws:rds:eu-central-1:444455556666:db:batbern-prod-postgres", RetentionDays: 35, SubnetGroup: "batbern-prod-postgres",
				KeyArn: "arn:aws:kms:eu-central-1:444455556666:key/data", BoundaryArn: "arn:aws:iam::444455556666:policy/boundary",
				TopicArn: "arn:aws:sns:eu-central-1:444455556666:warning",
			})
		})
	}
	compliant := build(config.Backup{WeeklyDays: 30, Lock: true, ComplianceAfterDays: 7})
	testkit.HasResourceWithProperties(t, compliant, "aws_backup_vault_lock_configuration", map[string]any{"changeable_for_days": 7, "min_retention_days": 30})
	for _, typ := range []string{"aws_backup_restore_testing_plan", "aws_db_instance_automated_backups_replication"} {
		if found := compliant.Resources(typ); len(found) > 0 {
			t.Errorf("nobody asked for %s", found[0].Path)
		}
	}
	// restore tests take backups of the last year; the vault may keep older ones
	old := build(config.Backup{MonthlyDays: 3650, RestoreTest: true}).Resource(t, "aws_backup_restore_testing_plan", "backup/restore_test")
	if days := old.Body["recovery_point_selection"].([]any)[0].(map[string]any)["selection_window_days"]; days != float64(365) {
		t.Errorf("a restore test looks %v days back", days)
	}
	if all := build(config.Backup{}).All(); len(all) > 0 {
		t.Errorf("without backups there is %s", all[0].Path)
	}
}
