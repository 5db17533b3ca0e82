package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/cost"
	"github.com/batbern/infrastructure/internal/tree/treetest"
)

// batbern runs the tool and returns what it wrote.
func batbern(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(context.Background(), args, streams{&stdout, &stderr})
	return code, stdout.String(), stderr.String()
}

func TestCost(t *testing.T) {
	dir := treetest.Write(t, treetest.Golden(t, "batbern-base"), treetest.Golden(t, "batbern-dev"), treetest.Golden(t, "batbern-prod"))
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"cost", "--dir", dir}, []string{"prod", "Fargate vCPU on demand", "of the budget", "on assumed prices", "hours a month"}},
		{[]string{"cost", "--dir", dir, "--env", "dev", "--summary", "--format", "markdown"}, []string{"| concern | dev |", "**total**"}},
		{[]string{"cost", "--dir", dir, "--format", "csv"}, []string{"environment,concern,resource", "aws_nat_gateway"}},
		{[]string{"cost", "--dir", dir, "--against", treetest.Write(t, treetest.Golden(t, "batbern-base"), treetest.Golden(t, "batbern-dev"))}, []string{"what the change costs", "prod"}},
		{[]string{"cost", "--dir", dir, "--check"}, []string{"total"}},
		{[]string{"--help"}, []string{"cost"}},
	} {
		code, out, err := batbern(t, c.args...)
		if code != 0 || err != "" {
			t.Errorf("%v: exit code %d, %s", c.args, code, err)
		}
		for _, part := range c.says {
			if !strings.Contains(out, part) {
				t.Errorf("%v does not print %q", c.args, part)
			}
		}
	}
	_, out, _ := batbern(t, "cost", "--dir", dir, "--format", "json")
	if !json.Valid([]byte(out)) {
		t.Error("--format json writes no JSON")
	}
}

func TestCostIntoADocument(t *testing.T) {
	dir, file := treetest.Write(t, treetest.Golden(t, "batbern-base"), treetest.Golden(t, "batbern-dev")), filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(file, []byte("# Ours\n\n"+cost.TableBegins+cost.TableEnds+"\n\nMore.\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if code, out, err := batbern(t, "cost", "--dir", dir, "--into", file); code != 0 || out != "" {
		t.Fatalf("exit code %d, %q, %s", code, out, err)
	}
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := batbern(t, "cost", "--dir", dir, "--summary", "--format", "markdown")
	if !strings.HasPrefix(string(written), "# Ours") || !strings.HasSuffix(string(written), "More.\n") || !strings.Contains(string(written), table) {
		t.Errorf("the document is now %q", written)
	}
}

func TestDiagram(t *testing.T) {
	dir, out := treetest.Write(t, treetest.Golden(t, "batbern-base"), treetest.Golden(t, "batbern-dev")), t.TempDir()
	if code, _, err := batbern(t, "diagram", "--dir", dir, "--out", out, "--check"); code != 1 || !strings.Contains(err, "stacks.svg") || !strings.Contains(err, "make diagram") {
		t.Errorf("missing pictures pass the check: %d, %q", code, err)
	}
	if code, _, err := batbern(t, "diagram", "--dir", dir, "--out", out); code != 0 {
		t.Fatalf("exit code %d, %s", code, err)
	}
	for _, name := range []string{"stacks.svg", "stacks.png", "dev.svg", "dev.png"} {
		if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s is not drawn: %v", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(out, "base.svg")); err == nil {
		t.Error("a stack without a network has an architecture picture")
	}
	if code, _, err := batbern(t, "diagram", "--dir", dir, "--out", out, "--check"); code != 0 {
		t.Errorf("fresh pictures fail the check: %s", err)
	}
	changed := treetest.Golden(t, "batbern-dev")
	changed.Add("aws_nat_gateway", "network/nat_b", treetest.Attrs{})
	if code, _, err := batbern(t, "diagram", "--dir", treetest.Write(t, changed), "--env", "dev", "--out", out, "--check"); code != 1 || !strings.Contains(err, "dev.svg") {
		t.Errorf("a stale picture passes the check: %d, %q", code, err)
	}
}

func TestFaultsAreOneClearMessage(t *testing.T) {
	dir := treetest.Write(t, treetest.Golden(t, "batbern-dev"))
	unclassified := treetest.Golden(t, "batbern-dev")
	unclassified.Add("aws_quantum", "compute/quantum", treetest.Attrs{})
	unknown := treetest.New("batbern-qa")
	unknown.Add("aws_eip", "network/address", treetest.Attrs{})
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"no tree":             {[]string{"cost", "--dir", filepath.Join(dir, "absent")}, "run `make synth`"},
		"no other tree":       {[]string{"cost", "--dir", dir, "--against", "absent"}, "run `make synth`"},
		"unknown environment": {[]string{"cost", "--dir", dir, "--env", "qa"}, "allowed are dev"},
		"unclassified type":   {[]string{"cost", "--dir", treetest.Write(t, unclassified)}, "aws_quantum"},
		"no budget":           {[]string{"cost", "--dir", treetest.Write(t, unknown)}, "config/cost.go"},
		"unknown format":      {[]string{"cost", "--format", "xml"}, "--format"},
		"a part of the table": {[]string{"cost", "--dir", dir, "--env", "dev", "--into", "../../README.md"}, "leave --against and --env out"},
		"no document":         {[]string{"cost", "--dir", dir, "--into", filepath.Join(dir, "absent.md")}, "absent.md"},
		"no place for it":     {[]string{"cost", "--dir", dir, "--into", "main.go"}, "once and in this order"},
		"unknown command":     {[]string{"bill"}, "bill"},
		"nothing to draw":     {[]string{"diagram", "--dir", filepath.Join(dir, "absent")}, "run `make synth`"},
		"no sheet":            {[]string{"cost", "refresh", "--sheet", filepath.Join(dir, "absent.csv")}, "absent.csv"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, err := batbern(t, c.args...)
			if (code != exitFailed && code != exitUsage) || !strings.HasPrefix(err, "batbern: ") || !strings.Contains(err, c.says) {
				t.Errorf("exit code %d, %q, want %q", code, err, c.says)
			}
			if strings.Contains(err, "goroutine") || strings.Count(err, "\n") != 1 {
				t.Errorf("not one line: %q", err)
			}
		})
	}
}

func TestRefreshKeepsTheSheetWithoutAnswer(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL_PRICING", "http://127.0.0.1:1") // nothing listens there
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "example")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	before, err := os.ReadFile("../../internal/cost/prices.csv")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "prices.csv")
	if err := os.WriteFile(file, before, 0o644); err != nil {
		t.Fatal(err)
	}
	code, _, message := batbern(t, "cost", "refresh", "--sheet", file)
	after, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if code != 1 || !strings.Contains(message, "price list") || !bytes.Equal(before, after) {
		t.Errorf("exit code %d, %q, sheet unchanged: %v", code, message, bytes.Equal(before, after))
	}
}
