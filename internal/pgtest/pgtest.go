// Package pgtest gives tests a real PostgreSQL that behaves like RDS where it matters: TLS only, with a certificate of
// a private authority for one host name; SCRAM-SHA-256 only; and a master role that may create roles and databases but
// is no superuser. The server logs every statement, so that a test can prove that no clear password reached it.
//
// One cluster serves all tests of a package; it starts when the first test asks for it:
//
//	func TestMain(m *testing.M) {
//		code := m.Run()
//		pgtest.Stop()
//		os.Exit(code)
//	}
//
//	func TestSomething(t *testing.T) {
//		server := pgtest.Shared(t)
//		...
//	}
package pgtest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/batbern/infrastructure/internal/testproc"
)

const (
	// Host is the only name in the server's certificate. 127.0.0.1 reaches the same server under a wrong name.
	Host = "localhost"
	// Master is the login that RDS would have created: CREATEROLE, CREATEDB, member of rds_superuser, no superuser.
	Master = "batbern_master"
	// Superuser is the login that only RDS itself has.
	Superuser = "rdsadmin"
	// MinimumMajor is the oldest server that the project supports.
	MinimumMajor = 15

	startLimit = 60 * time.Second
)

// Server is a running cluster.
type Server struct {
	Port              int
	MasterPassword    string
	SuperuserPassword string
	CAFile            string // PEM of the authority that signed the server's certificate
	LogFile           string // everything the server wrote, with every statement

	authority   *authority
	certificate tls.Certificate
	account     account
	bin         string
	dir         string
	process     *testproc.Process
	log         *os.File
}

var shared testproc.Shared[*Server]

// Shared returns the package's cluster and starts it on the first call. Without PostgreSQL's server on the machine the
// test is skipped, or fails where CI=true.
func Shared(t testing.TB) *Server {
	t.Helper()
	return shared.Get(t, Start)
}

// Stop ends the package's cluster, if one was started, and removes its files.
func Stop() { shared.Stop() }

// Start starts a cluster of its own. Most tests want Shared.
func Start() (*Server, error) {
	bin, err := serverBinaries()
	if err != nil {
		return nil, err
	}
	owner, err := unprivilegedAccount()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgtest-")
	if err != nil {
		return nil, err
	}
	s := &Server{
		MasterPassword:    "Master-" + rand.Text(),
		SuperuserPassword: "Super-" + rand.Text(),
		LogFile:           filepath.Join(dir, "server.log"),
		CAFile:            filepath.Join(dir, "ca.pem"),
		account:           owner,
		bin:               bin,
		dir:               dir,
	}
	if err := s.start(); err != nil {
		err = fmt.Errorf("%w\n%s", err, s.logTail())
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Server) start() error {
	if err := s.writeFiles(); err != nil {
		return err
	}
	if err := s.initdb(); err != nil {
		return err
	}
	if err := s.run(); err != nil {
		return err
	}
	return s.createRDSRoles()
}

// writeFiles lays the certificate and key beside the cluster; the server refuses a key that others may read.
func (s *Server) writeFiles() error {
	ca, err := newAuthority()
	if err != nil {
		return err
	}
	s.authority = ca
	certificate, key, err := ca.issue(Host)
	if err != nil {
		return err
	}
	if s.certificate, err = tls.X509KeyPair(certificate, key); err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"ca.pem":     ca.pem,
		"server.pem": certificate,
		"server.key": key,
		"password":   []byte(s.SuperuserPassword + "\n"),
		// hostssl alone is what rds.force_ssl does: a login without TLS finds no entry.
		"pg_hba.conf": []byte("hostssl all,replication all 127.0.0.1/32 scram-sha-256\n"),
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return s.account.own(s.dir)
}

func (s *Server) initdb() error {
	cmd := s.command("initdb", "--pgdata="+s.dataDir(), "--username="+Superuser,
		"--pwfile="+filepath.Join(s.dir, "password"), "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
		"--no-sync", "--no-instructions")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return os.Remove(filepath.Join(s.dir, "password"))
}

func (s *Server) run() error {
	log, err := os.OpenFile(s.LogFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	s.log = log
	if s.Port, err = testproc.FreePort(); err != nil {
		return err
	}
	settings := map[string]string{
		"listen_addresses":                  "127.0.0.1",
		"port":                              strconv.Itoa(s.Port),
		"unix_socket_directories":           "",
		"hba_file":                          filepath.Join(s.dir, "pg_hba.conf"),
		"ssl":                               "on",
		"ssl_cert_file":                     filepath.Join(s.dir, "server.pem"),
		"ssl_key_file":                      filepath.Join(s.dir, "server.key"),
		"password_encryption":               "scram-sha-256",
		"log_statement":                     "all",
		"log_connections":                   "on",
		"log_min_error_statement":           "debug5",
		"log_parameter_max_length_on_error": "-1",
		// The cluster lives for one test run: durability would only cost time.
		"fsync":              "off",
		"synchronous_commit": "off",
		"full_page_writes":   "off",
		"shared_buffers":     "32MB",
	}
	var args []string
	for name, value := range settings {
		args = append(args, "-c", name+"="+value)
	}
	cmd := s.command("postgres", append([]string{"-D", s.dataDir()}, args...)...)
	if s.process, err = testproc.Start(cmd, log, syscall.SIGINT); err != nil {
		return err
	}
	return s.process.AwaitReady(startLimit, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		conn, err := s.Connect(ctx, Superuser, s.SuperuserPassword, "postgres")
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
}

// createRDSRoles makes the roles that a new RDS instance has. The master may not do more than RDS lets it.
func (s *Server) createRDSRoles() error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	conn, err := s.Connect(ctx, Superuser, s.SuperuserPassword, "postgres")
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	password, err := conn.PgConn().EscapeString(s.MasterPassword)
	if err != nil {
		return err
	}
	// The server's own log must stay free of clear passwords, so that a search of it proves something.
	for _, statement := range []string{
		"SET log_statement = 'none'",
		"CREATE ROLE rds_superuser NOLOGIN IN ROLE pg_monitor, pg_signal_backend",
		"CREATE ROLE rds_password NOLOGIN",
		"CREATE ROLE rds_iam NOLOGIN",
		"CREATE ROLE " + Master + " LOGIN CREATEROLE CREATEDB IN ROLE rds_superuser PASSWORD '" + password + "'",
		"ALTER DATABASE postgres OWNER TO " + Master,
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("create the roles of an RDS instance: %w", err)
		}
	}
	return nil
}

// Stop ends the cluster and removes its files.
func (s *Server) Stop() {
	s.process.Stop()
	if s.log != nil {
		s.log.Close()
	}
	os.RemoveAll(s.dir)
}

// RootCAs returns a pool that trusts the server's certificate and no other.
func (s *Server) RootCAs() *x509.CertPool { return s.authority.pool() }

// Config returns the settings of a verified TLS connection, for a test that adds its own.
func (s *Server) Config(user, password, database string) *pgx.ConnConfig {
	config, err := pgx.ParseConfig("host=" + Host + " sslmode=disable connect_timeout=10")
	if err != nil {
		panic(fmt.Sprintf("pgtest: a constant connection string: %v", err))
	}
	config.Port, config.User, config.Password, config.Database = uint16(s.Port), user, password, database
	config.TLSConfig = s.authority.clientTLS(Host)
	config.Fallbacks = nil
	return config
}

// Connect opens a verified TLS connection.
func (s *Server) Connect(ctx context.Context, user, password, database string) (*pgx.Conn, error) {
	return pgx.ConnectConfig(ctx, s.Config(user, password, database))
}

// Admin returns a superuser's connection that closes with the test.
func (s *Server) Admin(t testing.TB, database string) *pgx.Conn {
	t.Helper()
	conn, err := s.Connect(t.Context(), Superuser, s.SuperuserPassword, database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// Exec runs statements as the superuser, in the given database, and fails the test on an error.
func (s *Server) Exec(t testing.TB, database string, statements ...string) {
	t.Helper()
	conn, err := s.Connect(t.Context(), Superuser, s.SuperuserPassword, database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// CreateRole makes a login that goes with the test; an empty password makes a role without one, as the bootstrap
// function does.
func (s *Server) CreateRole(t testing.TB, name, password, attributes string) {
	t.Helper()
	s.Exec(t, "postgres", "CREATE ROLE "+pgx.Identifier{name}.Sanitize()+" LOGIN "+attributes)
	t.Cleanup(func() { s.dropRole(t, name) })
	if password != "" {
		s.SetPassword(t, name, password)
	}
}

// SetPassword sets a role's password, and keeps the clear password out of the server's log.
func (s *Server) SetPassword(t testing.TB, name, password string) {
	t.Helper()
	conn, err := s.Connect(t.Context(), Superuser, s.SuperuserPassword, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	escaped, err := conn.PgConn().EscapeString(password)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"SET log_statement = 'none'", "SET log_min_error_statement = 'panic'",
		"ALTER ROLE " + pgx.Identifier{name}.Sanitize() + " PASSWORD '" + escaped + "'",
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("set the password of %s: %v", name, err)
		}
	}
}

func (s *Server) dropRole(t testing.TB, name string) {
	ctx := context.Background()
	conn, err := s.Connect(ctx, Superuser, s.SuperuserPassword, "postgres")
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close(ctx)
	quoted := pgx.Identifier{name}.Sanitize()
	for _, statement := range []string{"DROP OWNED BY " + quoted + " CASCADE", "DROP ROLE " + quoted} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// ClientEnv returns libpq's environment variables for a verified TLS connection, for PostgreSQL's own clients.
func (s *Server) ClientEnv(user, password, database string) []string {
	return []string{
		"PGHOST=" + Host, "PGPORT=" + strconv.Itoa(s.Port), "PGUSER=" + user, "PGPASSWORD=" + password,
		"PGDATABASE=" + database, "PGSSLMODE=verify-full", "PGSSLROOTCERT=" + s.CAFile,
	}
}

// Log returns what the server has written so far.
func (s *Server) Log(t testing.TB) string {
	t.Helper()
	return s.LogSince(t, 0)
}

// LogMark remembers where the log ends now, for LogSince.
func (s *Server) LogMark(t testing.TB) int64 {
	t.Helper()
	found, err := os.Stat(s.LogFile)
	if err != nil {
		t.Fatal(err)
	}
	return found.Size()
}

// LogSince returns what the server has written since a mark.
func (s *Server) LogSince(t testing.TB, mark int64) string {
	t.Helper()
	file, err := os.Open(s.LogFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.NewSectionReader(file, mark, math.MaxInt64-mark))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// Program returns the path of another of PostgreSQL's programs, such as "psql" or "pg_dump".
func (s *Server) Program(name string) string { return filepath.Join(s.bin, name) }

// ServerCommand prepares one of PostgreSQL's programs to run as the account that owns the cluster, for what the server
// itself refuses to run as root. Files that it shall write go below ServerDir.
func (s *Server) ServerCommand(name string, args ...string) *exec.Cmd {
	return s.command(name, args...)
}

// ServerDir is a folder that the cluster's account may write to. It goes with the cluster.
func (s *Server) ServerDir() string { return s.dir }

func (s *Server) dataDir() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	s.account.runAs(cmd)
	return cmd
}

func (s *Server) logTail() string {
	content, err := os.ReadFile(s.LogFile)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// serverBinaries finds the folder of an installed server: Debian's, Homebrew's and PGDG's folders, then PATH. It prefers
// the major version that the project runs, then the newest.
func serverBinaries() (string, error) {
	best, bestMajor := "", 0
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin",
	} {
		dirs, _ := filepath.Glob(pattern)
		for _, dir := range dirs {
			major := serverMajor(dir)
			if major == MinimumMajor {
				return dir, nil
			}
			if major > bestMajor {
				best, bestMajor = dir, major
			}
		}
	}
	if path, err := exec.LookPath("postgres"); best == "" && err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			best, bestMajor = filepath.Dir(path), serverMajor(filepath.Dir(path))
		}
	}
	if bestMajor < MinimumMajor {
		return "", fmt.Errorf("%w: PostgreSQL %d or newer (server programs initdb and postgres). "+
			"Debian, Ubuntu: apt-get install postgresql-%[2]d; macOS: brew install postgresql@%[2]d",
			testproc.ErrMissing, MinimumMajor)
	}
	return best, nil
}

// serverMajor returns 0 where a folder holds no complete server.
func serverMajor(dir string) int {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return 0
	}
	out, err := exec.Command(filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(out)) // postgres (PostgreSQL) 15.18 (…)
	if len(fields) < 3 {
		return 0
	}
	major, _, _ := strings.Cut(fields[2], ".")
	number, err := strconv.Atoi(major)
	if err != nil {
		return 0
	}
	return number
}

var errNoAccount = errors.New("PostgreSQL refuses to run as root and neither the account postgres nor nobody exists")
