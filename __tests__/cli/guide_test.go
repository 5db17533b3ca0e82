package cli_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/batbern/infrastructure/internal/cdktfcli"
	"github.com/batbern/infrastructure/internal/emulator"
	"github.com/batbern/infrastructure/internal/terraform"
	"github.com/batbern/infrastructure/internal/terraform/terraformtest"
	"github.com/batbern/infrastructure/internal/testproc"
)

// guideVariable names the environment that TestGuide applies; empty is dev. The others are planned only, because each
// takes minutes, and the emulator holds one environment.
const guideVariable = "GUIDE"

// leaveOut is set for the process that runs after the app, and removes from the stacks what the emulator lacks.
const leaveOut = "GUIDE_LEAVE_OUT"

// TestMain lets this binary leave out what the emulator lacks.
func TestMain(m *testing.M) {
	if os.Getenv(leaveOut) == "" {
		os.Exit(m.Run())
	}
	if err := leaveOutOf(os.Getenv(cdktfcli.OutputVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func leaveOutOf(folder string) error {
	gaps, err := emulator.KnownGaps()
	if err != nil {
		return err
	}
	stacks, err := terraform.Stacks(folder)
	if err != nil {
		return err
	}
	_, err = emulator.Prepare(folder, gaps, stacks)
	return err
}

// noise is what says nothing about the stack: traces, and statistics that the CLI could not send.
var noise = regexp.MustCompile(`Raw mode is not supported|\bat .*node_modules|ENOTFOUND|UnhandledPromise|\[ERROR\]`)

// guide runs `npx cdktf` in the project, against an emulator.
type guide struct {
	t         *testing.T
	folder    string // of the synthesized stacks
	variables []string
}

// startGuide starts an emulator. What differs from a deployment to AWS are variables only: the endpoint and the proxy
// that lead to the emulator, credentials that AWS would refuse, and the folder of the stacks, with the state beside it.
// The app's command is that of cdktf.json, followed by this binary where the emulator lacks resource types.
func startGuide(t *testing.T) guide {
	t.Helper()
	t.Chdir(project(t)) // the emulator's Python is found from there
	temporary := t.TempDir()
	folder, local := filepath.Join(temporary, "cdktf.out"), filepath.Join(temporary, ".local")
	moto, err := emulator.Start(t.Context(), local)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := emulator.Stop(local); err != nil {
			t.Error(err)
		}
	})
	relay, err := emulator.StartRelay(moto, filepath.Join(local, "wire"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := relay.Stop(); err != nil {
			t.Error(err)
		}
	})
	variables := []string{
		"CDKTF_OUTPUT=" + folder, "BATBERN_AWS_ENDPOINT_URL=" + relay.Address, "CHECKPOINT_DISABLE=1",
		"TF_CLI_ARGS_apply=-parallelism=30", "TF_CLI_ARGS_destroy=-parallelism=30",
	}
	gaps, err := emulator.KnownGaps()
	if err != nil {
		t.Fatal(err)
	}
	if len(gaps.Missing) > 0 {
		variables = append(variables, "CDKTF_APP="+app(t)+" && "+leaveOut+"=1 "+os.Args[0])
	}
	for name, value := range emulator.Variables(relay.Address) {
		variables = append(variables, name+"="+value)
	}
	// Terraform may fetch the provider; the emulator's proxy refuses everything else
	return guide{t, folder, append(variables, "NO_PROXY=registry.terraform.io,releases.hashicorp.com")}
}

// app is the app's command in cdktf.json.
func app(t *testing.T) string {
	t.Helper()
	var settings struct {
		App string `json:"app"`
	}
	text, err := os.ReadFile(filepath.Join(project(t), "cdktf.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &settings); err != nil || settings.App == "" {
		t.Fatalf("cdktf.json names no app: %v", err)
	}
	return settings.App
}

// run runs a command without a terminal, which must succeed, print the parts, and no noise.
func (g guide) run(command string, says ...string) {
	g.t.Helper()
	start := time.Now()
	output, err := cdktf(g.t, g.variables, strings.Fields(command)...)
	g.judge(command, start, output, err, says, false)
}

// approve runs a command in a terminal and presses Enter where it asks for approval.
func (g guide) approve(command string, says ...string) {
	g.t.Helper()
	start := time.Now()
	cmd := exec.Command("npx", append([]string{"cdktf"}, strings.Fields(command)...)...)
	cmd.Dir = project(g.t)
	// in CI, Ink draws the last frame only, and the question is in none of them
	environment := slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "CI=") })
	cmd.Env = append(slices.Concat(environment, g.variables), "TERM=xterm-256color")
	output, err := testproc.InTerminal(cmd, "Approve", "\r")
	g.judge(command+" (in a terminal)", start, output, err, says, false)
}

// refuse runs a command that must fail and print the reason.
func (g guide) refuse(command string, says ...string) {
	g.t.Helper()
	start := time.Now()
	output, err := cdktf(g.t, g.variables, strings.Fields(command)...)
	if err == nil {
		g.t.Fatalf("cdktf %s succeeds:\n%s", command, tail(output))
	}
	g.judge(command+" (refused)", start, output, nil, says, true)
}

func (g guide) judge(command string, start time.Time, output string, err error, says []string, refused bool) {
	g.t.Helper()
	g.t.Logf("cdktf %s: %.0f s", command, time.Since(start).Seconds())
	if err != nil {
		g.t.Fatalf("cdktf %s: %v\n%s", command, err, tail(output))
	}
	if found := noise.FindString(output); found != "" && !refused {
		g.t.Errorf("cdktf %s prints %q:\n%s", command, found, tail(output))
	}
	for _, part := range says {
		if !strings.Contains(output, part) {
			g.t.Errorf("cdktf %s does not print %q:\n%s", command, part, tail(output))
		}
	}
}

// tail is the end of an output, where an error is.
func tail(output string) string { return output[max(0, len(output)-6000):] }

// TestGuide runs the commands of README.md and docs/deployment.md as they are, on an emulator with the real provider:
// the base, then each environment by its name alone. With --auto-approve and no terminal, as in a pipeline, and in a
// terminal with an approval.
func TestGuide(t *testing.T) {
	terraformtest.RequireProvider(t)
	applied := cmp.Or(os.Getenv(guideVariable), "dev")
	g := startGuide(t)
	const noneChanged = "to add, 0 to change, 0 to destroy"
	g.run("list", "batbern-base", "batbern-dev", "batbern-staging", "batbern-prod")
	g.run("synth", "batbern-base", "batbern-prod")
	g.run("diff batbern-base", noneChanged)
	g.run("deploy batbern-base --auto-approve", "Apply complete!", "zone_name_servers")
	g.run("output batbern-base", "zone_name_servers", "repository_url_flyway")
	for _, name := range []string{"dev", "staging", "prod"} {
		stack := "batbern-" + name
		g.run("diff "+stack, noneChanged)
		if applied != name {
			continue
		}
		g.approve("deploy "+stack, "Apply complete!")
		g.run("output "+stack, "plan_role_arn")
		switch name { // docs/deployment.md, "Taking an environment away"
		case "dev":
			g.approve("destroy "+stack, "Destroy complete!")
		case "staging":
			g.refuse("destroy "+stack+" --auto-approve", "protection")
		case "prod":
			g.refuse("destroy "+stack+" --auto-approve", "prevent_destroy")
		}
	}
	g.refuse("deploy batbern-base", "add --auto-approve") // nobody can approve
	g.refuse("destroy batbern-base --auto-approve", "dependant stacks are not included")
	g.refuse("destroy batbern-base --auto-approve --ignore-missing-stack-dependencies", "prevent_destroy")

	// the same cdktf.out, for AWS again: Terraform must not offer to copy the emulator's state
	g.variables = append(g.variables, "BATBERN_AWS_ENDPOINT_URL=")
	g.run("synth", "batbern-base")
	binary, err := terraform.Binary()
	if err != nil {
		t.Fatal(err)
	}
	initialize := exec.Command(binary, "init", "-input=false")
	initialize.Dir = filepath.Join(g.folder, "stacks", "batbern-base")
	if output, err := initialize.CombinedOutput(); err != nil {
		t.Errorf("terraform init after a switch from the emulator to AWS: %v\n%s", err, output)
	}
}
