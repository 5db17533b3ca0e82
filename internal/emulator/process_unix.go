//go:build unix

package emulator

import (
	"os/exec"
	"strings"
	"syscall"

	"strconv"
)

// detach lets the process outlive this one and its terminal.
func detach(command *exec.Cmd) { command.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// isMoto says whether that process still is the server that was started, and not another that got its number.
func isMoto(pid int) bool {
	out, err := exec.Command("ps", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(out), serverProgram)
}
