package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/ecstest"
	"github.com/batbern/infrastructure/internal/pgtest"
	"github.com/batbern/infrastructure/internal/testproc"
)

// writeFiles writes files below a new folder and returns it.
func writeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for path, content := range files {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLintOfAServicesOwnFolder(t *testing.T) {
	const table, own = "CREATE TABLE a (id int);\n", "src/main/resources/db/migration"
	for name, test := range map[string]struct {
		files map[string]string
		dir   string
		args  []string
		code  int
		says  string
	}{
		"named by its path":      {files: map[string]string{"event-management/" + own + "/V1__a.sql": table}, dir: "event-management/" + own},
		"with a suffix":          {files: map[string]string{"event-management-service/" + own + "/V1__a.sql": table}, dir: "event-management-service/" + own},
		"named by --schema":      {files: map[string]string{"x/V1__a.sql": table}, dir: "x", args: []string{"--schema", "partner_analytics"}},
		"with a fault":           {files: map[string]string{"event-management/db/V1__a.sql": "COMMIT;\n"}, dir: "event-management/db", code: 1, says: "event-management/db/V1__a.sql:1: \"COMMIT\" ends"},
		"with another's schema":  {files: map[string]string{"event-management/db/V1__a.sql": "CREATE TABLE public.a (id int);\n"}, dir: "event-management/db", code: 1, says: "this location fills event_management"},
		"with a warning":         {files: map[string]string{"event-management/db/V1__a.sql": "DROP TABLE b;\n"}, dir: "event-management/db", says: "warning: \"DROP TABLE B\" on event_management.b"},
		"in a subfolder":         {files: map[string]string{"event-management/db/V1__a.sql": table, "event-management/db/later/V1__b.sql": table}, dir: "event-management/db", code: 1, says: "same version 1"},
		"of no service":          {files: map[string]string{"meetings/db/V1__a.sql": table}, dir: "meetings/db", code: exitUsage, says: "names no service; add --schema with one of shared_kernel, attendee_experience"},
		"of an unknown schema":   {files: map[string]string{"x/V1__a.sql": table}, dir: "x", args: []string{"--schema", "meetings"}, code: exitUsage, says: `schema "meetings" does not exist`},
		"without migrations":     {files: map[string]string{"event-management/README.md": "x"}, dir: "event-management", code: exitUsage, says: "neither sql/<schema>/ nor *.sql files"},
		"with an unknown schema": {files: map[string]string{"sql/atendee_experience/V1__a.sql": table}, code: 1, says: "config/services.go"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(writeFiles(t, test.files), test.dir)
			code, out, err := execute(t, append([]string{"migrations", "lint", "--dir", dir}, test.args...)...)
			if code != test.code || !strings.Contains(out+err, test.says) {
				t.Errorf("exit code %d, want %d and %q\n%s%s", code, test.code, test.says, out, err)
			}
		})
	}
}

func toJSON(t *testing.T, value any) string {
	t.Helper()
	content, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// planned is what "migrate.sh plan" prints.
const planned = `plan platform
WARNING: a line of Flyway's
{
  "schemaVersion" : "3",
  "migrations" : [ {
    "version" : "1",
    "state" : "Success",
    "filepath" : "/flyway/sql/platform/V1__create_schemas.sql"
  }, {
    "version" : "2",
    "state" : "Success",
    "filepath" : "/flyway/sql/platform/V2__create_extensions.sql"
  } ]
}
plan event_management
{
  "migrations" : [ {
    "state" : "Success",
    "filepath" : "/flyway/sql/event_management/V1__a.sql"
  }, {
    "state" : "Failed",
    "filepath" : "/flyway/sql/event_management/V2__b.sql"
  }, {
    "state" : "Pending",
    "filepath" : "/flyway/sql/event_management/V10__c.sql"
  } ]
}`

func TestPlanShowsWhatIsPendingInOrder(t *testing.T) {
	service := writeFiles(t, map[string]string{
		"event-management/V1__a.sql": "CREATE TABLE a (id int);\n", "event-management/V2__b.sql": "ALTER TABLE a ADD COLUMN b int;\n",
		"event-management/V10__c.sql": "CREATE INDEX a_b ON a (b);\n", "event-management/R__v.sql": "CREATE OR REPLACE VIEW v AS SELECT 1 AS one;\n",
	})
	args := []string{"migrations", "plan", "--env", "dev", "--dir", filepath.Join(service, "event-management"), "--dir", "../../migrations"}

	t.Run("from the environment's history", func(t *testing.T) {
		server := newCluster(t)
		server.Lines = strings.Split(planned, "\n")
		parameters(t, map[string]string{"/batbern-dev/migration-request": migrationRequest(t)})
		code, out, err := execute(t, args...)
		want := []string{"4 pending", "1. platform/V3__grant_privileges.sql", "2. event_management/V2__b.sql", "3. event_management/V10__c.sql",
			"line 1: warning: \"CREATE INDEX A_B ON\" on event_management.a blocks writes", "4. event_management/R__v.sql"}
		rest := out
		for _, line := range want {
			_, after, found := strings.Cut(rest, line)
			if !found {
				t.Fatalf("no %q, or not in this order; exit code %d\n%s\n%s", line, code, out, err)
			}
			rest = after
		}
		command := server.Inputs("RunTask")[0]["overrides"]
		if code != 0 || !strings.Contains(toJSON(t, command), `"command":["plan"]`) {
			t.Errorf("exit code %d, overrides %v", code, command)
		}
	})
	t.Run("an image that does not know the command", func(t *testing.T) {
		server := newCluster(t)
		server.Lines, server.Ends = []string{`unknown command "plan"`}, []ecstest.End{ecstest.Exited("flyway", 64)}
		parameters(t, map[string]string{"/batbern-dev/migration-request": migrationRequest(t)})
		if code, _, err := execute(t, args...); code != 1 || !strings.Contains(err, "exit code 64") {
			t.Errorf("exit code %d, %s", code, err)
		}
	})
	t.Run("without a database's address", func(t *testing.T) {
		t.Setenv("NO_ADDRESS", "")
		code, _, err := execute(t, "migrations", "plan", "--database", "NO_ADDRESS", "--dir", "../../migrations")
		if code != exitUsage || !strings.Contains(err, "the variable NO_ADDRESS is empty") {
			t.Errorf("exit code %d, %s", code, err)
		}
	})
	t.Run("without a source", func(t *testing.T) {
		if code, _, err := execute(t, "migrations", "plan"); code != exitUsage || !strings.Contains(err, "--env") {
			t.Errorf("exit code %d, %s", code, err)
		}
	})
}

func TestMigrateShowsProgressAndRepairs(t *testing.T) {
	server := newCluster(t)
	server.Lines = []string{"migrate platform", "Successfully applied 3 migrations"}
	parameters(t, map[string]string{"/batbern-dev/migration-request": migrationRequest(t)})
	code, out, err := execute(t, "migrate", "--env", "dev")
	if code != 0 || !strings.Contains(err, "migrate platform\nSuccessfully applied 3 migrations\n") {
		t.Errorf("exit code %d\n%s\n%s", code, out, err)
	}
	code, out, err = execute(t, "migrate", "--env", "dev", "--repair", "event_management")
	inputs := server.Inputs("RunTask")
	if code != 0 || !strings.Contains(toJSON(t, inputs[len(inputs)-1]["overrides"]), `"command":["repair","event_management"]`) ||
		!strings.Contains(out, "repaired; run batbern migrate --env dev") {
		t.Errorf("exit code %d\n%s\n%s", code, out, err)
	}
	started := server.Started()
	code, _, err = execute(t, "migrate", "--env", "dev", "--repair", "events")
	if code != exitUsage || !strings.Contains(err, "--repair accepts platform, shared_kernel, attendee_experience") || server.Started() != started {
		t.Errorf("exit code %d, %s", code, err)
	}
}

// With a database at hand, the plan knows what is applied and how large the tables are.
func TestPlanReadsADatabase(t *testing.T) {
	server, err := pgtest.Start()
	testproc.Require(t, err)
	t.Cleanup(server.Stop)
	server.Exec(t, "postgres", "CREATE SCHEMA event_management",
		"CREATE TABLE event_management.flyway_schema_history (script text, success boolean)",
		"INSERT INTO event_management.flyway_schema_history VALUES ('V1__a.sql', true), ('V2__b.sql', false)",
		"CREATE TABLE event_management.a AS SELECT i AS id FROM generate_series(1, 100000) AS i")
	folder := writeFiles(t, map[string]string{
		"event-management/V1__a.sql": "CREATE TABLE a (id int);\n", "event-management/V2__b.sql": "CREATE INDEX a_id ON a (id);\n",
	})
	t.Setenv("PLANNED", fmt.Sprintf("postgres://%s:%s@%s:%d/postgres?sslmode=verify-full&sslrootcert=%s",
		pgtest.Superuser, server.SuperuserPassword, pgtest.Host, server.Port, server.CAFile))
	code, out, message := execute(t, "migrations", "plan", "--database", "PLANNED", "--dir", filepath.Join(folder, "event-management"))
	if code != 0 || !strings.Contains(out, "1 pending") || !strings.Contains(out, "1. event_management/V2__b.sql") ||
		!strings.Contains(out, "MiB now, about a second or less") {
		t.Errorf("exit code %d\n%s\n%s", code, out, message)
	}
}
