package resources_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/parameters"
)

// made is what a test environment with everything in it knows of AWS.
func made(environment config.Environment) parameters.Made {
	users := map[string]string{}
	for _, service := range environment.Services {
		users[service.Name] = "batbern-" + service.Name
	}
	return parameters.Made{
		DatabaseHost: "proxy.example", DatabasePort: 5432, ReplicaHost: "replica.example", ReplicaPort: 5433,
		Buckets: map[string]string{"content": "content-bucket", "imports": "imports-bucket"}, ServicesDomain: "batbern.internal",
		Cache: &parameters.Cache{Host: "cache.example", ReaderHost: "reader.example", Port: 6379, Users: users},
	}
}

// Every value is one that Parameter Store lets pass, and nothing among the keys promises a secret.
func TestParameterValuesFitTheirPatterns(t *testing.T) {
	secret := regexp.MustCompile(`password|secret|token|credential|private`)
	for _, environment := range testkit.Project(t).Environments {
		seen := map[string]bool{}
		for _, parameter := range parameters.All(parameters.Props{Environment: environment, Made: made(environment)}) {
			name := parameter.Name(environment)
			switch {
			case seen[name]:
				t.Errorf("%s is there twice", name)
			case !regexp.MustCompile(parameter.Pattern).MatchString(parameter.Value) || !strings.HasPrefix(parameter.Pattern, "^") || !strings.HasSuffix(parameter.Pattern, "$"):
				t.Errorf("%s: %q is not what %s lets pass", name, parameter.Value, parameter.Pattern)
			case regexp.MustCompile(parameter.Pattern).MatchString(parameter.Value + " x"):
				t.Errorf("%s: %s lets anything pass", name, parameter.Pattern)
			case secret.MatchString(name):
				t.Errorf("%s promises a secret", name)
			case parameter.Description == "", len(name) > 1011, len(parameter.Value) > 4096:
				t.Errorf("%s: %+v", name, parameter)
			}
			if list := strings.Contains(parameter.Value, ","); list != (parameter.Type == parameters.StringList) {
				t.Errorf("%s is a %s and holds %q", name, parameter.Type, parameter.Value)
			}
			seen[name] = true
		}
		for _, want := range []string{"platform/database/host", "platform/database/replica/host", "platform/cache/host", "platform/buckets/content", "platform/services", "event-management/database/user"} {
			if !seen["/batbern/"+string(environment.Name)+"/"+want] {
				t.Errorf("%s: no %s", environment.Name, want)
			}
		}
		bare := parameters.All(parameters.Props{Environment: environment})
		for _, parameter := range bare {
			if strings.HasPrefix(parameter.Key, "cache/") || strings.HasPrefix(parameter.Key, "buckets/") || parameter.Key == "database/host" {
				t.Errorf("%s: %s of nothing", environment.Name, parameter.Key)
			}
		}
	}
}

// The order of services changes no parameter.
func TestParametersDoNotDependOnTheOrderOfServices(t *testing.T) {
	environment := testkit.Project(t).Environments[0]
	turned := environment
	turned.Services = slices.Clone(environment.Services)
	slices.Reverse(turned.Services)
	props := parameters.Made{}
	if a, b := parameters.All(parameters.Props{Environment: environment, Made: props}), parameters.All(parameters.Props{Environment: turned, Made: props}); !slices.Equal(a, b) {
		t.Errorf("%v\n%v", a, b)
	}
}

// A service reads its own settings and the platform's, and nobody else's.
func TestServicesReadTheirOwnParameters(t *testing.T) {
	for _, environment := range testkit.Project(t).Environments {
		stack := testkit.StackNamed(t, environment.Stack())
		for _, service := range environment.Services {
			path := fmt.Sprintf("arn:aws:ssm:%s:%s:parameter/batbern/%s/", environment.Account.Region, environment.Account.ID, environment.Name)
			want := []string{path + service.Name, path + service.Name + "/*", path + "platform", path + "platform/*"}
			var got []string
			for _, statement := range statements(t, stack.Resource(t, "aws_iam_role_policy", below(service.Name, "task_policy")), "policy") {
				if slices.ContainsFunc(statement.Actions, func(action string) bool { return strings.HasPrefix(action, "ssm:") }) {
					got = append(got, statement.Resources...)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %s reads %v", stack.Name, service.Name, got)
			}
			text := stack.Resource(t, "aws_ecs_task_definition", below(service.Name, "template")).Text("container_definitions")
			if paths := fmt.Sprintf("/batbern/%[1]s/platform/;/batbern/%[1]s/%[2]s/", environment.Name, service.Name); !strings.Contains(text, paths) {
				t.Errorf("%s: %s does not know where its settings are", stack.Name, service.Name)
			}
		}
		names := map[string]bool{}
		for _, parameter := range stack.Resources("aws_ssm_parameter") {
			if own := strings.HasPrefix(parameter.Path, "parameters/"); own && (parameter.Text("type") == "SecureString" || parameter.Body["value"] != nil) {
				t.Errorf("%s: %s is no plain setting", stack.Name, parameter.Path)
			}
			names[parameter.Text("name")] = true
		}
		prefix := "/batbern/" + string(environment.Name) + "/platform/"
		if names[prefix+"cache/host"] != environment.Cache.Enabled() || !names[prefix+"database/host"] || !names[prefix+"log-level"] {
			t.Errorf("%s: parameters %v", stack.Name, names)
		}
	}
}
