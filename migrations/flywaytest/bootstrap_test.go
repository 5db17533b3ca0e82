package flywaytest

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/batbern/infrastructure/internal/pgtest"
)

type migrator struct{ name, password string }

var passwords = map[string]string{}

func bootstrap(t *testing.T, server *pgtest.Server, database string) migrator {
	t.Helper()
	if len(passwords) == 0 {
		for _, role := range []string{"batbern_migrator", "event_management_service", "speaker_coordination_service", "partner_analytics_service", "attendee_experience_service", "batbern_readonly"} {
			passwords[role] = "secret-" + role
			server.Exec(t, "postgres", "CREATE ROLE "+role+" LOGIN NOINHERIT PASSWORD '"+passwords[role]+"'")
		}
		server.Exec(t, "postgres", "CREATE ROLE batbern_owner", "GRANT batbern_owner TO batbern_migrator")
	}
	server.Exec(t, "postgres", "CREATE DATABASE "+database+" OWNER "+pgtest.Master, "GRANT CREATE ON DATABASE "+database+" TO batbern_owner")
	return migrator{"batbern_migrator", passwords["batbern_migrator"]}
}

func sqlState(t *testing.T, err error) string {
	t.Helper()
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return answer.Code
	}
	if err != nil {
		t.Fatal(err)
	}
	return ""
}
