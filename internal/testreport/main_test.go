package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func reportOf(t *testing.T, lines ...string) *report {
	t.Helper()
	r, err := read(strings.NewReader(strings.Join(lines, "\n")), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const tested = "github.com/a/b/__tests__/unit"

func TestCounts(t *testing.T) {
	r := reportOf(t,
		`{"Action":"pass","Package":"`+tested+`","Test":"A"}`,
		`{"Action":"output","Package":"`+tested+`","Test":"B","Output":"    x_test.go:1: no Java\n"}`,
		`{"Action":"skip","Package":"`+tested+`","Test":"B"}`,
		`{"Action":"pass","Package":"`+tested+`"}`,
		`warning: words of the go command`)
	if r.passed != 1 || r.failed != 0 || len(r.skipped) != 1 || !strings.Contains(r.skipped[0], "no Java") {
		t.Errorf("%+v", r)
	}
	if err := r.judge([]string{"__tests__"}); err != nil {
		t.Error(err)
	}
	if err := r.judge([]string{"lambda"}); err == nil {
		t.Error("a folder without tests is taken for tested")
	}
}

func TestNothingRunFails(t *testing.T) {
	if err := reportOf(t, `{"Action":"skip","Package":"`+tested+`"}`).judge([]string{"__tests__"}); err == nil {
		t.Error("no test is taken for success")
	}
}

func TestFailuresFail(t *testing.T) {
	for name, lines := range map[string][]string{
		"a test":        {`{"Action":"fail","Package":"p","Test":"A"}`, `{"Action":"fail","Package":"p"}`},
		"a build":       {`{"Action":"fail","Package":"p","Elapsed":0}`},
		"a crash later": {`{"Action":"pass","Package":"p","Test":"A"}`, `{"Action":"fail","Package":"p"}`},
	} {
		if err := reportOf(t, lines...).judge(nil); err == nil {
			t.Errorf("%s that fails is taken for success", name)
		}
	}
}

func TestCoverage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cover.out")
	profile := "mode: set\ngithub.com/a/b/config/x.go:1.1,2.2 9 1\ngithub.com/a/b/config/x.go:3.1,4.2 1 0\n"
	if err := os.WriteFile(file, []byte(profile), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := coverage(io.Discard, file, 90); err != nil {
		t.Error(err)
	}
	if err := coverage(io.Discard, file, 90.5); err == nil {
		t.Error("90 % is taken for 90.5 %")
	}
	if err := coverage(io.Discard, filepath.Join(t.TempDir(), "none"), 0); err == nil {
		t.Error("a missing profile is taken for a good one")
	}
}
