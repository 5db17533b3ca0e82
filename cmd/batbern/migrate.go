package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/lambda/event"
	"github.com/batbern/infrastructure/lambda/migration-runner/runner"
	"github.com/batbern/infrastructure/migrations"
)

// MigrateCmd applies an environment's migrations by hand: what the migration function does during a deployment, with
// the operator's credentials and more patience. It runs the image that is deployed, not the SQL of this folder.
type MigrateCmd struct {
	jsonFlag
	Env     environmentName `help:"The environment." required:"" placeholder:"ENV" completion-predictor:"environment"`
	Wait    time.Duration   `help:"How long to wait for the result. The migration itself has no limit." default:"1h" placeholder:"TIME"`
	Request string          `help:"Read the request from this file. Without it, from the environment's parameter." type:"existingfile" placeholder:"FILE"`
	Repair  string          `help:"Remove the failed rows from this schema's history instead, after what the failed file left is gone. Flyway then also accepts files that have changed." placeholder:"SCHEMA"`
}

// Run starts the environment's migration task, or attaches to the one that runs, prints what Flyway prints and waits for
// its end. Giving up, by Ctrl-C or at the end of the time, leaves the task alone.
func (c *MigrateCmd) Run(ctx context.Context, std streams) error {
	if c.Repair != "" {
		if locations := migrationLocations(); !slices.Contains(locations, c.Repair) {
			return usageError{fmt.Errorf("schema %q does not exist; --repair accepts %s", c.Repair, strings.Join(locations, ", "))}
		}
	}
	run, err := prepareMigration(ctx, c.Env, c.Request)
	if err != nil {
		return err
	}
	done := "migrated"
	if c.Repair != "" {
		run.request, run.runner.Once = repairRequest(run.request, c.Repair), time.Now().UTC().Format(time.RFC3339Nano)
		done = "repaired; run batbern migrate --env " + string(c.Env)
	}
	run.runner.Log = progressLog(std.Err)
	run.runner.Progress = func(line string) { fmt.Fprintln(std.Err, line) }
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	result, err := run.runner.Run(ctx, run.request)
	if err != nil {
		return err
	}
	return c.print(std.Out, result, func() error {
		_, err := fmt.Fprintf(std.Out, "%s is %s: log stream %s in %s\n", c.Env, done, result.LogStream, result.LogGroup)
		return err
	})
}

// migrationLocations are the schemas that have a history.
func migrationLocations() []string {
	target := migrations.Target()
	return append([]string{target.Baseline, target.Shared}, target.Schemas...)
}

// migrationRun is what an environment's migration needs: a runner with the operator's credentials, and the request.
type migrationRun struct {
	runner  runner.Runner
	request event.Migration
}

// prepareMigration signs in and reads the request, from a file where one is named.
func prepareMigration(ctx context.Context, name environmentName, file string) (migrationRun, error) {
	environment, err := loadEnvironment(name)
	if err != nil {
		return migrationRun{}, err
	}
	settings, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(environment.Account.Region))
	if err != nil {
		return migrationRun{}, fmt.Errorf("load the AWS configuration: %w; see AWS_PROFILE and ~/.aws/config", err)
	}
	if _, err := settings.Credentials.Retrieve(ctx); err != nil {
		return migrationRun{}, fmt.Errorf("no credentials for AWS; sign in to account %s, or name a profile that does in AWS_PROFILE: %w",
			environment.Account.ID, err)
	}
	request, err := readRequest(ctx, settings, environment, file)
	if err != nil {
		return migrationRun{}, err
	}
	return migrationRun{
		runner:  runner.Runner{Tasks: ecs.NewFromConfig(settings), Logs: cloudwatchlogs.NewFromConfig(settings)},
		request: request,
	}, nil
}

func progressLog(out io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(out, nil)) }

func readRequest(ctx context.Context, settings aws.Config, environment config.Environment, file string) (event.Migration, error) {
	var (
		content []byte
		source  = file
		err     error
	)
	if file != "" {
		content, err = os.ReadFile(file)
	} else {
		source = migrations.RequestParameter(environment.Stack())
		content, err = readParameter(ctx, ssm.NewFromConfig(settings), source)
	}
	if err != nil {
		return event.Migration{}, fmt.Errorf("read the migration's request: %w", err)
	}
	var request event.Migration
	if err := json.Unmarshal(content, &request); err != nil {
		return event.Migration{}, fmt.Errorf("the migration's request in %s is not the JSON of a request: %w", source, err)
	}
	return request, nil
}

func readParameter(ctx context.Context, client *ssm.Client, name string) ([]byte, error) {
	output, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(name)})
	var missing *ssmtypes.ParameterNotFound
	if errors.As(err, &missing) {
		return nil, fmt.Errorf("there is no parameter %s; deploy the environment first, or sign in to its account", name)
	}
	var unreachable *url.Error
	if errors.As(err, &unreachable) {
		return nil, fmt.Errorf("parameter %s: %s does not answer (%w); check the network, and AWS_ENDPOINT_URL if it is set", name, unreachable.URL, unreachable.Err)
	}
	if err != nil {
		return nil, fmt.Errorf("parameter %s: %w", name, err)
	}
	return []byte(aws.ToString(output.Parameter.Value)), nil
}
