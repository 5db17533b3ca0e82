package cdktfcli

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain lets the test's binary take the app's part: a process that a cdktf command runs.
func TestMain(m *testing.M) {
	if stack := os.Getenv("CDKTFCLI_TEST_STACK"); stack != "" {
		fmt.Print(Names(stack))
		return
	}
	os.Exit(m.Run())
}

func TestArguments(t *testing.T) {
	for _, c := range []struct {
		line []string
		base bool
	}{
		{[]string{"node", "/p/node_modules/.bin/cdktf", "deploy", "batbern-base", "batbern-dev"}, true},
		{[]string{"/usr/bin/node", "--max-old-space-size=4096", "/p/bundle/bin/cdktf.js", "deploy", "*", "--parallelism", "1"}, true},
		{[]string{"node", "cdktf", "destroy", "batbern-*"}, true},
		{[]string{"node", "cdktf", "deploy", "batbern-{base,dev}"}, true},
		{[]string{"node", "cdktf", "deploy", "batbern-[ab]ase"}, true},
		{[]string{"node", "cdktf", "deploy", "batbern-dev", "--var-file=batbern-base.tfvars"}, false},
		{[]string{"node", "cdktf", "deploy", "batbern-dev", "batbern-prod"}, false},
		{[]string{"node", "cdktf", "deploy", "batbern-[dp]*"}, false},
		{[]string{"node", "cdktf", "deploy", "[", "batbern"}, false},
		{[]string{"node", "cdktf", "synth"}, false},
		{[]string{"sh", "-c", "cdktf deploy batbern-base"}, false},
		{[]string{"npm exec cdktf deploy batbern-base"}, false},
		{[]string{"go", "run", ".", "batbern-base"}, false},
		{[]string{"vim", "/home/me/cdktf", "batbern-base"}, false},
		{nil, false},
	} {
		args, ok := arguments(c.line)
		if got := ok && matches(args, "batbern-base"); got != c.base {
			t.Errorf("%q names batbern-base: %v, want %v", c.line, got, c.base)
		}
	}
}

func TestAsks(t *testing.T) {
	for _, c := range []struct {
		line     string
		variable string
		want     bool
	}{
		{"deploy batbern-dev", "", true},
		{"apply batbern-dev", "", true},
		{"--output x destroy batbern-dev", "", true},
		{"deploy batbern-dev --auto-approve", "", false},
		{"deploy --autoApprove batbern-dev", "", false},
		{"deploy batbern-dev --auto-approve=true", "", false},
		{"deploy batbern-dev --auto-approve=false", "true", true},
		{"deploy batbern-dev --auto-approve false", "", true},
		{"deploy batbern-dev", "true", false},
		{"deploy batbern-dev", "false", true},
		{"diff batbern-dev", "", false},
		{"synth", "", false},
		{"output batbern-dev", "", false},
	} {
		if got := asks(strings.Fields(c.line), c.variable); got != c.want {
			t.Errorf("cdktf %s with CDKTF_AUTO_APPROVE=%s asks: %v", c.line, c.variable, got)
		}
	}
}

// The CLI starts a shell that starts `go run` that starts the app: every process between is looked through.
func TestNamesLooksThroughTheProcessesBetween(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("the cdktf CLI needs Node.js: %v", err)
	}
	script := filepath.Join(t.TempDir(), "cdktf")
	if err := os.WriteFile(script, []byte(`require("child_process").execSync(process.env.APP, {stdio: "inherit"})`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		folder string
		args   []string
		want   string
	}{
		{"cdktf.out", []string{"deploy", "batbern-base", "batbern-dev"}, "true"},
		{"cdktf.out", []string{"deploy", "batbern-dev"}, "false"},
		{"", []string{"deploy", "batbern-base"}, "false"}, // not run by the CLI: another program of that name
	} {
		command := exec.Command(node, append([]string{script}, c.args...)...)
		command.Env = append(os.Environ(), OutputVariable+"="+c.folder, "CDKTFCLI_TEST_STACK=batbern-base",
			"APP=sh -c '"+os.Args[0]+"; exit 0'")
		var out, stderr bytes.Buffer
		command.Stdout, command.Stderr = &out, &stderr
		if err := command.Run(); err != nil || out.String() != c.want {
			t.Errorf("%v: %q, want %q: %v %s", c.args, out.String(), c.want, err, stderr.String())
		}
	}
}
