package migrationlint

import (
	"regexp"
	"slices"
	"strings"
)

var (
	// databaseWide are statements on objects that no schema holds, and that all locations share.
	databaseWide = regexp.MustCompile(`^(CREATE|ALTER|DROP) (SCHEMA|PUBLICATION|DATABASE|EVENT TRIGGER)\b|^(DROP|REASSIGN) OWNED\b` +
		`|^IMPORT FOREIGN SCHEMA\b|^COMMENT ON (DATABASE|ROLE|TABLESPACE)\b|^(GRANT|REVOKE)\b.* ON (DATABASE|SCHEMA)\b`)
	defaultPrivileges = regexp.MustCompile(`^ALTER DEFAULT PRIVILEGES\b(?:.* IN SCHEMA ` + identifier + `)?`)
	grantsRole        = regexp.MustCompile(`^(GRANT|REVOKE) ` + identifier + `( , ` + identifier + `)* (TO|FROM) `)
	changesOwner      = regexp.MustCompile(`^ALTER .* OWNER TO ` + identifier + `$`)
	movesSchema       = regexp.MustCompile(`^ALTER .* SET SCHEMA ` + identifier + `$`)
	// changesObject captures schema and name of what a statement makes, changes or removes.
	changesObject = regexp.MustCompile(`^(?:CREATE|ALTER|DROP|TRUNCATE|COMMENT ON|INSERT INTO|UPDATE|DELETE FROM|COPY|REINDEX|CLUSTER|VACUUM|ANALYZE|LOCK)\b` +
		`(?: (?:OR|REPLACE|TEMP|TEMPORARY|UNLOGGED|UNIQUE|MATERIALIZED|RECURSIVE|FOREIGN|CONSTRAINT|TABLE|INDEX|CONCURRENTLY|VIEW|SEQUENCE|` +
		`FUNCTION|PROCEDURE|ROUTINE|AGGREGATE|TYPE|DOMAIN|TRIGGER|COLUMN|ONLY|IF|NOT|EXISTS|COLLATION|STATISTICS|FULL|OPERATOR))* ` + identifier + ` \. ` + identifier)
	// onTable captures schema and table of what belongs to a table.
	onTable = regexp.MustCompile(`^(?:CREATE|DROP|ALTER)\b.*?\b(?:INDEX|TRIGGER|RULE|POLICY)\b.*? ON (?:ONLY )?` + identifier + ` \. ` + identifier)
	// lookup finds schemas in strings: 'public.events', and beside the columns that hold a schema's name.
	schemaColumn = regexp.MustCompile(`\b(TABLE_SCHEMA|SCHEMANAME|NSPNAME|ROUTINE_SCHEMA|CONSTRAINT_SCHEMA|SCHEMA_NAME|UDT_SCHEMA|SEQUENCE_SCHEMA|TRIGGER_SCHEMA)( =|:? IN \() ''`)
	toReg        = regexp.MustCompile(`\bTO_REG(CLASS|TYPE|PROC|PROCEDURE|NAMESPACE) \( ''`)
	existsIn     = regexp.MustCompile(`\bIF EXISTS (?:ONLY )?` + identifier + ` \. ` + identifier)
	anySchema    = regexp.MustCompile(`\bINFORMATION_SCHEMA \. (TABLES|COLUMNS|VIEWS|ROUTINES|SEQUENCES|TABLE_CONSTRAINTS)\b|\bPG_(TABLES|INDEXES|VIEWS)\b`)
	names        = regexp.MustCompile(`\b(TABLE_SCHEMA|SCHEMANAME|NSPNAME|ROUTINE_SCHEMA|CONSTRAINT_SCHEMA|SEQUENCE_SCHEMA|CURRENT_SCHEMA)\b`)
	inString     = regexp.MustCompile(`^"?([\pL_][\pL\pN_$]*)"?\.`)
)

// checkStatement holds one statement against what all locations share.
func (c *content) checkStatement(s step) {
	c.checkSession(s)
	c.checkExtension(s)
	c.checkOthers(s)
	c.checkLookups(s)
}

// mine says whether a location may make and change objects of a schema.
func (c *content) mine(schema string) bool {
	return c.schema == "" || schema == c.schema || schema == "pg_temp"
}

func (c *content) checkOthers(s step) {
	if needsSuperuser.MatchString(s.text) && !userMapping.MatchString(s.text) {
		c.found(s.line, "%q needs a permission that the owner role does not have; leave it to the platform", opening(s.statement))
		return
	}
	if c.schema == "" {
		return
	}
	if databaseWide.MatchString(s.text) {
		c.found(s.line, "%q changes what all locations share; leave it to the location %s", opening(s.statement), or(c.target.Baseline, "of the platform"))
		return
	}
	if m := defaultPrivileges.FindStringSubmatch(s.text); m != nil {
		c.found(s.line, "%q changes which privileges later objects have; the platform sets them (V3__grant_privileges.sql)", opening(s.statement))
		return
	}
	if grantsRole.MatchString(s.text) {
		c.found(s.line, "%q needs a permission that the owner role does not have; leave it to the platform", opening(s.statement))
		return
	}
	if m := changesOwner.FindStringSubmatch(s.text); m != nil && fold(m[1]) != c.target.Owner && c.target.Owner != "" {
		c.found(s.line, "%q gives an object another owner; leave it out: every object belongs to %s", opening(s.statement), c.target.Owner)
	}
	for _, pattern := range []*regexp.Regexp{changesObject, onTable, movesSchema} {
		if m := pattern.FindStringSubmatch(s.text); m != nil && !c.mine(fold(m[1])) && !systemSchema(fold(m[1])) && !isColumn(s.text) {
			c.found(s.line, "%q changes schema %s, and this location fills %s; write the name without a schema, or move the "+
				"statement into the location of that schema", opening(s.statement), fold(m[1]), c.schema)
			return
		}
	}
}

// isColumn says whether the two names are a table and its column, as in COMMENT ON COLUMN events.title.
func isColumn(text string) bool {
	name, _, _ := strings.Cut(text, " IS ")
	return strings.HasPrefix(name, "COMMENT ON COLUMN ") && strings.Count(name, " . ") == 1
}

func systemSchema(name string) bool { return name == "pg_catalog" || name == "information_schema" }

// checkLookups finds conditions that ask for another schema's object: where there is none, the file does nothing and is
// recorded as applied.
func (c *content) checkLookups(s step) {
	if c.schema == "" {
		return
	}
	foreign := func(schema string) bool {
		return !c.mine(schema) && schema != c.target.Shared && !systemSchema(schema)
	}
	report := func(schema string) {
		c.found(s.line, "looks for an object of schema %s, does nothing where there is none, and is recorded as applied; "+
			"leave the condition out, or look in current_schema()", schema)
	}
	if m := existsIn.FindStringSubmatch(s.whole.text); m != nil && foreign(fold(m[1])) && c.mineOrUnqualified(s) {
		report(fold(m[1]))
		return
	}
	if schemaColumn.MatchString(s.whole.text) {
		for i, at := range stringPositions(s.whole.text) {
			if before := schemaColumn.FindStringIndex(s.whole.text[:at+2]); before != nil && before[1] == at+2 && i < len(s.whole.strings) {
				if schema := s.whole.strings[i].content; foreign(schema) {
					report(schema)
					return
				}
			}
		}
	}
	if toReg.MatchString(s.whole.text) {
		for _, text := range s.whole.strings {
			if m := inString.FindStringSubmatch(text.content); m != nil && foreign(m[1]) {
				report(m[1])
				return
			}
		}
	}
	if anySchema.MatchString(s.whole.text) && !names.MatchString(s.whole.text) {
		c.warn(s.line, "looks into every schema of the database, also those of other services; add a condition on current_schema()")
	}
}

// mineOrUnqualified is false where the statement has been refused for the same name already.
func (c *content) mineOrUnqualified(s step) bool {
	return !slices.ContainsFunc(c.findings, func(f Finding) bool { return f.Line == s.line })
}

// stringPositions returns where the strings of a statement's text are.
func stringPositions(text string) []int {
	var positions []int
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '\'' && text[i+1] == '\'' {
			positions = append(positions, i)
			i++
		}
	}
	return positions
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
