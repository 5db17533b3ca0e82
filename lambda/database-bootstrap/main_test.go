package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/batbern/infrastructure/internal/lambdatest"
	"github.com/batbern/infrastructure/internal/mototest"
	"github.com/batbern/infrastructure/internal/pgtest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	pgtest.Stop()
	mototest.Stop()
	os.Exit(code)
}

// The function as Terraform's aws_lambda_invocation calls it.
func TestFunctionBootstrapsAsTerraformCallsIt(t *testing.T) {
	server, moto := pgtest.Shared(t), mototest.Shared(t)
	made, err := secretsmanager.NewFromConfig(moto.Config()).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name:         aws.String("rds!db-main"),
		SecretString: aws.String(fmt.Sprintf(`{"username":%q,"password":%q}`, pgtest.Master, server.MasterPassword)),
	})
	if err != nil {
		t.Fatal(err)
	}
	event := json.RawMessage(fmt.Sprintf(`{"host": %q, "port": %d, "masterSecretArn": %q, "database": "batbern",
		"owner": "batbern_owner", "schemas": ["event_management", "shared_kernel"], "logins": [
			{"name": "event_management_service", "kind": "service", "schema": "event_management", "reads": ["shared_kernel"]},
			{"name": "batbern_migrator", "kind": "migrator"}, {"name": "batbern_readonly", "kind": "readonly"}],
		"tf": {"action": "create", "prev_input": null}}`, pgtest.Host, server.Port, *made.ARN))
	function := lambdatest.Start(t, lambdatest.Build(t), append(moto.Environment(), "DATABASE_CA_BUNDLE="+server.CAFile)...)

	for _, wantChanges := range []bool{true, false} {
		answer, err := function.Invoke(t, event)
		if err != nil {
			t.Fatalf("%v\n%s", err, function.Output())
		}
		var report struct{ Changes, Warnings []string }
		if err := json.Unmarshal(answer, &report); err != nil {
			t.Fatal(err)
		}
		if (len(report.Changes) > 0) != wantChanges || len(report.Warnings) > 0 {
			t.Errorf("report %s", answer)
		}
	}
	_, err = function.Invoke(t, json.RawMessage(`{"host": "", "port": 5432}`))
	var failure *lambdatest.Error
	if !errors.As(err, &failure) || !strings.Contains(failure.Message, "host is") || !strings.Contains(failure.Message, "owner is") {
		t.Errorf("a faulty event answered %v", err)
	}
	_, err = function.Invoke(t, json.RawMessage(`{"password": "does not belong here"}`))
	if err == nil || strings.Contains(err.Error(), "does not belong here") {
		t.Errorf("an unknown key answered %v", err)
	}
	if strings.Contains(function.Output(), server.MasterPassword) || strings.Contains(server.Log(t), server.MasterPassword) {
		t.Error("a log holds the master's password")
	}
}

func TestFunctionDoesNotStartWithAFaultyEnvironment(t *testing.T) {
	cmd := exec.Command(lambdatest.Build(t))
	cmd.Env = []string{"DATABASE_CA_BUNDLE=/nonexistent/bundle.pem"}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "DATABASE_CA_BUNDLE") {
		t.Errorf("%v: %s", err, out)
	}
}
