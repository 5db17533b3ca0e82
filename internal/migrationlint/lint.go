// Package migrationlint finds what Flyway would refuse, ignore in silence or hang on, before a migration is released.
// It needs neither Flyway nor a database.
//
// A file system of migrations has one folder a location, as below migrations/sql. The rules are Flyway's own where it
// has some (names, versions, checksums) and PostgreSQL's (what runs in a transaction); the rest keeps a migration
// reviewable: plain SQL, one transaction a file, and nothing that changes who owns what it makes.
package migrationlint

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Finding is one fault.
type Finding struct {
	Path    string // of the file, or of the lock
	Line    int    // from 1; 0 where the fault is of the whole file
	Message string // what is wrong and what to do
}

func (f Finding) String() string {
	if f.Line == 0 {
		return f.Path + ": " + f.Message
	}
	return fmt.Sprintf("%s:%d: %s", f.Path, f.Line, f.Message)
}

// migration is one file of a location.
type migration struct {
	path    string
	name    name
	content string
}

// Check returns the faults of all migrations below the root of files, ordered by path and line, and compares them with
// the lock of what is released. An error means that the files could not be read.
func Check(files fs.FS, lock Lock) ([]Finding, error) {
	locations, findings, err := read(files)
	if err != nil {
		return nil, err
	}
	for _, location := range locations {
		findings = append(findings, checkVersions(location)...)
		findings = append(findings, lock.checkOrder(location)...)
		for _, file := range location {
			findings = append(findings, checkContent(file)...)
		}
	}
	findings = append(findings, lock.check(locations)...)
	slices.SortStableFunc(findings, func(a, b Finding) int {
		if order := strings.Compare(a.Path, b.Path); order != 0 {
			return order
		}
		return a.Line - b.Line
	})
	return findings, nil
}

// read returns the migrations of every location, and the faults of names.
func read(files fs.FS) (map[string][]migration, []Finding, error) {
	locations := map[string][]migration{}
	var findings []Finding
	err := fs.WalkDir(files, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, file)
		if err != nil {
			return err
		}
		location, _, nested := strings.Cut(file, "/")
		if !nested {
			findings = append(findings, Finding{Path: file, Message: "is in no location; move it into the folder of its schema"})
			return nil
		}
		parsed, faults := parseName(path.Base(file))
		if length := utf8.RuneCountInString(strings.TrimPrefix(file, location+"/")); length > maxScriptLength {
			faults = append(faults, fmt.Sprintf("has a path of %d characters; the history table takes %d", length, maxScriptLength))
		}
		for _, fault := range faults {
			findings = append(findings, Finding{Path: file, Message: fault})
		}
		if len(faults) == 0 {
			locations[location] = append(locations[location], migration{path: file, name: parsed, content: string(content)})
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the migrations: %w", err)
	}
	if len(locations) == 0 && len(findings) == 0 {
		return nil, nil, errors.New("there is no migration: expected <schema>/V<version>__<description>.sql")
	}
	return locations, findings, nil
}

// checkVersions finds files that are the same migration to Flyway.
func checkVersions(location []migration) []Finding {
	var findings []Finding
	for i, file := range location {
		for _, earlier := range location[:i] {
			switch {
			case file.name.kind == versioned && earlier.name.kind == versioned && file.name.version.compare(earlier.name.version) == 0:
				findings = append(findings, Finding{Path: file.path, Message: fmt.Sprintf(
					"has the same version %s as %s (1, 01, 1.0 and 1_0 are one version); take the next free one",
					file.name.version, path.Base(earlier.path))})
			case file.name.kind == repeatable && earlier.name.kind == repeatable && file.name.description == earlier.name.description:
				findings = append(findings, Finding{Path: file.path, Message: fmt.Sprintf(
					"has the same description as %s; Flyway tells repeatable migrations apart by it", earlier.path)})
			}
		}
	}
	return findings
}

var (
	// outsideTransaction are the statements that Flyway runs outside a transaction, because PostgreSQL refuses them in one.
	outsideTransaction = regexp.MustCompile(`^(CREATE|DROP) (UNIQUE )?INDEX CONCURRENTLY\b` +
		`|^(CREATE|DROP) (DATABASE|TABLESPACE|SUBSCRIPTION)\b|^ALTER SYSTEM\b|^VACUUM\b|^DISCARD ALL\b` +
		`|^REINDEX (\( [^)]*\) )?(SCHEMA|DATABASE|SYSTEM)\b|^ALTER TYPE .* ADD VALUE\b`)
	// unknownToFlyway are the ones that it runs in a transaction all the same.
	unknownToFlyway    = regexp.MustCompile(`^REINDEX .*\b(INDEX|TABLE) CONCURRENTLY\b|^ALTER TABLE .* DETACH PARTITION .* CONCURRENTLY\b`)
	transactionControl = regexp.MustCompile(`^(BEGIN|START TRANSACTION|COMMIT|END|ROLLBACK|ABORT|PREPARE TRANSACTION)\b`)
	changesRole        = regexp.MustCompile(`^(SET( LOCAL| SESSION)? (ROLE|SESSION AUTHORIZATION)|RESET (ROLE|SESSION AUTHORIZATION|ALL))\b`)
	placeholder        = regexp.MustCompile(`\$ \{`)
)

func checkContent(file migration) []Finding {
	var findings []Finding
	found := func(line int, format string, args ...any) {
		findings = append(findings, Finding{Path: file.path, Line: line, Message: fmt.Sprintf(format, args...)})
	}
	if !utf8.ValidString(file.content) {
		found(0, "is not UTF-8; save it as UTF-8")
		return findings
	}
	if zero := strings.IndexByte(file.content, 0); zero >= 0 {
		found(1+strings.Count(file.content[:zero], "\n"), "has a zero byte, which PostgreSQL refuses; save it as UTF-8 text")
	}
	statements, meta, open := split(strings.TrimPrefix(file.content, "\uFEFF"))
	if open > 0 {
		found(open, "has a quote or comment that does not end; close it")
	}
	for _, line := range meta {
		found(line, "is a command of psql, which only psql understands; write SQL")
	}
	if len(statements) == 0 {
		found(0, "has no statement; Flyway would record an empty migration: delete the file or write it")
	}

	outside := slices.IndexFunc(statements, func(s statement) bool { return outsideTransaction.MatchString(s.text) })
	inside := slices.IndexFunc(statements, func(s statement) bool { return !outsideTransaction.MatchString(s.text) })
	if outside >= 0 && inside >= 0 {
		found(statements[outside].line, "%q cannot run in a transaction and line %d can; give it a file of its own",
			opening(statements[outside]), statements[inside].line)
	}
	for _, s := range statements {
		switch {
		case unknownToFlyway.MatchString(s.text):
			found(s.line, "%q cannot run in a transaction, and Flyway runs it in one; do it by hand, outside a migration", opening(s))
		case transactionControl.MatchString(s.text):
			found(s.line, "%q ends Flyway's transaction, so that a failure leaves half a migration; leave it out", opening(s))
		case changesRole.MatchString(s.text):
			found(s.line, "%q makes objects that do not belong to the owner role; leave it out", opening(s))
		}
		if placeholder.MatchString(s.text) {
			found(s.line, "has a placeholder ${…}, which is not replaced (flyway.env); write the value")
		}
	}
	return findings
}

// opening is enough of a statement to recognise it.
func opening(s statement) string {
	const words = 4
	fields := strings.Fields(s.text)
	return strings.Join(fields[:min(words, len(fields))], " ")
}
