package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/batbern/infrastructure/internal/emulator"
	"github.com/batbern/infrastructure/internal/wire"
)

// The results of all stacks fit a terminal of 80 columns, and name each thing forgiven or left out with its reason.
func TestLocalResults(t *testing.T) {
	gaps := emulator.Gaps{
		Missing:   map[string]string{"aws_missing": "moto does not implement CreateMissing"},
		Forgotten: map[string]emulator.Forgotten{"aws_queue": {Arguments: []string{"policy"}, Reason: "moto loses the policy"}},
	}
	var results []emulator.Result
	for _, stack := range []string{"batbern-base", "batbern-dev", "batbern-staging", "batbern-prod"} {
		results = append(results, emulator.Result{
			Stack: stack, Resources: 1234, LeftOut: []string{"aws_missing.a"}, Took: 71*time.Minute + 3100*time.Millisecond,
			Drift: emulator.Drift{Forgiven: []string{"aws_queue.a: update policy"}, Arguments: []string{"aws_queue.policy"}},
			Wire:  wire.Verdict{Requests: 12345},
		})
	}
	results[3].Drift.Unexplained = slices.Repeat([]string{"aws_x.y: update z"}, 100)
	var out strings.Builder
	if err := printResults(&out, gaps, results); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"batbern-prod     1234     1         1         100 changes  12345     1h11m3s",
		"left out: aws_missing (4)\n  moto does not implement CreateMissing",
		"forgiven: aws_queue.policy (4)\n  moto loses the policy",
		"4 stacks applied; changes in their second plans: 100",
		"49380 requests recorded in .local/wire; refused by AWS's API models: 0",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &out)
		}
	}
	for line := range strings.Lines(out.String()) {
		if len(line) > 81 {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
}

// A run fails for a change in a second plan and for a refused request, and names both.
func TestLocalReportFails(t *testing.T) {
	var out strings.Builder
	err := (&LocalApplyCmd{}).report(streams{Out: &out, Err: &out}, []emulator.Result{{
		Stack: "batbern-dev",
		Drift: emulator.Drift{Unexplained: []string{"aws_x.y: update z"}},
		Wire: wire.Verdict{Violations: []wire.Violation{
			{Stack: "batbern-dev", Service: "iam", Address: "aws_a.b", Path: "Name", Problem: "too long"},
		}},
	}})
	for _, want := range []string{"aws_x.y: update z", "aws_a.b", "too long"} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%v does not name %q", err, want)
		}
	}
}

// The emulator is one account: a second environment would meet the names of the first.
func TestLocalHoldsOneEnvironment(t *testing.T) {
	for _, stacks := range [][]string{{"batbern-base", "batbern-dev"}, {"batbern-base", "batbern-prod", "batbern-base", "batbern-prod"}, {"batbern-base"}} {
		if err := oneEnvironment(stacks); err != nil {
			t.Errorf("%v: %v", stacks, err)
		}
	}
	err := oneEnvironment([]string{"batbern-prod", "batbern-base", "batbern-dev"})
	if err == nil || !strings.Contains(err.Error(), "batbern-dev and batbern-prod") || !strings.Contains(err.Error(), "make local-destroy") {
		t.Errorf("two environments: %v", err)
	}
}
