package main

import "path/filepath"

// MigrationsCmd groups the commands for the migration files. Only plan needs a database.
type MigrationsCmd struct {
	Lint LintMigrationsCmd `cmd:"" help:"Check names, versions and statements, and that released files are unchanged."`
	Plan PlanMigrationsCmd `cmd:"" help:"Show which migrations are pending, in order and with their risks."`
	Lock LockMigrationsCmd `cmd:"" help:"Record the new migrations as released: from then on they are not edited."`
	Tag  TagMigrationsCmd  `cmd:"" help:"Print the image tag of these migrations: the checksum of their content."`
}

func lockFile(dir string) string { return filepath.Join(dir, "released.lock") }
