package migrationlint

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestCheckFindsEveryKindOfFault(t *testing.T) {
	const table = "CREATE TABLE a (id int);"

	for name, test := range map[string]struct {
		files map[string]string
		lock  Lock
		want  string // part of a finding, with its place
	}{
		"lower case prefix":         {files: map[string]string{"s/v1__a.sql": table}, want: `s/v1__a.sql: starts with 'v'`},
		"unknown prefix":            {files: map[string]string{"s/X1__a.sql": table}, want: "no name that Flyway knows"},
		"misspelt callback":         {files: map[string]string{"s/beforMigrate.sql": table}, want: "no name that Flyway knows"},
		"one underscore":            {files: map[string]string{"s/V1_a.sql": table}, want: `has the version "1_a"`},
		"no description":            {files: map[string]string{"s/V1.sql": table}, want: "has no description"},
		"empty description":         {files: map[string]string{"s/V1__.sql": table}, want: "has no description"},
		"no version":                {files: map[string]string{"s/V__a.sql": table}, want: `has the version ""`},
		"version with a letter":     {files: map[string]string{"s/V1a__a.sql": table}, want: `has the version "1a"`},
		"version with a lone point": {files: map[string]string{"s/V1.__a.sql": table}, want: `has the version "1."`},
		"repeatable with a version": {files: map[string]string{"s/R1__a.sql": table}, want: `with a version "1"`},
		"repeatable without a name": {files: map[string]string{"s/R.sql": table}, want: "has no description"},
		"undo":                      {files: map[string]string{"s/U1__a.sql": table}, want: "undo migration"},
		"baseline":                  {files: map[string]string{"s/B1__a.sql": table}, want: "baseline migration"},
		"only underscores":          {files: map[string]string{"s/__a.sql": table}, want: "starts with __"},
		"other file":                {files: map[string]string{"s/V1__a.sql": table, "s/V2__a.txt": "x"}, want: "s/V2__a.txt: is no SQL file"},
		"outside a location":        {files: map[string]string{"V1__a.sql": table}, want: "is in no location"},
		"long version":              {files: map[string]string{"s/V" + strings.Repeat("1", 51) + "__a.sql": table}, want: "version of 51 characters; the history table takes 50"},
		"1 and 01":                  {files: map[string]string{"s/V01__a.sql": table, "s/V1__b.sql": table}, want: "s/V1__b.sql: has the same version 1 as V01__a.sql"},
		"1 and 1.0":                 {files: map[string]string{"s/V1.0__a.sql": table, "s/V1__b.sql": table}, want: "same version 1"},
		"1_0_1 and 1.0.1":           {files: map[string]string{"s/V1.0.1__a.sql": table, "s/V1_0_1__b.sql": table}, want: "same version 1.0.1"},
		"in a folder":               {files: map[string]string{"s/V1__a.sql": table, "s/old/V1__b.sql": table}, want: "same version 1"},
		"two repeatables of a name": {files: map[string]string{"s/R__a.sql": table, "s/x/R__a.sql": table}, want: "same description"},
		"empty":                     {files: map[string]string{"s/V1__a.sql": "-- nothing\n/* at all */"}, want: "has no statement"},
		"not UTF-8":                 {files: map[string]string{"s/V1__a.sql": "SELECT '\xe4';"}, want: "is not UTF-8"},
		"zero byte":                 {files: map[string]string{"s/V1__a.sql": table + "\n\x00"}, want: "s/V1__a.sql:2: has a zero byte"},
		"open quote":                {files: map[string]string{"s/V1__a.sql": table + "\nSELECT 'a;\nVACUUM;"}, want: "s/V1__a.sql:2: has a quote, a comment or COPY data that does not end"},
		"open E quote":              {files: map[string]string{"s/V1__a.sql": table + `SELECT E'a\';`}, want: "does not end"},
		"open identifier":           {files: map[string]string{"s/V1__a.sql": table + `SELECT "a;`}, want: "does not end"},
		"open dollar quote":         {files: map[string]string{"s/V1__a.sql": table + `SELECT $a$ $b$;`}, want: "does not end"},
		// Flyway 12 never stops reading at the file's end: no case of the corpus, which would hang.
		"open COPY data":             {files: map[string]string{"s/V1__a.sql": table + "\nCOPY a FROM STDIN;\n1\n"}, want: "s/V1__a.sql:2: has a quote, a comment or COPY data that does not end"},
		"open comment":               {files: map[string]string{"s/V1__a.sql": table + "/* /* */ VACUUM;"}, want: "does not end"},
		"a comment's end at \\r":     {files: map[string]string{"s/V1__a.sql": table + " -- here\rVACUUM;"}, want: `"VACUUM" cannot run in a transaction`},
		"psql command behind \\r":    {files: map[string]string{"s/V1__a.sql": table + "\r\\q\r"}, want: "is a command of psql"},
		"psql command":               {files: map[string]string{"s/V1__a.sql": table + "\n  \\i other.sql\n"}, want: "s/V1__a.sql:2: is a command of psql"},
		"placeholder":                {files: map[string]string{"s/V1__a.sql": "CREATE TABLE ${name} (id int);"}, want: "placeholder"},
		"index concurrently":         {files: map[string]string{"s/V1__a.sql": table + "\ncreate unique\n index concurrently i ON a (id);"}, want: `s/V1__a.sql:2: "CREATE UNIQUE INDEX CONCURRENTLY" cannot run in a transaction and line 1 can`},
		"drop index concurrently":    {files: map[string]string{"s/V1__a.sql": "DROP INDEX CONCURRENTLY i;" + table}, want: "cannot run in a transaction"},
		"vacuum":                     {files: map[string]string{"s/V1__a.sql": "VACUUM a;" + table}, want: "cannot run in a transaction"},
		"database":                   {files: map[string]string{"s/V1__a.sql": "CREATE DATABASE a;" + table}, want: "cannot run in a transaction"},
		"tablespace":                 {files: map[string]string{"s/V1__a.sql": "DROP TABLESPACE a;" + table}, want: "cannot run in a transaction"},
		"subscription":               {files: map[string]string{"s/V1__a.sql": "CREATE SUBSCRIPTION a;" + table}, want: "cannot run in a transaction"},
		"system":                     {files: map[string]string{"s/V1__a.sql": "ALTER SYSTEM SET a = 1;" + table}, want: "cannot run in a transaction"},
		"reindex":                    {files: map[string]string{"s/V1__a.sql": "REINDEX (VERBOSE) SCHEMA a;" + table}, want: "cannot run in a transaction"},
		"discard":                    {files: map[string]string{"s/V1__a.sql": "DISCARD ALL;" + table}, want: "cannot run in a transaction"},
		"reindex concurrently":       {files: map[string]string{"s/V1__a.sql": "REINDEX INDEX CONCURRENTLY i;"}, want: "Flyway runs it in one"},
		"detach concurrently":        {files: map[string]string{"s/V1__a.sql": "ALTER TABLE a DETACH PARTITION b CONCURRENTLY;"}, want: "Flyway runs it in one"},
		"commit":                     {files: map[string]string{"s/V1__a.sql": table + "commit"}, want: `"COMMIT" ends Flyway's transaction`},
		"set role":                   {files: map[string]string{"s/V1__a.sql": "SET LOCAL ROLE a;"}, want: "do not belong to the owner role"},
		"reset all":                  {files: map[string]string{"s/V1__a.sql": "RESET ALL;"}, want: "resets the search path"},
		"session authorization":      {files: map[string]string{"s/V1__a.sql": "SET SESSION AUTHORIZATION a;"}, want: "do not belong to the owner role"},
		"edited after release":       {files: map[string]string{"s/V1__a.sql": table}, lock: Lock{"s/V1__a.sql": 1}, want: "is released with the checksum 1 and has"},
		"removed after release":      {files: map[string]string{"s/V2__a.sql": table}, lock: Lock{"s/V1__a.sql": 1}, want: "s/V1__a.sql: is released and missing"},
		"added below a released one": {files: map[string]string{"s/V1.9__a.sql": table, "s/V1.10__b.sql": table}, lock: Lock{"s/V1.10__b.sql": Checksum(table)}, want: "s/V1.9__a.sql: has version 1.9 and 1.10 is released"},
	} {
		t.Run(name, func(t *testing.T) {
			findings, err := Check(tree(test.files), test.lock, Target{Owner: "batbern_owner"})
			if err != nil {
				t.Fatal(err)
			}
			says := func(f Finding) bool { return strings.Contains(f.String(), test.want) }
			if !slices.ContainsFunc(findings, says) {
				t.Errorf("found %v\nwant one with %q", findings, test.want)
			}
		})
	}
}

func TestCheckAcceptsWhatFlywayAndPostgreSQLAccept(t *testing.T) {
	accepted := `-- BEGIN; in a comment, and ${placeholder}
/* VACUUM; /* nested */ COMMIT; */
CREATE TABLE "VACUUM; ${x}" (a text DEFAULT 'it''s; COMMIT;', b text DEFAULT E'\'; \\', c text DEFAULT $$ ; ${name} $$);
CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
    COMMIT; -- $$ ; $$
END
$body$;
CREATE OR REPLACE FUNCTION g(x int) RETURNS int
    BEGIN ATOMIC
        SELECT CASE WHEN x > 0 THEN 1 ELSE 0 END;
        SELECT x;
    END;
COPY a (b) FROM stdin;
\N
VACUUM;
\.
CREATE TYPE commit_state AS ENUM ('begin');
UPDATE "VACUUM; ${x}" SET a = $1$ text with a ; and \ $1$;`
	files := tree(map[string]string{
		"one/V1__a.sql":                    accepted,
		"one/V1.1__b.SQL":                  "\uFEFFSELECT 1",
		"one/V2__index.sql":                "DROP INDEX CONCURRENTLY IF EXISTS i;\nCREATE INDEX CONCURRENTLY i ON a (id);",
		"one/R__view.sql":                  "CREATE OR REPLACE VIEW v AS SELECT 1;",
		"one/beforeMigrate.sql":            "SELECT 1;",
		"one/afterMigrate__notify.sql":     "SELECT 1;",
		"two/V1__a_with_same_version.sql":  "SELECT 1;",
		"two/folder/V2__in_a__subtree.sql": "SELECT 1;",
	})
	lock := Lock{}
	if _, err := lock.Append(files); err != nil {
		t.Fatal(err)
	}
	files.(fstest.MapFS)["one/V10__new.sql"] = &fstest.MapFile{Data: []byte("SELECT 1;")}
	if findings, err := Check(files, lock, Target{}); err != nil || len(findings) > 0 {
		t.Errorf("found %v, error %v", findings, err)
	}
}

func TestSplitKeepsLinesAndStatements(t *testing.T) {
	statements, meta, open := split("\n-- one\nSELECT 1;\r\n\r\nINSERT INTO a\n  VALUES ('x\ny');\n\\echo done\nSELECT 'open")
	want := []statement{
		{line: 3, text: "SELECT 1"}, {line: 5, text: "INSERT INTO A VALUES ( '' )"}, {line: 9, text: "SELECT ''"},
	}
	if len(statements) != len(want) {
		t.Fatalf("statements %+v, want %+v", statements, want)
	}
	for i := range want {
		if statements[i].line != want[i].line || statements[i].text != want[i].text {
			t.Errorf("statement %d is %+v, want %+v", i, statements[i], want[i])
		}
	}
	if len(meta) != 1 || meta[0] != 8 {
		t.Errorf("psql commands on lines %v, want 8", meta)
	}
	if open != 9 {
		t.Errorf("the open quote is on line %d, want 9", open)
	}
}

func TestCheckFailsWithoutMigrations(t *testing.T) {
	if _, err := Check(fstest.MapFS{}, nil, Target{}); err == nil || !strings.Contains(err.Error(), "there is no migration") {
		t.Errorf("error %v", err)
	}
	if _, err := Check(unreadable{}, nil, Target{}); err == nil || !strings.Contains(err.Error(), "read the migrations") {
		t.Errorf("error %v", err)
	}
	if _, err := (Lock{}).Append(unreadable{}); err == nil {
		t.Error("appended from an unreadable folder")
	}
}

type unreadable struct{}

func (unreadable) Open(string) (fs.File, error) { return nil, fs.ErrPermission }

func tree(files map[string]string) fs.FS {
	tree := fstest.MapFS{}
	for path, content := range files {
		tree[path] = &fstest.MapFile{Data: []byte(content)}
	}
	return tree
}

// No input may make the scanner panic, lose its place or run endlessly.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{"", "'", "E'\\", "$a$ $a", "/* /* */", "COPY a FROM STDIN;\n\\.", "\"", "--", "\xff;", "BEGIN ATOMIC END"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, script string) {
		statements, _, _ := split(script)
		lines := 1 + strings.Count(script, "\n")
		for _, s := range statements {
			if s.line < 1 || s.line > lines || s.text == "" {
				t.Errorf("statement %+v of %d lines", s, lines)
			}
		}
	})
}
