// Batbern is the operator's tool: it reads the synthesized stacks and works on what they describe.
//
// Each command reads the synthesized JSON and builds no construct; only validate, plan and local run Terraform.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"
)

// commands are the tool's verbs, one field and one file each.
type commands struct {
	Version kong.VersionFlag `help:"Print the version and exit."`

	Cost        CostCmd        `cmd:"" help:"Estimate what the stacks cost a month, or read the prices again."`
	Diagram     DiagramCmd     `cmd:"" help:"Draw the stacks and each environment's architecture."`
	Validate    ValidateCmd    `cmd:"" help:"Check the synthesized stacks against the provider's schema."`
	Plan        PlanCmd        `cmd:"" help:"Show what would change in a stack, with its configured backend."`
	Verify      VerifyCmd      `cmd:"" help:"Ask AWS, read-only, whether what a stack promises really works."`
	Bench       BenchCmd       `cmd:"" help:"Measure synthesis against a minimal app with the AWS binding."`
	Local       LocalCmd       `cmd:"" help:"Apply stacks to an AWS emulator on this machine, or destroy them."`
	Permissions PermissionsCmd `cmd:"" help:"Judge recorded requests against the permissions of the pipelines."`

	Domain     DomainCmd     `cmd:"" help:"Compare name servers before a domain that is in use moves."`
	Migrate    MigrateCmd    `cmd:"" help:"Apply an environment's database migrations and wait for the result."`
	Migrations MigrationsCmd `cmd:"" help:"Check the migration files, show which are pending, or record them as released."`

	Completion kongcompletion.Completion `cmd:"" help:"Print how to turn on completion for bash, zsh or fish."`
}

const description = `The operator's tool for the synthesized stacks. --env accepts an environment (dev) or its stack (batbern-dev).

Exit codes: 0 done; 1 failed, or a check found a fault; 2 wrong command line; 3 AWS could not be asked (verify); 130 interrupted by Ctrl-C.`

// Exit codes besides 0. The tool's description and docs list them.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitUnanswered  = 3
	exitInterrupted = 128 + int(syscall.SIGINT) // what a shell reports for a command that SIGINT ended
)

// streams is where a command writes.
type streams struct{ Out, Err io.Writer }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	// Without a handler, Go lets SIGPIPE end the process: work would stop halfway because `head` has read enough.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdout, os.Stderr}))
}

// run executes the arguments and returns the exit code; any but 0 comes after a message on std.Err.
func run(ctx context.Context, args []string, std streams) (code int) {
	exited := false
	parser, err := kong.New(&commands{},
		kong.Name("batbern"),
		kong.Description(description),
		kong.Writers(std.Out, std.Err), // unwrapped, because kong asks the terminal for its width
		kong.Exit(func(c int) { exited, code = true, c }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.ValueFormatter(withDefault),
		kong.Vars{"version": version()},
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams{&untilClosed{Writer: std.Out}, &untilClosed{Writer: std.Err}}),
	)
	if err != nil {
		return fail(std, err)
	}
	if done, err := completeLine(parser); err != nil {
		return fail(std, err)
	} else if done {
		return 0
	}
	command, err := parser.Parse(args)
	if exited || errors.Is(err, syscall.EPIPE) {
		return code
	}
	if err != nil {
		return fail(std, usageError{fmt.Errorf("%w: see batbern --help", err)})
	}
	err = command.Run()
	if err != nil && ctx.Err() != nil {
		fmt.Fprintln(std.Err, "batbern: interrupted")
		return exitInterrupted
	}
	if err != nil {
		return fail(std, err)
	}
	return 0
}

// fail prints the error and returns its exit code: its own where it is a kong.ExitCoder.
func fail(std streams, err error) int {
	fmt.Fprintf(std.Err, "batbern: %v\n", err)
	var own kong.ExitCoder
	if errors.As(err, &own) {
		return own.ExitCode()
	}
	return exitFailed
}

// usageError is a fault of the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// ExitCode implements kong.ExitCoder.
func (usageError) ExitCode() int { return exitUsage }
