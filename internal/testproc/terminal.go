package testproc

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/creack/pty"
)

// InTerminal runs cmd in a pseudo-terminal of 160 by 50 characters and returns everything it printed. When the output
// contains the question for the first time, the answer is typed.
func InTerminal(cmd *exec.Cmd, question, answer string) (output string, err error) {
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 160})
	if err != nil {
		return "", fmt.Errorf("start %s in a terminal: %w", cmd.Path, err)
	}
	defer terminal.Close()
	var all bytes.Buffer
	answered := false
	buffer := make([]byte, 32*1024)
	for {
		n, err := terminal.Read(buffer)
		all.Write(buffer[:n])
		if !answered && strings.Contains(all.String(), question) {
			answered = true
			time.Sleep(500 * time.Millisecond) // a menu reads the keyboard only after it is drawn
			if _, err := io.WriteString(terminal, answer); err != nil {
				return all.String(), err
			}
		}
		if err != nil {
			return all.String(), cmd.Wait() // Linux reports the end of a pseudo-terminal as an error
		}
	}
}
