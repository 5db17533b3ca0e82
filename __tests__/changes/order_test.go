package changes_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/config"
)

// Order alone changes nothing: every list of the configuration is reversed.
func TestOrderAlonePlansNoChange(t *testing.T) {
	s := settled(t)
	reversed := func(project *config.Project) {
		if paths := reverse(reflect.ValueOf(project).Elem(), "project"); len(paths) < 10 {
			t.Fatalf("only %v were reversed", paths)
		}
	}
	orders := []change{{name: "order", stack: base, apply: reversed}, {name: "order", stack: prod, apply: reversed}}
	for n, plan := range s.planAll(t, orders) {
		if table := tableOf(plan); table != noChange {
			t.Errorf("%s: the order of a list changes\n%s", orders[n].stack, table)
		}
	}
}

// reverse reverses every list within the value and returns their paths. Lists whose order means something stay.
func reverse(value reflect.Value, path string) []string {
	var reversed []string
	switch value.Kind() {
	case reflect.Struct:
		for n := range value.NumField() {
			if value.Type().Field(n).IsExported() {
				reversed = append(reversed, reverse(value.Field(n), path+"."+value.Type().Field(n).Name)...)
			}
		}
	case reflect.Pointer:
		if !value.IsNil() {
			reversed = reverse(value.Elem(), path)
		}
	case reflect.Slice:
		for n := range value.Len() {
			reversed = append(reversed, reverse(value.Index(n), path+"[]")...)
		}
		if value.Len() > 1 && !slices.ContainsFunc(ordered, func(end string) bool { return strings.HasSuffix(path, end) }) {
			backwards := reflect.MakeSlice(value.Type(), 0, value.Len())
			for n := value.Len() - 1; n >= 0; n-- {
				backwards = reflect.Append(backwards, value.Index(n))
			}
			value.Set(backwards)
			reversed = append(reversed, path)
		}
	}
	return reversed
}

// ordered are lists whose order means something.
var ordered = []string{
	"project.Environments", // the stacks are independent of it, but tests find environments by position
	".Transitions",         // storage classes follow each other in time
	".Redirects",           // the first pattern wins
}
