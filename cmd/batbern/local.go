package main

import (
	"fmt"
	"slices"
)

// LocalCmd works on an AWS emulator on this machine: no account, no credentials, no cost.
type LocalCmd struct {
	Apply   LocalApplyCmd   `cmd:"" default:"withargs" help:"Apply stacks and plan them again (the default command)."`
	Gaps    LocalGapsCmd    `cmd:"" help:"Apply each environment and name the entries of gaps.json that none needs."`
	Destroy LocalDestroyCmd `cmd:"" help:"Destroy the stacks and stop the emulator."`
}

const (
	// localTree is beside cdktf.out: the stacks' state is found relative to it.
	localTree = "cdktf.local"
	// localFolder holds the emulator's files and the stacks' state.
	localFolder = ".local"
	// recordings holds the requests of each stack's last run, in the format that package wire describes.
	recordings = localFolder + "/wire"
)

// applied returns those of the stacks that the emulator holds.
func applied(stacks []string) []string {
	return slices.DeleteFunc(slices.Clone(stacks), func(name string) bool {
		return !exists(fmt.Sprintf("%s/state/terraform.%s.tfstate", localFolder, name))
	})
}
