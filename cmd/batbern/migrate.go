package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
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
}

// Run starts the environment's migration task, or attaches to the one that runs, and waits for its end. Giving up,
// by Ctrl-C or at the end of the time, leaves the task alone.
func (c *MigrateCmd) Run(ctx context.Context, std streams) error {
	environment, err := loadEnvironment(c.Env)
	if err != nil {
		return err
	}
	settings, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(environment.Account.Region))
	if err != nil {
		return fmt.Errorf("load the AWS configuration: %w; see AWS_PROFILE and ~/.aws/config", err)
	}
	if _, err := settings.Credentials.Retrieve(ctx); err != nil {
		return fmt.Errorf("no credentials for AWS; sign in to account %s, or name a profile that does in AWS_PROFILE: %w", environment.Account.ID, err)
	}
	request, err := c.request(ctx, settings, environment)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	migration := runner.Runner{Tasks: ecs.NewFromConfig(settings), Log: slog.New(slog.NewTextHandler(std.Err, nil))}
	result, err := migration.Run(ctx, request)
	if err != nil {
		return err
	}
	return c.print(std.Out, result, func() error {
		_, err := fmt.Fprintf(std.Out, "%s is migrated: log stream %s in %s\n", c.Env, result.LogStream, result.LogGroup)
		return err
	})
}

func (c *MigrateCmd) request(ctx context.Context, settings aws.Config, environment config.Environment) (event.Migration, error) {
	var (
		content []byte
		source  = c.Request
		err     error
	)
	if c.Request != "" {
		content, err = os.ReadFile(c.Request)
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
