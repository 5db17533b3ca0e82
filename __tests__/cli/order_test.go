package cli_test

import (
	"os"
	"path/filepath"
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
apply | destroy)
	echo "$1 $stack begins" >>"$RECORDED"
	case "$stack" in *base) sleep 2 ;; esac
	echo "$1 $stack ends" >>"$RECORDED"
	;;
esac
`

// An environment runs by its name alone. Several stacks run in order, and the base is not destroyed on its own (ADR 12).
func TestStacksByNameAndInOrder(t *testing.T) {
	folder := t.TempDir()
	recorded := filepath.Join(folder, "recorded")
	if err := os.WriteFile(filepath.Join(folder, "terraform"), []byte(recorder), 0o700); err != nil {
		t.Fatal(err)
	}
	variables := []string{"RECORDED=" + recorded, "CHECKPOINT_DISABLE=1", "PATH=" + folder + string(os.PathListSeparator) + os.Getenv("PATH")}
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
