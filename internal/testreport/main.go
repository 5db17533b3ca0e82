// Testreport reads `go test -json` and says what matters: failures with their output, a line a package, what was not
// run and why, and the number of tests. It fails when a test failed, or when a folder given as argument ran none:
// `go test ./...` passes over __tests__ without a word.
//
// With -coverage FILE it also prints how much of config, constructs, stacks and lambda the tests ran, and fails under
// -minimum percent.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"golang.org/x/tools/cover"
)

// event is a line of `go test -json`: https://pkg.go.dev/cmd/test2json
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

type report struct {
	passed, failed int
	skipped        []string          // test and reason
	broken         []string          // packages that failed without a failing test
	ran            map[string]int    // tests by package
	output         map[string]string // by package and test
}

func main() {
	profile := flag.String("coverage", "", "coverage profile to judge")
	minimum := flag.Float64("minimum", 90, "least percentage of statements that tests run")
	flag.Parse()
	r, err := read(os.Stdin, os.Stdout)
	if err == nil {
		err = r.judge(flag.Args())
	}
	if err == nil && *profile != "" {
		err = coverage(os.Stdout, *profile, *minimum)
	}
	if r != nil {
		fmt.Printf("\n%d passed, %d failed, %d skipped\n", r.passed, r.failed+len(r.broken), len(r.skipped))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(in io.Reader, out io.Writer) (*report, error) {
	r := &report{ran: map[string]int{}, output: map[string]string{}}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(out, lines.Text()) // not test2json's: the go command's own words
			continue
		}
		r.add(e, out)
	}
	return r, lines.Err()
}

func (r *report) add(e event, out io.Writer) {
	key := e.Package + " " + e.Test
	failedBefore := r.failed
	switch {
	case e.Action == "build-output":
		fmt.Fprint(out, e.Output)
	case e.Action == "output":
		r.output[key] += e.Output
	case e.Test != "" && e.Action == "pass":
		r.passed++
		r.ran[e.Package]++
	case e.Test != "" && e.Action == "skip":
		r.skipped = append(r.skipped, key+": "+reason(r.output[key]))
	case e.Test != "" && e.Action == "fail":
		r.failed++
		r.ran[e.Package]++
		fmt.Fprintf(out, "%s", r.output[key])
	case e.Test == "" && (e.Action == "pass" || e.Action == "skip"):
		if r.ran[e.Package] > 0 {
			fmt.Fprintf(out, "ok    %6.1fs  %4d tests  %s\n", e.Elapsed, r.ran[e.Package], e.Package)
		}
	case e.Test == "" && e.Action == "fail":
		fmt.Fprintf(out, "FAIL  %6.1fs  %s\n", e.Elapsed, e.Package)
		if !strings.Contains(r.output[e.Package+" "], "--- FAIL") && failedBefore == 0 {
			fmt.Fprintf(out, "%s", r.output[e.Package+" "])
		}
		if r.ran[e.Package] == 0 || failedBefore == 0 {
			r.broken = append(r.broken, e.Package)
		}
	}
}

// reason is a skipped test's own words.
func reason(output string) string {
	var words []string
	for line := range strings.Lines(output) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			words = append(words, line)
		}
	}
	return strings.Join(words, " ")
}

// judge fails for failed tests, and for folders in which none ran.
func (r *report) judge(folders []string) error {
	for _, skipped := range r.skipped {
		fmt.Printf("not run: %s\n", skipped)
	}
	if r.failed > 0 || len(r.broken) > 0 {
		return fmt.Errorf("tests failed: %d, packages that did not run: %s", r.failed, strings.Join(r.broken, ", "))
	}
	for _, folder := range folders {
		total := 0
		for name, count := range r.ran {
			if strings.Contains(name+"/", "/"+folder+"/") {
				total += count
			}
		}
		if total == 0 {
			return fmt.Errorf("no test ran in %s: the go command passes over folders that begin with _ unless they are named", folder)
		}
	}
	return nil
}

// coverage prints the share of statements that ran, by top folder.
func coverage(out io.Writer, file string, minimum float64) error {
	profiles, err := cover.ParseProfiles(file)
	if err != nil {
		return fmt.Errorf("coverage profile: %w", err)
	}
	type share struct{ ran, all int }
	folders := map[string]share{}
	for _, profile := range profiles {
		// the module's path has three parts: host, owner, name
		parts := strings.Split(profile.FileName, "/")
		if len(parts) < 5 {
			continue
		}
		s := folders[parts[3]]
		for _, block := range profile.Blocks {
			s.all += block.NumStmt
			if block.Count > 0 {
				s.ran += block.NumStmt
			}
		}
		folders[parts[3]] = s
	}
	var total share
	fmt.Fprintln(out, "\nstatements run by tests")
	for _, name := range slices.Sorted(maps.Keys(folders)) {
		s := folders[name]
		fmt.Fprintf(out, "  %-12s %5.1f %%  of %d\n", name, 100*float64(s.ran)/float64(max(s.all, 1)), s.all)
		total.ran, total.all = total.ran+s.ran, total.all+s.all
	}
	percent := 100 * float64(total.ran) / float64(max(total.all, 1))
	fmt.Fprintf(out, "  %-12s %5.1f %%  of %d\n", "all", percent, total.all)
	if percent < minimum {
		return fmt.Errorf("coverage is %.1f %%, the least is %.0f %%", percent, minimum)
	}
	return nil
}
