package bootstrap

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/batbern/infrastructure/internal/mototest"
	"github.com/batbern/infrastructure/lambda/event"
)

const awaitedPassword = "awaited-password"

// awaiter is the function in front of a real Secrets Manager API, with an eye on its requests.
type awaiter struct {
	*fixture
	looks   int
	between func(look int, request *http.Request) error // what happens before a look; an error takes its place
}

func newAwaiter(t *testing.T) *awaiter {
	moto := mototest.Shared(t)
	a := &awaiter{fixture: &fixture{t: t, client: secretsmanager.NewFromConfig(moto.Config()), output: &bytes.Buffer{}}}
	settings := moto.Config()
	settings.HTTPClient = &http.Client{Transport: a}
	settings.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	a.function = &Function{
		Secrets: secretsmanager.NewFromConfig(settings), Log: slog.New(slog.NewJSONHandler(a.output, nil)), AwaitPause: time.Microsecond,
	}
	return a
}

func (a *awaiter) RoundTrip(request *http.Request) (*http.Response, error) {
	a.looks++
	if a.between != nil {
		if err := a.between(a.looks, request); err != nil {
			return nil, err
		}
	}
	return http.DefaultTransport.RoundTrip(request)
}

func (a *awaiter) await(ctx context.Context, arns ...string) error {
	_, err := a.function.Handle(ctx, event.Bootstrap{AwaitPasswords: arns})
	if said := fmt.Sprint(err) + a.output.String(); strings.Contains(said, awaitedPassword) {
		a.t.Errorf("the function told the password: %s", said)
	}
	return err
}

func described(password string) string {
	return fmt.Sprintf(`{"engine":"postgres","host":"localhost","username":"events","password":%q,"masterarn":"arn:aws:x"}`, password)
}

func TestPasswordsAreAwaited(t *testing.T) {
	a := newAwaiter(t)
	empty, description, complete := a.emptySecret(), a.secret(described("")), a.secret(described(awaitedPassword))
	a.between = func(look int, _ *http.Request) error {
		switch look {
		case 4: // after all three were looked at once
			a.put(empty, described(""))
		case 6:
			a.put(description, described(awaitedPassword))
		case 9:
			a.put(empty, described(awaitedPassword))
		}
		return nil
	}
	if err := a.await(t.Context(), empty, description, complete); err != nil {
		t.Fatal(err)
	}
	if a.looks < 9 {
		t.Errorf("was content after %d looks, before the last password was there", a.looks)
	}
	if err := a.await(t.Context(), empty, description, complete); err != nil {
		t.Errorf("a second call: %v", err)
	}
}

func TestPasswordsThatDoNotComeAreNamed(t *testing.T) {
	a := newAwaiter(t)
	empty, description, complete := a.emptySecret(), a.secret(described("")), a.secret(described(awaitedPassword))
	byHand := a.secret(`{"password":"` + awaitedPassword + `"}`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a.between = func(look int, _ *http.Request) error {
		if look > 20 {
			cancel() // the function's time is up
		}
		return nil
	}
	err := a.await(ctx, empty, description, complete, byHand)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"await first passwords", "3 of 4 secrets", empty + ": it has no value", description + ": its current value holds no password yet",
		byHand + ": secret value: engine is missing", "log of the rotation function", "RotationFailed",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v\nwant it to say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), complete) {
		t.Errorf("names a secret that has a password: %v", err)
	}
}

func TestFaultWhileAwaitingPasses(t *testing.T) {
	a := newAwaiter(t)
	arn := a.secret(described(awaitedPassword))
	a.between = func(look int, _ *http.Request) error {
		if look < 3 {
			return fmt.Errorf("the network is away")
		}
		return nil
	}
	if err := a.await(t.Context(), arn); err != nil {
		t.Error(err)
	}
}

func TestWaitLeavesTimeForAnAnswer(t *testing.T) {
	for _, total := range []time.Duration{300 * time.Second, 10 * time.Second} {
		deadline := time.Now().Add(total)
		call, cancel := context.WithDeadline(t.Context(), deadline)
		waiting, stop := untilAnswer(call)
		until, bounded := waiting.Deadline()
		if !bounded || !until.Before(deadline) || deadline.Sub(until) > answerTime {
			t.Errorf("of %v it waits until %v before the end", total, deadline.Sub(until))
		}
		stop()
		cancel()
	}
}

func TestDestroyAwaitsNothing(t *testing.T) {
	function := &Function{Log: slog.New(slog.DiscardHandler)}
	input := event.Bootstrap{AwaitPasswords: []string{"arn:a"}}
	input.Terraform.Action = "delete"
	if _, err := function.Handle(t.Context(), input); err != nil {
		t.Errorf("destroy: %v", err)
	}
}
