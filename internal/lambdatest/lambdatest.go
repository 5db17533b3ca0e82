// Package lambdatest runs a function as AWS Lambda does: it builds the program for this machine, starts it, and hands it
// events over Lambda's runtime API.
//
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package lambdatest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/batbern/infrastructure/internal/testproc"
)

const (
	runtimePath = "/2018-06-01/runtime/"
	// invokeLimit is the time that an invocation may take, as the function's time-out in AWS.
	invokeLimit = 60 * time.Second
)

// Function is a running function.
type Function struct {
	events  chan []byte
	answers chan answer
	output  *testproc.Output
}

type answer struct {
	body   []byte
	failed bool
}

// Error is how a function reports a failure.
type Error struct {
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
}

func (e *Error) Error() string { return e.Message }

// Build compiles the main package in the working directory with the flags of a release, for this machine.
func Build(t testing.TB) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "bootstrap")
	cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-o", binary, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// Start starts a built function with nothing in its environment but the given variables and Lambda's own. It ends with
// the test.
func Start(t testing.TB, binary string, environment ...string) *Function {
	t.Helper()
	f := &Function{events: make(chan []byte), answers: make(chan answer), output: &testproc.Output{}}
	api := httptest.NewServer(f.api(t))
	cmd := exec.Command(binary)
	cmd.Env = append(environment, "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(api.URL, "http://"))
	process, err := testproc.Start(cmd, f.output, syscall.SIGTERM)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		process.Stop()
		close(f.events) // lets go of a request for the next event
		api.Close()
	})
	return f
}

// Invoke sends an event and returns the function's answer. A failure that the function reports is an *Error.
func (f *Function) Invoke(t testing.TB, event any) ([]byte, error) {
	t.Helper()
	content, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	limit := time.After(invokeLimit)
	select {
	case f.events <- content:
	case <-limit:
		t.Fatalf("the function asked for no event\n%s", f.Output())
	}
	select {
	case got := <-f.answers:
		if !got.failed {
			return got.body, nil
		}
		var failure Error
		if err := json.Unmarshal(got.body, &failure); err != nil {
			t.Fatalf("the function reported %s", got.body)
		}
		return nil, &failure
	case <-limit:
		t.Fatalf("the function did not answer\n%s", f.Output())
	}
	return nil, nil
}

// Output returns what the function has written to its log.
func (f *Function) Output() string { return f.output.String() }

func (f *Function) api(t testing.TB) http.Handler {
	mux := http.NewServeMux()
	n := 0
	mux.HandleFunc("GET "+runtimePath+"invocation/next", func(w http.ResponseWriter, request *http.Request) {
		select {
		case event, open := <-f.events:
			if !open {
				return
			}
			n++
			deadline := time.Now().Add(invokeLimit).UnixMilli()
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", fmt.Sprintf("request-%d", n))
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(deadline, 10))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:123456789012:function:test")
			_, _ = w.Write(event)
		case <-request.Context().Done():
		}
	})
	reply := func(failed bool) http.HandlerFunc {
		return func(w http.ResponseWriter, request *http.Request) {
			body, err := io.ReadAll(request.Body)
			if err != nil {
				t.Error(err)
			}
			w.WriteHeader(http.StatusAccepted)
			f.answers <- answer{body: body, failed: failed}
		}
	}
	mux.HandleFunc("POST "+runtimePath+"invocation/{id}/response", reply(false))
	mux.HandleFunc("POST "+runtimePath+"invocation/{id}/error", reply(true))
	return mux
}
