// Package watch measures how old secrets are: whether those that rotate by themselves did so in time, and how long the
// values that people put in may still be used. It writes metrics, on which alarms are made, and reads no value: the
// function has no right to.
package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/batbern/infrastructure/lambda/event"
	"github.com/batbern/infrastructure/lambda/internal/awsapi"
)

// The metrics, each with the dimension event.WatchedSecret, its name.
const (
	// Namespace is theirs in CloudWatch.
	Namespace = "BATbern/Secrets"
	// RotationOverdue is 1 for a secret that should have rotated by now, or whose rotation is switched off, and else 0.
	RotationOverdue = "RotationOverdue"
	// DaysSinceRotation is how long ago a secret rotated; without a rotation yet, how long ago it was made.
	DaysSinceRotation = "DaysSinceRotation"
	// DaysUntilExpiry is how long a value that a person put in may still be used; negative when it is too old. A secret
	// without a value has none.
	DaysUntilExpiry = "DaysUntilExpiry"
)

const (
	day = 24 * time.Hour
	// grace is what a rotation may be late: Secrets Manager takes until the end of the day that it is due, and tries
	// again after a failure.
	grace = 2 * day
)

// Function measures secrets. It holds no state between calls.
type Function struct {
	Secrets *secretsmanager.Client
	Metrics io.Writer // takes a metric a line, which CloudWatch reads from the function's log
	Log     *slog.Logger
	Now     func() time.Time
}

// FromEnvironment makes the function as it runs in AWS.
func FromEnvironment(ctx context.Context) (*Function, error) {
	settings, err := awsapi.Load(ctx)
	if err != nil {
		return nil, err
	}
	return &Function{
		Secrets: secretsmanager.NewFromConfig(settings),
		Metrics: os.Stdout,
		Log:     slog.New(slog.NewJSONHandler(os.Stdout, nil)),
		Now:     time.Now,
	}, nil
}

// Handle measures every secret of the event. One that cannot be looked at does not keep it from the others: the
// call fails at its end.
func (f *Function) Handle(ctx context.Context, input event.SecretWatch) error {
	err := input.Validate()
	if err == nil {
		err = f.measureAll(awsapi.Invocation(ctx), input.Secrets)
	}
	if err != nil {
		f.Log.ErrorContext(ctx, "not all secrets were measured", "cause", err.Error())
	}
	return err
}

func (f *Function) measureAll(ctx context.Context, secrets []event.WatchedSecret) error {
	var faults []error
	for _, secret := range secrets {
		measure := f.measureExternal
		if secret.RotateEveryDays > 0 {
			measure = f.measureRotated
		}
		if err := measure(ctx, secret); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", secret.Name, err))
		}
	}
	return errors.Join(faults...)
}

func (f *Function) measureRotated(ctx context.Context, secret event.WatchedSecret) error {
	found, err := f.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &secret.ARN})
	if err != nil {
		return fmt.Errorf("describe it: %w", err)
	}
	// the first rotation is due at once, the others after their interval
	last, due := found.LastRotatedDate, time.Duration(secret.RotateEveryDays)*day
	if last == nil {
		last, due = found.CreatedDate, 0
	}
	if last == nil {
		return errors.New("describe it: the answer says neither when it was made nor when it rotated")
	}
	age, overdue := f.Now().Sub(*last), 0.0
	switch enabled := found.RotationEnabled != nil && *found.RotationEnabled; {
	case !enabled:
		overdue = 1
		f.Log.WarnContext(ctx, "rotation is switched off", "secret", secret.Name)
	case age > due+grace:
		overdue = 1
		f.Log.WarnContext(ctx, "rotation is overdue", "secret", secret.Name, "last", last.UTC().Format(time.DateOnly), "everyDays", secret.RotateEveryDays)
	}
	return f.emit(secret.Name, map[string]float64{RotationOverdue: overdue, DaysSinceRotation: days(age)})
}

func (f *Function) measureExternal(ctx context.Context, secret event.WatchedSecret) error {
	made, err := f.currentSince(ctx, secret.ARN)
	if err != nil {
		return err
	}
	if made == nil {
		f.Log.WarnContext(ctx, "has no value: put one in, or take the secret out of the configuration", "secret", secret.Name)
		return nil
	}
	left := days(made.Add(time.Duration(secret.MaxAgeDays) * day).Sub(f.Now()))
	return f.emit(secret.Name, map[string]float64{DaysUntilExpiry: left})
}

// currentSince is when the value in use was put in, nil without one. A value that nobody knows the age of is a fault, and
// not silence. DescribeSecret's LastChangedDate would not do: a
// changed tag makes the oldest value look new.
func (f *Function) currentSince(ctx context.Context, arn string) (*time.Time, error) {
	pages := secretsmanager.NewListSecretVersionIdsPaginator(f.Secrets, &secretsmanager.ListSecretVersionIdsInput{SecretId: &arn})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list its versions: %w", err)
		}
		for _, version := range page.Versions {
			if !slices.Contains(version.VersionStages, "AWSCURRENT") {
				continue
			}
			if version.CreatedDate == nil {
				return nil, errors.New("list its versions: the answer does not say when the current one was made")
			}
			return version.CreatedDate, nil
		}
	}
	return nil, nil
}

// days are whole ones; a day that has begun does not count, and one that has passed does.
func days(span time.Duration) float64 { return math.Floor(span.Hours() / 24) }
