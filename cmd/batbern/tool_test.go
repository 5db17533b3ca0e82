package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"github.com/batbern/infrastructure/internal/ecstest"
	"github.com/batbern/infrastructure/internal/tree/treetest"
)

// build returns the path of the built tool, in a folder of its own.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "batbern")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// verbs returns all commands of the tool, groups included, as the words that select them.
func verbs(t *testing.T) map[string]*kong.Node {
	t.Helper()
	parser, err := kong.New(&commands{}, kong.Vars{"version": "x"})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]*kong.Node{}
	var walk func(*kong.Node, string)
	walk = func(n *kong.Node, path string) {
		found[path] = n
		for _, child := range n.Children {
			walk(child, strings.TrimSpace(path+" "+child.Name))
		}
	}
	walk(parser.Model.Node, "")
	return found
}

func TestHelpShowsEveryFlagAndDefaultIn80Columns(t *testing.T) {
	t.Setenv("COLUMNS", "80")
	for verb, node := range verbs(t) {
		code, out, err := batbern(t, append(strings.Fields(verb), "--help")...)
		if code != 0 || err != "" {
			t.Errorf("%s --help: exit code %d, %s", verb, code, err)
		}
		for line := range strings.Lines(out) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%s --help has a line of %d columns: %s", verb, n, line)
			}
		}
		oneLine := strings.Join(strings.Fields(out), " ")
		for _, flag := range node.Flags {
			if !strings.Contains(oneLine, "--"+flag.Name) {
				t.Errorf("%s --help does not show --%s", verb, flag.Name)
			}
			if flag.HasDefault && flag.Default != "" && !strings.Contains(oneLine, "Default: "+flag.Default+".") {
				t.Errorf("%s --help does not show the default of --%s, %s", verb, flag.Name, flag.Default)
			}
		}
	}
	_, out, _ := batbern(t, "--help")
	for _, says := range []string{"Exit codes: 0 done; 1 failed", "2 wrong", "3 AWS could not", "130 interrupted"} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), says) {
			t.Errorf("--help does not say %q:\n%s", says, out)
		}
	}
}

// Every flag --env, and every argument that is an environment, has the type that accepts both names.
func TestEveryEnvironmentAcceptsTheStacksName(t *testing.T) {
	found := 0
	for verb, node := range verbs(t) {
		values := node.Positional
		for _, flag := range node.Flags {
			if flag.Name == "env" {
				values = append(values, flag.Value)
			}
		}
		for _, value := range values {
			if value.Name != "env" && value.Name != "stacks" {
				continue
			}
			found++
			switch value.Target.Interface().(type) {
			case environmentName, []environmentName:
			default:
				t.Errorf("%s: %s does not accept batbern-dev for dev", verb, value.Name)
			}
			if value.Tag.Get("completion-predictor") != "environment" {
				t.Errorf("%s: %s is not completed", verb, value.Name)
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d were looked at", found)
	}

	dir := treetest.Write(t, treetest.Golden(t, "batbern-base"), treetest.Golden(t, "batbern-dev"))
	_, short, _ := batbern(t, "cost", "--dir", dir, "--env", "dev")
	code, long, err := batbern(t, "cost", "--dir", dir, "--env", "batbern-dev")
	if code != 0 || short != long || short == "" {
		t.Errorf("--env batbern-dev prints something else than --env dev: exit code %d, %s", code, err)
	}
	if code, _, err := batbern(t, "cost", "--dir", dir, "--env", "batbern-"); code != exitUsage || !strings.Contains(err, "names no environment") {
		t.Errorf("an empty name: exit code %d, %s", code, err)
	}
}

func TestVersion(t *testing.T) {
	if code, out, _ := batbern(t, "--version"); code != 0 || !regexp.MustCompile(`^batbern \S+.* go1\.\d+\S*\n$`).MatchString(out) {
		t.Errorf("exit code %d, %q", code, out)
	}
}

func TestWrongCommandLinesHaveExitCode2(t *testing.T) {
	dir := treetest.Write(t, treetest.Golden(t, "batbern-base"), treetest.Golden(t, "batbern-dev"))
	for _, args := range [][]string{
		{"bill"}, {}, {"cost", "--colour"}, {"cost", "--format", "xml"}, {"cost", "--format", "csv", "--json"},
		{"cost", "--dir", dir, "--env", "qa"}, {"diagram", "--dir", dir, "--env", "qa"}, {"plan", "--dir", dir, "--env", "qa"},
		{"validate", "--dir", dir, "--env", "qa"}, {"plan"}, {"migrate", "--env", "qa"}, {"bench", "--turns", "0"},
	} {
		if code, out, err := batbern(t, args...); code != exitUsage || out != "" || strings.Count(err, "\n") != 1 {
			t.Errorf("%q: exit code %d, %q, %q", args, code, out, err)
		}
	}
}

func TestJSON(t *testing.T) {
	dir := treetest.Write(t, treetest.Golden(t, "batbern-base"), treetest.Golden(t, "batbern-dev"))
	migrations := t.TempDir()
	if err := os.MkdirAll(filepath.Join(migrations, "sql", "event_management"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(migrations, "sql", "event_management", "V1__a.sql"), []byte("CREATE TABLE a (id int);\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"cost", "--dir", dir}, `"budgetUsd"`},
		{[]string{"diagram", "--dir", dir, "--out", t.TempDir()}, `dev.svg"`},
		{[]string{"migrations", "tag"}, `"tag"`},
		{[]string{"migrations", "lint", "--dir", migrations}, ``},
		{[]string{"migrations", "lock", "--dir", migrations}, `"event_management/V1__a.sql"`},
	} {
		code, out, err := batbern(t, append(c.args, "--json")...)
		if code != 0 || err != "" || !json.Valid([]byte(out)) || !strings.Contains(out, c.says) {
			t.Errorf("%v: exit code %d, %s\n%s", c.args, code, err, out)
		}
	}
}

// Every command that prints data has --json.
func TestEveryCommandHasJSON(t *testing.T) {
	without := map[string]bool{"completion": true, "local destroy": true} // they print no data
	for verb, node := range verbs(t) {
		if len(node.Children) > 0 || without[verb] {
			continue
		}
		found := false
		for _, flag := range node.Flags {
			found = found || flag.Name == "json"
		}
		if !found {
			t.Errorf("%s has no --json", verb)
		}
	}
}

// docs/tool.md lists the exit codes that the help lists.
func TestDocumentedExitCodes(t *testing.T) {
	text, err := os.ReadFile("../../docs/tool.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllStringSubmatch(string(text), -1)
	codes := []int{0, exitFailed, exitUsage, exitUnanswered, exitInterrupted}
	if len(listed) != len(codes) {
		t.Fatalf("docs/tool.md lists %v, want %v", listed, codes)
	}
	for i, code := range codes {
		if listed[i][1] != fmt.Sprint(code) || !strings.Contains(description, fmt.Sprint(code)+" ") {
			t.Errorf("exit code %d is not in docs/tool.md or in --help", code)
		}
	}
}

func TestHead(t *testing.T) {
	binary := build(t)
	dir := treetest.Write(t, treetest.Golden(t, "batbern-base"), treetest.Golden(t, "batbern-dev"), treetest.Golden(t, "batbern-prod"))
	for _, command := range []string{"cost --format csv --dir " + dir, "cost --json --dir " + dir, "--help"} {
		// head leaves before the tool writes: every write meets a closed pipe
		shell := exec.Command("bash", "-o", "pipefail", "-c", "(sleep 0.2; "+binary+" "+command+") | head -0")
		if out, err := shell.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s | head: %v, %q", command, err, out)
		}
	}
}

func TestCompletion(t *testing.T) {
	binary := build(t)
	for line, want := range map[string][]string{
		"batbern ":               {"cost", "diagram", "migrate", "completion"},
		"batbern cost --":        {"--env", "--json", "--format"},
		"batbern cost --env ":    {"base", "dev", "staging", "prod"},
		"batbern cost --format ": {"csv", "markdown"},
		"batbern local apply s":  {"staging"},
	} {
		command := exec.Command(binary)
		command.Env = append(os.Environ(), "COMP_LINE="+line)
		out, err := command.Output()
		offered := strings.Fields(string(out))
		for _, word := range want {
			if err != nil || !strings.Contains(" "+strings.Join(offered, " ")+" ", " "+word+" ") {
				t.Errorf("%q is not completed by %q, but by %q: %v", line, word, offered, err)
			}
		}
	}
	for shell, syntax := range map[string][]string{"bash": {"bash", "-n"}, "zsh": {"zsh", "-n"}, "fish": {"fish", "--no-execute"}} {
		code, err := exec.Command(binary, "completion", "--code", shell).Output()
		if err != nil || !strings.Contains(string(code), "complete ") {
			t.Errorf("%s: %v\n%s", shell, err, code)
		}
		if _, err := exec.LookPath(shell); err != nil {
			t.Logf("%s is not installed: its code is not parsed", shell)
			continue
		}
		file := filepath.Join(t.TempDir(), "completion")
		if err := os.WriteFile(file, code, 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(syntax[0], syntax[1], file).CombinedOutput(); err != nil {
			t.Errorf("%s does not parse its completion: %v\n%s", shell, err, out)
		}
	}
}

// interrupt starts the tool, interrupts it once ready, and returns its exit code and what it wrote on stderr.
func interrupt(t *testing.T, command *exec.Cmd, ready func() bool) (int, string) {
	t.Helper()
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	limit := time.AfterFunc(time.Minute, func() { command.Process.Kill() })
	defer limit.Stop()
	for start := time.Now(); !ready() && time.Since(start) < 30*time.Second; {
		time.Sleep(20 * time.Millisecond)
	}
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	message, err := io.ReadAll(stderr)
	if err != nil {
		t.Fatal(err)
	}
	command.Wait()
	return command.ProcessState.ExitCode(), string(message)
}

func TestInterrupt(t *testing.T) {
	binary := build(t)
	t.Run("while AWS does not answer", func(t *testing.T) {
		asked := make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body) // only then does the server notice that the client has gone
			close(asked)
			<-r.Context().Done()
		}))
		defer server.Close()
		command := exec.Command(binary, "migrate", "--env", "dev")
		command.Env = append(os.Environ(), "AWS_ENDPOINT_URL_SSM="+server.URL)
		for name, value := range ecstest.New(t, "flyway").Env() {
			command.Env = append(command.Env, name+"="+value)
		}
		code, message := interrupt(t, command, func() bool {
			select {
			case <-asked:
				return true
			default:
				return false
			}
		})
		if code != exitInterrupted || message != "batbern: interrupted\n" {
			t.Errorf("exit code %d, %q", code, message)
		}
	})
	t.Run("leaves no file", func(t *testing.T) {
		temporary := t.TempDir()
		folders := func() []string {
			found, _ := filepath.Glob(filepath.Join(temporary, "batbern-bench-*"))
			return found
		}
		command := exec.Command(binary, "bench")
		command.Dir = "../.."
		command.Env = append(os.Environ(), "TMPDIR="+temporary)
		code, message := interrupt(t, command, func() bool { return len(folders()) > 0 })
		if code != exitInterrupted || message != "batbern: interrupted\n" || len(folders()) > 0 {
			t.Errorf("exit code %d, %q, left %v", code, message, folders())
		}
	})
	t.Run("ends children's children", func(t *testing.T) {
		command := exec.CommandContext(t.Context(), "sh", "-c", "sh -c 'echo ready; exec sleep 60'; true")
		endWithChildren(command)
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if err := command.Cancel(); err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, out) // until the last process that holds the pipe has ended
		command.Wait()
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("the child's child lived for %v", took)
		}
	})
}
