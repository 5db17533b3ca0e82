package migrationlint

import (
	"bufio"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Lock remembers the checksum of every released migration by its path. Flyway compares the same checksums with its
// history table, but only when it runs: an edited file would stop the next deployment.
type Lock map[string]int32

// Checksum returns the checksum that Flyway stores for a file: CRC-32 over its lines without their line ends and
// without a byte order mark, as a signed number. So the same file has one checksum on every operating system.
func Checksum(content string) int32 {
	sum := crc32.NewIEEE()
	lines := strings.NewReplacer("\r\n", "", "\n", "", "\r", "")
	io.WriteString(sum, lines.Replace(strings.TrimPrefix(content, "\uFEFF")))
	return int32(sum.Sum32())
}

// ParseLock reads a lock: one "<checksum> <path>" a line; empty lines and lines that start with # are skipped. name is
// the lock's file name, for messages.
func ParseLock(r io.Reader, name string) (Lock, error) {
	lock := Lock{}
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		written, path, _ := strings.Cut(line, " ")
		checksum, err := strconv.ParseInt(written, 10, 32)
		if err != nil || path == "" {
			return nil, fmt.Errorf("%s:%d: found %q, expected <checksum> <path>; restore the line from its last commit", name, number, line)
		}
		if _, twice := lock[path]; twice {
			return nil, fmt.Errorf("%s:%d: %s is there twice; restore the file from its last commit", name, number, path)
		}
		lock[path] = int32(checksum)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return lock, nil
}

const lockHeader = `# Released migrations and their Flyway checksums. A line is added when a migration is released and never changes:
# a database somewhere has applied exactly that file. Append with "go run ./cmd/batbern migrations lock".
`

// Write writes the lock in the order of its paths.
func (l Lock) Write(w io.Writer) error {
	if _, err := io.WriteString(w, lockHeader); err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(l)) {
		if _, err := fmt.Fprintf(w, "%d %s\n", l[path], path); err != nil {
			return err
		}
	}
	return nil
}

// Append adds every versioned migration below the root of files that the lock does not have yet, and returns their
// paths in order. Repeatable migrations and callbacks are made to be edited and are never locked.
func (l Lock) Append(files fs.FS) ([]string, error) {
	locations, _, err := read(files)
	if err != nil {
		return nil, err
	}
	var added []string
	for _, location := range locations {
		for _, file := range location {
			if _, locked := l[file.path]; !locked && file.name.kind == versioned {
				l[file.path] = Checksum(file.content)
				added = append(added, file.path)
			}
		}
	}
	slices.Sort(added)
	return added, nil
}

// check compares the files with what was released.
func (l Lock) check(locations map[string][]migration) []Finding {
	present := map[string]migration{}
	for _, location := range locations {
		for _, file := range location {
			present[file.path] = file
		}
	}
	var findings []Finding
	for _, path := range slices.Sorted(maps.Keys(l)) {
		file, exists := present[path]
		switch {
		case !exists:
			findings = append(findings, Finding{Path: path, Message: "is released and missing; " +
				"restore it: a database that has applied it refuses to migrate without it"})
		case Checksum(file.content) != l[path]:
			findings = append(findings, Finding{Path: path, Message: fmt.Sprintf("is released with the checksum %d and has %d; "+
				"restore it and put the change into a new migration", l[path], Checksum(file.content))})
		}
	}
	return findings
}

// checkOrder finds new migrations below the newest released one: Flyway refuses them where that one is applied already
// (outOfOrder is false), and would apply them in another order on an empty database.
func (l Lock) checkOrder(location []migration) []Finding {
	var newest *migration
	for i, file := range location {
		if _, released := l[file.path]; !released || file.name.kind != versioned {
			continue
		}
		if newest == nil || file.name.version.compare(newest.name.version) > 0 {
			newest = &location[i]
		}
	}
	if newest == nil {
		return nil
	}
	var findings []Finding
	for _, file := range location {
		_, released := l[file.path]
		if file.name.kind == versioned && !released && file.name.version.compare(newest.name.version) < 0 {
			findings = append(findings, Finding{Path: file.path, Message: fmt.Sprintf(
				"has version %s and %s is released; take a higher version", file.name.version, newest.name.version)})
		}
	}
	return findings
}
