package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/batbern/infrastructure/internal/migrationlint"
	"github.com/batbern/infrastructure/migrations"
)

// LintMigrationsCmd checks a folder of migrations.
type LintMigrationsCmd struct {
	jsonFlag
	Dir    string `help:"Folder with sql/<schema> and released.lock, or a service's own folder of SQL files, such as ../event-management/src/main/resources/db/migration." default:"migrations" type:"existingdir" placeholder:"DIR"`
	Schema string `help:"Schema that a service's own folder fills. Default: of the service whose name is in the path." placeholder:"SCHEMA"`
}

// Run prints every finding. It fails if one is a fault; warnings alone do not fail.
func (c *LintMigrationsCmd) Run(std streams) error {
	folder, err := openMigrations(c.Dir, c.Schema)
	if err != nil {
		return err
	}
	_, findings, err := folder.lint(migrations.Target())
	if err != nil {
		return err
	}
	if err := c.print(std.Out, findings, func() error { return folder.print(std.Out, findings) }); err != nil {
		return err
	}
	return faults(c.Dir, findings)
}

// migrationFolder is a folder of migrations in one of two forms.
type migrationFolder struct {
	dir string
	// files has one folder per location.
	files fs.FS
	// schema is set for a service's own folder, whose files are those of one location.
	schema string
}

// openMigrations finds out which form a folder has. schema may be empty.
func openMigrations(dir, schema string) (migrationFolder, error) {
	if _, err := os.Stat(filepath.Join(dir, "sql")); err == nil && schema == "" {
		return migrationFolder{dir: dir, files: os.DirFS(filepath.Join(dir, "sql"))}, nil
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return migrationFolder{}, usageError{fmt.Errorf("%s is no folder; name the folder of the migrations with --dir", dir)}
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "*.[sS][qQ][lL]")); len(found) == 0 {
		return migrationFolder{}, usageError{fmt.Errorf("%s has neither sql/<schema>/ nor *.sql files; name the folder that holds "+
			"V1__….sql, such as ../event-management/src/main/resources/db/migration", dir)}
	}
	schemas := migrations.Target().Schemas
	allowed := append([]string{migrations.SharedSchema}, schemas...)
	if schema == "" {
		schema = schemaOfPath(dir, allowed)
	}
	if !slices.Contains(allowed, schema) {
		problem := fmt.Sprintf("schema %q does not exist", schema)
		if schema == "" {
			problem = fmt.Sprintf("the path of %s names no service", dir)
		}
		return migrationFolder{}, usageError{fmt.Errorf("%s; add --schema with one of %s, or add the service with a DatabaseUser to "+
			"config/services.go", problem, strings.Join(allowed, ", "))}
	}
	return migrationFolder{dir: dir, files: oneLocation{fs: os.DirFS(dir), name: schema}, schema: schema}, nil
}

// schemaOfPath returns the schema of the service that a folder of the path is named after: "event-management".
func schemaOfPath(dir string, schemas []string) string {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	parts := strings.Split(filepath.ToSlash(absolute), "/")
	slices.Reverse(parts)
	for _, part := range parts {
		for _, suffix := range []string{"", "-service"} {
			if schema := strings.ReplaceAll(strings.TrimSuffix(part, suffix), "-", "_"); slices.Contains(schemas, schema) {
				return schema
			}
		}
	}
	return ""
}

// oneLocation shows a folder as the location of that name.
type oneLocation struct {
	fs   fs.FS
	name string
}

// Open implements fs.FS.
func (l oneLocation) Open(name string) (fs.File, error) {
	if name == "." {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	inside, err := l.inside(name)
	if err != nil {
		return nil, err
	}
	return l.fs.Open(inside)
}

// ReadDir implements fs.ReadDirFS.
func (l oneLocation) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == "." {
		info, err := fs.Stat(l.fs, ".")
		if err != nil {
			return nil, err
		}
		return []fs.DirEntry{renamed{fs.FileInfoToDirEntry(info), l.name}}, nil
	}
	inside, err := l.inside(name)
	if err != nil {
		return nil, err
	}
	return fs.ReadDir(l.fs, inside)
}

// Stat implements fs.StatFS.
func (l oneLocation) Stat(name string) (fs.FileInfo, error) {
	if name == "." {
		return fs.Stat(l.fs, ".")
	}
	inside, err := l.inside(name)
	if err != nil {
		return nil, err
	}
	return fs.Stat(l.fs, inside)
}

func (l oneLocation) inside(name string) (string, error) {
	if name == l.name {
		return ".", nil
	}
	if inside, found := strings.CutPrefix(name, l.name+"/"); found {
		return inside, nil
	}
	return "", &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

type renamed struct {
	fs.DirEntry
	name string
}

// Name returns the location's name.
func (r renamed) Name() string { return r.name }

// lint returns the findings and the lock of the folder. A folder without a lock has released nothing.
func (f migrationFolder) lint(target migrationlint.Target) (migrationlint.Lock, []migrationlint.Finding, error) {
	lock := migrationlint.Lock{}
	file, err := os.Open(lockFile(f.dir))
	switch {
	case err == nil:
		defer file.Close()
		if lock, err = migrationlint.ParseLock(file, lockFile(f.dir)); err != nil {
			return nil, nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, err
	}
	findings, err := migrationlint.Check(f.files, lock, target)
	return lock, findings, err
}

// print writes findings with the paths that the caller can open.
func (f migrationFolder) print(out io.Writer, findings []migrationlint.Finding) error {
	for _, finding := range findings {
		if f.schema != "" {
			finding.Path = path.Clean(strings.TrimPrefix(finding.Path, f.schema))
			finding.Path = filepath.Join(f.dir, finding.Path)
		} else {
			finding.Path = filepath.Join(f.dir, "sql", finding.Path)
		}
		if _, err := fmt.Fprintln(out, finding); err != nil {
			return err
		}
	}
	return nil
}

func faults(dir string, findings []migrationlint.Finding) error {
	switch count := len(migrationlint.Faults(findings)); count {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("1 fault in the migrations of %s", dir)
	default:
		return fmt.Errorf("%d faults in the migrations of %s", count, dir)
	}
}
