package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/ecstest"
	"github.com/batbern/infrastructure/internal/lambdatest"
)

// The function as AWS runs it: its own program, events over Lambda's runtime API, calls over HTTP.
func TestFunctionAnswersAsAWSCallsIt(t *testing.T) {
	program := lambdatest.Build(t)
	event := map[string]any{
		"cluster": ecstest.Cluster, "taskDefinition": ecstest.TaskDefinition, "container": "flyway",
		"subnets": []string{"subnet-1"}, "securityGroups": []string{"sg-1"},
		"image": "registry/flyway@sha256:" + strings.Repeat("a", 64), "migrationsChecksum": strings.Repeat("b", 64),
		"logGroup": "/group", "logStreamPrefix": "migration",
		"tf": map[string]string{"action": "create"}, // what aws_lambda_invocation adds in its CRUD mode
	}
	start := func(t *testing.T, ends ecstest.End) *lambdatest.Function {
		server := ecstest.New(t, "flyway")
		server.Statuses = []string{"RUNNING"} // a look takes two seconds
		server.Ends = []ecstest.End{ends}
		var environment []string
		for name, value := range server.Env() {
			environment = append(environment, name+"="+value)
		}
		return lambdatest.Start(t, program, environment...)
	}

	t.Run("success", func(t *testing.T) {
		answer, err := start(t, ecstest.Exited("flyway", 0)).Invoke(t, event)
		if err != nil {
			t.Fatal(err)
		}
		var result struct{ TaskARN, LogGroup, LogStream string }
		if err := json.Unmarshal(answer, &result); err != nil {
			t.Fatal(err)
		}
		if result.LogGroup != "/group" || !strings.HasPrefix(result.LogStream, "migration/flyway/0000") ||
			!strings.Contains(result.TaskARN, ":task/") {
			t.Errorf("result %+v", result)
		}
	})
	t.Run("permissions that IAM has not propagated yet", func(t *testing.T) {
		server := ecstest.New(t, "flyway")
		server.Statuses = []string{"RUNNING"}
		server.Fault = func(operation string, n int) *ecstest.Fault {
			if n == 1 {
				return &ecstest.Fault{Status: 400, Type: "AccessDeniedException"}
			}
			return nil
		}
		var environment []string
		for name, value := range server.Env() {
			environment = append(environment, name+"="+value)
		}
		if _, err := lambdatest.Start(t, program, environment...).Invoke(t, event); err != nil {
			t.Error(err)
		}
		if calls := server.Calls("RunTask"); calls != 2 {
			t.Errorf("RunTask was called %d times", calls)
		}
	})
	t.Run("failure", func(t *testing.T) {
		_, err := start(t, ecstest.Exited("flyway", 1)).Invoke(t, event)
		if err == nil || !strings.Contains(err.Error(), "exit code 1") || !strings.Contains(err.Error(), "log stream migration/flyway/") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("wrong event", func(t *testing.T) {
		_, err := start(t, ecstest.Exited("flyway", 0)).Invoke(t, struct{}{})
		if err == nil || !strings.Contains(err.Error(), "the request of the migration is wrong") {
			t.Errorf("error %v", err)
		}
	})
}
