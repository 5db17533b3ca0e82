package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/batbern/infrastructure/internal/migrationlint"
)

// LintMigrationsCmd checks a folder of migrations.
type LintMigrationsCmd struct {
	jsonFlag
	Dir string `help:"Folder with sql/<schema> and released.lock. Another repository's has the same form." default:"migrations" type:"existingdir" placeholder:"DIR"`
}

// Run prints every fault and fails if there is one.
func (c *LintMigrationsCmd) Run(std streams) error {
	_, findings, err := lintMigrations(c.Dir)
	if err != nil {
		return err
	}
	if err := c.print(std.Out, findings, func() error { return printFindings(std.Out, c.Dir, findings) }); err != nil {
		return err
	}
	return faults(c.Dir, findings)
}

// lintMigrations returns the faults and the lock of the folder. A folder without a lock has released nothing.
func lintMigrations(dir string) (migrationlint.Lock, []migrationlint.Finding, error) {
	lock := migrationlint.Lock{}
	file, err := os.Open(lockFile(dir))
	switch {
	case err == nil:
		defer file.Close()
		if lock, err = migrationlint.ParseLock(file, lockFile(dir)); err != nil {
			return nil, nil, err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, err
	}
	findings, err := migrationlint.Check(os.DirFS(filepath.Join(dir, "sql")), lock)
	return lock, findings, err
}

func printFindings(out io.Writer, dir string, findings []migrationlint.Finding) error {
	for _, finding := range findings {
		if _, err := fmt.Fprintln(out, filepath.Join(dir, "sql", finding.String())); err != nil {
			return err
		}
	}
	return nil
}

func faults(dir string, findings []migrationlint.Finding) error {
	if len(findings) == 0 {
		return nil
	}
	return fmt.Errorf("%d faults in the migrations of %s", len(findings), dir)
}
