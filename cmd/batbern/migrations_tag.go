package main

import (
	"fmt"

	"github.com/batbern/infrastructure/migrations"
)

// TagMigrationsCmd prints the image's tag.
type TagMigrationsCmd struct{ jsonFlag }

// Run prints the checksum that Terraform looks for where no digest is configured.
func (c *TagMigrationsCmd) Run(std streams) error {
	tag, err := migrations.Checksum()
	if err != nil {
		return err
	}
	return c.print(std.Out, map[string]string{"tag": tag}, func() error {
		_, err := fmt.Fprintln(std.Out, tag)
		return err
	})
}
