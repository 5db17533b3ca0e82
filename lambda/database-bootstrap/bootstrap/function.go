// Package bootstrap brings roles, database, schemas and grants into the state that an event describes. It is called at
// apply time, after the DB instance exists and before anything logs in, and again whenever the description changes.
//
// It looks at the catalog and changes only what differs, so that a second call changes nothing and every drift is put
// right. It takes grants away only between the roles and schemas of the event; what else is there, it reports. It logs in
// as the master and makes logins without a password: the rotation function sets it. It writes into each login's secret who
// signs in where, so that Terraform, which keeps whatever it writes in its state, never has to write a secret's value.
//
// The model: one owner that nobody logs in as owns the database and all schemas. The migrator acts as the owner from its
// login on (a role setting, so Flyway needs no initSql). A service uses its own schema and reads those it lists; it
// makes no objects. Default privileges of the owner give the same rights on the tables that later migrations make.
package bootstrap

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5"

	"github.com/batbern/infrastructure/lambda/event"
	"github.com/batbern/infrastructure/lambda/internal/awsapi"
	"github.com/batbern/infrastructure/lambda/internal/postgres"
	"github.com/batbern/infrastructure/lambda/internal/redact"
	"github.com/batbern/infrastructure/lambda/internal/secret"
)

// VariableCABundle is an environment variable: a PEM file that replaces the embedded RDS and Amazon roots. It is
// optional.
const VariableCABundle = "DATABASE_CA_BUNDLE"

// maintenanceDatabase exists on every server.
const maintenanceDatabase = "postgres"

// Function bootstraps databases. It holds no state between calls.
type Function struct {
	Secrets *secretsmanager.Client
	Roots   *x509.CertPool // authorities that the database's certificate may chain to
	Log     *slog.Logger
	// AwaitPause is between the first two looks at a secret whose password is awaited; the next ones grow longer.
	AwaitPause time.Duration
}

// Report says what a call did. It is kept in Terraform's state, and holds no secret.
type Report struct {
	Database string   `json:"database"`
	Changes  []string `json:"changes"`  // empty when everything was in place
	Warnings []string `json:"warnings"` // what differs and is not this function's to change
}

// FromEnvironment makes the function as it runs in AWS.
func FromEnvironment(ctx context.Context, getenv func(string) string) (*Function, error) {
	roots, err := postgres.Roots(getenv(VariableCABundle))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", VariableCABundle, err)
	}
	settings, err := awsapi.Load(ctx)
	if err != nil {
		return nil, err
	}
	return &Function{
		Secrets: secretsmanager.NewFromConfig(settings),
		Roots:   roots,
		Log:     slog.New(slog.NewJSONHandler(os.Stdout, nil)),

		AwaitPause: time.Second,
	}, nil
}

// Handle brings the database into the state of the event. After a failure the call may be repeated: it goes on where the
// last one stopped. Concurrent calls wait for each other.
func (f *Function) Handle(ctx context.Context, input event.Bootstrap) (Report, error) {
	redactor := &redact.Redactor{}
	report, err := f.run(awsapi.Invocation(ctx), input, redactor)
	if err != nil {
		err = redactor.Error(fmt.Errorf("%s: %w", input.Purpose(), err))
		f.Log.ErrorContext(ctx, "bootstrap failed", "cause", err.Error())
		return Report{}, err
	}
	for _, warning := range report.Warnings {
		f.Log.WarnContext(ctx, "left as it is", "what", warning)
	}
	f.Log.InfoContext(ctx, "done", "what", input.Purpose(), "changes", report.Changes)
	return report, nil
}

func (f *Function) run(ctx context.Context, input event.Bootstrap, redactor *redact.Redactor) (Report, error) {
	report := Report{Database: input.Database, Changes: []string{}, Warnings: []string{}}
	if input.Terraform.Action == "delete" {
		return report, nil // the data stays; the instance's protection decides about it
	}
	if err := input.Validate(); err != nil {
		return Report{}, err
	}
	switch {
	case input.AwaitPasswords != nil:
		return report, f.await(ctx, input.AwaitPasswords, redactor)
	case input.DescribeMaster != nil:
		err := f.describeMaster(ctx, *input.DescribeMaster, &report, redactor)
		return report, err
	}
	master, err := f.master(ctx, input, redactor)
	if err != nil {
		return Report{}, err
	}
	server, err := f.connect(ctx, input, master, maintenanceDatabase)
	if err != nil {
		return Report{}, err
	}
	defer postgres.Close(server) // and with it ends the lock
	if _, err := server.Exec(ctx, "SELECT pg_advisory_lock(hashtextextended('batbern bootstrap', 0))"); err != nil {
		return Report{}, fmt.Errorf("wait for other calls: %w", err)
	}
	b := &bootstrap{event: input, master: master.Username, report: &report}
	if err := b.server(ctx, server); err != nil {
		return Report{}, err
	}
	database, err := f.connect(ctx, input, master, input.Database)
	if err != nil {
		return Report{}, err
	}
	defer postgres.Close(database)
	if err := b.database(ctx, database); err != nil {
		return Report{}, err
	}
	if err := f.describeLogins(ctx, input, &report, redactor); err != nil {
		return Report{}, err
	}
	return report, nil
}

// master reads the master's name and password. RDS's own secrets hold nothing else; one that names a host must name the
// event's.
func (f *Function) master(ctx context.Context, input event.Bootstrap, redactor *redact.Redactor) (secret.Secret, error) {
	found, err := f.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
		SecretId: &input.MasterSecretARN, VersionStage: aws.String("AWSCURRENT"),
	})
	if err != nil {
		return secret.Secret{}, fmt.Errorf("read the master's secret: %w", err)
	}
	value := aws.ToString(found.SecretString)
	redactor.Add(value)
	master, err := secret.ParseMaster(value)
	redactor.Add(master.Password)
	if err != nil {
		return secret.Secret{}, fmt.Errorf("the master's %w", err)
	}
	if master.Host != "" && master.Host != input.Host {
		return secret.Secret{}, errors.New("the master's secret is for another host than the event's")
	}
	for _, role := range append([]event.Login{{Name: input.Owner}}, input.Logins...) {
		if role.Name == master.Username {
			return secret.Secret{}, fmt.Errorf("event: %s is the master: name another role", role.Name)
		}
	}
	return master, nil
}

func (f *Function) connect(ctx context.Context, input event.Bootstrap, master secret.Secret, database string) (*pgx.Conn, error) {
	return postgres.Connect(ctx, postgres.Login{
		Host: input.Host, Port: uint16(input.Port), Database: database, User: master.Username, Password: master.Password,
	}, f.Roots)
}
