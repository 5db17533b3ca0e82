// Batbern is the operator's tool over what `make synth` made: what it costs, what it looks like.
//
// Each command reads the synthesized JSON; only validate, plan and local run Terraform.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/alecthomas/kong"
)

// commands are the tool's verbs, one field each.
type commands struct {
	Cost     CostCmd     `cmd:"" help:"Estimate what the synthesized stacks cost a month, or read the prices again."`
	Diagram  DiagramCmd  `cmd:"" help:"Draw the stacks and each environment's architecture."`
	Validate ValidateCmd `cmd:"" help:"Check every synthesized stack against the provider's schema."`
	Plan     PlanCmd     `cmd:"" help:"Show what would change in a stack, with the configured backend."`
	Bench    BenchCmd    `cmd:"" help:"Measure synthesis beside the least app that loads the AWS binding."`
	Local    LocalCmd    `cmd:"" help:"Apply stacks on an AWS emulator on this machine, or take them away."`

	Migrate    MigrateCmd    `cmd:"" help:"Apply an environment's database migrations, and wait for their end."`
	Migrations MigrationsCmd `cmd:"" help:"Check the migrations' files, or record them as released."`
}

// streams is where a command writes.
type streams struct{ Out, Err io.Writer }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdout, os.Stderr}))
}

// run executes the arguments and returns the exit code: 0, or 1 after one line that says what is wrong.
func run(ctx context.Context, args []string, std streams) (code int) {
	exited := false
	parser, err := kong.New(&commands{},
		kong.Name("batbern"),
		kong.Description("The operator's tool over the synthesized stacks."),
		kong.Writers(std.Out, std.Err),
		kong.Exit(func(c int) { exited, code = true, c }), // --help
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(std),
	)
	if err != nil {
		return fail(std, err)
	}
	command, err := parser.Parse(args)
	if exited {
		return code
	}
	if err != nil {
		return fail(std, fmt.Errorf("%w: see batbern --help", err))
	}
	if err := command.Run(); err != nil {
		return fail(std, err)
	}
	return 0
}

func fail(std streams, err error) int {
	fmt.Fprintf(std.Err, "batbern: %v\n", err)
	return 1
}
