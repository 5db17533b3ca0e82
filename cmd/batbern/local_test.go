//go:build unix

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/tree/treetest"
)

// fakeLocal is a working directory whose `go run .` writes the base and dev, and whose terraform does nothing but wait
// in an apply. Both record how they were called.
func fakeLocal(t *testing.T) (folder string, variables []string, recorded func() []string) {
	t.Helper()
	folder = t.TempDir()
	record := filepath.Join(folder, "recorded")
	for name, script := range map[string]string{
		"go": `echo "synthesis for $BATBERN_AWS_ENDPOINT_URL" >>"$RECORDED"
mkdir -p "$CDKTF_OUTDIR" && cp -R "$TREE"/. "$CDKTF_OUTDIR"`,
		"terraform": `case "$1" in
version) echo '{"terraform_version": "1.11.4", "platform": "linux_amd64"}' ;;
apply) echo "apply $(basename "$PWD")" >>"$RECORDED"; exec sleep 60 ;;
destroy) echo "destroy $(basename "$PWD") at $HTTP_PROXY" >>"$RECORDED" ;;
esac`,
	} {
		path := filepath.Join(folder, "bin", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	tree := treetest.Write(t, treetest.Golden(t, "batbern-base"), treetest.Golden(t, "batbern-dev"))
	variables = append(os.Environ(), "RECORDED="+record, "TREE="+tree,
		"PATH="+filepath.Join(folder, "bin")+string(os.PathListSeparator)+os.Getenv("PATH"))
	return folder, variables, func() []string {
		text, _ := os.ReadFile(record)
		return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
	}
}

func TestLocalDestroyAtTheNamedEndpoint(t *testing.T) {
	binary := build(t)
	folder, variables, recorded := fakeLocal(t)
	// the last synthesis was for another endpoint
	variables = append(variables, "CDKTF_OUTDIR="+filepath.Join(folder, localTree),
		"BATBERN_AWS_ENDPOINT_URL=http://127.0.0.1:1")
	last := exec.Command(filepath.Join(folder, "bin", "go"))
	last.Env = variables
	if out, err := last.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	for _, stack := range []string{"batbern-base", "batbern-dev"} {
		path := filepath.Join(folder, localFolder, "state", "terraform."+stack+".tfstate")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command(binary, "local", "destroy", "--endpoint", "http://127.0.0.1:2/")
	command.Dir, command.Env = folder, variables
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := []string{"synthesis for http://127.0.0.1:1", "synthesis for http://127.0.0.1:2",
		"destroy batbern-dev at http://127.0.0.1:2", "destroy batbern-base at http://127.0.0.1:2"}
	if got := recorded(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, name := range []string{localFolder, localTree} {
		if exists(filepath.Join(folder, name)) {
			t.Errorf("%s is left", name)
		}
	}
}

func TestLocalInterrupted(t *testing.T) {
	binary := build(t)
	folder, variables, recorded := fakeLocal(t)
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	command := exec.Command(binary, "local", "apply", "base", "--endpoint", server.URL)
	command.Dir, command.Env = folder, variables
	code, message := interrupt(t, command, func() bool { return slices.Contains(recorded(), "apply batbern-base") })
	interrupted := strings.HasSuffix(message, "\nbatbern: interrupted\n")
	if code != exitInterrupted || !interrupted || strings.Contains(message, "exit status") {
		t.Errorf("exit code %d:\n%s", code, message)
	}
	if !strings.Contains(message, "batbern-base: apply ") {
		t.Errorf("the apply was not reported:\n%s", message)
	}
}
