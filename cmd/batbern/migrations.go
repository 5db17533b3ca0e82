package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/batbern/infrastructure/internal/migrationlint"
	"github.com/batbern/infrastructure/migrations"
)

// MigrationsCmd looks after the migrations' files. Nothing of it needs a database.
type MigrationsCmd struct {
	Lint LintMigrationsCmd `cmd:"" help:"Check names, versions, statements, and that released files are unchanged."`
	Lock LockMigrationsCmd `cmd:"" help:"Record the new migrations as released: from now on they are not edited."`
	Tag  TagMigrationsCmd  `cmd:"" help:"Print the tag of the image that holds these migrations: the checksum of its content."`
}

// TagMigrationsCmd prints the image's tag.
type TagMigrationsCmd struct{}

// Run prints the checksum that Terraform looks for where no digest is configured.
func (c *TagMigrationsCmd) Run(std streams) error {
	tag, err := migrations.Checksum()
	if err != nil {
		return err
	}
	fmt.Fprintln(std.Out, tag)
	return nil
}

// LintMigrationsCmd checks a folder of migrations.
type LintMigrationsCmd struct {
	Dir string `help:"Folder with sql/<schema>/… and released.lock; another repository's has the same form." default:"migrations" type:"existingdir" placeholder:"DIR"`
}

// Run prints every fault and fails when there is one.
func (c *LintMigrationsCmd) Run(std streams) error {
	_, err := lintMigrations(c.Dir, std)
	return err
}

// LockMigrationsCmd appends to released.lock.
type LockMigrationsCmd struct {
	Dir string `help:"Folder with sql/<schema>/… and released.lock." default:"migrations" type:"existingdir" placeholder:"DIR"`
}

// Run adds what is not in the lock yet, and nothing when there is a fault.
func (c *LockMigrationsCmd) Run(std streams) error {
	lock, err := lintMigrations(c.Dir, std)
	if err != nil {
		return err
	}
	added, err := lock.Append(os.DirFS(filepath.Join(c.Dir, "sql")))
	if err != nil {
		return err
	}
	var content strings.Builder
	if err := lock.Write(&content); err != nil {
		return err
	}
	if err := os.WriteFile(lockFile(c.Dir), []byte(content.String()), 0o644); err != nil {
		return err
	}
	for _, path := range added {
		fmt.Fprintf(std.Out, "released: %s\n", path)
	}
	fmt.Fprintf(std.Out, "%d migrations are released, %d of them new\n", len(lock), len(added))
	return nil
}

// lintMigrations prints the faults and returns the lock of the folder; one that has none yet has released nothing.
func lintMigrations(dir string, std streams) (migrationlint.Lock, error) {
	lock := migrationlint.Lock{}
	file, err := os.Open(lockFile(dir))
	switch {
	case err == nil:
		defer file.Close()
		if lock, err = migrationlint.ParseLock(file, lockFile(dir)); err != nil {
			return nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	findings, err := migrationlint.Check(os.DirFS(filepath.Join(dir, "sql")), lock)
	if err != nil {
		return nil, err
	}
	for _, finding := range findings {
		fmt.Fprintln(std.Out, filepath.Join(dir, "sql", finding.String()))
	}
	if len(findings) > 0 {
		return nil, fmt.Errorf("%d faults in the migrations of %s", len(findings), dir)
	}
	return lock, nil
}

func lockFile(dir string) string { return filepath.Join(dir, "released.lock") }
