package event

import (
	"encoding/json"
	"strings"
	"testing"
)

const example = `{
	"host": "db.abc.eu-central-1.rds.amazonaws.com", "port": 6432,
	"masterSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-1",
	"database": "batbern", "owner": "batbern_owner", "schemas": ["event_management", "shared_kernel"],
	"logins": [
		{"name": "event_management_service", "kind": "service", "schema": "event_management", "reads": ["shared_kernel"],
			"secretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:event_management_service"},
		{"name": "batbern_migrator", "kind": "migrator"},
		{"name": "batbern_readonly", "kind": "readonly", "connectionLimit": 5, "iam": true}
	]
}`

func parse(t *testing.T, text string) Bootstrap {
	t.Helper()
	var event Bootstrap
	if err := json.Unmarshal([]byte(text), &event); err != nil {
		t.Fatal(err)
	}
	return event
}

func TestExampleEventIsValid(t *testing.T) {
	event := parse(t, example)
	if err := event.Validate(); err != nil {
		t.Error(err)
	}
	if !event.Logins[2].IAM || event.Logins[2].ConnectionLimit != 5 || event.Logins[0].Reads[0] != "shared_kernel" {
		t.Errorf("got %+v", event)
	}
}

func TestTerraformsOwnKeyIsTaken(t *testing.T) {
	event := parse(t, strings.Replace(example, "{", `{"tf": {"action": "delete", "prev_input": {"x": 1}},`, 1))
	if event.Terraform.Action != "delete" {
		t.Errorf("got %+v", event.Terraform)
	}
}

func TestUnknownKeysAreRefused(t *testing.T) {
	for _, text := range []string{
		strings.Replace(example, `"owner"`, `"onwer"`, 1),
		strings.Replace(example, `"reads"`, `"read"`, 1),
		strings.Replace(example, "{", `{"tf": 1,`, 1),
		`[]`, `{} {}`,
	} {
		var event Bootstrap
		if err := json.Unmarshal([]byte(text), &event); err == nil {
			t.Errorf("took %.60s", text)
		}
	}
	var event Bootstrap
	if err := event.UnmarshalJSON([]byte("{} {}")); err == nil {
		t.Error("took two values")
	}
}

func TestValidateReportsAllFaults(t *testing.T) {
	err := Bootstrap{
		Host: "/socket", Port: 70000, MasterSecretARN: "x", Database: "postgres", Owner: "pg_owner",
		Schemas: []string{"public", "a", "a", "rdsadmin"},
		Logins: []Login{
			{Name: strings.Repeat("ü", 32), Kind: "service", Schema: "missing", Reads: []string{"a", "b"}},
			{Name: "twice", Kind: "migrator", Schema: "a", SecretARN: "name"},
			{Name: "twice", Kind: "admin", ConnectionLimit: -2},
			{Name: "zero\x00byte", Kind: "readonly"},
		},
	}.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"host is", "port is", "masterSecretArn is", "database is", "owner is", "schemas[0] is", "schemas[2] is", "schemas[3] is",
		"logins[0].name is", "logins[0].schema is", "logins[0].reads[1] is", "logins[1].schema is", "logins[1].secretArn is", "logins[2].name is",
		"logins[2].kind is", "logins[2].connectionLimit is", "logins[3].name is",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not reported", want)
		}
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != 17 {
		t.Errorf("%d faults, want 17:\n%v", got, err)
	}
	if err := (Bootstrap{}).Validate(); err == nil || !strings.Contains(err.Error(), "schemas is") {
		t.Errorf("an empty event: %v", err)
	}
}

func TestEventThatAwaitsStandsByItself(t *testing.T) {
	if err := parse(t, `{"awaitPasswords": ["arn:a", "arn:b"], "tf": {"action": "create", "prev_input": null}}`).Validate(); err != nil {
		t.Error(err)
	}
	for text, want := range map[string][]string{
		strings.Replace(example, "{", `{"awaitPasswords": ["arn:a"],`, 1): {"want no other key beside it"},
		`{"awaitPasswords": []}`:                         {"want at least one"},
		`{"awaitPasswords": ["arn:a", "name", "arn:a"]}`: {"awaitPasswords[1] is", "awaitPasswords[2] is"},
	} {
		err := parse(t, text).Validate()
		for _, part := range want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%.60s: got %v, want %q", text, err, part)
			}
		}
	}
	var event Bootstrap
	if err := json.Unmarshal([]byte(`{"awaitPasswords": "arn:a"}`), &event); err == nil {
		t.Error("took a text for a list")
	}
}

func TestMastersDescriptionStandsByItself(t *testing.T) {
	for text, want := range map[string][]string{
		`{"describeMaster": {"host": "h", "port": 5433, "database": "batbern", "name": "m", "instanceId": "i", "secretArn": "arn:a"}}`: nil,
		`{"describeMaster": {"host": "/x"}}`: {"describeMaster.host is", "describeMaster.port is", "describeMaster.database is", "describeMaster.name is",
			"describeMaster.instanceId is", "describeMaster.secretArn is"},
		strings.Replace(example, "{", `{"describeMaster": {"host": "h"},`, 1): {"want no other key beside it"},
		`{"awaitPasswords": ["arn:a"], "describeMaster": {"host": "h"}}`:      {"want no other key beside it"},
	} {
		err := parse(t, text).Validate()
		if (err == nil) != (want == nil) {
			t.Errorf("%.60s: %v", text, err)
		}
		for _, part := range want {
			if err != nil && !strings.Contains(err.Error(), part) {
				t.Errorf("%.60s: got %v, want %q", text, err, part)
			}
		}
	}
}
