// Package postgres is how the functions talk to the database: one verified TLS connection with SCRAM, no fallback of any
// kind, and passwords that never leave the function in clear text.
package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// connectTimeout bounds one login. Three of them, with the API calls, must fit into the function's time-out of 60 s.
const connectTimeout = 5 * time.Second

// baseSettings names every setting that the driver would otherwise take from PG* variables. TLS is set up in Connect.
const baseSettings = "host=localhost port=5432 user=x password=x dbname=x passfile=/dev/null target_session_attrs=any " +
	"require_auth=scram-sha-256 channel_binding=prefer sslmode=disable sslcert='' sslkey='' sslrootcert='' " +
	"sslcertmode=disable sslnegotiation=postgres"

// SQLSTATEs that the functions tell apart. https://www.postgresql.org/docs/15/errcodes-appendix.html
const (
	invalidPassword      = "28P01"
	invalidAuthorization = "28000"
	noPrivilege          = "42501"
	readOnlyTransaction  = "25006"
)

// sessionSettings are sent with the login. PostgreSQL prefers them to the login's own settings (ALTER ROLE ... SET),
// which are made for applications: the migrator's "role" makes it act as the owner, and then ALTER ROLE on itself fails
// with 42501; a read-only login could change nothing, its own password included.
// https://www.postgresql.org/docs/15/config-setting.html#CONFIG-SETTING-SHELL
var sessionSettings = map[string]string{
	"application_name":              "batbern-functions",
	"role":                          "none",
	"default_transaction_read_only": "off",
}

// Login holds the credentials for one database.
type Login struct {
	Host     string // verified against the server's certificate; an alias of the endpoint is refused
	Port     uint16
	Database string
	User     string
	Password string
}

// Connect logs in. The certificate must chain to one of the roots and name the host (libpq's verify-full), and the server
// must prove with SCRAM-SHA-256 that it knows the password too. Neither is ever replaced by a weaker method, whether the
// server or a PG* environment variable asks for it. The session acts as the login itself, not as a role that its own
// settings name.
func Connect(ctx context.Context, login Login, roots *x509.CertPool) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(baseSettings)
	if err != nil {
		return nil, errors.New("the driver does not take its own settings")
	}
	config.Host, config.Port, config.Database = login.Host, login.Port, login.Database
	config.User, config.Password = login.User, login.Password
	config.TLSConfig = &tls.Config{ServerName: login.Host, RootCAs: roots, MinVersion: tls.VersionTLS12}
	config.Fallbacks = nil
	config.ConnectTimeout = connectTimeout
	config.RuntimeParams = maps.Clone(sessionSettings)
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("log in to PostgreSQL: %w", err)
	}
	return conn, nil
}

// Close ends a session. It gets a moment of its own, so that a session ends even when the invocation's time is up.
func Close(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // the work is done or reported; the server ends a broken session by itself
}

// IsAuthenticationFailure tells whether the server refused the login itself. PostgreSQL gives the same answer for a
// wrong password, a role without one and an unknown role. A time-out or a bad certificate is not such a failure.
func IsAuthenticationFailure(err error) bool {
	return hasCode(err, invalidPassword) || hasCode(err, invalidAuthorization)
}

// IsPermissionDenied tells whether the role may not do what it tried.
func IsPermissionDenied(err error) bool { return hasCode(err, noPrivilege) }

// IsReadOnly tells whether the server or session refuses every change, as a read replica does.
func IsReadOnly(err error) bool { return hasCode(err, readOnlyTransaction) }

func hasCode(err error, code string) bool {
	var answer *pgconn.PgError
	return errors.As(err, &answer) && answer.Code == code
}
