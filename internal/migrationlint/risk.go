package migrationlint

import (
	"fmt"
	"regexp"
	"strings"
)

// warn adds a risk that a release may accept.
func (c *content) warn(line int, format string, args ...any) {
	c.findings = append(c.findings, Finding{Path: c.path, Line: line, Message: fmt.Sprintf(format, args...), Warning: true})
}

// risk is a kind of statement that locks an existing table, or that the previous release does not bear.
type risk struct {
	pattern *regexp.Regexp
	schema  int // group of the table's schema, 0 for none; the next group is the table
	message string
	scans   bool // takes time in proportion to the table's size
}

const (
	alterTable = `^ALTER TABLE (?:IF EXISTS )?(?:ONLY )?` + qualified + ` .*?`
	contract   = "the release before this one still uses it while this runs, and again after a rollback; remove it one release after the code " +
		"that uses it (expand and contract)"
)

// risks are held against PostgreSQL 15's documentation of each statement, and "Explicit Locking" (13.3).
var risks = []risk{
	{regexp.MustCompile(`^CREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?(?:` + identifier + ` )?ON (?:ONLY )?` + qualified), 2,
		"blocks writes while the index is built; write CREATE INDEX CONCURRENTLY in a file of its own", true},
	{regexp.MustCompile(alterTable + `\bADD (?:CONSTRAINT ` + identifier + ` )?(?:FOREIGN KEY|CHECK)\b`), 1,
		"locks the table while every row is checked; add the constraint NOT VALID, and VALIDATE CONSTRAINT in the next file", true},
	{regexp.MustCompile(alterTable + `\bADD (?:CONSTRAINT ` + identifier + ` )?(?:UNIQUE|PRIMARY KEY|EXCLUDE)\b`), 1,
		"locks the table while the index is built; build it CONCURRENTLY in a file of its own, then ADD CONSTRAINT … USING INDEX", true},
	{regexp.MustCompile(alterTable + `\bALTER (?:COLUMN )?` + identifier + ` SET NOT NULL\b`), 1,
		"locks the table while every row is read; add CHECK (column IS NOT NULL) NOT VALID, validate it in the next file, then SET NOT NULL", true},
	{regexp.MustCompile(alterTable + `\bALTER (?:COLUMN )?` + identifier + ` (?:SET DATA )?TYPE\b`), 1,
		"rewrites the table under an exclusive lock, unless the new type is only longer; add a new column, fill it and switch", true},
	{regexp.MustCompile(alterTable + `\bADD (?:COLUMN )?(?:IF NOT EXISTS )?` + identifier + ` [^,]*\b(?:(?:SMALL|BIG)?SERIAL|GENERATED ALWAYS AS \(|` +
		`GENERATED (?:ALWAYS|BY DEFAULT) AS IDENTITY|DEFAULT (?:[\pL_]+ \. )?(?:GEN_RANDOM_UUID|UUID_GENERATE_[A-Z0-9_]+|RANDOM|CLOCK_TIMESTAMP|NEXTVAL|TIMEOFDAY) \()`), 1,
		"rewrites the table under an exclusive lock, because every row has another value; add the column without it, and fill it in batches", true},
	{regexp.MustCompile(alterTable + `\bADD (?:COLUMN )?(?:IF NOT EXISTS )?` + identifier + ` (?:[^,]*\b)?REFERENCES\b`), 1,
		"locks both tables; add the column, then the constraint NOT VALID, and VALIDATE CONSTRAINT in the next file", false},
	{regexp.MustCompile(alterTable + `\bSET (?:LOGGED|UNLOGGED|TABLESPACE|ACCESS METHOD)\b`), 1,
		"rewrites the table under an exclusive lock; do it in a maintenance window", true},
	{regexp.MustCompile(alterTable + `\bATTACH PARTITION\b`), 1,
		"reads the whole partition under a lock; add a validated CHECK constraint to it first", true},
	{regexp.MustCompile(`^(?:VACUUM (?:FULL|\( [^)]*FULL[^)]*\))|CLUSTER(?: VERBOSE)?) ` + qualified), 1,
		"rewrites the table under an exclusive lock; do it in a maintenance window", true},
	{regexp.MustCompile(`^REINDEX (?:\( [^)]* \) )?TABLE ` + qualified), 1, "blocks writes while the indexes are built; write REINDEX TABLE CONCURRENTLY", true},
	{regexp.MustCompile(`^LOCK (?:TABLE )?(?:ONLY )?` + qualified), 1, "holds the lock until the file ends; keep the file short", false},
	{regexp.MustCompile(`^REFRESH MATERIALIZED VIEW ` + qualified), 1, "blocks reads meanwhile; write REFRESH MATERIALIZED VIEW CONCURRENTLY", false},

	{regexp.MustCompile(alterTable + `\bDROP (?:COLUMN )?(?:IF EXISTS )?` + identifier), 1, "drops a column: " + contract, false},
	{regexp.MustCompile(alterTable + `\bRENAME\b`), 1, "renames a table or column: " + contract, false},
	{regexp.MustCompile(`^DROP (?:TABLE|VIEW|MATERIALIZED VIEW) (?:IF EXISTS )?` + qualified), 1, "drops a table or view: " + contract, false},
	{regexp.MustCompile(`^TRUNCATE (?:TABLE )?(?:ONLY )?` + qualified), 1, "empties a table under an exclusive lock: " + contract, false},
	{regexp.MustCompile(`^ALTER TYPE ` + qualified + ` RENAME VALUE\b`), 1, "renames a value: " + contract, false},
}

var (
	concurrently = regexp.MustCompile(`^(REINDEX|REFRESH).* CONCURRENTLY\b`)
	keptByDrop   = regexp.MustCompile(`\bDROP (CONSTRAINT|DEFAULT|NOT NULL|EXPRESSION|IDENTITY)\b`)
	renameOnly   = regexp.MustCompile(`\bRENAME CONSTRAINT\b`)
	notValid     = regexp.MustCompile(`\bNOT VALID\b`)
	usingIndex   = regexp.MustCompile(`\bUSING INDEX\b`)
	createsTable = regexp.MustCompile(`^CREATE (?:(?:GLOBAL|LOCAL|TEMP|TEMPORARY|UNLOGGED) )*(?:TABLE|VIEW|MATERIALIZED VIEW) (?:IF NOT EXISTS )?` + qualified)
	replacesView = regexp.MustCompile(`^CREATE (?:OR REPLACE )?(?:TEMP |TEMPORARY )?(?:RECURSIVE )?VIEW ` + qualified)
	addsRequired = regexp.MustCompile(alterTable + `\bADD (?:COLUMN )?(?:IF NOT EXISTS )?` + identifier + ` [^,]*\bNOT NULL\b`)
	everyRow     = regexp.MustCompile(`^(?:UPDATE|DELETE FROM) (?:ONLY )?` + qualified)
)

// checkRisks warns of long locks and of changes that the previous release does not bear. A table that the file itself
// makes is empty, and nobody uses it yet.
func (c *content) checkRisks() {
	created := map[string]bool{}
	for _, s := range c.executed {
		for _, pattern := range []*regexp.Regexp{createsTable, replacesView} {
			if m := pattern.FindStringSubmatch(s.text); m != nil {
				created[fold(m[2])] = true
			}
		}
	}
	replaced := func(table string) bool { return created[table] }
	for _, s := range c.executed {
		for _, risk := range risks {
			m := risk.pattern.FindStringSubmatch(s.text)
			if m == nil || replaced(fold(m[risk.schema+1])) || spared(s.text, risk) {
				continue
			}
			c.warnOfTable(s.line, opening(s.statement), fold(m[risk.schema]), fold(m[risk.schema+1]), risk.message, risk.scans)
		}
		if m := addsRequired.FindStringSubmatch(s.text); m != nil && !created[fold(m[2])] && !strings.Contains(s.text, "DEFAULT") &&
			!strings.Contains(s.text, "GENERATED") && !strings.Contains(s.text, "SERIAL") {
			c.warnOfTable(s.line, opening(s.statement), fold(m[1]), fold(m[2]), "fails if the table has rows, and the previous release does "+
				"not fill the column; add a DEFAULT, or NOT NULL one release later", false)
		}
		if m := everyRow.FindStringSubmatch(s.text); m != nil && !created[fold(m[2])] && !strings.Contains(s.text, " WHERE ") {
			c.warnOfTable(s.line, opening(s.statement), fold(m[1]), fold(m[2]), "locks every row until the file ends; change the rows in batches", true)
		}
	}
}

// spared says whether a statement has the form that the risk's remedy asks for.
func spared(text string, r risk) bool {
	switch {
	case strings.HasPrefix(r.message, "blocks"):
		return concurrently.MatchString(text)
	case strings.HasPrefix(r.message, "locks the table while every row is checked"):
		return notValid.MatchString(text)
	case strings.HasPrefix(r.message, "locks the table while the index is built"):
		return usingIndex.MatchString(text)
	case strings.HasPrefix(r.message, "drops a column"):
		return keptByDrop.MatchString(text)
	case strings.HasPrefix(r.message, "renames a table"):
		return renameOnly.MatchString(text)
	}
	return false
}

func (c *content) warnOfTable(line int, statement, schema, table, message string, scans bool) {
	if schema == "" {
		schema = c.schema
	}
	name := table
	if schema != "" {
		name = schema + "." + table
	}
	finding := Finding{Path: c.path, Line: line, Warning: true, Table: name}
	finding.Message = fmt.Sprintf("%q on %s %s", statement, name, message)
	if bytes, known := c.target.Sizes[name]; known && scans {
		finding.Bytes = bytes
		finding.Message += fmt.Sprintf(" (%s now, about %s)", size(bytes), duration(bytes))
	}
	c.findings = append(c.findings, finding)
}

// size is a number of bytes for people.
func size(bytes int64) string {
	const unit = 1024
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	value, i := float64(bytes), 0
	for ; value >= unit && i < len(units)-1; i++ {
		value /= unit
	}
	if i == 0 {
		return fmt.Sprintf("%d bytes", bytes)
	}
	return fmt.Sprintf("%.1f %s", value, units[i])
}

// bytesPerSecond is how fast a table is taken to be read and written again: the baseline throughput of gp3 storage.
// AWS, "Amazon RDS DB instance storage": 125 MiB/s for volumes below 400 GiB.
const bytesPerSecond = 125 << 20

// duration estimates how long a pass over a table takes. Smaller than a second says less than it seems to.
func duration(bytes int64) string {
	seconds := bytes / bytesPerSecond
	switch {
	case seconds < 1:
		return "a second or less"
	case seconds < 120:
		return fmt.Sprintf("%d seconds", seconds)
	default:
		return fmt.Sprintf("%d minutes", seconds/60)
	}
}
