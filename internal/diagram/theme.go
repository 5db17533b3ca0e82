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
	"account":          "#7a5c00",
	"api":              "#1f6feb",
	"backup":           "#00695c",
	"baseline":         "#7a5c00",
	"cache":            "#b4232c",
	"certificate":      "#3f6212",
	"compute":          "#d9730d",
	"cost":             "#4d7c0f",
	"database":         "#2457a6",
	"delivery":         "#445566",
	"dns":              "#0b7fab",
	"edge":             "#0b7fab",
	"edge_logs":        "#5b8db8",
	"encryption":       "#be185d",
	"identity":         "#7a5c00",
	"loadbalancer":     "#c2410c",
	"migration":        "#0f766e",
	"network":          "#5f4bb6",
	"observability":    "#a21caf",
	"records":          "#0e7490",
	"recovery_storage": "#65a30d",
	"registry":         "#d9730d",
	"secrets":          "#9d174d",
	"storage":          "#2f7d32",
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
