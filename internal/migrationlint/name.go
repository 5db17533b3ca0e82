package migrationlint

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
)

// maxVersionLength is the width of a column of Flyway's history table: a longer version fails the migration after its
// statements ran. Flyway shortens descriptions and paths itself.
const maxVersionLength = 50

// kind is what Flyway does with a file, by the prefix of its name.
type kind byte

const (
	versioned  kind = 'V'
	repeatable kind = 'R'
	callback   kind = 'C'
)

// name is a migration's file name, taken apart as Flyway does it.
type name struct {
	kind        kind
	version     version
	written     string // the version as written, such as "01"
	description string
}

// version is a migration's version: big integers without trailing zeros, so that 1, 01, 1.0 and 1_0 are equal.
type version []*big.Int

func (v version) compare(other version) int {
	for i := range max(len(v), len(other)) {
		if order := v.part(i).Cmp(other.part(i)); order != 0 {
			return order
		}
	}
	return 0
}

func (v version) part(i int) *big.Int {
	if i < len(v) {
		return v[i]
	}
	return new(big.Int)
}

func (v version) String() string {
	parts := make([]string, len(v))
	for i, part := range v {
		parts[i] = part.String()
	}
	return strings.Join(parts, ".")
}

var versionPattern = regexp.MustCompile(`^[0-9]+([._][0-9]+)*$`)

// callbackEvents are the moments at which Flyway runs a file of that name.
// See https://documentation.red-gate.com/flyway/reference/callbacks
var callbackEvents = map[string]bool{
	"beforeMigrate": true, "beforeEachMigrate": true, "beforeEachMigrateStatement": true, "beforeRepeatables": true,
	"afterEachMigrateStatement": true, "afterEachMigrateStatementError": true, "afterEachMigrate": true,
	"afterEachMigrateError": true, "afterVersioned": true, "afterMigrateApplied": true, "afterMigrate": true,
	"afterMigrateError": true, "afterMigrateOperationFinish": true,
	"beforeValidate": true, "afterValidate": true, "afterValidateError": true, "afterValidateOperationFinish": true,
	"beforeInfo": true, "afterInfo": true, "afterInfoError": true, "afterInfoOperationFinish": true,
	"beforeRepair": true, "afterRepair": true, "afterRepairError": true, "afterRepairOperationFinish": true,
	"beforeConnect": true, "afterConnect": true, "beforeCreateSchema": true, "createSchema": true,
}

// migrationLike are names of files that somebody meant as a migration and that Flyway does not look at.
var migrationLike = regexp.MustCompile(`^[VvRrUuBb][0-9._]*__`)

// isMigration says whether a file is a migration, or was meant as one.
func isMigration(file string) bool {
	_, isSQL := cutSuffixFold(file, ".sql")
	return isSQL || migrationLike.MatchString(file)
}

const nameRemedy = "name it V<version>__<description>.sql, R__<description>.sql or <callback>[__<description>].sql"

// parseName returns the faults of a name instead of the name when Flyway would refuse or, worse, ignore the file.
func parseName(file string) (name, []string) {
	stem, isSQL := cutSuffixFold(file, ".sql")
	if !isSQL {
		return name{}, []string{"is no SQL file and would be ignored by Flyway; move it out of the location"}
	}
	prefix, description, separated := strings.Cut(stem, "__")
	if callbackEvents[prefix] {
		return name{kind: callback, description: description}, nil
	}
	if prefix == "" {
		return name{}, []string{"starts with __; " + nameRemedy}
	}

	parsed := name{kind: kind(prefix[0]), written: prefix[1:], description: description}
	switch parsed.kind {
	case versioned:
		return parsed, parsed.parseVersion(separated)
	case repeatable:
		if parsed.written != "" {
			return parsed, []string{fmt.Sprintf("is a repeatable migration with a version %q; %s", parsed.written, nameRemedy)}
		}
		return parsed, parsed.checkDescription(separated)
	case 'v', 'r':
		return parsed, []string{fmt.Sprintf("starts with %q; Flyway's prefixes are upper case: %s", prefix[0], nameRemedy)}
	case 'U':
		return parsed, []string{"is an undo migration, which Flyway's open-source edition does not run; roll forward instead"}
	case 'B':
		return parsed, []string{"is a baseline migration; this project builds every database from V1: " + nameRemedy}
	default:
		return parsed, []string{"has no name that Flyway knows; " + nameRemedy}
	}
}

func (n *name) parseVersion(separated bool) []string {
	if !versionPattern.MatchString(n.written) {
		return []string{fmt.Sprintf("has the version %q; digits, with . or _ between them, are allowed: %s", n.written, nameRemedy)}
	}
	for _, digits := range strings.FieldsFunc(n.written, func(r rune) bool { return r == '.' || r == '_' }) {
		part, _ := new(big.Int).SetString(digits, 10)
		n.version = append(n.version, part)
	}
	for len(n.version) > 1 && n.version[len(n.version)-1].Sign() == 0 {
		n.version = n.version[:len(n.version)-1]
	}
	faults := n.checkDescription(separated)
	if length := len(n.written); length > maxVersionLength {
		faults = append(faults, fmt.Sprintf("has a version of %d characters; the history table takes %d", length, maxVersionLength))
	}
	return faults
}

func (n *name) checkDescription(separated bool) []string {
	if !separated || strings.Trim(n.description, "_ ") == "" {
		return []string{"has no description after two underscores; " + nameRemedy}
	}
	return nil
}

func cutSuffixFold(s, suffix string) (string, bool) {
	if len(s) < len(suffix) || !strings.EqualFold(s[len(s)-len(suffix):], suffix) {
		return s, false
	}
	return s[:len(s)-len(suffix)], true
}
