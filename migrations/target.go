package migrations

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/migrationlint"
)

const (
	// Baseline is the location that makes schemas and extensions; migrate.sh applies it first.
	Baseline = "platform"
	// SharedSchema holds the extensions and what every service may read; migrate.sh applies it second.
	SharedSchema = "shared_kernel"
)

// Target returns the database that migrations are written for: the schemas of all configured services that have a
// database user, and the extensions of the baseline. It panics if the embedded files or the configuration cannot be read.
func Target() migrationlint.Target {
	baseline, err := fs.Sub(Content, "sql/"+Baseline)
	if err != nil {
		panic(fmt.Sprintf("embedded migrations: %v", err))
	}
	extensions, err := migrationlint.Extensions(baseline)
	if err != nil {
		panic(fmt.Sprintf("embedded migrations: %v", err))
	}
	target := migrationlint.Target{
		Owner: config.DatabaseOwner, Shared: SharedSchema, Baseline: Baseline,
		Extensions: append([]string{"plpgsql"}, extensions...),
	}
	for _, name := range config.Names() {
		environment, err := config.Load(name)
		if err != nil {
			panic(fmt.Sprintf("configuration: %v", err))
		}
		for _, service := range environment.Services {
			if service.DatabaseUser != "" {
				target.Schemas = append(target.Schemas, service.Schema())
			}
		}
	}
	slices.Sort(target.Schemas)
	target.Schemas = slices.Compact(target.Schemas)
	return target
}
