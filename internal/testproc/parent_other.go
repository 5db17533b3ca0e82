//go:build !linux

package testproc

import (
	"os/exec"
	"syscall"
)

// dieWithParent does nothing: only Linux can tie a child's life to its parent's.
func dieWithParent(*exec.Cmd, syscall.Signal) {}
