package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/batbern/infrastructure/internal/emulator"
	"github.com/batbern/infrastructure/internal/terraform"
)

// LocalDestroyCmd destroys the applied stacks.
type LocalDestroyCmd struct {
	Endpoint string `help:"The emulator that holds the stacks. Without one, the moto that was started." placeholder:"URL"`
}

// Run destroys every stack that has a state, environments first, and stops the emulator that was started.
func (c *LocalDestroyCmd) Run(ctx context.Context, std streams) error {
	endpoint := strings.TrimSuffix(c.Endpoint, "/")
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
	// the last synthesis may be for another emulator
	if err := prepareFor(ctx, endpoint, made); err != nil {
		return err
	}
	for _, name := range made {
		fmt.Fprintf(std.Err, "destroying %s\n", name)
		if err := emulator.Destroy(ctx, localTree, endpoint, name); err != nil {
			return err
		}
	}
	return c.clear(std)
}

// prepareFor synthesizes the stacks for the emulator at the endpoint, without what it lacks.
func prepareFor(ctx context.Context, endpoint string, stacks []string) error {
	if err := synthesizeFor(ctx, endpoint); err != nil {
		return err
	}
	gaps, err := emulator.KnownGaps()
	if err != nil {
		return err
	}
	_, err = emulator.Prepare(localTree, gaps, stacks)
	return err
}

func (c *LocalDestroyCmd) clear(std streams) error {
	if err := errors.Join(os.RemoveAll(localFolder), os.RemoveAll(localTree)); err != nil {
		return err
	}
	fmt.Fprintln(std.Out, "the local stacks are destroyed")
	return nil
}
