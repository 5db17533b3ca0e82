package integration_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/stacks"
)

// AC1: what crosses between stacks.
func TestStackContract(t *testing.T) {
	base := testkit.StackNamed(t, "batbern-base")

	t.Run("should_shareBaseStackResources_when_referencedByEnvStacks", func(t *testing.T) {
		for _, phase := range []string{"none", "plan", "apply"} {
			project := testkit.Project(t, map[string]string{"BATBERN_DEPLOY_ROLE": phase})
			built := testkit.Synth(t, project)
			for _, environment := range project.Environments {
				stack := built[environment.Stack()]
				read := outputsRead(stack.JSON)
				for _, name := range missing(read, built["batbern-base"].Outputs()) {
					t.Errorf("%s reads %s, which the base does not write", stack.Name, name)
				}
				for _, name := range []string{stacks.OutputEnvironmentZoneID(environment.Name)} {
					if !slices.Contains(read, name) {
						t.Errorf("%s does not read %s", stack.Name, name)
					}
				}
			}
		}
		t.Run("planted: an output that nobody writes", func(t *testing.T) {
			text := `"a": "${data.terraform_remote_state.base.outputs.zone_id}/${data.terraform_remote_state.base.outputs.zone_idd}"`
			if got := missing(outputsRead(text), base.Outputs()); !slices.Equal(got, []string{"zone_idd"}) {
				t.Errorf("missing %v, want zone_idd", got)
			}
		})
	})

	t.Run("the base writes the whole contract, and every output says what it is", func(t *testing.T) {
		project := testkit.Project(t)
		want := []string{
			stacks.OutputZoneID, stacks.OutputZoneNameServers, stacks.OutputGithubProviderArn,
			stacks.OutputPlanRoleArn(config.BaseName), stacks.OutputApplyRoleArn(config.BaseName),
		}
		for _, repository := range project.Base.Repositories {
			want = append(want, stacks.OutputRepositoryURL(repository), stacks.OutputRepositoryArn(repository))
		}
		for _, name := range config.Names() {
			want = append(want, stacks.OutputEnvironmentZoneID(name), stacks.OutputPlanRoleArn(name), stacks.OutputApplyRoleArn(name), stacks.OutputDNSRoleArn(name), stacks.OutputDNSReadRoleArn(name))
		}
		for _, environment := range project.Environments {
			if !environment.Domains.Apex() {
				want = append(want, stacks.OutputEnvironmentNameServers(environment.Name))
			}
		}
		for _, name := range missing(want, base.Outputs()) {
			t.Errorf("there is no output %s", name)
		}
		if got := len(base.Outputs()); got != len(want) {
			t.Errorf("%d outputs, %d in the contract", got, len(want))
		}
		for name, output := range base.Outputs() {
			body := output.(map[string]any)
			if body["description"] == nil || body["value"] == nil {
				t.Errorf("output %s: %v", name, body)
			}
		}
	})

	t.Run("should_preventCrossDependencies_when_stacksIsolated", func(t *testing.T) {
		project := testkit.Project(t)
		if states := base.Data("terraform_remote_state"); len(states) > 0 {
			t.Errorf("the base reads %v", states)
		}
		for _, environment := range project.Environments {
			stack := testkit.StackNamed(t, environment.Stack())
			if states := stack.Data("terraform_remote_state"); len(states) != 1 || states["base"] == nil {
				t.Errorf("%s reads the states %v, want the base's alone", stack.Name, states)
			}
			for _, found := range mentions(stack.JSON, environment, project.Environments) {
				t.Errorf("%s mentions %s", stack.Name, found)
			}
		}
		t.Run("planted: each way to name another environment", func(t *testing.T) {
			dev, prod := project.Environments[0], project.Environments[2]
			for _, text := range []string{
				`{"bucket": "batbern-prod-content"}`,
				fmt.Sprintf(`{"role": "arn:aws:iam::%s:role/x"}`, prod.Account.ID),
				`{"name": "api.staging.batbern.ch"}`,
				fmt.Sprintf(`{"cidr": "%s"}`, prod.Network.Cidr),
			} {
				if len(mentions(text, dev, project.Environments)) == 0 {
					t.Errorf("not caught: %s", text)
				}
			}
		})
	})
}

var remoteOutput = regexp.MustCompile(`terraform_remote_state\.base\.outputs\.([A-Za-z0-9_]+)`)

// outputsRead are the base's outputs that the text refers to.
func outputsRead(text string) []string {
	var names []string
	for _, match := range remoteOutput.FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func missing(names []string, outputs map[string]any) []string {
	var absent []string
	for _, name := range names {
		if outputs[name] == nil {
			absent = append(absent, name)
		}
	}
	return absent
}

// mentions are the names, accounts and networks of other environments in the text of one.
func mentions(text string, own config.Environment, all []config.Environment) []string {
	var found []string
	for _, other := range all {
		if other.Name == own.Name {
			continue
		}
		names := []string{other.Stack(), other.Account.ID, other.Network.Cidr.String()}
		if !other.Domains.Apex() { // the apex is the zone, which all environments know
			names = append(names, other.Domains.Root)
		}
		for _, name := range names {
			if strings.Contains(text, name) {
				found = append(found, fmt.Sprintf("%s of %s", name, other.Name))
			}
		}
	}
	return found
}
