package migrationlint

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Patterns over a statement's text: words in upper case, one space between tokens.
const (
	identifier = `("[^"]+"|[\pL_][\pL\pN_$]*)`
	qualified  = `(?:` + identifier + ` \. )?` + identifier
)

var (
	// outsideTransaction are the statements that Flyway knows to run outside a transaction.
	// Flyway 12, PostgreSQLParser.detectCanExecuteInTransaction.
	outsideTransaction = regexp.MustCompile(`^(CREATE|DROP) (UNIQUE )?INDEX CONCURRENTLY\b` +
		`|^(CREATE|DROP) (DATABASE|TABLESPACE|SUBSCRIPTION)\b|^ALTER SYSTEM\b|^VACUUM\b|^DISCARD ALL\b` +
		`|^REINDEX (VERBOSE |\( [^)]* \) )?(SCHEMA|DATABASE|SYSTEM)\b`)
	// unknownToFlyway are the ones that PostgreSQL refuses in a transaction too, and that Flyway runs in one unless the
	// file's configuration says otherwise.
	unknownToFlyway = regexp.MustCompile(`^REINDEX\b.*\bCONCURRENTLY\b` +
		`|^ALTER TABLE .* DETACH PARTITION .* CONCURRENTLY\b|^CLUSTER( VERBOSE| \( [^)]* \))?$` +
		`|^(COMMIT|ROLLBACK) PREPARED\b|^ALTER DATABASE .* SET TABLESPACE\b|^ALTER SUBSCRIPTION .* REFRESH PUBLICATION\b`)

	endsTransaction = regexp.MustCompile(`^(COMMIT|END|ABORT|ROLLBACK)( WORK| TRANSACTION)?( AND( NO)? CHAIN)?$|^PREPARE TRANSACTION\b`)
	opensBlock      = regexp.MustCompile(`^(BEGIN|START TRANSACTION)\b`)
	copiesOut       = regexp.MustCompile(`^COPY\b.* TO STDOUT\b`)
	callsProcedure  = regexp.MustCompile(`^CALL ` + qualified)
	createsRoutine  = regexp.MustCompile(`^CREATE (?:OR REPLACE )?PROCEDURE ` + qualified)

	// needsSuperuser are statements that neither the owner role nor the master of an RDS instance hands on.
	needsSuperuser = regexp.MustCompile(`^(CREATE|ALTER|DROP) (ROLE|USER|GROUP)\b(?: MAPPING)?|^(CREATE|DROP) (DATABASE|TABLESPACE|SUBSCRIPTION)\b` +
		`|^ALTER SYSTEM\b|^CREATE EVENT TRIGGER\b|^CREATE ACCESS METHOD\b|^CREATE FOREIGN DATA WRAPPER\b|^CREATE SERVER\b` +
		`|^LOAD\b|^CHECKPOINT$|^CREATE (OR REPLACE )?(TRUSTED )?(PROCEDURAL )?LANGUAGE\b|^COPY\b.* (FROM|TO) (PROGRAM )?''` +
		`|^CREATE PUBLICATION .* FOR (ALL TABLES|TABLES IN SCHEMA)\b`)
	userMapping = regexp.MustCompile(`^(CREATE|ALTER|DROP) USER MAPPING\b`)
)

// checkContent returns the faults and warnings of one file's statements.
func checkContent(file migration, target Target) []Finding {
	c := newContent(file, target)
	if c.readable() {
		for _, check := range []func(){
			c.checkPlaceholders, c.checkTransaction, c.checkEnumValues, c.checkRepetition, c.checkRepeatable,
		} {
			check()
		}
		for _, s := range c.executed {
			c.checkStatement(s)
		}
		c.checkKeptState()
		c.checkRisks()
	}
	return c.findings
}

// content is a file while it is checked.
type content struct {
	migration
	target Target
	schema string // that the location fills, "" for a location that may touch all of them

	mixed      bool        // with statements for inside and outside a transaction, which Flyway refuses
	statements []statement // of the file
	executed   []step      // those and the ones inside DO statements, in order
	findings   []Finding
}

// step is a statement that runs when the file is applied.
type step struct {
	statement
	whole  statement // with the conditions of PL/pgSQL in front
	nested bool      // in the body of a DO statement, or in a string that such a body executes
}

func newContent(file migration, target Target) *content {
	schema, _, _ := strings.Cut(file.path, "/")
	if schema == target.Baseline {
		schema = ""
	}
	return &content{migration: file, target: target, schema: schema}
}

func (c *content) found(line int, format string, args ...any) {
	c.findings = append(c.findings, Finding{Path: c.path, Line: line, Message: fmt.Sprintf(format, args...)})
}

// readable splits the file into statements, and returns false when there is no sense in looking at them.
func (c *content) readable() bool {
	if !utf8.ValidString(c.content) {
		c.found(0, "is not UTF-8; save it as UTF-8")
		return false
	}
	if zero := strings.IndexByte(c.content, 0); zero >= 0 {
		c.found(1+strings.Count(c.content[:zero], "\n"), "has a zero byte, which PostgreSQL refuses; save it as UTF-8 text")
	}
	statements, meta, open := split(strings.TrimPrefix(c.content, "\uFEFF"))
	if open > 0 {
		c.found(open, "has a quote, a comment or COPY data that does not end; close it")
	}
	for _, line := range meta {
		c.found(line, "is a command of psql, which only psql understands; write SQL")
	}
	if len(statements) == 0 && open == 0 {
		c.warn(0, "has no statement, and Flyway records it as applied; delete the file, or write it")
	}
	c.statements = statements
	for _, s := range statements {
		c.executed = append(c.executed, step{statement: s, whole: s})
		c.executed = append(c.executed, bodySteps(s)...)
	}
	return true
}

// outside says whether the file runs outside a transaction, and whether its configuration decides that.
func (c *content) outside() (outside, configured bool) {
	if c.config.executeInTransaction != nil {
		return !*c.config.executeInTransaction, true
	}
	return slices.ContainsFunc(c.statements, func(s statement) bool { return outsideTransaction.MatchString(s.text) }), false
}

var (
	anyPlaceholder    = regexp.MustCompile(`\$\{([^}]*)\}`)
	flywayPlaceholder = regexp.MustCompile(`\$\{flyway:[^}]*\}`)
	bare              = regexp.MustCompile(`\$ \{`)
)

// checkPlaceholders finds ${...} that is not replaced where it should be, and the reverse.
func (c *content) checkPlaceholders() {
	if c.config.placeholders {
		for _, at := range anyPlaceholder.FindAllStringIndex(c.content, -1) {
			if text := c.content[at[0]:at[1]]; !flywayPlaceholder.MatchString(text) {
				c.found(c.lineAt(at[0]), "has the placeholder %s, and its configuration turns placeholders on, but nothing sets "+
					"its value; write the value, or remove placeholderReplacement from %s.conf", text, path.Base(c.path))
			}
		}
		return
	}
	for _, at := range flywayPlaceholder.FindAllStringIndex(c.content, -1) {
		c.found(c.lineAt(at[0]), "has the placeholder %s, which Flyway leaves as it is here (flyway.env), without an error; "+
			"write the value, or set placeholderReplacement=true in %s.conf", c.content[at[0]:at[1]], path.Base(c.path))
	}
	for _, s := range c.statements {
		if bare.MatchString(s.text) && !strings.Contains(s.text, "$ { FLYWAY :") {
			c.found(s.line, "has a placeholder ${…}, which is not replaced (flyway.env); write the value")
		}
	}
}

func (c *content) lineAt(offset int) int { return 1 + strings.Count(c.content[:offset], "\n") }

// checkTransaction holds every statement against how Flyway runs the file.
func (c *content) checkTransaction() {
	outside, configured := c.outside()
	if !configured {
		first := slices.IndexFunc(c.statements, func(s statement) bool { return outsideTransaction.MatchString(s.text) })
		other := slices.IndexFunc(c.statements, func(s statement) bool { return !outsideTransaction.MatchString(s.text) })
		if c.mixed = first >= 0 && other >= 0; c.mixed {
			c.found(c.statements[first].line, "%q cannot run in a transaction and line %d can; give it a file of its own",
				opening(c.statements[first]), c.statements[other].line)
		}
	}
	procedures := map[string]bool{} // that end transactions
	for _, s := range c.executed {
		if name := createsRoutine.FindStringSubmatch(s.text); name != nil {
			procedures[name[2]] = slices.ContainsFunc(routineSteps(s.statement), func(inner step) bool { return endsTransaction.MatchString(inner.text) })
		}
		if copiesOut.MatchString(s.text) {
			c.found(s.line, "%q returns rows, and Flyway has nowhere to put them; leave it out", opening(s.statement))
		}
		called := callsProcedure.FindStringSubmatch(s.text)
		switch {
		case !outside && configured && outsideTransaction.MatchString(s.text):
			c.found(s.line, "%q cannot run in a transaction, which %s.conf asks for; remove that setting", opening(s.statement), path.Base(c.path))
		case !outside && unknownToFlyway.MatchString(s.text) && !outsideTransaction.MatchString(s.text):
			c.found(s.line, "%q cannot run in a transaction, and Flyway runs it in one; give it a file of its own, with "+
				"executeInTransaction=false in %s.conf", opening(s.statement), path.Base(c.path))
		case s.nested && outsideTransaction.MatchString(s.text):
			c.found(s.line, "%q cannot run inside a DO statement; write it as a statement of its own", opening(s.statement))
		case !outside && s.nested && endsTransaction.MatchString(s.text):
			c.found(s.line, "%q ends the transaction inside a DO statement, which PostgreSQL refuses in Flyway's transaction; leave it "+
				"out, or set executeInTransaction=false in %s.conf", opening(s.statement), path.Base(c.path))
		case !outside && called != nil && procedures[called[2]]:
			c.found(s.line, "%q runs a procedure that ends the transaction, which PostgreSQL refuses in Flyway's transaction; set "+
				"executeInTransaction=false in %s.conf", opening(s.statement), path.Base(c.path))
		case !outside && !s.nested && endsTransaction.MatchString(s.text):
			c.found(s.line, "%q ends Flyway's transaction, so that a failure leaves half a migration; leave it out", opening(s.statement))
		}
	}
}

var (
	addsValue     = regexp.MustCompile(`^ALTER TYPE ` + qualified + ` ADD VALUE (?:IF NOT EXISTS )?''`)
	mentionsValue = regexp.MustCompile(`^(ALTER TYPE .* ADD VALUE|COMMENT ON|CREATE (OR REPLACE )?(FUNCTION|PROCEDURE))\b`)
)

// checkEnumValues finds a value that is added to an enum and used in the same transaction.
// PostgreSQL 15, ALTER TYPE, "Notes": the new value cannot be used until after the transaction has been committed, also
// where the transaction has created the type (17 allows that).
func (c *content) checkEnumValues() {
	if outside, _ := c.outside(); outside {
		return
	}
	added := map[string]int{} // value → line
	for _, s := range c.executed {
		if addsValue.MatchString(s.text) && len(s.strings) > 0 {
			added[s.strings[0].content] = s.line
			continue
		}
		if mentionsValue.MatchString(s.text) {
			continue
		}
		for _, used := range s.strings {
			if line, new := added[used.content]; new && !used.dollar {
				c.found(s.line, "uses '%s', which line %d adds to an enum: PostgreSQL allows that only after the transaction; "+
					"use it in the next file", used.content, line)
			}
		}
	}
}

var (
	createsConcurrently = regexp.MustCompile(`^CREATE (?:UNIQUE )?INDEX CONCURRENTLY (IF NOT EXISTS )?` + qualified + ` ON\b`)
	dropsConcurrently   = regexp.MustCompile(`^DROP INDEX CONCURRENTLY (IF EXISTS )?` + qualified)
	// harmlessToRepeat are statements outside a transaction that leave nothing behind when they fail.
	harmlessToRepeat = regexp.MustCompile(`^(VACUUM|ANALYZE|REINDEX|CLUSTER|SET|RESET|SELECT|REFRESH MATERIALIZED VIEW)\b|IF (NOT )?EXISTS\b|^CREATE OR REPLACE\b`)
)

// checkRepetition finds what cannot run again after a failure halfway: outside a transaction nothing is rolled back.
func (c *content) checkRepetition() {
	if outside, _ := c.outside(); !outside || c.mixed {
		return
	}
	dropped := map[string]bool{}
	for _, s := range c.statements {
		if name := dropsConcurrently.FindStringSubmatch(s.text); name != nil {
			dropped[name[3]] = true
			if name[1] == "" && len(c.statements) > 1 {
				c.found(s.line, "%q fails when the file runs again after a later statement failed; write DROP INDEX CONCURRENTLY IF EXISTS",
					opening(s))
			}
			continue
		}
		if name := createsConcurrently.FindStringSubmatch(s.text); name != nil {
			if !dropped[name[3]] {
				c.found(s.line, "%q leaves an invalid index when it fails, and the file cannot build it again; begin the file with "+
					"DROP INDEX CONCURRENTLY IF EXISTS %s", opening(s), fold(name[3]))
			}
			continue
		}
		if !outsideTransaction.MatchString(s.text) && !harmlessToRepeat.MatchString(s.text) && !opensBlock.MatchString(s.text) &&
			!endsTransaction.MatchString(s.text) && !c.inBlock(s.line) {
			c.warn(s.line, "%q runs outside a transaction: after a failure it stays, and the file must be able to run again", opening(s))
		}
	}
}

var (
	onlyOnce = regexp.MustCompile(`^CREATE (UNLOGGED |GLOBAL |LOCAL )*(?:UNIQUE |RECURSIVE |CONSTRAINT )?` +
		`(TABLE|INDEX|VIEW|MATERIALIZED VIEW|FUNCTION|PROCEDURE|AGGREGATE|TYPE|DOMAIN|SEQUENCE|TRIGGER) (?:CONCURRENTLY )?` + qualified)
	onlyOnceColumn = regexp.MustCompile(`^ALTER TABLE (IF EXISTS )?(ONLY )?` + qualified + ` ADD (COLUMN )?`)
	dropsIfExists  = regexp.MustCompile(`^DROP (TABLE|INDEX|VIEW|MATERIALIZED VIEW|FUNCTION|PROCEDURE|AGGREGATE|TYPE|DOMAIN|SEQUENCE|TRIGGER) ` +
		`(?:CONCURRENTLY )?IF EXISTS ` + qualified)
	ifNotExists = regexp.MustCompile(`\bIF NOT EXISTS\b`)
)

// checkRepeatable finds statements of a repeatable migration that fail when its next edition is applied.
func (c *content) checkRepeatable() {
	if c.name.kind != repeatable {
		return
	}
	dropped := map[string]bool{}
	for _, s := range c.statements {
		if name := dropsIfExists.FindStringSubmatch(s.text); name != nil {
			dropped[name[1]+name[3]] = true
			continue
		}
		name := onlyOnce.FindStringSubmatch(s.text)
		again := name != nil && !ifNotExists.MatchString(s.text) && !dropped[name[2]+name[4]]
		column := onlyOnceColumn.MatchString(s.text) && !ifNotExists.MatchString(s.text)
		if again || column {
			c.found(s.line, "%q fails when the next edition of this repeatable migration runs; write CREATE OR REPLACE, IF NOT EXISTS, "+
				"or drop the object first (DROP … IF EXISTS)", opening(s))
		}
	}
}

// opening is enough of a statement to recognize it.
func opening(s statement) string {
	const words = 4
	fields := strings.Fields(s.text)
	return strings.Join(fields[:min(words, len(fields))], " ")
}

// fold returns an identifier as PostgreSQL stores it.
func fold(identifier string) string {
	if quoted, isQuoted := strings.CutPrefix(identifier, `"`); isQuoted {
		return strings.TrimSuffix(quoted, `"`)
	}
	return strings.ToLower(identifier)
}
