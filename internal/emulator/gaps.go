package emulator

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Gaps are what moto with its stand-ins cannot do, each with its reason. Only what is listed is left out of a run on
// the emulator, or forgiven in its second plan.
type Gaps struct {
	// Missing are resource types that the emulator cannot create.
	Missing map[string]string `json:"missing"`
	// Dependent are resource types that have no use without a missing one: those that refer to one are left out.
	Dependent map[string]string `json:"dependent"`
	// Standins are values for attributes, "type.attribute", of what is left out, where others need it within a text:
	// a host name in a container's environment, for example.
	Standins map[string]string `json:"standins"`
	// Forgotten are arguments that the emulator does not return, by resource type: a second plan shows them again.
	Forgotten map[string]Forgotten `json:"forgotten"`
}

// Forgotten are a resource type's arguments that the emulator accepts and does not return.
type Forgotten struct {
	Arguments []string `json:"arguments"`
	Reason    string   `json:"reason"`
}

//go:embed gaps.json
var gapsFile []byte

// KnownGaps are those of the pinned moto, from gaps.json.
func KnownGaps() (Gaps, error) {
	var gaps Gaps
	if err := json.Unmarshal(gapsFile, &gaps); err != nil {
		return Gaps{}, fmt.Errorf("internal/emulator/gaps.json: %w", err)
	}
	return gaps, nil
}

// LeaveOut removes from a stack's Terraform JSON what the emulator cannot create, and every reference to it. It returns
// the addresses that it removed, sorted.
func (g Gaps) LeaveOut(terraform map[string]any) []string {
	resources := object(terraform["resource"])
	var gone []string
	remove := func(typ string, where func(body any) bool) {
		instances := object(resources[typ])
		for id, body := range instances {
			if where(body) {
				gone = append(gone, typ+"."+id)
				delete(instances, id)
			}
		}
		if instances != nil && len(instances) == 0 {
			delete(resources, typ)
		}
	}
	for typ := range g.Missing {
		remove(typ, func(any) bool { return true })
	}
	for _, typ := range slices.Sorted(maps.Keys(g.Dependent)) {
		remove(typ, func(body any) bool { return mentions(body, gone) })
	}
	if len(gone) > 0 {
		eachText(terraform, strings.NewReplacer(g.standins(gone)...).Replace)
		forget(terraform, gone)
	}
	slices.Sort(gone)
	return gone
}

// Unneeded returns the entries that none of the results needed: resource types that the emulator creates after all, and
// arguments that no second plan showed. An entry whose resources are in none of the stacks is unneeded too.
func (g Gaps) Unneeded(results []Result) []string {
	failed, forgiven := map[string]bool{}, map[string]bool{}
	for _, result := range results {
		for _, address := range result.LeftOut {
			if typ, _, _ := strings.Cut(address, "."); !slices.Contains(result.Working, address) {
				failed[typ] = true
			}
		}
		for _, argument := range result.Drift.Arguments {
			forgiven[argument] = true
		}
	}
	var unneeded []string
	for _, typ := range slices.Sorted(maps.Keys(g.Missing)) {
		if !failed[typ] {
			unneeded = append(unneeded, "missing "+typ)
		}
	}
	for _, typ := range slices.Sorted(maps.Keys(g.Forgotten)) {
		for _, argument := range g.Forgotten[typ].Arguments {
			if !forgiven[typ+"."+argument] {
				unneeded = append(unneeded, "forgotten "+typ+"."+argument)
			}
		}
	}
	return unneeded
}

// standins are pairs of an expression and its value, for the attributes of the addresses that have one.
func (g Gaps) standins(addresses []string) []string {
	var pairs []string
	for _, address := range addresses {
		typ, _, _ := strings.Cut(address, ".")
		for of, value := range g.Standins {
			if attribute, ours := strings.CutPrefix(of, typ+"."); ours {
				pairs = append(pairs, "${"+address+"."+attribute+"}", value)
			}
		}
	}
	return pairs
}

// eachText replaces every text within the value.
func eachText(value any, replace func(string) string) {
	replaced := func(item any) any {
		if text, is := item.(string); is {
			return replace(text)
		}
		eachText(item, replace)
		return item
	}
	switch v := value.(type) {
	case map[string]any:
		for key, item := range v {
			v[key] = replaced(item)
		}
	case []any:
		for i, item := range v {
			v[i] = replaced(item)
		}
	}
}

// mentions says whether a value refers to one of the addresses.
func mentions(value any, addresses []string) bool {
	switch v := value.(type) {
	case string:
		return slices.ContainsFunc(addresses, func(address string) bool { return refers(v, address) })
	case []any:
		return slices.ContainsFunc(v, func(item any) bool { return mentions(item, addresses) })
	case map[string]any:
		for key, item := range v {
			if key != "//" && mentions(item, addresses) {
				return true
			}
		}
	}
	return false
}

// refers says whether a text holds the address as a whole: "aws_x.a" is not in "aws_x.a_b.id".
func refers(text, address string) bool {
	for {
		_, after, found := strings.Cut(text, address)
		if !found {
			return false
		}
		if after == "" || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", rune(after[0])) {
			return true
		}
		text = after
	}
}

// forget removes list entries and attributes that refer to the addresses.
func forget(value any, addresses []string) {
	switch v := value.(type) {
	case map[string]any:
		for key, item := range v {
			switch inner := item.(type) {
			case string:
				if mentions(inner, addresses) {
					delete(v, key)
				}
			case []any:
				kept := slices.DeleteFunc(inner, func(entry any) bool {
					_, text := entry.(string)
					return text && mentions(entry, addresses)
				})
				v[key] = kept
				if len(kept) == 0 && len(inner) > 0 {
					delete(v, key)
				}
				forget(kept, addresses)
			default:
				forget(item, addresses)
			}
		}
		// an output without a value is none
		for name, output := range object(v["output"]) {
			if _, valued := object(output)["value"]; !valued {
				delete(object(v["output"]), name)
			}
		}
	case []any:
		for _, item := range v {
			forget(item, addresses)
		}
	}
}

func object(value any) map[string]any {
	fields, _ := value.(map[string]any)
	return fields
}
