package emulator

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
)

// Drift is what a second plan still wants to change.
type Drift struct {
	// Unexplained are changes that have to be ours: "aws_x.y: update a, b".
	Unexplained []string
	// Forgiven are changes only of arguments that the emulator is known to forget.
	Forgiven []string
	// Arguments are what was forgiven, as "type.argument".
	Arguments []string
}

// DriftOf sorts the changes of a second plan.
func (g Gaps) DriftOf(plan *tfjson.Plan) Drift {
	var drift Drift
	for _, change := range plan.ResourceChanges {
		actions := change.Change.Actions
		if actions.NoOp() || actions.Read() {
			continue
		}
		arguments := changed(change.Change)
		line := change.Address + ": " + verb(actions) + " " + strings.Join(arguments, ", ")
		forgotten, known := g.Forgotten[change.Type]
		only := !slices.ContainsFunc(arguments, func(argument string) bool { return !slices.Contains(forgotten.Arguments, argument) })
		if known && only && (actions.Update() || actions.Replace()) {
			drift.Forgiven = append(drift.Forgiven, line)
			for _, argument := range arguments {
				drift.Arguments = append(drift.Arguments, change.Type+"."+argument)
			}
		} else {
			drift.Unexplained = append(drift.Unexplained, line)
		}
	}
	return drift
}

func verb(actions tfjson.Actions) string {
	words := make([]string, len(actions))
	for i, action := range actions {
		words[i] = string(action)
	}
	return strings.Join(words, "/")
}

// changed names the arguments that differ. Attributes that are only known after an apply follow from the others.
func changed(change *tfjson.Change) []string {
	before, after, unknown := object(change.Before), object(change.After), object(change.AfterUnknown)
	names := map[string]bool{}
	for name := range maps.Keys(before) {
		names[name] = true
	}
	for name := range maps.Keys(after) {
		names[name] = true
	}
	for name := range names {
		isUnknown, _ := unknown[name].(bool)
		if isUnknown || reflect.DeepEqual(given(before[name]), given(after[name])) {
			delete(names, name)
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// given is a value without what says nothing: a state holds "", 0, false and {} where a configuration has no value.
func given(value any) any {
	switch v := value.(type) {
	case map[string]any:
		kept := map[string]any{}
		for name, item := range v {
			if item = given(item); item != nil {
				kept[name] = item
			}
		}
		if len(kept) > 0 {
			return kept
		}
		return nil
	case []any:
		var kept []any
		for _, item := range v {
			kept = append(kept, given(item))
		}
		if len(kept) > 0 {
			return kept
		}
		return nil
	default:
		if value == nil || reflect.ValueOf(value).IsZero() {
			return nil
		}
		return value
	}
}
