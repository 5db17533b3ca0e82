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

	"github.com/batbern/infrastructure/internal/mototest"
	"github.com/batbern/infrastructure/internal/pgtest"
	"github.com/batbern/infrastructure/lambda/database-bootstrap/bootstrap"
	"github.com/batbern/infrastructure/migrations"
)

// login is how a role gets in.
type login struct{ name, password string }

const migrator = "batbern_migrator"

// roles are the logins that the baseline grants something to, as the bootstrap function is told to make them.
func roles() []bootstrap.Login {
	service := func(schema string) bootstrap.Login {
		return bootstrap.Login{Name: schema + "_service", Kind: bootstrap.KindService, Schema: schema, Reads: []string{"shared_kernel"}}
	}
	return []bootstrap.Login{
		{Name: migrator, Kind: bootstrap.KindMigrator},
		service("event_management"), service("speaker_coordination"), service("partner_analytics"), service("attendee_experience"),
		{Name: "batbern_readonly", Kind: bootstrap.KindReadOnly},
	}
}

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
	report, err := function.Handle(t.Context(), bootstrap.Event{
		Host: pgtest.Host, Port: server.Port, MasterSecretARN: *master.ARN, Database: database, Owner: migrations.OwnerRole,
		Schemas: []string{"event_management", "speaker_coordination", "partner_analytics", "attendee_experience", "shared_kernel"},
		Logins:  roles(),
	})
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
		for _, role := range roles() {
			passwords[role.Name] = rand.Text()
			server.Exec(t, "postgres", fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", role.Name, passwords[role.Name]))
		}
	})
	return login{migrator, passwords[migrator]}
}
