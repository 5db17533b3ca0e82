package migrationlint

import (
	"io/fs"
	"slices"
	"strings"
)

// Order returns the versioned and repeatable migrations below the root of files in the order in which Flyway applies
// those of each location: versions by number, then repeatable files by description. Callbacks are left out.
func Order(files fs.FS) ([]string, error) {
	locations, _, err := read(files)
	if err != nil {
		return nil, err
	}
	var all []migration
	for _, location := range locations {
		for _, file := range location {
			if file.name.kind != callback {
				all = append(all, file)
			}
		}
	}
	slices.SortFunc(all, func(a, b migration) int {
		locationA, _, _ := strings.Cut(a.path, "/")
		locationB, _, _ := strings.Cut(b.path, "/")
		switch {
		case locationA != locationB:
			return strings.Compare(locationA, locationB)
		case a.name.kind != b.name.kind:
			return int(b.name.kind) - int(a.name.kind) // 'V' before 'R'
		case a.name.kind == versioned:
			return a.name.version.compare(b.name.version)
		default:
			return strings.Compare(a.name.description, b.name.description)
		}
	})
	paths := make([]string, len(all))
	for i, file := range all {
		paths[i] = file.path
	}
	return paths, nil
}

// CompareLocations orders two paths by their locations, as migrate.sh does: the baseline, the shared schema, then the
// services by name. Paths of one location are equal.
func CompareLocations(a, b string, target Target) int {
	rank := func(path string) (int, string) {
		location, _, _ := strings.Cut(path, "/")
		switch location {
		case target.Baseline:
			return 0, location
		case target.Shared:
			return 1, location
		default:
			return 2, location
		}
	}
	rankA, locationA := rank(a)
	rankB, locationB := rank(b)
	if rankA != rankB {
		return rankA - rankB
	}
	return strings.Compare(locationA, locationB)
}
