package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/batbern/infrastructure/internal/diagram"
)

// DiagramCmd draws the synthesized stacks.
type DiagramCmd struct {
	jsonFlag
	Dir   string          `help:"Synthesized stacks." default:"cdktf.out" placeholder:"DIR"`
	Out   string          `help:"Folder of the pictures." default:"docs/pictures" placeholder:"DIR"`
	Env   environmentName `help:"Only this environment." placeholder:"ENV" completion-predictor:"environment"`
	Check bool            `help:"Write nothing. Fail if an SVG in --out differs from the stacks."`
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
	var files []string
	for _, d := range pictures {
		png, err := d.picture.PNG()
		if err != nil {
			return err
		}
		name := filepath.Join(c.Out, d.name)
		if err := errors.Join(writeFile(name+".svg", d.picture.SVG()), writeFile(name+".png", png)); err != nil {
			return fmt.Errorf("write the picture: %w", err)
		}
		files = append(files, name+".svg", name+".png")
	}
	return c.print(std.Out, files, func() error {
		_, err := fmt.Fprintln(std.Out, strings.Join(files, "\n"))
		return err
	})
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

// compare fails with the names of all outdated pictures. It compares SVGs: the same tree always has the same bytes.
func (c *DiagramCmd) compare(pictures []drawn) error {
	var stale []error
	for _, d := range pictures {
		file := filepath.Join(c.Out, d.name+".svg")
		there, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(there, d.picture.SVG()) {
			stale = append(stale, fmt.Errorf("%s differs from the stacks: run `make diagram`", file))
		}
	}
	slices.SortFunc(stale, func(a, b error) int { return bytes.Compare([]byte(a.Error()), []byte(b.Error())) })
	return errors.Join(stale...)
}
