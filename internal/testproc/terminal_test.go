package testproc

import (
	"os/exec"
	"strings"
	"testing"
)

func TestInTerminal(t *testing.T) {
	const script = `test -t 0 && test -t 1 || exit 3
printf 'Approve? '
read answer
test "$answer" = yes || exit 4
stty size
exit 5`
	output, err := InTerminal(exec.Command("sh", "-c", script), "Approve", "yes\n")
	var code int
	if exit, is := err.(*exec.ExitError); is {
		code = exit.ExitCode()
	}
	if code != 5 || !strings.Contains(output, "50 160") {
		t.Errorf("exit code %d, %v:\n%s", code, err, output)
	}
	if _, err := InTerminal(exec.Command("/absent/program"), "", ""); err == nil {
		t.Error("a program that does not exist was started")
	}
}
