package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/verify"
)

// VerifyCmd asks AWS, read-only, whether what a stack promises really works. It needs the permissions that the entries
// of verify.Checks name, in the stack's account.
type VerifyCmd struct {
	jsonFlag
	Dir string          `help:"Synthesized stacks." default:"cdktf.out" placeholder:"DIR"`
	Env environmentName `help:"The environment, or base." required:"" placeholder:"ENV" completion-predictor:"environment"`
}

// verifyTimeout is the limit of one request to a service or the site.
const verifyTimeout = 20 * time.Second

// Run asks every check, prints what was seen, and fails if a check failed (exit code 1) or could not be asked (3).
func (c *VerifyCmd) Run(ctx context.Context, std streams) error {
	synthesized, err := load(c.Dir)
	if err != nil {
		return err
	}
	stacks, err := only(synthesized.Stacks, c.Env)
	if err != nil {
		return err
	}
	settings, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(stacks[0].Regions["aws"]))
	if err != nil {
		return unanswered{fmt.Errorf("load the AWS configuration: %w; see AWS_PROFILE and ~/.aws/config", err)}
	}
	quotas, err := c.quotas()
	if err != nil {
		return err
	}
	world := &verify.World{
		Stack: stacks[0], Quotas: quotas, AWS: settings, HTTP: &http.Client{Timeout: verifyTimeout}, Now: time.Now,
		GitHub: "https://api.github.com", Token: os.Getenv("GITHUB_TOKEN"),
	}
	if err := verify.Account(ctx, world); err != nil {
		return unanswered{err}
	}
	results, err := verify.Run(ctx, world)
	if err != nil {
		return err
	}
	if err := c.print(std.Out, results, func() error { return verify.Write(std.Out, results) }); err != nil {
		return err
	}
	return conclude(results)
}

// quotas are those that the environment's configuration counts on. The base, and a stack of no configuration, has none.
func (c *VerifyCmd) quotas() ([]config.Quota, error) {
	if !slices.Contains(config.Names(), config.Name(c.Env)) {
		return nil, nil
	}
	environment, err := loadEnvironment(c.Env)
	if err != nil {
		return nil, err
	}
	return environment.AccountQuotas(), nil
}

// conclude returns the error for the results: a failed check outweighs one that could not be asked.
func conclude(results []verify.Result) error {
	count := map[verify.Status]int{}
	for _, result := range results {
		count[result.Status]++
	}
	switch {
	case count[verify.Failed] > 0:
		return fmt.Errorf("%d of %d checks failed", count[verify.Failed], len(results))
	case count[verify.Unknown] > 0:
		return unanswered{fmt.Errorf("%d of %d checks could not be asked", count[verify.Unknown], len(results))}
	}
	return nil
}

// unanswered is the error of a question that could not be asked, which says nothing about the platform.
type unanswered struct{ error }

func (e unanswered) Unwrap() error { return e.error }

// ExitCode implements kong.ExitCoder.
func (unanswered) ExitCode() int { return exitUnanswered }
