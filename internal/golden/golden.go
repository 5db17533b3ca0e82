// Package golden compares what a test produced with a checked-in file, for review; -update writes the files instead.
package golden

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// folder stands beside the tests that use it.
const folder = "golden"

// Compare compares JSON with the golden file of that name and prints what differs. With -update it writes the file
// instead; where CI is set, -update is refused.
func Compare(t testing.TB, name, text string) {
	t.Helper()
	file := filepath.Join(folder, name)
	if *update {
		if os.Getenv("CI") != "" {
			t.Fatalf("-update is refused in CI: update %s on your machine and commit it", file)
		}
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	wanted, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("no golden file %s; if %s is new, make it with: make snapshots", file, name)
	}
	if diff := JSONDiff(wanted, []byte(text)); diff != "" {
		t.Errorf("%s differs (- golden, + synthesized):\n%s\nif the change is intended, run make snapshots and review the diff", file, diff)
	}
}

// NoOrphans fails for golden files that no test compares.
func NoOrphans(t testing.TB, used ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if slices.Contains(used, entry.Name()) {
			continue
		}
		file := filepath.Join(folder, entry.Name())
		if *update && os.Getenv("CI") == "" {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Errorf("%s belongs to no test: remove it, or run make snapshots", file)
	}
}

// JSONDiff compares two JSON texts and returns what differs, in go-cmp's notation (- wanted, + found), cut after 60
// lines. It returns "" where the texts mean the same.
func JSONDiff(wanted, found []byte) string {
	var w, f any
	if err := json.Unmarshal(wanted, &w); err != nil {
		return fmt.Sprintf("the wanted text is not JSON: %v", err)
	}
	if err := json.Unmarshal(found, &f); err != nil {
		return fmt.Sprintf("the found text is not JSON: %v", err)
	}
	const most = 60
	lines := strings.SplitAfter(cmp.Diff(w, f), "\n")
	if len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("... and %d more lines\n", len(lines)-most))
	}
	return strings.Join(lines, "")
}
