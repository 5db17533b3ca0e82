//go:build !unix

package emulator

import "os/exec"

func detach(*exec.Cmd) {}

func isMoto(int) bool { return true }
