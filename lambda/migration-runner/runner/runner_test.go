package runner

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/batbern/infrastructure/internal/ecstest"
	"github.com/batbern/infrastructure/lambda/event"
)

const firstTask = "arn:aws:ecs:eu-central-1:123456789012:task/batbern-test/00000000000000000000000000000001"

func request() event.Migration {
	return event.Migration{
		Cluster: ecstest.Cluster, TaskDefinition: ecstest.TaskDefinition, Container: "flyway",
		Subnets: []string{"subnet-1", "subnet-2"}, SecurityGroups: []string{"sg-1"},
		Image:              "registry/flyway@sha256:" + strings.Repeat("a", 64),
		MigrationsChecksum: strings.Repeat("b", 64),
		LogGroup:           "/batbern/test/flyway", LogStreamPrefix: "migration",
	}
}

func newRunner(server *ecstest.Server) Runner {
	client := ecs.New(ecs.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("testing", "testing", ""),
		Retryer:     retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = 1 }),
	})
	return Runner{
		Tasks: client, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Interval: time.Millisecond, MaxInterval: 2 * time.Millisecond, Margin: time.Millisecond, PermissionWait: time.Nanosecond,
	}
}

func TestRunWaitsForTheTaskAndNamesItsLog(t *testing.T) {
	server := ecstest.New(t, "flyway")
	result, err := newRunner(server).Run(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	want := Result{TaskARN: firstTask, LogGroup: "/batbern/test/flyway", LogStream: "migration/flyway/00000000000000000000000000000001"}
	if result != want {
		t.Errorf("result %+v, want %+v", result, want)
	}
	if looks := server.Calls("DescribeTasks"); looks != len(server.Statuses)+1 {
		t.Errorf("%d looks, want one a status and one at the end", looks)
	}
	input := server.Inputs("RunTask")[0]
	network := input["networkConfiguration"].(map[string]any)["awsvpcConfiguration"].(map[string]any)
	if network["assignPublicIp"] != "DISABLED" || input["propagateTags"] != "TASK_DEFINITION" || input["count"] != 1.0 {
		t.Errorf("RunTask was called with %v", input)
	}
	if _, overridden := input["overrides"]; overridden {
		t.Error("the runner overrides the task definition")
	}
}

func TestRunPassesOnAPublicAddressWhereAsked(t *testing.T) {
	server := ecstest.New(t, "flyway")
	public := request()
	public.AssignPublicIP = true
	if _, err := newRunner(server).Run(t.Context(), public); err != nil {
		t.Fatal(err)
	}
	network := server.Inputs("RunTask")[0]["networkConfiguration"].(map[string]any)["awsvpcConfiguration"].(map[string]any)
	if network["assignPublicIp"] != "ENABLED" {
		t.Errorf("network %v", network)
	}
}

// Each way a migration can end badly is an error with its reason and the place of its log.
func TestRunTurnsEveryBadEndIntoAnError(t *testing.T) {
	const stream = "migration/flyway/00000000000000000000000000000001 in /batbern/test/flyway"
	one := 1
	for name, test := range map[string]struct {
		end  ecstest.End
		want []string
	}{
		"Flyway failed": {
			end:  ecstest.Exited("flyway", 1),
			want: []string{"the migration failed", "exit code 1", "EssentialContainerExited", stream},
		},
		"Flyway wants a licence": {
			end:  ecstest.Exited("flyway", 35),
			want: []string{"exit code 35", stream},
		},
		"killed for want of memory": {
			end: ecstest.End{StopCode: "EssentialContainerExited", StoppedReason: "Essential container in task exited",
				Containers: []ecstest.Container{{Name: "flyway", ExitCode: new(137), Reason: "OutOfMemoryError: Container killed due to memory usage"}}},
			want: []string{"exit code 137", "OutOfMemoryError", stream},
		},
		"image not found": {
			end: ecstest.End{StopCode: "TaskFailedToStart", StoppedReason: "CannotPullContainerError: manifest unknown",
				Containers: []ecstest.Container{{Name: "flyway", LastStatus: "STOPPED"}}},
			want: []string{"the migration did not run", "TaskFailedToStart: CannotPullContainerError: manifest unknown", stream},
		},
		"secret not readable": {
			end: ecstest.End{StopCode: "TaskFailedToStart",
				StoppedReason: "ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException",
				Containers:    []ecstest.Container{{Name: "flyway", LastStatus: "STOPPED"}}},
			want: []string{"the migration did not run", "unable to pull secrets", stream},
		},
		"stopped by somebody": {
			end: ecstest.End{StopCode: "UserInitiated", StoppedReason: "Task stopped by user",
				Containers: []ecstest.Container{{Name: "flyway", ExitCode: new(143)}}},
			want: []string{"exit code 143", "UserInitiated: Task stopped by user", stream},
		},
		"no reason at all": {
			end:  ecstest.End{Containers: []ecstest.Container{{Name: "flyway"}}},
			want: []string{"the migration did not run", "ECS gives no reason", stream},
		},
		"another container's success does not count": {
			end: ecstest.End{StopCode: "EssentialContainerExited", Containers: []ecstest.Container{
				{Name: "agent", ExitCode: new(0)}, {Name: "flyway", ExitCode: &one}}},
			want: []string{"container flyway", "exit code 1", stream},
		},
		"no such container": {
			end:  ecstest.Exited("liquibase", 0),
			want: []string{`has no container "flyway"`, stream},
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := ecstest.New(t, "flyway")
			server.Ends = []ecstest.End{test.end}
			_, err := newRunner(server).Run(t.Context(), request())
			if err == nil {
				t.Fatal("the run succeeded")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			if server.Started() != 1 {
				t.Errorf("%d tasks were started", server.Started())
			}
		})
	}
}

func TestRunIgnoresHowASidecarEnds(t *testing.T) {
	server := ecstest.New(t, "flyway")
	server.Ends = []ecstest.End{{StopCode: "EssentialContainerExited", Containers: []ecstest.Container{
		{Name: "aws-guardduty-agent", ExitCode: new(137)}, {Name: "flyway", ExitCode: new(0)}}}}
	if _, err := newRunner(server).Run(t.Context(), request()); err != nil {
		t.Error(err)
	}
}

func TestRunReportsWhyECSStartsNothing(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*event.Migration)
		fault  *ecstest.Fault
		want   string
	}{
		"failures in a good answer": {
			fault: &ecstest.Fault{Body: `{"tasks":[],"failures":[{"arn":"arn:aws:ecs:x","reason":"RESOURCE:FARGATE","detail":"no capacity"},{"reason":"AGENT"}]}`},
			want:  "ECS refused: RESOURCE:FARGATE, no capacity, arn:aws:ecs:x; AGENT",
		},
		"failures without a reason": {fault: &ecstest.Fault{Body: `{"failures":[{}]}`}, want: "no reason given"},
		"neither task nor failure":  {fault: &ecstest.Fault{Body: `{"tasks":[],"failures":[]}`}, want: "answered with 0 tasks, expected 1"},
		"not allowed":               {fault: &ecstest.Fault{Status: 400, Type: "AccessDeniedException"}, want: "AccessDeniedException"},
		"throttled":                 {fault: &ecstest.Fault{Status: 400, Type: "ThrottlingException"}, want: "ThrottlingException"},
		"token in use":              {fault: &ecstest.Fault{Status: 400, Type: "ConflictException"}, want: "ConflictException"},
		"unknown cluster":           {change: func(r *event.Migration) { r.Cluster = "other" }, want: "ClusterNotFoundException"},
		"unknown task definition": {
			change: func(r *event.Migration) { r.TaskDefinition = strings.Replace(r.TaskDefinition, ":3", ":4", 1) },
			want:   "Unable to describe task definition",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := ecstest.New(t, "flyway")
			server.Fault = func(operation string, _ int) *ecstest.Fault { return test.fault }
			changed := request()
			if test.change != nil {
				test.change(&changed)
			}
			_, err := newRunner(server).Run(t.Context(), changed)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "start the migration task arn:") {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if server.Started() != 0 || server.Calls("RunTask") != 1 {
				t.Errorf("%d tasks, %d calls", server.Started(), server.Calls("RunTask"))
			}
		})
	}
}

func TestRunNeverStartsTheSameMigrationTwice(t *testing.T) {
	t.Run("a second run while the first goes on attaches to its task", func(t *testing.T) {
		server := ecstest.New(t, "flyway")
		server.Forever = true
		ctx, cancel := context.WithCancel(t.Context())
		cancelAtLook(server, 6, cancel)
		if _, err := newRunner(server).Run(ctx, request()); !errors.Is(err, ErrStillRunning) {
			t.Fatalf("error %v", err)
		}
		server.Finish()
		result, err := newRunner(server).Run(t.Context(), request())
		if err != nil || result.TaskARN != firstTask || server.Started() != 1 {
			t.Errorf("result %+v, error %v, %d tasks", result, err, server.Started())
		}
	})
	t.Run("a run after a success tells of that success", func(t *testing.T) {
		server := ecstest.New(t, "flyway")
		for range 3 {
			if result, err := newRunner(server).Run(t.Context(), request()); err != nil || result.TaskARN != firstTask {
				t.Errorf("result %+v, error %v", result, err)
			}
		}
		if server.Started() != 1 {
			t.Errorf("%d tasks", server.Started())
		}
	})
	t.Run("runs at once share one task", func(t *testing.T) {
		server := ecstest.New(t, "flyway")
		var runs sync.WaitGroup
		for range 5 {
			runs.Go(func() {
				if _, err := newRunner(server).Run(t.Context(), request()); err != nil {
					t.Error(err)
				}
			})
		}
		runs.Wait()
		if server.Started() != 1 {
			t.Errorf("%d tasks", server.Started())
		}
	})
	t.Run("a run after ECS has forgotten starts again", func(t *testing.T) {
		server := ecstest.New(t, "flyway")
		for range 2 {
			if _, err := newRunner(server).Run(t.Context(), request()); err != nil {
				t.Error(err)
			}
			server.Forget()
		}
		if server.Started() != 2 {
			t.Errorf("%d tasks", server.Started())
		}
	})
}

func TestRunStartsAnewAfterAFailure(t *testing.T) {
	server := ecstest.New(t, "flyway")
	server.Ends = []ecstest.End{ecstest.Exited("flyway", 1), ecstest.Exited("flyway", 2), ecstest.Exited("flyway", 0)}
	for run, want := range []string{"exit code 1", "exit code 2", ""} {
		_, err := newRunner(server).Run(t.Context(), request())
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("run %d: error %v, want %q", run+1, err, want)
		}
	}
	if server.Started() != 3 {
		t.Errorf("%d tasks, want one a run", server.Started())
	}
}

func TestRunGivesUpOnAMigrationThatKeepsFailing(t *testing.T) {
	server := ecstest.New(t, "flyway")
	server.Ends = []ecstest.End{ecstest.Exited("flyway", 1)}
	for range maxAttempts + 3 {
		if _, err := newRunner(server).Run(t.Context(), request()); err == nil || !strings.Contains(err.Error(), "exit code 1") {
			t.Errorf("error %v", err)
		}
	}
	if server.Started() != maxAttempts {
		t.Errorf("%d tasks, want %d", server.Started(), maxAttempts)
	}
}

func TestRunNeverStopsATask(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *ecstest.Server) context.Context{
		"at the deadline": func(t *testing.T, _ *ecstest.Server) context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // enough for the calls before
			t.Cleanup(cancel)
			return ctx
		},
		"on an interrupt": func(t *testing.T, server *ecstest.Server) context.Context {
			ctx, cancel := context.WithCancel(t.Context())
			cancelAtLook(server, 6, cancel)
			return ctx
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := ecstest.New(t, "flyway")
			server.Forever = true
			ctx := end(t, server)
			_, err := newRunner(server).Run(ctx, request())
			if !errors.Is(err, ErrStillRunning) {
				t.Fatalf("error %v", err)
			}
			for _, want := range []string{firstTask, "was not stopped", "migration/flyway/0000", "run the migration again to attach"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
			if server.Calls("StopTask") != 0 {
				t.Error("the task was stopped")
			}
		})
	}
}

func TestRunKeepsLookingWhenECSDoesNotAnswer(t *testing.T) {
	missing := &ecstest.Fault{Body: `{"tasks":[],"failures":[{"arn":"` + firstTask + `","reason":"MISSING"}]}`}
	broken := &ecstest.Fault{Status: 500, Type: "ServerException"}

	t.Run("a task that is not visible yet", func(t *testing.T) {
		server := ecstest.New(t, "flyway")
		server.Fault = func(operation string, n int) *ecstest.Fault {
			if operation == "DescribeTasks" && n < maxUnseen {
				return missing
			}
			return nil
		}
		if _, err := newRunner(server).Run(t.Context(), request()); err != nil {
			t.Error(err)
		}
	})
	t.Run("every second call fails", func(t *testing.T) {
		server := ecstest.New(t, "flyway")
		server.Fault = func(operation string, n int) *ecstest.Fault {
			if operation == "DescribeTasks" && n%2 == 1 {
				return broken
			}
			return nil
		}
		if _, err := newRunner(server).Run(t.Context(), request()); err != nil {
			t.Error(err)
		}
	})
	for name, fault := range map[string]*ecstest.Fault{"MISSING": missing, "ServerException": broken} {
		for when, from := range map[string]int{"from the start": 1, "later": 3} {
			t.Run("never again "+when+": "+name, func(t *testing.T) {
				server := ecstest.New(t, "flyway")
				server.Fault = func(operation string, n int) *ecstest.Fault {
					if operation == "DescribeTasks" && n >= from {
						return fault
					}
					return nil
				}
				_, err := newRunner(server).Run(t.Context(), request())
				if err == nil || !strings.Contains(err.Error(), "lost sight of the migration task "+firstTask) || !strings.Contains(err.Error(), name) {
					t.Errorf("error %v", err)
				}
			})
		}
	}
	t.Run("the time ends meanwhile", func(t *testing.T) {
		server := ecstest.New(t, "flyway")
		ctx, cancel := context.WithCancel(t.Context())
		server.Fault = func(operation string, n int) *ecstest.Fault {
			if operation != "DescribeTasks" {
				return nil
			}
			cancel()
			return missing
		}
		if _, err := newRunner(server).Run(ctx, request()); !errors.Is(err, ErrStillRunning) {
			t.Errorf("error %v", err)
		}
	})
}

// cancelAtLook ends the caller's context while the server answers the n-th DescribeTasks.
func cancelAtLook(server *ecstest.Server, n int, cancel context.CancelFunc) {
	server.Fault = func(operation string, call int) *ecstest.Fault {
		if operation == "DescribeTasks" && call == n {
			cancel()
		}
		return nil
	}
}

func TestRunStartsNothingWithoutTime(t *testing.T) {
	server := ecstest.New(t, "flyway")
	hurried := newRunner(server)
	hurried.Margin = 0 // the default, which is longer than what is left
	ctx, cancel := context.WithTimeout(t.Context(), margin-time.Second)
	defer cancel()
	_, err := hurried.Run(ctx, request())
	if err == nil || !strings.Contains(err.Error(), "too few to start a migration") || server.Calls("RunTask") != 0 {
		t.Errorf("error %v, %d calls", err, server.Calls("RunTask"))
	}
}

func TestRunRefusesAWrongRequestWithAllItsFaults(t *testing.T) {
	server := ecstest.New(t, "flyway")
	_, err := newRunner(server).Run(t.Context(), event.Migration{TaskDefinition: "flyway", Subnets: []string{""}})
	if err == nil {
		t.Fatal("the request was accepted")
	}
	for _, field := range []string{
		"cluster", `taskDefinition is "flyway"`, "container", "subnets", "securityGroups", "image",
		"migrationsChecksum", "logGroup", "logStreamPrefix",
	} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("error %q lacks %q", err, field)
		}
	}
	if server.Calls("RunTask") != 0 {
		t.Error("RunTask was called")
	}
}

func TestTokenChangesWithEverythingThatECSIsTold(t *testing.T) {
	base := request()
	seen := map[string]string{token(base, "", 0): "the request itself"}
	if token(base, "", 0) != token(request(), "", 0) {
		t.Error("the same request has two tokens")
	}
	if length := len(token(base, "", 0)); length > 64 {
		t.Errorf("a token of %d characters; ECS takes 64", length)
	}
	for name, change := range map[string]func(*event.Migration){
		"image":      func(r *event.Migration) { r.Image = "registry/flyway@sha256:" + strings.Repeat("c", 64) },
		"migrations": func(r *event.Migration) { r.MigrationsChecksum = strings.Repeat("c", 64) },
		"revision":   func(r *event.Migration) { r.TaskDefinition = strings.Replace(r.TaskDefinition, ":3", ":4", 1) },
		"cluster":    func(r *event.Migration) { r.Cluster += "2" },
		"subnets":    func(r *event.Migration) { r.Subnets = r.Subnets[:1] },
		"groups":     func(r *event.Migration) { r.SecurityGroups = []string{"sg-2"} },
		"command":    func(r *event.Migration) { r.Command = []string{"repair", "event_management"} },
		"address":    func(r *event.Migration) { r.AssignPublicIP = true },
	} {
		changed := request()
		change(&changed)
		if other, known := seen[token(changed, "", 0)]; known {
			t.Errorf("%s has the token of %s", name, other)
		}
		seen[token(changed, "", 0)] = name
	}
	if _, known := seen[token(base, "once", 0)]; known {
		t.Error("a request that is to run once more has the token of the first")
	}
	if _, known := seen[token(base, "", 1)]; known {
		t.Error("the second attempt has the token of the first")
	}
}

// IAM may not have propagated the execution role's permissions when a first apply starts the task.
func TestTaskThatLacksAPermissionIsStartedAgain(t *testing.T) {
	failedToStart := func(reason string) ecstest.End {
		return ecstest.End{StopCode: "TaskFailedToStart", StoppedReason: reason, Containers: []ecstest.Container{{Name: "flyway", LastStatus: "STOPPED"}}}
	}
	const noSecret = "ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException: User is not " +
		"authorized to perform: secretsmanager:GetSecretValue"
	for name, test := range map[string]struct {
		ends  []ecstest.End
		tasks int
		want  string // of the error, "" for success
	}{
		"the secret, twice":   {[]ecstest.End{failedToStart(noSecret), failedToStart(noSecret), ecstest.Exited("flyway", 0)}, 3, ""},
		"then Flyway fails":   {[]ecstest.End{failedToStart(noSecret), ecstest.Exited("flyway", 1)}, 2, "exit code 1"},
		"another reason":      {[]ecstest.End{failedToStart("CannotPullContainerError: manifest unknown")}, 1, "manifest unknown"},
		"Flyway itself fails": {[]ecstest.End{ecstest.Exited("flyway", 1)}, 1, "exit code 1"},
	} {
		t.Run(name, func(t *testing.T) {
			server := ecstest.New(t, "flyway")
			server.Ends = test.ends
			runner := newRunner(server)
			runner.PermissionWait = 30 * time.Second
			_, err := runner.Run(t.Context(), request())
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("found %v, wanted %q", err, test.want)
			}
			tokens := map[any]bool{}
			for _, input := range server.Inputs("RunTask") {
				tokens[input["clientToken"]] = true
			}
			if len(tokens) != test.tasks {
				t.Errorf("%d tasks were started, wanted %d", len(tokens), test.tasks)
			}
		})
	}
	t.Run("a permission that is really missing", func(t *testing.T) {
		server := ecstest.New(t, "flyway")
		server.Ends = []ecstest.End{failedToStart(noSecret)}
		runner := newRunner(server)
		runner.PermissionWait = 100 * time.Millisecond
		begun := time.Now()
		if _, err := runner.Run(t.Context(), request()); err == nil || !strings.Contains(err.Error(), "unable to pull secrets") {
			t.Errorf("found %v", err)
		}
		if took := time.Since(begun); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
