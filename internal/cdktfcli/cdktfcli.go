// Package cdktfcli tells the app what the cdktf CLI was asked for. The CLI runs the app as a child process and
// passes it nothing of its command line but the output folder.
package cdktfcli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/shirou/gopsutil/v4/process"
)

// OutputVariable is the environment variable by which the CLI tells the app its output folder.
const OutputVariable = "CDKTF_OUTDIR"

// Names reports whether the cdktf command that runs this process names the stack, literally or by a pattern such as
// 'batbern-*'. It is false where no cdktf command runs this process, or where the operating system does not say which.
func Names(stack string) bool {
	_, args, ok := command()
	return ok && matches(args, stack)
}

// CheckApproval returns an error where the cdktf command that runs this process will ask for an approval and has no
// terminal to ask in: the CLI would plan, and then end in a stack trace of its user interface.
func CheckApproval() error {
	cli, args, ok := command()
	if !ok || !asks(args, os.Getenv("CDKTF_AUTO_APPROVE")) || hasTerminal(cli) {
		return nil
	}
	return errors.New("no terminal to approve the plan in: look at `npx cdktf diff STACK`, then add --auto-approve")
}

// command returns the cdktf command that runs this process, and its arguments.
func command() (cli *process.Process, args []string, ok bool) {
	if os.Getenv(OutputVariable) == "" {
		return nil, nil, false
	}
	for ancestor, err := process.NewProcess(int32(os.Getppid())); err == nil; ancestor, err = ancestor.Parent() {
		line, err := ancestor.CmdlineSlice()
		if err != nil {
			return nil, nil, false
		}
		if args, ok := arguments(line); ok {
			return ancestor, args, true
		}
	}
	return nil, nil, false
}

// approvals are the CLI's commands that ask for an approval, with their aliases.
var approvals = []string{"deploy", "apply", "destroy"}

// asks reports whether a command with these arguments asks for an approval. The variable is that of the option.
func asks(args []string, variable string) bool {
	if !slices.ContainsFunc(args, func(arg string) bool { return slices.Contains(approvals, arg) }) {
		return false
	}
	for i, arg := range args {
		name, value, given := strings.Cut(arg, "=")
		if name != "--auto-approve" && name != "--autoApprove" {
			continue
		}
		if !given && i+1 < len(args) { // a boolean may follow as an argument of its own
			value = args[i+1]
		}
		return value == "false"
	}
	return variable != "true"
}

// hasTerminal reports whether the process reads from a terminal. Where the operating system does not show that, it is
// whether this process has one.
func hasTerminal(cli *process.Process) bool {
	if file, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/0", cli.Pid)); err == nil {
		return strings.HasPrefix(file, "/dev/pts/") || strings.HasPrefix(file, "/dev/tty") || file == "/dev/console"
	}
	if runtime.GOOS == "windows" {
		return true
	}
	terminal, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	_ = terminal.Close()
	return true
}

// arguments are what follows the CLI's own file in a command line, which ok says is there. A shell that starts the CLI
// has one argument, "cdktf deploy batbern-dev", which is no file.
func arguments(commandLine []string) (after []string, ok bool) {
	at := slices.IndexFunc(commandLine, func(arg string) bool {
		return filepath.Base(arg) == "cdktf" || filepath.Base(arg) == "cdktf.js"
	})
	// node precedes the file: `npm exec cdktf` is not the CLI
	if at < 1 || filepath.Base(commandLine[0]) != "node" {
		return nil, false
	}
	return commandLine[at+1:], true
}

// matches reports whether one of the arguments is a pattern of the stack's name, by the CLI's rules (minimatch).
func matches(args []string, stack string) bool {
	return slices.ContainsFunc(args, func(arg string) bool {
		matched, err := doublestar.Match(arg, stack)
		return err == nil && matched
	})
}
