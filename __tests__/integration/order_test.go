package integration_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
)

// docs/add-a-service.md: a service is listed anywhere, the order has no meaning.
func TestOrderOfServicesChangesNoStack(t *testing.T) {
	project := testkit.Project(t)
	slices.Reverse(project.Base.Repositories)
	slices.Reverse(project.Base.Pipelines)
	for i := range project.Environments {
		slices.Reverse(project.Environments[i].Services)
	}
	for name, reversed := range testkit.Synth(t, project) {
		usual := testkit.StackNamed(t, name)
		if len(usual.All()) != len(reversed.All()) {
			t.Errorf("%s: %d resources, %d with the services reversed", name, len(usual.All()), len(reversed.All()))
			continue
		}
		for i, resource := range usual.All() {
			if other := reversed.All()[i]; !reflect.DeepEqual(resource, other) {
				t.Errorf("%s: %s changes with the order of services:\n%v\n%v", name, resource.Address(), resource.Body, other.Body)
			}
		}
		if !reflect.DeepEqual(usual.Outputs(), reversed.Outputs()) {
			t.Errorf("%s: outputs change with the order of services", name)
		}
	}
}
