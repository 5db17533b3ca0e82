package cost

import (
	"bytes"
	"fmt"
)

// The marks in a document between which a table stands. Markdown does not show them.
const (
	TableBegins = "<!-- cost table: written by make docs -->"
	TableEnds   = "<!-- end of the cost table -->"
)

// Insert puts a table into a document, in the place of what stands between the two marks.
func Insert(document, table []byte) ([]byte, error) {
	before, rest, begun := bytes.Cut(document, []byte(TableBegins))
	_, after, ended := bytes.Cut(rest, []byte(TableEnds))
	if !begun || !ended || bytes.Contains(after, []byte(TableBegins)) {
		return nil, fmt.Errorf("found no one place for the table; allowed: the lines %q and %q, once and in this order", TableBegins, TableEnds)
	}
	return bytes.Join([][]byte{before, []byte(TableBegins), []byte("\n\n"), bytes.TrimSpace(table), []byte("\n\n"), []byte(TableEnds), after}, nil), nil
}
