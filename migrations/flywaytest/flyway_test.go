package flywaytest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/batbern/infrastructure/internal/mototest"
	"github.com/batbern/infrastructure/internal/pgtest"
	"github.com/batbern/infrastructure/internal/testproc"
	"github.com/batbern/infrastructure/migrations"
)

const (
	repository = "../.." // its root
	roots      = repository + "/lambda/authorities/roots.pem"
)

// image is what the migration's image holds, laid out in a folder, and the environment that it runs in.
type image struct {
	root string
	env  []string
}

// newImage copies what the Dockerfile copies. The certificate file is the image's with the test server's authority.
func newImage(t *testing.T, server *pgtest.Server, database string, credentials login) *image {
	t.Helper()
	home := flywayHome(t)
	img := &image{root: t.TempDir()}
	for source, target := range map[string]string{"sql": "sql", "callbacks": "callbacks"} {
		content, err := fs.Sub(migrations.Content, source)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(filepath.Join(img.root, target), content); err != nil {
			t.Fatal(err)
		}
	}
	img.write(t, "conf/flyway.env", read(t, "../flyway.env"))
	certificates := filepath.Join(img.root, "conf/rds-ca.pem")
	img.write(t, "conf/rds-ca.pem", append(read(t, roots), read(t, server.CAFile)...))

	bin, err := filepath.Abs("bin")
	if err != nil {
		t.Fatal(err)
	}
	img.env = append(os.Environ(),
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "FLYWAY_TEST_HOME="+home, "MIGRATIONS_ROOT="+img.root,
		migrations.URLVariable+"="+migrations.URL(pgtest.Host, strconv.Itoa(server.Port), database, certificates),
		migrations.UserVariable+"="+credentials.name, migrations.PasswordVariable+"="+credentials.password,
		"FLYWAY_CONNECT_RETRIES=0", // a wrong login is not worth two minutes here
	)
	return img
}

// add copies a folder of testdata into the image's SQL, as a service's image would add its own.
func (i *image) add(t *testing.T, folder string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(folder), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			i.write(t, filepath.Join("sql", path), read(t, filepath.Join(folder, path)))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (i *image) write(t *testing.T, path string, content []byte) {
	t.Helper()
	path = filepath.Join(i.root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (i *image) remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(filepath.Join(i.root, path)); err != nil {
		t.Fatal(err)
	}
}

// run runs the image's entry point and returns its exit code and all that it printed.
func (i *image) run(ctx context.Context, args ...string) (code int, output string, err error) {
	cmd := exec.CommandContext(ctx, "sh", append([]string{"../migrate.sh"}, args...)...)
	cmd.Env = i.env
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), string(out), nil
	}
	return 0, string(out), err
}

func (i *image) succeed(t *testing.T) {
	t.Helper()
	if code, output, err := i.run(t.Context()); code != 0 || err != nil {
		t.Fatalf("exit code %d, error %v\n%s", code, err, output)
	}
}

// fail runs the image and expects a failure that says one of the given things.
func (i *image) fail(t *testing.T, says string) {
	t.Helper()
	code, output, err := i.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if code == 0 || !strings.Contains(output, says) {
		t.Errorf("exit code %d, want another than 0 and %q in\n%s", code, says, output)
	}
}

var installOnce = sync.OnceValues(install)

// flywayHome returns the folder that holds Flyway. Maven downloads it once a checkout.
func flywayHome(t *testing.T) string {
	t.Helper()
	home, err := installOnce()
	testproc.Require(t, err)
	return home
}

// install fetches Flyway and compiles the command, into a folder named by what is asked for.
func install() (string, error) {
	for _, program := range []string{"javac", "mvn"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("%w: a JDK, 17 or newer, and Maven. Debian, Ubuntu: apt-get install default-jdk-headless maven; "+
				"macOS: brew install maven", testproc.ErrMissing)
		}
	}
	sum := sha256.New()
	for _, file := range []string{"pom.xml", "FlywayCommand.java"} {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		sum.Write(content)
	}
	cache, err := filepath.Abs(filepath.Join(repository, ".cache"))
	if err != nil {
		return "", err
	}
	home := filepath.Join(cache, fmt.Sprintf("flyway-%x", sum.Sum(nil)[:8]))
	if _, err := os.Stat(home); err == nil {
		return home, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	building, err := os.MkdirTemp(cache, "flyway-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(building)
	for _, command := range [][]string{
		{"mvn", "--batch-mode", "--quiet", "--strict-checksums", "-Dmaven.repo.local=" + filepath.Join(cache, "maven"),
			"dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=" + filepath.Join(building, "lib")},
		{"javac", "-cp", filepath.Join(building, "lib", "*"), "-d", filepath.Join(building, "classes"), "FlywayCommand.java"},
	} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("install Flyway with %s: %w\n%s", command[0], err, out)
		}
	}
	return home, os.Rename(building, home)
}

func TestMain(m *testing.M) {
	code := m.Run()
	pgtest.Stop()
	mototest.Stop()
	os.Exit(code)
}

func TestFlywayIsTheOneOfTheImage(t *testing.T) {
	inImage := regexp.MustCompile(`(?m)^FROM flyway/flyway:([0-9.]+)-`).FindSubmatch(read(t, "../Dockerfile"))
	inPOM := regexp.MustCompile(`<flyway.version>([0-9.]+)</flyway.version>`).FindSubmatch(read(t, "pom.xml"))
	if inImage == nil || inPOM == nil || !bytes.Equal(inImage[1], inPOM[1]) {
		t.Errorf("the image has Flyway %s, the tests run %s", inImage, inPOM)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// query returns one column of a query, as the superuser, joined by spaces.
func query(t *testing.T, server *pgtest.Server, database, sql string, args ...any) string {
	t.Helper()
	conn, err := server.Connect(t.Context(), pgtest.Superuser, server.SuperuserPassword, database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return strings.Join(values, " ")
}
