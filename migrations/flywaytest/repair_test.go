package flywaytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/pgtest"
)

// A file that runs outside a transaction and fails leaves a failed row, which stops every later run. One database goes
// through the three ways out; the steps build on each other.
func TestFailedRowIsExplainedAndRepaired(t *testing.T) {
	server := pgtest.Shared(t)
	const database = "batbern_failed"
	img := newImage(t, server, database, newDatabase(t, server, database))
	const location = "sql/event_management/"
	failedRows := func() string {
		return query(t, server, database, "SELECT script FROM event_management.flyway_schema_history WHERE NOT success")
	}
	fails := func(says ...string) {
		t.Helper()
		code, output, err := img.run(t.Context())
		if err != nil || code != 1 {
			t.Errorf("exit code %d, error %v", code, err)
		}
		for _, want := range says {
			if !strings.Contains(output, want) {
				t.Errorf("no %q in\n%s", want, output)
			}
		}
	}

	img.write(t, location+"V1__a.sql", []byte("CREATE TABLE events (mail text);\nINSERT INTO events VALUES ('a'), ('a');\n"))
	img.write(t, location+"V2__unique.sql", []byte("-- one mail, one event\nDROP INDEX CONCURRENTLY IF EXISTS events_mail;\n"+
		"CREATE UNIQUE INDEX CONCURRENTLY events_mail ON events (mail);\n"))
	fails("migrations: event_management/V2__unique.sql failed outside a transaction", "its row was removed", "deploy again")
	if rows := failedRows(); rows != "" {
		t.Errorf("failed rows: %s", rows)
	}
	server.Exec(t, database, "DELETE FROM event_management.events")
	img.succeed(t)
	if valid := query(t, server, database, "SELECT indisvalid::text FROM pg_index WHERE indexrelid = 'event_management.events_mail'::regclass"); valid != "true" {
		t.Errorf("the index is valid: %s", valid)
	}

	t.Run("a file that may not run again", func(t *testing.T) {
		const file = location + "V3__half.sql"
		img.write(t, file, []byte("CREATE TABLE left_over (id int);\nSELECT 1/0;\n"))
		img.write(t, file+".conf", []byte("executeInTransaction=false\n"))
		fails("migrations: event_management/V3__half.sql failed outside", "batbern migrate --env ENV --repair event_management")
		fails("event_management/V3__half.sql failed in an earlier run", "batbern migrate --env ENV --repair event_management")
		if rows := failedRows(); rows != "V3__half.sql" {
			t.Errorf("failed rows: %q", rows)
		}
		server.Exec(t, database, "DROP TABLE event_management.left_over")
		img.write(t, file, []byte("CREATE TABLE left_over (id int);\n"))
		if code, output, err := img.run(t.Context(), "repair", "event_management"); code != 0 || err != nil {
			t.Fatalf("exit code %d, error %v\n%s", code, err, output)
		}
		img.succeed(t)
	})
	t.Run("a row that an interrupted run left", func(t *testing.T) {
		img.write(t, location+"V4__index.sql", []byte("DROP INDEX CONCURRENTLY IF EXISTS events_upper;\n"+
			"CREATE UNIQUE INDEX CONCURRENTLY events_upper ON events (upper(mail));\n"))
		server.Exec(t, database, "INSERT INTO event_management.events VALUES ('b'), ('B')")
		flyway := exec.CommandContext(t.Context(), "sh", "-c", `set -a; . "$MIGRATIONS_ROOT/conf/flyway.env"; set +a; exec flyway `+
			`"-locations=filesystem:$MIGRATIONS_ROOT/sql/event_management,filesystem:$MIGRATIONS_ROOT/callbacks" -defaultSchema=event_management migrate`)
		flyway.Env = img.env
		if output, err := flyway.CombinedOutput(); err == nil || failedRows() != "V4__index.sql" {
			t.Fatalf("error %v, failed rows %q\n%s", err, failedRows(), output)
		}
		server.Exec(t, database, "DELETE FROM event_management.events")
		img.succeed(t) // removes the row and goes on
	})
	t.Run("not where a released file has changed too", func(t *testing.T) {
		released := filepath.Join(img.root, location, "V1__a.sql")
		content := read(t, released)
		img.write(t, location+"V1__a.sql", append(content, "-- edited\n"...))
		img.write(t, location+"V5__index.sql", []byte("VACUUM no_such_table;\n"))
		fails("checksum mismatch")
		if err := os.WriteFile(released, content, 0o644); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRepairRefusesAnUnknownLocation(t *testing.T) {
	img := &image{root: t.TempDir()}
	if err := os.MkdirAll(filepath.Join(img.root, "sql/events"), 0o755); err != nil {
		t.Fatal(err)
	}
	img.env = append(os.Environ(), "MIGRATIONS_ROOT="+img.root)
	code, output, err := img.run(t.Context(), "repair", "meetings")
	if err != nil || code != 64 || !strings.Contains(output, `no location "meetings": use one of events`) {
		t.Errorf("exit code %d, error %v, %s", code, err, output)
	}
}
