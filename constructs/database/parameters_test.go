package database

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/pgtest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	pgtest.Stop()
	os.Exit(code)
}

// PostgreSQL itself knows every parameter, takes its value, and says which take effect at a restart only: RDS refuses to
// apply those at once, and never stops to plan those that are applied at a restart without need.
func TestPostgreSQLTakesTheParameters(t *testing.T) {
	conn := pgtest.Shared(t).Admin(t, "postgres")
	known := 0
	for _, parameter := range Parameters(config.Database{SlowQueryMilliseconds: 1000}) {
		if strings.Contains(parameter.Name, ".") {
			continue // RDS's own, and an extension's
		}
		var context string
		if err := conn.QueryRow(t.Context(), "SELECT context FROM pg_settings WHERE name = $1", parameter.Name).Scan(&context); err != nil {
			t.Errorf("%s: %v", parameter.Name, err)
			continue
		}
		if parameter.Static != (context == "postmaster") {
			t.Errorf("%s is static: %v, and PostgreSQL says %s", parameter.Name, parameter.Static, context)
		}
		// writes a file that this server does not read any more; the value is checked as at a start
		statement := fmt.Sprintf("ALTER SYSTEM SET %s = '%s'", pgx.Identifier{parameter.Name}.Sanitize(), parameter.Value)
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
		known++
	}
	if _, err := conn.Exec(t.Context(), "ALTER SYSTEM RESET ALL"); err != nil {
		t.Error(err)
	}
	if known < 10 {
		t.Errorf("%d parameters looked at", known)
	}
}

// What the log is for, and what stays out of it.
func TestWhatIsLogged(t *testing.T) {
	values := map[string]string{}
	for _, parameter := range Parameters(config.Database{SlowQueryMilliseconds: 1234}) {
		values[parameter.Name] = parameter.Value
	}
	for name, want := range map[string]string{
		"log_statement": "ddl", "log_min_duration_statement": "1234", "log_lock_waits": "1", "log_connections": "1", "log_disconnections": "1",
		"log_parameter_max_length": "0", "log_parameter_max_length_on_error": "0",
	} {
		if values[name] != want {
			t.Errorf("%s is %q, want %q", name, values[name], want)
		}
	}
}
