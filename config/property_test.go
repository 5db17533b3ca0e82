package config_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/config/configtest"
)

// dumped finds what nobody can read: Go's own way of printing structs, pointers, types and missing arguments.
var dumped = regexp.MustCompile(`%!|0x[0-9a-f]{6}|&\{|\{[A-Za-z]+:|map\[|config\.[A-Z]|<nil>|reflect\.|goroutine`)

var (
	odd = regexp.MustCompile(`ümläut|<x>|^" "$|a{100}|\\x00`)
	// free are texts that people read, and settings whose form the service knows.
	free = regexp.MustCompile(`\.Purpose$|\.Environment$|\.Tags$`)
	// replaced are lists whose first entry was replaced by zero values, which are wrong in every field; addresses, which all
	// stacks share; and what most of the configuration follows from.
	replaced = regexp.MustCompile(`\.Name$|\.Production$|\.Zones$|\.Services|\.Redirects|\.Domains|\.Zone$|\.Shape$|Schedules$|Deployments$|ExternalSecrets$|AlarmEmails|SecurityContacts`)
)

// For every field of the base and of each environment, and every value that is tried: the project is accepted, or each
// fault says where, what, what is allowed and what to do, with the file in which the value stands.
func TestEveryFieldIsRefusedWellOrAccepted(t *testing.T) {
	project, err := config.LoadProject(nil)
	if err != nil {
		t.Fatal(err)
	}
	mutations := configtest.All(&project)
	accepted, crowded, names := 0, map[string]string{}, []string(nil)
	for _, mutation := range mutations {
		undo := mutation.Apply()
		err := project.Validate()
		undo()
		if err == nil {
			accepted++
			names = append(names, mutation.String())
			continue
		}
		var faults config.Faults
		if !errors.As(err, &faults) {
			t.Fatalf("%s: %v is no list of faults", mutation, err)
		}
		for _, fault := range faults {
			if fault.Path == "" || fault.Value == "" || fault.Allowed == "" || fault.Remedy == "" {
				t.Errorf("%s: %+v leaves something unsaid", mutation, fault)
			}
			if !strings.Contains(fault.Remedy, "config/") && !strings.HasPrefix(fault.Path, "BATBERN_") {
				t.Errorf("%s: %v names no file", mutation, fault)
			}
			if dumped.MatchString(fault.String()) && !dumped.MatchString(mutation.String()) || strings.ContainsAny(fault.String(), "\x00\n") {
				t.Errorf("%s: unreadable: %v", mutation, fault)
			}
			if len(fault.String()) > 1500 {
				t.Errorf("%s: %d characters", mutation, len(fault.String()))
			}
		}
		if len(faults) > 1 {
			crowded[mutation.Path] = mutation.String() + "\n" + err.Error()
		}
	}
	if len(mutations) < 2500 || accepted < 200 || accepted > len(mutations)/2 {
		t.Errorf("%d values tried, %d accepted: too few for a proof", len(mutations), accepted)
	}
	t.Logf("%d values tried, %d accepted", len(mutations), accepted)
	// texts that nothing gives a form may hold any letters; all others have a pattern
	for _, name := range names {
		field, value, _ := strings.Cut(name, " = ")
		if odd.MatchString(value) && !free.MatchString(field) {
			t.Errorf("accepted: %s", name)
		}
	}
	// a value that is out of bounds may make others wrong: more than three is a list of consequences
	for path, text := range crowded {
		if strings.Count(text, "\n  ") > 3 && !replaced.MatchString(path) {
			t.Errorf("many faults of one mistake: %s", text)
		}
	}
	if err := project.Validate(); err != nil {
		t.Errorf("something was not undone: %v", err)
	}
}
