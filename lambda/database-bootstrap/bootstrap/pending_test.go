package bootstrap

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/batbern/infrastructure/internal/mototest"
	"github.com/batbern/infrastructure/lambda/event"
)

// between lets API calls through, notes them, and runs something before one of them.
type between struct {
	before string
	run    func()
	calls  []string
}

func (b *between) RoundTrip(request *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(request.Header.Get("X-Amz-Target"), ".")
	b.calls = append(b.calls, operation)
	if operation == b.before && b.run != nil {
		b.run()
		b.run = nil
	}
	return http.DefaultTransport.RoundTrip(request)
}

// withTransport is the function with another way to the API, and without the SDK's own repetitions.
func (f *fixture) withTransport(transport http.RoundTripper) *Function {
	changed := *f.function
	changed.Secrets = secretsmanager.NewFromConfig(mototest.Shared(f.t).Config(), func(o *secretsmanager.Options) {
		o.HTTPClient, o.Retryer = &http.Client{Transport: transport}, aws.NopRetryer{}
	})
	return &changed
}

// outdated is a secret whose description names the host that the database had before.
func (f *fixture) outdated() (arn string) {
	f.event.Schemas, f.event.Logins = f.event.Schemas[:1], f.event.Logins[:1]
	login := &f.event.Logins[0]
	login.Reads, login.SecretARN = nil, f.secret(fmt.Sprintf(`{"engine":"postgres","host":"before.example.com","port":%d,`+
		`"dbname":%q,"username":%q,"masterarn":%q,"password":"current-password"}`,
		f.event.Port, f.event.Database, login.Name, f.event.MasterSecretARN))
	return login.SecretARN
}

// rotate labels a version AWSPENDING, with a password where one is given, and makes it current where asked to.
func (f *fixture) rotate(arn, password string, finish bool) (version string) {
	f.t.Helper()
	version = strings.ToLower(rand.Text() + rand.Text())
	mototest.Shared(f.t).BeginRotation(f.t, arn, version, true)
	if password == "" {
		return version
	}
	value := strings.Replace(f.valueOf(arn), "current-password", password, 1)
	_, err := f.client.PutSecretValue(f.t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: &arn, SecretString: &value, ClientRequestToken: &version, VersionStages: []string{"AWSPENDING"},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	if finish {
		for id, labels := range f.labels(arn) {
			if slices.Contains(labels, "AWSCURRENT") {
				_, err = f.client.UpdateSecretVersionStage(f.t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
					SecretId: &arn, VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: &version, RemoveFromVersionId: &id,
				})
			}
		}
		if err != nil {
			f.t.Fatal(err)
		}
	}
	return version
}

func (f *fixture) labels(arn string) map[string][]string {
	f.t.Helper()
	found, err := f.client.DescribeSecret(f.t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &arn})
	if err != nil {
		f.t.Fatal(err)
	}
	return found.VersionIdsToStages
}

// The database may have the pending password already: a new current value would lose it.
func TestPendingRotationIsNotOverwritten(t *testing.T) {
	for name, password := range map[string]string{"with a password": "pending-password", "without a value yet": ""} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			arn := f.outdated()
			version := f.rotate(arn, password, false)
			before := f.valueOf(arn)
			calls := &between{}
			_, err := f.withTransport(calls).Handle(t.Context(), f.event)
			for _, part := range []string{"rotation is pending", version, arn, "apply again", "update-secret-version-stage"} {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("got %v\nwant it to say %q", err, part)
				}
			}
			if slices.Contains(calls.calls, "PutSecretValue") || f.valueOf(arn) != before {
				t.Errorf("the current value was written: %v", calls.calls)
			}
			if labels := f.labels(arn)[version]; !slices.Contains(labels, "AWSPENDING") {
				t.Errorf("the pending version has the labels %v", labels)
			}
			for _, secret := range []string{"pending-password", "current-password"} {
				if strings.Contains(fmt.Sprint(err)+f.output.String(), secret) {
					t.Error("a password was logged")
				}
			}
		})
	}
	t.Run("nothing to write", func(t *testing.T) {
		f := newFixture(t)
		arn := f.outdated()
		f.run()
		f.rotate(arn, "pending-password", false)
		f.assertConverged() // a rotation is no reason to fail where the description is right
	})
	t.Run("a finished rotation whose label stayed", func(t *testing.T) {
		f := newFixture(t)
		arn := f.outdated()
		version := f.rotate(arn, "rotated-password", true)
		if labels := f.labels(arn)[version]; !slices.Contains(labels, "AWSPENDING") || !slices.Contains(labels, "AWSCURRENT") {
			t.Fatalf("the version has the labels %v", labels)
		}
		f.run()
		if value := f.valueOf(arn); !strings.Contains(value, "rotated-password") || strings.Contains(value, "before.example.com") {
			t.Error("the description was not corrected, or lost the password")
		}
	})
	t.Run("a rotation that ends between the read and the check", func(t *testing.T) {
		f := newFixture(t)
		arn := f.outdated()
		calls := &between{before: "DescribeSecret", run: func() { f.rotate(arn, "rotated-password", true) }}
		_, err := f.withTransport(calls).Handle(t.Context(), f.event)
		if err == nil || !strings.Contains(err.Error(), "rotated a moment ago") {
			t.Errorf("got %v", err)
		}
		if !strings.Contains(f.valueOf(arn), "rotated-password") {
			t.Error("the new password was replaced by the one that was read before")
		}
		f.run()
		if value := f.valueOf(arn); !strings.Contains(value, "rotated-password") || strings.Contains(value, "before.example.com") {
			t.Error("another call did not correct the description")
		}
	})
	t.Run("a master that RDS does not manage", func(t *testing.T) {
		f := newFixture(t)
		master := event.Master{Host: f.event.Host, Port: f.event.Port, Database: f.event.Database, Name: "batbern_master",
			InstanceID: "batbern-prod-postgres", SecretARN: f.outdated()}
		f.rotate(master.SecretARN, "pending-password", false)
		_, err := f.function.Handle(t.Context(), event.Bootstrap{DescribeMaster: &master})
		if err == nil || !strings.Contains(err.Error(), "rotation is pending") {
			t.Errorf("got %v", err)
		}
	})
}

// Every API call is lost in turn, or its answer, while a rotation is pending: whatever fails, nothing is written, and the
// pending password stays.
func TestPendingRotationSurvivesEveryFault(t *testing.T) {
	for _, after := range []bool{false, true} {
		for at, broke := 1, true; broke && !t.Failed(); at++ {
			t.Run(fmt.Sprintf("call %d, after the effect %v", at, after), func(t *testing.T) {
				f := newFixture(t)
				arn := f.outdated()
				version := f.rotate(arn, "pending-password", false)
				before := f.valueOf(arn)
				api := &faultyAPI{at: at, after: after}
				_, err := f.withTransport(api).Handle(t.Context(), f.event)
				broke = len(api.calls) == at
				if err == nil || broke && !strings.Contains(err.Error(), "planted network failure") {
					t.Errorf("calls %v: %v", api.calls, err)
				}
				if _, err := f.function.Handle(t.Context(), f.event); err == nil || !strings.Contains(err.Error(), "rotation is pending") {
					t.Errorf("another call: %v", err)
				}
				if f.valueOf(arn) != before || !slices.Contains(f.labels(arn)[version], "AWSPENDING") {
					t.Error("the current value or the pending version changed")
				}
				if slices.Contains(api.calls, "PutSecretValue") {
					t.Errorf("calls %v", api.calls)
				}
			})
		}
	}
}
