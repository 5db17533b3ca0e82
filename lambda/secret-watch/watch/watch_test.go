package watch

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/batbern/infrastructure/internal/mototest"
	"github.com/batbern/infrastructure/lambda/event"
)

func TestMain(m *testing.M) {
	code := m.Run()
	mototest.Stop()
	os.Exit(code)
}

// fixture is the function in front of a real Secrets Manager API, at a time that the test chooses.
type fixture struct {
	t               *testing.T
	moto            *mototest.Server
	client          *secretsmanager.Client
	function        *Function
	operations      map[string]bool
	metrics, output bytes.Buffer
}

func newFixture(t *testing.T) *fixture {
	moto := mototest.Shared(t)
	f := &fixture{t: t, moto: moto, client: secretsmanager.NewFromConfig(moto.Config()), operations: map[string]bool{}}
	settings := moto.Config()
	settings.HTTPClient = &http.Client{Transport: f}
	f.function = &Function{Secrets: secretsmanager.NewFromConfig(settings), Metrics: &f.metrics, Log: slog.New(slog.NewJSONHandler(&f.output, nil)), Now: time.Now}
	t.Cleanup(func() {
		for operation := range f.operations {
			if operation != "secretsmanager.DescribeSecret" && operation != "secretsmanager.ListSecretVersionIds" {
				t.Errorf("the function called %s", operation)
			}
		}
		if strings.Contains(f.metrics.String()+f.output.String(), value) {
			t.Error("the function told a value")
		}
	})
	return f
}

const value = "value-that-nobody-may-see"

func (f *fixture) RoundTrip(request *http.Request) (*http.Response, error) {
	f.operations[request.Header.Get("X-Amz-Target")] = true
	return http.DefaultTransport.RoundTrip(request)
}

// secret makes one, with or without a value.
func (f *fixture) secret(values ...string) event.WatchedSecret {
	f.t.Helper()
	input := &secretsmanager.CreateSecretInput{Name: aws.String("batbern-test/" + rand.Text())}
	if len(values) > 0 {
		input.SecretString = &values[0]
	}
	made, err := f.client.CreateSecret(f.t.Context(), input)
	if err != nil {
		f.t.Fatal(err)
	}
	return event.WatchedSecret{Name: *made.Name, ARN: *made.ARN}
}

// after moves the function's clock.
func (f *fixture) after(span time.Duration) {
	f.function.Now = func() time.Time { return time.Now().Add(span) }
}

// measure runs the function and returns the metrics it wrote, by secret.
func (f *fixture) measure(secrets ...event.WatchedSecret) (map[string]map[string]float64, error) {
	f.t.Helper()
	f.metrics.Reset()
	err := f.function.Handle(f.t.Context(), event.SecretWatch{Secrets: secrets})
	found := map[string]map[string]float64{}
	for line := range strings.Lines(f.metrics.String()) {
		maps.Copy(found, readEmbedded(f.t, line))
	}
	return found, err
}

// readEmbedded reads a line as CloudWatch does: what the directive names is a metric, and nothing else.
func readEmbedded(t *testing.T, line string) map[string]map[string]float64 {
	t.Helper()
	var fields map[string]any
	var metadata struct {
		AWS struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name string }
			}
		} `json:"_aws"`
	}
	if err := errors.Join(json.Unmarshal([]byte(line), &fields), json.Unmarshal([]byte(line), &metadata)); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	if at := time.UnixMilli(metadata.AWS.Timestamp); at.Year() < 2025 || at.Year() > 2100 {
		t.Errorf("%s: the time %v is not one in milliseconds", line, at)
	}
	if len(metadata.AWS.CloudWatchMetrics) != 1 {
		t.Fatalf("%s: no directive", line)
	}
	directive := metadata.AWS.CloudWatchMetrics[0]
	if directive.Namespace != Namespace || len(directive.Dimensions) != 1 || len(directive.Dimensions[0]) != 1 || directive.Dimensions[0][0] != "Secret" {
		t.Errorf("%s: metrics are %s by %v", line, directive.Namespace, directive.Dimensions)
	}
	values := map[string]float64{}
	for _, metric := range directive.Metrics {
		number, isNumber := fields[metric.Name].(float64)
		if !isNumber {
			t.Errorf("%s: %s has no value", line, metric.Name)
		}
		values[metric.Name] = number
	}
	name, _ := fields["Secret"].(string)
	return map[string]map[string]float64{name: values}
}

func TestRotatedSecrets(t *testing.T) {
	f := newFixture(t)
	rotated, never, off := f.secret(value), f.secret(), f.secret(value)
	for _, secret := range []*event.WatchedSecret{&rotated, &never, &off} {
		secret.RotateEveryDays = 30
	}
	f.moto.BeginRotation(t, rotated.ARN, strings.ToLower(rand.Text()+rand.Text()), true)
	f.moto.BeginRotation(t, off.ARN, strings.ToLower(rand.Text()+rand.Text()), true)
	if _, err := f.client.CancelRotateSecret(t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: &off.ARN}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after         time.Duration
		rotated, days float64
	}{
		{time.Hour, 0, 0},
		{29 * day, 0, 29},
		{31*day + time.Hour, 0, 31}, // late, but within what Secrets Manager may take
		{33 * day, 1, 33},
	} {
		f.after(c.after)
		found, err := f.measure(rotated, never, off)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprint(map[string]map[string]float64{
			rotated.Name: {RotationOverdue: c.rotated, DaysSinceRotation: c.days},
			never.Name:   {RotationOverdue: 1, DaysSinceRotation: c.days},
			off.Name:     {RotationOverdue: 1, DaysSinceRotation: c.days},
		})
		if got := fmt.Sprint(found); got != want {
			t.Errorf("after %v: got %s, want %s", c.after, got, want)
		}
	}
}

// answers stands in for what moto cannot be brought to say: a secret whose rotation is on and has never come.
type answers string

func (a answers) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(a)))}, nil
}

func TestFirstRotationIsDueAtOnce(t *testing.T) {
	f := newFixture(t)
	f.function.Now = func() time.Time { return time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC) }
	secret := event.WatchedSecret{Name: "a", ARN: "arn:a", RotateEveryDays: 30}
	for made, want := range map[time.Time]float64{
		time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC): 0,
		time.Date(2026, 1, 29, 12, 0, 0, 0, time.UTC): 1,
	} {
		settings := f.moto.Config()
		settings.HTTPClient = &http.Client{Transport: answers(fmt.Sprintf(`{"RotationEnabled": true, "CreatedDate": %d}`, made.Unix()))}
		f.function.Secrets = secretsmanager.NewFromConfig(settings)
		found, err := f.measure(secret)
		if err != nil || found["a"][RotationOverdue] != want {
			t.Errorf("made %v: got %v, %v, want overdue %v", made, found, err, want)
		}
	}
	settings := f.moto.Config()
	settings.HTTPClient = &http.Client{Transport: answers(`{}`)}
	f.function.Secrets = secretsmanager.NewFromConfig(settings)
	if _, err := f.measure(secret); err == nil || !strings.Contains(err.Error(), "neither when it was made") {
		t.Errorf("an answer without a date: %v", err)
	}
}

func TestExternalSecrets(t *testing.T) {
	f := newFixture(t)
	filled, empty := f.secret(value), f.secret()
	filled.MaxAgeDays, empty.MaxAgeDays = 90, 90
	settings := f.moto.Config()
	made := time.Now().Truncate(time.Second)
	for after, want := range map[time.Duration]float64{time.Hour: 89, 76*day + time.Hour: 13, 90*day + time.Hour: -1, 100 * day: -10} {
		// moto says that each version was made now
		f.function.Now = func() time.Time { return made.Add(after) }
		settings.HTTPClient = &http.Client{Transport: answers(fmt.Sprintf(`{"Versions": [
			{"VersionId": "a", "VersionStages": ["AWSPREVIOUS"], "CreatedDate": %d},
			{"VersionId": "b", "VersionStages": ["AWSCURRENT"], "CreatedDate": %d}]}`, made.Add(-400*day).Unix(), made.Unix()))}
		f.function.Secrets = secretsmanager.NewFromConfig(settings)
		found, err := f.measure(filled)
		if err != nil || found[filled.Name][DaysUntilExpiry] != want || len(found[filled.Name]) != 1 {
			t.Errorf("after %v: got %v, %v, want %v days", after, found, err, want)
		}
	}

	f = newFixture(t)
	f.after(80 * day)
	found, err := f.measure(filled, empty)
	if err != nil || found[filled.Name] == nil || found[empty.Name] != nil {
		t.Errorf("got %v, %v", found, err)
	}
	if !strings.Contains(f.output.String(), "has no value") || !strings.Contains(f.output.String(), empty.Name) {
		t.Errorf("nobody is told of a secret without a value: %s", f.output.String())
	}
}

// pages answers each call with the next of its texts.
type pages struct{ texts []string }

func (p *pages) RoundTrip(request *http.Request) (*http.Response, error) {
	text := p.texts[0]
	p.texts = p.texts[1:]
	return answers(text).RoundTrip(request)
}

// The edges of a value's life, to the second: the alarm speaks below 14 days, and a value that has ended is below 0.
func TestEdgesOfAValuesLife(t *testing.T) {
	f := newFixture(t)
	made := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for after, want := range map[time.Duration]float64{
		0:                    90,
		time.Second:          89,
		76 * day:             14, // the last day of silence
		76*day + time.Second: 13,
		90*day - time.Second: 0,
		90 * day:             0, // the last moment
		90*day + time.Second: -1,
		-time.Hour:           90, // a clock that is behind AWS's
		3650*day + time.Hour: -3561,
	} {
		f.function.Now = func() time.Time { return made.Add(after) }
		f.answer(fmt.Sprintf(`{"Versions": [{"VersionStages": ["AWSCURRENT", "AWSPENDING"], "CreatedDate": %d}]}`, made.Unix()))
		found, err := f.measure(event.WatchedSecret{Name: "a", ARN: "arn:a", MaxAgeDays: 90})
		if err != nil || found["a"][DaysUntilExpiry] != want {
			t.Errorf("after %v: got %v, %v, want %v days", after, found, err, want)
		}
	}
}

// answer has the API answer with these texts.
func (f *fixture) answer(texts ...string) {
	settings := f.moto.Config()
	settings.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	settings.HTTPClient = &http.Client{Transport: &pages{texts}}
	f.function.Secrets = secretsmanager.NewFromConfig(settings)
}

func TestCurrentVersionIsFoundOnEveryPage(t *testing.T) {
	f := newFixture(t)
	made := time.Now().Add(-10 * day).Unix()
	f.answer(`{"Versions": [{"VersionStages": ["AWSPREVIOUS"], "CreatedDate": 1}, {"CreatedDate": 2}], "NextToken": "next"}`,
		fmt.Sprintf(`{"Versions": [{"VersionStages": ["AWSCURRENT"], "CreatedDate": %d}]}`, made))
	found, err := f.measure(event.WatchedSecret{Name: "a", ARN: "arn:a", MaxAgeDays: 30})
	if err != nil || found["a"][DaysUntilExpiry] != 19 {
		t.Errorf("got %v, %v", found, err)
	}
}

// A date that is missing or no date is a fault of the call, which has an alarm, and no metric that calms.
func TestAgeThatIsNotKnownIsAFault(t *testing.T) {
	for text, want := range map[string]string{
		`{"Versions": [{"VersionStages": ["AWSCURRENT"]}]}`:                                "does not say when",
		`{"Versions": [{"VersionStages": ["AWSCURRENT"], "CreatedDate": null}]}`:           "does not say when",
		`{"Versions": [{"VersionStages": ["AWSCURRENT"], "CreatedDate": "last Tuesday"}]}`: "deserialization failed",
		`{"Versions": [{"VersionStages": "AWSCURRENT", "CreatedDate": 1}]}`:                "deserialization failed",
		`half an ans`: "deserialization failed",
	} {
		f := newFixture(t)
		f.answer(text)
		found, err := f.measure(event.WatchedSecret{Name: "a", ARN: "arn:a", MaxAgeDays: 30})
		if err == nil || !strings.Contains(err.Error(), want) || len(found) > 0 {
			t.Errorf("%s: measured %v, %v, want %q", text, found, err, want)
		}
	}
	for text, want := range map[string]string{
		`{"RotationEnabled": true, "LastRotatedDate": "yesterday"}`: "deserialization failed",
		`{"RotationEnabled": true, "LastRotatedDate": null}`:        "neither when it was made",
	} {
		f := newFixture(t)
		f.answer(text)
		found, err := f.measure(event.WatchedSecret{Name: "a", ARN: "arn:a", RotateEveryDays: 30})
		if err == nil || !strings.Contains(err.Error(), want) || len(found) > 0 {
			t.Errorf("%s: measured %v, %v, want %q", text, found, err, want)
		}
	}
}

func TestFaultOfOneSecretDoesNotHideTheOthers(t *testing.T) {
	f := newFixture(t)
	first, last := f.secret(value), f.secret(value)
	first.MaxAgeDays, last.MaxAgeDays = 90, 90
	missing := []event.WatchedSecret{{Name: "gone", ARN: first.ARN + "x", RotateEveryDays: 30}, {Name: "gone too", ARN: first.ARN + "x", MaxAgeDays: 30}}
	found, err := f.measure(first, missing[0], missing[1], last)
	if len(found) != 2 {
		t.Errorf("measured %v", found)
	}
	var notFound *types.ResourceNotFoundException
	if !errors.As(err, &notFound) || !strings.Contains(err.Error(), "gone: describe it") || !strings.Contains(err.Error(), "gone too: list its versions") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(f.output.String(), "not all secrets were measured") {
		t.Errorf("the log says %s", f.output.String())
	}
	f.function.Metrics = full{}
	if _, err := f.measure(first); err == nil || !strings.Contains(err.Error(), "write its metrics") {
		t.Errorf("a log that takes nothing: %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestNothingToWatchIsRefused(t *testing.T) {
	f := newFixture(t)
	if _, err := f.measure(); err == nil {
		t.Error("an event without secrets was accepted")
	}
}

func TestFromEnvironment(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-central-1")
	if _, err := FromEnvironment(t.Context()); err != nil {
		t.Error(err)
	}
	t.Setenv("AWS_MAX_ATTEMPTS", "many")
	if _, err := FromEnvironment(t.Context()); err == nil {
		t.Error("took a faulty setting of the SDK")
	}
}
