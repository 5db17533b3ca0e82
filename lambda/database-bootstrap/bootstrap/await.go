package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/batbern/infrastructure/lambda/internal/redact"
	"github.com/batbern/infrastructure/lambda/internal/secret"
)

const (
	// longestAwaitPause is between two looks at a secret.
	longestAwaitPause = 15 * time.Second
	// answerTime is what is left of the call to say which secrets have no password.
	answerTime = 5 * time.Second
)

var errNoPassword = errors.New("its current value holds no password yet")

// await returns when the current value of every secret holds a password. Secrets Manager runs a first rotation some time
// after it was configured and tells nobody when it is done; Terraform's next resources need its result.
//
// It waits as long as the call may take. Until then no fault is final: a rotation under way ends, a network recovers.
func (f *Function) await(ctx context.Context, arns []string, redactor *redact.Redactor) error {
	ctx, cancel := untilAnswer(ctx)
	defer cancel()
	missing := map[string]error{} // why, by ARN
	for _, arn := range arns {
		missing[arn] = errors.New("there was no time to look")
	}
	for pause := f.AwaitPause; ; pause = min(2*pause, longestAwaitPause) {
		for arn := range missing {
			cause := f.hasPassword(ctx, arn, redactor)
			switch {
			case cause == nil:
				delete(missing, arn)
			case ctx.Err() == nil: // what a look without time left meets is not why the password is missing
				missing[arn] = cause
			}
		}
		if len(missing) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return withoutPassword(len(arns), missing)
		case <-time.After(pause):
		}
	}
}

// untilAnswer ends early enough before the call's own end to give an answer.
func untilAnswer(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return context.WithCancel(ctx)
	}
	reserve := min(answerTime, time.Until(deadline)/4)
	return context.WithDeadline(ctx, deadline.Add(-reserve))
}

func (f *Function) hasPassword(ctx context.Context, arn string, redactor *redact.Redactor) error {
	found, err := f.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
		SecretId: &arn, VersionStage: aws.String("AWSCURRENT"),
	})
	var noValue *types.ResourceNotFoundException
	switch {
	case errors.As(err, &noValue):
		return errors.New("it has no value, or does not exist")
	case err != nil:
		return fmt.Errorf("read it: %w", err)
	}
	value := aws.ToString(found.SecretString)
	redactor.Add(value)
	login, err := secret.Parse(value)
	redactor.Add(login.Password)
	switch {
	case err != nil:
		return err
	case login.Password == "":
		return errNoPassword
	}
	return nil
}

func withoutPassword(all int, missing map[string]error) error {
	var faults []string
	for _, arn := range slices.Sorted(maps.Keys(missing)) {
		faults = append(faults, fmt.Sprintf("%s: %v", arn, missing[arn]))
	}
	return fmt.Errorf("%d of %d secrets have no password in time: %s. The log of the rotation function says why, and so does "+
		"the event RotationFailed in CloudTrail; put that right, and rotate the secret again", len(missing), all, strings.Join(faults, "; "))
}
