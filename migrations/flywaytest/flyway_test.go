package flywaytest

import (
	"bytes"
	"context"
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

	"github.com/batbern/infrastructure/internal/pgtest"
	"github.com/batbern/infrastructure/internal/testproc"
	"github.com/batbern/infrastructure/migrations"
)

const (
	repository = "../.." // its root
	roots      = repository + "/lambda/internal/postgres/roots.pem"
)

// image is what the migration's image holds, laid out in a folder, and the environment that it runs in.
type image struct {
	root string
	env  []string
}

// newImage copies what the Dockerfile copies. The certificate file is the image's with the test server's authority.
func newImage(t *testing.T, server *pgtest.Server, database string, login migrator) *image {
	t.Helper()
	mavenRepository := fetchFlyway(t)
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

	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	img.env = append(os.Environ(),
		"PATH="+here+string(os.PathListSeparator)+os.Getenv("PATH"),
		"POM="+filepath.Join(here, "pom.xml"), "MAVEN_REPOSITORY="+mavenRepository, "MIGRATIONS_ROOT="+img.root,
		migrations.URLVariable+"="+migrations.URL(pgtest.Host, strconv.Itoa(server.Port), database, certificates),
		migrations.UserVariable+"="+login.name, migrations.PasswordVariable+"="+login.password,
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

var fetchOnce = sync.OnceValues(func() (string, error) {
	for _, program := range []string{"java", "mvn"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("%w: Java 17 or newer and Maven. Debian, Ubuntu: apt-get install default-jdk-headless maven; "+
				"macOS: brew install maven", testproc.ErrMissing)
		}
	}
	cache, err := filepath.Abs(filepath.Join(repository, ".cache/maven"))
	if err != nil {
		return "", err
	}
	cmd := exec.Command("./flyway", "-skip=true", "migrate")
	cmd.Env = append(os.Environ(), "POM=pom.xml", "MAVEN_REPOSITORY="+cache)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("fetch Flyway with Maven: %w\n%s", err, out)
	}
	return cache, nil
})

// fetchFlyway lets Maven download Flyway, once a checkout, and returns Maven's repository.
func fetchFlyway(t *testing.T) string {
	t.Helper()
	cache, err := fetchOnce()
	testproc.Require(t, err)
	return cache
}

func TestMain(m *testing.M) {
	code := m.Run()
	pgtest.Stop()
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
