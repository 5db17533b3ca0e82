// Package migrationlint finds what Flyway or PostgreSQL would refuse, and what they would accept although it breaks the
// run, another location or the next deployment. It needs neither of the two.
//
// A file system of migrations has one folder per location, as below migrations/sql. A fault is refused because the file
// does not run, or because it does damage when it runs; a warning names a risk that a release may accept: a lock on a
// table, or a change that the previous release does not bear. The corpus in migrations/flywaytest holds every verdict
// against Flyway on PostgreSQL.
package migrationlint

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Finding is one fault or warning.
type Finding struct {
	Path    string // of the file, or of the lock
	Line    int    // from 1; 0 where the finding is about the whole file
	Message string // what is wrong and what to do
	// Warning marks a risk that a release may accept. Everything else is a fault.
	Warning bool `json:",omitempty"`
	// Table is what a warning is about, "schema.table", and Bytes its size where a database was at hand.
	Table string `json:",omitempty"`
	Bytes int64  `json:",omitempty"`
}

func (f Finding) String() string {
	place := f.Path
	if f.Line > 0 {
		place += fmt.Sprintf(":%d", f.Line)
	}
	if f.Warning {
		place += ": warning"
	}
	return place + ": " + f.Message
}

// Faults returns the findings that are no warnings.
func Faults(findings []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool { return f.Warning })
}

// migration is one file of a location.
type migration struct {
	path    string
	name    name
	content string
	config  scriptConfig
}

// Check returns the findings of all migrations below the root of files, ordered by path and line, and compares them with
// the lock of what is released. Warnings about released files are left out: they have run. An error means that the files
// could not be read.
func Check(files fs.FS, lock Lock, target Target) ([]Finding, error) {
	locations, findings, err := read(files)
	if err != nil {
		return nil, err
	}
	for name, location := range locations {
		findings = append(findings, target.checkLocation(name)...)
		findings = append(findings, checkVersions(location)...)
		findings = append(findings, lock.checkOrder(location)...)
		for _, file := range location {
			found := checkContent(file, target)
			if _, released := lock[file.path]; released {
				found = Faults(found)
			}
			findings = append(findings, found...)
		}
	}
	findings = append(findings, lock.check(locations)...)
	slices.SortStableFunc(findings, func(a, b Finding) int {
		if order := strings.Compare(a.Path, b.Path); order != 0 {
			return order
		}
		return a.Line - b.Line
	})
	return findings, nil
}

// read returns the migrations of every location, and the faults of names.
func read(files fs.FS) (map[string][]migration, []Finding, error) {
	locations := map[string][]migration{}
	var findings []Finding
	configs := map[string]string{}
	err := fs.WalkDir(files, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, file)
		if err != nil {
			return err
		}
		location, _, nested := strings.Cut(file, "/")
		if !nested {
			if strings.HasSuffix(strings.ToLower(file), ".sql") {
				findings = append(findings, Finding{Path: file, Message: "is in no location; move it into the folder of its schema"})
			}
			return nil
		}
		if strings.HasSuffix(file, ".conf") {
			configs[file] = string(content)
			return nil
		}
		if !isMigration(path.Base(file)) {
			return nil // a README.md or .gitkeep: Flyway does not look at it
		}
		parsed, faults := parseName(path.Base(file))
		for _, fault := range faults {
			findings = append(findings, Finding{Path: file, Message: fault})
		}
		if len(faults) == 0 {
			locations[location] = append(locations[location], migration{path: file, name: parsed, content: string(content)})
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the migrations: %w", err)
	}
	findings = append(findings, attach(configs, locations)...)
	if len(locations) == 0 && len(findings) == 0 {
		return nil, nil, errors.New("there is no migration: expected <schema>/V<version>__<description>.sql")
	}
	return locations, findings, nil
}

// attach gives every file the configuration beside it, and returns the faults of configurations.
func attach(configs map[string]string, locations map[string][]migration) []Finding {
	var findings []Finding
	for _, location := range locations {
		for i := range location {
			file := location[i].path + ".conf"
			content, exists := configs[file]
			if !exists {
				continue
			}
			delete(configs, file)
			config, faults := parseConfig(content)
			location[i].config = config
			for _, fault := range faults {
				fault.Path = file
				findings = append(findings, fault)
			}
		}
	}
	for file := range configs {
		if strings.HasSuffix(strings.ToLower(file), ".sql.conf") {
			findings = append(findings, Finding{Path: file, Message: "belongs to no file, and Flyway ignores it; name it <migration>.sql.conf"})
		}
	}
	return findings
}

// checkVersions finds files that are the same migration to Flyway.
func checkVersions(location []migration) []Finding {
	var findings []Finding
	for i, file := range location {
		for _, earlier := range location[:i] {
			switch {
			case file.name.kind == versioned && earlier.name.kind == versioned && file.name.version.compare(earlier.name.version) == 0:
				findings = append(findings, Finding{Path: file.path, Message: fmt.Sprintf(
					"has the same version %s as %s (1, 01, 1.0 and 1_0 are one version); take the next free one",
					file.name.version, path.Base(earlier.path))})
			case file.name.kind == repeatable && earlier.name.kind == repeatable && file.name.description == earlier.name.description:
				findings = append(findings, Finding{Path: file.path, Message: fmt.Sprintf(
					"has the same description as %s; Flyway tells repeatable migrations apart by it", earlier.path)})
			}
		}
	}
	return findings
}
