package permissions

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"slices"
	"strings"
)

// TableColumns are those of the table of actions: what Terraform does with resources of a type. Recorded are the actions
// that recordings have shown; the others were added by hand, from the provider's source and the service authorization
// reference: updates, and features that no recorded apply uses.
var TableColumns = []string{"type", "recorded", "reads by hand", "writes by hand", "passes"}

// Reads says whether an action only reads.
func Reads(action string) bool {
	_, verb, _ := strings.Cut(action, ":")
	return !mutates(verb) || strings.HasPrefix(verb, "View") || verb == "GET"
}

// UpdateTable brings the column of recorded actions up to date. An action counts as recorded for a type where a request
// about a resource of that type made it, or where the table has it and any request made it.
func UpdateTable(file string, project Project, calls []Call) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if len(rows) == 0 || !slices.Equal(rows[0], TableColumns) {
		return fmt.Errorf("%s: the columns are not %s", file, strings.Join(TableColumns, ", "))
	}
	anywhere, byType := project.actionsOf(calls)
	for _, row := range rows[1:] {
		merge(row, anywhere, byType[row[0]])
	}
	var out bytes.Buffer
	writer := csv.NewWriter(&out)
	if err := writer.WriteAll(rows); err != nil {
		return err
	}
	return os.WriteFile(file, out.Bytes(), 0o644)
}

// actionsOf are the actions of calls: all, and by the type of the resource that the call is about.
func (p Project) actionsOf(calls []Call) (anywhere map[string]bool, byType map[string]map[string]bool) {
	anywhere, byType = map[string]bool{}, map[string]map[string]bool{}
	for _, call := range calls {
		if call.Service == "" {
			continue
		}
		role, err := p.roleFor(call)
		if err != nil {
			continue
		}
		stack, err := p.stack(call.Stack)
		if err != nil {
			continue
		}
		of := subject{project: p, stack: stack, role: role, call: call}
		checks, err := of.direct()
		if err != nil {
			continue
		}
		typ, _, _ := strings.Cut(call.Address, ".")
		for _, check := range slices.Concat(checks, of.tags(checks)) {
			anywhere[check.Action] = true
			if byType[typ] == nil {
				byType[typ] = map[string]bool{}
			}
			byType[typ][check.Action] = true
		}
	}
	return anywhere, byType
}

// merge moves the recorded actions of a row into its column, and adds those that the row's own requests made, of the
// services that the row names already: the address of a request is a guess where values are alike.
func merge(row []string, anywhere, own map[string]bool) {
	listed := strings.Fields(strings.Join(row[1:4], " "))
	services := map[string]bool{}
	recorded, reads, writes := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, action := range listed {
		service, _, _ := strings.Cut(action, ":")
		services[service] = true
		switch {
		case anywhere[action]:
			recorded[action] = true
		case Reads(action):
			reads[action] = true
		default:
			writes[action] = true
		}
	}
	for action := range own {
		if service, _, _ := strings.Cut(action, ":"); services[service] {
			recorded[action] = true
		}
	}
	for i, column := range []map[string]bool{recorded, reads, writes} {
		row[i+1] = strings.Join(sortedKeys(column), " ")
	}
}
