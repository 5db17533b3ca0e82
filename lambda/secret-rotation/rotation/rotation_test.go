package rotation

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

func TestRotationChangesThePasswordAndKeepsOpenSessions(t *testing.T) {
	f := newFixture(t, "plain_service", "the-first-password")
	session, err := f.server.Connect(t.Context(), f.user, "the-first-password", "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close(t.Context())

	first := f.mustRotate()
	second := f.mustRotate()

	labels := f.labels()
	if got := labels[first]; len(got) != 1 || got[0] != stagePrevious {
		t.Errorf("the version before is labelled %v, want AWSPREVIOUS alone", got)
	}
	if got := labels[second]; len(got) != 1 || got[0] != stageCurrent {
		t.Errorf("the version now is labelled %v, want AWSCURRENT alone", got)
	}
	if err := session.Ping(t.Context()); err != nil {
		t.Errorf("an open session did not survive the rotation: %v", err)
	}
}

func TestFirstRotationMakesThePasswordThroughTheMaster(t *testing.T) {
	f := newFirstFixture(t, "first_service")
	if f.password(stageCurrent) != "" {
		t.Fatal("the first version has a password")
	}
	f.mustRotate()
	f.mustRotate() // from now on the login changes its own password
	if got := strings.Count(f.output.String(), `"way":"through the master"`); got != 1 {
		t.Errorf("went through the master %d times, want once", got)
	}
}

// The master of an instance with read replicas is not managed by RDS: it is rotated like any login, without masterarn.
func TestTheMasterItselfIsRotated(t *testing.T) {
	f := newServers(t, "replica_master")
	f.server.CreateRole(t, f.user, "masters-first-password", "CREATEROLE CREATEDB IN ROLE rds_superuser")
	f.createSecret(f.value(values{"password": "masters-first-password"}))
	f.mustRotate()
}

func TestEventIsChecked(t *testing.T) {
	f := newFixture(t, "handler_service", "pw-of-handler-service")
	token := f.begin()
	calls := &recorder{}
	function := f.newFunction(calls)
	for name, c := range map[string]struct {
		event events.SecretsManagerSecretRotationEvent
		want  string
		quiet bool // no call at all may go out
	}{
		"unknown step":   {events.SecretsManagerSecretRotationEvent{Step: "dropSecret", SecretID: f.secretID, ClientRequestToken: token}, "unknown step", true},
		"no step":        {events.SecretsManagerSecretRotationEvent{SecretID: f.secretID, ClientRequestToken: token}, "unknown step", true},
		"no secret":      {events.SecretsManagerSecretRotationEvent{Step: "setSecret", ClientRequestToken: token}, "SecretId", true},
		"no token":       {events.SecretsManagerSecretRotationEvent{Step: "setSecret", SecretID: f.secretID}, "ClientRequestToken", true},
		"unknown token":  {events.SecretsManagerSecretRotationEvent{Step: "setSecret", SecretID: f.secretID, ClientRequestToken: newToken()}, "no version", false},
		"unknown secret": {events.SecretsManagerSecretRotationEvent{Step: "setSecret", SecretID: "nobody/knows", ClientRequestToken: token}, "describe the secret", false},
	} {
		t.Run(name, func(t *testing.T) {
			calls.reset()
			err := function.Handle(t.Context(), c.event)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
			if got := calls.operations(); c.quiet && len(got) > 0 {
				t.Errorf("called %v", got)
			}
			if got := calls.writes(); got > 0 {
				t.Errorf("wrote %d times", got)
			}
		})
	}
}

func TestLabelsDecideWhetherAStepRuns(t *testing.T) {
	t.Run("a version that is current already is left alone by every step", func(t *testing.T) {
		f := newFixture(t, "finished_service", "pw-of-finished-service")
		token := f.mustRotate()
		calls := &recorder{}
		for _, also := range [][]string{{stageCurrent}, {stageCurrent, stagePending}} {
			for _, step := range steps {
				if err := f.callAs(t.Context(), f.newFunction(calls), step, token); err != nil {
					t.Errorf("%s with %v: %v", step, also, err)
				}
			}
			if calls.writes() > 0 {
				t.Errorf("with %v: calls %v", also, calls.operations())
			}
			f.label(stagePending, token, "")
		}
	})
	t.Run("a version without labels is refused", func(t *testing.T) {
		f := newFixture(t, "abandoned_service", "pw-of-abandoned-service")
		token := f.begin()
		f.label(stagePending, "", token)
		for _, step := range steps {
			if err := f.call(step, token); err == nil || !strings.Contains(err.Error(), "not labelled AWSPENDING") {
				t.Errorf("%s: %v", step, err)
			}
		}
	})
	t.Run("rotation that is turned off is refused", func(t *testing.T) {
		f := newFixture(t, "disabled_service", "pw-of-disabled-service")
		token := f.begin()
		f.cancelRotation()
		if err := f.call("createSecret", token); err == nil || !strings.Contains(err.Error(), "turned off") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("rotation that was never configured is taken, as AWS's functions do", func(t *testing.T) {
		f := newFixture(t, "unconfigured_service", "pw-of-unconfigured-service")
		token := newToken()
		f.put(f.value(values{"password": "put-by-hand-0815"}), token, stagePending)
		if err := f.rotate(f.function, token); err != nil {
			t.Fatal(err)
		}
		f.assertConverged(token)
	})
	t.Run("a secret edited between two steps stops the rotation", func(t *testing.T) {
		f := newFixture(t, "edited_service", "pw-of-edited-service")
		token := f.begin()
		if err := f.call("createSecret", token); err != nil {
			t.Fatal(err)
		}
		f.put(f.value(values{"password": "someone-elses-4711"}), newToken(), stagePending)
		if err := f.call("setSecret", token); err == nil {
			t.Error("went on with a version that lost AWSPENDING")
		}
		if !f.logsIn("pw-of-edited-service") {
			t.Error("the password was changed all the same")
		}
	})
}

// timesUp ends the call's time after the n-th answer of the API.
type timesUp struct {
	n   int
	end func()
}

func (u *timesUp) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(response.Body)
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(content))
	if u.n--; u.n == 0 {
		u.end()
	}
	return response, err
}

func TestDeadlineReachesTheDatabase(t *testing.T) {
	f := newFixture(t, "deadline_login", "pw-of-deadline-login")
	token := f.begin()
	if err := f.call("createSecret", token); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	logins := f.logins()
	// the labels, AWSCURRENT, AWSPENDING; then come logins
	wantError(t, f.callAs(ctx, f.newFunction(&timesUp{3, cancel}), "setSecret", token), "log in to PostgreSQL", "canceled")
	if f.logins() != logins {
		t.Error("it logged in after its time was up")
	}
}

func TestDeadlineReachesEveryCall(t *testing.T) {
	f := newFixture(t, "deadline_service", "pw-of-deadline-service")
	token := f.begin()
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for _, step := range steps {
		if err := f.callAs(ctx, f.function, step, token); err == nil || !strings.Contains(err.Error(), "deadline exceeded") {
			t.Errorf("%s: %v", step, err)
		}
	}
}

// The bootstrap function lets the migrator act as the owner from its login on, by a setting of the role. The migrator
// must still change its own password, without the master.
func TestLoginThatActsAsAnotherRoleRotatesItself(t *testing.T) {
	for name, setting := range map[string]string{
		"in this database": `ALTER ROLE migrator_like IN DATABASE postgres SET role = 'owner_like'`,
		"everywhere":       `ALTER ROLE migrator_like SET role = 'owner_like'`,
		"read-only":        `ALTER ROLE migrator_like SET default_transaction_read_only = on`,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, "migrator_like", "pw-of-migrator-like")
			f.server.CreateRole(t, "owner_like", "pw-of-owner-like", "")
			f.server.Exec(t, "postgres", `GRANT owner_like TO migrator_like`, setting)
			f.mustRotate()
			if said := f.output.String(); !strings.Contains(said, `"way":"with AWSCURRENT"`) {
				t.Errorf("the login did not change its own password: %s", said)
			}
			// applications still get the setting
			conn, err := f.server.Connect(t.Context(), f.user, f.password(stageCurrent), "postgres")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			var role, readOnly string
			err = conn.QueryRow(t.Context(), `SELECT current_user, current_setting('default_transaction_read_only')`).Scan(&role, &readOnly)
			if err != nil || (role == "owner_like") == (readOnly == "on") {
				t.Errorf("sessions of the login act as %s, read-only %s, %v", role, readOnly, err)
			}
		})
	}
}
