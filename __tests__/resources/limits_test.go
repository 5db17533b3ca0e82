package resources_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
)

// A whole production stack and the base with fifty services meet no limit of AWS that the synthesized JSON shows, in
// whatever construct: what one service adds to policies, dashboards, rules and queries of all.
func TestFiftyServicesFitTheirStacks(t *testing.T) {
	project := testkit.Project(t)
	prod := project.Environments[len(project.Environments)-1]
	original := prod.Services[0]
	prod.Services, project.Base.Pipelines, project.Base.Repositories = nil, nil, []string{config.FlywayRepository}
	for i := range 50 {
		service := original
		service.Name = fmt.Sprintf("service-with-long-name%02d", i) // 24 characters: the longest
		service.Repository, service.DatabaseUser = service.Name, fmt.Sprintf("service_with_long_name_%02d_service", i)
		service.Port = 8080 + i%30
		service.Routes = []config.Route{{Priority: 100 + i, Paths: []string{fmt.Sprintf("/api/v1/%d", i)}}}
		service.Buckets = []config.BucketAccess{{Bucket: "content", Write: true}, {Bucket: "imports"}}
		prod.Services = append(prod.Services, service)
		project.Base.Pipelines = append(project.Base.Pipelines, config.Pipeline{
			Name: service.Name, Repository: "BATbern/" + service.Name, SubjectPrefix: "repo:BATbern@123456789/" + service.Name + "@1234567890",
		})
		project.Base.Repositories = append(project.Base.Repositories, service.Name)
	}
	project.Environments = []config.Environment{prod}
	for name, stack := range testkit.Synth(t, project) {
		for _, fault := range limitFaults(t, stack.All()) {
			t.Errorf("%s: %s", name, fault)
		}
	}
}

// limitFaults are what AWS would refuse for its size. References count as they are written: about as long as ARNs.
func limitFaults(t *testing.T, resources []testkit.Resource) []string {
	t.Helper()
	var faults []string
	limit := func(what string, found, most int) {
		if found > most {
			faults = append(faults, fmt.Sprintf("%s: %d, AWS takes %d", what, found, most))
		}
	}
	inline, perRule, perGroup := map[string]int{}, map[string]int{}, map[string]int{}
	perType := map[string]int{}
	for _, r := range resources {
		perType[r.Type]++
		length := func(attribute string) int { return len(r.Text(attribute)) }
		switch r.Type {
		case "aws_iam_role":
			limit(r.Path+", name", length("name"), 64)
			limit(r.Path+", trust", length("assume_role_policy"), 2048)
		case "aws_iam_role_policy":
			inline[r.Text("role")] += length("policy")
		case "aws_iam_policy":
			limit(r.Path, length("policy"), 6144)
		case "aws_cloudwatch_dashboard":
			checkDashboard(t, r, limit)
		case "aws_cloudwatch_event_target":
			limit(r.Path+", input", length("input"), 8192)
			perRule[r.Text("rule")]++
		case "aws_cloudwatch_query_definition":
			groups, _ := r.Body["log_group_names"].([]any)
			limit(r.Path+", log groups", len(groups), 50)
		case "aws_cloudwatch_metric_alarm":
			queries, _ := r.Body["metric_query"].([]any)
			metrics := slices.DeleteFunc(slices.Clone(queries), func(q any) bool { return q.(map[string]any)["metric"] == nil })
			limit(r.Path+", metrics", len(metrics), 10)
			limit(r.Path+", name", length("alarm_name"), 255)
		case "aws_cloudwatch_composite_alarm":
			limit(r.Path+", alarms", strings.Count(r.Text("alarm_rule"), "ALARM("), 100)
			limit(r.Path+", rule", length("alarm_rule"), 10240)
		case "aws_db_proxy":
			auth, _ := r.Body["auth"].([]any)
			limit(r.Path+", secrets", len(auth), 200)
		case "aws_elasticache_user_group":
			users, _ := r.Body["user_ids"].([]any)
			limit(r.Path+", users", len(users), 100)
		case "aws_ssm_parameter":
			limit(r.Path, max(length("insecure_value"), length("value")), 4096)
		case "aws_lb_target_group":
			limit(r.Path+", name", length("name"), 32)
		case "aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule":
			perGroup[r.Type+" of "+r.Text("security_group_id")]++
		}
	}
	for role, size := range inline {
		limit(role+", inline policies", size, 10240)
	}
	for rule, targets := range perRule {
		limit(rule+", targets", targets, 5)
	}
	for group, rules := range perGroup {
		limit(group, rules, 60)
	}
	limit("rules of the load balancer", perType["aws_lb_listener_rule"], 100)
	limit("target groups of the load balancer", perType["aws_lb_target_group"], 100)
	limit("roles of the account", perType["aws_iam_role"], 1000)
	limit("alarms of the region", perType["aws_cloudwatch_metric_alarm"], 5000)
	limit("repositories of the region", perType["aws_ecr_repository"], 10000)
	return faults
}

func checkDashboard(t *testing.T, r testkit.Resource, limit func(string, int, int)) {
	t.Helper()
	var body struct {
		Widgets []struct {
			Properties struct {
				Metrics, Alarms []any
			}
		}
	}
	if err := json.Unmarshal([]byte(r.Text("dashboard_body")), &body); err != nil {
		t.Fatalf("%s: %v", r.Path, err)
	}
	metrics := 0
	for i, widget := range body.Widgets {
		limit(fmt.Sprintf("%s, widget %d, metrics", r.Path, i), len(widget.Properties.Metrics), 500)
		limit(fmt.Sprintf("%s, widget %d, alarms", r.Path, i), len(widget.Properties.Alarms), 100)
		metrics += len(widget.Properties.Metrics)
	}
	limit(r.Path+", widgets", len(body.Widgets), 500)
	limit(r.Path+", metrics", metrics, 2500)
}

// The limits above are met: a planted resource over one is reported.
func TestLimitFaultsPlanted(t *testing.T) {
	many := func(n int) []any { return make([]any, n) }
	long := func(n int) string { return strings.Repeat("x", n) }
	for name, planted := range map[string]testkit.Resource{
		"inline policy": {Type: "aws_iam_role_policy", Body: map[string]any{"role": "r", "policy": long(10241)}},
		"trust":         {Type: "aws_iam_role", Body: map[string]any{"name": "r", "assume_role_policy": long(2049)}},
		"event input":   {Type: "aws_cloudwatch_event_target", Body: map[string]any{"rule": "r", "input": long(8193)}},
		"query":         {Type: "aws_cloudwatch_query_definition", Body: map[string]any{"log_group_names": many(51)}},
		"proxy":         {Type: "aws_db_proxy", Body: map[string]any{"auth": many(201)}},
		"parameter":     {Type: "aws_ssm_parameter", Body: map[string]any{"insecure_value": long(4097)}},
		"composite":     {Type: "aws_cloudwatch_composite_alarm", Body: map[string]any{"alarm_rule": strings.Repeat("ALARM(a) ", 101)}},
		"dashboard":     {Type: "aws_cloudwatch_dashboard", Body: map[string]any{"dashboard_body": `{"widgets":[` + strings.TrimSuffix(strings.Repeat("{},", 501), ",") + `]}`}},
	} {
		if len(limitFaults(t, []testkit.Resource{planted})) != 1 {
			t.Errorf("%s is not caught", name)
		}
	}
}
