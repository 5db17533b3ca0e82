// Package cdktfcli tells the app which stacks the cdktf CLI was asked for. The CLI runs the app as a child process and
// passes it nothing of its command line but the output folder.
package cdktfcli

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/shirou/gopsutil/v4/process"
)

// OutputVariable is the environment variable by which the CLI tells the app its output folder.
const OutputVariable = "CDKTF_OUTDIR"

// Names reports whether the cdktf command that runs this process names the stack, literally or by a pattern such as
// 'batbern-*'. It is false where no cdktf command runs this process, or where the operating system does not say which.
func Names(stack string) bool {
	if os.Getenv(OutputVariable) == "" {
		return false
	}
	for ancestor, err := process.NewProcess(int32(os.Getppid())); err == nil; ancestor, err = ancestor.Parent() {
		args, err := ancestor.CmdlineSlice()
		if err != nil {
			return false
		}
		if named, ok := arguments(args); ok {
			return matches(named, stack)
		}
	}
	return false
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
