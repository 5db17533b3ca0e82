// Package mototest gives tests a real Secrets Manager API to talk to through the real AWS SDK: moto's server, started on
// a free loopback port from the virtual environment at .venv in the repository's root. That environment is made by
//
//	python3 -m venv .venv && .venv/bin/pip install --requirement internal/mototest/requirements.txt
//
// which `make setup` runs. One server serves all tests of a package:
//
//	func TestMain(m *testing.M) {
//		code := m.Run()
//		mototest.Stop()
//		os.Exit(code)
//	}
package mototest

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/batbern/infrastructure/internal/testproc"
)

const (
	// Region is where moto keeps what the tests make: BATbern's home region.
	Region = "eu-central-1"
	// AccountID is the account that moto answers for.
	AccountID = "123456789012"
	// AccessKeyID and SecretAccessKey are taken by moto as they are. They open nothing anywhere else.
	AccessKeyID     = "testing"
	SecretAccessKey = "testing"

	startLimit = 90 * time.Second
)

//go:embed requirements.txt
var requirements string

var pinnedMoto = regexp.MustCompile(`(?m)^moto==(\S+)$`)

// Server is a running moto.
type Server struct {
	URL string

	process      *testproc.Process
	log          *os.File
	functionOnce *sync.Once
}

var shared testproc.Shared[*Server]

// Shared returns the package's server and starts it on the first call. Without the virtual environment the test is
// skipped, or fails where CI=true.
func Shared(t testing.TB) *Server {
	t.Helper()
	return shared.Get(t, Start)
}

// Stop ends the package's server, if one was started.
func Stop() { shared.Stop() }

// Start starts a server of its own. Most tests want Shared.
func Start() (*Server, error) {
	python, err := environment()
	if err != nil {
		return nil, err
	}
	port, err := testproc.FreePort()
	if err != nil {
		return nil, err
	}
	log, err := os.CreateTemp("", "mototest-*.log")
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://127.0.0.1:" + strconv.Itoa(port), log: log, functionOnce: &sync.Once{}}
	cmd := exec.Command(python, "-m", "moto.server", "-H", "127.0.0.1", "-p", strconv.Itoa(port))
	if s.process, err = testproc.Start(cmd, log, syscall.SIGTERM); err == nil {
		err = s.process.AwaitReady(startLimit, s.configure)
	}
	if err != nil {
		output, _ := os.ReadFile(log.Name())
		s.Stop()
		return nil, fmt.Errorf("%w\n%s", err, output)
	}
	return s, nil
}

// configure keeps moto from wanting Docker: a Lambda function in it then answers without running anything.
func (s *Server) configure() error {
	return s.post("/moto-api/config", map[string]any{"lambda": map[string]bool{"use_docker": false}})
}

// Reset forgets everything the tests have made in moto.
func (s *Server) Reset(t testing.TB) {
	t.Helper()
	if err := s.post("/moto-api/reset", nil); err != nil {
		t.Fatal(err)
	}
	s.functionOnce = &sync.Once{}
}

// Config returns the SDK settings that lead to this server.
func (s *Server) Config() aws.Config {
	return aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String(s.URL),
		Credentials:  credentials.NewStaticCredentialsProvider(AccessKeyID, SecretAccessKey, ""),
	}
}

// Environment returns the variables that lead a program with an AWS SDK to this server.
func (s *Server) Environment() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + s.URL, "AWS_REGION=" + Region,
		"AWS_ACCESS_KEY_ID=" + AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + SecretAccessKey,
	}
}

// Stop ends the server.
func (s *Server) Stop() {
	s.process.Stop()
	s.log.Close()
	os.Remove(s.log.Name())
}

func (s *Server) post(path string, body any) error {
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	response, err := http.Post(s.URL+path, "application/json", bytes.NewReader(content))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("POST %s answered %s", path, response.Status)
	}
	return nil
}

// Python returns the Python of the virtual environment, which has moto, boto3 and botocore. Without it the test is skipped,
// or fails where CI=true.
func Python(t testing.TB) string {
	t.Helper()
	python, err := environment()
	testproc.Require(t, err)
	return python
}

// environment returns the Python of the virtual environment, once the pinned moto is in it.
func environment() (string, error) {
	root, err := testproc.RepositoryRoot()
	if err != nil {
		return "", err
	}
	version := pinnedMoto.FindStringSubmatch(requirements)
	if version == nil {
		return "", fmt.Errorf("internal/mototest/requirements.txt does not pin moto")
	}
	found, err := filepath.Glob(filepath.Join(root, ".venv/lib/python*/site-packages/moto-"+version[1]+".dist-info"))
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", fmt.Errorf("%w: moto %s in .venv. make setup, or: python3 -m venv .venv && "+
			".venv/bin/pip install --requirement internal/mototest/requirements.txt", testproc.ErrMissing, version[1])
	}
	return filepath.Join(root, ".venv/bin/python"), nil
}
