package flywaytest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/batbern/infrastructure/internal/migrationlint"
	"github.com/batbern/infrastructure/internal/pgtest"
	"github.com/batbern/infrastructure/migrations"
)

// The corpus has one folder per case: locations with their files, and want.txt with two lines. The first is the linter's
// verdict: accepted, warned or refused, the last two with a part of the message. The second is what Flyway and PostgreSQL
// do:
//
//	runs             every file is applied, and nothing below is true
//	fails: TEXT      Flyway stops with this message
//	leaks: TEXT      a later file of the run finds the session changed
//	strays: TEXT     an object is outside the location's schema, or has another owner
//	half: TEXT       when a later statement of the file fails, this object stays
//	blocks: TEXT     after a failure, or with the next edition of a repeatable file, the next run fails with this message
//	silent: SQL      every file is applied, and the query is true: what the file was written for has not happened
//
// A refusal needs one of the six kinds of damage, and what is accepted or warned of must run.
func TestLinterSaysWhatFlywayAndPostgreSQLDo(t *testing.T) {
	server := pgtest.Shared(t)
	cases := readCorpus(t)
	if len(cases) < 60 {
		t.Errorf("the corpus has %d cases, want at least 60", len(cases))
	}
	const template = "corpus"
	img := newImage(t, server, template, newDatabase(t, server, template))
	img.succeed(t)

	baseline := (&trial{t: t, server: server}).query(template, inventory)
	const workers = 4
	queue := make(chan corpusCase)
	var work sync.WaitGroup
	for range workers {
		worker := startWorker(t, img)
		work.Go(func() {
			for c := range queue {
				found := (&trial{t: t, server: server, image: img, worker: worker, corpusCase: c, baseline: baseline}).run()
				for _, difference := range found {
					t.Errorf("%s: %s", c.name, difference)
				}
			}
		})
	}
	for _, c := range cases {
		queue <- c
	}
	close(queue)
	work.Wait()
}

// corpusCase is one folder of the corpus.
type corpusCase struct {
	name         string
	dir          string
	lint, flyway verdict
}

// verdict is a word and what it is about.
type verdict struct{ word, about string }

func readCorpus(t *testing.T) []corpusCase {
	t.Helper()
	wants, err := filepath.Glob("testdata/corpus/*/want.txt")
	if err != nil {
		t.Fatal(err)
	}
	var cases []corpusCase
	for _, want := range wants {
		dir := filepath.Dir(want)
		c := corpusCase{name: filepath.Base(dir), dir: dir}
		for _, line := range strings.Split(strings.TrimSpace(string(read(t, want))), "\n") {
			who, says, _ := strings.Cut(line, ": ")
			word, about, _ := strings.Cut(says, ":")
			found := verdict{word, strings.TrimSpace(about)}
			switch who {
			case "lint":
				c.lint = found
			case "flyway":
				c.flyway = found
			}
		}
		if harmless := c.flyway.word == "runs"; harmless == (c.lint.word == "refused") ||
			!slices.Contains([]string{"accepted", "warned", "refused"}, c.lint.word) {
			t.Errorf("%s: the linter's %q and Flyway's %q contradict each other", want, c.lint.word, c.flyway.word)
		}
		cases = append(cases, c)
	}
	return cases
}

// worker is a running Flyway.
type worker struct {
	in  io.Writer
	out *bufio.Scanner
}

func startWorker(t *testing.T, img *image) *worker {
	t.Helper()
	cmd := exec.Command("sh", "-c", "set -a; . ../flyway.env; set +a; exec flyway serve")
	cmd.Env = img.env
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	return &worker{in: in, out: bufio.NewScanner(out)}
}

// flyway runs a command and returns the message of its failure, "" for success.
func (w *worker) flyway(arguments ...string) string {
	if _, err := fmt.Fprintln(w.in, strings.Join(arguments, "\t")); err != nil {
		return err.Error()
	}
	for w.out.Scan() {
		if message, failed := strings.CutPrefix(w.out.Text(), "error "); failed {
			message, _ = url.QueryUnescape(message)
			return message
		}
		if w.out.Text() == "ok" {
			return ""
		}
	}
	return fmt.Sprintf("Flyway ended: %v", w.out.Err())
}

// trial runs one case.
type trial struct {
	corpusCase
	t      *testing.T
	server *pgtest.Server
	image  *image
	worker *worker

	baseline  []string // inventory of the template
	databases int
}

// probe runs after all other files of a location and fails if they have changed the session.
const probe = `DO $$
DECLARE found text;
BEGIN
	SELECT string_agg(what, ', ') INTO found FROM (
		SELECT format('%s = %s', name, setting) AS what FROM pg_settings WHERE source = 'session'
			AND setting IS DISTINCT FROM reset_val AND name NOT IN ('search_path', 'role', 'application_name')
		UNION ALL SELECT format('statement %s', name) FROM pg_prepared_statements WHERE from_sql
		UNION ALL SELECT format('cursor %s', name) FROM pg_cursors WHERE is_holdable
		UNION ALL SELECT format('channel %s', c) FROM pg_listening_channels() AS c
		UNION ALL SELECT format('temporary %s', relname) FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind <> 'i'
		UNION ALL SELECT format('%s locks', count(*)) FROM pg_locks WHERE locktype = 'advisory'
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) HAVING count(*) <> 1
		UNION ALL SELECT format('user %s', current_user) WHERE current_user <> 'batbern_owner'
		UNION ALL SELECT format('path %s', current_setting('search_path'))
			WHERE current_setting('search_path') NOT IN (format('"%s",shared_kernel', current_schema()), 'shared_kernel')
	) AS state;
	IF found IS NOT NULL THEN RAISE EXCEPTION 'leaks: %', found; END IF;
END $$;
`

// inventory lists what a database holds, and whose it is.
const inventory = `
	SELECT format('%s %s.%s of %s', CASE relkind WHEN 'i' THEN 'index' WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence' ELSE 'table' END,
			relnamespace::regnamespace, relname, relowner::regrole) FROM pg_class
		WHERE relnamespace::regnamespace::text !~ '^pg_|^information_schema' AND relname !~ '^flyway_schema_history'
	UNION ALL SELECT format('function %s.%s of %s', pronamespace::regnamespace, proname, proowner::regrole) FROM pg_proc p
		WHERE pronamespace::regnamespace::text !~ '^pg_|^information_schema'
			AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')
	UNION ALL SELECT format('type %s.%s of %s', typnamespace::regnamespace, typname, typowner::regrole) FROM pg_type p
		WHERE typtype IN ('e', 'd') AND typnamespace::regnamespace::text !~ '^pg_|^information_schema'
			AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')
	UNION ALL SELECT format('value %s of %s', enumlabel, enumtypid::regtype) FROM pg_enum
	UNION ALL SELECT format('extension %s.%s', extnamespace::regnamespace, extname) FROM pg_extension
	UNION ALL SELECT format('schema %s of %s', nspname, nspowner::regrole) FROM pg_namespace WHERE nspname !~ '^pg_'
	UNION ALL SELECT format('publication %s', pubname) FROM pg_publication
	UNION ALL SELECT format('setting %s', unnest(setconfig)) FROM pg_db_role_setting
		WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
	UNION ALL SELECT format('database comment %s', description) FROM pg_shdescription
		WHERE objoid = (SELECT oid FROM pg_database WHERE datname = current_database())
	UNION ALL SELECT format('default privileges %s %s', defaclnamespace::regnamespace, defaclacl) FROM pg_default_acl
	UNION ALL SELECT format('privileges on schema %s %s', nspname, nspacl) FROM pg_namespace WHERE nspname !~ '^pg_'
	ORDER BY 1`

// run returns every difference between the verdicts and what happens.
func (c *trial) run() []string {
	var differences []string
	report := func(format string, args ...any) { differences = append(differences, fmt.Sprintf(format, args...)) }

	database := c.newDatabase()
	before := c.baseline
	files := c.files(map[string]string{"R__zzz_probe.sql": probe})
	message := c.migrate(database, files)
	after := c.query(database, inventory)
	switch word, about := c.flyway.word, c.flyway.about; word {
	case "fails":
		if message == "" || strings.Contains(message, "leaks: ") || !strings.Contains(message, about) {
			report("Flyway says %q, want %q", message, about)
		}
	case "leaks":
		if !strings.Contains(message, "leaks: ") || !strings.Contains(message, about) {
			report("Flyway says %q, want that it leaks %q", message, about)
		}
	case "strays":
		if strays := c.strays(before, after); !strings.Contains(strays, about) || message != "" {
			report("these are in other places: %q, want %q (%s)", strays, about, message)
		}
	case "silent":
		if result := c.query(database, about); message != "" || len(result) != 1 || result[0] != "true" {
			report("%s says %v, want true; Flyway says %q", about, result, message)
		}
	case "half":
		if left := strings.Join(c.leftByFailure(report), "\n"); message != "" || !strings.Contains(left, about) {
			report("a failure leaves %q, want %q; Flyway says %q", left, about, message)
		}
	case "blocks":
		if next := c.nextRun(database); message != "" || next == "" || !strings.Contains(next, about) {
			report("the next run says %q, want %q; Flyway says %q", next, about, message)
		}
	case "runs":
		if message != "" {
			report("Flyway says %q, want that it runs", message)
			return differences
		}
		if strays := c.strays(before, after); strays != "" {
			report("these are in other places: %s", strays)
		}
		if again := c.migrate(database, files); again != "" {
			report("a second run says %q", again)
		}
		if c.outsideTransaction() || c.hasRepeatable() {
			if next := c.nextRun(database); next != "" {
				report("the next run says %q", next)
			}
		} else if left := c.leftByFailure(report); len(left) > 0 {
			report("a failure leaves %s", strings.Join(left, ", "))
		}
	default:
		report("unknown verdict %q", word)
	}
	return differences
}

// The linter's half of the corpus needs neither Java nor PostgreSQL.
func TestLinterSaysWhatTheCorpusSays(t *testing.T) {
	target := migrations.Target()
	for _, c := range readCorpus(t) {
		t.Run(c.name, func(t *testing.T) {
			findings, err := migrationlint.Check(os.DirFS(c.dir), migrationlint.Lock{}, target)
			if err != nil {
				t.Fatal(err)
			}
			faults := migrationlint.Faults(findings)
			says := func(findings []migrationlint.Finding) bool {
				return slices.ContainsFunc(findings, func(f migrationlint.Finding) bool { return strings.Contains(f.String(), c.lint.about) })
			}
			agrees := map[string]bool{
				"accepted": len(findings) == 0,
				"warned":   len(faults) == 0 && says(findings),
				"refused":  says(faults),
			}
			if !agrees[c.lint.word] {
				t.Errorf("the linter says %v, want %v", findings, c.lint)
			}
		})
	}
}

// newDatabase copies the one with the baseline.
func (c *trial) newDatabase() string {
	c.databases++
	name := fmt.Sprintf("corpus_%s_%d", strings.ReplaceAll(c.name, "-", "_"), c.databases)
	c.server.Exec(c.t, "postgres", fmt.Sprintf("CREATE DATABASE %s TEMPLATE corpus OWNER batbern_owner", pgx.Identifier{name}.Sanitize()))
	return name
}

// files copies the case's locations, each with the given files added, and returns the folder.
func (c *trial) files(added map[string]string) string {
	dir := c.t.TempDir()
	for _, location := range c.locations() {
		target := filepath.Join(dir, location)
		if err := os.CopyFS(target, os.DirFS(filepath.Join(c.dir, location))); err != nil {
			c.t.Error(err)
		}
		for name, content := range added {
			if err := os.WriteFile(filepath.Join(target, name), []byte(content), 0o644); err != nil {
				c.t.Error(err)
			}
		}
	}
	return dir
}

// locations are the case's folders in the order of migrate.sh.
func (c *trial) locations() []string {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		c.t.Error(err)
	}
	var locations []string
	for _, entry := range entries {
		if entry.IsDir() {
			locations = append(locations, entry.Name())
		}
	}
	slices.SortStableFunc(locations, func(a, b string) int {
		if (a == shared) == (b == shared) {
			return strings.Compare(a, b)
		}
		if a == shared {
			return -1
		}
		return 1
	})
	return locations
}

// migrate runs Flyway over all locations below a folder, as migrate.sh does.
func (c *trial) migrate(database, dir string) string {
	for _, location := range c.locations() {
		if message := c.command("migrate", database, dir, location); message != "" {
			return message
		}
	}
	return ""
}

func (c *trial) command(command, database, dir, location string) string {
	certificates := filepath.Join(c.image.root, "conf/rds-ca.pem")
	return c.worker.flyway(
		"-url="+migrations.URL(pgtest.Host, strconv.Itoa(c.server.Port), database, certificates),
		"-locations=filesystem:"+filepath.Join(dir, location)+",filesystem:"+filepath.Join(c.image.root, "callbacks"),
		"-defaultSchema="+location, "-lockRetryCount=5", command)
}

// leftByFailure runs the case in another database, with a statement at the end of its last file that fails, and returns
// what stays.
func (c *trial) leftByFailure(report func(string, ...any)) []string {
	database := c.newDatabase()
	dir := c.files(nil)
	location, file := c.last(dir)
	if message := c.applyOthers(database, dir); message != "" {
		report("the files before the last: %s", message)
	}
	before := c.query(database, inventory)
	c.breakFile(dir, location, file)
	if message := c.command("migrate", database, dir, location); message == "" {
		report("a statement that fails was applied")
	}
	return slices.DeleteFunc(difference(before, c.query(database, inventory)), func(line string) bool {
		return strings.HasPrefix(line, "default privileges") // what the callback does before the file
	})
}

// nextRun returns what the run says that follows a failure (outside a transaction, after a repair) or the next edition
// of repeatable files.
func (c *trial) nextRun(database string) string {
	if c.hasRepeatable() {
		dir := c.files(map[string]string{"R__zzz_probe.sql": probe})
		for _, path := range c.matching(dir, "R__*.sql") {
			content, _ := os.ReadFile(path)
			os.WriteFile(path, append(content, "\n-- next edition\n"...), 0o644)
		}
		return c.migrate(database, dir)
	}
	dir := c.files(nil)
	location, file := c.last(dir)
	database = c.newDatabase()
	original, _ := os.ReadFile(filepath.Join(dir, location, file))
	if message := c.applyOthers(database, dir); message != "" {
		return message
	}
	c.breakFile(dir, location, file)
	c.command("migrate", database, dir, location)
	os.WriteFile(filepath.Join(dir, location, file), original, 0o644)
	if message := c.command("repair", database, dir, location); message != "" {
		return message
	}
	return c.migrate(database, dir)
}

func (c *trial) breakFile(dir, location, file string) {
	path := filepath.Join(dir, location, file)
	content, err := os.ReadFile(path)
	if err != nil {
		c.t.Error(err)
	}
	failing := "\n;SELECT 1/0;\n"
	if _, err := os.Stat(path + ".conf"); err != nil && c.outsideTransaction() {
		failing = "\n;DROP INDEX CONCURRENTLY no_such_index;\n" // Flyway refuses other statements beside these
	}
	if err := os.WriteFile(path, append(content, failing...), 0o644); err != nil {
		c.t.Error(err)
	}
}

// applyOthers applies all files of a folder but the last.
func (c *trial) applyOthers(database, dir string) string {
	target := c.t.TempDir()
	if err := os.CopyFS(target, os.DirFS(dir)); err != nil {
		c.t.Error(err)
	}
	location, file := c.last(dir)
	last := filepath.Join(target, location, file)
	os.Remove(last)
	os.Remove(last + ".conf")
	if _, others := c.lastFile(target, location); !others && len(c.locations()) == 1 {
		return ""
	}
	return c.migrate(database, target)
}

func (c *trial) matching(dir, pattern string) []string {
	paths, _ := filepath.Glob(filepath.Join(dir, "*", pattern))
	return paths
}

// last returns the last file of the last location.
func (c *trial) last(dir string) (location, file string) {
	locations := c.locations()
	location = locations[len(locations)-1]
	file, found := c.lastFile(dir, location)
	if !found {
		c.t.Errorf("%s: there is no file in %s", c.name, location)
	}
	return location, file
}

func (c *trial) lastFile(dir, location string) (file string, found bool) {
	err := fs.WalkDir(os.DirFS(filepath.Join(dir, location)), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.EqualFold(filepath.Ext(path), ".sql") {
			file, found = path, true
		}
		return err
	})
	if err != nil {
		c.t.Error(err)
	}
	return file, found
}

func (c *trial) hasRepeatable() bool { return len(c.matching(c.dir, "R__*.sql")) > 0 }

func (c *trial) outsideTransaction() bool {
	location, file := c.last(c.dir)
	path := filepath.Join(c.dir, location, file)
	content, _ := os.ReadFile(path)
	config, _ := os.ReadFile(path + ".conf")
	return strings.Contains(string(config), "executeInTransaction=false") || strings.Contains(string(content), "INDEX CONCURRENTLY") ||
		strings.HasPrefix(string(content), "VACUUM") || strings.HasPrefix(string(content), "REINDEX")
}

// strays returns what a run has added or changed outside the locations' own schemas.
func (c *trial) strays(before, after []string) string {
	var strays []string
	lost := slices.DeleteFunc(difference(after, before), func(line string) bool {
		return strings.HasPrefix(line, "setting ") // of the template: a copy of a database has none
	})
	for _, line := range append(difference(before, after), lost...) {
		own := slices.ContainsFunc(c.locations(), func(location string) bool {
			return strings.Contains(line, " "+location+".") && strings.HasSuffix(line, " of batbern_owner")
		})
		extension := strings.HasPrefix(line, "extension "+shared+".") && !slices.Contains(before, line) || strings.Contains(line, " "+shared+".") && strings.HasSuffix(line, " of master")
		// what the callback does in every location
		if !own && !extension && !strings.HasPrefix(line, "value ") && !strings.HasPrefix(line, "default privileges") {
			strays = append(strays, line)
		}
	}
	return strings.Join(strays, ", ")
}

// difference returns what b has and a lacks.
func difference(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(b), func(line string) bool { return slices.Contains(a, line) })
}

func (c *trial) query(database, sql string) []string {
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	conn, err := c.server.Connect(ctx, pgtest.Superuser, c.server.SuperuserPassword, database)
	if err != nil {
		return []string{err.Error()}
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		return []string{err.Error()}
	}
	values, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		values, err := row.Values()
		if err != nil {
			return "", err
		}
		return fmt.Sprint(values[0]), nil
	})
	if err != nil {
		return []string{err.Error()}
	}
	return values
}
