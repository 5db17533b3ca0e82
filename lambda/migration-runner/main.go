// Command migration-runner is the function that applies the database migrations of an environment: Terraform invokes
// it before any service is rolled out, and a failed run stops the deployment. What it does is in package runner.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/batbern/infrastructure/lambda/internal/awsapi"
	"github.com/batbern/infrastructure/lambda/migration-runner/runner"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	// a migration goes on when the runner loses sight of it: the SDK tries more often than its default of three times
	settings, err := awsapi.Load(context.Background(), config.WithRetryMaxAttempts(8))
	if err != nil {
		log.Error("cannot start", "cause", err.Error())
		os.Exit(1)
	}
	lambda.Start(runner.Runner{Tasks: ecs.NewFromConfig(settings), Logs: cloudwatchlogs.NewFromConfig(settings), Log: log}.Run)
}
