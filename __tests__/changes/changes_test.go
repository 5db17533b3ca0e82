package changes_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/terraform/terraformtest"
)

var update = flag.Bool("update", false, "write testdata/changes.txt")

// change is something that an engineer changes in the configuration of a running environment.
type change struct {
	name  string
	stack string
	apply func(*config.Project)
	// destroys and replaces are parts of addresses that the change is meant to destroy or replace, although they hold
	// data or serve requests.
	destroys, replaces []string
}

const base = "batbern-base"

func changes() []change {
	return []change{
		{name: "nothing", stack: base, apply: func(*config.Project) {}},
		{name: "add a service", stack: base, apply: func(p *config.Project) {
			p.Base.Repositories = append(slices.Clone(p.Base.Repositories), "newsletter")
		}},
		{name: "remove a service", stack: base, destroys: []string{"partner-analytics"}, apply: func(p *config.Project) {
			p.Base.Repositories = slices.DeleteFunc(slices.Clone(p.Base.Repositories), func(name string) bool { return name == "partner-analytics" })
		}},
	}
}

// stateful types hold what cannot be made again: a plan that replaces or destroys one of them loses data.
var stateful = []string{
	"aws_backup_vault", "aws_cloudwatch_log_group", "aws_db_instance", "aws_ecr_repository", "aws_elasticache_replication_group", "aws_kms_key",
	"aws_route53_zone", "aws_s3_bucket", "aws_secretsmanager_secret",
}

// serving types are what requests pass through: replacing one of them interrupts the platform.
var serving = []string{
	"aws_apigatewayv2_api", "aws_apigatewayv2_integration", "aws_apigatewayv2_stage", "aws_apigatewayv2_vpc_link", "aws_cloudfront_distribution",
	"aws_db_proxy", "aws_db_proxy_default_target_group", "aws_db_proxy_target", "aws_db_subnet_group", "aws_ecs_cluster", "aws_ecs_service",
	"aws_elasticache_subnet_group", "aws_elasticache_user", "aws_elasticache_user_group", "aws_iam_openid_connect_provider", "aws_lb", "aws_lb_listener", "aws_nat_gateway",
	"aws_security_group", "aws_service_discovery_private_dns_namespace", "aws_subnet", "aws_vpc",
}

// releasable types may be deleted in AWS while another resource still names them, so their deletion needs no order.
var releasable = map[string]string{
	"aws_secretsmanager_secret": "deletion is scheduled; RDS Proxy and policies name it by ARN",
	"aws_iam_role":              "policies and invocations name it by ARN",
	"aws_cloudwatch_log_group":  "queries and policies name it",
	"aws_ecs_task_definition":   "a revision is marked inactive",
	"aws_ecs_service":           "alarms and dashboards name it",
	"aws_lb_listener_rule":      "CodeDeploy's policy names it by ARN",
	"aws_ssm_parameter":         "policies name it by ARN",
	"aws_sns_topic":             "alarms name it by ARN",
	"aws_ecr_repository":        "policies name it by ARN",
	"aws_s3_bucket":             "policies name it by ARN",
	"terraform_data":            "not in AWS",
}

// The table of testdata/changes.txt: what each change creates, updates, replaces and destroys, planned by Terraform with the
// real provider over a state as if the configuration had been applied. Run with -update to write it, then review it.
func TestChanges(t *testing.T) {
	s := newStage(t, engine(t, "terraform"))
	before := s.synthesize(t, testkit.Project(t))
	s.settle(t, base, before[base])
	var table strings.Builder
	golden := filepath.Join("testdata", "changes.txt")
	for _, each := range changes() {
		t.Run(each.stack+" "+each.name, func(t *testing.T) {
			project := testkit.Project(t)
			each.apply(&project)
			after := s.synthesize(t, project)[each.stack]
			s.write(t, each.stack, after)
			plan := s.plan(t, each.stack)
			fmt.Fprintf(&table, "%s: %s\n%s\n", each.stack, each.name, strings.Join(tableOf(plan), ""))
			if *update {
				if err := os.WriteFile(golden, []byte(table.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for _, wrong := range faults(each, plan, newGraph(before[each.stack])) {
				t.Error(wrong)
			}
		})
	}
	reviewed, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if table.String() != string(reviewed) {
		t.Errorf("the changes are not those of %s; run with -update and review the difference:\n%s", golden, difference(string(reviewed), table.String()))
	}
}

// faults are what a plan does that no change may do.
func faults(of change, plan *tfjson.Plan, before graph) []string {
	var found []string
	mentioned := func(parts []string, address string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(address, part) })
	}
	kept := map[string]bool{}
	for _, resource := range plan.ResourceChanges {
		kept[resource.Address] = !resource.Change.Actions.Delete()
	}
	for _, resource := range plan.ResourceChanges {
		actions, address := resource.Change.Actions, resource.Address
		holds := slices.Contains(stateful, resource.Type)
		switch {
		case actions.Replace() && (holds || slices.Contains(serving, resource.Type)) && !mentioned(of.replaces, address):
			found = append(found, address+" is replaced: "+strings.Join(reasons(resource), ", "))
		case actions.Delete() && holds && !mentioned(of.destroys, address):
			found = append(found, address+" holds data and is destroyed")
		}
		if !actions.Delete() || before.createFirst[address] || releasable[resource.Type] != "" {
			continue
		}
		for referrer, named := range before.direct {
			if kept[referrer] && slices.Contains(named, address) {
				found = append(found, fmt.Sprintf("%s is destroyed while %s may still refer to it: make it create_before_destroy", address, referrer))
			}
		}
	}
	slices.Sort(found)
	return found
}

// tableOf is what the plan does, one line per resource.
func tableOf(plan *tfjson.Plan) []string {
	var lines []string
	for _, resource := range plan.ResourceChanges {
		if resource.Mode != tfjson.ManagedResourceMode {
			continue
		}
		switch actions := resource.Change.Actions; {
		case actions.NoOp():
		case actions.Replace():
			lines = append(lines, fmt.Sprintf("  replace %s: %s\n", resource.Address, strings.Join(reasons(resource), ", ")))
		case actions.Create():
			lines = append(lines, fmt.Sprintf("  create  %s\n", resource.Address))
		case actions.Delete():
			lines = append(lines, fmt.Sprintf("  destroy %s\n", resource.Address))
		default:
			lines = append(lines, fmt.Sprintf("  update  %s: %s\n", resource.Address, strings.Join(altered(resource), ", ")))
		}
	}
	slices.Sort(lines)
	return lines
}

// reasons are the arguments for which a resource is replaced.
func reasons(resource *tfjson.ResourceChange) []string {
	var names []string
	for _, path := range resource.Change.ReplacePaths {
		if steps, _ := path.([]any); len(steps) > 0 {
			names = append(names, fmt.Sprint(steps[0]))
		}
	}
	if len(names) == 0 {
		names = altered(resource)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// altered are the attributes that change.
func altered(resource *tfjson.ResourceChange) []string {
	before, after, unknown := object(resource.Change.Before), object(resource.Change.After), object(resource.Change.AfterUnknown)
	var names []string
	for name, value := range before {
		if unknown[name] == true || !reflect.DeepEqual(value, after[name]) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// difference are the lines that only one of the texts has.
func difference(want, found string) string {
	var lines []string
	has := func(text, line string) bool { return slices.Contains(strings.Split(text, "\n"), line) }
	for _, line := range strings.Split(want, "\n") {
		if !has(found, line) {
			lines = append(lines, "- "+line)
		}
	}
	for _, line := range strings.Split(found, "\n") {
		if !has(want, line) {
			lines = append(lines, "+ "+line)
		}
	}
	return strings.Join(lines, "\n")
}

// engine is the path of terraform or tofu.
func engine(t *testing.T, name string) string {
	t.Helper()
	terraformtest.RequireProvider(t)
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: no change was planned", name)
	}
	return path
}
