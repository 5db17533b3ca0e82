// Package runner starts the one-off ECS task that runs Flyway, follows its log, waits for its end and returns how it
// ended. It is the code of the migration-runner function and of the command "batbern migrate".
//
// A run is identified by what it applies. The same request again never starts a second task beside a running one, and
// not after a successful one either (as long as ECS remembers it, an hour): it follows the task that is there. After a
// failed one it starts a new task, because what failed may have been the network or the database.
//
// A running task is never stopped, neither at the deadline nor on an interrupt: it may be in the middle of DDL. The
// next run attaches to it.
package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/batbern/infrastructure/lambda/event"
)

const (
	// maxAttempts bounds the failed tasks of the same request that are passed over in search of one that is not.
	maxAttempts = 10
	// maxUnseen bounds the looks in a row at which ECS does not show the task: its API is eventually consistent.
	maxUnseen = 8

	firstInterval = 2 * time.Second
	maxInterval   = 15 * time.Second
	// margin is what is left of the deadline to give the answer.
	margin = 15 * time.Second
	// permissionWait is how long tasks that lack a permission are started again, see startAgain.
	permissionWait = time.Minute

	statusStopped = "STOPPED"
)

// ErrStillRunning marks the end of the time, not of the migration: the task goes on. The same request attaches to it.
var ErrStillRunning = errors.New("the migration is still running")

// Tasks is what the runner needs of ECS.
type Tasks interface {
	RunTask(context.Context, *ecs.RunTaskInput, ...func(*ecs.Options)) (*ecs.RunTaskOutput, error)
	DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
}

// Runner runs migrations. Tasks and Log are required.
type Runner struct {
	Tasks Tasks
	Log   *slog.Logger
	// Logs reads what Flyway prints: errors then say what failed and in which file. Nil leaves errors with the name of
	// the log stream.
	Logs Logs
	// Progress receives every line that Flyway prints, soon after it is printed. Nil drops them.
	Progress func(line string)
	// Once distinguishes requests that would otherwise be the same: each value starts a task of its own.
	Once string

	// Interval between two looks at the task; it grows by half up to MaxInterval. Defaults: 2 s and 15 s.
	Interval, MaxInterval time.Duration
	// Margin before the context's deadline at which waiting ends. Default: 15 s.
	Margin time.Duration
	// PermissionWait is how long tasks that could not start for lack of permission are started again. Default: 60 s.
	PermissionWait time.Duration
}

// Result tells about a successful migration. It ends up in Terraform's state, so it holds nothing secret.
type Result struct {
	TaskARN   string `json:"taskArn"`
	LogGroup  string `json:"logGroup"`
	LogStream string `json:"logStream"`
}

// Run starts the migration or attaches to it, and returns when its task has ended. Every other end than exit code 0 of
// the request's container is an error that says why and where the log is; ErrStillRunning when the context ends first.
func (r Runner) Run(ctx context.Context, request event.Migration) (Result, error) {
	if err := request.Validate(); err != nil {
		return Result{}, err
	}
	ctx, cancel, err := r.withMargin(ctx)
	if err != nil {
		return Result{}, err
	}
	defer cancel()

	output := &output{runner: r, request: request}
	task, err := r.runToEnd(ctx, request, output)
	for begun := time.Now(); err == nil && r.startAgain(ctx, task, begun); {
		task, err = r.runToEnd(ctx, request, output)
	}
	if err != nil {
		return Result{}, err
	}
	arn := aws.ToString(task.TaskArn)
	output.readToEnd(ctx, arn)
	if err := judge(request, task); err != nil {
		if cause := output.cause(); cause != "" {
			err = fmt.Errorf("%w\n%s", err, cause)
		}
		r.Log.Error("migration failed", "task", arn, "error", err)
		return Result{}, err
	}
	r.Log.Info("migration succeeded", "task", arn)
	return Result{TaskARN: arn, LogGroup: request.LogGroup, LogStream: logStream(request, arn)}, nil
}

// runToEnd returns the request's task after it has stopped.
func (r Runner) runToEnd(ctx context.Context, request event.Migration, output *output) (types.Task, error) {
	task, err := r.start(ctx, request)
	if err != nil {
		return types.Task{}, err
	}
	return r.wait(ctx, request, task, output)
}

// startAgain tells whether a task could not start for lack of permission and another may, after a pause. On a first
// apply IAM may not have propagated the execution role's permissions yet, to pull the image and read the secret; ECS
// starts a one-off task only once.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html
func (r Runner) startAgain(ctx context.Context, task types.Task, begun time.Time) bool {
	reason := stopped(task, nil)
	denied := strings.Contains(reason, "AccessDenied") || strings.Contains(reason, "not authorized to perform")
	if task.StopCode != types.TaskStopCodeTaskFailedToStart || !denied {
		return false
	}
	pause := defaultTo(r.MaxInterval, maxInterval)
	if time.Since(begun)+pause > defaultTo(r.PermissionWait, permissionWait) || sleep(ctx, pause) != nil {
		return false
	}
	r.Log.Warn("the task lacked a permission, starting another", "task", aws.ToString(task.TaskArn), "reason", reason)
	return true
}

// withMargin ends the waiting a little before the caller's time is over.
func (r Runner) withMargin(ctx context.Context) (context.Context, context.CancelFunc, error) {
	deadline, limited := ctx.Deadline()
	if !limited {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, cancel, nil
	}
	end := deadline.Add(-defaultTo(r.Margin, margin))
	if left := time.Until(end); left <= 0 {
		return nil, nil, fmt.Errorf("%s are left, too few to start a migration; raise the time-out", time.Until(deadline).Round(time.Second))
	}
	ctx, cancel := context.WithDeadline(ctx, end)
	return ctx, cancel, nil
}

// start returns the task of this request as ECS shows it now: a new one, the one that still runs, or the one that
// succeeded. Tokens of attempts whose task has failed are passed over.
func (r Runner) start(ctx context.Context, request event.Migration) (types.Task, error) {
	var task types.Task
	for attempt := range maxAttempts {
		arn, err := r.runTask(ctx, request, attempt)
		if err != nil {
			return types.Task{}, err
		}
		r.Log.Info("migration task", "task", arn, "attempt", attempt+1, "logGroup", request.LogGroup, "logStream", logStream(request, arn))
		if task, err = r.look(ctx, request, arn); err != nil {
			return types.Task{}, err
		}
		// A task that was started just now takes seconds to stop. This one is an earlier run's.
		if aws.ToString(task.LastStatus) != statusStopped || judge(request, task) == nil {
			return task, nil
		}
		r.Log.Warn("an earlier run failed, starting another", "task", arn, "error", judge(request, task))
	}
	return task, nil
}

func (r Runner) runTask(ctx context.Context, request event.Migration, attempt int) (arn string, err error) {
	assignPublicIP := types.AssignPublicIpDisabled
	if request.AssignPublicIP {
		assignPublicIP = types.AssignPublicIpEnabled
	}
	token := token(request, r.Once, attempt)
	output, err := r.Tasks.RunTask(ctx, &ecs.RunTaskInput{
		Cluster:        aws.String(request.Cluster),
		TaskDefinition: aws.String(request.TaskDefinition),
		Count:          aws.Int32(1),
		ClientToken:    aws.String(token),
		StartedBy:      aws.String("migration-runner/" + token[:16]),
		LaunchType:     types.LaunchTypeFargate,
		PropagateTags:  types.PropagateTagsTaskDefinition,
		Overrides:      overrides(request),
		NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{
			Subnets:        request.Subnets,
			SecurityGroups: request.SecurityGroups,
			AssignPublicIp: assignPublicIP,
		}},
	})
	if err != nil {
		return "", fmt.Errorf("start the migration task %s in cluster %s: %w", request.TaskDefinition, request.Cluster, err)
	}
	// ECS answers 200 and puts what went wrong here.
	if len(output.Failures) > 0 {
		return "", fmt.Errorf("start the migration task %s in cluster %s: ECS refused: %s",
			request.TaskDefinition, request.Cluster, describeFailures(output.Failures))
	}
	if len(output.Tasks) != 1 {
		return "", fmt.Errorf("start the migration task %s in cluster %s: ECS answered with %d tasks, expected 1",
			request.TaskDefinition, request.Cluster, len(output.Tasks))
	}
	return aws.ToString(output.Tasks[0].TaskArn), nil
}

// wait follows a task until it has stopped.
func (r Runner) wait(ctx context.Context, request event.Migration, task types.Task, output *output) (types.Task, error) {
	arn := aws.ToString(task.TaskArn)
	interval := defaultTo(r.Interval, firstInterval)
	for status := ""; ; interval = min(interval*3/2, defaultTo(r.MaxInterval, maxInterval)) {
		if current := aws.ToString(task.LastStatus); current != status {
			status = current
			r.Log.Info("migration task", "task", arn, "status", status)
		}
		if status == statusStopped {
			return task, nil
		}
		output.read(ctx, arn)
		if err := sleep(ctx, interval); err != nil {
			return types.Task{}, stillRunning(request, arn, err)
		}
		var err error
		if task, err = r.look(ctx, request, arn); err != nil {
			return types.Task{}, err
		}
	}
}

// look returns the task as ECS shows it. A failed call, or an answer without the task, is tried again a few times:
// there is a migration running, and giving up on it is worse than asking once more.
func (r Runner) look(ctx context.Context, request event.Migration, arn string) (types.Task, error) {
	interval := defaultTo(r.Interval, firstInterval)
	var lastErr error
	for range maxUnseen {
		task, err := r.describe(ctx, request, arn)
		if err == nil {
			return task, nil
		}
		lastErr = err
		if err := sleep(ctx, interval); err != nil {
			return types.Task{}, stillRunning(request, arn, err)
		}
		interval = min(interval*3/2, defaultTo(r.MaxInterval, maxInterval))
	}
	return types.Task{}, fmt.Errorf("lost sight of the migration task %s, which may be running: %w; see log stream %s in %s, "+
		"and run the migration again to attach to it", arn, lastErr, logStream(request, arn), request.LogGroup)
}

func (r Runner) describe(ctx context.Context, request event.Migration, arn string) (types.Task, error) {
	output, err := r.Tasks.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: aws.String(request.Cluster), Tasks: []string{arn}})
	if err != nil {
		return types.Task{}, err
	}
	if len(output.Tasks) == 0 {
		return types.Task{}, fmt.Errorf("ECS does not show it: %s", describeFailures(output.Failures))
	}
	return output.Tasks[0], nil
}

// judge returns why a stopped task is no success, or nil. Only the container that runs Flyway counts: a sidecar, such
// as the agent that GuardDuty adds, may end in any way.
func judge(request event.Migration, task types.Task) error {
	arn := aws.ToString(task.TaskArn)
	where := fmt.Sprintf("see log stream %s in %s", logStream(request, arn), request.LogGroup)
	var container *types.Container
	for i := range task.Containers {
		if aws.ToString(task.Containers[i].Name) == request.Container {
			container = &task.Containers[i]
		}
	}
	switch {
	case container == nil:
		return fmt.Errorf("the migration task %s has no container %q: %s; %s", arn, request.Container, stopped(task, nil), where)
	case container.ExitCode == nil:
		return fmt.Errorf("the migration did not run: task %s stopped before container %s had an exit code: %s; %s",
			arn, request.Container, stopped(task, container), where)
	case *container.ExitCode != 0:
		return fmt.Errorf("the migration failed: container %s of task %s ended with exit code %d: %s; %s",
			request.Container, arn, *container.ExitCode, stopped(task, container), where)
	}
	return nil
}

// stopped is all that ECS tells about the end of a task.
func stopped(task types.Task, container *types.Container) string {
	parts := []string{string(task.StopCode), aws.ToString(task.StoppedReason)}
	if container != nil {
		parts = append(parts, aws.ToString(container.Reason))
	}
	return joined(parts, ": ", "ECS gives no reason")
}

func describeFailures(failures []types.Failure) string {
	var parts []string
	for _, failure := range failures {
		parts = append(parts, joined([]string{aws.ToString(failure.Reason), aws.ToString(failure.Detail), aws.ToString(failure.Arn)}, ", ", ""))
	}
	return joined(parts, "; ", "no reason given")
}

func joined(parts []string, separator, otherwise string) string {
	var given []string
	for _, part := range parts {
		if part != "" {
			given = append(given, part)
		}
	}
	if len(given) == 0 {
		return otherwise
	}
	return strings.Join(given, separator)
}

func stillRunning(request event.Migration, arn string, cause error) error {
	return fmt.Errorf("%w: stopped waiting for task %s (%w); it goes on and was not stopped. See log stream %s in %s, "+
		"and run the migration again to attach to it", ErrStillRunning, arn, cause, logStream(request, arn), request.LogGroup)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func defaultTo(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}
