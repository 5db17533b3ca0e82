package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/ecstest"
	"github.com/batbern/infrastructure/lambda/event"
	"github.com/batbern/infrastructure/migrations"
)

func migrationRequest(t *testing.T) string {
	t.Helper()
	content, err := json.Marshal(event.Migration{
		Cluster: ecstest.Cluster, TaskDefinition: ecstest.TaskDefinition, Container: "flyway",
		Subnets: []string{"subnet-1"}, SecurityGroups: []string{"sg-1"},
		Image: "registry/flyway@sha256:" + strings.Repeat("a", 64), MigrationsChecksum: strings.Repeat("b", 64),
		LogGroup: "/batbern-dev/flyway", LogStreamPrefix: "migration",
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// parameters answers ssm:GetParameter from the given names and values.
func parameters(t *testing.T, values map[string]string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var input struct{ Name string }
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if err := json.NewDecoder(r.Body).Decode(&input); err != nil || r.Header.Get("X-Amz-Target") != "AmazonSSM.GetParameter" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		value, exists := values[input.Name]
		switch {
		case !exists:
			w.WriteHeader(http.StatusBadRequest)
			json.NewEncoder(w).Encode(map[string]string{"__type": "ParameterNotFound"})
		case value == "":
			w.WriteHeader(http.StatusBadRequest)
			json.NewEncoder(w).Encode(map[string]string{"__type": "AccessDeniedException", "message": "no"})
		default:
			json.NewEncoder(w).Encode(map[string]any{"Parameter": map[string]string{"Name": input.Name, "Value": value}})
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ENDPOINT_URL_SSM", server.URL)
}

func newCluster(t *testing.T) *ecstest.Server {
	t.Helper()
	server := ecstest.New(t, "flyway")
	server.Statuses = []string{"RUNNING"}
	for name, value := range server.Env() {
		t.Setenv(name, value)
	}
	return server
}

func execute(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(context.Background(), args, streams{&stdout, &stderr})
	return code, stdout.String(), stderr.String()
}

func TestMigrate(t *testing.T) {
	const parameter = "/batbern-dev/migration-request"

	t.Run("applies what is deployed", func(t *testing.T) {
		newCluster(t)
		parameters(t, map[string]string{parameter: migrationRequest(t)})
		code, out, err := execute(t, "migrate", "--env", "dev")
		if code != 0 || !strings.Contains(out, "dev is migrated: log stream migration/flyway/0000") {
			t.Errorf("exit code %d\n%s\n%s", code, out, err)
		}
	})
	t.Run("takes the request from a file", func(t *testing.T) {
		newCluster(t)
		file := filepath.Join(t.TempDir(), "request.json")
		if err := os.WriteFile(file, []byte(migrationRequest(t)), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, out, err := execute(t, "migrate", "--env", "dev", "--request", file); code != 0 {
			t.Errorf("exit code %d\n%s\n%s", code, out, err)
		}
	})
	t.Run("fails with the migration", func(t *testing.T) {
		newCluster(t).Ends = []ecstest.End{ecstest.Exited("flyway", 1)}
		parameters(t, map[string]string{parameter: migrationRequest(t)})
		code, _, err := execute(t, "migrate", "--env", "dev")
		if code != 1 || !strings.Contains(err, "exit code 1") || !strings.Contains(err, "see log stream migration/flyway/") {
			t.Errorf("exit code %d\n%s", code, err)
		}
	})
	for name, test := range map[string]struct {
		args   []string
		values map[string]string
		want   string
	}{
		"an unknown environment":    {args: []string{"--env", "test"}, want: `environment "test" does not exist`},
		"no environment":            {want: "--env"},
		"nothing deployed":          {args: []string{"--env", "dev"}, want: "there is no parameter " + parameter + "; deploy the environment first"},
		"not allowed":               {args: []string{"--env", "dev"}, values: map[string]string{parameter: ""}, want: "AccessDeniedException"},
		"a parameter without JSON":  {args: []string{"--env", "dev"}, values: map[string]string{parameter: "x"}, want: parameter + " is not the JSON of a request"},
		"a request without content": {args: []string{"--env", "dev"}, values: map[string]string{parameter: "{}"}, want: "the request of the migration is wrong"},
		"too little time":           {args: []string{"--env", "dev", "--wait", "1s"}, values: map[string]string{parameter: migrationRequest(t)}, want: "too few to start a migration"},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			server := newCluster(t)
			parameters(t, test.values)
			code, out, err := execute(t, append([]string{"migrate"}, test.args...)...)
			if (code != exitFailed && code != exitUsage) || !strings.Contains(err, test.want) {
				t.Errorf("exit code %d\n%s\n%s", code, out, err)
			}
			if server.Started() != 0 {
				t.Error("a task was started")
			}
		})
	}
}

// Who cannot sign in, or cannot reach AWS, reads one line that says so and what to do.
func TestMigrateWithoutAWS(t *testing.T) {
	for name, test := range map[string]struct {
		set  map[string]string
		want []string
	}{
		"without credentials": {
			set:  map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true"},
			want: []string{"no credentials for AWS; sign in to account 222233334444", "AWS_PROFILE"},
		},
		"with a profile that is not there": {
			set:  map[string]string{"AWS_PROFILE": "nothing"},
			want: []string{"load the AWS configuration", "nothing", "AWS_PROFILE"},
		},
		"without an answer": {
			set:  map[string]string{"AWS_ENDPOINT_URL_SSM": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"},
			want: []string{"parameter /batbern-dev/migration-request: http://127.0.0.1:1/ does not answer", "check the network"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newCluster(t)
			t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "config"))
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "credentials"))
			for name, value := range test.set {
				t.Setenv(name, value)
			}
			code, out, err := execute(t, "migrate", "--env", "dev")
			if code != 1 || out != "" || strings.Count(err, "\n") != 1 || server.Started() != 0 {
				t.Errorf("exit code %d\n%s\n%s", code, out, err)
			}
			for _, want := range test.want {
				if !strings.Contains(err, want) {
					t.Errorf("no %q in %s", want, err)
				}
			}
		})
	}
}

func TestMigrationsTagIsTheChecksum(t *testing.T) {
	want, err := migrations.Checksum()
	if err != nil {
		t.Fatal(err)
	}
	if code, out, err := execute(t, "migrations", "tag"); code != 0 || out != want+"\n" {
		t.Errorf("exit code %d, %q, %s", code, out, err)
	}
}

func TestMigrationsAreLintedAndLocked(t *testing.T) {
	dir := t.TempDir()
	write := func(path, content string) {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(verb string, wantCode int, says ...string) {
		t.Helper()
		code, out, err := execute(t, "migrations", verb, "--dir", dir)
		if code != wantCode {
			t.Errorf("%s: exit code %d, want %d\n%s\n%s", verb, code, wantCode, out, err)
		}
		for _, want := range says {
			if !strings.Contains(out+err, want) {
				t.Errorf("%s: no %q in\n%s\n%s", verb, want, out, err)
			}
		}
	}
	first := filepath.Join("sql", "event_management", "V1__a.sql")

	expect("lint", exitUsage, "neither sql/<schema>/ nor *.sql files")
	write(first, "CREATE TABLE a (id int);\n")
	expect("lint", 0)
	expect("lock", 0, "released: event_management/V1__a.sql", "1 migrations are released, 1 of them new")
	write(filepath.Join("sql", "event_management", "V2__b.sql"), "CREATE TABLE b (id int);\n")
	expect("lock", 0, "released: event_management/V2__b.sql", "2 migrations are released, 1 of them new")

	write(first, "CREATE TABLE a (id bigint);\n")
	expect("lint", 1, filepath.Join(dir, first)+": is released with the checksum", "1 fault in")
	expect("lock", 1, "1 fault in")
	write(first, "CREATE TABLE a (id int);\n")
	expect("lint", 0)

	write("released.lock", "x\n")
	expect("lint", 1, "released.lock:1")
	if err := os.Remove(filepath.Join(dir, "released.lock")); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join("released.lock", "folder"), "")
	expect("lint", 1, "is a directory")
	expect("lock", 1)
}
