package integration_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batbern/infrastructure/__tests__/testkit"
)

// The state backend of every stack, and the remote state that environments read, for each BATBERN_BACKEND.
func TestBackends(t *testing.T) {
	type settings = map[string]string
	for name, c := range map[string]struct {
		settings settings
		backend  func(stack string) (kind string, body any)
		base     func(stack string) map[string]any
	}{
		"local": {
			backend: func(stack string) (string, any) {
				return "local", map[string]any{"path": "../../../terraform." + stack + ".tfstate"}
			},
			base: same(map[string]any{"backend": "local", "config": map[string]any{"path": "../../../terraform.batbern-base.tfstate"}}),
		},
		"emulator": {
			settings: settings{"BATBERN_AWS_ENDPOINT_URL": "http://localhost:4566"},
			backend: func(stack string) (string, any) {
				return "local", map[string]any{"path": "../../../.local/state/terraform." + stack + ".tfstate"}
			},
			base: same(map[string]any{"backend": "local", "config": map[string]any{"path": "../../../.local/state/terraform.batbern-base.tfstate"}}),
		},
		"cloud": {
			settings: settings{"BATBERN_BACKEND": "cloud", "BATBERN_TFC_ORGANIZATION": "batbern", "BATBERN_TFC_PROJECT": "platform",
				"BATBERN_TFC_HOST": "app.eu.terraform.io"},
			backend: func(stack string) (string, any) {
				return "cloud", map[string]any{"hostname": "app.eu.terraform.io", "organization": "batbern", "workspaces": map[string]any{"name": stack, "project": "platform"}}
			},
			base: same(map[string]any{"backend": "remote", "config": map[string]any{"hostname": "app.eu.terraform.io", "organization": "batbern", "workspaces": map[string]any{"name": "batbern-base"}}}),
		},
		"s3": {
			settings: settings{"BATBERN_BACKEND": "s3", "BATBERN_STATE_BUCKET": "batbern-state"},
			backend: func(stack string) (string, any) {
				backend := map[string]any{"bucket": "batbern-state", "encrypt": true, "key": stack + "/terraform.tfstate", "region": "eu-central-1", "use_lockfile": true}
				if stack != "batbern-base" {
					backend["assume_role"] = stateRole(stack)
				}
				return "s3", backend
			},
			base: func(stack string) map[string]any {
				return map[string]any{"backend": "s3", "config": map[string]any{
					"bucket": "batbern-state", "key": "batbern-base/terraform.tfstate", "region": "eu-central-1", "assume_role": stateRole(stack)}}
			},
		},
		"s3 in a pipeline": {
			settings: settings{"BATBERN_BACKEND": "s3", "BATBERN_STATE_BUCKET": "batbern-state", "BATBERN_DEPLOY_ROLE": "apply"},
			backend: func(stack string) (string, any) {
				return "s3", map[string]any{"bucket": "batbern-state", "encrypt": true, "key": stack + "/terraform.tfstate", "region": "eu-central-1", "use_lockfile": true}
			},
			base: same(map[string]any{"backend": "s3", "config": map[string]any{"bucket": "batbern-state", "key": "batbern-base/terraform.tfstate", "region": "eu-central-1"}}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			project := testkit.Project(t, c.settings)
			built := testkit.Synth(t, project)
			for _, stack := range project.Stacks() {
				terraform := built[stack].Body["terraform"].(map[string]any)
				kind, want := c.backend(stack)
				got := terraform[kind]
				if kind != "cloud" {
					got = terraform["backend"].(map[string]any)[kind]
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s: backend %v, want %v", stack, got, want)
				}
				if version := fmt.Sprint(terraform["required_version"]); !strings.HasPrefix(version, ">= 1.") {
					t.Errorf("%s: required_version %s", stack, version)
				}
				states := built[stack].Data("terraform_remote_state")
				if stack == "batbern-base" {
					if len(states) != 0 {
						t.Errorf("the base reads a state: %v", states)
					}
					continue
				}
				base, _ := states["base"].(map[string]any)
				delete(base, "//")
				delete(base, "lifecycle") // see TestOutputsOfTheBaseAreRequired
				if len(states) != 1 || !reflect.DeepEqual(base, c.base(stack)) {
					t.Errorf("%s: remote states %v, want base: %v", stack, states, c.base(stack))
				}
			}
		})
	}
}

// aboutState are the addresses of roles' policies that name the bucket of the states.
func aboutState(stack *testkit.Stack) map[string]bool {
	about := map[string]bool{}
	for _, resource := range stack.All() {
		text, _ := json.Marshal(resource.Body)
		if strings.HasPrefix(resource.Type, "aws_iam_") && strings.Contains(string(text), stateBucket) {
			about[resource.Address()] = true
		}
	}
	return about
}

// withoutState is a stack without what says where state is: its backend, the state that it reads, and the policies that
// are given.
func withoutState(stack *testkit.Stack, policies map[string]bool) map[string]any {
	var parsed map[string]any
	if err := json.Unmarshal([]byte(stack.JSON), &parsed); err != nil {
		panic(err)
	}
	terraform := parsed["terraform"].(map[string]any)
	delete(terraform, "backend")
	delete(terraform, "cloud")
	data, _ := parsed["data"].(map[string]any)
	delete(data, "terraform_remote_state")
	if len(data) == 0 {
		delete(parsed, "data")
	}
	for typ, resources := range parsed["resource"].(map[string]any) {
		for id := range resources.(map[string]any) {
			if policies[typ+"."+id] {
				delete(resources.(map[string]any), id)
			}
		}
	}
	return parsed
}

const stateBucket = "batbern-state-of-the-test"

// The backend says where state is, and changes nothing else: a project that moves its state has an empty plan.
func TestBackendsDifferInTheirStateAlone(t *testing.T) {
	built := map[string]map[string]*testkit.Stack{}
	for backend, settings := range map[string]map[string]string{"local": nil, "cloud": nil, "s3": {"BATBERN_STATE_BUCKET": stateBucket}} {
		built[backend] = testkit.Synth(t, testkit.Project(t, settings, map[string]string{
			"BATBERN_BACKEND": backend, "BATBERN_TFC_ORGANIZATION": "batbern"}))
	}
	for name, stack := range built["local"] {
		policies := aboutState(built["s3"][name])
		wanted := withoutState(stack, policies)
		for _, backend := range []string{"cloud", "s3"} {
			if difference := cmp.Diff(wanted, withoutState(built[backend][name], policies)); difference != "" {
				t.Errorf("%s with %s instead of local:\n%s", name, backend, difference)
			}
		}
	}
	t.Run("planted", func(t *testing.T) {
		stack := built["s3"]["batbern-dev"]
		before := withoutState(stack, nil)
		stack.JSON = strings.Replace(stack.JSON, "awaitPasswords", "awaitPassword", 1)
		if cmp.Diff(before, withoutState(stack, nil)) == "" {
			t.Error("another input of a function was not found")
		}
	})
}

// same is the remote state of every environment.
func same(state map[string]any) func(string) map[string]any {
	return func(string) map[string]any { return state }
}

// stateRole is how an administrator of an environment's account reaches a state that is in the base's account.
func stateRole(stack string) map[string]any {
	return map[string]any{"role_arn": "arn:aws:iam::111122223333:role/" + stack + "-state", "session_name": "batbern-terraform"}
}

// Every provider is bound to its stack's account; with an emulator none is, none assumes a role, and all point at it.
func TestProviders(t *testing.T) {
	providers := func(stack *testkit.Stack) []map[string]any {
		var all []map[string]any
		for _, provider := range stack.Body["provider"].(map[string]any)["aws"].([]any) {
			all = append(all, provider.(map[string]any))
		}
		return all
	}
	project := testkit.Project(t, map[string]string{"BATBERN_DEPLOY_ROLE": "plan"})
	built := testkit.Synth(t, project)
	for _, environment := range project.Environments {
		for _, provider := range providers(built[environment.Stack()]) {
			want := environment.Account.ID
			role := fmt.Sprintf("arn:aws:iam::%s:role/%s-plan", want, environment.Stack())
			if provider["alias"] == "dns" {
				want, role = project.Base.Account.ID, fmt.Sprintf("${data.terraform_remote_state.base.outputs.dns_read_role_arn_%s}", environment.Name)
			}
			if got := provider["allowed_account_ids"]; !reflect.DeepEqual(got, []any{want}) {
				t.Errorf("%s %v: allowed accounts %v, want %s", environment.Stack(), provider["alias"], got, want)
			}
			assumed := provider["assume_role"].([]any)[0].(map[string]any)["role_arn"]
			if assumed != role {
				t.Errorf("%s %v: assumes %v, want %s", environment.Stack(), provider["alias"], assumed, role)
			}
		}
	}

	// Terraform Cloud signs in to both accounts in each phase: no provider names a role, which would be one for both
	remote := testkit.Synth(t, testkit.Project(t, map[string]string{
		"BATBERN_BACKEND": "cloud", "BATBERN_TFC_ORGANIZATION": "batbern", "BATBERN_DEPLOY_ROLE": "remote"}))
	for _, environment := range project.Environments {
		stack := remote[environment.Stack()]
		for _, provider := range providers(stack) {
			want := "${var.tfc_aws_dynamic_credentials.default.shared_config_file}"
			if provider["alias"] == "dns" {
				want = `${var.tfc_aws_dynamic_credentials.aliases["DNS"].shared_config_file}`
			}
			if !reflect.DeepEqual(provider["shared_config_files"], []any{want}) || provider["assume_role"] != nil {
				t.Errorf("%s %v: credentials from %v, role %v; want %s alone", environment.Stack(), provider["alias"],
					provider["shared_config_files"], provider["assume_role"], want)
			}
		}
		variables, _ := stack.Body["variable"].(map[string]any)
		if variables["tfc_aws_dynamic_credentials"] == nil {
			t.Errorf("%s does not declare the variable that it reads: %v", environment.Stack(), variables)
		}
	}
	if variables := remote["batbern-base"].Body["variable"]; variables != nil {
		t.Errorf("the base has one account and one sign-in, and asks for %v", variables)
	}

	const endpoint = "http://127.0.0.1:5000"
	for name, stack := range testkit.Synth(t, testkit.Project(t, map[string]string{"BATBERN_AWS_ENDPOINT_URL": endpoint})) {
		for _, provider := range providers(stack) {
			if provider["allowed_account_ids"] != nil || provider["assume_role"] != nil {
				t.Errorf("%s %v: an emulator has neither accounts nor roles: %v", name, provider["alias"], provider)
			}
			if provider["s3_use_path_style"] != true || provider["skip_credentials_validation"] != true {
				t.Errorf("%s %v: not ready for an emulator: %v", name, provider["alias"], provider)
			}
			for service, url := range provider["endpoints"].([]any)[0].(map[string]any) {
				if url != endpoint {
					t.Errorf("%s: %s goes to %v", name, service, url)
				}
			}
		}
	}
}
