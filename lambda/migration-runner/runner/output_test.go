package runner

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/batbern/infrastructure/internal/ecstest"
)

// readingRunner is a runner that reads the log too.
func readingRunner(server *ecstest.Server) Runner {
	r := newRunner(server)
	r.Logs = cloudwatchlogs.New(cloudwatchlogs.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("testing", "testing", ""),
		Retryer:     retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = 1 }),
	})
	return r
}

func TestErrorSaysWhatFailedAndInWhichFile(t *testing.T) {
	server := ecstest.New(t, "flyway")
	server.Ends = []ecstest.End{ecstest.Exited("flyway", 1)}
	server.Lines = []string{
		"migrate event_management",
		"Migrating schema \"event_management\" to version \"2 - index\" [non-transactional]",
		"ERROR: Script V2__index.sql failed",
		"---------------------------------",
		"Message    : ERROR: could not create unique index \"events_mail\"",
		"  Detail: Key (mail)=(someone@example.org) is duplicated.",
		"migrations: event_management/V2__index.sql failed outside a transaction",
		"migrations: Correct the cause, and deploy again.",
	}
	var progress []string
	r := readingRunner(server)
	r.Progress = func(line string) { progress = append(progress, line) }
	_, err := r.Run(t.Context(), request())
	if err == nil {
		t.Fatal("the failure is no error")
	}
	for _, want := range []string{"exit code 1", "Script V2__index.sql failed", "event_management/V2__index.sql failed outside",
		"Correct the cause, and deploy again.", "Key (mail)=(…) is duplicated"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	for _, unwanted := range []string{"someone@example.org", "Migrating schema", "-----"} {
		if strings.Contains(err.Error(), unwanted) {
			t.Errorf("%q in %v", unwanted, err)
		}
	}
	if !slices.Equal(progress, server.Lines) {
		t.Errorf("progress %q, want every line once", progress)
	}
}

func TestRunDoesNotDependOnTheLog(t *testing.T) {
	for name, prepare := range map[string]func(*ecstest.Server){
		"no stream":     func(s *ecstest.Server) {},
		"empty stream":  func(s *ecstest.Server) { s.Lines = []string{} },
		"no permission": func(s *ecstest.Server) { s.Lines = []string{"ERROR: x"}; s.Fault = denyLogs },
	} {
		t.Run(name, func(t *testing.T) {
			server := ecstest.New(t, "flyway")
			prepare(server)
			if _, err := readingRunner(server).Run(t.Context(), request()); err != nil {
				t.Error(err)
			}
		})
	}
}

func denyLogs(operation string, _ int) *ecstest.Fault {
	if operation != "GetLogEvents" {
		return nil
	}
	return &ecstest.Fault{Status: 400, Type: "AccessDeniedException"}
}

func TestCauseIsBounded(t *testing.T) {
	o := &output{lines: []string{"ERROR: " + strings.Repeat("é", maxCause), "migrations: the end"}}
	cause := o.cause()
	if len(cause) > maxCause+10 || !strings.HasPrefix(cause, "ERROR:") || !strings.HasSuffix(cause, "migrations: the end") {
		t.Errorf("%d bytes: %.40q…", len(cause), cause)
	}
	if cause := (&output{lines: []string{"migrate platform", "Schema is up to date"}}).cause(); cause != "" {
		t.Errorf("a cause without an error: %q", cause)
	}
}

func TestCommandReplacesTheImages(t *testing.T) {
	server := ecstest.New(t, "flyway")
	repair := request()
	repair.Command = []string{"repair", "event_management"}
	if _, err := newRunner(server).Run(t.Context(), repair); err != nil {
		t.Fatal(err)
	}
	overrides, _ := server.Inputs("RunTask")[0]["overrides"].(map[string]any)
	containers, _ := overrides["containerOverrides"].([]any)
	if len(containers) != 1 {
		t.Fatalf("overrides %v", overrides)
	}
	container := containers[0].(map[string]any)
	if container["name"] != "flyway" || len(container["command"].([]any)) != 2 {
		t.Errorf("override %v", container)
	}
}
