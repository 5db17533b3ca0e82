package main

import (
	"fmt"
	"strings"

	"github.com/batbern/infrastructure/migrations"
)

// LockMigrationsCmd appends to released.lock.
type LockMigrationsCmd struct {
	jsonFlag
	Dir string `help:"Folder with sql/<schema> and released.lock." default:"migrations" type:"existingdir" placeholder:"DIR"`
}

// Run records the migrations that the lock does not name yet. It writes nothing if there is a fault; warnings are shown.
func (c *LockMigrationsCmd) Run(std streams) error {
	folder, err := openMigrations(c.Dir, "")
	if err != nil {
		return err
	}
	lock, findings, err := folder.lint(migrations.Target())
	if err != nil {
		return err
	}
	if err := folder.print(std.Err, findings); err != nil {
		return err
	}
	if err := faults(c.Dir, findings); err != nil {
		return err
	}
	added, err := lock.Append(folder.files)
	if err != nil {
		return err
	}
	var content strings.Builder
	if err := lock.Write(&content); err != nil {
		return err
	}
	if err := writeFile(lockFile(c.Dir), []byte(content.String())); err != nil {
		return err
	}
	result := struct {
		Released int      `json:"released"`
		Added    []string `json:"added"`
	}{len(lock), added}
	return c.print(std.Out, result, func() error {
		for _, path := range added {
			fmt.Fprintf(std.Out, "released: %s\n", path)
		}
		_, err := fmt.Fprintf(std.Out, "%d migrations are released, %d of them new\n", len(lock), len(added))
		return err
	})
}
