// Package awsapi is how the functions load the AWS SDK's settings: with a time-out for each attempt of a call, and with
// patience for permissions that IAM has not propagated yet.
package awsapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

const (
	// attemptTimeout bounds one attempt of a call. A missing VPC endpoint shows as a time-out, and with the SDK's three
	// attempts it must show before the function's own time is up.
	attemptTimeout = 8 * time.Second

	// Patience is how long denied calls are repeated, all calls of an invocation together. IAM is eventually consistent:
	// a function that Terraform invokes right after its role was made can be denied for some seconds, up to a minute.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html#troubleshoot_general_eventual-consistency
	Patience = time.Minute
	// answerTime is what is left of an invocation to report that permission is missing.
	answerTime = 5 * time.Second

	firstPause   = time.Second
	longestPause = 10 * time.Second
)

// Load reads the SDK's settings as the functions need them. A fault in the environment is an error.
func Load(ctx context.Context, options ...func(*config.LoadOptions) error) (aws.Config, error) {
	options = append([]func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(attemptTimeout)),
	}, options...)
	settings, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("load the AWS SDK's settings: %w", err)
	}
	AwaitPermissions(&settings)
	return settings, nil
}

// AwaitPermissions makes every client of the settings repeat calls that are denied, for [Patience] at most and never
// beyond the context's deadline. After that the denial itself is returned. A permission that is really missing costs the
// invocation a minute.
func AwaitPermissions(settings *aws.Config) {
	settings.APIOptions = append(slices.Clone(settings.APIOptions), func(stack *middleware.Stack) error {
		// around everything else: a repeated call is serialized, signed and retried like a new one
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("AwaitPermissions", await), middleware.Before)
	})
}

func await(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
	out middleware.InitializeOutput, metadata middleware.Metadata, err error) {
	patience := patienceOf(ctx)
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		out, metadata, err = next.HandleInitialize(ctx, in)
		if !IsDenied(err) || !patience.lasts(ctx, pause) {
			return out, metadata, err
		}
		select {
		case <-ctx.Done():
			return out, metadata, err
		case <-time.After(pause):
		}
	}
}

// IsDenied tells whether AWS refused a call for lack of permission.
func IsDenied(err error) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && slices.Contains(denials, answer.ErrorCode())
}

// denials are the error codes of AWS's services for a missing permission.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
var denials = []string{"AccessDenied", "AccessDeniedException", "AuthorizationError", "KMSAccessDeniedException", "UnauthorizedOperation"}

// patience is what is left of an invocation's minute, counted from its first denial.
type patience struct {
	mu  sync.Mutex
	end time.Time
}

type patienceKey struct{}

// Invocation marks an invocation's context: its denied calls share one [Patience]. Otherwise each call has its own.
func Invocation(ctx context.Context) context.Context {
	return context.WithValue(ctx, patienceKey{}, &patience{})
}

func patienceOf(ctx context.Context) *patience {
	if shared, marked := ctx.Value(patienceKey{}).(*patience); marked {
		return shared
	}
	return &patience{}
}

// lasts tells whether there is time for a pause and another attempt.
func (p *patience) lasts(ctx context.Context, pause time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.end.IsZero() {
		p.end = now.Add(Patience)
	}
	end := p.end
	if deadline, bounded := ctx.Deadline(); bounded && deadline.Add(-answerTime).Before(end) {
		end = deadline.Add(-answerTime)
	}
	return !now.Add(pause).After(end)
}
