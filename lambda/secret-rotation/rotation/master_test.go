package rotation

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/jackc/pgx/v5"

	"github.com/batbern/infrastructure/internal/pgtest"
)

// instance is a real RDS API whose one instance is the test's PostgreSQL: what it says of the endpoint is put right, and
// a password that it takes is set, as RDS does, some time later.
type instance struct {
	f          *fixture
	mu         sync.Mutex // RDS makes one change after the other
	id, master string
	address    string // what it says its endpoint is; the test's server unless changed
	port       int
	late       bool // the change is left to the test
	lost       bool // the change is made, and the answer is not heard
	changes    int
	pending    string
}

// newMasterFixture makes the master of an instance, with a password that nobody knows, and a secret that describes it.
func newMasterFixture(t testing.TB, master string) (*fixture, *instance) {
	f := newServers(t, master)
	f.server.Exec(t, "postgres", "CREATE ROLE "+pgx.Identifier{master}.Sanitize()+" LOGIN CREATEROLE PASSWORD '"+rand.Text()+"'")
	t.Cleanup(func() { f.server.Exec(noContext{t}, "postgres", "DROP ROLE "+pgx.Identifier{master}.Sanitize()) })
	i := &instance{f: f, id: "batbern-" + strings.ToLower(rand.Text()), master: master, address: pgtest.Host, port: f.server.Port}
	_, err := rds.NewFromConfig(f.moto.Config()).CreateDBInstance(t.Context(), &rds.CreateDBInstanceInput{
		DBInstanceIdentifier: &i.id, MasterUsername: &master, MasterUserPassword: aws.String(rand.Text()),
		DBInstanceClass: aws.String("db.t4g.micro"), Engine: aws.String("postgres"), AllocatedStorage: aws.Int32(20),
	})
	if err != nil {
		t.Fatal(err)
	}
	f.instance = i
	f.function.RDS = f.newRDS(nil)
	f.createSecret(f.value(values{"dbInstanceIdentifier": i.id}))
	return f, i
}

// newRDS leads to the instance, if there is one, through the transport, if there is one.
func (f *fixture) newRDS(transport http.RoundTripper) *rds.Client {
	if f.instance == nil {
		return nil
	}
	settings := f.moto.Config()
	settings.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	settings.HTTPClient = &http.Client{Transport: f.instance}
	if fault, plants := transport.(*breaker); plants {
		settings.HTTPClient = roundTrip(func(request *http.Request) (*http.Response, error) { return fault.pass(request, f.instance) })
	}
	return rds.NewFromConfig(settings)
}

var (
	address = regexp.MustCompile(`<Address>[^<]*</Address>`)
	port    = regexp.MustCompile(`<Port>[^<]*</Port>`)
)

func (i *instance) RoundTrip(request *http.Request) (*http.Response, error) {
	content, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(content))
	if err != nil {
		return nil, err
	}
	request.Body = io.NopCloser(bytes.NewReader(content))
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	answer = address.ReplaceAll(answer, []byte("<Address>"+i.address+"</Address>"))
	answer = port.ReplaceAll(answer, []byte(fmt.Sprintf("<Port>%d</Port>", i.port)))
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(answer)), int64(len(answer))
	i.mu.Lock()
	defer i.mu.Unlock()
	if form.Get("Action") == "ModifyDBInstance" && response.StatusCode == http.StatusOK {
		i.changes++
		i.pending = form.Get("MasterUserPassword")
		if !i.late {
			i.set()
		}
		if i.lost {
			i.lost = false
			return nil, errBroken
		}
	}
	return response, nil
}

// set is what RDS does in the background.
func (i *instance) set() { i.f.server.SetPassword(i.f.t, i.master, i.pending) }

func TestMasterIsTakenOverThroughRDS(t *testing.T) {
	f, instance := newMasterFixture(t, "master_first")
	f.mustRotate()
	if instance.changes != 1 || !strings.Contains(f.output.String(), "through RDS") {
		t.Errorf("RDS was asked %d times: %s", instance.changes, f.output.String())
	}
	t.Run("from then on it changes its own password", func(t *testing.T) {
		f.mustRotate()
		if instance.changes != 1 {
			t.Error("RDS was asked again")
		}
	})
	t.Run("a password that nobody knows any more is set again", func(t *testing.T) {
		f.server.SetPassword(t, f.user, "nobody-remembers-this")
		f.mustRotate()
		if instance.changes != 2 {
			t.Errorf("RDS was asked %d times", instance.changes)
		}
	})
	t.Run("and it sets those of others", func(t *testing.T) {
		others := newServers(t, "master_other_login")
		conn, err := f.server.Connect(t.Context(), f.user, f.password(stageCurrent), "postgres")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		if _, err := conn.Exec(t.Context(), "CREATE ROLE master_other_login LOGIN"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { others.server.Exec(noContext{t}, "postgres", "DROP ROLE master_other_login") })
		others.createSecret(others.value(values{"masterarn": f.secretID}))
		others.mustRotate()
	})
}

// What RDS takes longer for than a call may last is found by the next call.
func TestMasterWhosePasswordComesLate(t *testing.T) {
	f, instance := newMasterFixture(t, "master_late")
	instance.late = true
	token := f.begin()
	if err := f.call("createSecret", token); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	f.function.RetryPause = 1
	f.function.RDS = rds.NewFromConfig(f.moto.Config(), func(o *rds.Options) {
		o.HTTPClient = roundTrip(func(request *http.Request) (*http.Response, error) {
			response, err := instance.RoundTrip(request)
			if instance.changes > 0 {
				cancel() // the call's time is up before RDS is done
			}
			return response, err
		})
	})
	if err := f.callAs(ctx, f.function, "setSecret", token); err == nil {
		t.Fatal("the password is not set, and the step has passed")
	}
	instance.set()
	if err := f.rotate(f.function, token); err != nil {
		t.Fatal(err)
	}
	f.assertConverged(token)
	if instance.changes != 1 {
		t.Errorf("RDS was asked %d times", instance.changes)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (r roundTrip) Do(request *http.Request) (*http.Response, error) { return r(request) }

func TestMasterWhoseChangeIsNotAnswered(t *testing.T) {
	f, instance := newMasterFixture(t, "master_lost")
	instance.lost = true
	token := f.begin()
	if err := f.rotate(f.function, token); err != nil {
		// the step is repeated: the database has the password already
		if err := f.rotate(f.function, token); err != nil {
			t.Fatal(err)
		}
	}
	f.assertConverged(token)
}

// Whoever may write a secret may not have RDS set the password of another instance's master.
func TestMasterOfAnotherInstanceIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*fixture, *instance)
		want   []string
	}{
		"another user": {func(f *fixture, i *instance) {
			f.createSecret(f.value(values{"dbInstanceIdentifier": i.id, "username": pgtest.Master}))
		}, []string{"not for the instance's master", "different username"}},
		"another host": {func(f *fixture, i *instance) { i.address = "elsewhere.example.com" }, []string{"different host"}},
		"another port": {func(f *fixture, i *instance) { i.port++ }, []string{"different port"}},
		"no instance": {func(f *fixture, i *instance) {
			f.createSecret(f.value(values{"dbInstanceIdentifier": "batbern-nowhere"}))
		}, []string{"describe the instance", "DBInstanceNotFound"}},
	} {
		t.Run(name, func(t *testing.T) {
			f, instance := newMasterFixture(t, "master_refused")
			c.change(f, instance)
			token := f.begin()
			if err := f.call("createSecret", token); err != nil {
				t.Fatal(err)
			}
			wantError(t, f.call("setSecret", token), append(c.want, "through RDS")...)
			if instance.changes > 0 {
				t.Error("RDS set a password")
			}
		})
	}
}

// With RotateImmediately=false the way through RDS is tested, and nothing is changed.
func TestFirstRotationOfAMasterIsTested(t *testing.T) {
	f, instance := newMasterFixture(t, "master_tested")
	token := newToken()
	f.moto.BeginRotation(t, f.secretID, token, false)
	if err := f.call("testSecret", token); err != nil {
		t.Error(err)
	}
	instance.port++
	wantError(t, f.call("testSecret", token), "different port")
	if instance.changes > 0 {
		t.Error("RDS set a password")
	}
}
