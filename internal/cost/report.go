package cost

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/lipgloss/table"
)

// Format is a form in which estimates are written.
type Format string

// The formats. Table is for a terminal, Markdown for a pull request, JSON and CSV hold every single line.
const (
	Table    Format = "table"
	Json     Format = "json"
	Csv      Format = "csv"
	Markdown Format = "markdown"
)

// Report says how much is written.
type Report struct {
	Format  Format
	Summary bool // leave the resources out
}

// preamble says what the figures are.
const preamble = "usd a month, on demand, before tax, credits and free tiers"

// Write writes estimates.
func (r Report) Write(w io.Writer, estimates []Estimate) error {
	switch r.Format {
	case Json:
		return writeJson(w, jsonReport(estimates))
	case Csv:
		return writeLines(w, estimates)
	}
	var parts []section
	if !r.Summary {
		for _, e := range estimates {
			parts = append(parts, resources(e))
		}
		parts = append(parts, assumptions(estimates))
	}
	return writeSections(w, r.Format, append(parts, summary(estimates)))
}

// WriteDifference writes what a change costs.
func (r Report) WriteDifference(w io.Writer, deltas []Delta) error {
	switch r.Format {
	case Json:
		if deltas == nil {
			deltas = []Delta{}
		}
		return writeJson(w, deltas)
	case Csv:
		rows := csv.NewWriter(w)
		_ = rows.Write([]string{"environment", "concern", "resource", "address", "item", "before_usd", "after_usd", "change_usd"})
		for _, d := range deltas {
			_ = rows.Write([]string{d.Environment, d.Concern, d.Resource, d.Address, d.Item, cents(d.Before), cents(d.After), cents(d.Change())})
		}
		rows.Flush()
		return rows.Error()
	}
	if len(deltas) == 0 {
		_, err := fmt.Fprintln(w, "the two trees cost the same")
		return err
	}
	return writeSections(w, r.Format, []section{difference(deltas)})
}

// section is one table with its heading.
type section struct {
	title  string
	head   []string
	rows   [][]string
	right  int // columns from this one on are aligned to the right
	totals int // how many rows at the end are sums
}

func resources(e Estimate) section {
	s := section{
		title: fmt.Sprintf("%s: %s %s", e.Environment, dollars(e.Total()), preamble),
		head:  []string{"concern", "resource", "item", "quantity", "usd"}, right: 4, totals: 1,
	}
	for _, concern := range e.Concerns() {
		small, below := 0.0, 0
		for _, g := range group(e, concern) {
			if g.usd < unseen {
				small, below = small+g.usd, below+1
				continue
			}
			s.rows = append(s.rows, []string{concern, g.name, g.item + g.mark, g.basis, dollars(g.usd)})
		}
		if below > 0 {
			s.rows = append(s.rows, []string{concern, fmt.Sprintf("%d more below a cent", below), "", "", dollars(small)})
		}
	}
	s.rows = append(s.rows, []string{"total", "", "", "", dollars(e.Total())})
	return s
}

// grouped is what several resources of a kind cost for the same thing.
type grouped struct {
	name, item, basis, mark string
	usd                     float64
}

// group puts alike resources of a concern into one row, dearest first. An asterisk marks an assumed price.
func group(e Estimate, concern string) []grouped {
	type key struct{ typ, item, basis string }
	found := map[key][]Line{}
	for _, l := range e.Lines {
		if l.Concern == concern {
			k := key{l.Type, l.Item, l.Basis}
			found[k] = append(found[k], l)
		}
	}
	var groups []grouped
	for k, lines := range found {
		g := grouped{name: strings.TrimPrefix(lines[0].Resource, concern+"/"), item: k.item, basis: k.basis}
		if len(lines) > 1 {
			g.name = fmt.Sprintf("%d × %s", len(lines), strings.TrimPrefix(k.typ, "aws_"))
		}
		for _, l := range lines {
			g.usd += l.Usd
			if l.Price.Confidence == Assumption {
				g.mark = " *"
			}
		}
		g.name = cut(g.name, 28)
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b grouped) int {
		return cmp.Or(cmp.Compare(b.usd, a.usd), cmp.Compare(a.name, b.name), cmp.Compare(a.item, b.item), cmp.Compare(a.basis, b.basis))
	})
	return groups
}

// cut keeps a name's beginning, so that a table fits a terminal.
func cut(name string, columns int) string {
	if runes := []rune(name); len(runes) > columns {
		return string(runes[:columns-1]) + "…"
	}
	return name
}

// assumptions lists the hours and the assumed quantities that the estimates rest on, side by side.
func assumptions(estimates []Estimate) section {
	s := section{title: "what the estimate assumes, from config/cost.go", head: []string{"assumption"}, right: 1}
	values := map[string][]string{}
	row := func(name string, column int, value string) {
		if values[name] == nil {
			values[name] = make([]string, len(estimates))
		}
		values[name][column] = value
	}
	for i, e := range estimates {
		s.head = append(s.head, e.Environment)
		for what, hours := range e.Hours {
			row("hours a month: "+what, i, plain(hours))
		}
		for _, l := range e.Lines {
			if amount, what, ok := strings.Cut(l.Basis, " "); ok && l.AssumedUsage && !strings.Contains(l.Basis, "×") {
				row(what, i, amount)
			}
		}
	}
	for name, columns := range values {
		s.rows = append(s.rows, append([]string{name}, columns...))
	}
	sort.Slice(s.rows, func(i, j int) bool { return s.rows[i][0] < s.rows[j][0] })
	return s
}

// summary puts the environments side by side, by concern, with their budgets and with what the sums rest on.
func summary(estimates []Estimate) section {
	s := section{title: "by concern, " + preamble, head: []string{"concern"}, right: 1, totals: 5}
	var concerns []string
	for _, e := range estimates {
		s.head = append(s.head, e.Environment)
		concerns = append(concerns, e.Concerns()...)
	}
	slices.Sort(concerns)
	for _, concern := range slices.Compact(concerns) {
		s.add(concern, estimates, func(e Estimate) string {
			if !slices.Contains(e.Concerns(), concern) {
				return ""
			}
			return dollars(e.Concern(concern))
		})
	}
	s.add("total", estimates, func(e Estimate) string { return dollars(e.Total()) })
	s.add("budget", estimates, func(e Estimate) string { return dollars(e.BudgetUsd) })
	s.add("of the budget", estimates, func(e Estimate) string { return share(e.Total(), e.BudgetUsd) })
	s.add("on assumed prices *", estimates, func(e Estimate) string { return share(e.OnAssumedPrices(), e.Total()) })
	s.add("on assumed use", estimates, func(e Estimate) string { return share(e.OnAssumedUsage(), e.Total()) })
	return s
}

func (s *section) add(name string, estimates []Estimate, value func(Estimate) string) {
	row := []string{name}
	for _, e := range estimates {
		row = append(row, value(e))
	}
	s.rows = append(s.rows, row)
}

func difference(deltas []Delta) section {
	s := section{title: "what the change costs, " + preamble, head: []string{"environment", "concern", "resource", "item", "before", "after", "change"}, right: 4}
	for _, d := range deltas {
		s.rows = append(s.rows, []string{d.Environment, d.Concern, d.Resource, d.Item, orNothing(d.Before), orNothing(d.After), signed(d.Change())})
	}
	for _, env := range environmentsOf(deltas) {
		var change float64
		for _, d := range deltas {
			if d.Environment == env {
				change += d.Change()
			}
		}
		s.rows = append(s.rows, []string{env, "total", "", "", "", "", signed(change)})
		s.totals++
	}
	return s
}

func environmentsOf(deltas []Delta) []string {
	var names []string
	for _, d := range deltas {
		if !slices.Contains(names, d.Environment) {
			names = append(names, d.Environment)
		}
	}
	return names
}

// dollars writes a sum to the cent, thousands apart as Swiss readers write them.
func dollars(x float64) string {
	whole, fraction, _ := strings.Cut(cents(abs(x)), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "'" + whole[i:]
	}
	if x < 0 {
		whole = "-" + whole
	}
	return whole + "." + fraction
}

func cents(x float64) string { return fmt.Sprintf("%.2f", x) }

func orNothing(x float64) string {
	if x == 0 {
		return "-"
	}
	return dollars(x)
}

func signed(x float64) string {
	if x < 0 {
		return "-" + dollars(-x)
	}
	return "+" + dollars(x)
}

func share(part, whole float64) string {
	if whole <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100*part/whole)
}

func writeSections(w io.Writer, format Format, sections []section) error {
	write := writeTable
	if format == Markdown {
		write = writeMarkdown
	}
	for i, s := range sections {
		if i > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		if err := write(w, s); err != nil {
			return err
		}
	}
	return nil
}

func writeTable(w io.Writer, s section) error {
	style := lipgloss.NewRenderer(w)
	cell := style.NewStyle().Padding(0, 1)
	grey := style.NewStyle().Foreground(lipgloss.Color("244"))
	concern := ""
	rows := make([][]string, len(s.rows))
	for i, row := range s.rows { // a concern is named once, on its first row
		rows[i] = slices.Clone(row)
		if i > 0 && s.head[0] == "concern" && len(s.head) > 1 && row[0] == concern {
			rows[i][0] = ""
		}
		concern = row[0]
	}
	t := table.New().Border(lipgloss.RoundedBorder()).BorderStyle(grey).BorderRow(false).Headers(s.head...).Rows(rows...).
		StyleFunc(func(row, column int) lipgloss.Style {
			c := cell
			if column >= s.right {
				c = c.Align(lipgloss.Right)
			}
			switch {
			case row == table.HeaderRow:
				return c.Bold(true).Foreground(lipgloss.Color("39"))
			case row >= len(s.rows)-s.totals:
				return c.Bold(true)
			case column == 0:
				return c.Foreground(lipgloss.Color("36"))
			}
			return c
		})
	lines := strings.Split(t.Render(), "\n")
	if s.totals > 0 { // a rule above the sums, like the one below the head
		lines = slices.Insert(lines, len(lines)-1-s.totals, lines[2])
	}
	_, err := fmt.Fprintf(w, "%s\n%s\n", style.NewStyle().Bold(true).Render(s.title), strings.Join(lines, "\n"))
	return err
}

func writeMarkdown(w io.Writer, s section) error {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**\n\n", escape(s.title))
	line := func(cells []string) {
		for _, c := range cells {
			b.WriteString("| " + escape(c) + " ")
		}
		b.WriteString("|\n")
	}
	line(s.head)
	for i := range s.head {
		if i >= s.right {
			b.WriteString("| ---: ")
		} else {
			b.WriteString("| --- ")
		}
	}
	b.WriteString("|\n")
	for i, row := range s.rows {
		if i >= len(s.rows)-s.totals {
			row = bold(row)
		}
		line(row)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// escape keeps a cell one cell, and its asterisks and underscores as they are.
func escape(text string) string {
	if strings.HasPrefix(text, "**") {
		return text
	}
	return strings.NewReplacer("|", `\|`, "*", `\*`, "_", `\_`).Replace(text)
}

func bold(row []string) []string {
	marked := make([]string, len(row))
	for i, c := range row {
		if c != "" {
			marked[i] = "**" + escape(c) + "**"
		}
	}
	return marked
}

// jsonReport adds the sums, so that a reader need not know how they are made.
func jsonReport(estimates []Estimate) any {
	type report struct {
		Estimate
		TotalUsd           float64            `json:"totalUsd"`
		OnAssumedPricesUsd float64            `json:"onAssumedPricesUsd"`
		OnAssumedUsageUsd  float64            `json:"onAssumedUsageUsd"`
		Concerns           map[string]float64 `json:"concerns"`
	}
	reports := []report{}
	for _, e := range estimates {
		r := report{Estimate: e, TotalUsd: e.Total(), OnAssumedPricesUsd: e.OnAssumedPrices(), OnAssumedUsageUsd: e.OnAssumedUsage(), Concerns: map[string]float64{}}
		for _, c := range e.Concerns() {
			r.Concerns[c] = e.Concern(c)
		}
		reports = append(reports, r)
	}
	return map[string]any{"estimates": reports, "basis": preamble}
}

func writeJson(w io.Writer, value any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(value)
}

func writeLines(w io.Writer, estimates []Estimate) error {
	rows := csv.NewWriter(w)
	_ = rows.Write([]string{"environment", "concern", "resource", "address", "type", "item", "quantity", "unit", "unit_usd", "usd", "basis", "assumed_usage", "price", "region", "confidence", "source", "source_date"})
	for _, e := range estimates {
		for _, l := range e.Lines {
			p := l.Price
			_ = rows.Write([]string{l.Environment, l.Concern, l.Resource, l.Address, l.Type, l.Item, plain(l.Quantity), p.Unit, plain(p.Usd), plain(l.Usd),
				l.Basis, fmt.Sprint(l.AssumedUsage), p.Key, p.Region, string(p.Confidence), p.Source, p.SourceDate})
		}
	}
	rows.Flush()
	return rows.Error()
}
