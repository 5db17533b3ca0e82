// Package verify asks AWS, read-only, whether what a synthesized stack promises really works.
//
// What to ask about comes from the stack: names, regions and schedules are read from its Terraform JSON. Each check is
// one entry of [Checks] with the IAM permissions it needs. A check has three outcomes: it passes, it fails, or it could
// not be asked, which says nothing about the platform.
package verify

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/tree"
)

// Status is the outcome of a check.
type Status string

// The outcomes.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Unknown Status = "unknown" // it could not be asked
)

// Check is one question.
type Check struct {
	ID          string
	Proves      string   // what is true if it passes
	Permissions []string // IAM actions that it calls, all of them read-only; none for a check by HTTPS
	Remedy      string   // what to do if it fails

	applies func(*tree.Stack) bool
	ask     func(context.Context, *World) (answer, error)
}

// answer is what was seen. Without faults the check passes.
type answer struct {
	seen   string
	faults []string
}

func (a *answer) fault(format string, args ...any) {
	a.faults = append(a.faults, fmt.Sprintf(format, args...))
}

// Result is the outcome of one check.
type Result struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	Proves string `json:"proves"`
	Seen   string `json:"seen"`
	Do     string `json:"do,omitempty"` // empty if the check passed
}

// World is what the checks ask, and about which stack.
type World struct {
	Stack *tree.Stack
	// Quotas are those that the environment's configuration counts on; none for the base.
	Quotas []config.Quota
	AWS    aws.Config
	HTTP   *http.Client
	Now    func() time.Time
	// GitHub is the URL of GitHub's REST API, Token a token for private repositories or empty.
	GitHub, Token string
}

// in returns the settings for the region of the resource.
func (w *World) in(r *tree.Resource) aws.Config { return w.inRegion(r.Region()) }

func (w *World) inRegion(region string) aws.Config {
	settings := w.AWS.Copy()
	if region != "" {
		settings.Region = region
	}
	return settings
}

// checkLimit bounds one check: AWS may not answer at all.
const checkLimit = 2 * time.Minute

// Account refuses credentials of another account than the stack's, before anything is asked of it. The error is one
// line with a remedy; it also says so if there are no credentials, or AWS does not answer.
func Account(ctx context.Context, w *World) error {
	if w.AWS.Region == "" {
		return fmt.Errorf("stack %s has no literal region: synthesize it again", w.Stack.Name)
	}
	if w.AWS.Credentials == nil {
		return errNoCredentials
	}
	if _, err := w.AWS.Credentials.Retrieve(ctx); err != nil {
		return fmt.Errorf("%w (%s)", errNoCredentials, firstLine(err))
	}
	// AWS, "GetCallerIdentity": no permissions are required to perform this operation.
	identity, err := sts.NewFromConfig(w.AWS).GetCallerIdentity(ctx, nil)
	if err != nil {
		return fmt.Errorf("which account the credentials are for could not be asked: %s", explain(err, nil))
	}
	if expected := account(w.Stack); expected != "" && aws.ToString(identity.Account) != expected {
		return fmt.Errorf("the credentials are for account %s, but %s is in account %s: choose another AWS_PROFILE",
			aws.ToString(identity.Account), w.Stack.Name, expected)
	}
	return nil
}

// Run asks every check that applies to the stack, in order. The error is that of ctx; all others are results.
func Run(ctx context.Context, w *World) ([]Result, error) {
	var results []Result
	for _, check := range Checks() {
		if !check.applies(w.Stack) {
			continue
		}
		result := check.run(ctx, w)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		results = append(results, result)
	}
	return results, nil
}

func (c Check) run(ctx context.Context, w *World) Result {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	result := Result{Check: c.ID, Proves: c.Proves}
	seen, err := c.ask(ctx, w)
	switch {
	case err != nil && isMissing(err):
		result.Status, result.Seen, result.Do = Failed, firstLine(err), "Apply the stack: AWS does not have it."
	case err != nil:
		result.Status, result.Seen, result.Do = Unknown, explain(err, c.Permissions), "Remove the obstacle and run it again."
	case len(seen.faults) > 0:
		result.Status, result.Seen, result.Do = Failed, summarize(seen.faults), c.Remedy
	default:
		result.Status, result.Seen = Passed, seen.seen
	}
	return result
}

// shownFaults is how many faults one line names.
const shownFaults = 3

func summarize(faults []string) string {
	if len(faults) <= shownFaults {
		return strings.Join(faults, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(faults[:shownFaults], "; "), len(faults)-shownFaults)
}

// has returns whether a stack has a resource of the type.
func has(typ string) func(*tree.Stack) bool {
	return func(s *tree.Stack) bool { return len(s.OfType(typ)) > 0 }
}
