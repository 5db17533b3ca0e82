package rotation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/batbern/infrastructure/internal/pgtest"
)

// recorder stands between the SDK and the API. It notes what is called and may answer in the API's place.
type recorder struct {
	answer func(operation string, n int) *http.Response // nil lets the n-th call of the operation through

	mu    sync.Mutex
	calls []string
	last  map[string]any
}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(request.Header.Get("X-Amz-Target"), ".")
	content, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	request.Body = io.NopCloser(bytes.NewReader(content))
	r.mu.Lock()
	r.calls = append(r.calls, operation)
	n := 0
	for _, call := range r.calls {
		if call == operation {
			n++
		}
	}
	r.last = nil
	_ = json.Unmarshal(content, &r.last)
	r.mu.Unlock()
	if r.answer != nil {
		if response := r.answer(operation, n); response != nil {
			response.Request = request
			return response, nil
		}
	}
	return http.DefaultTransport.RoundTrip(request)
}

func (r *recorder) operations() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

func (r *recorder) count(operation string) int {
	n := 0
	for _, call := range r.operations() {
		if call == operation {
			n++
		}
	}
	return n
}

func (r *recorder) writes() int {
	return r.count("PutSecretValue") + r.count("UpdateSecretVersionStage")
}

func (r *recorder) reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = nil
}

// body returns a string of the last request.
func (r *recorder) body(key string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text, _ := r.last[key].(string)
	return text
}

func apiError(status int, code, message string) *http.Response {
	return apiAnswer(status, map[string]string{"__type": code, "message": message})
}

func apiAnswer(status int, body any) *http.Response {
	content, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		Body: io.NopCloser(bytes.NewReader(content)),
	}
}

// breaker lets API calls through until one, which it makes fail in its way.
type breaker struct {
	failAt int
	way    failure
	n      int
	broke  string // the operation that failed
}

// failure is how a call fails.
type failure string

const (
	refusedByAPI failure = "the API refuses it"
	cutBefore    failure = "the network loses it"
	cutAfter     failure = "the network loses its answer"
)

var errBroken = errors.New("planted network failure")

func (b *breaker) RoundTrip(request *http.Request) (*http.Response, error) {
	return b.pass(request, http.DefaultTransport)
}

func (b *breaker) pass(request *http.Request, on http.RoundTripper) (*http.Response, error) {
	b.n++
	if b.n != b.failAt {
		return on.RoundTrip(request)
	}
	var secretsManager bool
	if _, b.broke, secretsManager = strings.Cut(request.Header.Get("X-Amz-Target"), "."); !secretsManager {
		b.broke = "RDS"
	}
	switch b.way {
	case refusedByAPI:
		if !secretsManager { // RDS speaks XML
			return &http.Response{StatusCode: http.StatusBadRequest, Request: request, Body: io.NopCloser(strings.NewReader(
				"<ErrorResponse><Error><Code>AccessDeniedException</Code><Message>planted</Message></Error></ErrorResponse>"))}, nil
		}
		refusal := apiError(http.StatusBadRequest, "AccessDeniedException", "planted")
		refusal.Request = request
		return refusal, nil
	case cutAfter:
		if response, err := on.RoundTrip(request); err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
	}
	return nil, errBroken
}

// cause is what the function's error has to say.
func (b *breaker) cause() string {
	if b.way == refusedByAPI {
		return "AccessDeniedException"
	}
	return errBroken.Error()
}

// situations are the states from which a rotation starts: each takes other ways through the function.
var situations = []struct {
	name, user string
	// stride is how many TLS records lie between two breaks. The situations differ in setSecret alone, so the first is
	// broken everywhere and the others at every third record, by turns on the way to the server and back.
	stride int
	begin  func(t testing.TB, user string) *fixture
}{
	{"a login with a password", "known", 1, func(t testing.TB, user string) *fixture {
		return newFixture(t, user, "pw-before-the-fault")
	}},
	{"a first version without a password", "first", 3, newFirstFixture},
	{"a database restored to the previous password", "restored", 3, func(t testing.TB, user string) *fixture {
		f := newFixture(t, user, "pw-before-the-fault")
		f.put(f.value(values{"password": "pw-the-restore-lost"}), newToken(), stageCurrent)
		return f
	}},
	{"a master whose password RDS sets", "master", 3, func(t testing.TB, user string) *fixture {
		f, _ := newMasterFixture(t, user)
		return f
	}},
}

// Every API call of a rotation is refused in turn, and cut off in turn before and after its effect. Secrets Manager then
// repeats the steps with the same token.
func TestEveryAPICallMayFail(t *testing.T) {
	for _, situation := range situations {
		for i, way := range []failure{refusedByAPI, cutBefore, cutAfter} {
			if way == refusedByAPI && situation.stride > 1 && situation.user != "master" {
				continue // they make the same calls as the first
			}
			t.Run(fmt.Sprintf("%s, %s", situation.name, way), func(t *testing.T) {
				var broken []string
				for call, operation := 1, ""; !t.Failed() && (call == 1 || operation != ""); call++ {
					t.Run(fmt.Sprintf("call %d", call), func(t *testing.T) {
						f := situation.begin(t, fmt.Sprintf("api_%s_%d_%d", situation.user, call, i))
						operation = f.rotateWithBrokenCall(t, call, way)
						broken = append(broken, operation)
					})
				}
				expected := []string{"DescribeSecret", "GetSecretValue", "GetRandomPassword", "PutSecretValue", "UpdateSecretVersionStage"}
				if situation.user == "master" {
					expected = append(expected, "RDS")
				}
				for _, operation := range expected {
					if !slices.Contains(broken, operation) {
						t.Errorf("%s never failed: %v", operation, broken)
					}
				}
			})
		}
	}
}

// rotateWithBrokenCall returns the operation that failed, and "" when the rotation made fewer calls.
func (f *fixture) rotateWithBrokenCall(t *testing.T, call int, way failure) string {
	token := f.begin()
	fault := &breaker{failAt: call, way: way}
	err := f.rotate(f.newFunction(fault), token)
	if fault.broke == "" && err != nil {
		t.Fatal(err)
	}
	if err != nil && !strings.Contains(err.Error(), fault.cause()) {
		t.Errorf("%s: the error hides its cause: %v", fault.broke, err)
	}
	f.assertNotLockedOut(token)
	if err := f.rotate(f.function, token); err != nil {
		t.Errorf("%s: the second try failed: %v", fault.broke, err)
	}
	f.assertConverged(token)
	return fault.broke
}

// The connection to the database breaks at the TLS records that cross it: before the server has seen the client's,
// and after the server has acted but before the client knows.
func TestDatabaseConnectionMayBreakAnywhere(t *testing.T) {
	for _, situation := range situations {
		t.Run(situation.name, func(t *testing.T) {
			record := 1
			for cut := true; cut && !t.Failed(); record += situation.stride {
				t.Run(fmt.Sprintf("record %d", record), func(t *testing.T) {
					f := situation.begin(t, fmt.Sprintf("wire_%s_%d", situation.user, record))
					cut = f.rotateOverBrokenWire(t, record)
				})
			}
			if record < 40 { // two logins and a statement take more
				t.Errorf("broke at %d records only", record)
			}
		})
	}
}

// rotateOverBrokenWire tells whether the rotation took so many records that one was broken off.
func (f *fixture) rotateOverBrokenWire(t *testing.T, record int) bool {
	wire := f.server.BreakableWire(t, record)
	f.throughPort(wire.Port)
	token := f.begin()
	err := f.rotate(f.function, token)
	if !wire.Cut() && err != nil {
		t.Fatal(err)
	}
	if err != nil && strings.Contains(err.Error(), "no credential may set") {
		t.Errorf("a broken connection passes for a refused credential: %v", err)
	}
	f.assertNotLockedOut(token)
	if err := f.rotate(f.function, token); err != nil {
		t.Errorf("the second try failed: %v", err)
	}
	f.assertConverged(token)
	return wire.Cut()
}

// throughPort makes every version of the secret, and RDS, name a port in place of the server's.
func (f *fixture) throughPort(port int) {
	f.t.Helper()
	if f.instance != nil {
		f.instance.port = port
	}
	for _, stage := range []string{stagePrevious, stageCurrent} {
		fields := f.fields(stage)
		if fields == nil {
			continue
		}
		fields["port"] = port
		f.put(mustJSON(f.t, fields), newToken(), stageCurrent)
	}
}

// assertNotLockedOut checks that some labelled version logs in, or that the master can still set the first password.
func (f *fixture) assertNotLockedOut(token string) {
	f.t.Helper()
	for _, stage := range []string{stageCurrent, stagePending, stagePrevious} {
		if password := f.password(stage); password != "" && f.logsIn(password) {
			return
		}
	}
	if f.masterID == "" && f.instance == nil {
		f.t.Errorf("no version of the secret logs in any more (token %s)", token)
	}
}

// Every statement that the function sends fails in turn: the server refuses it, and what was begun is undone.
func TestEveryStatementMayFail(t *testing.T) {
	for _, situation := range situations {
		t.Run(situation.name, func(t *testing.T) {
			var failed []string
			for n, statement := 1, ""; !t.Failed() && (n == 1 || statement != ""); n++ {
				t.Run(fmt.Sprintf("statement %d", n), func(t *testing.T) {
					f := situation.begin(t, fmt.Sprintf("statement_%s_%d", situation.user, n))
					statement = f.rotateWithFailingStatement(t, n)
					failed = append(failed, statement)
				})
			}
			expected := []string{"SELECT pg_is_in_recovery", "begin", "lock_timeout", "pg_advisory_xact_lock", "ALTER ROLE", "commit"}
			if situation.user == "master" {
				expected = expected[:1] // RDS does the rest
			}
			for _, words := range expected {
				if !slices.ContainsFunc(failed, func(statement string) bool { return strings.Contains(statement, words) }) {
					t.Errorf("%q never failed: %q", words, failed)
				}
			}
		})
	}
}

// rotateWithFailingStatement returns the statement that failed, and "" when the rotation sent fewer.
func (f *fixture) rotateWithFailingStatement(t *testing.T, n int) string {
	way := f.server.FailStatement(t, n)
	f.throughPort(way.Port)
	token := f.begin()
	err := f.rotate(f.function, token)
	statement := way.Failed()
	switch {
	case statement == "" && err != nil:
		t.Fatal(err)
	case statement != "" && err == nil && f.instance == nil: // what RDS has done, a second look finds
		t.Errorf("%q failed, and the rotation did not", statement)
	}
	if err != nil && !strings.Contains(err.Error(), "42601") {
		t.Errorf("%s: the error hides its cause: %v", statement, err)
	}
	f.assertNotLockedOut(token)
	if err := f.rotate(f.function, token); err != nil {
		t.Errorf("%s: the second try failed: %v", statement, err)
	}
	f.assertConverged(token)
	return statement
}

// A first login that the network breaks says nothing about the password: no second one is tried.
func TestBrokenLoginIsNotARefusedOne(t *testing.T) {
	f := newFixture(t, "broken_login", "pw-of-broken-login")
	wire := f.server.BreakableWire(t, 4) // in the TLS handshake
	f.throughPort(wire.Port)
	token := f.begin()
	if err := f.call("createSecret", token); err != nil {
		t.Fatal(err)
	}
	logins := f.logins()
	if err := f.call("setSecret", token); err == nil || !wire.Cut() {
		t.Errorf("cut %v, and the step says %v", wire.Cut(), err)
	}
	if f.logins() != logins {
		t.Error("it went on to another credential")
	}
}

// Concurrent calls of a step all succeed, or fail and leave a state from which the next call goes on.
func TestConcurrentCallsOfTheSameStep(t *testing.T) {
	for _, situation := range situations {
		t.Run(situation.name, func(t *testing.T) {
			f := situation.begin(t, "concurrent_"+situation.user)
			token := f.begin()
			for _, step := range steps {
				var calls sync.WaitGroup
				failures := make([]error, 5)
				for i := range failures {
					calls.Go(func() { failures[i] = f.call(step, token) })
				}
				calls.Wait()
				if err := errors.Join(failures...); err != nil {
					t.Errorf("%s: %v", step, err)
				}
			}
			f.assertConverged(token)
		})
	}
}

func TestReadOnlyServer(t *testing.T) {
	f := newFixture(t, "standby_service", "pw-of-standby-service")
	standby := f.server.StartStandby(t)
	f.put(f.value(values{"password": "pw-of-standby-service", "port": standby.Port}), newToken(), stageCurrent)
	token := f.begin()
	if err := f.call("createSecret", token); err != nil {
		t.Fatal(err)
	}
	wantError(t, f.call("setSecret", token), "read-only replica", "25006")
	if !f.logsIn("pw-of-standby-service") {
		t.Error("the password was changed")
	}

	t.Run("and a pending password that logs in there is not enough", func(t *testing.T) {
		token := f.beginWith(f.value(values{"password": "pw-of-standby-service", "port": standby.Port}))
		wantError(t, f.call("testSecret", token), "read-only replica")
	})
}

// A fault of network or TLS says nothing about a password: no other credential is tried, and the cause is reported.
func TestConnectionFaultsStopAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(f *fixture) values
		prepare func(f *fixture)
		want    string
	}{
		"the certificate names another host": {func(*fixture) values { return values{"host": "127.0.0.1"} }, nil,
			"doesn't contain any IP SANs"},
		"an unknown authority": {func(*fixture) values { return nil }, func(f *fixture) {
			roots, err := FromEnvironment(f.t.Context(), func(string) string { return "" })
			if err != nil {
				f.t.Fatal(err)
			}
			f.function.Roots = roots.Roots
		}, "certificate signed by unknown authority"},
		"a server without TLS": {func(f *fixture) values { return values{"port": startPlaintextServer(f.t).port} }, nil,
			"server refused TLS connection"},
		"nobody listens":       {func(*fixture) values { return values{"port": 1} }, nil, "connection refused"},
		"the host has no name": {func(*fixture) values { return values{"host": "no-such-host.invalid"} }, nil, "no-such-host.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFirstFixture(t, "connection_service")
			f.mustRotate()
			changes := values{"password": "a-password-that-is-wrong", "masterarn": f.masterID}
			for key, value := range c.change(f) {
				changes[key] = value
			}
			f.put(f.value(changes), newToken(), stageCurrent)
			if c.prepare != nil {
				c.prepare(f)
			}
			token := f.begin()
			if err := f.call("createSecret", token); err != nil {
				t.Fatal(err)
			}
			calls := &recorder{}
			function := f.newFunction(calls)
			function.Roots = f.function.Roots
			err := f.callAs(t.Context(), function, "setSecret", token)
			wantError(t, err, c.want)
			if got := calls.count("GetSecretValue"); got != 2 {
				t.Errorf("read %d values: it went on to another credential", got)
			}
			wantError(t, f.callAs(t.Context(), function, "testSecret", token), c.want)
		})
	}
}

func TestUnknownDatabaseIsNotAWrongPassword(t *testing.T) {
	f := newFixture(t, "database_service", "pw-of-database-service")
	f.createSecret(f.value(values{"password": "pw-of-database-service", "dbname": "no_such_database"}))
	token := f.begin()
	if err := f.call("createSecret", token); err != nil {
		t.Fatal(err)
	}
	err := f.call("setSecret", token)
	wantError(t, err, "with AWSCURRENT", "3D000")
	if strings.Contains(err.Error(), "AWSPREVIOUS") {
		t.Errorf("it went on to another credential: %v", err)
	}
}

func TestNoPlaintextFollowsARefusalOfTLS(t *testing.T) {
	f := newFixture(t, "plaintext_service", "pw-of-plaintext-service")
	plain := startPlaintextServer(t)
	f.put(f.value(values{"password": "pw-of-plaintext-service", "port": plain.port}), newToken(), stageCurrent)
	token := f.begin()
	if err := f.call("createSecret", token); err != nil {
		t.Fatal(err)
	}
	wantError(t, f.call("setSecret", token), "refused TLS")
	if heard := plain.heard(); len(heard) > 0 {
		t.Errorf("the client went on in clear: %q", heard)
	}
	wantError(t, f.call("testSecret", token), "refused TLS")
	if got := plain.called(); got != 2 { // what is no wrong password does not pass either
		t.Errorf("the two steps tried %d times", got)
	}
}

func TestServersCertificateIsOnlyForItsName(t *testing.T) {
	// Guards the tests above: if the server had a certificate for 127.0.0.1 as well, they would prove nothing.
	certificate := pgtest.Shared(t).Certificate(t, pgtest.Host)
	if err := certificate.Leaf.VerifyHostname("127.0.0.1"); err == nil {
		t.Error("the test's certificate fits 127.0.0.1")
	}
}
