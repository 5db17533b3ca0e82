package changes_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"
)

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
	"aws_secretsmanager_secret":         "deletion is scheduled; RDS Proxy and policies name it by ARN",
	"aws_iam_role":                      "policies and invocations name it by ARN",
	"aws_cloudwatch_log_group":          "queries and policies name it",
	"aws_ecs_task_definition":           "a revision is marked inactive",
	"aws_ecs_service":                   "alarms and dashboards name it",
	"aws_lb_listener_rule":              "CodeDeploy's policy names it by ARN",
	"aws_ssm_parameter":                 "policies name it by ARN",
	"aws_sns_topic":                     "alarms name it by ARN",
	"aws_ecr_repository":                "policies name it by ARN",
	"aws_elasticache_replication_group": "task definitions hold its endpoint as text",
	"aws_s3_bucket":                     "policies name it by ARN",
	"terraform_data":                    "not in AWS",
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

const noChange = "no change\n"

// tableOf is what the plan does: the addresses below each action and its arguments.
func tableOf(plan *tfjson.Plan) string {
	groups := map[string][]string{}
	for _, resource := range plan.ResourceChanges {
		if resource.Mode != tfjson.ManagedResourceMode {
			continue
		}
		var action string
		switch actions := resource.Change.Actions; {
		case actions.NoOp():
			continue
		case actions.DestroyBeforeCreate():
			action = "replace (destroy first): " + strings.Join(reasons(resource), ", ")
		case actions.CreateBeforeDestroy():
			action = "replace (create first): " + strings.Join(reasons(resource), ", ")
		case actions.Create():
			action = "create"
		case actions.Delete():
			action = "destroy"
		default:
			action = "update: " + strings.Join(altered(resource), ", ")
		}
		groups[action] = append(groups[action], resource.Address)
	}
	if len(groups) == 0 {
		return noChange
	}
	var table strings.Builder
	for _, action := range sorted(groups) {
		slices.Sort(groups[action])
		fmt.Fprintf(&table, "%s\n  %s\n", action, strings.Join(groups[action], "\n  "))
	}
	return table.String()
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

// Each fault that a plan can have is found, and nothing else is.
func TestFaults(t *testing.T) {
	planned := func(address string, actions ...tfjson.Action) *tfjson.ResourceChange {
		typ, name, _ := strings.Cut(address, ".")
		return &tfjson.ResourceChange{
			Address: address, Mode: tfjson.ManagedResourceMode, Type: typ, Name: name,
			Change: &tfjson.Change{Actions: actions, ReplacePaths: []any{[]any{"subnet_ids", 0}}},
		}
	}
	create, remove, alter, keep := tfjson.ActionCreate, tfjson.ActionDelete, tfjson.ActionUpdate, tfjson.ActionNoop
	before := newGraph(document{"resource": map[string]any{
		"aws_lb_target_group": map[string]any{
			"plain":       map[string]any{},
			"createFirst": map[string]any{"lifecycle": map[string]any{"create_before_destroy": true}},
		},
		"aws_lb_listener_rule": map[string]any{
			"plain":       map[string]any{"action": map[string]any{"target_group_arn": "${aws_lb_target_group.plain.arn}"}},
			"createFirst": map[string]any{"action": map[string]any{"target_group_arn": "${aws_lb_target_group.createFirst.arn}"}},
		},
	}})
	for name, test := range map[string]struct {
		change change
		plan   []*tfjson.ResourceChange
		want   string // part of the only fault; none where empty
	}{
		"a bucket is replaced":        {plan: []*tfjson.ResourceChange{planned("aws_s3_bucket.logs", remove, create)}, want: "aws_s3_bucket.logs is replaced: subnet_ids"},
		"a proxy is replaced":         {plan: []*tfjson.ResourceChange{planned("aws_db_proxy.main", create, remove)}, want: "aws_db_proxy.main is replaced"},
		"a key is destroyed":          {plan: []*tfjson.ResourceChange{planned("aws_kms_key.data", remove)}, want: "aws_kms_key.data holds data and is destroyed"},
		"a bucket is updated":         {plan: []*tfjson.ResourceChange{planned("aws_s3_bucket.logs", alter)}},
		"a task definition is new":    {plan: []*tfjson.ResourceChange{planned("aws_ecs_task_definition.web", remove, create)}},
		"a replacement that is meant": {change: change{replaces: []string{"db_proxy"}}, plan: []*tfjson.ResourceChange{planned("aws_db_proxy.main", remove, create)}},
		"a destruction that is meant": {change: change{destroys: []string{"newsletter"}}, plan: []*tfjson.ResourceChange{planned("aws_ecr_repository.newsletter", remove)}},
		"a replacement is not a removal": {change: change{destroys: []string{"newsletter"}}, plan: []*tfjson.ResourceChange{planned("aws_ecr_repository.newsletter", remove, create)},
			want: "aws_ecr_repository.newsletter is replaced"},
		"its rule still forwards to it": {plan: []*tfjson.ResourceChange{planned("aws_lb_target_group.plain", remove), planned("aws_lb_listener_rule.plain", alter)},
			want: "aws_lb_target_group.plain is destroyed while aws_lb_listener_rule.plain may still refer to it"},
		"its rule goes too":         {plan: []*tfjson.ResourceChange{planned("aws_lb_target_group.plain", remove), planned("aws_lb_listener_rule.plain", remove)}},
		"its rule is updated first": {plan: []*tfjson.ResourceChange{planned("aws_lb_target_group.createFirst", remove), planned("aws_lb_listener_rule.createFirst", alter)}},
		"nothing changes":           {plan: []*tfjson.ResourceChange{planned("aws_s3_bucket.logs", keep)}},
	} {
		t.Run(name, func(t *testing.T) {
			found := faults(test.change, &tfjson.Plan{ResourceChanges: test.plan}, before)
			switch {
			case test.want == "" && len(found) > 0:
				t.Errorf("found %q", found)
			case test.want != "" && (len(found) != 1 || !strings.Contains(found[0], test.want)):
				t.Errorf("found %q, want only %q", found, test.want)
			}
		})
	}
}

func TestTableOf(t *testing.T) {
	plan := &tfjson.Plan{ResourceChanges: []*tfjson.ResourceChange{
		{Address: "aws_a.new", Mode: tfjson.ManagedResourceMode, Change: &tfjson.Change{Actions: tfjson.Actions{tfjson.ActionCreate}}},
		{Address: "aws_a.kept", Mode: tfjson.ManagedResourceMode, Change: &tfjson.Change{Actions: tfjson.Actions{tfjson.ActionNoop}}},
		{Address: "data.aws_a.read", Mode: tfjson.DataResourceMode, Change: &tfjson.Change{Actions: tfjson.Actions{tfjson.ActionRead}}},
		{Address: "aws_b.z", Mode: tfjson.ManagedResourceMode, Change: &tfjson.Change{
			Actions: tfjson.Actions{tfjson.ActionUpdate},
			Before:  map[string]any{"rules": []any{"first", "second"}, "name": "z"}, After: map[string]any{"rules": []any{"second", "first"}, "name": "z"},
		}},
		{Address: "aws_b.y", Mode: tfjson.ManagedResourceMode, Change: &tfjson.Change{
			Actions: tfjson.Actions{tfjson.ActionUpdate},
			Before:  map[string]any{"rules": "known"}, AfterUnknown: map[string]any{"rules": true},
		}},
		{Address: "aws_c.x", Mode: tfjson.ManagedResourceMode, Change: &tfjson.Change{
			Actions: tfjson.Actions{tfjson.ActionDelete, tfjson.ActionCreate}, ReplacePaths: []any{[]any{"port"}},
		}},
	}}
	want := `create
  aws_a.new
replace (destroy first): port
  aws_c.x
update: rules
  aws_b.y
  aws_b.z
`
	if found := tableOf(plan); found != want {
		t.Errorf("found\n%s\nwant\n%s", found, want)
	}
}
