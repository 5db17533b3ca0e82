package config

import (
	"fmt"
	"reflect"
	"strings"
)

// Fault is one wrong value: where it stands, what was found, what is allowed and what to do.
type Fault struct {
	// Path is the field, "prod.Network.NatGateways", or the environment variable that set it.
	Path string
	// Value is what was found there.
	Value string
	// Allowed says which values would do.
	Allowed string
	// Remedy says what to change.
	Remedy string
}

func (f Fault) String() string {
	return fmt.Sprintf("%s: found %s; allowed: %s; %s", f.Path, f.Value, f.Allowed, f.Remedy)
}

// Faults are all wrong values of a configuration. As an error they read one a line.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, 0, len(f))
	for _, fault := range f {
		lines = append(lines, "  "+fault.String())
	}
	noun := "values"
	if len(f) == 1 {
		noun = "value"
	}
	return fmt.Sprintf("configuration: %d wrong %s\n%s", len(f), noun, strings.Join(lines, "\n"))
}

func (f *Faults) add(at path, value any, allowed, remedy string) {
	shown := fmt.Sprintf("%q", fmt.Sprint(value))
	switch v := value.(type) {
	case int, float64, bool:
		shown = fmt.Sprint(v)
	case string:
		shown = quoted(v)
	case []string:
		if len(v) == 0 {
			shown = "nothing"
		}
	case fmt.Stringer:
		shown = v.String()
	default:
		if text := reflect.ValueOf(value); text.Kind() == reflect.String {
			shown = quoted(text.String())
		}
	}
	*f = append(*f, Fault{Path: string(at), Value: shown, Allowed: allowed, Remedy: remedy})
}

// longest is how much of a text is shown.
const longest = 100

func quoted(text string) string {
	if text == "" {
		return "nothing"
	}
	if letters := []rune(text); len(letters) > longest {
		return fmt.Sprintf("%q and %d characters more", string(letters[:longest]), len(letters)-longest)
	}
	return fmt.Sprintf("%q", text)
}

// err is the faults as an error, nil when there are none.
func (f Faults) err() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// path leads to a field: "prod.Services[event-management].Cpu".
type path string

func (p path) field(name string) path { return p + path("."+name) }

func (p path) key(key string) path {
	if letters := []rune(key); len(letters) > longest {
		key = string(letters[:longest]) + "..."
	}
	return p + path("["+key+"]")
}
