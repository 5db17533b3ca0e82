package diagram

import (
	"slices"
	"sort"
)

const (
	ink  colour = "#1f2933" // titles
	soft colour = "#616e7c" // second lines
)

// palette gives each concern its colour. The pictures stay alike when a concern is added: those that are not named here
// share the colours that are left.
var palette = map[string]colour{
	"network":       "#5f4bb6",
	"edge":          "#0b7fab",
	"api":           "#1f6feb",
	"loadbalancer":  "#8a3ffc",
	"compute":       "#d9730d",
	"database":      "#2457a6",
	"migration":     "#0f766e",
	"cache":         "#b4232c",
	"storage":       "#2f7d32",
	"secrets":       "#b0306a",
	"identity":      "#7a5c00",
	"observability": "#a21caf",
	"backup":        "#00695c",
	"delivery":      "#445566",
	"dns":           "#0b7fab",
	"registry":      "#d9730d",
	"baseline":      "#7a5c00",
	"cost":          "#4d7c0f",
}

var spare = []colour{"#4d7c0f", "#9f1239", "#155e75", "#6b21a8", "#92400e"}

// theme knows the colours of one picture's concerns.
type theme map[string]colour

func themeOf(concerns []string) theme {
	t := theme{}
	sort.Strings(concerns)
	left := 0
	for _, c := range slices.Compact(concerns) {
		if named, ok := palette[c]; ok {
			t[c] = named
			continue
		}
		t[c] = spare[left%len(spare)]
		left++
	}
	return t
}

// concerns are those in the legend, by name.
func (t theme) concerns() []string {
	var names []string
	for name := range t {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func (t theme) of(concern string) colour {
	if c, ok := t[concern]; ok {
		return c
	}
	return soft
}
