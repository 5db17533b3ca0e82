package resources_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/database"
	"github.com/batbern/infrastructure/lambda/event"
)

// AC6, AC8, AC9: the database is sized, backed up and pooled as the environment's configuration says.
func TestDatabase(t *testing.T) {
	t.Run("should_configureMultiAZ_when_productionEnvironment", func(t *testing.T) {
		for _, environment := range testkit.Project(t).Environments {
			stack := testkit.StackNamed(t, environment.Stack())
			testkit.HasResourceWithProperties(t, stack, "aws_db_instance", map[string]any{
				"multi_az":       environment.Database.MultiAz,
				"instance_class": environment.Database.InstanceClass,
				"engine":         "postgres",
				"engine_version": "15",
			})
			if environment.Production && !environment.Database.MultiAz {
				t.Error("production runs in one zone")
			}
		}
	})

	t.Run("should_configureBackupRetention_when_RDSProvisioned", func(t *testing.T) {
		for _, environment := range testkit.Project(t).Environments {
			stack := testkit.StackNamed(t, environment.Stack())
			testkit.HasResourceWithProperties(t, stack, "aws_db_instance", map[string]any{
				"backup_retention_period": environment.Database.BackupRetentionDays,
				"backup_window":           environment.Database.BackupWindow,
				"copy_tags_to_snapshot":   true,
			})
		}
	})

	t.Run("should_setupConnectionPooling_when_databaseReady", func(t *testing.T) {
		for _, environment := range testkit.Project(t).Environments {
			stack := testkit.StackNamed(t, environment.Stack())
			testkit.HasResourceWithProperties(t, stack, "aws_db_proxy", map[string]any{"require_tls": true, "engine_family": "POSTGRESQL", "debug_logging": false})
			pool := stack.Resource(t, "aws_db_proxy_default_target_group", "database/proxy_targets").Body["connection_pool_config"].(map[string]any)
			if got := pool["max_connections_percent"]; got != float64(environment.Database.ProxyConnectionsPercent) || got.(float64) > 90 {
				t.Errorf("%s: the proxy may take %v %% of the connections", stack.Name, got)
			}
		}
	})
}

// AC17: every password is made and changed by the rotation function.
func TestSecrets(t *testing.T) {
	t.Run("should_rotateSecrets_when_credentialsStored", func(t *testing.T) {
		for _, environment := range testkit.Project(t).Environments {
			stack := testkit.StackNamed(t, environment.Stack())
			rotated := map[string]bool{}
			for _, rotation := range stack.Resources("aws_secretsmanager_secret_rotation") {
				rotated[rotation.Text("secret_id")] = true
				rules := rotation.Body["rotation_rules"].(map[string]any)
				if days := rules["automatically_after_days"]; days != float64(environment.Database.RotationDays) {
					t.Errorf("%s: %s turns every %v days", stack.Name, rotation.Path, days)
				}
				if rotation.Body["rotate_immediately"] != true {
					t.Errorf("%s: %s leaves its user without a first password", stack.Name, rotation.Path)
				}
			}
			for _, secret := range stack.Resources("aws_secretsmanager_secret") {
				if strings.Contains(secret.Text("name"), "/database/") && !rotated["${"+secret.Address()+".arn}"] {
					t.Errorf("%s: %s is never rotated", stack.Name, secret.Text("name"))
				}
			}
			if users := serviceUsers(environment.Services); len(rotated) != len(users)+1 {
				t.Errorf("%s: %d secrets rotate; there are %d services' users, and Flyway's", stack.Name, len(rotated), len(users))
			}
		}
	})
}

func serviceUsers(services []config.Service) []string {
	var users []string
	for _, service := range services {
		if service.DatabaseUser != "" {
			users = append(users, service.DatabaseUser)
		}
	}
	return users
}

// What the AWS controls ask of every instance, whatever the environment.
func TestDatabaseControls(t *testing.T) {
	for _, environment := range testkit.Project(t).Environments {
		stack := testkit.StackNamed(t, environment.Stack())
		instance := stack.Resource(t, "aws_db_instance", "database/instance")
		for attribute, want := range map[string]any{
			"publicly_accessible": false, "storage_encrypted": true, "iam_database_authentication_enabled": true, "auto_minor_version_upgrade": true,
			"engine_lifecycle_support": "open-source-rds-extended-support-disabled", // no bill after the end of standard support
			"copy_tags_to_snapshot":    true, "manage_master_user_password": true, "performance_insights_enabled": true, "storage_type": "gp3",
			"deletion_protection": environment.Protection.DeletionProtection(), "skip_final_snapshot": !environment.Protection.FinalSnapshot(),
			"port": float64(environment.Database.Port), "username": config.DatabaseAdmin,
		} {
			if got := instance.Body[attribute]; got != want {
				t.Errorf("%s: %s is %v, want %v", stack.Name, attribute, got, want)
			}
		}
		for _, absent := range []string{"password", "password_wo", "iops", "storage_throughput"} {
			if instance.Body[absent] != nil {
				t.Errorf("%s: the instance has %s", stack.Name, absent)
			}
		}
		if lifecycle := instance.Body["lifecycle"].(map[string]any); lifecycle["prevent_destroy"] != environment.Protection.PreventDestroy() {
			t.Errorf("%s: prevent_destroy is %v", stack.Name, lifecycle["prevent_destroy"])
		}
		if exports := instance.Body["enabled_cloudwatch_logs_exports"]; !reflect.DeepEqual(exports, []any{"postgresql", "upgrade"}) {
			t.Errorf("%s: exports %v", stack.Name, exports)
		}
		subscriptions := map[string]any{}
		for _, subscription := range stack.Resources("aws_db_event_subscription") {
			subscriptions[subscription.Text("source_type")] = subscription.Body["event_categories"]
		}
		for source, categories := range map[string][]any{
			"db-instance":        {"configuration change", "failure", "maintenance"}, // RDS.20
			"db-parameter-group": {"configuration change"},                           // RDS.21
			"db-security-group":  {"configuration change", "failure"},                // RDS.22
		} {
			have, _ := subscriptions[source].([]any)
			for _, category := range categories {
				if !slices.Contains(have, category) {
					t.Errorf("%s: no event %q of %s is told", stack.Name, category, source)
				}
			}
		}
	}
}

// A disk has IOPS and throughput of its own where they are asked for, the replica's too, and else nothing is said of
// them: below 400 GiB RDS refuses every figure.
func TestOwnDiskSpeed(t *testing.T) {
	project := testkit.Project(t)
	project.Environments = slices.Clone(project.Environments)
	fast := &project.Environments[0].Database
	fast.StorageGiB, fast.MaxStorageGiB, fast.Iops, fast.ThroughputMiB, fast.ReadReplica = 400, 500, 16000, 1000, true
	for _, stack := range testkit.Synth(t, project) {
		for _, instance := range stack.Resources("aws_db_instance") {
			wanted := []any{nil, nil}
			if stack.Name == project.Environments[0].Stack() {
				wanted = []any{16000.0, 1000.0}
			}
			if found := []any{instance.Body["iops"], instance.Body["storage_throughput"]}; !reflect.DeepEqual(found, wanted) {
				t.Errorf("%s: %s has %v, want %v", stack.Name, instance.Path, found, wanted)
			}
		}
	}
}

// RDS refuses static parameters at once, and a log with statements' values would hold passwords and personal data.
func TestParameters(t *testing.T) {
	values := map[string]database.Parameter{}
	for _, parameter := range database.Parameters(testkit.Project(t).Environments[0].Database) {
		if _, twice := values[parameter.Name]; twice {
			t.Errorf("%s is set twice", parameter.Name)
		}
		values[parameter.Name] = parameter
	}
	for name, want := range map[string]string{
		"rds.force_ssl": "1", "log_statement": "ddl", "log_parameter_max_length": "0", "password_encryption": "scram-sha-256",
		"shared_preload_libraries": "pg_stat_statements",
	} {
		if values[name].Value != want {
			t.Errorf("%s is %q, want %q", name, values[name].Value, want)
		}
	}
	if values["shared_preload_libraries"].ApplyMethod() != "pending-reboot" || values["log_statement"].ApplyMethod() != "immediate" {
		t.Error("a parameter is applied in a way that RDS refuses")
	}
}

// The proxy reads exactly the secrets of those it signs in for, and nobody's else, and decrypts with exactly their key,
// through Secrets Manager.
func TestProxyReadsItsUsersSecretsOnly(t *testing.T) {
	for _, environment := range testkit.Project(t).Environments {
		stack := testkit.StackNamed(t, environment.Stack())
		proxy := stack.Resource(t, "aws_db_proxy", "database/proxy")
		var registered []string
		for _, auth := range proxy.Body["auth"].([]any) {
			block := auth.(map[string]any)
			registered = append(registered, fmt.Sprint(block["secret_arn"]))
			if block["iam_auth"] != "REQUIRED" {
				t.Errorf("%s: %v signs in without IAM", stack.Name, block["description"])
			}
		}
		slices.Sort(registered)
		var readable []string
		for _, statement := range stack.Resource(t, "aws_iam_role_policy", "database/proxy_rights").Policy(t, "policy")["Statement"].([]any) {
			if fields := statement.(map[string]any); fields["Sid"] == "ReadSecrets" {
				for _, arn := range fields["Resource"].([]any) {
					readable = append(readable, fmt.Sprint(arn))
				}
			}
		}
		rights := statements(t, stack.Resource(t, "aws_iam_role_policy", "database/proxy_rights"), "policy")
		key := "${" + stack.Resource(t, "aws_kms_key", "encryption/secrets").Address() + ".arn}"
		via := "secretsmanager." + environment.Account.Region + ".amazonaws.com"
		for _, statement := range rights {
			switch {
			case slices.Equal(statement.Actions, []string{"secretsmanager:GetSecretValue"}):
			case slices.Equal(statement.Actions, []string{"kms:Decrypt"}) && slices.Equal(statement.Resources, []string{key}) &&
				slices.Equal(statement.Conditions["StringEquals"]["kms:ViaService"], []string{via}):
			default:
				t.Errorf("%s: the proxy may %+v", stack.Name, statement)
			}
		}
		if len(rights) != 2 {
			t.Errorf("%s: the proxy has %d rights", stack.Name, len(rights))
		}
		if slices.Sort(readable); !slices.Equal(readable, registered) || len(readable) != len(serviceUsers(environment.Services)) {
			t.Errorf("%s: the proxy reads %v and signs in with %v", stack.Name, readable, registered)
		}
	}
}

// Nobody signs in before the first rotations, which run when Secrets Manager likes, have made the passwords.
func TestPasswordsComeBeforeThoseWhoNeedThem(t *testing.T) {
	for _, environment := range testkit.Project(t).Environments {
		stack := testkit.StackNamed(t, environment.Stack())
		wait := stack.Resource(t, "aws_lambda_invocation", "database/first_passwords")
		var event struct{ AwaitPasswords []string }
		if err := json.Unmarshal([]byte(wait.Text("input")), &event); err != nil {
			t.Fatal(err)
		}
		after := dependencies(stack)
		for _, rotation := range stack.Resources("aws_secretsmanager_secret_rotation") {
			if !slices.Contains(event.AwaitPasswords, rotation.Text("secret_id")) || !after[wait.Address()][rotation.Address()] {
				t.Errorf("%s: %s is not waited for", stack.Name, rotation.Path)
			}
		}
		needing := append(stack.Resources("aws_ecs_service"), stack.Resource(t, "aws_db_proxy_target", "database/proxy_target"),
			stack.Resource(t, "aws_lambda_invocation", "migration/run"))
		for _, one := range needing {
			if !after[one.Address()][wait.Address()] {
				t.Errorf("%s: %s does not wait for the passwords", stack.Name, one.Path)
			}
		}
	}
}

// The bootstrap is told of every service's login, and of nothing secret.
func TestBootstrapInput(t *testing.T) {
	for _, environment := range testkit.Project(t).Environments {
		stack := testkit.StackNamed(t, environment.Stack())
		invocation := stack.Resource(t, "aws_lambda_invocation", "database/bootstrap_run")
		var input event.Bootstrap
		if err := json.Unmarshal([]byte(invocation.Text("input")), &input); err != nil {
			t.Fatalf("%s: the function refuses its input: %v", stack.Name, err)
		}
		kinds, limits := map[string]string{}, map[string]int{}
		for _, login := range input.Logins {
			kinds[login.Name], limits[login.Name] = login.Kind, login.ConnectionLimit
			if login.Kind == event.KindService && !slices.Contains(input.Schemas, login.Schema) {
				t.Errorf("%s: %s has no schema", stack.Name, login.Name)
			}
			if login.Kind != event.KindReadOnly && login.SecretARN == "" {
				t.Errorf("%s: %s has no secret", stack.Name, login.Name)
			}
		}
		for _, user := range serviceUsers(environment.Services) {
			if kinds[user] != "service" {
				t.Errorf("%s: no login for %s", stack.Name, user)
			}
		}
		if kinds[config.DatabaseMigrator] != "migrator" || kinds[config.DatabaseReader] != "readonly" {
			t.Errorf("%s: logins %v", stack.Name, kinds)
		}
		// connections that bypass the proxy are limited to what the proxy leaves
		if limits[config.DatabaseMigrator] != config.MigrationConnections || limits[config.DatabaseReader] != config.OperatorConnections {
			t.Errorf("%s: limits %v", stack.Name, limits)
		}
	}
}
