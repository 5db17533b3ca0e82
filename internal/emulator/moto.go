package emulator

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/batbern/infrastructure/internal/wire"
)

// Loopback refuses every endpoint that is not this machine's own: credentials and state of an emulator run must never
// meet AWS.
func Loopback(endpoint string) error {
	parsed, err := url.Parse(endpoint)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return fmt.Errorf("endpoint %q is no URL; write for example http://127.0.0.1:5000", endpoint)
	}
	host := parsed.Hostname()
	if address := net.ParseIP(host); host != "localhost" && (address == nil || !address.IsLoopback()) {
		return fmt.Errorf("endpoint %s is not on this machine; an emulator run takes only localhost, 127.0.0.1 or [::1]", endpoint)
	}
	return nil
}

const (
	startLimit = 90 * time.Second
	pidFile    = "moto.pid"
	urlFile    = "moto.url"
)

// Start starts moto's server in the background, to outlive this process, and gives its URL. One that runs already is
// taken. Its process id, URL and log are files in the folder.
func Start(ctx context.Context, folder string) (string, error) {
	if endpoint, running := runningAt(ctx, folder); running {
		return endpoint, nil
	}
	python, err := Python()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	log, err := os.Create(filepath.Join(folder, "moto.log"))
	if err != nil {
		return "", err
	}
	defer log.Close()
	programs := filepath.Join(folder, "python")
	if err := unpack(programs); err != nil {
		return "", err
	}
	server := exec.Command(python, filepath.Join(programs, serverProgram), strconv.Itoa(port))
	server.Env = append(os.Environ(), "MOTO_IAM_LOAD_MANAGED_POLICIES=true", "MOTO_ACM_VALIDATION_WAIT=1")
	server.Stdout, server.Stderr = log, log
	detach(server)
	if err := server.Start(); err != nil {
		return "", fmt.Errorf("moto does not start: %w", err)
	}
	endpoint := fmt.Sprintf("http://127.0.0.1:%d", port)
	for name, text := range map[string]string{pidFile: strconv.Itoa(server.Process.Pid), urlFile: endpoint} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			return "", errors.Join(err, server.Process.Kill())
		}
	}
	deadline := time.Now().Add(startLimit)
	for time.Now().Before(deadline) {
		if err = configure(ctx, endpoint); err == nil {
			return endpoint, nil
		}
		time.Sleep(300 * time.Millisecond)
	}
	return "", fmt.Errorf("moto did not answer within %s; its log is %s: %w", startLimit, log.Name(), errors.Join(err, Stop(folder)))
}

// serverProgram is moto's server with stand-ins for what moto lacks.
const serverProgram = "server.py"

//go:embed server.py
var serverText []byte

// unpack writes the server's programs into the folder.
func unpack(folder string) error {
	if err := wire.Unpack(folder); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, serverProgram), serverText, 0o600)
}

// Python is the emulator's Python, in the virtual environment that `make setup` makes in the working directory.
func Python() (string, error) {
	python, err := filepath.Abs(filepath.Join(".venv", "bin", "python"))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(python); err != nil {
		return "", errors.New("moto is not installed in .venv; run `make setup`, or name a running emulator with --endpoint")
	}
	return python, nil
}

// Stop ends the server that Start started in that folder.
func Stop(folder string) error {
	text, err := os.ReadFile(filepath.Join(folder, pidFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("%s holds no process id: %w", filepath.Join(folder, pidFile), err)
	}
	if process, err := os.FindProcess(pid); err == nil && isMoto(pid) {
		if err := process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
	}
	return errors.Join(os.Remove(filepath.Join(folder, pidFile)), os.Remove(filepath.Join(folder, urlFile)))
}

func runningAt(ctx context.Context, folder string) (string, bool) {
	text, err := os.ReadFile(filepath.Join(folder, urlFile))
	if err != nil {
		return "", false
	}
	endpoint := strings.TrimSpace(string(text))
	return endpoint, configure(ctx, endpoint) == nil
}

// configure keeps moto from wanting Docker: its Lambda functions then answer without running.
func configure(ctx context.Context, endpoint string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/moto-api/config", bytes.NewBufferString(`{"lambda":{"use_docker":false}}`))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 {
		return fmt.Errorf("moto answers %s", response.Status)
	}
	return nil
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
