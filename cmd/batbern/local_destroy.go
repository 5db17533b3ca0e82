package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/batbern/infrastructure/internal/emulator"
	"github.com/batbern/infrastructure/internal/terraform"
)

// LocalDestroyCmd destroys the applied stacks.
type LocalDestroyCmd struct {
	Endpoint string `help:"The emulator that holds the stacks. Without one, the moto that was started." placeholder:"URL"`
}

// Run destroys every stack that has a state, environments first, and stops the emulator that was started.
func (c *LocalDestroyCmd) Run(ctx context.Context, std streams) error {
	endpoint := c.Endpoint
	if endpoint == "" {
		// moto keeps everything in memory: without it there is nothing left to destroy
		if err := emulator.Stop(localFolder); err != nil {
			return err
		}
		return c.clear(std)
	}
	if err := emulator.Loopback(endpoint); err != nil {
		return err
	}
	known, err := terraform.Stacks(localTree)
	if err != nil {
		return err
	}
	made := applied(known)
	slices.Reverse(made)
	for _, name := range made {
		fmt.Fprintf(std.Err, "destroying %s\n", name)
		if err := emulator.Destroy(ctx, localTree, endpoint, name); err != nil {
			return err
		}
	}
	return c.clear(std)
}

func (c *LocalDestroyCmd) clear(std streams) error {
	if err := errors.Join(os.RemoveAll(localFolder), os.RemoveAll(localTree)); err != nil {
		return err
	}
	fmt.Fprintln(std.Out, "the local stacks are destroyed")
	return nil
}
