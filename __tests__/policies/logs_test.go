package policies_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/observability"
)

// logGroupFaults are the rules that a log group breaks.
func logGroupFaults(group testkit.Resource, production bool) []string {
	var faults []string
	days, _ := group.Body["retention_in_days"].(float64)
	if !slices.Contains(config.LogRetentionDays, int(days)) {
		faults = append(faults, fmt.Sprintf("is kept for %v days, which CloudWatch Logs does not accept", group.Body["retention_in_days"]))
	}
	if production && days < 365 {
		faults = append(faults, fmt.Sprintf("CloudWatch.16: is kept for %v days", days))
	}
	if !strings.Contains(group.Text("kms_key_id"), "aws_kms_key") {
		faults = append(faults, "has no key of ours")
	}
	if group.Body["skip_destroy"] == true {
		faults = append(faults, "stays behind")
	}
	return faults
}

func TestLogGroupsHaveRetentionAndKey(t *testing.T) {
	production := map[string]bool{}
	for _, environment := range testkit.Project(t).Environments {
		production[environment.Stack()] = environment.Production
	}
	for _, stack := range testkit.Stacks(t) {
		for _, group := range stack.Resources("aws_cloudwatch_log_group") {
			for _, fault := range logGroupFaults(group, production[stack.Name]) {
				t.Errorf("%s: %s %s", stack.Name, group.Path, fault)
			}
		}
	}
	for name, planted := range map[string]map[string]any{
		"for ever":      {"kms_key_id": "${aws_kms_key.x.arn}"},
		"a wrong time":  {"kms_key_id": "${aws_kms_key.x.arn}", "retention_in_days": 42.0},
		"too short":     {"kms_key_id": "${aws_kms_key.x.arn}", "retention_in_days": 90.0},
		"without a key": {"retention_in_days": 365.0},
		"left behind":   {"kms_key_id": "${aws_kms_key.x.arn}", "retention_in_days": 365.0, "skip_destroy": true},
	} {
		t.Run("planted: "+name, func(t *testing.T) {
			if len(logGroupFaults(testkit.Resource{Body: planted}, true)) == 0 {
				t.Error("not found")
			}
		})
	}
}

// producers are the names of log groups that what the stack makes will write to. AWS makes one that is missing, kept for
// ever and without a key.
func producers(stack *testkit.Stack) map[string]string {
	groups := map[string]string{}
	for _, function := range stack.Resources("aws_lambda_function") {
		groups[function.Path] = "/aws/lambda/" + function.Text("function_name")
		if own, _ := function.Body["logging_config"].(map[string]any); own["log_group"] != nil {
			groups[function.Path] = fmt.Sprint(own["log_group"])
		}
	}
	for _, instance := range stack.Resources("aws_db_instance") {
		exports, _ := instance.Body["enabled_cloudwatch_logs_exports"].([]any)
		for _, export := range exports {
			groups[instance.Path+" "+fmt.Sprint(export)] = fmt.Sprintf("/aws/rds/instance/%s/%s", instance.Text("identifier"), export)
		}
		if interval, _ := instance.Body["monitoring_interval"].(float64); interval > 0 {
			groups[instance.Path+" enhanced monitoring"] = "RDSOSMetrics"
		}
	}
	for _, proxy := range stack.Resources("aws_db_proxy") {
		groups[proxy.Path] = "/aws/rds/proxy/" + proxy.Text("name")
	}
	for _, stage := range stack.Resources("aws_apigatewayv2_stage") {
		settings, _ := stage.Body["access_log_settings"].(map[string]any)
		groups[stage.Path] = strings.ReplaceAll(fmt.Sprint(settings["destination_arn"]), ".arn}", ".name}")
	}
	for _, cluster := range stack.Resources("aws_ecs_cluster") {
		groups[cluster.Path+" insights"] = "/aws/ecs/containerinsights/" + cluster.Text("name") + "/performance"
	}
	for _, task := range stack.Resources("aws_ecs_task_definition") {
		for i, match := range regexp.MustCompile(`"awslogs-group":"([^"]+)"`).FindAllStringSubmatch(task.Text("container_definitions"), -1) {
			groups[fmt.Sprintf("%s %d", task.Path, i)] = match[1]
		}
	}
	for _, acl := range stack.Resources("aws_wafv2_web_acl_logging_configuration") {
		groups[acl.Path] = "aws-waf-logs-" + stack.Name + map[bool]string{true: "-edge", false: "-api"}[strings.HasPrefix(acl.Path, "edge/")]
	}
	for _, rejected := range stack.Resources("aws_flow_log") {
		if rejected.Text("log_destination_type") != "s3" {
			groups[rejected.Path] = strings.ReplaceAll(rejected.Text("log_destination"), ".arn}", ".name}")
		}
	}
	for _, canary := range stack.Resources("aws_synthetics_canary") {
		groups[canary.Path] = observability.CanaryLogGroup(canary.Address(), canary.Text("name"))
	}
	for _, cache := range stack.Resources("aws_elasticache_replication_group") {
		text, _ := json.Marshal(cache.Body["log_delivery_configuration"])
		for i, match := range regexp.MustCompile(`"destination":"([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
			groups[fmt.Sprintf("%s %d", cache.Path, i)] = match[1]
		}
	}
	return groups
}

func unmade(stack *testkit.Stack) []string {
	var made, faults []string
	for _, group := range stack.Resources("aws_cloudwatch_log_group") {
		made = append(made, resolve(stack, group.Text("name")))
	}
	for producer, group := range producers(stack) {
		if !slices.Contains(made, resolve(stack, group)) {
			faults = append(faults, fmt.Sprintf("%s writes to %s, which the stack does not make", producer, group))
		}
	}
	return faults
}

func TestEveryProducerHasItsLogGroup(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		if found := len(producers(stack)); found < 10 {
			t.Errorf("%s: only %d producers of logs were found", stack.Name, found)
		}
		for _, fault := range unmade(stack) {
			t.Errorf("%s: %s", stack.Name, fault)
		}
	}
	t.Run("planted: another function's name", func(t *testing.T) {
		stack := testkit.Synth(t, testkit.Project(t))["batbern-dev"]
		function := stack.Resources("aws_lambda_function")[0]
		delete(function.Body, "logging_config")
		function.Body["function_name"] = "somebody-else"
		if len(unmade(stack)) == 0 {
			t.Error("not found")
		}
	})
}

// addressOf is a resource's address inside an expression or among depends_on.
var addressOf = regexp.MustCompile(`\baws_[a-z0-9_]+\.[A-Za-z0-9_-]+`)

// madeBefore are the addresses of all resources that Terraform makes before a resource, and removes after it.
func madeBefore(stack *testkit.Stack, of testkit.Resource) map[string]bool {
	bodies := map[string]testkit.Resource{}
	for _, resource := range stack.All() {
		bodies[resource.Address()] = resource
	}
	locals, _ := stack.Body["locals"].(map[string]any)
	before := map[string]bool{}
	var visit func(value any)
	visit = func(value any) {
		text, _ := json.Marshal(value)
		for _, match := range regexp.MustCompile(`\blocal\.([A-Za-z0-9_-]+)`).FindAllSubmatch(text, -1) {
			visit(locals[string(match[1])])
		}
		for _, address := range addressOf.FindAllString(string(text), -1) {
			if resource, exists := bodies[address]; exists && !before[address] {
				before[address] = true
				visit(resource.Body)
			}
		}
	}
	visit(of.Body)
	return before
}

// shortLived are the log groups that Terraform removes before what writes to them. AWS then makes the group again, and
// the next apply fails because it exists.
func shortLived(stack *testkit.Stack) []string {
	groups := map[string]testkit.Resource{}
	for _, group := range stack.Resources("aws_cloudwatch_log_group") {
		groups[resolve(stack, group.Text("name"))] = group
	}
	writers := map[string]testkit.Resource{}
	for _, resource := range stack.All() {
		writers[resource.Path] = resource
	}
	var faults []string
	for producer, name := range producers(stack) {
		path, _, _ := strings.Cut(producer, " ") // behind it stands which of several logs
		writer, group := writers[path], groups[resolve(stack, name)]
		switch {
		case writer.Type == "aws_synthetics_canary":
			// its group is named after the canary, so it comes later and goes first. The function's role may not make
			// groups, and nothing else writes there: see below
		case group.Type == "" || writer.Type == "":
			faults = append(faults, fmt.Sprintf("%s or its log group %s was not found", producer, name))
		case !madeBefore(stack, writer)[group.Address()]:
			faults = append(faults, fmt.Sprintf("%s is removed before %s, which writes to it", group.Address(), writer.Address()))
		}
	}
	for _, policy := range append(stack.Resources("aws_iam_role_policy"), stack.Resources("aws_iam_policy")...) {
		if strings.Contains(policy.Text("policy"), "logs:CreateLogGroup") && !strings.Contains(policy.Path, "deployment") &&
			!strings.Contains(policy.Path, "boundary") {
			faults = append(faults, fmt.Sprintf("%s may make log groups, which have neither key nor retention", policy.Address()))
		}
	}
	slices.Sort(faults)
	return faults
}

func TestLogGroupsOutliveTheirWriters(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		for _, fault := range shortLived(stack) {
			t.Errorf("%s: %s", stack.Name, fault)
		}
	}
	t.Run("planted", func(t *testing.T) {
		stack := testkit.Synth(t, testkit.Project(t))["batbern-prod"]
		for _, typ := range []string{"aws_db_proxy", "aws_db_instance", "aws_ecs_cluster"} {
			for _, resource := range stack.Resources(typ) {
				delete(resource.Body, "depends_on")
			}
		}
		role := stack.Resource(t, "aws_iam_role_policy", "observability/canaries/rights")
		role.Body["policy"] = strings.Replace(role.Text("policy"), "logs:CreateLogStream", "logs:CreateLogGroup", 1)
		faults := strings.Join(shortLived(stack), "\n")
		for _, wanted := range []string{"aws_db_proxy.", "aws_db_instance.", "aws_ecs_cluster.", "observability_canaries_rights"} {
			if !strings.Contains(faults, wanted) {
				t.Errorf("%s was not found in\n%s", wanted, faults)
			}
		}
	})
}

// unmasked are the log groups in whose region personal data is not hidden.
func unmasked(stack *testkit.Stack) []string {
	masked := map[string]bool{}
	for _, policy := range stack.Resources("aws_cloudwatch_log_account_policy") {
		hides := policy.Text("policy_type") == "DATA_PROTECTION_POLICY" && policy.Text("scope") == "ALL"
		for _, personal := range []string{"EmailAddress", "AhvNumber", "SwissPhoneNumber", "CreditCardNumber"} {
			hides = hides && strings.Contains(policy.Text("policy_document"), personal)
		}
		masked[region(policy)] = hides
	}
	var faults []string
	for _, group := range stack.Resources("aws_cloudwatch_log_group") {
		if !masked[region(group)] {
			faults = append(faults, fmt.Sprintf("%s: nothing is masked in %s", group.Path, region(group)))
		}
	}
	return faults
}

// Personal data is hidden in every log, those of tomorrow too; saved queries read logs that are there.
func TestLogsAreMaskedAndCanBeAsked(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		for _, fault := range unmasked(stack) {
			t.Errorf("%s: %s", stack.Name, fault)
		}
		queries := stack.Resources("aws_cloudwatch_query_definition")
		if len(queries) < 8 {
			t.Errorf("%s: %d saved queries", stack.Name, len(queries))
		}
		for _, query := range queries {
			for _, group := range query.Body["log_group_names"].([]any) {
				if fault := dimensionFault(stack, "LogGroupName", fmt.Sprint(group)); fault != "" {
					t.Errorf("%s: %s: %s", stack.Name, query.Path, fault)
				}
			}
		}
	}
}

// The policies as AWS gets them, in every region of every stack.
func TestCustomDataIdentifiersAreAcceptedByCloudWatchLogs(t *testing.T) {
	judged := 0
	for _, stack := range testkit.Stacks(t) {
		for _, account := range stack.Resources("aws_cloudwatch_log_account_policy") {
			if account.Text("policy_type") != "DATA_PROTECTION_POLICY" {
				continue
			}
			var policy struct {
				Configuration struct {
					CustomDataIdentifier []observability.CustomIdentifier
				}
			}
			if err := json.Unmarshal([]byte(account.Text("policy_document")), &policy); err != nil {
				t.Fatal(err)
			}
			custom := policy.Configuration.CustomDataIdentifier
			if err := observability.CheckIdentifiers(custom, nil); err != nil || len(custom) == 0 {
				t.Errorf("%s: %s in %s: %d identifiers, %v", stack.Name, account.Path, region(account), len(custom), err)
			}
			// AWS, "mask-sensitive-log-data": "The limit for a data protection policy is 30,720 characters"
			if size := len(account.Text("policy_document")); size > 30_720 {
				t.Errorf("%s: %s has %d characters", stack.Name, account.Path, size)
			}
			judged++
		}
	}
	if judged < 6 { // three environments, two regions each
		t.Errorf("only %d policies were judged", judged)
	}
}

func TestPlantedLogsWithoutMaskAreFound(t *testing.T) {
	for _, stack := range testkit.Synth(t, testkit.Project(t)) {
		for _, policy := range stack.Resources("aws_cloudwatch_log_account_policy") {
			if region(policy) == virginia {
				policy.Body["policy_document"] = "{}"
			}
		}
		atEdge := len(stack.Resources("aws_wafv2_web_acl")) > 0
		if faults := unmasked(stack); stack.Name != "batbern-base" && (len(faults) > 0) != atEdge {
			t.Errorf("%s: with a firewall: %v, found %v", stack.Name, atEdge, faults)
		}
	}
}
