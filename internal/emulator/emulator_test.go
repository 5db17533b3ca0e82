package emulator

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"
)

func TestOnlyLoopbackIsTaken(t *testing.T) {
	for _, endpoint := range []string{"http://127.0.0.1:5000", "http://localhost:4566", "http://[::1]:5000", "https://127.9.9.9:1"} {
		if err := Loopback(endpoint); err != nil {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
	for _, endpoint := range []string{
		"http://10.0.0.5:5000", "https://sts.eu-central-1.amazonaws.com", "http://localhost.example.com", "http://0.0.0.0:5000",
		"127.0.0.1:5000", "ftp://localhost", "", "http://[::2]:1", "http://127.0.0.1.example.com",
	} {
		if Loopback(endpoint) == nil {
			t.Errorf("%q is taken for this machine", endpoint)
		}
	}
}

func TestEveryGapHasAReason(t *testing.T) {
	gaps, err := KnownGaps()
	if err != nil {
		t.Fatal(err)
	}
	for typ, reason := range gaps.Missing {
		if len(reason) < 20 {
			t.Errorf("%s: %q is no reason", typ, reason)
		}
		if _, both := gaps.Forgotten[typ]; both {
			t.Errorf("%s is left out and forgiven at once", typ)
		}
	}
	for standin := range gaps.Standins {
		if typ, _, _ := strings.Cut(standin, "."); gaps.Missing[typ] == "" {
			t.Errorf("%s: a value for what is not left out", standin)
		}
	}
	for typ, forgotten := range gaps.Forgotten {
		if len(forgotten.Arguments) == 0 || len(forgotten.Reason) < 20 {
			t.Errorf("%s: forgiven without arguments or reason: %+v", typ, forgotten)
		}
	}
}

// A gap of something that is not made any more only hides what would work.
func TestEveryGapIsOfSomethingMade(t *testing.T) {
	gaps, err := KnownGaps()
	if err != nil {
		t.Fatal(err)
	}
	imports := map[string]bool{}
	if err := filepath.WalkDir(filepath.Join("..", "..", "constructs"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, imported := range parsed.Imports {
			imports[strings.Trim(filepath.Base(imported.Path.Value), `"`)] = true
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	listed := slices.Concat(slices.Collect(maps.Keys(gaps.Missing)), slices.Collect(maps.Keys(gaps.Dependent)), slices.Collect(maps.Keys(gaps.Forgotten)))
	for _, typ := range listed {
		if !imports[binding(typ)] {
			t.Errorf("%s: nothing makes one", typ)
		}
	}
}

// binding is the Go package of a resource type.
func binding(typ string) string { return strings.ReplaceAll(strings.TrimPrefix(typ, "aws_"), "_", "") }

func TestLeaveOut(t *testing.T) {
	var document map[string]any
	if err := json.Unmarshal([]byte(`{
		"resource": {
			"aws_missing": {"a": {"name": "a"}},
			"aws_child": {"of_a": {"parent": "${aws_missing.a.id}"}, "of_none": {"parent": "${aws_other.x.id}"}},
			"aws_other": {"x": {
				"one": "${aws_missing.a.arn}", "two": "${aws_missing.a_longer.arn}", "three": "kept",
				"host": "${aws_missing.a.host}", "text": "{\"host\":\"${aws_missing.a.host}\"}", "hosts": ["${aws_missing.a.host}"],
				"list": ["${aws_missing.a.id}", "kept"], "all_gone": ["${aws_missing.a.id}"],
				"block": [{"inner": "${aws_child.of_a.id}", "kept": 1}],
				"depends_on": ["aws_missing.a", "aws_other.y"]
			}}
		},
		"output": {"of_a": {"value": "${aws_missing.a.id}"}, "of_x": {"value": "${aws_other.x.id}"}}
	}`), &document); err != nil {
		t.Fatal(err)
	}
	gaps := Gaps{Missing: map[string]string{"aws_missing": "test"}, Dependent: map[string]string{"aws_child": "test"},
		Standins: map[string]string{"aws_missing.host": "a.invalid", "aws_other.three": "not left out"}}
	if gone := gaps.LeaveOut(document); !slices.Equal(gone, []string{"aws_child.of_a", "aws_missing.a"}) {
		t.Errorf("left out %v", gone)
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(`{
		"resource": {
			"aws_child": {"of_none": {"parent": "${aws_other.x.id}"}},
			"aws_other": {"x": {
				"two": "${aws_missing.a_longer.arn}", "three": "kept",
				"host": "a.invalid", "text": "{\"host\":\"a.invalid\"}", "hosts": ["a.invalid"],
				"list": ["kept"], "block": [{"kept": 1}],
				"depends_on": ["aws_other.y"]
			}}
		},
		"output": {"of_x": {"value": "${aws_other.x.id}"}}
	}`), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(document, want) {
		got, _ := json.MarshalIndent(document, "", " ")
		t.Errorf("got %s", got)
	}
}

// A change is forgiven only where each of its arguments is known to be forgotten.
func TestDrift(t *testing.T) {
	gaps := Gaps{Forgotten: map[string]Forgotten{"aws_queue": {Arguments: []string{"policy", "options"}}}}
	change := func(typ, name string, actions tfjson.Actions, before, after, unknown map[string]any) *tfjson.ResourceChange {
		return &tfjson.ResourceChange{Address: typ + "." + name, Type: typ,
			Change: &tfjson.Change{Actions: actions, Before: before, After: after, AfterUnknown: unknown}}
	}
	type fields = map[string]any
	update, replace := tfjson.Actions{tfjson.ActionUpdate}, tfjson.Actions{tfjson.ActionDelete, tfjson.ActionCreate}
	plan := &tfjson.Plan{ResourceChanges: []*tfjson.ResourceChange{
		change("aws_queue", "same", tfjson.Actions{tfjson.ActionNoop}, fields{}, fields{}, nil),
		change("aws_queue", "read", tfjson.Actions{tfjson.ActionRead}, fields{}, fields{}, nil),
		change("aws_queue", "forgotten", update, fields{"policy": "a", "name": "n"}, fields{"policy": "b", "name": "n"}, nil),
		change("aws_queue", "replaced", replace, fields{"options": nil, "id": "1"}, fields{"options": "x"}, fields{"id": true}),
		change("aws_queue", "both", update, fields{"policy": "a", "name": "n"}, fields{"policy": "b", "name": "m"}, nil),
		change("aws_queue", "lost", tfjson.Actions{tfjson.ActionCreate}, nil, fields{"policy": "x"}, nil),
		change("aws_queue", "unsaid", update, fields{"policy": "a", "tags": fields{}, "name": "", "rules": []any{fields{"port": 0.0, "on": false, "x": "y"}}},
			fields{"policy": "b", "tags": nil, "rules": []any{fields{"port": nil, "x": "y"}}}, nil),
		change("aws_topic", "other", update, fields{"policy": "a"}, fields{"policy": "b"}, nil),
	}}
	drift := gaps.DriftOf(plan)
	if got := strings.Join(drift.Forgiven, "; "); got != "aws_queue.forgotten: update policy; aws_queue.replaced: delete/create options; aws_queue.unsaid: update policy" {
		t.Errorf("forgiven: %s", got)
	}
	if got := strings.Join(drift.Unexplained, "; "); got != "aws_queue.both: update name, policy; aws_queue.lost: create policy; aws_topic.other: update policy" {
		t.Errorf("unexplained: %s", got)
	}
}
