package config

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// settle makes of what the checks found one fault a mistake, each with the file in which the value stands.
func settle(found Faults, environments []Environment) Faults {
	var all Faults
	for _, fault := range found {
		// the list of all services may exceed several quotas at once
		same := func(other Fault) bool {
			return other.Path == fault.Path && (!strings.HasSuffix(fault.Path, ".Services") || other.Allowed == fault.Allowed)
		}
		if !slices.ContainsFunc(all, same) {
			all = append(all, fault)
		}
	}
	for i := range all {
		all[i].Path, all[i].Allowed = printable(all[i].Path), printable(all[i].Allowed)
		all[i].Value, all[i].Remedy = printable(all[i].Value), printable(all[i].Remedy)
		if file := fileOf(all[i].Path); file != "" && !strings.Contains(all[i].Remedy, "config/") {
			all[i].Remedy += " (" + file + ")"
		}
	}
	return derived(everywhere(all, environments))
}

// printable writes control characters by their escapes, and shortens what is longer than a few lines.
func printable(text string) string {
	const longestPart = 500
	if letters := []rune(text); len(letters) > longestPart {
		text = string(letters[:longestPart]) + "..."
	}
	return unprintable.ReplaceAllStringFunc(text, func(character string) string { return strings.Trim(strconv.Quote(character), `"`) })
}

// sharedLists are the parts of environments that all of them take from one list, by the file that holds it.
var sharedLists = []struct{ part, file string }{
	{".Services", "config/services.go"},
	{".Edge.Redirects", "config/redirects.go"},
	{".ExternalSecrets", "config/secrets.go"},
}

// fileOf is the file in which the value of a path stands. It is "" for a variable.
func fileOf(path string) string {
	owner, rest, _ := strings.Cut(path, ".")
	if strings.HasPrefix(path, prefix) {
		return ""
	}
	if !slices.Contains(append(Names(), BaseName), Name(owner)) || rest == "" {
		return "config/environment.go"
	}
	for _, list := range sharedLists {
		// environments scale and size the services themselves
		own := owner != string(Dev) && regexp.MustCompile(`\.(Scaling|Cpu|MemoryMiB)\b`).MatchString(rest)
		if strings.HasPrefix("."+rest, list.part) && !own {
			return list.file
		}
	}
	return "config/" + owner + ".go"
}

// everywhere joins the faults of a value in a shared list, which every environment has, to one without an environment.
func everywhere(faults Faults, environments []Environment) Faults {
	var out Faults
	for _, fault := range faults {
		_, rest, _ := strings.Cut(fault.Path, ".")
		again := 0
		for _, environment := range environments {
			same := func(other Fault) bool {
				return other.Path == string(environment.Name)+"."+rest && other.Value == fault.Value && other.Remedy == fault.Remedy
			}
			if slices.ContainsFunc(faults, same) {
				again++
			}
		}
		if again > 1 && again == len(environments) {
			fault.Path = rest
			if slices.ContainsFunc(out, func(other Fault) bool { return other.Path == rest }) {
				continue
			}
		}
		out = append(out, fault)
	}
	return out
}

// derived leaves out faults that follow from others: of a list as a whole, where one of its entries is wrong; of the base's
// lists, where the service that they come from is wrong.
func derived(faults Faults) Faults {
	return slices.DeleteFunc(slices.Clone(faults), func(fault Fault) bool {
		if slices.ContainsFunc(faults, func(other Fault) bool { return follows(fault.Path, other.Path) }) {
			return true
		}
		return (strings.HasPrefix(fault.Path, "base.Repositories") || strings.HasPrefix(fault.Path, "base.Pipelines")) &&
			slices.ContainsFunc(faults, func(other Fault) bool { return strings.Contains(other.Path, "Services") })
	})
}

// follows says whether a fault at a list follows from one at an entry: an entry that has no form is wrong in other ways too.
func follows(path, other string) bool {
	return strings.HasPrefix(other, path+"[") && !strings.HasSuffix(path, ".Services") && !strings.HasSuffix(path, ".Schedules")
}

// nameFields are the fields that name an entry of a list, the first that it has.
var nameFields = []string{"Name", "Variable", "Bucket", "From", "Class", "Service", "Environment", "Priority"}

var indexed = regexp.MustCompile(`^(.*)\[(\d+)\]$`)

// named writes the entries of lists in a field's path by their names: "Services[event-management].Port". An entry
// without a name keeps its index.
func named(value any, field string) string {
	at := reflect.ValueOf(value)
	var parts []string
	for _, part := range strings.Split(field, ".") {
		match := indexed.FindStringSubmatch(part)
		name, index := part, -1
		if match != nil {
			name = match[1]
			fmt.Sscan(match[2], &index)
		}
		at = fieldNamed(at, name)
		if at.IsValid() && index >= 0 && at.Kind() == reflect.Slice && index < at.Len() {
			at = at.Index(index)
			if own := entryName(at); own != "" {
				part = name + "[" + own + "]"
			}
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ".")
}

// fieldNamed is the zero value where there is no such field: settings are named by their variables, which have no parts.
func fieldNamed(at reflect.Value, name string) reflect.Value {
	for at.IsValid() && (at.Kind() == reflect.Pointer || at.Kind() == reflect.Interface) {
		at = at.Elem()
	}
	if at.IsValid() && at.Kind() == reflect.Struct {
		return at.FieldByName(name)
	}
	return reflect.Value{}
}

func entryName(entry reflect.Value) string {
	if entry.Kind() != reflect.Struct {
		return ""
	}
	for _, name := range nameFields {
		if field := entry.FieldByName(name); field.IsValid() {
			if text := fmt.Sprint(field.Interface()); text != "" && len(text) <= longest && !strings.ContainsAny(text, "[]\n") {
				return text
			}
			return ""
		}
	}
	return ""
}
