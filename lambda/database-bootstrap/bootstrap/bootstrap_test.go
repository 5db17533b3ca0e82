package bootstrap

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5"

	"github.com/batbern/infrastructure/internal/mototest"
	"github.com/batbern/infrastructure/internal/pgtest"
	"github.com/batbern/infrastructure/lambda/event"
	"github.com/batbern/infrastructure/lambda/internal/secret"
)

func TestMain(m *testing.M) {
	code := m.Run()
	pgtest.Stop()
	mototest.Stop()
	os.Exit(code)
}

// fixture is a server, the master's secret, and names that no other test uses.
type fixture struct {
	t        testing.TB
	server   *pgtest.Server
	client   *secretsmanager.Client
	function *Function
	event    event.Bootstrap
	output   *bytes.Buffer
}

func newFixture(t testing.TB) *fixture {
	server, moto := pgtest.Shared(t), mototest.Shared(t)
	suffix := strings.ToLower(rand.Text()[:8])
	f := &fixture{
		t: t, server: server, client: secretsmanager.NewFromConfig(moto.Config()), output: &bytes.Buffer{},
		event: event.Bootstrap{
			Host: pgtest.Host, Port: server.Port,
			Database: "batbern_" + suffix, Owner: "owner_" + suffix,
			Schemas: []string{"event_management", "speaker_coordination", "shared_kernel"},
			Logins: []event.Login{
				{Name: "events_" + suffix, Kind: event.KindService, Schema: "event_management", Reads: []string{"shared_kernel"}, ConnectionLimit: 7},
				{Name: "speakers_" + suffix, Kind: event.KindService, Schema: "speaker_coordination", Reads: []string{"shared_kernel"}},
				{Name: "migrator_" + suffix, Kind: event.KindMigrator},
				{Name: "readonly_" + suffix, Kind: event.KindReadOnly, IAM: true},
			},
		},
	}
	f.event.MasterSecretARN = f.secret(fmt.Sprintf(`{"username":%q,"password":%q}`, pgtest.Master, server.MasterPassword))
	f.function = &Function{Secrets: f.client, Roots: server.RootCAs(), Log: slog.New(slog.NewJSONHandler(f.output, nil))}
	t.Cleanup(f.cleanUp)
	return f
}

func (f *fixture) secret(value string) string {
	f.t.Helper()
	made, err := f.client.CreateSecret(f.t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String("master/" + rand.Text()), SecretString: &value,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return *made.ARN
}

// cleanUp drops the database and roles, and checks that no log holds the master's password.
func (f *fixture) cleanUp() {
	ctx := context.Background()
	conn, err := f.server.Connect(ctx, pgtest.Superuser, f.server.SuperuserPassword, "postgres")
	if err != nil {
		f.t.Error(err)
		return
	}
	defer conn.Close(ctx)
	statements := []string{"DROP DATABASE IF EXISTS " + quote(f.event.Database) + " WITH (FORCE)"}
	for _, login := range f.event.Logins {
		statements = append(statements, "DROP ROLE IF EXISTS "+quote(login.Name))
	}
	for _, statement := range append(statements, "DROP ROLE IF EXISTS "+quote(f.event.Owner)) {
		if _, err := conn.Exec(ctx, statement); err != nil {
			f.t.Errorf("%s: %v", statement, err)
		}
	}
	if strings.Contains(f.server.Log(f.t), f.server.MasterPassword) || strings.Contains(f.output.String(), f.server.MasterPassword) {
		f.t.Error("a log holds the master's password")
	}
}

func (f *fixture) run() Report {
	f.t.Helper()
	report, err := f.function.Handle(f.t.Context(), f.event)
	if err != nil {
		f.t.Fatal(err)
	}
	return report
}

// assertConverged runs the function once more: it must find nothing to do.
func (f *fixture) assertConverged() {
	f.t.Helper()
	if report := f.run(); len(report.Changes) > 0 {
		f.t.Errorf("a second call changed: %q", report.Changes)
	}
}

func (f *fixture) exec(database string, statements ...string) {
	f.t.Helper()
	f.server.Exec(f.t, database, statements...)
}

// as logs in as one of the event's logins, which gets a password first, as the rotation function would give it.
func (f *fixture) as(login string) *pgx.Conn {
	f.t.Helper()
	f.server.SetPassword(f.t, login, "password-of-"+login)
	if login == f.readonly() {
		f.exec("postgres", "REVOKE rds_iam FROM "+quote(login))
	}
	conn, err := f.server.Connect(f.t.Context(), login, "password-of-"+login, f.event.Database)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func (f *fixture) events() string   { return f.event.Logins[0].Name }
func (f *fixture) speakers() string { return f.event.Logins[1].Name }
func (f *fixture) migrator() string { return f.event.Logins[2].Name }
func (f *fixture) readonly() string { return f.event.Logins[3].Name }

func allowed(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

func denied(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		_, err := conn.Exec(t.Context(), statement)
		if err == nil || !strings.Contains(err.Error(), "42501") && !strings.Contains(err.Error(), "25006") {
			t.Errorf("%s: want it denied, got %v", statement, err)
		}
	}
}

func TestEveryLoginMayDoItsWorkAndNothingElse(t *testing.T) {
	f := newFixture(t)
	report := f.run()
	if len(report.Changes) == 0 || len(report.Warnings) > 0 || report.Database != f.event.Database {
		t.Errorf("report %+v", report)
	}
	f.assertConverged()

	migrator := f.as(f.migrator())
	allowed(t, migrator,
		"CREATE TABLE event_management.events (id bigint GENERATED ALWAYS AS IDENTITY, title text)",
		"CREATE TABLE speaker_coordination.speakers (id bigserial, name text)",
		"CREATE TABLE shared_kernel.outbox (id uuid)",
		"CREATE VIEW event_management.titles AS SELECT title FROM event_management.events",
		`CREATE EXTENSION "uuid-ossp" SCHEMA public`, // as upstream's first migration does
	)
	denied(t, migrator, "CREATE ROLE intruder", "CREATE DATABASE intruder")
	var owner string
	err := migrator.QueryRow(t.Context(), "SELECT tableowner FROM pg_tables WHERE tablename = 'events'").Scan(&owner)
	if err != nil || owner != f.event.Owner {
		t.Errorf("the migrator's table belongs to %q: %v", owner, err)
	}

	events := f.as(f.events())
	allowed(t, events,
		"INSERT INTO events (title) VALUES ('unqualified: the search path finds it')",
		"UPDATE event_management.events SET title = 'x'", "SELECT * FROM event_management.titles",
		"DELETE FROM event_management.events", "SELECT * FROM shared_kernel.outbox", "SELECT uuid_generate_v4()",
	)
	denied(t, events,
		"INSERT INTO shared_kernel.outbox VALUES (NULL)", "SELECT * FROM speaker_coordination.speakers",
		"CREATE TABLE event_management.t (i int)", "CREATE TABLE public.t (i int)", "CREATE TEMPORARY TABLE t (i int)",
		"CREATE SCHEMA s", "DROP TABLE event_management.events", "TRUNCATE event_management.events",
		"SET ROLE "+quote(f.event.Owner), "SET ROLE "+quote(f.migrator()),
	)
	speakers := f.as(f.speakers())
	allowed(t, speakers, "INSERT INTO speakers (name) VALUES ('x')", "SELECT * FROM shared_kernel.outbox")
	denied(t, speakers, "SELECT * FROM event_management.events")

	readonly := f.as(f.readonly())
	allowed(t, readonly, "SELECT * FROM event_management.events", "SELECT * FROM speaker_coordination.speakers",
		"SELECT * FROM shared_kernel.outbox", "SELECT last_value FROM speaker_coordination.speakers_id_seq")
	denied(t, readonly, "INSERT INTO event_management.events (title) VALUES ('x')", "CREATE TEMPORARY TABLE t (i int)")
	allowed(t, readonly, "SET default_transaction_read_only = off")
	denied(t, readonly, "INSERT INTO event_management.events (title) VALUES ('x')", "DELETE FROM shared_kernel.outbox")

	t.Run("nobody else may connect, and nobody may log in as the owner", func(t *testing.T) {
		f.server.CreateRole(t, "stranger", "password-of-stranger", "")
		if conn, err := f.server.Connect(t.Context(), "stranger", "password-of-stranger", f.event.Database); err == nil {
			conn.Close(t.Context())
			t.Error("a stranger connected")
		}
		f.server.SetPassword(t, f.event.Owner, "password-of-owner")
		if conn, err := f.server.Connect(t.Context(), f.event.Owner, "password-of-owner", f.event.Database); err == nil {
			conn.Close(t.Context())
			t.Error("the owner logged in")
		}
	})
}

func TestLoginsAreMadeWithoutAPassword(t *testing.T) {
	f := newFixture(t)
	f.run()
	var withPassword []string
	err := f.server.Admin(t, "postgres").QueryRow(t.Context(), `SELECT coalesce(array_agg(rolname::text), '{}') FROM pg_authid
		WHERE rolpassword IS NOT NULL AND rolname = ANY($1)`, append(f.names(), f.event.Owner)).Scan(&withPassword)
	if err != nil || len(withPassword) > 0 {
		t.Errorf("roles with a password: %v, %v", withPassword, err)
	}
}

func (f *fixture) names() []string {
	var names []string
	for _, login := range f.event.Logins {
		names = append(names, login.Name)
	}
	return names
}

func TestDatabaseMadeByRDSIsTakenOver(t *testing.T) {
	f := newFixture(t)
	f.exec("postgres", "CREATE DATABASE "+quote(f.event.Database)+" OWNER "+pgtest.Master)
	report := f.run()
	if !slices.ContainsFunc(report.Changes, func(c string) bool { return strings.Contains(c, "owner "+f.event.Owner) }) {
		t.Errorf("changes %q", report.Changes)
	}
	f.assertConverged()
}

func TestDriftIsPutRight(t *testing.T) {
	f := newFixture(t)
	f.run()
	f.exec(f.event.Database, "SET ROLE "+quote(f.event.Owner), "CREATE TABLE event_management.events (id serial)")
	f.exec(f.event.Database, "SET ROLE "+quote(f.event.Owner),
		"CREATE TABLE speaker_coordination.\"odd.\"\"name\" (i int)", "CREATE SEQUENCE shared_kernel.numbers")
	f.assertConverged()
	events, speakers, migrator, owner := quote(f.events()), quote(f.speakers()), quote(f.migrator()), quote(f.event.Owner)
	for statement, want := range map[string]string{
		"ALTER ROLE " + events + " NOLOGIN":                                                                                "set to LOGIN",
		"ALTER ROLE " + events + " CREATEROLE CREATEDB":                                                                    "NOCREATEROLE NOCREATEDB",
		"ALTER ROLE " + events + " CONNECTION LIMIT 1":                                                                     "CONNECTION LIMIT 7",
		"ALTER ROLE " + migrator + " NOINHERIT":                                                                            "set to INHERIT",
		"ALTER ROLE " + owner + " LOGIN":                                                                                   "set to NOLOGIN",
		"GRANT " + owner + " TO " + events:                                                                                 "no longer a member of",
		"GRANT " + speakers + " TO " + events:                                                                              "no longer a member of",
		"REVOKE " + owner + " FROM " + migrator:                                                                            "made a member of",
		"REVOKE " + owner + " FROM " + pgtest.Master:                                                                       "made a member of",
		"GRANT rds_iam TO " + events:                                                                                       "no longer a member of rds_iam",
		"REVOKE rds_iam FROM " + quote(f.readonly()):                                                                       "made a member of rds_iam",
		"GRANT CONNECT, TEMPORARY ON DATABASE " + quote(f.event.Database) + " TO PUBLIC":                                   "revoked TEMPORARY from PUBLIC",
		"REVOKE CONNECT ON DATABASE " + quote(f.event.Database) + " FROM " + events:                                        "granted CONNECT",
		"ALTER ROLE " + events + " IN DATABASE " + quote(f.event.Database) + " RESET ALL":                                  "search_path=",
		"ALTER ROLE " + migrator + " IN DATABASE " + quote(f.event.Database) + " SET role = none":                          "role=" + f.event.Owner,
		"GRANT CREATE ON SCHEMA public TO PUBLIC":                                                                          "schema public: revoked CREATE",
		"GRANT CREATE ON SCHEMA event_management TO " + events:                                                             "revoked CREATE",
		"GRANT USAGE ON SCHEMA speaker_coordination TO PUBLIC":                                                             "revoked USAGE from PUBLIC",
		"REVOKE USAGE ON SCHEMA shared_kernel FROM " + events:                                                              "granted USAGE",
		"GRANT TRUNCATE ON event_management.events TO " + events:                                                           "revoked TRUNCATE",
		"GRANT SELECT ON event_management.events TO " + speakers + " WITH GRANT OPTION":                                    "revoked GRANT OPTION FOR SELECT",
		"REVOKE DELETE ON event_management.events FROM " + events:                                                          "granted DELETE",
		"REVOKE ALL ON speaker_coordination.\"odd.\"\"name\" FROM " + speakers:                                             "granted DELETE, INSERT, SELECT, UPDATE",
		"GRANT UPDATE ON SEQUENCE shared_kernel.numbers TO PUBLIC":                                                         "revoked UPDATE from PUBLIC",
		"REVOKE USAGE ON SEQUENCE event_management.events_id_seq FROM " + events:                                           "granted USAGE",
		"ALTER DEFAULT PRIVILEGES FOR ROLE " + owner + " IN SCHEMA event_management GRANT TRUNCATE ON TABLES TO " + events: "new tables in schema event_management: revoked TRUNCATE",
		"ALTER DEFAULT PRIVILEGES FOR ROLE " + owner + " IN SCHEMA shared_kernel REVOKE SELECT ON TABLES FROM " + events:   "new tables in schema shared_kernel: granted SELECT",
		"ALTER SCHEMA shared_kernel OWNER TO " + pgtest.Master:                                                             "owner " + f.event.Owner,
		"ALTER DATABASE " + quote(f.event.Database) + " OWNER TO " + pgtest.Master:                                         "owner " + f.event.Owner,
	} {
		t.Run(statement, func(t *testing.T) {
			f.exec(f.event.Database, statement)
			report := f.run()
			if !strings.Contains(strings.Join(report.Changes, "\n"), want) {
				t.Errorf("changes %q, want one with %q", report.Changes, want)
			}
			f.assertConverged()
		})
	}
}

func TestWhatIsNotOursStays(t *testing.T) {
	f := newFixture(t)
	f.run()
	f.server.CreateRole(t, "auditor", "password-of-auditor", "")
	f.exec(f.event.Database,
		"CREATE SCHEMA somebody_elses", "CREATE TABLE somebody_elses.t (i int)", "GRANT ALL ON somebody_elses.t TO PUBLIC",
		"CREATE TABLE event_management.foreign_table (i int)",
		"GRANT USAGE ON SCHEMA event_management TO auditor",
		"GRANT CONNECT ON DATABASE "+quote(f.event.Database)+" TO auditor",
		"GRANT pg_monitor TO "+quote(f.events()),
		"GRANT "+quote(f.event.Owner)+" TO auditor",
	)
	t.Cleanup(func() { // before auditor goes
		conn, err := f.server.Connect(context.Background(), pgtest.Superuser, f.server.SuperuserPassword, f.event.Database)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close(context.Background())
		if _, err := conn.Exec(context.Background(), "DROP OWNED BY auditor"); err != nil {
			t.Error(err)
		}
	})
	report := f.run()
	if len(report.Changes) > 0 {
		t.Errorf("changed %q", report.Changes)
	}
	warnings := strings.Join(report.Warnings, "\n")
	for _, want := range []string{
		"event_management.foreign_table belongs to rdsadmin", f.events() + " is a member of pg_monitor", "auditor is a member of " + f.event.Owner,
	} {
		if !strings.Contains(warnings, want) {
			t.Errorf("no warning %q in %q", want, report.Warnings)
		}
	}
	if !strings.Contains(f.output.String(), "left as it is") {
		t.Error("the warnings are not in the log")
	}
}

func TestRolesWithRightsTheMasterCannotTakeAreRefused(t *testing.T) {
	for _, attribute := range []string{"SUPERUSER", "REPLICATION", "BYPASSRLS"} {
		f := newFixture(t)
		f.exec("postgres", "CREATE ROLE "+quote(f.events())+" LOGIN "+attribute)
		_, err := f.function.Handle(t.Context(), f.event)
		if err == nil || !strings.Contains(err.Error(), "which the master cannot take away") {
			t.Errorf("%s: %v", attribute, err)
		}
	}
}

func TestHostileNames(t *testing.T) {
	f := newFixture(t)
	suffix := strings.ToLower(rand.Text()[:6])
	f.event.Database = `da"ta'base; DROP TABLE x; --` + suffix
	f.event.Owner = `Own"er ` + suffix
	f.event.Schemas = []string{`My "Schema"`, "select", "$1", "with,comma"}
	f.event.Logins = []event.Login{
		{Name: `a'b"c ` + suffix, Kind: event.KindService, Schema: `My "Schema"`, Reads: []string{"select", "$1", "with,comma"}},
		{Name: `PUBLIC`, Kind: event.KindService, Schema: "select"},
		{Name: `mi%sgrator ` + suffix, Kind: event.KindMigrator},
		{Name: "read\nonly" + suffix, Kind: event.KindReadOnly},
	}
	f.run()
	f.assertConverged()
	migrator := f.as(f.migrator())
	allowed(t, migrator, `CREATE TABLE "My ""Schema""".t (i int)`, `CREATE TABLE "select".t (i int)`)
	service := f.as(f.events())
	allowed(t, service, "INSERT INTO t VALUES (1)", `SELECT * FROM "select".t`)
	denied(t, service, `INSERT INTO "select".t VALUES (1)`)
}

func TestConcurrentCallsWaitForEachOther(t *testing.T) {
	f := newFixture(t)
	f.function.Log = slog.New(slog.DiscardHandler)
	var calls sync.WaitGroup
	reports, failures := make([]Report, 5), make([]error, 5)
	for i := range reports {
		calls.Go(func() { reports[i], failures[i] = f.function.Handle(context.Background(), f.event) })
	}
	calls.Wait()
	changed := 0
	for i := range reports {
		if failures[i] != nil {
			t.Error(failures[i])
		}
		if len(reports[i].Changes) > 0 {
			changed++
		}
	}
	if changed != 1 {
		t.Errorf("%d calls changed something, want 1", changed)
	}
}

// The connection breaks at every third TLS record, so by turns before the server has seen a statement and after it has
// acted. Another call brings the database into the same state.
func TestConnectionMayBreakAnywhere(t *testing.T) {
	for record, cut := 1, true; cut && !t.Failed(); record += 3 {
		t.Run(fmt.Sprintf("record %d", record), func(t *testing.T) {
			f := newFixture(t)
			wire := f.server.BreakableWire(t, record)
			f.event.Port = wire.Port
			_, err := f.function.Handle(t.Context(), f.event)
			if cut = wire.Cut(); !cut && err != nil {
				t.Error(err)
			}
			f.event.Port = f.server.Port
			f.run()
			f.assertConverged()
			allowed(t, f.as(f.migrator()), "CREATE TABLE event_management.events (i int)")
			allowed(t, f.as(f.events()), "INSERT INTO events VALUES (1)")
		})
	}
}

// Every statement that the function sends for one login and one schema fails in turn. Another call brings the database
// into the same state.
func TestEveryStatementMayFail(t *testing.T) {
	failed := map[string]bool{}
	for n, statement := 1, ""; !t.Failed() && (n == 1 || statement != ""); n++ {
		t.Run(fmt.Sprintf("statement %d", n), func(t *testing.T) {
			f := newFixture(t)
			f.event.Schemas, f.event.Logins = f.event.Schemas[:1], f.event.Logins[:1]
			f.event.Logins[0].Reads = nil
			way := f.server.FailStatement(t, n)
			f.event.Port = way.Port
			_, err := f.function.Handle(t.Context(), f.event)
			statement = way.Failed()
			verb, _, _ := strings.Cut(statement, " ")
			failed[verb] = true
			if (err != nil) != (statement != "") || err != nil && !strings.Contains(err.Error(), "42601") {
				t.Errorf("%q failed, and the call: %v", statement, err)
			}
			f.event.Port = f.server.Port
			f.run()
			f.assertConverged()
		})
	}
	for _, verb := range []string{"SELECT", "CREATE", "GRANT", "REVOKE", "ALTER", "begin", "commit"} {
		if !failed[verb] {
			t.Errorf("no %s failed: %v", verb, failed)
		}
	}
}

// faultyAPI loses one call: before the API sees it, or only its answer.
type faultyAPI struct {
	at    int
	after bool
	calls []string
}

func (a *faultyAPI) RoundTrip(request *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(request.Header.Get("X-Amz-Target"), ".")
	a.calls = append(a.calls, operation)
	if len(a.calls) != a.at {
		return http.DefaultTransport.RoundTrip(request)
	}
	if a.after {
		if response, err := http.DefaultTransport.RoundTrip(request); err == nil {
			response.Body.Close()
		}
	}
	return nil, errors.New("planted network failure")
}

// Every API call is lost in turn, or its answer. Another call goes on, and writes no description a second time.
func TestEveryAPICallMayFail(t *testing.T) {
	for _, after := range []bool{false, true} {
		for at, broke := 1, true; broke && !t.Failed(); at++ {
			t.Run(fmt.Sprintf("call %d, after the effect %v", at, after), func(t *testing.T) {
				f := newFixture(t)
				f.event.Schemas, f.event.Logins = f.event.Schemas[:1], f.event.Logins[:1]
				f.event.Logins[0].Reads, f.event.Logins[0].SecretARN = nil, f.emptySecret()
				api := &faultyAPI{at: at, after: after}
				broken := *f.function
				broken.Secrets = secretsmanager.NewFromConfig(mototest.Shared(t).Config(), func(o *secretsmanager.Options) {
					o.HTTPClient, o.Retryer = &http.Client{Transport: api}, aws.NopRetryer{}
				})
				_, err := broken.Handle(t.Context(), f.event)
				broke = len(api.calls) == at
				if broke != (err != nil && strings.Contains(err.Error(), "planted network failure")) {
					t.Errorf("calls %v: %v", api.calls, err)
				}
				f.run()
				f.assertConverged()
				versions, err := f.client.ListSecretVersionIds(t.Context(), &secretsmanager.ListSecretVersionIdsInput{SecretId: &f.event.Logins[0].SecretARN})
				if err != nil || len(versions.Versions) != 1 {
					t.Errorf("%d versions, %v", len(versions.Versions), err)
				}
				if !broke && !slices.Equal(api.calls, []string{"GetSecretValue", "GetSecretValue", "DescribeSecret", "PutSecretValue"}) {
					t.Errorf("calls %v", api.calls)
				}
			})
		}
	}
}

func TestFromEnvironment(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-central-1")
	if _, err := FromEnvironment(t.Context(), func(string) string { return "" }); err != nil {
		t.Error(err)
	}
	_, err := FromEnvironment(t.Context(), func(string) string { return "/nonexistent/bundle.pem" })
	if err == nil || !strings.Contains(err.Error(), VariableCABundle) {
		t.Errorf("a missing bundle: %v", err)
	}
	t.Setenv("AWS_MAX_ATTEMPTS", "many")
	if _, err := FromEnvironment(t.Context(), func(string) string { return "" }); err == nil {
		t.Error("took a faulty setting of the SDK")
	}
}

func TestFailuresSayTheirCause(t *testing.T) {
	for name, c := range map[string]struct {
		change func(f *fixture)
		want   []string
	}{
		"faulty event":     {func(f *fixture) { f.event.Owner, f.event.Port = "", 0 }, []string{"owner", "port"}},
		"no master secret": {func(f *fixture) { f.event.MasterSecretARN += "x" }, []string{"read the master's secret", "ResourceNotFoundException"}},
		"master secret without password": {func(f *fixture) { f.event.MasterSecretARN = f.secret(`{"username":"m"}`) },
			[]string{"the master's secret value: password is missing"}},
		"master secret for another host": {func(f *fixture) {
			f.event.MasterSecretARN = f.secret(`{"username":"m","password":"p","host":"elsewhere.example.com"}`)
		}, []string{"another host"}},
		"wrong master password": {func(f *fixture) {
			f.event.MasterSecretARN = f.secret(`{"username":"batbern_master","password":"wrong-master-password"}`)
		}, []string{"28P01"}},
		"master among the roles": {func(f *fixture) { f.event.Owner = pgtest.Master }, []string{"is the master"}},
		"wrong host name":        {func(f *fixture) { f.event.Host = "127.0.0.1" }, []string{"verify certificate"}},
		"read-only server":       {func(f *fixture) { f.event.Port = f.server.StartStandby(f.t).Port }, []string{"25006"}},
		"master without rights": {func(f *fixture) {
			f.server.CreateRole(f.t, "weak", "password-of-weak", "")
			f.event.MasterSecretARN = f.secret(`{"username":"weak","password":"password-of-weak"}`)
		}, []string{"created with NOLOGIN", "42501"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			before := f.event
			c.change(f)
			_, err := f.function.Handle(t.Context(), f.event)
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("got %v\nwant it to say %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "wrong-master-password") || strings.Contains(err.Error(), "password-of-weak") {
				t.Errorf("the error holds a password: %v", err)
			}
			f.event = before
		})
	}
}

func TestSecretsAreDescribed(t *testing.T) {
	f := newFixture(t)
	service, migrator := &f.event.Logins[0], &f.event.Logins[2]
	service.SecretARN, migrator.SecretARN = f.emptySecret(), f.emptySecret()

	if changes := strings.Join(f.run().Changes, "\n"); strings.Count(changes, ": described") != 2 {
		t.Errorf("changes %s", changes)
	}
	f.assertConverged()
	described, err := secret.Parse(f.valueOf(service.SecretARN))
	want := secret.Secret{Host: f.event.Host, Port: uint16(f.event.Port), Database: f.event.Database, Username: service.Name,
		MasterARN: f.event.MasterSecretARN}
	if err != nil || described.SameLogin(want) != nil || described.Password != "" {
		t.Errorf("described as %+v, %v", described, err)
	}

	t.Run("a restored instance with another endpoint keeps its passwords", func(t *testing.T) {
		f.put(service.SecretARN, strings.Replace(f.valueOf(service.SecretARN), `"host":"localhost"`,
			`"host":"before.example.com","password":"kept-password","note":{"kept":1}`, 1))
		changes := f.run().Changes
		if len(changes) != 1 || !strings.Contains(changes[0], "different host") {
			t.Errorf("changes %q", changes)
		}
		f.assertConverged()
		after := f.valueOf(service.SecretARN)
		right, err := secret.Parse(after)
		if err != nil || right.SameLogin(want) != nil || right.Password != "kept-password" || !strings.Contains(after, `"note":{"kept":1}`) {
			t.Errorf("put right to %s, %v", after, err)
		}
	})
	t.Run("a value that is no description is left to a person", func(t *testing.T) {
		f.put(service.SecretARN, `{"password":"typed-by-hand"}`)
		_, err := f.function.Handle(t.Context(), f.event)
		if err == nil || !strings.Contains(err.Error(), "secret of role "+service.Name+": secret value: engine is missing") {
			t.Errorf("got %v", err)
		}
		if !strings.Contains(f.valueOf(service.SecretARN), "typed-by-hand") {
			t.Error("the value was replaced")
		}
	})
	t.Run("a secret that does not exist", func(t *testing.T) {
		service.SecretARN += "-missing"
		_, err := f.function.Handle(t.Context(), f.event)
		if err == nil || !strings.Contains(err.Error(), "look for a rotation") || !strings.Contains(err.Error(), "ResourceNotFoundException") {
			t.Errorf("got %v", err)
		}
	})
	for _, password := range []string{"kept-password", "typed-by-hand"} {
		if strings.Contains(f.output.String(), password) || strings.Contains(f.server.Log(t), password) {
			t.Error("a log holds a password")
		}
	}
}

func TestSecretThatCannotBeReadIsNotWritten(t *testing.T) {
	f := newFixture(t)
	f.event.Logins[0].SecretARN = f.emptySecret()
	f.put(f.event.Logins[0].SecretARN, "{}")
	_, err := f.client.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &f.event.Logins[0].SecretARN})
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.function.Handle(t.Context(), f.event)
	if err == nil || !strings.Contains(err.Error(), "read it") {
		t.Errorf("got %v", err)
	}
}

func (f *fixture) emptySecret() string {
	f.t.Helper()
	made, err := f.client.CreateSecret(f.t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("login/" + rand.Text())})
	if err != nil {
		f.t.Fatal(err)
	}
	return *made.ARN
}

func (f *fixture) put(arn, value string) {
	f.t.Helper()
	if _, err := f.client.PutSecretValue(f.t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &arn, SecretString: &value}); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) valueOf(arn string) string {
	f.t.Helper()
	found, err := f.client.GetSecretValue(f.t.Context(), &secretsmanager.GetSecretValueInput{
		SecretId: &arn, VersionStage: aws.String("AWSCURRENT"),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return *found.SecretString
}

func TestDestroyDoesNothing(t *testing.T) {
	f := newFixture(t)
	f.event.Terraform.Action = "delete"
	f.event.MasterSecretARN = "arn:nobody-reads-this"
	if report := f.run(); len(report.Changes) > 0 {
		t.Errorf("changed %q", report.Changes)
	}
}

func TestReportHoldsListsWhereNothingChanged(t *testing.T) {
	f := newFixture(t)
	f.run()
	content, err := json.Marshal(f.run())
	if err != nil || string(content) != fmt.Sprintf(`{"database":%q,"changes":[],"warnings":[]}`, f.event.Database) {
		t.Errorf("%s, %v", content, err)
	}
}
