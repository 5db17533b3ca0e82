package postgres

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/batbern/infrastructure/internal/pgtest"
	"github.com/batbern/infrastructure/lambda/authorities"
)

func TestMain(m *testing.M) {
	code := m.Run()
	pgtest.Stop()
	os.Exit(code)
}

// The example of RFC 7677: from the verifier a server must be able to check the client's proof and to sign.
func TestVerifierAnswersTheExampleOfRFC7677(t *testing.T) {
	const message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0," +
		"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
	got, err := verifier("pencil", decode(t, "W22ZaJ0SNY7soEsUEjb6gQ=="))
	if err != nil {
		t.Fatal(err)
	}
	parts := regexp.MustCompile(`^SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$([^:]+):([^:]+)$`).FindStringSubmatch(got)
	if parts == nil {
		t.Fatalf("got %s", got)
	}
	storedKey, serverKey := decode(t, parts[1]), decode(t, parts[2])
	if signature := sign(serverKey, message); !hmac.Equal(signature, decode(t, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")) {
		t.Error("wrong server key")
	}
	clientKey := decode(t, "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=") // the proof
	for i, b := range sign(storedKey, message) {
		clientKey[i] ^= b
	}
	if hash := sha256.Sum256(clientKey); !hmac.Equal(hash[:], storedKey) {
		t.Error("wrong stored key")
	}
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	content, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestVerifierIsSalted(t *testing.T) {
	a, errA := Verifier("same")
	b, errB := Verifier("same")
	if errA != nil || errB != nil || a == b {
		t.Errorf("%s, %s, %v, %v", a, b, errA, errB)
	}
}

func TestSetPasswordIsSafeConcurrently(t *testing.T) {
	server := pgtest.Shared(t)
	server.CreateRole(t, "concurrent", "pw-of-concurrent", "")
	login := Login{Host: pgtest.Host, Port: uint16(server.Port), Database: "postgres", User: "concurrent", Password: "pw-of-concurrent"}
	const calls = 8
	var sessions []*pgx.Conn
	for range calls {
		conn, err := Connect(t.Context(), login, server.RootCAs())
		if err != nil {
			t.Fatal(err)
		}
		defer Close(conn)
		sessions = append(sessions, conn)
	}
	failures := make(chan error, calls)
	for _, conn := range sessions {
		go func() {
			made, err := Verifier("the-new-password")
			failures <- errors.Join(err, SetPassword(t.Context(), conn, "concurrent", made))
		}()
	}
	for range calls {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
	login.Password = "the-new-password"
	conn, err := Connect(t.Context(), login, server.RootCAs())
	if err != nil {
		t.Fatal(err)
	}
	Close(conn)
}

func TestErrorsAreToldApart(t *testing.T) {
	server := pgtest.Shared(t)
	server.CreateRole(t, "plain", "pw-of-plain", "")
	server.CreateRole(t, "nologin", "pw-of-nologin", "")
	server.Exec(t, "postgres", "ALTER ROLE nologin NOLOGIN")
	login := Login{Host: pgtest.Host, Port: uint16(server.Port), Database: "postgres", User: "plain", Password: "wrong"}
	_, err := Connect(t.Context(), login, server.RootCAs())
	if !IsAuthenticationFailure(err) || IsPermissionDenied(err) || IsReadOnly(err) {
		t.Errorf("wrong password: %v", err)
	}
	login.User, login.Password = "nologin", "pw-of-nologin"
	if _, err := Connect(t.Context(), login, server.RootCAs()); !IsAuthenticationFailure(err) {
		t.Errorf("no right to log in: %v", err)
	}
	login.User, login.Password = "plain", "pw-of-plain"
	conn, err := Connect(t.Context(), login, server.RootCAs())
	if err != nil {
		t.Fatal(err)
	}
	defer Close(conn)
	if err := SetPassword(t.Context(), conn, pgtest.Superuser, "SCRAM-SHA-256$4096:x$x:x"); !IsPermissionDenied(err) {
		t.Errorf("another's password: %v", err)
	}
	if _, err := conn.Exec(t.Context(), "SET default_transaction_read_only = on"); err != nil {
		t.Fatal(err)
	}
	if err := SetPassword(t.Context(), conn, "plain", "x"); !IsReadOnly(err) || IsAuthenticationFailure(err) {
		t.Errorf("read-only session: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Connect(ctx, login, server.RootCAs()); err == nil || IsAuthenticationFailure(err) {
		t.Errorf("cancelled: %v", err)
	}
}

// PG* variables of the environment must not weaken a connection or send it elsewhere.
func TestConnectIgnoresTheEnvironment(t *testing.T) {
	server := pgtest.Shared(t)
	server.CreateRole(t, "environment", "pw-of-environment", "")
	for name, value := range map[string]string{
		"PGHOST": "elsewhere.invalid", "PGPORT": "1", "PGUSER": "nobody", "PGPASSWORD": "wrong", "PGDATABASE": "nowhere",
		"PGSSLMODE": "disable", "PGREQUIREAUTH": "none", "PGSSLROOTCERT": "/nonexistent", "PGAPPNAME": "x",
		"PGTARGETSESSIONATTRS": "read-only", "PGOPTIONS": "-c role=none", "PGSSLCERT": "/nonexistent", "PGSSLKEY": "/nonexistent", "PGCHANNELBINDING": "disable",
	} {
		t.Setenv(name, value)
	}
	conn, err := Connect(t.Context(), Login{Host: pgtest.Host, Port: uint16(server.Port), Database: "postgres",
		User: "environment", Password: "pw-of-environment"}, server.RootCAs())
	if err != nil {
		t.Fatal(err)
	}
	defer Close(conn)
	if _, encrypted := conn.PgConn().Conn().(*tls.Conn); !encrypted {
		t.Error("the connection is in clear")
	}
}

// A server with a good certificate asks for the password in clear. It does not get it.
func TestPasswordIsNotGivenToAServerThatAsksForItInClear(t *testing.T) {
	trusted := pgtest.Shared(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	heard := make(chan string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			heard <- ""
			return
		}
		defer conn.Close()
		heard <- askInClear(conn, trusted.Certificate(t, pgtest.Host))
	}()
	_, err = Connect(t.Context(), Login{Host: pgtest.Host, Port: uint16(listener.Addr().(*net.TCPAddr).Port),
		Database: "postgres", User: "u", Password: "never-in-clear"}, trusted.RootCAs())
	if err == nil || !strings.Contains(err.Error(), "require_auth") {
		t.Errorf("got %v", err)
	}
	if said := <-heard; strings.Contains(said, "never-in-clear") {
		t.Error("the server got the password")
	}
}

// askInClear plays a server up to the request for the password, and returns what the client says then.
func askInClear(conn net.Conn, certificate tls.Certificate) string {
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	backend := pgproto3.NewBackend(conn, conn)
	if _, err := backend.ReceiveStartupMessage(); err != nil {
		return ""
	}
	if _, err := conn.Write([]byte{'S'}); err != nil {
		return ""
	}
	secured := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{certificate}})
	backend = pgproto3.NewBackend(secured, secured)
	if _, err := backend.ReceiveStartupMessage(); err != nil {
		return ""
	}
	backend.Send(&pgproto3.AuthenticationCleartextPassword{})
	if err := backend.Flush(); err != nil {
		return ""
	}
	buffer := make([]byte, 1024)
	n, _ := secured.Read(buffer)
	return string(buffer[:n])
}

func TestEmbeddedRoots(t *testing.T) {
	if _, err := Roots(""); err != nil {
		t.Fatal(err)
	}
	names := map[string]*x509.Certificate{}
	for rest := authorities.PEM; ; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			break
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		names[certificate.Subject.CommonName] = certificate
	}
	for _, region := range []string{
		"eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3",
	} {
		for _, kind := range []string{"RSA2048", "RSA4096", "ECC384"} {
			if name := "Amazon RDS " + region + " Root CA " + kind + " G1"; names[name] == nil {
				t.Errorf("%s is missing", name)
			}
		}
	}
	for _, name := range []string{
		"Amazon Root CA 1", "Amazon Root CA 2", "Amazon Root CA 3", "Amazon Root CA 4",
		"Starfield Services Root Certificate Authority - G2",
	} {
		if names[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	if len(names) != 29 {
		t.Errorf("%d roots, want 29", len(names))
	}
	for name, root := range names {
		if err := root.CheckSignatureFrom(root); err != nil || !root.IsCA {
			t.Errorf("%s is no root: %v", name, err)
		}
		if time.Until(root.NotAfter) < 365*24*time.Hour {
			t.Errorf("%s expires on %s: replace the bundle", name, root.NotAfter.Format(time.DateOnly))
		}
	}
}

func TestRootsFromAFile(t *testing.T) {
	server := pgtest.Shared(t)
	pool, err := Roots(server.CAFile)
	if err != nil || !pool.Equal(server.RootCAs()) {
		t.Errorf("the pool is not the file's: %v", err)
	}
	if _, err := Roots(filepath.Join(t.TempDir(), "missing.pem")); err == nil {
		t.Error("took a missing file")
	}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Roots(empty); err == nil {
		t.Error("took a file without certificates")
	}
}
