package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/batbern/infrastructure/internal/diagram"
)

// DiagramCmd draws the synthesized stacks.
type DiagramCmd struct {
	Dir   string `help:"Synthesized tree." default:"cdktf.out" placeholder:"DIR"`
	Out   string `help:"Folder of the pictures." default:"docs/pictures" placeholder:"DIR"`
	Env   string `help:"Only this environment." placeholder:"ENV"`
	Check bool   `help:"Write nothing; fail where an SVG in --out is not what the tree gives."`
}

// drawn is one picture under its file name without extension.
type drawn struct {
	name    string
	picture *diagram.Picture
}

// Run draws one picture of each environment and one of the stacks, as SVG and PNG.
func (c *DiagramCmd) Run(ctx context.Context, std streams) error {
	pictures, err := c.draw(ctx)
	if err != nil {
		return err
	}
	if c.Check {
		return c.compare(pictures)
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return fmt.Errorf("make the folder of the pictures: %w", err)
	}
	for _, d := range pictures {
		png, err := d.picture.PNG()
		if err != nil {
			return err
		}
		for extension, content := range map[string][]byte{".svg": d.picture.SVG(), ".png": png} {
			if err := os.WriteFile(filepath.Join(c.Out, d.name+extension), content, 0o644); err != nil {
				return fmt.Errorf("write the picture: %w", err)
			}
		}
		fmt.Fprintf(std.Out, "%s.svg and .png\n", filepath.Join(c.Out, d.name))
	}
	return nil
}

// draw draws what has something to show: a stack without a network has no architecture picture.
func (c *DiagramCmd) draw(ctx context.Context) ([]drawn, error) {
	tree, err := load(c.Dir)
	if err != nil {
		return nil, err
	}
	stacks := tree.Stacks
	var pictures []drawn
	if c.Env == "" {
		p, err := diagram.Stacks(ctx, tree)
		if err != nil {
			return nil, err
		}
		pictures = append(pictures, drawn{"stacks", p})
	} else if stacks, err = only(tree.Stacks, c.Env); err != nil {
		return nil, err
	}
	for _, s := range stacks {
		if len(s.OfType("aws_vpc")) == 0 {
			continue
		}
		p, err := diagram.Architecture(ctx, s)
		if err != nil {
			return nil, err
		}
		pictures = append(pictures, drawn{s.Environment(), p})
	}
	return pictures, nil
}

// compare fails with the names of all pictures that are not fresh. SVGs are compared: their bytes follow from the tree.
func (c *DiagramCmd) compare(pictures []drawn) error {
	var stale []error
	for _, d := range pictures {
		file := filepath.Join(c.Out, d.name+".svg")
		there, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(there, d.picture.SVG()) {
			stale = append(stale, fmt.Errorf("%s is not what the stacks give: run `make diagram`", file))
		}
	}
	slices.SortFunc(stale, func(a, b error) int { return bytes.Compare([]byte(a.Error()), []byte(b.Error())) })
	return errors.Join(stale...)
}
