// Package rotation changes the password of one PostgreSQL login, in the four steps in which Secrets Manager calls a
// rotation function. It follows AWS's single-user strategy: the login keeps its name, so that RDS Proxy, which knows its
// users by the current value of their secrets, never meets a name it does not know (docs/decisions/0005).
//
// Every step may be repeated with the same token after a failure at any point, and ends in the same state: one password,
// which the database and the version labelled AWSCURRENT share.
//
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
package rotation

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/batbern/infrastructure/lambda/internal/awsapi"
	"github.com/batbern/infrastructure/lambda/internal/redact"
)

// The labels of a secret's versions.
const (
	stageCurrent  = "AWSCURRENT"
	stagePending  = "AWSPENDING"
	stagePrevious = "AWSPREVIOUS"
)

// Function rotates secrets. It holds no state between calls.
type Function struct {
	Secrets  *secretsmanager.Client
	RDS      *rds.Client    // sets the master's password where nobody knows it
	Roots    *x509.CertPool // authorities that the database's certificate may chain to
	Password PasswordPolicy
	Log      *slog.Logger
	// RetryPause is the time between two logins of testSecret. The server may need a moment to know a new password.
	RetryPause time.Duration
}

// PasswordPolicy is what Secrets Manager makes passwords of.
type PasswordPolicy struct {
	Length            int64
	ExcludeCharacters string
}

// Handle runs one step. The error it returns, like everything it logs, says the cause and holds no secret: not the
// value, a password or a RotationToken.
func (f *Function) Handle(ctx context.Context, event events.SecretsManagerSecretRotationEvent) error {
	r := &rotation{
		Function: f,
		secretID: event.SecretID,
		token:    event.ClientRequestToken,
		redactor: &redact.Redactor{},
		log:      f.Log.With("step", event.Step, "secret", event.SecretID, "version", event.ClientRequestToken),
	}
	if event.RotationToken != "" {
		r.rotationToken = aws.String(event.RotationToken)
		r.redactor.Add(event.RotationToken)
	}
	if err := r.run(awsapi.Invocation(ctx), event.Step); err != nil {
		err = r.redactor.Error(fmt.Errorf("%s of %s: %w", event.Step, event.SecretID, err))
		r.log.ErrorContext(ctx, "step failed", "cause", err.Error())
		return err
	}
	return nil
}

// rotation is one call of the function.
type rotation struct {
	*Function
	secretID      string
	token         string
	rotationToken *string
	redactor      *redact.Redactor
	log           *slog.Logger
	versions      map[string][]string // the labels of each version when the call began
}

func (r *rotation) run(ctx context.Context, step string) error {
	do, known := map[string]func(context.Context) error{
		"createSecret": r.createSecret,
		"setSecret":    r.setSecret,
		"testSecret":   r.testSecret,
		"finishSecret": r.finishSecret,
	}[step]
	switch {
	case !known:
		return errors.New("unknown step: allowed are createSecret, setSecret, testSecret and finishSecret")
	case r.secretID == "" || r.token == "":
		return errors.New("the event must name a SecretId and a ClientRequestToken")
	}
	finished, err := r.checkVersion(ctx)
	if err != nil {
		return err
	}
	if finished {
		r.log.InfoContext(ctx, "version is current already: nothing to do")
		return nil
	}
	return do(ctx)
}

// checkVersion reads the labels and makes sure that the token names the version being rotated to. A version that is
// current already has been through all the steps; Secrets Manager repeats steps whose answer it has not received.
//
// RotationEnabled may be absent: rotation was never configured and somebody calls the function by hand, which the
// labels allow or not. AWS's own functions go on as well.
func (r *rotation) checkVersion(ctx context.Context) (finished bool, err error) {
	secret, err := r.describe(ctx)
	if err != nil {
		return false, err
	}
	if secret.RotationEnabled != nil && !*secret.RotationEnabled {
		return false, errors.New("rotation is turned off for this secret")
	}
	r.versions = secret.VersionIdsToStages
	labels, exists := r.versions[r.token]
	switch {
	case !exists:
		return false, errors.New("the secret has no version with this ClientRequestToken")
	case slices.Contains(labels, stageCurrent):
		return true, nil
	case !slices.Contains(labels, stagePending):
		return false, errors.New("the version is not labelled AWSPENDING: this rotation was abandoned or replaced")
	}
	return false, nil
}
