package migrationlint

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// Target is the database that migrations are written for. The zero value knows no schema by name and accepts any.
type Target struct {
	Owner    string // role of every session: "batbern_owner"
	Shared   string // schema that every location may read, and that holds the extensions: "shared_kernel"
	Baseline string // location that makes schemas and extensions, and may touch all of them: "platform"
	// Schemas are the services' schemas. A location with another name is refused. Empty accepts every name.
	Schemas []string
	// Extensions are the installed ones: CREATE EXTENSION IF NOT EXISTS does nothing for them.
	Extensions []string
	// Sizes are the bytes of existing tables, by "schema.table", for estimates. Nil where no database is at hand.
	Sizes map[string]int64
}

// trustedExtensions are the ones of PostgreSQL 15 that need no superuser.
// PostgreSQL 15, appendix F: "This module is considered trusted".
var trustedExtensions = []string{
	"btree_gin", "btree_gist", "citext", "cube", "dict_int", "fuzzystrmatch", "hstore", "intarray", "isn", "lo", "ltree",
	"pg_trgm", "pgcrypto", "seg", "tablefunc", "tcn", "tsm_system_rows", "tsm_system_time", "unaccent", "uuid-ossp",
}

var (
	createsExtension = regexp.MustCompile(`^CREATE EXTENSION (IF NOT EXISTS )?` + identifier + `(?:.*\bSCHEMA ` + identifier + `)?`)
	changesExtension = regexp.MustCompile(`^(ALTER|DROP) EXTENSION (?:IF EXISTS )?` + identifier)
)

// Extensions returns the extensions that the files of a location create, in order.
func Extensions(location fs.FS) ([]string, error) {
	var names []string
	files, err := fs.Glob(location, "*.sql")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		content, err := fs.ReadFile(location, file)
		if err != nil {
			return nil, err
		}
		statements, _, _ := split(string(content))
		for _, s := range statements {
			if m := createsExtension.FindStringSubmatch(s.text); m != nil {
				names = append(names, fold(m[2]))
			}
		}
	}
	return names, nil
}

// checkLocation refuses a location that no schema exists for.
func (t Target) checkLocation(name string) []Finding {
	if len(t.Schemas) == 0 || name == t.Baseline || name == t.Shared || slices.Contains(t.Schemas, name) {
		return nil
	}
	return []Finding{{Path: name, Message: fmt.Sprintf("is no schema: Flyway would fail with \"You must manually create a schema\"; "+
		"name the folder like one of %s, or add the service with a DatabaseUser to config/services.go: the next deployment makes "+
		"its schema", strings.Join(t.Schemas, ", "))}}
}

// checkExtension keeps extensions, of which a database has one each, in the schema that all locations share.
func (c *content) checkExtension(s step) {
	if m := changesExtension.FindStringSubmatch(s.text); m != nil && c.schema != c.target.Shared && c.schema != "" {
		c.found(s.line, "%q changes an extension that all locations share; leave it to the location %s", opening(s.statement), c.target.Shared)
	}
	m := createsExtension.FindStringSubmatch(s.text)
	if m == nil {
		return
	}
	name, schema := fold(m[2]), fold(m[3])
	ifNotExists := m[1] != ""
	switch {
	case slices.Contains(c.target.Extensions, name) && ifNotExists:
		// does nothing
	case slices.Contains(c.target.Extensions, name) && c.schema != "":
		c.found(s.line, "extension %s exists already; leave the statement out, or write IF NOT EXISTS", name)
	case !slices.Contains(trustedExtensions, name):
		c.found(s.line, "extension %s is not trusted: only a superuser can create it; choose one of %s", name, strings.Join(trustedExtensions, ", "))
	case schema != c.target.Shared && c.target.Shared != "":
		c.found(s.line, "puts extension %s into one location's schema, where other services do not find it; write CREATE EXTENSION "+
			"IF NOT EXISTS %s SCHEMA %s", name, m[2], c.target.Shared)
	case !ifNotExists && c.schema != "" && c.schema != c.target.Shared:
		c.found(s.line, "fails when another location has created extension %s; write IF NOT EXISTS", name)
	}
}
