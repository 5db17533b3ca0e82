package verify

import (
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/lipgloss/table"
)

// reportWidth is the width of the table: that of a terminal nobody has widened.
const reportWidth = 80

// Write writes the results as a table of 80 columns, and how many there are of each outcome.
func Write(w io.Writer, results []Result) error {
	count := map[Status]int{}
	rows := make([][]string, 0, len(results))
	for _, r := range results {
		count[r.Status]++
		rows = append(rows, []string{string(r.Status), r.Check + ": " + r.Proves, r.Seen, r.Do})
	}
	out := table.New().Width(reportWidth).Wrap(true).BorderRow(true).Headers("result", "what it proves", "seen", "what to do").
		Rows(rows...).StyleFunc(func(int, int) lipgloss.Style { return lipgloss.NewStyle() })
	_, err := fmt.Fprintf(w, "%s\n%d checks passed, %d failed, %d could not be asked\n",
		out.Render(), count[Passed], count[Failed], count[Unknown])
	return err
}

// Markdown returns the table of all checks in docs/verify.md.
func Markdown() string {
	var out strings.Builder
	out.WriteString("| check | proves | permissions | if it fails |\n|---|---|---|---|\n")
	for _, check := range Checks() {
		permissions := "none"
		if len(check.Permissions) > 0 {
			permissions = "`" + strings.Join(check.Permissions, "`, `") + "`"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", check.ID, check.Proves, permissions, check.Remedy)
	}
	return out.String()
}
