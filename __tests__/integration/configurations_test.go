package integration_test

import (
	"math/rand/v2"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/config/configtest"
	"github.com/batbern/infrastructure/internal/synth"
	"github.com/batbern/infrastructure/internal/terraform"
	"github.com/batbern/infrastructure/internal/terraform/terraformtest"
)

// Unusual configurations that are accepted synthesize, whatever fields they change together: no panic, no error of jsii.
func TestAcceptedConfigurationsSynthesize(t *testing.T) {
	for seed := range uint64(2) {
		project := testkit.Project(t)
		mutations := configtest.All(&project)
		random := rand.New(rand.NewPCG(seed, 16))
		random.Shuffle(len(mutations), func(i, j int) { mutations[i], mutations[j] = mutations[j], mutations[i] })
		var applied []configtest.Mutation
		for _, mutation := range mutations[:1000] {
			undo := mutation.Apply()
			if project.Validate() != nil {
				undo()
				continue
			}
			applied = append(applied, mutation)
		}
		if len(applied) < 50 {
			t.Fatalf("seed %d: only %d values were accepted together", seed, len(applied))
		}
		built, err := testkit.TrySynth(project)
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			for _, mutation := range applied {
				t.Log(mutation)
			}
			continue
		}
		validate(t, project, seed)
		if len(built) != len(project.Stacks()) {
			t.Errorf("seed %d: %d stacks", seed, len(built))
		}
	}
}

// validate has the real provider check the first environment, where Terraform and the provider are available.
func validate(t *testing.T, project config.Project, seed uint64) {
	t.Helper()
	if !terraformtest.ProviderFound() || seed > 0 {
		return
	}
	folder := t.TempDir()
	if _, err := synth.Into(folder, project, false, func(string) {}); err != nil {
		t.Fatal(err)
	}
	stack, err := terraform.Open(folder, project.Environments[0].Stack(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := stack.Init(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	faults, err := stack.Validate(t.Context())
	t.Logf("%s was validated by the provider", stack.Name)
	if err != nil || len(faults) > 0 {
		t.Errorf("terraform validate: %v %v", faults, err)
	}
}
