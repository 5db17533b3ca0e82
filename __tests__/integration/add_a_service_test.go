package integration_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
)

// docs/add-a-service.md, followed to the letter: its entry is put into the list, nothing else is touched, and synthesis and
// the tests of configuration and containers succeed with a sixth service in every environment: all that a service needs
// is there, in the base too, and nothing that stood is gone.
func TestAddAServiceAsDocumented(t *testing.T) {
	root := testkit.Root()
	overlay := withDocumentedEntry(t, root)
	out := filepath.Join(t.TempDir(), "cdktf.out")
	run(t, root, out, "run", "-overlay", overlay, ".")
	for _, before := range testkit.Stacks(t) {
		after := synthesized(t, filepath.Join(out, "stacks", before.Name, "cdk.tf.json"))
		for _, wrong := range leftAlone(addresses(before), after) {
			t.Errorf("%s: %s", before.Name, wrong)
		}
		for _, missing := range missingParts(partsOf(t, before.Name), after) {
			t.Errorf("%s: one entry makes no %s", before.Name, missing)
		}
	}
	run(t, root, out, "test", "-overlay", overlay, "-count=1", "./config")
	run(t, root, out, "test", "-overlay", overlay, "-count=1", "-run", "TestContainerInfrastructure|TestRolloutByEnvironment|TestContainersAreHardened",
		"./__tests__/resources")
}

// part is something that a service needs: a resource of a type whose construct path or body has all these words.
type part struct {
	typ   string
	words []string
}

// partsOf are what the one entry has to bring to a stack. The entry's name is newsletter, its database user
// newsletter_service, its port 8085 nobody else's.
func partsOf(t *testing.T, stack string) []part {
	t.Helper()
	if stack == "batbern-base" {
		parts := []part{
			{"aws_ecr_repository", []string{`"batbern/newsletter"`}}, {"aws_ecr_lifecycle_policy", []string{"registry/newsletter/"}},
			{"aws_ecr_repository_policy", []string{"registry/newsletter/"}}, {"aws_iam_role", []string{"batbern-base-newsletter-images", "repo:BATbern/newsletter:environment:images"}},
		}
		for _, name := range config.Names() {
			parts = append(parts, part{"aws_iam_role", []string{fmt.Sprintf("batbern-%s-newsletter-pipeline", name), fmt.Sprintf("repo:BATbern/newsletter:environment:%s", name)}})
		}
		return parts
	}
	environment := environmentOf(t, stack)
	in := "services/newsletter/"
	parts := []part{
		{"aws_ecs_task_definition", []string{in + "template", "NEWSLETTER_SENDER", "news@batbern.ch"}}, {"aws_ecs_task_definition", []string{in + "placeholder"}},
		{"aws_ecs_service", []string{in + "service"}}, {"aws_service_discovery_service", []string{in + "registry"}},
		{"aws_cloudwatch_log_group", []string{"/ecs/" + stack + "/newsletter"}},
		{"aws_iam_role", []string{in + "execution_role"}}, {"aws_iam_role", []string{in + "task_role"}}, {"aws_iam_role", []string{in + "pipeline_role"}},
		{"aws_iam_role_policy", []string{in + "execution_policy"}}, {"aws_iam_role_policy", []string{in + "task_policy", "events:PutEvents", "dbuser", "newsletter_service"}},
		{"aws_lb_target_group", []string{"load_balancer/newsletter/blue", "8085"}}, {"aws_lb_listener_rule", []string{"load_balancer/newsletter/rule_500", "/api/v1/newsletter"}},
		{"aws_appautoscaling_target", []string{in + "scaling_target"}}, {"aws_appautoscaling_policy", []string{in + "scaling_cpu"}},
		{"aws_cloudwatch_metric_alarm", []string{in + "rollback_5xx"}}, {"aws_cloudwatch_metric_alarm", []string{in + "rollback_unhealthy"}},
		{"aws_cloudwatch_metric_alarm", []string{"observability/", "newsletter"}},
		{"aws_cloudwatch_dashboard", []string{"services_newsletter_service"}},
		{"aws_ssm_parameter", []string{in + "deployment"}}, {"aws_ssm_parameter", []string{"parameters/", "newsletter"}},
		{"aws_secretsmanager_secret", []string{stack + "/database/newsletter_service"}}, {"aws_secretsmanager_secret_rotation", []string{"newsletter"}},
		{"aws_db_proxy", []string{"newsletter_service"}}, {"aws_lambda_invocation", []string{"database/", "newsletter_service"}},
		{"aws_vpc_security_group_ingress_rule", []string{"8085"}}, {"aws_vpc_security_group_egress_rule", []string{"8085"}},
	}
	if environment.Compute.Rollout.BlueGreen() {
		parts = append(parts,
			part{"aws_lb_target_group", []string{"load_balancer/newsletter/green"}}, part{"aws_lb_listener_rule", []string{"load_balancer/newsletter/test_rule_500"}},
			part{"aws_codedeploy_app", []string{in}}, part{"aws_codedeploy_deployment_group", []string{in}}, part{"aws_iam_role", []string{in + "deploy_role"}})
	}
	if len(environment.Services[0].Scaling.Schedules) > 0 {
		parts = append(parts, part{"aws_appautoscaling_scheduled_action", []string{in}})
	}
	if environment.Cache.Enabled() {
		parts = append(parts, part{"aws_elasticache_user", []string{"newsletter"}})
	}
	return parts
}

func environmentOf(t *testing.T, stack string) config.Environment {
	t.Helper()
	for _, environment := range testkit.Project(t).Environments {
		if environment.Stack() == stack {
			return environment
		}
	}
	t.Fatalf("no environment has the stack %s", stack)
	return config.Environment{}
}

// missingParts are those that no resource is.
func missingParts(parts []part, resources map[string]string) []string {
	var missing []string
	for _, part := range parts {
		found := false
		for address, text := range resources {
			if strings.HasPrefix(address, part.typ+".") && !slices.ContainsFunc(part.words, func(word string) bool { return !strings.Contains(text, word) }) {
				found = true
				break
			}
		}
		if !found {
			missing = append(missing, part.typ+" with "+strings.Join(part.words, ", "))
		}
	}
	return missing
}

// leftAlone finds what a new service must not do to what stands: take an address away.
func leftAlone(before []string, after map[string]string) []string {
	var wrong []string
	for _, address := range before {
		if _, stays := after[address]; !stays {
			wrong = append(wrong, address+" is gone")
		}
	}
	return wrong
}

func addresses(stack *testkit.Stack) []string {
	var all []string
	for _, resource := range stack.All() {
		all = append(all, resource.Address())
	}
	return all
}

// synthesized are a stack's resources as text, by address.
func synthesized(t *testing.T, file string) map[string]string {
	t.Helper()
	var stack struct {
		Resource map[string]map[string]json.RawMessage `json:"resource"`
	}
	if err := json.Unmarshal([]byte(read(t, file)), &stack); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for typ, resources := range stack.Resource {
		for id, body := range resources {
			all[typ+"."+id] = string(body)
		}
	}
	return all
}

// The search for parts finds a missing one, and the comparison a lost one.
func TestAddAServiceFaultsAreCaught(t *testing.T) {
	resources := map[string]string{"aws_a.x": "services/newsletter/template 8085", "aws_b.y": "other"}
	for _, present := range []part{{"aws_a", []string{"newsletter", "8085"}}, {"aws_b", nil}} {
		if missing := missingParts([]part{present}, resources); len(missing) != 0 {
			t.Errorf("%v", missing)
		}
	}
	for _, absent := range []part{{"aws_a", []string{"newsletter", "8086"}}, {"aws_b", []string{"newsletter"}}, {"aws_c", nil}} {
		if len(missingParts([]part{absent}, resources)) != 1 {
			t.Errorf("%v is not missed", absent)
		}
	}
	if len(leftAlone([]string{"aws_a.x", "aws_z.z"}, resources)) != 1 {
		t.Error("a lost resource is not missed")
	}
}

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// withDocumentedEntry gives an overlay file in which config/services.go has the documented entry.
func withDocumentedEntry(t *testing.T, root string) string {
	t.Helper()
	document := read(t, filepath.Join(root, "docs", "add-a-service.md"))
	blocks := goBlock.FindAllStringSubmatch(document, -1)
	if len(blocks) != 1 {
		t.Fatalf("the recipe has %d blocks of Go, not one: it is one entry", len(blocks))
	}
	file := filepath.Join(root, "config", "services.go")
	const list = "return withDefaults([]Service{\n"
	source := read(t, file)
	if strings.Count(source, list) != 1 {
		t.Fatalf("%s has no list that begins %q", file, list)
	}
	edited := filepath.Join(t.TempDir(), "services.go")
	write(t, edited, strings.Replace(source, list, list+blocks[0][1], 1))
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{file: edited}})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	write(t, overlay, string(text))
	return overlay
}

func run(t *testing.T, root, out string, arguments ...string) {
	t.Helper()
	command := exec.Command("go", arguments...)
	command.Dir = root
	command.Env = append(os.Environ(), "CDKTF_OUTDIR="+out)
	if text, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(arguments, " "), err, text)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
