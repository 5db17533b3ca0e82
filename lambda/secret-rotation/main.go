// Command secret-rotation is the Lambda function that Secrets Manager calls to rotate the password of a database login.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/batbern/infrastructure/lambda/secret-rotation/rotation"
)

func main() {
	function, err := rotation.FromEnvironment(context.Background(), os.Getenv)
	if err != nil {
		slog.New(slog.NewJSONHandler(os.Stdout, nil)).Error("cannot start", "cause", err.Error())
		os.Exit(1)
	}
	lambda.Start(function.Handle)
}
