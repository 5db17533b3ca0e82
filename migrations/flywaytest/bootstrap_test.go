package flywaytest

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/mototest"
	"github.com/batbern/infrastructure/internal/pgtest"
	"github.com/batbern/infrastructure/lambda/database-bootstrap/bootstrap"
	"github.com/batbern/infrastructure/lambda/event"
)

// login is how a role gets in.
type login struct{ name, password string }

// roles are the logins of the configuration, as the database construct tells the bootstrap function to make them.
func roles(t *testing.T) []event.Login {
	t.Helper()
	environment, err := config.Load(config.Prod)
	if err != nil {
		t.Fatal(err)
	}
	logins := []event.Login{
		{Name: config.DatabaseMigrator, Kind: event.KindMigrator},
		{Name: config.DatabaseReader, Kind: event.KindReadOnly},
	}
	for _, service := range environment.Services {
		if user := service.DatabaseUser; user != "" {
			logins = append(logins, event.Login{Name: user, Kind: event.KindService, Schema: service.Schema(), Reads: []string{shared}})
		}
	}
	return logins
}

// shared is the schema that every service reads.
const shared = "shared_kernel"

// bootstrapDatabase runs the bootstrap function, as Terraform does before the first migration and whenever the logins
// change, and returns what it changed.
func bootstrapDatabase(t *testing.T, server *pgtest.Server, database string) []string {
	t.Helper()
	secrets := secretsmanager.NewFromConfig(mototest.Shared(t).Config())
	master, err := secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name:         aws.String("master/" + rand.Text()),
		SecretString: aws.String(fmt.Sprintf(`{"username":%q,"password":%q}`, pgtest.Master, server.MasterPassword)),
	})
	if err != nil {
		t.Fatal(err)
	}
	function := &bootstrap.Function{Secrets: secrets, Roots: server.RootCAs(), Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	event := event.Bootstrap{
		Host: pgtest.Host, Port: server.Port, MasterSecretARN: *master.ARN, Database: database,
		Owner: config.DatabaseOwner, Schemas: []string{shared}, Logins: roles(t),
	}
	for _, login := range event.Logins {
		if login.Schema != "" {
			event.Schemas = append(event.Schemas, login.Schema)
		}
	}
	report, err := function.Handle(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Warnings) > 0 {
		t.Errorf("the bootstrap function warns: %v", report.Warnings)
	}
	return report.Changes
}

var (
	passwords    = map[string]string{}
	setPasswords sync.Once
)

// newDatabase makes a database with its roles and returns the login that migrates it. The roles are the cluster's, so
// all databases share them; the test gives them passwords, as the rotation function does in AWS.
func newDatabase(t *testing.T, server *pgtest.Server, database string) login {
	t.Helper()
	bootstrapDatabase(t, server, database)
	setPasswords.Do(func() {
		for _, role := range roles(t) {
			passwords[role.Name] = rand.Text()
			server.Exec(t, "postgres", fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", role.Name, passwords[role.Name]))
		}
	})
	return login{config.DatabaseMigrator, passwords[config.DatabaseMigrator]}
}
