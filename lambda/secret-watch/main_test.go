package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/batbern/infrastructure/internal/lambdatest"
	"github.com/batbern/infrastructure/internal/mototest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	mototest.Stop()
	os.Exit(code)
}

// The function as EventBridge calls it.
func TestFunctionMeasuresAsEventBridgeCallsIt(t *testing.T) {
	moto := mototest.Shared(t)
	const value = "value-that-nobody-may-see"
	made, err := secretsmanager.NewFromConfig(moto.Config()).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String("batbern-test/external/mail"), SecretString: aws.String(value),
	})
	if err != nil {
		t.Fatal(err)
	}
	function := lambdatest.Start(t, lambdatest.Build(t), moto.Environment()...)
	event := json.RawMessage(fmt.Sprintf(`{"secrets": [{"name": "mail", "arn": %q, "maxAgeDays": 90}]}`, *made.ARN))
	if _, err := function.Invoke(t, event); err != nil {
		t.Fatalf("%v\n%s", err, function.Output())
	}
	// what the function prints arrives beside its answer, not before it
	for i := 0; i < 100 && !strings.Contains(function.Output(), `"DaysUntilExpiry":`); i++ {
		time.Sleep(20 * time.Millisecond)
	}
	if output := function.Output(); !strings.Contains(output, `"DaysUntilExpiry":`) || strings.Contains(output, value) {
		t.Errorf("the function said %s", output)
	}
	if _, err := function.Invoke(t, json.RawMessage(`{"secrets": []}`)); err == nil || !strings.Contains(err.Error(), "secrets is empty") {
		t.Errorf("an empty event answered %v", err)
	}
}

func TestFunctionDoesNotStartWithAFaultyEnvironment(t *testing.T) {
	cmd := exec.Command(lambdatest.Build(t))
	cmd.Env = []string{"AWS_MAX_ATTEMPTS=many"}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "cannot start") {
		t.Errorf("%v: %s", err, out)
	}
}
