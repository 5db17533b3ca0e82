package resources_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/lambda/event"
	"github.com/batbern/infrastructure/migrations"
)

// AC7: Flyway brings the schema to its version before any service rolls out.
func TestMigration(t *testing.T) {
	t.Run("should_integrateFlywayMigrations_when_databaseCreated", func(t *testing.T) {
		for _, stack := range testkit.Environments(t) {
			run := stack.Resource(t, "aws_lambda_invocation", "migration/run")
			after := dependencies(stack)
			services := stack.Resources("aws_ecs_service")
			if len(services) == 0 {
				t.Errorf("%s has no services", stack.Name)
			}
			for _, service := range services {
				if !after[service.Address()][run.Address()] {
					t.Errorf("%s: %s may roll out before its schema", stack.Name, service.Path)
				}
			}
			for _, first := range []string{"database/bootstrap_run", "database/instance"} {
				typ := "aws_lambda_invocation"
				if strings.HasSuffix(first, "instance") {
					typ = "aws_db_instance"
				}
				if before := stack.Resource(t, typ, first).Address(); !after[run.Address()][before] {
					t.Errorf("%s: the migration does not wait for %s", stack.Name, before)
				}
			}
			for _, rotation := range stack.Resources("aws_secretsmanager_secret_rotation") {
				if !after[run.Address()][rotation.Address()] {
					t.Errorf("%s: the migration does not wait for the first password of %s", stack.Name, rotation.Path)
				}
			}
		}
	})
}

// dependencies are, for each address, all that Terraform makes before it.
func dependencies(stack *testkit.Stack) map[string]map[string]bool {
	direct := map[string][]string{}
	for _, resource := range stack.All() {
		text, _ := json.Marshal(resource.Body)
		for _, other := range stack.All() {
			if other.Address() != resource.Address() && mentions(string(text), other.Address()) {
				direct[resource.Address()] = append(direct[resource.Address()], other.Address())
			}
		}
	}
	all := map[string]map[string]bool{}
	var visit func(address string) map[string]bool
	visit = func(address string) map[string]bool {
		if known, done := all[address]; done {
			return known
		}
		reached := map[string]bool{}
		all[address] = reached
		for _, next := range direct[address] {
			reached[next] = true
			maps.Copy(reached, visit(next))
		}
		return reached
	}
	for _, resource := range stack.All() {
		visit(resource.Address())
	}
	return all
}

// mentions says whether the text refers to the whole address.
func mentions(text, address string) bool {
	for rest := text; ; {
		_, after, found := strings.Cut(rest, address)
		if !found {
			return false
		}
		if after == "" || strings.ContainsRune(".\"}[, )", rune(after[0])) {
			return true
		}
		rest = after
	}
}

// The function takes what the stack sends, and starts and watches nothing but this task in this cluster.
func TestMigrationRequest(t *testing.T) {
	checksum, err := migrations.Checksum()
	if err != nil {
		t.Fatal(err)
	}
	for _, stack := range testkit.Environments(t) {
		run := stack.Resource(t, "aws_lambda_invocation", "migration/run")
		decoder := json.NewDecoder(strings.NewReader(run.Text("input")))
		decoder.DisallowUnknownFields()
		var request event.Migration
		if err := decoder.Decode(&request); err != nil {
			t.Fatalf("%s: the function does not understand its input: %v", stack.Name, err)
		}
		if request.Container != migrations.Container || request.MigrationsChecksum != checksum || len(request.Subnets) == 0 {
			t.Errorf("%s: %+v", stack.Name, request)
		}
		if kept := stack.Resource(t, "aws_ssm_parameter", "migration/request"); kept.Text("value") != run.Text("input") ||
			kept.Text("name") != migrations.RequestParameter(stack.Name) {
			t.Errorf("%s: `batbern migrate` would ask for something else than the deployment", stack.Name)
		}
		triggers := run.Body["triggers"].(map[string]any)
		if names := slices.Sorted(maps.Keys(triggers)); !slices.Equal(names, []string{"checksum", "image", "revision"}) {
			t.Errorf("%s: triggers %v", stack.Name, names)
		}
	}
}

// The task holds no password, may do nothing in AWS, and reads one secret.
func TestMigrationTask(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		task := stack.Resource(t, "aws_ecs_task_definition", "migration/task")
		var containers []map[string]any
		if err := json.Unmarshal([]byte(task.Text("container_definitions")), &containers); err != nil {
			t.Fatal(err)
		}
		if len(containers) != 1 || containers[0]["readonlyRootFilesystem"] != true || containers[0]["user"] == "" || containers[0]["privileged"] != false {
			t.Errorf("%s: container %v", stack.Name, containers)
		}
		if environment := fmt.Sprint(containers[0]["environment"]); strings.Contains(strings.ToLower(environment), "password") ||
			!strings.Contains(environment, "sslmode=verify-full") {
			t.Errorf("%s: environment %s", stack.Name, environment)
		}
		secrets := map[string]bool{}
		for _, secret := range containers[0]["secrets"].([]any) {
			arn, _, _ := strings.Cut(fmt.Sprint(secret.(map[string]any)["valueFrom"]), "}:")
			secrets[arn] = true
		}
		if len(secrets) != 1 {
			t.Errorf("%s: reads secrets %v", stack.Name, secrets)
		}
		role := "${" + stack.Resource(t, "aws_iam_role", "migration/task_role").Address()
		for _, typ := range []string{"aws_iam_role_policy", "aws_iam_role_policy_attachment"} {
			for _, rights := range stack.Resources(typ) {
				if strings.HasPrefix(rights.Text("role"), role+".") {
					t.Errorf("%s: Flyway itself may do something in AWS: %s", stack.Name, rights.Path)
				}
			}
		}
	}
}

// A migration that ends badly is heard of, whoever started it.
func TestMigrationFailuresAreHeardOf(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		pattern := stack.Resource(t, "aws_cloudwatch_event_rule", "migration/failed").Text("event_pattern")
		for _, word := range []string{`"STOPPED"`, `"anything-but":0`, `"exists":false`, `"family:` + stack.Name + `-migration"`} {
			if !strings.Contains(pattern, word) {
				t.Errorf("%s: the rule lacks %s: %s", stack.Name, word, pattern)
			}
		}
		if target := stack.Resource(t, "aws_cloudwatch_event_target", "migration/failed_to_topic"); !strings.Contains(target.Text("arn"), "aws_sns_topic") {
			t.Errorf("%s: nobody hears of it: %s", stack.Name, target.Text("arn"))
		}
	}
}

// The mail says in words what failed where, and what to do: not the event as AWS writes it.
func TestMigrationFailuresAreReadable(t *testing.T) {
	event := map[string]any{ // as ECS sends it, without what nobody asks for
		"time": "2026-02-19T03:04:05Z", "region": "eu-central-1",
		"detail": map[string]any{
			"taskArn":       "arn:aws:ecs:eu-central-1:222233334444:task/batbern-dev/0123456789abcdef",
			"stoppedReason": "Essential container in task exited",
			"containers":    []any{map[string]any{"exitCode": 1.0, "name": "flyway"}},
		},
	}
	for _, environment := range testkit.Project(t).Environments {
		stack := testkit.StackNamed(t, environment.Stack())
		transformer, _ := stack.Resource(t, "aws_cloudwatch_event_target", "migration/failed_to_topic").Body["input_transformer"].(map[string]any)
		if transformer == nil {
			t.Errorf("%s: the event goes out raw", stack.Name)
			continue
		}
		paths := transformer["input_paths"].(map[string]any)
		text := transformer["input_template"].(string)
		for name, path := range paths {
			if !strings.Contains(text, "<"+name+">") {
				t.Errorf("%s: %s is read and not said", stack.Name, name)
			}
			text = strings.ReplaceAll(text, "<"+name+">", fmt.Sprint(at(t, event, path.(string))))
		}
		for i, line := range strings.Split(text, "\n") {
			if len(line) < 3 || line[0] != '"' || line[len(line)-1] != '"' || strings.Contains(line[1:len(line)-1], `"`) {
				t.Errorf("%s: EventBridge refuses line %d: %s", stack.Name, i, line)
			}
			if strings.Contains(line, "<") {
				t.Errorf("%s: nothing fills line %d: %s", stack.Name, i, line)
			}
		}
		log := stack.Resource(t, "aws_cloudwatch_log_group", "migration/logs")
		for _, said := range []string{stack.Name, environment.Account.ID, environment.Account.Region, "exit code: 1", "2026-02-19T03:04:05Z", "Essential container", "/0123456789abcdef",
			"${" + log.Address() + ".name}", "docs/runbook.md#migration-errors"} {
			if !strings.Contains(text, said) {
				t.Errorf("%s: the mail does not say %s:\n%s", stack.Name, said, text)
			}
		}
	}
	runbook, err := os.ReadFile(filepath.Join(testkit.Root(), "docs", "runbook.md"))
	if err != nil || !strings.Contains(string(runbook), "\n### migration-errors\n") {
		t.Errorf("the mail's link leads nowhere: %v", err)
	}
}

var step = regexp.MustCompile(`\.([A-Za-z]+)(\[0\])?`)

// at reads one of the paths that the rules use: "$.detail.containers[0].exitCode".
func at(t *testing.T, value any, path string) any {
	t.Helper()
	for _, part := range step.FindAllStringSubmatch(path, -1) {
		value = value.(map[string]any)[part[1]]
		if part[2] != "" {
			value = value.([]any)[0]
		}
	}
	if value == nil {
		t.Errorf("ECS sends nothing at %s", path)
	}
	return value
}
