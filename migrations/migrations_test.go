package migrations

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/batbern/infrastructure/internal/migrationlint"
	"github.com/batbern/infrastructure/lambda/authorities"
)

func TestMigrationsAreCleanAndReleasedOnesUnchanged(t *testing.T) {
	file, err := os.Open("released.lock")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lock, err := migrationlint.ParseLock(file, "released.lock")
	if err != nil {
		t.Fatal(err)
	}
	sql, err := fs.Sub(Content, "sql")
	if err != nil {
		t.Fatal(err)
	}
	findings, err := migrationlint.Check(sql, lock, Target())
	if err != nil {
		t.Fatal(err)
	}
	for _, finding := range findings {
		t.Error(finding)
	}
}

func TestChecksumChangesWithContentAndNamesOnly(t *testing.T) {
	base := fstest.MapFS{"a/V1__x.sql": {Data: []byte("SELECT 1;")}, "b": {Data: []byte("two")}}
	first := checksumOf(t, base)
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(first) {
		t.Errorf("checksum %q is no SHA-256", first)
	}
	if checksumOf(t, maps.Clone(base)) != first {
		t.Error("the same content has another checksum")
	}
	for name, changed := range map[string]fstest.MapFS{
		"edited":  {"a/V1__x.sql": {Data: []byte("SELECT 2;")}, "b": base["b"]},
		"renamed": {"a/V2__x.sql": base["a/V1__x.sql"], "b": base["b"]},
		"removed": {"a/V1__x.sql": base["a/V1__x.sql"]},
		"added":   {"a/V1__x.sql": base["a/V1__x.sql"], "b": base["b"], "c": {}},
		"shifted": {"a/V1__x.sql": {Data: []byte("SELECT 1;b 3\ntwo")}},
	} {
		if checksumOf(t, changed) == first {
			t.Errorf("%s: the checksum did not change", name)
		}
	}
	if other, err := checksum(base, []byte("another authority")); err != nil || other == first {
		t.Errorf("another authority: checksum %s, error %v", other, err)
	}
	if _, err := checksum(unreadable{}, nil); err == nil {
		t.Error("an unreadable file has a checksum")
	}
}

func TestChecksumCoversEverythingTheImageTakes(t *testing.T) {
	sum, err := Checksum()
	if err != nil || sum != checksumOf(t, Content) {
		t.Errorf("checksum %s, error %v", sum, err)
	}
	for _, copied := range copiedPaths(t) {
		if copied == "lambda/authorities/roots.pem" {
			continue // what authorities.PEM embeds
		}
		inside, found := strings.CutPrefix(copied, "migrations/")
		if !found {
			t.Errorf("the image copies %s, and the checksum does not see it", copied)
			continue
		}
		if _, err := fs.Stat(Content, inside); err != nil {
			t.Errorf("the image copies %s, and the checksum does not see it", copied)
		}
	}
}

func TestImageIsPinnedAndDoesNotRunAsRoot(t *testing.T) {
	dockerfile := dockerfile(t)

	from := regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(dockerfile, -1)
	pinned := regexp.MustCompile(`^flyway/flyway:(\d+)\.(\d+)\.\d+-alpine@sha256:[0-9a-f]{64}$`)
	if len(from) != 1 || !pinned.MatchString(from[0][1]) {
		t.Fatalf("FROM %v: want one official Flyway image with version and digest", from)
	}
	version := pinned.FindStringSubmatch(from[0][1])
	major, _ := strconv.Atoi(version[1])
	minor, _ := strconv.Atoi(version[2])
	if major < 11 || major == 11 && minor < 2 {
		t.Errorf("Flyway %d.%d: the image is built for arm64 from 11.2 on", major, minor)
	}

	users := regexp.MustCompile(`(?m)^USER (\d+):(\d+)$`).FindAllStringSubmatch(dockerfile, -1)
	if len(users) != 1 || users[0][1] == "0" || users[0][2] == "0" {
		t.Errorf("USER %v: want one numeric account that is not root", users)
	}
}

// The image copies what exists, and the ignore file lets exactly that into the build.
func TestImageCopiesWhatIsThere(t *testing.T) {
	content, err := os.ReadFile("Dockerfile.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	allowed := regexp.MustCompile(`(?m)^!(\S+)$`).FindAllStringSubmatch(string(content), -1)
	copied := copiedPaths(t)
	if len(allowed) != len(copied) {
		t.Errorf("%d paths are copied and %d allowed", len(copied), len(allowed))
	}
	for i, path := range copied {
		if _, err := os.Stat(filepath.Join("..", path)); err != nil {
			t.Error(err)
		}
		if i < len(allowed) && allowed[i][1] != path {
			t.Errorf("%s is copied and %s allowed", path, allowed[i][1])
		}
	}
	if !strings.Contains(dockerfile(t), " "+RootCertificates+"\n") {
		t.Errorf("the image has no %s", RootCertificates)
	}
}

func TestURLIsVerifiedAndUsesTheOwnerRole(t *testing.T) {
	got := URL("db.example.internal", "5432", "batbern", RootCertificates)
	for _, want := range []string{
		"jdbc:postgresql://db.example.internal:5432/batbern?", "sslmode=verify-full",
		"sslrootcert=/flyway/conf/rds-ca.pem", "tcpKeepAlive=true", "role=batbern_owner%20", "lock_timeout=30s",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s lacks %s", got, want)
		}
	}
	if strings.ContainsAny(got, " \n") {
		t.Errorf("%q has a space", got)
	}
	const reference = "${aws_db_instance.main.address}"
	if !strings.HasPrefix(URL(reference, "5432", "batbern", RootCertificates), "jdbc:postgresql://"+reference+":5432/") {
		t.Error("a Terraform reference did not survive")
	}
}

func dockerfile(t *testing.T) string {
	t.Helper()
	content, err := Content.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func copiedPaths(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, match := range regexp.MustCompile(`(?m)^COPY (\S+) \S+$`).FindAllStringSubmatch(dockerfile(t), -1) {
		paths = append(paths, match[1])
	}
	if len(paths) == 0 {
		t.Fatal("the image copies nothing")
	}
	return paths
}

func checksumOf(t *testing.T, files fs.FS) string {
	t.Helper()
	sum, err := checksum(files, authorities.PEM)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

type unreadable struct{}

func (unreadable) Open(string) (fs.File, error) { return nil, fs.ErrPermission }
