package environments_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
)

// AC2: environment-specific parameters and resource sizing.
func TestEnvironmentConfiguration(t *testing.T) {
	t.Run("should_loadEnvironmentConfig_when_deployingStack", func(t *testing.T) {
		project := testkit.Project(t)
		for _, environment := range project.Environments {
			stack := testkit.StackNamed(t, environment.Stack())
			testkit.HasProvider(t, stack, "aws", map[string]any{
				"region":              environment.Account.Region,
				"allowed_account_ids": []any{environment.Account.ID},
			})
			vpcs := stack.Resources("aws_vpc")
			if len(vpcs) != 1 || vpcs[0].Text("cidr_block") != environment.Network.Cidr.String() {
				t.Errorf("%s: the VPC is not the configuration's %s: %v", stack.Name, environment.Network.Cidr, vpcs)
			}
		}
	})

	t.Run("should_applyResourceSizing_when_environmentSpecified", func(t *testing.T) {
		for _, environment := range testkit.Project(t).Environments {
			stack := testkit.StackNamed(t, environment.Stack())
			if got, want := len(stack.Resources("aws_nat_gateway")), environment.Network.NatGateways; got != want {
				t.Errorf("%s: %d NAT gateways, configured are %d", stack.Name, got, want)
			}
			if got, want := len(stack.Resources("aws_subnet")), 3*len(config.Tiers()); got != want {
				t.Errorf("%s: %d subnets, want %d: one per tier and zone, in use or not", stack.Name, got, want)
			}
		}
	})

	t.Run("should_throwError_when_requiredConfigMissing", func(t *testing.T) {
		_, err := config.LoadProject(map[string]string{"BATBERN_BACKEND": "cloud"})
		if err == nil || !strings.Contains(err.Error(), "BATBERN_TFC_ORGANIZATION") {
			t.Errorf("a missing organization gives %v", err)
		}
	})
}

// A bad value ends the program with the list of faults, exit code 1, no trace, and nothing written.
func TestBadValueEndsTheProgram(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "out")
	program := filepath.Join(t.TempDir(), "app")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = testkit.Root()
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	command := exec.Command(program)
	command.Dir = t.TempDir()
	command.Env = append(command.Environ(), "CDKTF_OUTDIR="+folder, "BATBERN_ACCOUNT_DEV=12", "BATBERN_DOMAIN=nowhere", "BATBERN_BACKEND=local")
	out, err := command.CombinedOutput()
	exit, isExit := err.(*exec.ExitError)
	if !isExit || exit.ExitCode() != 1 {
		t.Errorf("exit %v, want 1", err)
	}
	for _, word := range []string{"2 wrong values", "BATBERN_ACCOUNT_DEV", `"12"`, "12 digits", "BATBERN_DOMAIN"} {
		if !strings.Contains(string(out), word) {
			t.Errorf("the message lacks %q:\n%s", word, out)
		}
	}
	for _, trace := range []string{"goroutine", "panic", ".go:", "node:"} {
		if strings.Contains(string(out), trace) {
			t.Errorf("the message has a trace (%q):\n%s", trace, out)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(folder), "*")); len(left) > 0 {
		t.Errorf("something was written: %v", left)
	}
}
