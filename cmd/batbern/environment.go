package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/tree"
)

const stackPrefix = "batbern-"

// environmentName is an environment, or base. The command line accepts the name of its stack as well.
type environmentName string

// UnmarshalText implements encoding.TextUnmarshaler, by which kong reads it.
func (n *environmentName) UnmarshalText(text []byte) error {
	*n = environmentName(strings.TrimPrefix(string(text), stackPrefix))
	if *n == "" {
		return errors.New("names no environment: write for example dev or batbern-dev")
	}
	return nil
}

// stack returns the name of the environment's stack.
func (n environmentName) stack() string { return stackPrefix + string(n) }

// loadEnvironment returns the configuration of an environment. A name that does not exist is a usage error.
func loadEnvironment(name environmentName) (config.Environment, error) {
	environment, err := config.Load(config.Name(name))
	if err != nil && !slices.Contains(config.Names(), config.Name(name)) {
		return environment, usageError{err}
	}
	return environment, err
}

// load reads a synthesized tree with its stacks in the order in which a change travels through them.
func load(dir string) (*tree.Tree, error) {
	all, err := tree.Load(dir)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all.Stacks, func(a, b *tree.Stack) int { return config.InOrder(a.Name, b.Name) })
	return all, nil
}

// only keeps the stack of one environment.
func only(stacks []*tree.Stack, environment environmentName) ([]*tree.Stack, error) {
	var names []string
	for _, s := range stacks {
		names = append(names, s.Environment())
	}
	if i := slices.Index(names, string(environment)); i >= 0 {
		return stacks[i : i+1], nil
	}
	return nil, notSynthesized(environment, names)
}

func notSynthesized(environment environmentName, names []string) error {
	return usageError{fmt.Errorf("environment %q is not synthesized: allowed are %s", environment, strings.Join(names, ", "))}
}
