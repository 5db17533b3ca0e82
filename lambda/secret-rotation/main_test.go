package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/batbern/infrastructure/internal/lambdatest"
	"github.com/batbern/infrastructure/internal/mototest"
	"github.com/batbern/infrastructure/internal/pgtest"
	"github.com/batbern/infrastructure/lambda/database-bootstrap/bootstrap"
	"github.com/batbern/infrastructure/lambda/event"
)

func TestMain(m *testing.M) {
	code := m.Run()
	pgtest.Stop()
	mototest.Stop()
	os.Exit(code)
}

// The function as AWS runs it: its own program, the four events over Lambda's runtime API, a real Secrets Manager API, a
// real PostgreSQL. The bootstrap function has made the login and described it in an empty secret; this one makes the first
// password, then rotates it while an application is connected.
func TestFunctionRotatesAsAWSCallsIt(t *testing.T) {
	server, moto := pgtest.Shared(t), mototest.Shared(t)
	client := secretsmanager.NewFromConfig(moto.Config())
	const user = "event_management"
	login := bootstrapLogin(t, server, client, user)
	function := lambdatest.Start(t, lambdatest.Build(t),
		append(moto.Environment(), "DATABASE_CA_BUNDLE="+server.CAFile, "PASSWORD_LENGTH=40")...)
	rotate := func(token string) {
		moto.BeginRotation(t, login, token, true)
		for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
			if _, err := function.Invoke(t, rotationEvent(step, login, token)); err != nil {
				t.Fatalf("%s: %v\n%s", step, err, function.Output())
			}
		}
	}

	rotate("0f1d7c1a-0000-4000-8000-000000000001")
	first := password(t, client, login)
	session, err := server.Connect(t.Context(), user, first, database)
	if err != nil {
		t.Fatalf("the first password does not log in: %v", err)
	}
	defer session.Close(t.Context())

	rotate("0f1d7c1a-0000-4000-8000-000000000002")
	second := password(t, client, login)
	if len(second) != 40 || first == second {
		t.Error("no new password of the wanted length")
	}
	if err := session.Ping(t.Context()); err != nil {
		t.Errorf("the open session ended: %v", err)
	}
	if _, err := server.Connect(t.Context(), user, first, database); err == nil {
		t.Error("the old password still logs in")
	}
	conn, err := server.Connect(t.Context(), user, second, database)
	if err != nil {
		t.Fatalf("the new password does not log in: %v", err)
	}
	conn.Close(t.Context())

	_, err = function.Invoke(t, rotationEvent("dropSecret", login, "0f1d7c1a-0000-4000-8000-000000000002"))
	var failure *lambdatest.Error
	if !errors.As(err, &failure) || !strings.Contains(failure.Message, "unknown step") {
		t.Errorf("an unknown step answered %v", err)
	}
	for _, secret := range []string{first, second, server.MasterPassword, "rotation-token"} {
		if strings.Contains(function.Output(), secret) || strings.Contains(server.Log(t), secret) {
			t.Error("a log holds a clear secret")
		}
	}
}

func TestFunctionDoesNotStartWithAFaultyEnvironment(t *testing.T) {
	cmd := exec.Command(lambdatest.Build(t))
	cmd.Env = []string{"PASSWORD_LENGTH=3"}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "want a number from 16 to 128") {
		t.Errorf("%v: %s", err, out)
	}
}

func rotationEvent(step, secret, token string) map[string]string {
	return map[string]string{
		"Step": step, "SecretId": secret, "ClientRequestToken": token, "RotationToken": "rotation-token",
	}
}

const database = "batbern"

// bootstrapLogin lets the bootstrap function make a service's login, and returns the login's secret.
func bootstrapLogin(t *testing.T, server *pgtest.Server, client *secretsmanager.Client, user string) string {
	t.Helper()
	master := create(t, client, "rds!db-main", aws.String(fmt.Sprintf(`{"username":%q,"password":%q}`, pgtest.Master, server.MasterPassword)))
	login := create(t, client, "database/"+user, nil)
	function := &bootstrap.Function{Secrets: client, Roots: server.RootCAs(), Log: slog.New(slog.DiscardHandler)}
	_, err := function.Handle(t.Context(), event.Bootstrap{
		Host: pgtest.Host, Port: server.Port, MasterSecretARN: master, Database: database, Owner: "batbern_owner",
		Schemas: []string{user},
		Logins:  []event.Login{{Name: user, Kind: event.KindService, Schema: user, SecretARN: login}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return login
}

func create(t *testing.T, client *secretsmanager.Client, name string, value *string) string {
	t.Helper()
	made, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: value})
	if err != nil {
		t.Fatal(err)
	}
	return *made.ARN
}

func password(t *testing.T, client *secretsmanager.Client, secret string) string {
	t.Helper()
	found, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{
		SecretId: &secret, VersionStage: aws.String("AWSCURRENT"),
	})
	if err != nil {
		t.Fatal(err)
	}
	var value struct{ Password string }
	if err := json.Unmarshal([]byte(*found.SecretString), &value); err != nil {
		t.Fatal(err)
	}
	return value.Password
}
