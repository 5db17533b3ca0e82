package awsapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
)

// api answers calls in the test's own process, so that a minute of waiting takes no time.
type api struct {
	answer func(call int) (status int, code string)
	calls  int
}

func (a *api) RoundTrip(request *http.Request) (*http.Response, error) {
	a.calls++
	status, code := a.answer(a.calls)
	body := fmt.Sprintf(`{"__type":%q,"message":"planted"}`, code)
	if status == http.StatusOK {
		body = `{"ARN":"arn:aws:secretsmanager:x"}`
	}
	return &http.Response{StatusCode: status, Request: request, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}},
		Body: io.NopCloser(bytes.NewReader([]byte(body)))}, nil
}

func (a *api) client() *secretsmanager.Client {
	settings := aws.Config{Region: "eu-central-1", HTTPClient: &http.Client{Transport: a},
		Credentials: credentials.NewStaticCredentialsProvider("testing", "testing", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} }}
	AwaitPermissions(&settings)
	return secretsmanager.NewFromConfig(settings)
}

func describe(ctx context.Context, client *secretsmanager.Client) error {
	_, err := client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String("x")})
	return err
}

// deniedFor denies calls for that long after the first.
func deniedFor(span time.Duration, code string) func(int) (int, string) {
	var begun time.Time
	return func(int) (int, string) {
		if begun.IsZero() {
			begun = time.Now()
		}
		if time.Since(begun) < span {
			return http.StatusBadRequest, code
		}
		return http.StatusOK, ""
	}
}

func TestDeniedCallIsRepeatedUntilIAMKnowsThePermission(t *testing.T) {
	for _, code := range denials {
		for _, span := range []time.Duration{time.Second, 20 * time.Second, 50 * time.Second} {
			synctest.Test(t, func(t *testing.T) {
				a, begun := &api{answer: deniedFor(span, code)}, time.Now()
				if err := describe(t.Context(), a.client()); err != nil {
					t.Errorf("%s for %v: %v", code, span, err)
				}
				if took := time.Since(begun); took < span || took > span+longestPause {
					t.Errorf("%s for %v took %v", code, span, took)
				}
			})
		}
	}
}

func TestMissingPermissionIsReportedAfterAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, begun := &api{answer: deniedFor(time.Hour, "AccessDeniedException")}, time.Now()
		err := describe(t.Context(), a.client())
		var answer smithy.APIError
		if !errors.As(err, &answer) || answer.ErrorCode() != "AccessDeniedException" {
			t.Errorf("found %v", err)
		}
		if took := time.Since(begun); took < Patience-longestPause || took > Patience {
			t.Errorf("took %v", took)
		}
		if a.calls < 6 {
			t.Errorf("%d calls in a minute", a.calls)
		}
	})
}

func TestOtherFaultsAreNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &api{answer: deniedFor(time.Hour, "ResourceNotFoundException")}
		if err := describe(t.Context(), a.client()); err == nil || a.calls != 1 {
			t.Errorf("%d calls, %v", a.calls, err)
		}
	})
}

func TestCallsOfAnInvocationShareTheMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, begun := &api{answer: deniedFor(time.Hour, "AccessDeniedException")}, time.Now()
		ctx, client := Invocation(t.Context()), a.client()
		for range 30 {
			if err := describe(ctx, client); !IsDenied(err) {
				t.Fatal(err)
			}
		}
		if took := time.Since(begun); took > Patience {
			t.Errorf("30 calls took %v", took)
		}
		// the next invocation is patient again: the policy may have been corrected meanwhile
		before := a.calls
		if err := describe(Invocation(t.Context()), client); !IsDenied(err) || a.calls-before < 6 {
			t.Errorf("%d calls, %v", a.calls-before, err)
		}
	})
}

func TestDenialIsReportedBeforeTheDeadline(t *testing.T) {
	for _, timeout := range []time.Duration{3 * time.Second, 20 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			a := &api{answer: deniedFor(time.Hour, "AccessDeniedException")}
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			if err := describe(ctx, a.client()); !IsDenied(err) || ctx.Err() != nil {
				t.Errorf("of %v: %v, %v", timeout, err, ctx.Err())
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		a := &api{answer: deniedFor(time.Hour, "AccessDeniedException")}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3500*time.Millisecond, cancel)
		begun := time.Now()
		if err := describe(ctx, a.client()); err == nil || time.Since(begun) > 4*time.Second {
			t.Errorf("a cancelled call took %v: %v", time.Since(begun), err)
		}
	})
}

// The settings as the functions load them, over HTTP.
func TestLoadedSettingsAwaitPermissions(t *testing.T) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if calls++; calls == 1 {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"__type":"AccessDeniedException","message":"planted"}`)
			return
		}
		_, _ = io.WriteString(w, `{}`)
	}))
	defer server.Close()
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-central-1",
		"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"} {
		t.Setenv(name, value)
	}
	settings, err := Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := describe(t.Context(), secretsmanager.NewFromConfig(settings)); err != nil || calls != 2 {
		t.Errorf("%d calls, %v", calls, err)
	}
	t.Setenv("AWS_MAX_ATTEMPTS", "many")
	if _, err := Load(t.Context()); err == nil || !strings.Contains(err.Error(), "load the AWS SDK's settings") {
		t.Errorf("found %v", err)
	}
}

// Every function loads its settings here: one that does not would fail on a first apply.
func TestEveryFunctionLoadsItsSettingsHere(t *testing.T) {
	functions := 0
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte("awsapi.Load(")) {
			functions++
		}
		if bytes.Contains(content, []byte("LoadDefaultConfig(")) && filepath.Base(path) != "awsapi.go" {
			t.Errorf("%s loads the SDK's settings without patience for IAM: use awsapi.Load", path)
		}
		return err
	})
	if err != nil || functions != 4 {
		t.Errorf("%d functions call awsapi.Load, wanted 4: %v", functions, err)
	}
}
