// Command database-bootstrap is the Lambda function that Terraform calls at apply time to bring the database's roles,
// schemas and grants into the described state.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/batbern/infrastructure/lambda/database-bootstrap/bootstrap"
)

func main() {
	function, err := bootstrap.FromEnvironment(context.Background(), os.Getenv)
	if err != nil {
		slog.New(slog.NewJSONHandler(os.Stdout, nil)).Error("cannot start", "cause", err.Error())
		os.Exit(1)
	}
	lambda.Start(function.Handle)
}
