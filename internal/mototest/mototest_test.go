package mototest

import (
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

func TestMain(m *testing.M) {
	code := m.Run()
	Stop()
	os.Exit(code)
}

func TestSecretsManagerAnswersAndForgets(t *testing.T) {
	server := Shared(t)
	client := secretsmanager.NewFromConfig(server.Config())
	_, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String("mototest"), SecretString: aws.String("{}"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 0} {
		list, err := client.ListSecrets(t.Context(), &secretsmanager.ListSecretsInput{})
		if err != nil {
			t.Fatal(err)
		}
		if len(list.SecretList) != want {
			t.Errorf("%d secrets, want %d", len(list.SecretList), want)
		}
		server.Reset(t)
	}
}
