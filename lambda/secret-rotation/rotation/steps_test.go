package rotation

import (
	"encoding/json"
	"net/http"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/batbern/infrastructure/internal/pgtest"
)

func (f *fixture) label(stage, to, from string) {
	f.t.Helper()
	input := &secretsmanager.UpdateSecretVersionStageInput{SecretId: &f.secretID, VersionStage: &stage}
	if to != "" {
		input.MoveToVersionId = &to
	}
	if from != "" {
		input.RemoveFromVersionId = &from
	}
	if _, err := f.client.UpdateSecretVersionStage(f.t.Context(), input); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) cancelRotation() {
	f.t.Helper()
	_, err := f.client.CancelRotateSecret(f.t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: &f.secretID})
	if err != nil {
		f.t.Fatal(err)
	}
}

// beginWith starts a rotation whose pending version has the given value, and returns the token.
func (f *fixture) beginWith(pending string) string {
	f.t.Helper()
	token := f.begin()
	f.put(pending, token, stagePending)
	return token
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got %v\nwant it to say %q", err, part)
		}
	}
}

func TestCreateSecret(t *testing.T) {
	t.Run("keeps every other key with its JSON type", func(t *testing.T) {
		f := newFixture(t, "create_service", "pw-of-create-service")
		for _, port := range []any{5432, "5432"} {
			f.createSecret(f.value(values{"password": "pw-of-create-service", "port": port}))
			calls := &recorder{}
			function := f.newFunction(calls)
			if err := f.callAs(t.Context(), function, "createSecret", f.begin()); err != nil {
				t.Fatal(err)
			}
			before, after := f.fields(stageCurrent), f.fields(stagePending)
			if len(after["password"].(string)) != defaultPasswordLength || after["password"] == before["password"] {
				t.Error("no new password of the default length")
			}
			delete(before, "password")
			delete(after, "password")
			if mustJSON(t, before) != mustJSON(t, after) {
				t.Errorf("got %v, want %v", after, before)
			}
			if calls.count("PutSecretValue") != 1 {
				t.Errorf("calls: %v", calls.operations())
			}
		}
	})
	t.Run("never replaces a password it has made", func(t *testing.T) {
		f := newFixture(t, "create_again", "pw-of-create-again")
		token := f.begin()
		calls := &recorder{}
		function := f.newFunction(calls)
		for range 3 {
			if err := f.callAs(t.Context(), function, "createSecret", token); err != nil {
				t.Fatal(err)
			}
		}
		if calls.count("GetRandomPassword") != 1 || calls.count("PutSecretValue") != 1 {
			t.Errorf("calls: %v", calls.operations())
		}
	})
	t.Run("hands its settings to GetRandomPassword", func(t *testing.T) {
		f := newFixture(t, "create_policy", "pw-of-create-policy")
		f.function.Password = PasswordPolicy{Length: 40, ExcludeCharacters: "abcdefghijklm"}
		if err := f.call("createSecret", f.begin()); err != nil {
			t.Fatal(err)
		}
		if got := f.password(stagePending); len(got) != 40 || strings.ContainsAny(got, "abcdefghijklm") {
			t.Error("the password does not follow the policy")
		}
	})
	t.Run("refuses a current value that is not one", func(t *testing.T) {
		f := newFixture(t, "create_faults", "pw-of-create-faults")
		for value, want := range map[string]string{
			"not json":                              "not a JSON object",
			f.value(values{"engine": nil}):          "engine is missing",
			f.value(values{"engine": "mysql"}):      "engine must be",
			f.value(values{"username": ""}):         "username is missing",
			f.value(values{"host": nil}):            "host is missing",
			f.value(values{}):                       "password is missing",
			f.value(values{"password": 4711081547}): "password must be a string",
		} {
			f.createSecret(value)
			wantError(t, f.call("createSecret", f.begin()), "AWSCURRENT", want)
		}
	})
	t.Run("refuses a secret without a current value", func(t *testing.T) {
		f := newFixture(t, "create_nothing", "pw-of-create-nothing")
		calls := &recorder{answer: func(operation string, n int) *http.Response {
			if operation == "GetSecretValue" && n == 1 { // the API itself makes the first value current
				return apiError(http.StatusBadRequest, "ResourceNotFoundException", "can't find the specified secret value for staging label: AWSCURRENT")
			}
			return nil
		}}
		wantError(t, f.callAs(t.Context(), f.newFunction(calls), "createSecret", f.begin()), "read AWSCURRENT", "ResourceNotFoundException")
		if calls.writes() > 0 {
			t.Errorf("calls: %v", calls.operations())
		}
	})
	t.Run("hands on the token of a rotation in another account", func(t *testing.T) {
		f := newFixture(t, "create_token", "pw-of-create-token")
		calls := &recorder{}
		var sent string
		calls.answer = func(operation string, _ int) *http.Response {
			if operation == "PutSecretValue" {
				sent = calls.body("RotationToken")
			}
			return nil
		}
		if err := f.callAs(t.Context(), f.newFunction(calls), "createSecret", f.begin()); err != nil || sent != rotationToken {
			t.Errorf("sent %q, %v", sent, err)
		}
	})
	t.Run("refuses a binary value", func(t *testing.T) {
		f := newFixture(t, "create_binary", "pw-of-create-binary")
		token := newToken()
		_, err := f.client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
			SecretId: &f.secretID, ClientRequestToken: &token, SecretBinary: []byte("{}"), VersionStages: []string{stageCurrent},
		})
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, f.call("createSecret", f.begin()), "binary")
	})
	t.Run("refuses a pending value without a password", func(t *testing.T) {
		f := newFirstFixture(t, "create_empty")
		wantError(t, f.call("createSecret", f.beginWith(f.value(values{"masterarn": f.masterID}))), "holds no password")
	})
	t.Run("writes nothing where it cannot read the pending version", func(t *testing.T) {
		f := newFixture(t, "create_unreadable", "pw-of-create-unreadable")
		for _, code := range []string{"InvalidRequestException", "AccessDeniedException", "DecryptionFailure", "InternalServiceError"} {
			f.createSecret(f.value(values{"password": "pw-of-create-unreadable"}))
			calls := &recorder{answer: func(operation string, n int) *http.Response {
				if operation == "GetSecretValue" && n == 2 {
					return apiError(http.StatusBadRequest, code, "")
				}
				return nil
			}}
			wantError(t, f.callAs(t.Context(), f.newFunction(calls), "createSecret", f.begin()), code)
			if calls.writes() > 0 {
				t.Errorf("%s: %v", code, calls.operations())
			}
		}
	})
	t.Run("takes over what another call has put first", func(t *testing.T) {
		f := newFixture(t, "create_race", "pw-of-create-race")
		token := f.begin()
		calls := &recorder{answer: func(operation string, _ int) *http.Response {
			if operation != "PutSecretValue" {
				return nil
			}
			f.put(f.value(values{"password": "the-other-calls-password"}), token, stagePending)
			return apiError(http.StatusBadRequest, "ResourceExistsException", "")
		}}
		if err := f.callAs(t.Context(), f.newFunction(calls), "createSecret", token); err != nil {
			t.Fatal(err)
		}
		if f.password(stagePending) != "the-other-calls-password" {
			t.Error("replaced the other call's password")
		}
	})
	t.Run("reports a conflict that left no value", func(t *testing.T) {
		f := newFixture(t, "create_conflict", "pw-of-create-conflict")
		calls := &recorder{answer: func(operation string, _ int) *http.Response {
			if operation == "PutSecretValue" {
				return apiError(http.StatusBadRequest, "ResourceExistsException", "")
			}
			return nil
		}}
		wantError(t, f.callAs(t.Context(), f.newFunction(calls), "createSecret", f.begin()), "ResourceExistsException")
	})
	t.Run("refuses the current password as the new one, and a short one", func(t *testing.T) {
		f := newFixture(t, "create_same", "exactly-thirty-two-characters-XX")
		for password, want := range map[string]string{
			"exactly-thirty-two-characters-XX": "equals the current one",
			"tiny-pw":                          "shorter than asked for",
		} {
			calls := &recorder{answer: func(operation string, _ int) *http.Response {
				if operation == "GetRandomPassword" {
					return apiAnswer(http.StatusOK, map[string]string{"RandomPassword": password})
				}
				return nil
			}}
			wantError(t, f.callAs(t.Context(), f.newFunction(calls), "createSecret", f.begin()), want)
			if calls.writes() > 0 {
				t.Errorf("calls: %v", calls.operations())
			}
		}
	})
	t.Run("does not repeat a value that the API repeats in its error", func(t *testing.T) {
		f := newFixture(t, "create_echo", "pw-of-create-echo")
		calls := &recorder{}
		calls.answer = func(operation string, _ int) *http.Response {
			if operation == "PutSecretValue" {
				value := calls.body("SecretString")
				var fields struct{ Password string }
				if err := json.Unmarshal([]byte(value), &fields); err != nil {
					t.Error(err)
				}
				return apiError(http.StatusBadRequest, "ValidationException", "Value '"+value+"' is too long, above all '"+fields.Password+"'")
			}
			return nil
		}
		err := f.callAs(t.Context(), f.newFunction(calls), "createSecret", f.begin())
		wantError(t, err, "ValidationException", "Value '[redacted]' is too long, above all '[redacted]'")
		var sent map[string]any
		if json.Unmarshal([]byte(calls.body("SecretString")), &sent) != nil || sent["password"] == nil {
			t.Fatal("the test saw no value")
		}
		if strings.Contains(f.output.String(), sent["password"].(string)) {
			t.Error("the password is in the output")
		}
	})
}

func TestSetSecret(t *testing.T) {
	t.Run("changes nothing where the database has the password already", func(t *testing.T) {
		f := newFixture(t, "set_again", "pw-of-set-again")
		token := f.begin()
		for _, step := range []string{"createSecret", "setSecret", "setSecret", "setSecret"} {
			if err := f.call(step, token); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Count(f.server.Log(t), `ALTER ROLE "set_again" PASSWORD`); got != 1 {
			t.Errorf("%d changes of the password, want 1", got)
		}
	})
	t.Run("compares the login before it logs in", func(t *testing.T) {
		f := newFixture(t, "set_compare", "pw-of-set-compare")
		f.server.CreateRole(t, "set_victim", "pw-of-set-victim", "")
		for key, changes := range map[string]values{
			"username":  {"username": "set_victim", "password": "pw-of-set-victim"},
			"host":      {"host": "127.0.0.1"},
			"port":      {"port": 1},
			"dbname":    {"dbname": "template1"},
			"masterarn": {"masterarn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:other"},
		} {
			if changes["password"] == nil {
				changes["password"] = "pw-of-set-compare-2"
			}
			logins := f.logins()
			token := f.beginWith(f.value(changes))
			wantError(t, f.call("setSecret", token), "AWSPENDING is for another login", "different "+key)
			wantError(t, f.call("testSecret", token), "different "+key)
			if f.logins() != logins {
				t.Errorf("%s: logged in before it compared", key)
			}
		}
	})
	t.Run("uses the previous password where the database was restored", func(t *testing.T) {
		f := newFixture(t, "set_restored", "pw-of-set-restored")
		f.mustRotate()
		f.server.SetPassword(t, f.user, "pw-of-set-restored")
		f.mustRotate()
	})
	t.Run("does not use a previous value for another login", func(t *testing.T) {
		f := newFixture(t, "set_previous", "pw-of-set-previous")
		f.server.CreateRole(t, "set_other", "pw-of-set-other", "")
		f.put(f.value(values{"username": "set_other", "password": "pw-of-set-other"}), newToken(), stageCurrent)
		f.put(f.value(values{"password": "wrong-0815-wrong"}), newToken(), stageCurrent)
		logins := f.logins()
		token := f.beginWith(f.value(values{"password": "wanted-0815-wanted"}))
		wantError(t, f.call("setSecret", token), "with AWSPREVIOUS: not tried", "different username", "28P01")
		if f.logins() != logins {
			t.Error("somebody logged in")
		}
	})
	t.Run("reports the current value's refusal where the previous one is useless", func(t *testing.T) {
		f := newFixture(t, "set_useless", "pw-of-set-useless")
		f.put("{}", newToken(), stageCurrent)
		f.put(f.value(values{"password": "wrong-4711-wrong"}), newToken(), stageCurrent)
		wantError(t, f.call("setSecret", f.beginWith(f.value(values{"password": "wanted-4711-wanted"}))),
			"with AWSCURRENT", "28P01", "AWSPREVIOUS: secret value", "names no masterarn", "give AWSPENDING back")
	})
	t.Run("without a previous value", func(t *testing.T) {
		f := newFixture(t, "set_only", "pw-of-set-only")
		f.server.SetPassword(t, f.user, "changed-by-somebody")
		token := f.begin()
		if err := f.call("createSecret", token); err != nil {
			t.Fatal(err)
		}
		wantError(t, f.call("setSecret", token), "with AWSCURRENT", "28P01", "with AWSPREVIOUS", "through the master")
		if !f.logsIn("changed-by-somebody") {
			t.Error("the password was changed")
		}
	})
	t.Run("sees that another call has set the password meanwhile", func(t *testing.T) {
		f := newFixture(t, "set_meanwhile", "pw-of-set-meanwhile")
		token := f.begin()
		if err := f.call("createSecret", token); err != nil {
			t.Fatal(err)
		}
		f.server.SetPassword(t, f.user, "neither-the-one-nor-the-other")
		calls := &recorder{answer: func(operation string, n int) *http.Response {
			if operation == "GetSecretValue" && n == 3 { // AWSPREVIOUS: AWSCURRENT has been refused
				f.server.SetPassword(t, f.user, f.password(stagePending))
			}
			return nil
		}}
		if err := f.callAs(t.Context(), f.newFunction(calls), "setSecret", token); err != nil {
			t.Error(err)
		}
		if !f.logsIn(f.password(stagePending)) {
			t.Error("the password was changed again")
		}
	})
	t.Run("the master helps where no version knows the password", func(t *testing.T) {
		f := newFirstFixture(t, "set_lost")
		f.mustRotate()
		f.server.SetPassword(t, f.user, "nobody-remembers-this")
		f.mustRotate()
	})
	t.Run("the master helps where a login may not change its own password", func(t *testing.T) {
		f := newFirstFixture(t, "set_denied")
		f.mustRotate()
		f.denyOwnPassword()
		f.mustRotate()
		if !strings.Contains(f.output.String(), "through the master") {
			t.Error("the login changed its own password all the same")
		}
	})
	t.Run("without a master that is an error", func(t *testing.T) {
		f := newFixture(t, "set_denied_alone", "pw-of-set-denied-alone")
		f.denyOwnPassword()
		token := f.begin()
		if err := f.call("createSecret", token); err != nil {
			t.Fatal(err)
		}
		wantError(t, f.call("setSecret", token), "42501", "names no masterarn")
	})
	t.Run("a pending value without a password is refused", func(t *testing.T) {
		f := newFirstFixture(t, "set_empty")
		wantError(t, f.call("setSecret", f.beginWith(f.value(values{"masterarn": f.masterID}))), "holds no password")
	})
	t.Run("closes every session", func(t *testing.T) {
		defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the garbage collector ends forgotten sessions as well
		f := newFirstFixture(t, "set_sessions")
		f.mustRotate() // through the master
		f.mustRotate() // by itself
		f.server.SetPassword(t, f.user, f.password(stagePrevious))
		f.mustRotate() // with the previous password
		f.server.SetPassword(t, f.user, "lost-lost-lost-lost")
		f.mustRotate()
		var open int
		err := f.server.Admin(t, "postgres").QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE application_name = 'batbern-functions'`).Scan(&open)
		if err != nil || open != 0 {
			t.Errorf("%d sessions are open, error %v", open, err)
		}
	})
}

// denyOwnPassword leads the login's secret to the server by a way on which the login may not change its own password.
func (f *fixture) denyOwnPassword() {
	f.t.Helper()
	fields := f.fields(stageCurrent)
	fields["port"] = f.server.DenyPasswords(f.t, f.user).Port
	f.put(mustJSON(f.t, fields), newToken(), stageCurrent)
}

// logins counts the successful logins of the function.
func (f *fixture) logins() int {
	return strings.Count(f.server.Log(f.t), "application_name=batbern-functions")
}

func TestMasterIsNotADeputyForOthers(t *testing.T) {
	t.Run("a login with administrative rights is not touched", func(t *testing.T) {
		f := newFirstFixture(t, "deputy_plain")
		f.server.CreateRole(t, "deputy_admin", "", "CREATEROLE")
		f.server.CreateRole(t, "deputy_member", "", "IN ROLE rds_superuser")
		for _, user := range []string{"deputy_admin", "deputy_member", pgtest.Superuser} {
			changed := values{"username": user, "masterarn": f.masterID}
			f.createSecret(f.value(changed))
			changed["password"] = "taken-over-4711"
			wantError(t, f.call("setSecret", f.beginWith(f.value(changed))), "administrative rights")
		}
	})
	t.Run("a role that is missing or may not log in is named", func(t *testing.T) {
		f := newFirstFixture(t, "deputy_missing")
		f.server.Exec(t, "postgres", "CREATE ROLE deputy_nologin NOLOGIN")
		t.Cleanup(func() { f.server.Exec(noContext{t}, "postgres", "DROP ROLE deputy_nologin") })
		for user, want := range map[string]string{
			"deputy_nobody": "does not exist", "deputy_nologin": "may not log in",
		} {
			changed := values{"username": user, "masterarn": f.masterID}
			f.createSecret(f.value(changed))
			changed["password"] = "wanted-password-4711"
			wantError(t, f.call("setSecret", f.beginWith(f.value(changed))), want, "bootstrap")
		}
	})
	for name, c := range map[string]struct {
		master values
		want   string
	}{
		"for another server":       {values{"host": "db.example.com"}, "another server"},
		"for another port":         {values{"host": pgtest.Host, "port": 1}, "another server"},
		"for the login itself":     {values{"username": "deputy_master"}, "for this very login"},
		"without a password":       {values{"password": nil}, "the master's secret value: password is missing"},
		"with a wrong password":    {values{"password": "wrong-master-password"}, "through the master"},
		"with the same host":       {values{"host": pgtest.Host}, ""},
		"with the same everything": {values{"host": pgtest.Host, "port": -1, "dbname": "postgres", "engine": "postgres"}, ""},
	} {
		t.Run("a master's secret "+name, func(t *testing.T) {
			f := newFirstFixture(t, "deputy_master")
			fields := values{"username": pgtest.Master, "password": f.server.MasterPassword}
			for key, value := range c.master {
				fields[key] = value
				if value == nil {
					delete(fields, key)
				}
			}
			if fields["port"] == -1 {
				fields["port"] = f.server.Port
			}
			f.createMaster(fields)
			f.createSecret(f.value(values{"masterarn": f.masterID}))
			err := f.rotate(f.function, f.begin())
			if c.want == "" && err != nil {
				t.Error(err)
			}
			if c.want != "" {
				wantError(t, err, c.want)
			}
		})
	}
	t.Run("a master's secret that cannot be read", func(t *testing.T) {
		f := newFirstFixture(t, "deputy_unreadable")
		f.createSecret(f.value(values{"masterarn": f.masterID + "-missing"}))
		wantError(t, f.rotate(f.function, f.begin()), "through the master", "ResourceNotFoundException")
	})
}

func TestTestSecret(t *testing.T) {
	t.Run("passes the probe of RotateImmediately=false", func(t *testing.T) {
		f := newFixture(t, "probe_service", "pw-of-probe-service")
		token := newToken()
		f.moto.BeginRotation(t, f.secretID, token, false)
		if err := f.call("testSecret", token); err != nil {
			t.Error(err)
		}
	})
	t.Run("passes that probe before the first password too", func(t *testing.T) {
		f := newFirstFixture(t, "probe_first")
		token := newToken()
		f.moto.BeginRotation(t, f.secretID, token, false)
		if err := f.call("testSecret", token); err != nil {
			t.Error(err)
		}
	})
	t.Run("fails that probe where the first rotation would", func(t *testing.T) {
		f := newFirstFixture(t, "probe_missing")
		f.createSecret(f.value(values{"username": "probe_nobody", "masterarn": f.masterID}))
		token := newToken()
		f.moto.BeginRotation(t, f.secretID, token, false)
		wantError(t, f.call("testSecret", token), "does not exist")

		f.createMaster(values{"username": pgtest.Master, "password": "not-the-masters-password"})
		f.createSecret(f.value(values{"masterarn": f.masterID}))
		token = newToken()
		f.moto.BeginRotation(t, f.secretID, token, false)
		wantError(t, f.call("testSecret", token), "28P01")
	})
	t.Run("fails on a password the database does not have", func(t *testing.T) {
		f := newFixture(t, "test_wrong", "pw-of-test-wrong")
		token := f.begin()
		if err := f.call("createSecret", token); err != nil {
			t.Fatal(err)
		}
		failures := strings.Count(f.server.Log(t), `password authentication failed for user "test_wrong"`)
		wantError(t, f.call("testSecret", token), "28P01")
		tried := strings.Count(f.server.Log(t), `password authentication failed for user "test_wrong"`) - failures
		if tried != 3 { // a server may need a moment to know a new password; a wrong one stays wrong
			t.Errorf("tried %d times, want 3", tried)
		}
	})
	t.Run("fails without a pending value or password", func(t *testing.T) {
		f := newFixture(t, "test_empty", "pw-of-test-empty")
		wantError(t, f.call("testSecret", f.begin()), "ResourceNotFoundException")

		first := newFirstFixture(t, "test_no_password")
		first.mustRotate()
		wantError(t, first.call("testSecret", first.beginWith(first.value(values{"masterarn": first.masterID}))),
			"holds no password")
	})
	t.Run("warns of a login that sees no schema", func(t *testing.T) {
		f := newFixture(t, "test_schemaless", "pw-of-test-schemaless")
		f.server.Exec(t, "postgres", "ALTER ROLE test_schemaless SET search_path = nowhere")
		f.mustRotate()
		if !strings.Contains(f.output.String(), "USAGE on no schema") {
			t.Error("no warning")
		}
	})
}

func TestFinishSecret(t *testing.T) {
	// upTo runs the steps before the last.
	upTo := func(t *testing.T, user string) (*fixture, string) {
		f := newFixture(t, user, "pw-of-"+user)
		token := f.begin()
		for _, step := range steps[:3] {
			if err := f.call(step, token); err != nil {
				t.Fatal(err)
			}
		}
		return f, token
	}
	t.Run("succeeds where another call was faster", func(t *testing.T) {
		f, token := upTo(t, "finish_race")
		calls := &recorder{answer: func(operation string, n int) *http.Response {
			if operation != "UpdateSecretVersionStage" || n > 1 {
				return nil
			}
			if err := f.call("finishSecret", token); err != nil {
				t.Error(err)
			}
			return nil // the request goes on and finds the label gone
		}}
		if err := f.callAs(t.Context(), f.newFunction(calls), "finishSecret", token); err != nil {
			t.Error(err)
		}
		f.assertConverged(token)
	})
	t.Run("fails where the label went elsewhere", func(t *testing.T) {
		f, token := upTo(t, "finish_elsewhere")
		before, operators := versionWith(f.labels(), stageCurrent), newToken()
		f.put(f.value(values{"password": "by-an-operator-4711"}), operators, "ticket-4711")
		calls := &recorder{answer: func(operation string, n int) *http.Response {
			if operation == "UpdateSecretVersionStage" && n == 1 {
				f.label(stageCurrent, operators, before)
			}
			return nil
		}}
		wantError(t, f.callAs(t.Context(), f.newFunction(calls), "finishSecret", token), "move AWSCURRENT")
	})
	t.Run("a label AWSPENDING that stays fails nothing", func(t *testing.T) {
		f, token := upTo(t, "finish_pending")
		calls := &recorder{answer: func(operation string, n int) *http.Response {
			if operation == "UpdateSecretVersionStage" && n == 2 {
				return apiError(http.StatusBadRequest, "InternalServiceError", "")
			}
			return nil
		}}
		if err := f.callAs(t.Context(), f.newFunction(calls), "finishSecret", token); err != nil {
			t.Error(err)
		}
		f.assertConverged(token)
	})
	t.Run("a secret without a current version gets one", func(t *testing.T) {
		f, token := upTo(t, "finish_first")
		calls := &recorder{}
		calls.answer = func(operation string, n int) *http.Response {
			switch {
			case operation == "DescribeSecret":
				return apiAnswer(http.StatusOK, map[string]any{"VersionIdsToStages": map[string][]string{token: {stagePending}}})
			case operation == "UpdateSecretVersionStage" && n == 1:
				if calls.body("MoveToVersionId") != token || calls.body("VersionStage") != stageCurrent || calls.body("RemoveFromVersionId") != "" {
					t.Errorf("asked for %v", calls.last)
				}
				return apiAnswer(http.StatusOK, map[string]any{})
			}
			return nil
		}
		if err := f.callAs(t.Context(), f.newFunction(calls), "finishSecret", token); err != nil {
			t.Fatal(err)
		}
		if got := versionWith(map[string][]string{"a": {stagePending}, "b": nil}, stageCurrent); got != "" {
			t.Errorf("got %q", got)
		}
	})
}

func TestOddNamesAndPasswords(t *testing.T) {
	for _, user := range []string{
		"Upper-Case", `quo"ted`, "with space", "dotted.name", `x"; ALTER ROLE odd_victim PASSWORD 'stolen'; --`,
		"Zoë", "new\nline", "back\\slash", "$1", "%s", "'", strings.Repeat("n", 63),
	} {
		t.Run("user "+user, func(t *testing.T) {
			f := newFixture(t, user, "pw-of-an-odd-user")
			f.server.CreateRole(t, "odd_victim", "pw-of-odd-victim", "")
			f.mustRotate()
			victim := &fixture{t: t, server: f.server, user: "odd_victim"}
			if !victim.logsIn("pw-of-odd-victim") {
				t.Error("another role's password was changed")
			}
		})
	}
	for _, password := range []string{
		`quote'and"double`, `pass\word\\`, "percent%s%d", "dollar$1$$", "a; DROP ROLE odd_password; --", "pässwörd-日本-🔑",
		" spaces around ", "tab\tand\nnewline", "<html>&amp;", strings.Repeat("long", 100), "\u00a0no-break", "x",
	} {
		t.Run("password "+password, func(t *testing.T) {
			f := newFixture(t, "odd_password", password)
			f.mustRotate()
			token := f.beginWith(f.value(values{"password": password + "!"}))
			if err := f.rotate(f.function, token); err != nil {
				t.Fatal(err)
			}
			f.assertConverged(token)
			f.assertPsqlLogsIn(password + "!")
		})
	}
}

// assertPsqlLogsIn asks a client that prepares passwords with code of its own.
func (f *fixture) assertPsqlLogsIn(password string) {
	f.t.Helper()
	cmd := f.server.ServerCommand("psql", "-XAtc", "SELECT 1")
	cmd.Env = append(cmd.Env, f.server.ClientEnv(f.user, password, "postgres")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		f.t.Errorf("psql: %v\n%s", err, out)
	}
}
