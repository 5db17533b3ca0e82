package pgtest

import (
	"os"
	"path/filepath"
	"testing"
)

// StartStandby starts a hot standby of the server, which behaves like a read replica of RDS: it takes logins and
// refuses every change. It ends with the test.
func (s *Server) StartStandby(t testing.TB) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgtest-standby-")
	if err != nil {
		t.Fatal(err)
	}
	standby := *s
	standby.dir, standby.process, standby.log = dir, nil, nil
	standby.LogFile = filepath.Join(dir, "server.log")
	t.Cleanup(standby.Stop)
	for _, name := range []string{"ca.pem", "server.pem", "server.key", "pg_hba.conf"} {
		content, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.account.own(dir); err != nil {
		t.Fatal(err)
	}
	backup := s.command("pg_basebackup", "--pgdata="+standby.dataDir(), "--write-recovery-conf", "--checkpoint=fast",
		"--no-sync")
	backup.Env = append(backup.Env, s.ClientEnv(Superuser, s.SuperuserPassword, "")...)
	if out, err := backup.CombinedOutput(); err != nil {
		t.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	if err := standby.run(); err != nil {
		t.Fatalf("standby: %v\n%s", err, standby.logTail())
	}
	return &standby
}
