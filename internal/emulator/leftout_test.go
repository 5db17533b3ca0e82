package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// What is left out is sent on its own: what it needs of applied resources is their value, what it needs of each other
// is a placeholder, and nothing else is in the stack.
func TestLeftOutOnly(t *testing.T) {
	var complete map[string]any
	if err := json.Unmarshal([]byte(`{
		"terraform": {"required_version": "x", "backend": {"local": {}}},
		"provider": {"aws": [{"region": "eu-central-1"}]},
		"locals": {"own": 1},
		"data": {"aws_caller_identity": {"me": {}}},
		"output": {"x": {"value": "${aws_missing.a.id}"}},
		"resource": {
			"aws_missing": {"a": {"role": "${aws_iam_role.task.arn}", "who": "${data.aws_caller_identity.me.account_id}",
				"text": "${jsonencode({\"r\": aws_iam_role.task.name})}", "depends_on": ["aws_iam_role.task"], "lifecycle": {"prevent_destroy": true}}},
			"aws_child": {"b": {"parent": "${aws_missing.a.id}", "arn": "${aws_missing.a.arn}", "local": "${local.own}"}},
			"aws_iam_role": {"task": {"name": "task"}}
		}
	}`), &complete); err != nil {
		t.Fatal(err)
	}
	applied := map[string]any{"aws_iam_role.task": map[string]any{"arn": "arn:task", "name": "task"}}
	var want map[string]any
	if err := json.Unmarshal([]byte(`{
		"terraform": {"required_version": "x"},
		"provider": {"aws": [{"region": "eu-central-1"}]},
		"locals": {"own": 1, "applied": {"aws_iam_role.task": {"arn": "arn:task", "name": "task"}}},
		"data": {"aws_caller_identity": {"me": {}}},
		"resource": {
			"aws_missing": {"a": {"role": "${local.applied[\"aws_iam_role.task\"].arn}", "who": "${data.aws_caller_identity.me.account_id}",
				"text": "${jsonencode({\"r\": local.applied[\"aws_iam_role.task\"].name})}"}},
			"aws_child": {"b": {"parent": "${\"left-out\"}", "arn": "${\"arn:aws:missing:eu-central-1:123456789012:a\"}", "local": "${local.own}"}}
		}
	}`), &want); err != nil {
		t.Fatal(err)
	}
	got := leftOutOnly(complete, []string{"aws_missing.a", "aws_child.b"}, applied)
	if !reflect.DeepEqual(got, want) {
		text, _ := json.MarshalIndent(got, "", " ")
		t.Errorf("got %s", text)
	}
}

// An entry is needed while one of its resources fails on the emulator, or one of its arguments is forgotten.
func TestUnneededGaps(t *testing.T) {
	gaps := Gaps{
		Missing: map[string]string{"aws_needed": "r", "aws_works": "r", "aws_absent": "r"},
		Forgotten: map[string]Forgotten{
			"aws_queue": {Arguments: []string{"policy", "tags"}},
		},
	}
	unneeded := gaps.Unneeded([]Result{
		{LeftOut: []string{"aws_needed.a", "aws_needed.b", "aws_works.a"}, Working: []string{"aws_needed.a", "aws_works.a"}},
		{Drift: Drift{Arguments: []string{"aws_queue.policy"}}},
	})
	if want := []string{"missing aws_absent", "missing aws_works", "forgotten aws_queue.tags"}; !slices.Equal(unneeded, want) {
		t.Errorf("unneeded: %v, want %v", unneeded, want)
	}
}

// A mark is left only by an apply that ended before Terraform had written its state.
func TestKilledApplies(t *testing.T) {
	folder, tree := t.TempDir(), t.TempDir()
	for _, stack := range []string{"batbern-base", "batbern-dev"} {
		if err := os.MkdirAll(filepath.Dir(file(tree, stack)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(folder, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	if killed, err := Killed(tree); err != nil || len(killed) != 0 {
		t.Errorf("%v, %v", killed, err)
	}
	if err := markApplying(tree, "batbern-dev"); err != nil {
		t.Fatal(err)
	}
	if killed, err := Killed(tree); err != nil || !slices.Equal(killed, []string{"batbern-dev"}) {
		t.Errorf("%v, %v", killed, err)
	}
	if err := StartOver(folder, tree); err != nil {
		t.Fatal(err)
	}
	if killed, err := Killed(tree); err != nil || len(killed) != 0 {
		t.Errorf("after starting over: %v, %v", killed, err)
	}
	if _, err := os.Stat(filepath.Join(folder, "state")); !os.IsNotExist(err) {
		t.Errorf("the state is still there: %v", err)
	}
}

func TestEnded(t *testing.T) {
	failed := exec.CommandContext(t.Context(), "sh", "-c", "exit 1").Run()
	killed := exec.CommandContext(t.Context(), "sh", "-c", "kill -9 $$").Run()
	for _, test := range []struct {
		err  error
		want bool
	}{{nil, true}, {failed, true}, {killed, false}, {context.Canceled, false}, {errors.Join(errors.New("batbern-dev"), failed), true}} {
		if ended(test.err) != test.want {
			t.Errorf("%v: %v", test.err, !test.want)
		}
	}
}
