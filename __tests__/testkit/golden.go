package testkit

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// goldenFolder stands beside the tests that use it.
const goldenFolder = "golden"

// Golden compares JSON with the golden file of that name and prints the first path that differs. With -update it
// writes the file, unless CI is set: there a golden file is only ever compared.
func Golden(t testing.TB, name, text string) {
	t.Helper()
	file := filepath.Join(goldenFolder, name)
	if *update {
		if os.Getenv("CI") != "" {
			t.Fatalf("-update is refused in CI: update %s on your machine and commit it", file)
		}
		if err := os.MkdirAll(goldenFolder, 0o755); err != nil {
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
	if difference := FirstDifference([]byte(text), wanted); difference != "" {
		t.Errorf("%s: %s\nif that is meant, review the diff after: make snapshots", file, difference)
	}
}

// NoOrphans fails for golden files that no test compares.
func NoOrphans(t testing.TB, used ...string) {
	t.Helper()
	entries, err := os.ReadDir(goldenFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if slices.Contains(used, entry.Name()) {
			continue
		}
		file := filepath.Join(goldenFolder, entry.Name())
		if *update && os.Getenv("CI") == "" {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Errorf("%s belongs to no test: remove it, or run make snapshots", file)
	}
}

// FirstDifference names the first path at which two JSON texts differ, "" where they do not.
func FirstDifference(found, wanted []byte) string {
	var a, b any
	if err := json.Unmarshal(found, &a); err != nil {
		return fmt.Sprintf("what was found is no JSON: %v", err)
	}
	if err := json.Unmarshal(wanted, &b); err != nil {
		return fmt.Sprintf("the golden file is no JSON: %v", err)
	}
	return difference("", a, b)
}

func difference(path string, found, wanted any) string {
	if reflect.DeepEqual(found, wanted) {
		return ""
	}
	switch f := found.(type) {
	case map[string]any:
		w, same := wanted.(map[string]any)
		if !same {
			break
		}
		keys := maps.Clone(f)
		maps.Copy(keys, w)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			here := strings.TrimPrefix(path+"."+key, ".")
			value, inFound := f[key]
			golden, inWanted := w[key]
			switch {
			case !inWanted:
				return fmt.Sprintf("%s is new: %s", here, short(value))
			case !inFound:
				return fmt.Sprintf("%s is gone: it was %s", here, short(golden))
			}
			if inner := difference(here, value, golden); inner != "" {
				return inner
			}
		}
	case []any:
		w, same := wanted.([]any)
		if !same {
			break
		}
		for i := range min(len(f), len(w)) {
			if inner := difference(fmt.Sprintf("%s[%d]", path, i), f[i], w[i]); inner != "" {
				return inner
			}
		}
		return fmt.Sprintf("%s has %d entries, it had %d", path, len(f), len(w))
	}
	return fmt.Sprintf("%s is %s, it was %s", path, short(found), short(wanted))
}

func short(value any) string {
	const most = 200
	text, _ := json.Marshal(value)
	if len(text) > most {
		return string(text[:most]) + "..."
	}
	return string(text)
}
