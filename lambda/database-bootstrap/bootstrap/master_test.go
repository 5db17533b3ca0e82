package bootstrap

import (
	"strings"
	"testing"

	"github.com/batbern/infrastructure/lambda/event"
	"github.com/batbern/infrastructure/lambda/internal/secret"
)

func TestMasterIsDescribed(t *testing.T) {
	a := newAwaiter(t)
	master := event.Master{Host: "db.example.com", Port: 5433, Database: "postgres_", Name: "batbern_master", InstanceID: "batbern-prod-postgres", SecretARN: a.emptySecret()}
	describe := func() []string {
		t.Helper()
		report, err := a.function.Handle(t.Context(), event.Bootstrap{DescribeMaster: &master})
		if err != nil {
			t.Fatal(err)
		}
		return report.Changes
	}
	if changes := describe(); len(changes) != 1 || !strings.Contains(changes[0], "described") {
		t.Errorf("changes %q", changes)
	}
	if changes := describe(); len(changes) != 0 {
		t.Errorf("a second call changed %q", changes)
	}
	value, err := secret.Parse(a.valueOf(master.SecretARN))
	want := secret.Secret{Host: "db.example.com", Port: 5433, Database: "postgres_", Username: "batbern_master", InstanceID: "batbern-prod-postgres"}
	if err != nil || value.SameLogin(want) != nil || value.Password != "" {
		t.Errorf("described as %+v, %v", value, err)
	}
	t.Run("another instance keeps the password", func(t *testing.T) {
		a.put(master.SecretARN, strings.Replace(a.valueOf(master.SecretARN), "{", `{"password":"`+awaitedPassword+`",`, 1))
		master.Host = "restored.example.com"
		if changes := describe(); len(changes) != 1 || !strings.Contains(changes[0], "different host") {
			t.Errorf("changes %q", changes)
		}
		if value := a.valueOf(master.SecretARN); !strings.Contains(value, awaitedPassword) || !strings.Contains(value, "restored.example.com") {
			t.Error("the password or the new host is missing")
		}
	})
	t.Run("a secret that does not exist", func(t *testing.T) {
		master.SecretARN += "x"
		_, err := a.function.Handle(t.Context(), event.Bootstrap{DescribeMaster: &master})
		if err == nil || !strings.Contains(err.Error(), "description of the master of batbern-prod-postgres") || !strings.Contains(err.Error(), "its secret") {
			t.Errorf("got %v", err)
		}
	})
	if strings.Contains(a.output.String(), awaitedPassword) {
		t.Error("the log holds the password")
	}
}
