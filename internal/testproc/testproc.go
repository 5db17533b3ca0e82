// Package testproc runs a server beside a test, so that nothing of it is left when the test ends, whatever way it ends.
package testproc

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stopGrace is how long a server gets to end by itself before it is killed.
const stopGrace = 10 * time.Second

// ErrMissing marks the absence of a tool that the machine must bring along, such as PostgreSQL's server.
var ErrMissing = errors.New("a tool for this test is missing")

// Require ends the test when err is not nil. A missing tool skips the test with the message that says how to get it,
// and fails it where CI=true, so that no pipeline is green because it tested nothing.
func Require(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, ErrMissing) && os.Getenv("CI") != "true":
		t.Skipf("not run: %v", err)
	default:
		t.Fatal(err)
	}
}

// Process is a running server.
type Process struct {
	started chan error
	ended   chan struct{}
	err     error // of Wait; read after ended
	cmd     *exec.Cmd
	signal  os.Signal
}

// Start starts cmd with its output in the given writer. The server is asked to end with stopSignal by Stop, and on
// Linux by the kernel when the test process dies without calling Stop.
//
// It runs on a goroutine with a thread of its own: the kernel sends that signal when the thread which made the child
// ends, and Go ends idle threads.
func Start(cmd *exec.Cmd, output io.Writer, stopSignal syscall.Signal) (*Process, error) {
	cmd.Stdout, cmd.Stderr = output, output
	dieWithParent(cmd, stopSignal)
	p := &Process{started: make(chan error, 1), ended: make(chan struct{}), cmd: cmd, signal: stopSignal}
	go p.run()
	if err := <-p.started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

func (p *Process) run() {
	runtime.LockOSThread()
	if err := p.cmd.Start(); err != nil {
		p.started <- err
		return
	}
	p.started <- nil
	p.err = p.cmd.Wait()
	close(p.ended)
}

// AwaitReady calls ready until it returns nil, the server ends, or the limit has passed.
func (p *Process) AwaitReady(limit time.Duration, ready func() error) error {
	deadline := time.After(limit)
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended before it was ready: %w", p.cmd.Path, p.err)
		case <-deadline:
			return fmt.Errorf("%s was not ready after %s: %w", p.cmd.Path, limit, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the server and returns when it is gone.
func (p *Process) Stop() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Signal(p.signal)
	select {
	case <-p.ended:
	case <-time.After(stopGrace):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// FreePort returns a TCP port of the loopback address that nothing listened on a moment ago.
func FreePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free loopback port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// RepositoryRoot returns the folder of go.mod above the working directory.
var RepositoryRoot = sync.OnceValues(func() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod in the working directory or above it")
		}
		dir = parent
	}
})
