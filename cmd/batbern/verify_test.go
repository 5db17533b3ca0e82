package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/tree/treetest"
	"github.com/batbern/infrastructure/internal/verify"
)

// denyAll is an AWS whose credentials belong to the account and may do nothing.
func denyAll(t *testing.T, account string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "Action=GetCallerIdentity") {
			fmt.Fprintf(w, "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>%s</Account></GetCallerIdentityResult></GetCallerIdentityResponse>", account)
			return
		}
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"__type":"AccessDeniedException"}`)
	}))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example", "AWS_MAX_ATTEMPTS": "1",
		"AWS_CONFIG_FILE": filepath.Join(t.TempDir(), "config"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(t.TempDir(), "credentials"),
	} {
		t.Setenv(name, value)
	}
}

// trailOnly is a stack whose checks all go to AWS, so that no test leaves this machine.
func trailOnly() *treetest.Stack {
	stack := treetest.New("batbern-dev")
	secret := stack.Add("aws_secretsmanager_secret", "a/secret", treetest.Attrs{"name": "batbern-dev/a"})
	stack.Add("aws_secretsmanager_secret_rotation", "a/rotation", treetest.Attrs{"secret_id": treetest.Ref(secret, "arn")})
	return stack
}

func TestVerify(t *testing.T) {
	dir := treetest.Write(t, trailOnly())

	t.Run("what could not be asked has exit code 3", func(t *testing.T) {
		denyAll(t, "222233334444")
		code, out, err := batbern(t, "verify", "--dir", dir, "--env", "batbern-dev")
		if code != exitUnanswered || !strings.Contains(out, "secretsmanager:Desc") || err != "batbern: 3 of 3 checks could not be asked\n" {
			t.Errorf("exit code %d, %s\n%s", code, err, out)
		}
	})
	t.Run("prints JSON", func(t *testing.T) {
		denyAll(t, "222233334444")
		_, out, _ := batbern(t, "verify", "--dir", dir, "--env", "dev", "--json")
		var results []verify.Result
		if err := json.Unmarshal([]byte(out), &results); err != nil || len(results) != 3 || results[0].Status != verify.Unknown {
			t.Errorf("%v\n%s", err, out)
		}
	})
	for name, c := range map[string]struct {
		set  map[string]string
		says string
	}{
		"without credentials":  {map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"}, "there are no AWS credentials"},
		"with a wrong profile": {map[string]string{"AWS_PROFILE": "nothing"}, "AWS_PROFILE"},
		"without a network":    {map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			denyAll(t, "222233334444")
			for name, value := range c.set {
				t.Setenv(name, value)
			}
			code, out, err := batbern(t, "verify", "--dir", dir, "--env", "dev")
			if code != exitUnanswered || out != "" || strings.Count(err, "\n") != 1 || !strings.Contains(err, c.says) {
				t.Errorf("exit code %d, %q, %s", code, err, out)
			}
		})
	}
	t.Run("refuses another account", func(t *testing.T) {
		denyAll(t, "999988887777")
		golden := treetest.Write(t, treetest.Golden(t, "batbern-prod"))
		code, out, err := batbern(t, "verify", "--dir", golden, "--env", "prod")
		if code != exitUnanswered || out != "" || !strings.Contains(err, "for account 999988887777, but batbern-prod is in account") {
			t.Errorf("exit code %d, %q, %s", code, err, out)
		}
	})
}

func TestVerifyConcludes(t *testing.T) {
	for want, statuses := range map[int][]verify.Status{
		0:              {verify.Passed, verify.Passed},
		exitFailed:     {verify.Passed, verify.Failed, verify.Unknown},
		exitUnanswered: {verify.Passed, verify.Unknown},
	} {
		var results []verify.Result
		for _, status := range statuses {
			results = append(results, verify.Result{Status: status})
		}
		code := 0
		if err := conclude(results); err != nil {
			code = fail(streams{io.Discard, io.Discard}, err)
		}
		if code != want {
			t.Errorf("%v: exit code %d, want %d", statuses, code, want)
		}
	}
}
