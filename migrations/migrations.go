// Package migrations holds the SQL of the platform's database baseline, Flyway's settings and the image that runs both.
// README.md tells how they are applied; this package gives the rest of the project their content and the few facts
// that the task definition must agree on with the image.
package migrations

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"strings"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/lambda/authorities"
)

// Content is what the image is built from in this folder, with paths relative to it. The certificate authorities are the
// functions' too: lambda/authorities.
//
//go:embed Dockerfile flyway.env migrate.sh callbacks sql
var Content embed.FS

const (
	// Container is the name of the only essential container of the migration task.
	Container = "flyway"
	// RootCertificates is where the image has the authorities that sign the certificates of RDS instances.
	RootCertificates = "/flyway/conf/rds-ca.pem"
)

// Environment variables of the container. User and password come from the migrator's secret through the task
// definition's "secrets", never through "environment".
const (
	URLVariable      = "FLYWAY_URL"
	UserVariable     = "FLYWAY_USER"
	PasswordVariable = "FLYWAY_PASSWORD"
)

// RequestParameter is the name of the SSM parameter in which a stack leaves the request of its migration, the same JSON
// that it invokes the function with, for "batbern migrate".
func RequestParameter(stack string) string { return "/" + stack + "/migration-request" }

// sessionSettings apply to every session of a migration, the one that holds Flyway's lock included.
var sessionSettings = []string{
	// Objects belong to the owner, whoever logs in: the login can be replaced, the schema stays.
	"role=" + config.DatabaseOwner,
	// Flyway puts the location's schema in front. Extensions are in the shared kernel, and nothing is in public.
	"search_path=shared_kernel",
	// A statement that waits for a lock makes all later queries on that table wait behind it. Better to fail.
	"lock_timeout=30s",
	// A client that vanished keeps Flyway's lock until the server notices: after a minute, not after two hours.
	"tcp_keepalives_idle=30", "tcp_keepalives_interval=10", "tcp_keepalives_count=3",
}

// URL returns Flyway's JDBC address for an instance, which must be the instance's own endpoint: RDS Proxy would pin
// the session, time out long DDL and not forward a cancellation.
//
// The certificate is verified (sslmode=verify-full) against rootCertificates, a PEM file in the container; in the image
// that is RootCertificates. There is no limit on the run time of a statement. The arguments may be Terraform
// references: nothing is escaped or parsed.
func URL(host, port, database, rootCertificates string) string {
	options := "-c " + strings.Join(sessionSettings, " -c ")
	return fmt.Sprintf("jdbc:postgresql://%s:%s/%s?sslmode=verify-full&sslrootcert=%s"+
		"&connectTimeout=10&tcpKeepAlive=true&ApplicationName=flyway&options=%s",
		host, port, database, rootCertificates, url.PathEscape(options))
}

// Checksum returns the SHA-256 of all that the image is built from, in hexadecimal. It changes when a file changes, is
// added, removed or renamed, and with nothing else; so it tells Terraform that there is something to apply, and can stand
// as the image's tag.
func Checksum() (string, error) { return checksum(Content, authorities.PEM) }

func checksum(files fs.FS, certificates []byte) (string, error) {
	sum := sha256.New()
	add := func(name string, content []byte) { fmt.Fprintf(sum, "%s %d\n%s", name, len(content), content) }
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		add(name, content)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("checksum of the migrations: %w", err)
	}
	add(RootCertificates, certificates)
	return hex.EncodeToString(sum.Sum(nil)), nil
}
