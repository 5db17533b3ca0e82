//go:build unix

package main

import (
	"os/exec"
	"syscall"
	"time"
)

// endWithChildren makes the end of the command's context end its children as well: `go run` does not pass on signals.
func endWithChildren(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGTERM) }
	command.WaitDelay = 5 * time.Second
}
