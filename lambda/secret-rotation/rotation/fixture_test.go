package rotation

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/jackc/pgx/v5"

	"github.com/batbern/infrastructure/internal/mototest"
	"github.com/batbern/infrastructure/internal/pgtest"
	"github.com/batbern/infrastructure/internal/testproc"
)

func TestMain(m *testing.M) {
	code := m.Run()
	pgtest.Stop()
	mototest.Stop()
	os.Exit(code)
}

var steps = []string{"createSecret", "setSecret", "testSecret", "finishSecret"}

// fixture is a login on a real PostgreSQL, its secret in a real Secrets Manager API, and the function.
type fixture struct {
	t        testing.TB
	server   *pgtest.Server
	moto     *mototest.Server
	client   *secretsmanager.Client // not the function's: faults do not reach it
	function *Function
	user     string
	secretID string
	made     []string // every secret of the test
	masterID string
	instance *instance        // where RDS sets the password; else nil
	output   *testproc.Output // everything the function says: its log and its errors
	logMark  int64            // where the server's log ended before the test
}

type values map[string]any

// newFixture makes a login with a password and a full secret for it.
func newFixture(t testing.TB, user, password string) *fixture {
	f := newServers(t, user)
	f.server.CreateRole(t, user, password, "")
	f.createSecret(f.value(values{"password": password}))
	return f
}

// newFirstFixture makes a login without a password, as the bootstrap function does, and a secret that only describes it.
func newFirstFixture(t testing.TB, user string) *fixture {
	f := newServers(t, user)
	// The master makes the role, as on RDS: from PostgreSQL 16 on it may alter only roles that it made.
	f.asMaster("CREATE ROLE " + pgx.Identifier{user}.Sanitize() + " LOGIN")
	t.Cleanup(func() { f.server.Exec(noContext{t}, "postgres", "DROP ROLE "+pgx.Identifier{user}.Sanitize()) })
	f.createMaster(values{"username": pgtest.Master, "password": f.server.MasterPassword})
	f.createSecret(f.value(values{"masterarn": f.masterID}))
	return f
}

// noContext lets a cleanup use helpers that take the test's context, which has ended by then.
type noContext struct{ testing.TB }

func (noContext) Context() context.Context { return context.Background() }

func newServers(t testing.TB, user string) *fixture {
	f := &fixture{t: t, server: pgtest.Shared(t), moto: mototest.Shared(t), user: user, output: &testproc.Output{}}
	f.logMark = f.server.LogMark(t)
	f.client = secretsmanager.NewFromConfig(f.moto.Config())
	f.function = f.newFunction(nil)
	t.Cleanup(f.assertNothingLeaked)
	return f
}

// newFunction makes the function as it runs in AWS, or with a transport that plants faults, which the SDK then must not
// heal by trying again.
func (f *fixture) newFunction(transport http.RoundTripper) *Function {
	settings := f.moto.Config()
	if transport != nil {
		settings.HTTPClient = &http.Client{Transport: transport}
		settings.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	}
	return &Function{
		Secrets:  secretsmanager.NewFromConfig(settings),
		RDS:      f.newRDS(transport),
		Roots:    f.server.RootCAs(),
		Password: PasswordPolicy{Length: defaultPasswordLength, ExcludeCharacters: defaultExcludeCharacters},
		Log:      slog.New(slog.NewJSONHandler(f.output, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

// value is the JSON of the secret with some keys changed; a nil value takes a key away.
func (f *fixture) value(changes values) string {
	fields := values{
		"engine": "postgres", "host": pgtest.Host, "port": f.server.Port, "dbname": "postgres", "username": f.user,
		"note": map[string]any{"kept": []int{1, 2}}, // a key nobody knows
	}
	maps.Copy(fields, changes)
	maps.DeleteFunc(fields, func(_ string, v any) bool { return v == nil })
	content, err := json.Marshal(fields)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(content)
}

func (f *fixture) createSecret(value string) {
	f.secretID = f.create("login", value)
}

func (f *fixture) createMaster(fields values) {
	content, err := json.Marshal(fields)
	if err != nil {
		f.t.Fatal(err)
	}
	f.masterID = f.create("master", string(content))
}

func (f *fixture) create(kind, value string) string {
	f.t.Helper()
	made, err := f.client.CreateSecret(f.t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String("batbern/test/" + kind + "/" + rand.Text()), SecretString: &value,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.made = append(f.made, *made.ARN)
	return *made.ARN
}

// begin registers a new version, as Secrets Manager does before the first step, and returns its token.
func (f *fixture) begin() string {
	f.t.Helper()
	token := newToken()
	f.moto.BeginRotation(f.t, f.secretID, token, true)
	return token
}

func newToken() string { return strings.ToLower(rand.Text() + rand.Text()) }

func (f *fixture) call(step, token string) error {
	return f.callAs(f.t.Context(), f.function, step, token)
}

func (f *fixture) callAs(ctx context.Context, function *Function, step, token string) error {
	err := function.Handle(ctx, events.SecretsManagerSecretRotationEvent{
		Step: step, SecretID: f.secretID, ClientRequestToken: token, RotationToken: rotationToken,
	})
	if err != nil {
		_, _ = f.output.Write([]byte(err.Error() + "\n"))
	}
	return err
}

const rotationToken = "rotation-token-that-nobody-may-see"

// rotate runs the steps in order until one fails.
func (f *fixture) rotate(function *Function, token string) error {
	for _, step := range steps {
		if err := f.callAs(f.t.Context(), function, step, token); err != nil {
			return err
		}
	}
	return nil
}

func (f *fixture) mustRotate() string {
	f.t.Helper()
	token := f.begin()
	if err := f.rotate(f.function, token); err != nil {
		f.t.Fatal(err)
	}
	f.assertConverged(token)
	return token
}

func (f *fixture) put(value, token, stage string) {
	f.t.Helper()
	_, err := f.client.PutSecretValue(f.t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: &f.secretID, ClientRequestToken: &token, SecretString: &value, VersionStages: []string{stage},
	})
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) labels() map[string][]string {
	f.t.Helper()
	found, err := f.client.DescribeSecret(f.t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &f.secretID})
	if err != nil {
		f.t.Fatal(err)
	}
	return found.VersionIdsToStages
}

// fields reads a value by label; nil where no version carries it.
func (f *fixture) fields(stage string) map[string]any {
	f.t.Helper()
	found, err := f.client.GetSecretValue(f.t.Context(), &secretsmanager.GetSecretValueInput{
		SecretId: &f.secretID, VersionStage: &stage,
	})
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		f.t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(*found.SecretString), &fields); err != nil {
		f.t.Fatal(err)
	}
	return fields
}

func (f *fixture) password(stage string) string {
	f.t.Helper()
	password, _ := f.fields(stage)["password"].(string)
	return password
}

func (f *fixture) logsIn(password string) bool {
	f.t.Helper()
	conn, err := f.server.Connect(f.t.Context(), f.user, password, "postgres")
	if err != nil {
		return false
	}
	conn.Close(f.t.Context())
	return true
}

func (f *fixture) asMaster(statements ...string) {
	f.t.Helper()
	conn, err := f.server.Connect(f.t.Context(), pgtest.Master, f.server.MasterPassword, "postgres")
	if err != nil {
		f.t.Fatal(err)
	}
	defer conn.Close(f.t.Context())
	for _, statement := range statements {
		if _, err := conn.Exec(f.t.Context(), statement); err != nil {
			f.t.Fatal(err)
		}
	}
}

// assertConverged checks the state in which every rotation must end, whatever went wrong on its way.
func (f *fixture) assertConverged(token string) {
	f.t.Helper()
	var current []string
	for id, labels := range f.labels() {
		if slices.Contains(labels, stageCurrent) {
			current = append(current, id)
		}
		if slices.Contains(labels, stagePending) && id != token {
			f.t.Errorf("version %s is still labelled AWSPENDING", id)
		}
	}
	if !slices.Equal(current, []string{token}) {
		f.t.Errorf("AWSCURRENT is on %v, want %s", current, token)
	}
	fields, before := f.fields(stageCurrent), f.fields(stagePrevious)
	if before == nil {
		f.t.Error("no version is labelled AWSPREVIOUS")
	}
	password, old := fields["password"].(string), before["password"]
	if password == old {
		f.t.Error("the password is the same as before")
	}
	if !f.logsIn(password) {
		f.t.Error("the new password does not log in")
	}
	if old, _ := old.(string); old != "" && f.logsIn(old) {
		f.t.Error("the old password still logs in")
	}
	delete(fields, "password")
	delete(before, "password")
	if got, want := mustJSON(f.t, fields), mustJSON(f.t, before); got != want {
		f.t.Errorf("the other keys changed:\n got %s\nwant %s", got, want)
	}
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	content, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// assertNothingLeaked searches the server's log and the function's output for every password and secret of the test.
func (f *fixture) assertNothingLeaked() {
	ctx := context.Background()
	secrets := []string{rotationToken, f.server.MasterPassword, f.server.SuperuserPassword}
	for _, id := range f.made {
		secrets = append(secrets, f.passwordsOf(ctx, id)...)
	}
	texts := map[string]string{
		"server's log": f.server.LogSince(f.t, f.logMark), "function's output": f.output.String(),
	}
	for _, secret := range secrets {
		if len(secret) < 4 {
			continue // would be found in any text
		}
		quoted := strconv.Quote(secret)
		for where, text := range texts {
			if strings.Contains(text, secret) || strings.Contains(text, quoted) {
				f.t.Errorf("the %s holds a clear secret", where)
			}
		}
	}
}

// passwordsOf reads the passwords of all versions that a secret has, labelled or not.
func (f *fixture) passwordsOf(ctx context.Context, secretID string) []string {
	described, err := f.client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &secretID})
	if err != nil {
		f.t.Error(err)
		return nil
	}
	var passwords []string
	for version := range described.VersionIdsToStages {
		found, err := f.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
			SecretId: &secretID, VersionId: &version,
		})
		if err != nil || found.SecretString == nil {
			continue // a version without a value
		}
		var fields map[string]any
		if json.Unmarshal([]byte(*found.SecretString), &fields) != nil {
			continue
		}
		if password, _ := fields["password"].(string); password != "" {
			passwords = append(passwords, password)
		}
	}
	return passwords
}
