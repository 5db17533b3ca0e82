package policies_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
)

// secretArguments take a clear secret and would keep it in the plan or the state.
var secretArguments = regexp.MustCompile(`^(password|master_password|auth_token|secret_string|secret_binary|passwords|secret_key|private_key|token)$`)

// No plan and no state can hold a password: no argument that takes one is set, and nothing makes random ones.
func TestNoSecretIsAnArgument(t *testing.T) {
	for _, stack := range testkit.Stacks(t) {
		for _, fault := range secretFaults(stack.All()) {
			t.Errorf("%s: %s", stack.Name, fault)
		}
	}
}

func TestPlantedSecretsAreFound(t *testing.T) {
	planted := []testkit.Resource{
		{Type: "aws_db_instance", ID: "a", Body: map[string]any{"password": "hunter2"}},
		{Type: "random_password", ID: "b", Body: map[string]any{"length": 32}},
		{Type: "aws_secretsmanager_secret_version", ID: "c", Body: map[string]any{"secret_string": `{"password": "x"}`}},
		{Type: "aws_elasticache_user", ID: "d", Body: map[string]any{"authentication_mode": map[string]any{"passwords": []any{"x"}}}},
		{Type: "aws_elasticache_replication_group", ID: "e", Body: map[string]any{"auth_token": "x"}},
	}
	if faults := secretFaults(planted); len(faults) != len(planted) {
		t.Errorf("found %v", faults)
	}
	if faults := secretFaults([]testkit.Resource{{Type: "aws_db_instance", Body: map[string]any{"manage_master_user_password": true}}}); len(faults) != 0 {
		t.Errorf("refused %v", faults)
	}
}

func secretFaults(resources []testkit.Resource) []string {
	var faults []string
	for _, resource := range resources {
		if strings.HasPrefix(resource.Type, "random_") {
			faults = append(faults, resource.Address()+" keeps what it makes in the state")
		}
		if argument := secretArgument(resource.Body); argument != "" {
			faults = append(faults, resource.Address()+" sets "+argument)
		}
	}
	return faults
}

// secretArgument is the name of the first argument, however deep, that holds a clear secret.
func secretArgument(value any) string {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if name == "//" {
				continue
			}
			if secretArguments.MatchString(name) && inner != nil && inner != "" {
				return name
			}
			if found := secretArgument(inner); found != "" {
				return found
			}
		}
	case []any:
		for _, inner := range v {
			if found := secretArgument(inner); found != "" {
				return found
			}
		}
	}
	return ""
}
