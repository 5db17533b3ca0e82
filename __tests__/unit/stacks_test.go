package unit_test

import (
	"slices"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
)

// AC1: separate stacks for each environment with a shared base stack.
func TestStackArchitecture(t *testing.T) {
	t.Run("should_createSeparateStacks_when_deployingEnvironments", func(t *testing.T) {
		var names []string
		for _, stack := range testkit.Stacks(t) {
			names = append(names, stack.Name)
			if len(stack.Body) == 0 {
				t.Errorf("%s is empty", stack.Name)
			}
		}
		if want := []string{"batbern-base", "batbern-dev", "batbern-staging", "batbern-prod"}; !slices.Equal(names, want) {
			t.Errorf("stacks %v, want %v", names, want)
		}
	})
}

// ADR 13: everyone runs the provider that CI runs. The binding writes its own, older version.
func TestEveryStackRequiresTheSameProvider(t *testing.T) {
	for _, stack := range testkit.Stacks(t) {
		terraform := stack.Body["terraform"].(map[string]any)
		providers := terraform["required_providers"].(map[string]any)
		if len(providers) != 1 {
			t.Errorf("%s requires %v, want hashicorp/aws alone", stack.Name, providers)
		}
		aws, _ := providers["aws"].(map[string]any)
		if aws["source"] != "hashicorp/aws" || aws["version"] != "5.100.0" {
			t.Errorf("%s requires %v, want exactly hashicorp/aws 5.100.0", stack.Name, aws)
		}
	}
}
