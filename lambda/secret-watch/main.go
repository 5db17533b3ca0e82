// Command secret-watch is the Lambda function that EventBridge calls every day to measure how old secrets are.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/batbern/infrastructure/lambda/secret-watch/watch"
)

func main() {
	function, err := watch.FromEnvironment(context.Background())
	if err != nil {
		slog.New(slog.NewJSONHandler(os.Stdout, nil)).Error("cannot start", "cause", err.Error())
		os.Exit(1)
	}
	lambda.Start(function.Handle)
}
