package changes_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v4/process"

	"github.com/batbern/infrastructure/internal/emulator"
	"github.com/batbern/infrastructure/internal/terraform/terraformtest"
	"github.com/batbern/infrastructure/internal/testproc"
	"github.com/batbern/infrastructure/internal/wire"
)

// An apply that is killed recovers by the same command, wherever it was: before it created anything, in the middle, near
// the end, and when the tool was killed with it. Each run here but the last is killed while it recovers from the one
// before.
func TestKilledAppliesRecoverByTheSameCommand(t *testing.T) {
	terraformtest.RequireProvider(t)
	project := copyOfProject(t)
	tool := filepath.Join(t.TempDir(), "batbern")
	build := exec.Command("go", "build", "-o", tool, "./cmd/batbern")
	build.Dir = project
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() {
		if err := emulator.Stop(filepath.Join(project, ".local")); err != nil {
			t.Error(err)
		}
	})
	const recovers = "the last apply of batbern-base was killed: starting over with an empty emulator"
	for n, kill := range []struct {
		name     string
		requests int // that terraform has sent when it is killed, of about 460
		withTool bool
	}{
		{"as it begins", 1, false}, {"in the middle", 200, false}, {"near the end", 380, false}, {"with the tool", 100, true},
	} {
		t.Run("killed "+kill.name, func(t *testing.T) {
			output, err := applyUntil(t, project, tool, kill.requests, kill.withTool)
			if err == nil {
				t.Fatalf("the apply succeeded before it was killed:\n%s", output)
			}
			if recovered := strings.Contains(output, recovers); recovered != (n > 0) {
				t.Errorf("recovered from the kill before it: %t\n%s", recovered, output)
			}
			if strings.Contains(output, "goroutine ") {
				t.Errorf("a trace is shown:\n%s", output)
			}
		})
	}
	for _, run := range []string{"recovers", "applies again"} {
		output, err := applyUntil(t, project, tool, never, false)
		if err != nil {
			t.Fatalf("%s: %v\n%s", run, err, output)
		}
		if recovered := strings.Contains(output, recovers); recovered != (run == "recovers") {
			t.Errorf("%s: started over: %t\n%s", run, recovered, output)
		}
	}
}

const never = -1

// applyUntil applies the base in the project's folder, kills terraform (SIGKILL) once it has sent so many requests, and
// returns what the tool wrote and how it ended.
func applyUntil(t *testing.T, project, tool string, requests int, withTool bool) (output string, err error) {
	t.Helper()
	recording := wire.File(filepath.Join(project, ".local", "wire"), base, emulator.PhaseApply)
	if err := os.RemoveAll(recording); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), tool, "local", "apply", "base")
	command.Dir = project
	var text testproc.Output
	command.Stdout, command.Stderr = &text, &text
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	for requests != never {
		select {
		case err := <-ended:
			t.Fatalf("the apply ended before it was killed: %v\n%s", err, text.String())
		case <-time.After(50 * time.Millisecond):
		}
		recorded, err := os.ReadFile(recording)
		if err != nil || bytes.Count(recorded, []byte("\n")) < requests {
			continue
		}
		requests = never
		if withTool {
			err = command.Process.Kill()
		}
		if err := errors.Join(err, killTerraform(t.Context(), filepath.Join(project, "cdktf.local"))); err != nil {
			t.Fatalf("%v\n%s", err, text.String())
		}
	}
	err = <-ended
	return text.String(), err
}

// killTerraform kills the terraform that applies in a folder below the given one, and waits until it is gone.
func killTerraform(ctx context.Context, below string) error {
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		all, err := process.ProcessesWithContext(ctx)
		if err != nil {
			return err
		}
		for _, p := range all {
			folder, _ := p.Cwd() // that of another user's process cannot be read
			args, _ := p.CmdlineSlice()
			if len(args) < 2 || args[1] != "apply" || !strings.HasPrefix(folder, below) {
				continue
			}
			providers, _ := p.ChildrenWithContext(ctx) // they outlive it
			if err := p.Kill(); err != nil {
				return err
			}
			for _, provider := range providers {
				if err := provider.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
					return err
				}
			}
			for running := true; running && time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
				running, _ = p.IsRunning()
			}
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("no terraform applies in " + below)
}

// copyOfProject is a folder with the project's files, so that the test has an emulator and states of its own.
func copyOfProject(t *testing.T) string {
	t.Helper()
	root, err := testproc.RepositoryRoot()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	listing := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	listing.Dir = root
	list, err := listing.Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(folder, name), filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, installed := range []string{"node_modules", ".venv"} {
		if err := os.Symlink(filepath.Join(root, installed), filepath.Join(folder, installed)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TF_PLUGIN_CACHE_DIR", pluginCache(t, root))
	return folder
}

// copyFile copies a file, unless it was deleted and is only in git's index.
func copyFile(to, from string) error {
	status, err := os.Stat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, status.Mode().Perm())
}

// pluginCache is the folder in which the project's applies keep the provider.
func pluginCache(t *testing.T, root string) string {
	t.Helper()
	cache := filepath.Join(root, ".cache", "terraform")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	return cache
}
