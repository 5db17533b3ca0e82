package resources_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/lambda/event"
	secretwatch "github.com/batbern/infrastructure/lambda/secret-watch/watch"
)

// Secrets whose values come from outside are made closed and empty; a person puts the values in.
func TestExternalSecrets(t *testing.T) {
	for _, environment := range testkit.Project(t).Environments {
		stack := testkit.StackNamed(t, environment.Stack())
		for _, external := range environment.ExternalSecrets {
			secret := stack.Resource(t, "aws_secretsmanager_secret", "external_secrets/"+external.Name+"/secret")
			if secret.Text("name") != environment.Stack()+"/external/"+external.Name || secret.Text("description") != external.Purpose || secret.Text("kms_key_id") == "" {
				t.Errorf("%s: %s is %v", stack.Name, external.Name, secret.Body)
			}
			if days := secret.Body["recovery_window_in_days"]; days != float64(environment.Protection.SecretRecoveryDays()) {
				t.Errorf("%s: %s can be restored for %v days", stack.Name, external.Name, days)
			}
			if tags, _ := secret.Body["tags"].(map[string]any); tags["MaxAgeDays"] != fmt.Sprint(external.MaxAgeDays) {
				t.Errorf("%s: %s does not say how long a value may be used: %v", stack.Name, external.Name, tags)
			}
			closed := stack.Resource(t, "aws_secretsmanager_secret_policy", "external_secrets/"+external.Name+"/policy").Policy(t, "policy")
			if !strings.Contains(fmt.Sprint(closed), "Effect:Deny") || !strings.Contains(fmt.Sprint(closed), environment.Account.ID) {
				t.Errorf("%s: %s is open to other accounts: %v", stack.Name, external.Name, closed)
			}
		}
		if versions := stack.Resources("aws_secretsmanager_secret_version"); len(versions) > 0 {
			t.Errorf("%s: Terraform puts in a secret's value: %s", stack.Name, versions[0].Path)
		}
	}
}

// Every secret is watched: what rotates by its rotation's interval, what people put in by its age. The watch may look at
// secrets, and never into them.
func TestSecretWatch(t *testing.T) {
	for _, environment := range testkit.Project(t).Environments {
		stack := testkit.StackNamed(t, environment.Stack())
		var input event.SecretWatch
		if err := json.Unmarshal([]byte(stack.Resource(t, "aws_cloudwatch_event_target", "secret_watch/target").Text("input")), &input); err != nil {
			t.Fatal(err)
		}
		watched := map[string]event.WatchedSecret{}
		for i, secret := range input.Secrets {
			watched[secret.ARN] = secret
			input.Secrets[i].ARN = "arn:" + secret.ARN // a reference, until Terraform puts the ARN in
		}
		if err := input.Validate(); err != nil {
			t.Errorf("%s: the function refuses what it is told: %v", stack.Name, err)
		}
		for _, secret := range stack.Resources("aws_secretsmanager_secret") {
			arn := "${" + secret.Address() + ".arn}"
			entry, found := watched[arn]
			rotates := slices.ContainsFunc(stack.Resources("aws_secretsmanager_secret_rotation"), func(r testkit.Resource) bool { return r.Text("secret_id") == arn })
			switch {
			case !found || entry.Name != secret.Text("name"):
				t.Errorf("%s: %s is watched as %+v", stack.Name, secret.Text("name"), entry)
			case rotates && entry.RotateEveryDays != environment.Database.RotationDays, !rotates && entry.MaxAgeDays == 0:
				t.Errorf("%s: %s is watched by the wrong age: %+v", stack.Name, secret.Text("name"), entry)
			}
			alarm, metric := "-expiring", secretwatch.DaysUntilExpiry
			if rotates {
				alarm, metric = "-overdue", secretwatch.RotationOverdue
			}
			if environment.Observability.AlarmsFrom == config.Critical {
				continue // it wants no warnings
			}
			if !slices.ContainsFunc(stack.Resources("aws_cloudwatch_metric_alarm"), func(a testkit.Resource) bool {
				dimensions, _ := a.Body["dimensions"].(map[string]any)
				return strings.HasSuffix(a.Text("alarm_name"), alarm) && a.Text("namespace") == secretwatch.Namespace && a.Text("metric_name") == metric &&
					dimensions["Secret"] == secret.Text("name")
			}) {
				t.Errorf("%s: no alarm %s for %s", stack.Name, alarm, secret.Text("name"))
			}
		}
		role := stack.Resource(t, "aws_iam_role_policy", "secret_watch/function/rights")
		if rights := fmt.Sprint(role.Policy(t, "policy")); strings.Contains(rights, "GetSecretValue") || strings.Contains(rights, "kms:") {
			t.Errorf("%s: the watch may read secrets: %s", stack.Name, rights)
		}
		if function := stack.Resource(t, "aws_lambda_function", "secret_watch/function/function"); function.Body["vpc_config"] != nil {
			t.Errorf("%s: the watch is in the VPC, where not every AWS API can be reached", stack.Name)
		}
	}
}
