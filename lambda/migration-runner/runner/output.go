package runner

import (
	"context"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/batbern/infrastructure/lambda/event"
)

// Logs is what the runner needs of CloudWatch Logs.
type Logs interface {
	GetLogEvents(context.Context, *cloudwatchlogs.GetLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetLogEventsOutput, error)
}

const (
	// maxCause bounds what an error repeats of the log, in bytes.
	maxCause = 3000
	// maxPages bounds the pages of one read. A page has up to 1 MiB.
	maxPages = 50
	// readTime bounds one read: the log is worth less than the end of the task.
	readTime = 10 * time.Second
)

// output is what Flyway has printed so far.
type output struct {
	runner  Runner
	request event.Migration

	task  string
	next  *string
	lines []string
}

// read fetches the lines that are new. The stream appears when the container starts, and a reader without permission
// still learns how the task ends: a failed call is no error, and the next read tries again.
func (o *output) read(ctx context.Context, task string) {
	if o.runner.Logs == nil {
		return
	}
	if task != o.task {
		o.task, o.next, o.lines = task, nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	for range maxPages {
		page, err := o.runner.Logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
			LogGroupName:  aws.String(o.request.LogGroup),
			LogStreamName: aws.String(logStream(o.request, task)),
			StartFromHead: aws.Bool(true),
			NextToken:     o.next,
		})
		if err != nil {
			o.runner.Log.Debug("cannot read Flyway's log", "error", err)
			return
		}
		for _, line := range page.Events {
			text := strings.TrimRight(aws.ToString(line.Message), "\r\n")
			o.lines = append(o.lines, text)
			if o.runner.Progress != nil {
				o.runner.Progress(text)
			}
		}
		// At the end of the stream, CloudWatch returns the token that it was given.
		// AWS, "GetLogEvents", response element nextForwardToken
		same := o.next != nil && aws.ToString(page.NextForwardToken) == *o.next
		o.next = page.NextForwardToken
		if same {
			return
		}
	}
}

// readToEnd reads what a stopped task has printed last, which arrives with a delay.
func (o *output) readToEnd(ctx context.Context, task string) {
	if o.runner.Logs == nil {
		return
	}
	interval := defaultTo(o.runner.Interval, firstInterval)
	before := -1
	for range 3 {
		o.read(ctx, task)
		if len(o.lines) == before && before > 0 || sleep(ctx, interval) != nil {
			return
		}
		before = len(o.lines)
	}
}

// detail is PostgreSQL's DETAIL of a violated constraint, which repeats the row's values: personal data in the log of
// a deployment.
var detail = regexp.MustCompile(`(Key \([^)]*\))=\(.*\)( is | already |$)`)

// cause returns what Flyway and migrate.sh say about a failure: from the last error on, without values of rows.
func (o *output) cause() string {
	first := -1
	for i, line := range o.lines {
		if strings.HasPrefix(line, "ERROR") && (first < 0 || !strings.HasPrefix(o.lines[first], "ERROR")) {
			first = i
		}
		if strings.HasPrefix(line, "migrations:") && first < 0 {
			first = i
		}
	}
	if first < 0 {
		return ""
	}
	var kept []string
	for _, line := range o.lines[first:] {
		if line = strings.TrimSpace(line); line != "" && strings.Trim(line, "-") != "" {
			kept = append(kept, detail.ReplaceAllString(line, "$1=(…)$2"))
		}
	}
	text := strings.Join(kept, "\n")
	if len(text) > maxCause {
		text = strings.ToValidUTF8(text[:maxCause/2], "") + "\n…\n" + strings.ToValidUTF8(text[len(text)-maxCause/2:], "")
	}
	return text
}
