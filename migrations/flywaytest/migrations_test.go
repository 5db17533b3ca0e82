package flywaytest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/migrationlint"
	"github.com/batbern/infrastructure/internal/pgtest"
	"github.com/batbern/infrastructure/migrations"
)

// One database goes through the life of a deployment; the steps build on each other.
func TestMigrationsFromEmptyDatabaseOn(t *testing.T) {
	server := pgtest.Shared(t)
	const database = "batbern"
	img := newImage(t, server, database, newDatabase(t, server, database))
	img.add(t, "testdata/services")
	history := func(schema string) string {
		return query(t, server, database, "SELECT version || coalesce(':' || checksum, '') FROM "+schema+
			".flyway_schema_history WHERE version IS NOT NULL AND success ORDER BY installed_rank")
	}

	steps := []struct {
		name string
		run  func(t *testing.T)
	}{
		{"from empty", func(t *testing.T) {
			img.succeed(t)
			if got := query(t, server, database, `SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$' ORDER BY 1`); got !=
				"attendee_experience event_management partner_analytics platform public shared_kernel speaker_coordination" {
				t.Errorf("schemas %s", got)
			}
			if got := query(t, server, database, `SELECT extname || ' ' || extnamespace::regnamespace FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1`); got !=
				"pg_trgm shared_kernel uuid-ossp shared_kernel" {
				t.Errorf("extensions %s", got)
			}
		}},
		{"everything belongs to the owner", func(t *testing.T) {
			// Objects of trusted extensions belong to the superuser that PostgreSQL creates them as.
			foreign := query(t, server, database, `
				SELECT format('%s %s', relname, relowner::regrole) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
					WHERE nspname !~ '^pg_|^information_schema$' AND relowner::regrole::text <> $1
				UNION ALL SELECT format('%s %s', nspname, nspowner::regrole) FROM pg_namespace
					WHERE nspname !~ '^pg_|^information_schema$|^public$' AND nspowner::regrole::text <> $1
				UNION ALL SELECT format('%s %s', proname, proowner::regrole) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
					WHERE nspname !~ '^pg_|^information_schema$' AND proowner::regrole::text <> $1
					AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')`, config.DatabaseOwner)
			if foreign != "" {
				t.Errorf("other owners: %s", foreign)
			}
		}},
		{"checksums are the lint's", func(t *testing.T) {
			if got, want := history("platform"), platformHistory(t); got != want {
				t.Errorf("Flyway recorded %s, the lint computes %s", got, want)
			}
		}},
		{"each location has its history", func(t *testing.T) {
			for schema, versions := range map[string]int{"shared_kernel": 1, "event_management": 2, "partner_analytics": 1} {
				if got := len(strings.Fields(history(schema))); got != versions {
					t.Errorf("%s has %d migrations, want %d", schema, got, versions)
				}
			}
		}},
		{"text stays as it is written", func(t *testing.T) {
			if got := query(t, server, database, "SELECT title FROM shared_kernel.topics"); got != "Cloud ${and} native" {
				t.Errorf("title %q", got)
			}
		}},
		{"an index is built concurrently", func(t *testing.T) {
			if got := query(t, server, database, `SELECT indisvalid::text FROM pg_index WHERE indexrelid = 'event_management.events_topic'::regclass`); got != "true" {
				t.Errorf("index valid: %s", got)
			}
		}},
		{"a second run changes nothing", func(t *testing.T) {
			before := dump(t, server, database)
			img.succeed(t)
			if after := dump(t, server, database); after != before {
				t.Errorf("before\n%s\nafter\n%s", before, after)
			}
		}},
		{"the bootstrap function finds its rights in place", func(t *testing.T) {
			if changes := bootstrapDatabase(t, server, database); len(changes) > 0 {
				t.Errorf("it changed %v", changes)
			}
		}},
		{"roles do what they may and no more", func(t *testing.T) { checkPrivileges(t, server, database) }},
		{"a broken file changes nothing and stops the run", func(t *testing.T) {
			before, beforeHistory := dump(t, server, database), history("event_management")
			img.add(t, "testdata/broken")
			img.write(t, "sql/partner_analytics/V2__later.sql", []byte("CREATE TABLE later (id int);\n")) // is run after it
			img.fail(t, "this is no number")
			if after := dump(t, server, database); after != before {
				t.Errorf("before\n%s\nafter\n%s", before, after)
			}
			if after := history("event_management"); after != beforeHistory {
				t.Errorf("history %s, before %s", after, beforeHistory)
			}
		}},
		{"a mended file is applied by the next run", func(t *testing.T) {
			img.write(t, "sql/event_management/V3__half_a_change.sql", []byte("CREATE TABLE speakers (id int);\n"))
			img.succeed(t)
			if got := history("event_management"); len(strings.Fields(got)) != 3 {
				t.Errorf("history %s", got)
			}
			if got := query(t, server, database, "SELECT count(*)::text FROM partner_analytics.later"); got != "0" {
				t.Errorf("later has %s rows", got)
			}
		}},
		// The refused files are in the location that is run second: each run of Flyway takes seconds.
		{"a released file that was edited is refused", func(t *testing.T) {
			const path = "sql/shared_kernel/V1__create_topics.sql"
			released := read(t, filepath.Join(img.root, path))
			img.write(t, path, append(released, "-- a remark\n"...))
			img.fail(t, "checksum mismatch")
			img.write(t, path, released)
		}},
		{"a version below an applied one is refused", func(t *testing.T) {
			const path = "sql/shared_kernel/V0.9__before.sql"
			img.write(t, path, []byte("CREATE TABLE before (id int);\n"))
			img.fail(t, "0.9")
			img.remove(t, path)
		}},
		{"a misnamed file is refused", func(t *testing.T) {
			const path = "sql/shared_kernel/v2__lower_case.sql"
			img.write(t, path, []byte("CREATE TABLE ignored (id int);\n"))
			img.fail(t, "v2__lower_case.sql")
			img.remove(t, path)
		}},
		{"a location whose schema does not exist is refused", func(t *testing.T) {
			img.write(t, "sql/atendee_experience/V1__a.sql", []byte("CREATE TABLE a (id int);\n"))
			img.fail(t, "atendee_experience")
			if got := query(t, server, database, "SELECT count(*)::text FROM pg_namespace WHERE nspname = 'atendee_experience'"); got != "0" {
				t.Error("the schema was made")
			}
		}},
	}
	for _, step := range steps {
		if !t.Run(step.name, step.run) {
			return // what follows would only repeat the failure
		}
	}
}

func TestTwoRunsAtOnceApplyEverythingOnce(t *testing.T) {
	server := pgtest.Shared(t)
	const database = "batbern_twice"
	img := newImage(t, server, database, newDatabase(t, server, database))
	img.write(t, "sql/event_management/V1__slow.sql", []byte("CREATE TABLE slow (id int);\nSELECT pg_sleep(3);\n"))

	var runs sync.WaitGroup
	for range 2 {
		runs.Go(func() {
			if code, output, err := img.run(t.Context()); code != 0 || err != nil {
				t.Errorf("exit code %d, error %v\n%s", code, err, output)
			}
		})
	}
	runs.Wait()
	for schema, want := range map[string]string{"platform": "1 2 3", "event_management": "1"} {
		got := query(t, server, database, "SELECT version FROM "+schema+".flyway_schema_history WHERE version IS NOT NULL ORDER BY installed_rank")
		if got != want {
			t.Errorf("%s: applied %s, want %s", schema, got, want)
		}
	}
}

func TestNothingRunsWithoutAVerifiedLogin(t *testing.T) {
	server := pgtest.Shared(t)
	const database = "batbern_refused"
	credentials := newDatabase(t, server, database)

	t.Run("another host's certificate", func(t *testing.T) {
		img := newImage(t, server, database, credentials)
		for i, variable := range img.env {
			img.env[i] = strings.Replace(variable, "jdbc:postgresql://"+pgtest.Host, "jdbc:postgresql://127.0.0.1", 1)
		}
		img.fail(t, "hostname")
	})
	t.Run("an authority that is not RDS's", func(t *testing.T) {
		img := newImage(t, server, database, credentials)
		img.write(t, "conf/rds-ca.pem", read(t, roots))
		img.fail(t, "certification path")
	})
	t.Run("a wrong password", func(t *testing.T) {
		img := newImage(t, server, database, login{config.DatabaseMigrator, "wrong"})
		img.fail(t, "password authentication failed")
	})
	if got := query(t, server, database, "SELECT count(*)::text FROM pg_namespace WHERE nspname = 'platform'"); got != "0" {
		t.Error("something ran")
	}
}

func TestEntryPointRefusesOtherCommands(t *testing.T) {
	img := &image{root: t.TempDir()}
	code, output, err := img.run(t.Context(), "clean")
	if err != nil || code != 64 || !strings.Contains(output, `unknown command "clean"`) {
		t.Errorf("exit code %d, error %v, %s", code, err, output)
	}
}

// platformHistory is what Flyway should have recorded of the baseline.
func platformHistory(t *testing.T) string {
	t.Helper()
	files, err := fs.Glob(migrations.Content, "sql/platform/V*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("files %v, error %v", files, err)
	}
	slices.Sort(files) // fewer than ten
	var history []string
	for _, file := range files {
		content, err := fs.ReadFile(migrations.Content, file)
		if err != nil {
			t.Fatal(err)
		}
		version, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(file), "V"), "__")
		history = append(history, fmt.Sprintf("%s:%d", version, migrationlint.Checksum(string(content))))
	}
	return strings.Join(history, " ")
}

// dump returns the database's schema and data without what Flyway records of itself.
func dump(t *testing.T, server *pgtest.Server, database string) string {
	t.Helper()
	cmd := server.ServerCommand("pg_dump", "--exclude-table-data=*.flyway_schema_history", "--restrict-key=test")
	cmd.Env = append(cmd.Env, server.ClientEnv(pgtest.Superuser, server.SuperuserPassword, database)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("pg_dump: %v\n%s", err, out)
	}
	return string(out)
}

// checkPrivileges logs in as each role and tries.
func checkPrivileges(t *testing.T, server *pgtest.Server, database string) {
	const denied = "42501"
	for _, test := range []struct{ role, sql, want string }{
		{"event_management_service", "INSERT INTO event_management.events (title, topic) VALUES ('BATbern 57', 'cloud')", ""},
		{"event_management_service", "UPDATE event_management.events SET title = 'BATbern 58'", ""},
		{"event_management_service", "SELECT * FROM event_management.events", ""},
		{"event_management_service", "SELECT event_management.count_events()", ""},
		{"event_management_service", "SELECT nextval('event_management.events_serial_seq')", ""},
		{"event_management_service", "SELECT shared_kernel.topic_title('cloud'), shared_kernel.uuid_generate_v4()", ""},
		{"event_management_service", "SELECT * FROM shared_kernel.topics", ""},
		{"event_management_service", "SELECT * FROM event_management.flyway_schema_history", ""},
		{"event_management_service", "DELETE FROM event_management.events", ""},
		{"partner_analytics_service", "INSERT INTO partner_analytics.meetings (held_on) VALUES (now())", ""},

		{"event_management_service", "CREATE TABLE event_management.own (id int)", denied},
		{"event_management_service", "ALTER TABLE event_management.events ADD COLUMN own int", denied},
		{"event_management_service", "DROP TABLE event_management.events", denied},
		{"event_management_service", "TRUNCATE event_management.events", denied},
		{"event_management_service", "DELETE FROM event_management.flyway_schema_history", denied},
		{"event_management_service", "INSERT INTO shared_kernel.topics VALUES ('own', 'own')", denied},
		{"event_management_service", "SELECT * FROM partner_analytics.meetings", denied},
		{"event_management_service", "SELECT * FROM platform.flyway_schema_history", denied},
		{"event_management_service", "CREATE TABLE public.own (id int)", denied},
		{"event_management_service", "CREATE SCHEMA own", denied},
		{"event_management_service", "CREATE EXTENSION citext", denied},
		{"event_management_service", "SET ROLE batbern_owner", denied},
		{"partner_analytics_service", "SELECT * FROM event_management.events", denied},
		{"partner_analytics_service", "SELECT event_management.count_events()", denied},
		{"speaker_coordination_service", "SELECT * FROM event_management.events", denied},
		{"attendee_experience_service", "SELECT * FROM event_management.events", denied},
		{"attendee_experience_service", "SELECT * FROM shared_kernel.topics", ""},

		{"batbern_readonly", "SELECT * FROM event_management.events", ""},
		{"batbern_readonly", "SELECT * FROM partner_analytics.meetings", ""},
		{"batbern_readonly", "SELECT * FROM platform.flyway_schema_history", ""},
		{"batbern_readonly", "INSERT INTO event_management.events (title) VALUES ('x')", denied},
		{"batbern_readonly", "DELETE FROM platform.flyway_schema_history", denied},
		{"batbern_readonly", "SELECT event_management.count_events()", denied},
		{"batbern_readonly", "CREATE TABLE event_management.own (id int)", denied},

		// The login that runs the migrations acts as the owner, and is no more than that.
		{"batbern_migrator", "DO $$ BEGIN ASSERT current_user = 'batbern_owner'; END $$", ""},
		{"batbern_migrator", "CREATE ROLE own", denied},
		{"batbern_migrator", "ALTER ROLE event_management_service PASSWORD 'own'", denied},
		{"batbern_migrator", "SELECT pg_read_file('/etc/passwd')", denied},
	} {
		if got := try(t, server, database, test.role, test.sql); got != test.want {
			t.Errorf("%s: %s: SQLSTATE %q, want %q", test.role, test.sql, got, test.want)
		}
	}
}

// try runs a statement as another role and returns its SQLSTATE, or nothing when it worked.
func try(t *testing.T, server *pgtest.Server, database, role, sql string) string {
	t.Helper()
	conn, err := server.Connect(t.Context(), role, passwords[role], database)
	if err != nil {
		t.Fatalf("log in as %s: %v", role, err)
	}
	defer conn.Close(context.Background())
	// The read-only login starts in read-only transactions, which it may leave: its rights must hold without them.
	_, err = conn.Exec(t.Context(), "SET default_transaction_read_only = off")
	if err == nil {
		_, err = conn.Exec(t.Context(), sql)
	}
	var answer *pgconn.PgError
	if err != nil && !errors.As(err, &answer) {
		t.Fatal(err)
	}
	if answer == nil {
		return ""
	}
	return answer.Code
}
