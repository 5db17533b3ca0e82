package terraform

import (
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/batbern/infrastructure/internal/mototest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	mototest.Stop()
	os.Exit(code)
}

// A service that is removed and wanted again within 30 days finds its secret scheduled for deletion. Both remedies that
// the message and docs/deployment.md name are tried. moto refuses as AWS does, with other words: see
// TestFailuresNameTheRemedy for AWS's.
func TestRemediesOfASecretScheduledForDeletion(t *testing.T) {
	client := secretsmanager.NewFromConfig(mototest.Shared(t).Config())
	create := func(name, value string) error {
		_, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
			Name: aws.String(name), SecretString: aws.String(value)})
		return err
	}
	scheduled := func(name string) {
		t.Helper()
		if err := create(name, "before"); err != nil {
			t.Fatal(err)
		}
		if _, err := client.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{
			SecretId: aws.String(name), RecoveryWindowInDays: aws.Int64(30)}); err != nil {
			t.Fatal(err)
		}
		if create(name, "again") == nil {
			t.Fatal("a secret that is scheduled for deletion can be created")
		}
	}

	scheduled("forced")
	if _, err := client.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{
		SecretId: aws.String("forced"), ForceDeleteWithoutRecovery: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	if err := create("forced", "again"); err != nil {
		t.Errorf("the name is not free: %v", err)
	}

	scheduled("restored")
	restored := aws.String("restored")
	if _, err := client.RestoreSecret(t.Context(), &secretsmanager.RestoreSecretInput{SecretId: restored}); err != nil {
		t.Fatal(err)
	}
	value, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: restored})
	if err != nil || aws.ToString(value.SecretString) != "before" {
		t.Errorf("the value is not kept: %v", err)
	}
}
