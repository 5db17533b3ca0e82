package resources_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
)

// withReplica are production's configuration and stack with a read replica.
func withReplica(t *testing.T) (config.Environment, *testkit.Stack) {
	t.Helper()
	project := testkit.Project(t)
	project.Environments = slices.Clone(project.Environments)
	last := &project.Environments[len(project.Environments)-1]
	last.Database.ReadReplica = true
	return *last, testkit.Synth(t, project)[last.Stack()]
}

// The replica follows the instance, and is guarded, logged and watched as it is.
func TestReadReplica(t *testing.T) {
	environment, stack := withReplica(t)
	main := stack.Resource(t, "aws_db_instance", "database/instance")
	replica := stack.Resource(t, "aws_db_instance", "database/replica/instance")
	for attribute, want := range map[string]any{
		"replicate_source_db": "${" + main.Address() + ".identifier}", "instance_class": main.Body["instance_class"], "storage_encrypted": true,
		"publicly_accessible": false, "iam_database_authentication_enabled": true, "auto_minor_version_upgrade": true, "port": main.Body["port"],
		"deletion_protection": main.Body["deletion_protection"], "performance_insights_enabled": true, "monitoring_interval": main.Body["monitoring_interval"],
		"skip_final_snapshot": true, // RDS takes none of a replica
	} {
		if got := replica.Body[attribute]; got != want {
			t.Errorf("%s is %v, want %v", attribute, got, want)
		}
	}
	// what a replica takes from the instance, RDS refuses to be told again
	for _, absent := range []string{"engine", "engine_version", "username", "db_name", "db_subnet_group_name", "kms_key_id", "allocated_storage", "password_wo", "manage_master_user_password",
		"engine_lifecycle_support"} { // CreateDBInstanceReadReplica has no such parameter
		if replica.Body[absent] != nil {
			t.Errorf("the replica sets %s", absent)
		}
	}
	if replica.Body["lifecycle"].(map[string]any)["prevent_destroy"] != environment.Protection.PreventDestroy() {
		t.Error("the replica can be destroyed")
	}
	if replica.Text("parameter_group_name") == main.Text("parameter_group_name") || replica.Text("parameter_group_name") == "" {
		t.Errorf("the replica has the parameter group %q", replica.Text("parameter_group_name"))
	}
	names := map[string]bool{}
	for _, group := range stack.Resources("aws_cloudwatch_log_group") {
		names[group.Text("name")] = true
	}
	for _, export := range replica.Body["enabled_cloudwatch_logs_exports"].([]any) {
		if name := fmt.Sprintf("/aws/rds/instance/%s/%s", replica.Text("identifier"), export); !names[name] {
			t.Errorf("RDS would make the log %s, without key and end", name)
		}
	}
	for path, count := range map[string]int{"database/events_instance": 2, "database/events_parameter_group": 2} {
		if sources := stack.Resource(t, "aws_db_event_subscription", path).Body["source_ids"].([]any); len(sources) != count {
			t.Errorf("%s hears of %v", path, sources)
		}
	}
	if endpoints := stack.Resources("aws_db_proxy_endpoint"); len(endpoints) > 0 {
		t.Error("RDS Proxy serves no replica of an instance, and there is an endpoint for one")
	}
	lags := slices.ContainsFunc(stack.Resources("aws_cloudwatch_metric_alarm"), func(alarm testkit.Resource) bool { return alarm.Text("metric_name") == "ReplicaLag" })
	if !lags {
		t.Error("nobody hears of a replica that falls behind")
	}
}

// Beside a replica RDS manages no master. Its password is in no plan, no state and no head, and is made before anybody
// needs it.
func TestMasterBesideAReplica(t *testing.T) {
	environment, stack := withReplica(t)
	main := stack.Resource(t, "aws_db_instance", "database/instance")
	if main.Body["manage_master_user_password"] != nil || main.Body["master_user_secret_kms_key_id"] != nil || main.Body["password"] != nil {
		t.Error("RDS refuses a replica of an instance whose master it manages")
	}
	if main.Text("password_wo") != "${uuid()}${uuid()}" || main.Body["password_wo_version"] != float64(1) {
		t.Errorf("the master begins with %v", main.Body["password_wo"])
	}
	// write-only arguments came with Terraform 1.11
	if version := stack.Body["terraform"].(map[string]any)["required_version"]; version != ">= 1.11.0, < 2.0.0" {
		t.Errorf("Terraform may be %v", version)
	}
	master := stack.Resource(t, "aws_secretsmanager_secret", "database/users/"+config.DatabaseAdmin+"/secret")
	if !rotates(stack, master) {
		t.Error("the master's password never changes")
	}

	after := dependencies(stack)
	order := []testkit.Resource{
		main, stack.Resource(t, "aws_lambda_invocation", "database/master_description"), stack.Resource(t, "aws_secretsmanager_secret_rotation", "database/"+config.DatabaseAdmin),
		stack.Resource(t, "aws_lambda_invocation", "database/master_password"), stack.Resource(t, "aws_lambda_invocation", "database/bootstrap_run"),
		stack.Resource(t, "aws_lambda_invocation", "database/first_passwords"),
	}
	for i, later := range order[1:] {
		if !after[later.Address()][order[i].Address()] {
			t.Errorf("%s does not wait for %s", later.Path, order[i].Path)
		}
	}
	// RDS changes no password while it copies the instance
	if replica := stack.Resource(t, "aws_db_instance", "database/replica/instance"); !after[replica.Address()][order[3].Address()] {
		t.Errorf("%s does not wait for %s", replica.Path, order[3].Path)
	}
	if input := stack.Resource(t, "aws_lambda_invocation", "database/bootstrap_run").Text("input"); !strings.Contains(input, `"masterSecretArn":"${`+master.Address()+`.arn}"`) {
		t.Errorf("the bootstrap signs in with %s", input)
	}
	var may []string
	for _, statement := range statements(t, stack.Resource(t, "aws_iam_role_policy", "database/rotation/rights"), "policy") {
		if slices.Contains(statement.Actions, "rds:ModifyDBInstance") {
			may = append(may, statement.Resources...)
		}
	}
	if !slices.Equal(may, []string{"${" + main.Address() + ".arn}"}) {
		t.Errorf("the rotation may change %v", may)
	}
	if !slices.Contains(environment.Network.InterfaceEndpoints, "rds") {
		way := slices.ContainsFunc(stack.Resources("aws_vpc_security_group_egress_rule"), func(rule testkit.Resource) bool {
			return strings.Contains(rule.Text("security_group_id"), "function") && rule.Text("cidr_ipv4") == "0.0.0.0/0" && rule.Body["to_port"] == float64(443)
		})
		if !way {
			t.Error("the rotation function cannot reach RDS")
		}
	}
}

func rotates(stack *testkit.Stack, secret testkit.Resource) bool {
	return slices.ContainsFunc(stack.Resources("aws_secretsmanager_secret_rotation"), func(rotation testkit.Resource) bool {
		return rotation.Text("secret_id") == "${"+secret.Address()+".arn}"
	})
}

// Where RDS manages the master, nobody else may set its password, and the functions need no way to RDS.
func TestNobodySetsTheMastersPasswordForRDS(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		for _, rights := range stack.Resources("aws_iam_role_policy") {
			if strings.Contains(rights.Text("policy"), "rds:ModifyDBInstance") {
				t.Errorf("%s: %s", stack.Name, rights.Path)
			}
		}
	}
}

// A snapshot fills the instance when it is made; another name later changes nothing.
func TestInstanceFromASnapshot(t *testing.T) {
	project := testkit.Project(t)
	project.Environments = slices.Clone(project.Environments)
	project.Environments[0].Database.SnapshotID = "batbern-dev-before"
	stack := testkit.Synth(t, project)[project.Environments[0].Stack()]
	instance := stack.Resource(t, "aws_db_instance", "database/instance")
	ignored := fmt.Sprint(instance.Body["lifecycle"].(map[string]any)["ignore_changes"])
	if instance.Text("snapshot_identifier") != "batbern-dev-before" || !strings.Contains(ignored, "snapshot_identifier") {
		t.Errorf("snapshot %v, ignored %v", instance.Body["snapshot_identifier"], ignored)
	}
	if untouched := testkit.StackNamed(t, "batbern-dev").Resource(t, "aws_db_instance", "database/instance"); untouched.Body["snapshot_identifier"] != nil {
		t.Error("an instance begins with a snapshot that nobody named")
	}
}
