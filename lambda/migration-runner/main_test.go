package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/ecstest"
)

// The program is run as Lambda runs it: it fetches events from the runtime API and posts their results there.
func TestFunctionAnswersLambda(t *testing.T) {
	program := filepath.Join(t.TempDir(), "bootstrap")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	event := fmt.Sprintf(`{"cluster":%q,"taskDefinition":%q,"container":"flyway","subnets":["subnet-1"],
		"securityGroups":["sg-1"],"imageDigest":"sha256:%s","migrationsChecksum":%q,"logGroup":"/group","logStreamPrefix":"migration",
		"tf":{"action":"create"}}`, // what aws_lambda_invocation adds in its CRUD mode
		ecstest.Cluster, ecstest.TaskDefinition, strings.Repeat("a", 64), strings.Repeat("b", 64))

	t.Run("success", func(t *testing.T) {
		kind, body := invoke(t, program, ecstest.New(t, "flyway"), event)
		var result struct{ TaskARN, LogGroup, LogStream string }
		if err := json.Unmarshal(body, &result); err != nil || kind != "response" {
			t.Fatalf("%s %s, error %v", kind, body, err)
		}
		if result.LogGroup != "/group" || !strings.HasPrefix(result.LogStream, "migration/flyway/0000") ||
			!strings.Contains(result.TaskARN, ":task/") {
			t.Errorf("result %+v", result)
		}
	})
	t.Run("failure", func(t *testing.T) {
		server := ecstest.New(t, "flyway")
		server.Ends = []ecstest.End{ecstest.Exited("flyway", 1)}
		kind, body := invoke(t, program, server, event)
		if kind != "error" || !strings.Contains(string(body), "exit code 1") || !strings.Contains(string(body), "log stream migration/flyway/") {
			t.Errorf("%s %s", kind, body)
		}
	})
	t.Run("wrong event", func(t *testing.T) {
		kind, body := invoke(t, program, ecstest.New(t, "flyway"), `{}`)
		if kind != "error" || !strings.Contains(string(body), "the request of the migration is wrong") {
			t.Errorf("%s %s", kind, body)
		}
	})
}

// invoke gives the program one event and returns whether it answered with "response" or "error", and what.
func invoke(t *testing.T, program string, server *ecstest.Server, event string) (kind string, body []byte) {
	t.Helper()
	server.Statuses = []string{"RUNNING"} // one look is two seconds
	type answer struct {
		kind string
		body []byte
	}
	answers := make(chan answer, 1)
	events := make(chan string, 1)
	events <- event
	runtime := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/invocation/next") {
			select {
			case next := <-events:
				w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
				w.Header().Set("Lambda-Runtime-Deadline-Ms", "4102444800000") // 2100
				io.WriteString(w, next)
			case <-r.Context().Done():
			}
			return
		}
		posted, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		answers <- answer{kind: filepath.Base(r.URL.Path), body: posted}
	}))
	defer runtime.Close()

	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(runtime.URL, "http://"), "HOME=" + os.TempDir()}
	for name, value := range server.Env() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	ended := make(chan error, 1)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- cmd.Wait() }()
	defer cmd.Process.Kill()

	select {
	case got := <-answers:
		return got.kind, got.body
	case err := <-ended:
		t.Fatalf("the program ended: %v", err)
	case <-t.Context().Done():
		t.Fatal("no answer")
	}
	return "", nil
}
