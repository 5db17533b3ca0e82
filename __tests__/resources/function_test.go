package resources_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/function"
	"github.com/batbern/infrastructure/constructs/policy"
)

// withoutResource are the actions for which AWS knows no resource.
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
var withoutResource = []string{
	"ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
	"ec2:UnassignPrivateIpAddresses", "secretsmanager:GetRandomPassword", "xray:PutTelemetryRecords", "xray:PutTraceSegments",
}

// functionFaults are the rules that a Go function and what belongs to it break.
func functionFaults(t *testing.T, stack *testkit.Stack, lambda testkit.Resource, production bool) []string {
	var faults []string
	fault := func(holds bool, format string, values ...any) {
		if !holds {
			faults = append(faults, fmt.Sprintf(format, values...))
		}
	}
	parent := strings.TrimSuffix(lambda.Path, "function")
	fault(lambda.Text("runtime") == "provided.al2023" && fmt.Sprint(lambda.Body["architectures"]) == "[arm64]", "runs on %v, %v", lambda.Body["runtime"], lambda.Body["architectures"])
	fault(lambda.Text("source_code_hash") != "", "has no source_code_hash: new code would not be seen")
	seconds, _ := lambda.Body["timeout"].(float64)
	fault(seconds > 0 && seconds <= 900, "may take %v seconds", seconds)
	if network, inside := lambda.Body["vpc_config"].(map[string]any); inside {
		subnets, _ := network["subnet_ids"].([]any)
		groups, _ := network["security_group_ids"].([]any)
		fault(len(subnets) >= 2, "Lambda.5: is in %d subnets", len(subnets))
		fault(len(groups) == 1, "has %d security groups", len(groups))
	}
	logs := stack.Resource(t, "aws_cloudwatch_log_group", parent+"logs")
	days, _ := logs.Body["retention_in_days"].(float64)
	fault(logs.Text("name") == "/aws/lambda/"+lambda.Text("function_name"), "logs into %s", logs.Text("name"))
	fault(logs.Text("kms_key_id") != "" && days > 0 && (!production || days >= 365), "its log is kept for %v days with key %q", days, logs.Text("kms_key_id"))
	role := stack.Resource(t, "aws_iam_role", parent+"role")
	fault(role.Text("permissions_boundary") != "", "has no boundary")
	for _, statement := range statements(t, role, "assume_role_policy") {
		// policy.ServiceRoles says why there are no conditions
		fault(slices.Equal(statement.Principals.Services, []string{"lambda.amazonaws.com"}), "its role trusts %+v", statement.Principals)
	}
	for _, statement := range statements(t, stack.Resource(t, "aws_iam_role_policy", parent+"rights"), "policy") {
		for _, action := range statement.Actions {
			fault(!strings.Contains(action, "*"), "may do %s", action)
			free := slices.Contains(statement.Resources, "*")
			fault(!free || statement.Effect == policy.Deny || slices.Contains(withoutResource, action), "may do %s to anything", action)
		}
	}
	for name := range variables(lambda) {
		fault(!strings.Contains(strings.ToUpper(name), "PASSWORD") || name == "PASSWORD_LENGTH", "is handed a secret in %s", name)
	}
	return faults
}

func variables(lambda testkit.Resource) map[string]any {
	environment, _ := lambda.Body["environment"].(map[string]any)
	values, _ := environment["variables"].(map[string]any)
	return values
}

// Every function of ours keeps to the same rules, in every environment.
func TestFunctions(t *testing.T) {
	for _, environment := range testkit.Project(t).Environments {
		stack, seen := testkit.StackNamed(t, environment.Stack()), 0
		for _, lambda := range stack.Resources("aws_lambda_function") {
			if lambda.Text("handler") != "bootstrap" {
				continue
			}
			seen++
			for _, fault := range functionFaults(t, stack, lambda, environment.Production) {
				t.Errorf("%s: %s %s", stack.Name, lambda.Path, fault)
			}
		}
		if sources, err := filepath.Glob(filepath.Join(testkit.Root(), "lambda", "*", "main.go")); err != nil || seen != len(sources) {
			t.Errorf("%s: %d functions, there are %d under lambda (%v)", stack.Name, seen, len(sources), err)
		}
	}
}

// functionProps are of a function that breaks no rule.
func functionProps(t *testing.T) function.Props {
	t.Helper()
	return function.Props{
		Name: "batbern-test-watch", Source: "secret-watch", Purpose: "Tests", Account: config.Account{ID: "222233334444", Region: "eu-central-1"},
		TimeoutSeconds: 10, SubnetIDs: []string{"subnet-a", "subnet-b"}, SecurityGroupID: "sg-1",
		BoundaryArn: "arn:aws:iam::222233334444:policy/boundary", LogsKeyArn: "arn:aws:kms:eu-central-1:222233334444:key/logs", LogRetentionDays: 30,
	}
}

// The construct alone keeps to the rules, and the rules find what breaks them.
func TestFunctionFaultsAreFound(t *testing.T) {
	right := policy.Statement{Sid: "Free", Effect: policy.Allow, Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []string{"*"}}
	for name, c := range map[string]struct {
		spoil func(*function.Props)
		want  string
	}{
		"sound":             {func(*function.Props) {}, ""},
		"outside the VPC":   {func(p *function.Props) { p.SubnetIDs, p.SecurityGroupID = nil, "" }, ""},
		"one zone":          {func(p *function.Props) { p.SubnetIDs = p.SubnetIDs[:1] }, "Lambda.5"},
		"no limit":          {func(p *function.Props) { p.TimeoutSeconds = 0 }, "may take"},
		"log for ever":      {func(p *function.Props) { p.LogRetentionDays = 0 }, "its log is kept"},
		"log without a key": {func(p *function.Props) { p.LogsKeyArn = "" }, "its log is kept"},
		"no boundary":       {func(p *function.Props) { p.BoundaryArn = "" }, "no boundary"},
		"a free right":      {func(p *function.Props) { p.Statements = []policy.Statement{right} }, "secretsmanager:GetSecretValue to anything"},
		"a secret":          {func(p *function.Props) { p.Variables = map[string]string{"DB_PASSWORD": "x"} }, "DB_PASSWORD"},
	} {
		props := functionProps(t)
		c.spoil(&props)
		stack := testkit.Construct(t, func(stack cdktf.TerraformStack) { function.New(stack, "watch", props) })
		found := strings.Join(functionFaults(t, stack, stack.Resource(t, "aws_lambda_function", "watch/function"), false), "; ")
		if (found == "") != (c.want == "") || !strings.Contains(found, c.want) {
			t.Errorf("%s: found %q, want %q", name, found, c.want)
		}
	}
}

// A function that does not compile ends the synthesis with the compiler's words.
func TestFunctionThatDoesNotCompile(t *testing.T) {
	props := functionProps(t)
	props.Source = "no-such-function"
	message := testkit.Fails(t, func() {
		testkit.Construct(t, func(stack cdktf.TerraformStack) { function.New(stack, "watch", props) })
	})
	if !strings.Contains(message, "function no-such-function does not compile") || !strings.Contains(message, "lambda/no-such-function") {
		t.Errorf("got %q", message)
	}
	if _, err := os.Stat(filepath.Join(testkit.Root(), "lambda", props.Source)); err == nil {
		t.Error("the function exists")
	}
}
