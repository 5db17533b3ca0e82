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

// RDS reports "pending-reboot" for a parameter whose value is its own, whatever was asked for, and the provider compares:
// with "immediate" no plan would ever be empty (provider issue 39252). PostgreSQL knows its own defaults; RDS's own for the
// family postgres15 are those of AWS, "Working with parameters on your RDS for PostgreSQL DB instance".
func TestParametersThatRepeatADefaultArePendingReboot(t *testing.T) {
	rds := map[string]string{"rds.force_ssl": "1", "shared_preload_libraries": "pg_stat_statements", "password_encryption": "scram-sha-256"}
	conn := pgtest.Shared(t).Admin(t, "postgres")
	repeated := 0
	for _, parameter := range Parameters(config.Database{SlowQueryMilliseconds: 1000}) {
		var own string
		// boot_val is what the program starts with, before any file
		err := conn.QueryRow(t.Context(), "SELECT coalesce((SELECT boot_val FROM pg_settings WHERE name = $1), '')", parameter.Name).Scan(&own)
		if err != nil {
			t.Fatal(err)
		}
		on := map[string]string{"on": "1", "off": "0"}
		if word, is := on[own]; is {
			own = word
		}
		isDefault := own == parameter.Value || rds[parameter.Name] == parameter.Value
		if isDefault {
			repeated++
		}
		if isDefault && parameter.ApplyMethod() != "pending-reboot" {
			t.Errorf("%s = %s is a default, and its apply method is %s", parameter.Name, parameter.Value, parameter.ApplyMethod())
		}
		if !isDefault && !parameter.Static && parameter.ApplyMethod() != "immediate" {
			t.Errorf("%s = %s is no default, and waits for a restart", parameter.Name, parameter.Value)
		}
	}
	if repeated < 3 {
		t.Errorf("only %d parameters repeat a default", repeated)
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
