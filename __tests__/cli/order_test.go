package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// recorder is a terraform that changes nothing and writes down which stack is applied or destroyed, and when it has
// been. That of the base lasts longest, so that a stack which does not wait for it is seen.
const recorder = `#!/bin/sh
stack=$(basename "$PWD")
case "$1" in
version) echo '{"terraform_version": "1.11.4", "platform": "linux_amd64"}' ;;
output) echo '{}' ;;
providers) echo "$*" >>"$RECORDED.registry" ;;
apply | destroy)
	echo "$1 $stack begins" >>"$RECORDED"
	case "$stack" in *base) sleep 2 ;; esac
	echo "$1 $stack ends" >>"$RECORDED"
	;;
esac
`

// record puts the recorder on the PATH of the returned variables, and returns its folder and the file that it writes.
func record(t *testing.T) (folder, recorded string, variables []string) {
	t.Helper()
	folder = t.TempDir()
	recorded = filepath.Join(folder, "recorded")
	if err := os.WriteFile(filepath.Join(folder, "terraform"), []byte(recorder), 0o700); err != nil {
		t.Fatal(err)
	}
	return folder, recorded, []string{"RECORDED=" + recorded, "CHECKPOINT_DISABLE=1",
		"PATH=" + folder + string(os.PathListSeparator) + os.Getenv("PATH")}
}

// An environment runs by its name alone. Several stacks run in order, and the base is not destroyed on its own (ADR 12).
func TestStacksByNameAndInOrder(t *testing.T) {
	folder, recorded, variables := record(t)
	steps := func(verb, stack string) []string {
		return []string{verb + " " + stack + " begins", verb + " " + stack + " ends"}
	}

	for _, c := range []struct {
		command string
		refused string
		first   []string
		last    []string
		stacks  int
	}{
		{command: "deploy batbern-dev", first: steps("apply", "batbern-dev"), stacks: 1},
		{command: "deploy batbern-dev batbern-base", first: steps("apply", "batbern-base"), last: steps("apply", "batbern-dev"), stacks: 2},
		{command: "deploy *", first: steps("apply", "batbern-base"), stacks: 4},
		{command: "destroy *", last: steps("destroy", "batbern-base"), stacks: 4},
		{command: "destroy batbern-dev", first: steps("destroy", "batbern-dev"), stacks: 1},
		{command: "destroy batbern-base", refused: "batbern-dev, batbern-prod, batbern-staging"},
	} {
		t.Run(c.command, func(t *testing.T) {
			if err := os.RemoveAll(recorded); err != nil {
				t.Fatal(err)
			}
			args := append(strings.Fields(c.command), "--auto-approve", "--output", filepath.Join(folder, "cdktf.out"))
			output, err := cdktf(t, variables, args...)
			if c.refused != "" {
				if err == nil || len(lines(output, "Usage Error", c.refused)) != 1 {
					t.Errorf("want a refusal that names %s: %v\n%s", c.refused, err, output)
				}
			} else if err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			text, _ := os.ReadFile(recorded)
			events := slices.Collect(strings.Lines(string(text)))
			for i := range events {
				events[i] = strings.TrimSpace(events[i])
			}
			if len(events) != 2*c.stacks {
				t.Fatalf("%d stacks ran, want %d: %q", len(events)/2, c.stacks, events)
			}
			if len(c.first) > 0 && !slices.Equal(events[:2], c.first) {
				t.Errorf("first came %q, want %q", events[:2], c.first)
			}
			if len(c.last) > 0 && !slices.Equal(events[len(events)-2:], c.last) {
				t.Errorf("last came %q, want %q", events[len(events)-2:], c.last)
			}
		})
	}
}

// Without a terminal, a command that would ask for an approval is refused before anything is planned, in one message
// instead of a stack trace of the CLI's user interface.
func TestApprovalWithoutATerminal(t *testing.T) {
	folder, recorded, variables := record(t)
	for _, command := range []string{"deploy batbern-dev", "destroy batbern-dev"} {
		args := append(strings.Fields(command), "--output", filepath.Join(folder, "cdktf.out"))
		output, err := cdktf(t, variables, args...)
		if err == nil || !strings.Contains(output, "add --auto-approve") || strings.Contains(output, "Raw mode") {
			t.Errorf("cdktf %s: %v\n%s", command, err, output)
		}
	}
	for _, target := range []string{"deploy", "destroy"} {
		command := exec.Command("make", target, "ENV=dev")
		command.Dir, command.Env = project(t), append(os.Environ(), variables...)
		output, err := command.CombinedOutput()
		if err == nil || !strings.Contains(string(output), "add AUTO_APPROVE=true") {
			t.Errorf("make %s: %v\n%s", target, err, output)
		}
	}
	if text, err := os.ReadFile(recorded); err == nil {
		t.Errorf("terraform ran: %s", text)
	}
	t.Run("asked for by a variable", func(t *testing.T) {
		approved := append(variables, "CDKTF_AUTO_APPROVE=true")
		output, err := cdktf(t, approved, "deploy", "batbern-dev", "--output", filepath.Join(folder, "cdktf.out"))
		if err != nil {
			t.Errorf("%v\n%s", err, output)
		}
		// each stack has the checked-in lock, so that a mirror is enough (terraform.WriteLocks)
		asked, err := os.ReadFile(recorded + ".registry")
		if err == nil && runtime.GOOS+"_"+runtime.GOARCH == "linux_amd64" {
			t.Errorf("the CLI asks the registry for checksums: terraform %s", asked)
		}
	})
}
