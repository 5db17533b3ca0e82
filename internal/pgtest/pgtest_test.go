package pgtest

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) {
	code := m.Run()
	Stop()
	os.Exit(code)
}

func TestServerIsLikeRDS(t *testing.T) {
	server := Shared(t)

	t.Run("the master logs in over verified TLS and is no superuser", func(t *testing.T) {
		conn, err := server.Connect(t.Context(), Master, server.MasterPassword, "postgres")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		var superuser, createRole, encrypted bool
		err = conn.QueryRow(t.Context(), `SELECT rolsuper, rolcreaterole, ssl FROM pg_roles, pg_stat_ssl
			WHERE rolname = current_user AND pid = pg_backend_pid()`).Scan(&superuser, &createRole, &encrypted)
		if err != nil || superuser || !createRole || !encrypted {
			t.Errorf("superuser %v, createrole %v, encrypted %v, error %v", superuser, createRole, encrypted, err)
		}
	})
	t.Run("a wrong password is refused", func(t *testing.T) {
		if _, err := server.Connect(t.Context(), Master, "wrong", "postgres"); err == nil {
			t.Error("logged in with a wrong password")
		}
	})
	t.Run("a login without TLS is refused", func(t *testing.T) {
		config := server.Config(Master, server.MasterPassword, "postgres")
		config.TLSConfig = nil
		if _, err := pgx.ConnectConfig(t.Context(), config); err == nil {
			t.Error("logged in without TLS")
		}
	})
	t.Run("a wrong host name is refused", func(t *testing.T) {
		config := server.Config(Master, server.MasterPassword, "postgres")
		config.TLSConfig = server.authority.clientTLS("127.0.0.1")
		if _, err := pgx.ConnectConfig(t.Context(), config); err == nil {
			t.Error("trusted the certificate for another name")
		}
	})
	t.Run("PostgreSQL's own client reaches it with the CA file", func(t *testing.T) {
		cmd := server.ServerCommand("psql", "-XAtc", "SELECT current_user")
		cmd.Env = append(cmd.Env, server.ClientEnv(Master, server.MasterPassword, "postgres")...)
		out, err := cmd.CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != Master {
			t.Errorf("psql: %v\n%s", err, out)
		}
	})
}

func TestServerDoesNotRunAsRoot(t *testing.T) {
	server := Shared(t)
	// The data folder belongs to whoever runs the server.
	out, err := exec.Command("ls", "-ldn", server.dataDir()).Output()
	if err != nil {
		t.Fatal(err)
	}
	if owner := strings.Fields(string(out))[2]; owner == "0" {
		t.Error("the server runs as root")
	}
}

func TestLogShowsStatementsAndNoPasswordOfCreateRole(t *testing.T) {
	server := Shared(t)
	server.CreateRole(t, "log \"test\"", "a-Clear-Password-4711", "")
	conn, err := server.Connect(t.Context(), "log \"test\"", "a-Clear-Password-4711", "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "SELECT 'find-me-in-the-log'"); err != nil {
		t.Fatal(err)
	}
	log := server.Log(t)
	if !strings.Contains(log, "find-me-in-the-log") {
		t.Error("the log does not show statements")
	}
	for _, secret := range []string{"a-Clear-Password-4711", server.MasterPassword, server.SuperuserPassword} {
		if strings.Contains(log, secret) {
			t.Error("the log shows a clear password")
		}
	}
}

func TestStandbyTakesLoginsAndRefusesChanges(t *testing.T) {
	standby := Shared(t).StartStandby(t)
	conn, err := standby.Connect(t.Context(), Master, standby.MasterPassword, "postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "CREATE ROLE standby_test"); err == nil {
		t.Error("a standby made a role")
	}
}
