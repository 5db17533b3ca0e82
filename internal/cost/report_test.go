package cost_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/cost"
	"github.com/batbern/infrastructure/internal/tree/treetest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with testdata, or writes it anew with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs: run go test ./internal/cost -update and read the change\n%s", file, got)
	}
}

// whole are estimates of the stacks as they are.
func whole(t *testing.T) []cost.Estimate {
	t.Helper()
	return []cost.Estimate{estimate(t, treetest.Golden(t, "batbern-dev")), estimate(t, treetest.Golden(t, "batbern-prod"))}
}

// sample is a stack of a few resources, for golden tables that do not change with the stacks.
func sample(name, class string) *treetest.Stack {
	s := treetest.New(name)
	for _, zone := range []string{"a", "b"} {
		s.Add("aws_nat_gateway", "network/nat_"+zone, attrs{})
		s.Add("aws_eip", "network/nat_"+zone+"_address", attrs{})
	}
	s.Add("aws_db_instance", "database/instance", attrs{"engine": "postgres", "instance_class": class, "storage_type": "gp3", "allocated_storage": 20})
	s.Add("aws_lb", "load_balancer/load_balancer", attrs{"internal": true})
	s.Add("aws_cloudwatch_dashboard", "observability/dashboard", attrs{})
	s.Add("aws_ssm_parameter", "parameters/one", attrs{"type": "String"})
	for _, service := range []string{"one", "two"} {
		s.Add("aws_secretsmanager_secret", "database/users/"+service, attrs{})
		task := s.Add("aws_ecs_task_definition", "services/"+service+"/task", attrs{"cpu": "256", "memory": "1024", "runtime_platform": attrs{"cpu_architecture": "ARM64"}})
		s.Add("aws_ecs_service", "services/"+service+"/service", attrs{"name": service, "task_definition": treetest.Ref(task, "arn"), "desired_count": 1})
	}
	return s
}

func samples(t *testing.T) []cost.Estimate {
	t.Helper()
	return []cost.Estimate{estimate(t, sample("batbern-dev", "db.t4g.micro")), estimate(t, sample("batbern-prod", "db.t4g.medium"))}
}

func written(t *testing.T, r cost.Report, estimates []cost.Estimate) string {
	t.Helper()
	var out bytes.Buffer
	if err := r.Write(&out, estimates); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestGoldenTables(t *testing.T) {
	golden(t, "estimate.txt", written(t, cost.Report{Format: cost.Table}, samples(t)))
	golden(t, "summary.md", written(t, cost.Report{Format: cost.Markdown, Summary: true}, samples(t)))
}

func TestTableFitsATerminal(t *testing.T) {
	text := written(t, cost.Report{Format: cost.Table}, whole(t))
	for line := range strings.SplitSeq(text, "\n") {
		if n := len([]rune(line)); n > 140 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("colour goes into a file")
	}
}

func TestMarkdownIsWellFormed(t *testing.T) {
	for name, text := range map[string]string{
		"estimate":   written(t, cost.Report{Format: cost.Markdown}, whole(t)),
		"difference": difference(t, cost.Markdown, sample("batbern-dev", "db.t4g.micro"), changed()),
	} {
		lines := strings.Split(text, "\n")
		tables := 0
		for i, line := range lines {
			if !strings.HasPrefix(line, "|") {
				continue
			}
			cells := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") - 1
			if !strings.HasPrefix(lines[i-1], "|") { // a head: a blank line before it, its rule after it
				tables++
				if lines[i-1] != "" || !strings.HasPrefix(lines[i+1], "| ---") {
					t.Errorf("%s line %d: a table needs a blank line before and a rule after its head: %s", name, i+1, line)
				}
				continue
			}
			if above := strings.Count(strings.ReplaceAll(lines[i-1], `\|`, ""), "|") - 1; cells != above {
				t.Errorf("%s line %d has %d cells, the row above %d: %s", name, i+1, cells, above, line)
			}
		}
		if tables == 0 {
			t.Errorf("%s has no table", name)
		}
	}
}

func TestJsonAndCsvHoldEveryLine(t *testing.T) {
	estimates := whole(t)
	var total float64
	lines := 0
	for _, e := range estimates {
		total += e.Total()
		lines += len(e.Lines)
	}

	var report struct {
		Estimates []struct {
			TotalUsd float64 `json:"totalUsd"`
			Lines    []struct {
				Usd   float64 `json:"usd"`
				Price struct {
					Source     string `json:"source"`
					SourceDate string `json:"sourceDate"`
				} `json:"price"`
			} `json:"lines"`
		} `json:"estimates"`
	}
	if err := json.Unmarshal([]byte(written(t, cost.Report{Format: cost.Json}, estimates)), &report); err != nil {
		t.Fatal(err)
	}
	var inJson float64
	n := 0
	for _, e := range report.Estimates {
		for _, l := range e.Lines {
			inJson += l.Usd
			n++
			if l.Price.Source == "" || l.Price.SourceDate == "" {
				t.Errorf("a line without the source of its price: %+v", l)
			}
		}
	}
	if n != lines || math.Abs(inJson-total) > 1e-6 {
		t.Errorf("json holds %d lines of %v, want %d of %v", n, inJson, lines, total)
	}

	rows, err := csv.NewReader(strings.NewReader(written(t, cost.Report{Format: cost.Csv}, estimates))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var inCsv float64
	for _, row := range rows[1:] {
		usd, err := strconv.ParseFloat(row[9], 64)
		if err != nil {
			t.Fatal(err)
		}
		inCsv += usd
	}
	if len(rows)-1 != lines || rows[0][9] != "usd" || math.Abs(inCsv-total) > 1e-6 {
		t.Errorf("csv holds %d lines of %v, want %d of %v", len(rows)-1, inCsv, lines, total)
	}
}

// changed is the sample with a larger database and a third NAT gateway, but without a dashboard.
func changed() *treetest.Stack {
	s := sample("batbern-dev", "db.t4g.small")
	s.Add("aws_nat_gateway", "network/nat_c", attrs{})
	s.Remove("aws_cloudwatch_dashboard")
	return s
}

func difference(t *testing.T, format cost.Format, before, after *treetest.Stack) string {
	t.Helper()
	deltas := cost.Difference([]cost.Estimate{estimate(t, before)}, []cost.Estimate{estimate(t, after)})
	var out bytes.Buffer
	if err := (cost.Report{Format: format}).WriteDifference(&out, deltas); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestDifference(t *testing.T) {
	before, after := estimate(t, sample("batbern-dev", "db.t4g.micro")), estimate(t, changed())
	deltas := cost.Difference([]cost.Estimate{before}, []cost.Estimate{after})
	changes := map[string]float64{}
	var sum float64
	for _, d := range deltas {
		changes[d.Item] = d.Change()
		sum += d.Change()
	}
	hours := costOf(t, "dev").Assumptions.DatabaseHoursPerMonth
	for item, want := range map[string]float64{
		"NAT gateway": 730 * 0.052, "dashboard": -3,
		"instance db.t4g.micro single-AZ": -hours * 0.019, "instance db.t4g.small single-AZ": hours * 0.037,
	} {
		if !near(changes[item], want) {
			t.Errorf("%s changes by %.2f, want %.2f", item, changes[item], want)
		}
	}
	if math.Abs(sum-(after.Total()-before.Total())) > 0.05 {
		t.Errorf("the changes add up to %.2f, the totals differ by %.2f", sum, after.Total()-before.Total())
	}
	if len(changes) != 5 { // the four and the gateway's data
		t.Errorf("%d items change: %v", len(changes), changes)
	}
	golden(t, "difference.txt", difference(t, cost.Table, sample("batbern-dev", "db.t4g.micro"), changed()))

	if same := difference(t, cost.Table, sample("batbern-dev", "db.t4g.micro"), sample("batbern-dev", "db.t4g.micro")); same != "the two trees cost the same\n" {
		t.Errorf("a tree against itself: %q", same)
	}
	if same := difference(t, cost.Json, sample("batbern-dev", "db.t4g.micro"), sample("batbern-dev", "db.t4g.micro")); strings.TrimSpace(same) != "[]" {
		t.Errorf("a tree against itself in json: %q", same)
	}
}
