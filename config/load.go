package config

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Project is everything: the settings, the base and all environments, validated together.
type Project struct {
	Settings     Settings
	Base         Base
	Environments []Environment
}

// Load gives one environment with the process's settings. The error is [Faults], or names the environments there are.
//
// The whole project is checked, because environments must not collide with each other.
func Load(name Name) (Environment, error) {
	if !slices.Contains(Names(), name) {
		return Environment{}, unknownName(name)
	}
	project, err := loadFromProcess()
	if err != nil {
		return Environment{}, err
	}
	return project.Environment(name)
}

// LoadBase gives the base with the process's settings. The error is [Faults].
func LoadBase() (Base, error) {
	project, err := loadFromProcess()
	return project.Base, err
}

func loadFromProcess() (Project, error) {
	variables, err := FromProcess(".env")
	if err != nil {
		return Project{}, err
	}
	return LoadProject(variables)
}

// LoadProject builds and validates the project from the given variables (see [Variables]); names it does not know
// are refused when they start like ours. The error is [Faults]: all that is wrong, at once.
func LoadProject(variables map[string]string) (Project, error) {
	settings, faults := parseSettings(variables)
	// a wrong variable is told once, under its own name: the rest is judged as if it had not been set
	sound, _ := parseSettings(without(variables, faults))
	project := newProject(sound)
	live := readZone(sound.ZoneFile, sound.Domain, &faults)
	project.carry(live, &faults)
	project.checkAlarmAddresses(live, &faults)
	project.checkHeld(&faults)
	faults = append(faults, project.validate()...)
	if err := settle(faults, nil).err(); err != nil {
		return Project{}, err
	}
	project.Settings = settings
	return project, nil
}

func newProject(settings Settings) Project {
	return Project{
		Settings:     settings,
		Base:         base(settings),
		Environments: []Environment{dev(settings), staging(settings), prod(settings)},
	}
}

// without leaves out the variables that faults name.
func without(variables map[string]string, faults Faults) map[string]string {
	kept := maps.Clone(variables)
	for _, fault := range faults {
		name, _, _ := strings.Cut(fault.Path, "[")
		delete(kept, name)
	}
	return kept
}

// Environment gives the environment of that name, or an error that lists the right ones.
func (p Project) Environment(name Name) (Environment, error) {
	for _, environment := range p.Environments {
		if environment.Name == name {
			return environment, nil
		}
	}
	return Environment{}, unknownName(name)
}

// Stacks are the names of all stacks: base first, then the environments.
func (p Project) Stacks() []string {
	names := []string{p.Base.Stack()}
	for _, environment := range p.Environments {
		names = append(names, environment.Stack())
	}
	return names
}

func unknownName(name Name) error {
	var names []string
	for _, known := range Names() {
		names = append(names, string(known))
	}
	return fmt.Errorf("environment %q does not exist; there are %s, and the base by itself", name, strings.Join(names, ", "))
}

// tags are what cost allocation and compliance ask of every resource. The provider sets them, no resource repeats them.
func tags(settings Settings, stack, environment string) map[string]string {
	return map[string]string{
		"Project":     "BATbern",
		"Environment": environment,
		"Stack":       stack,
		"ManagedBy":   "cdktf",
		"CostCenter":  settings.CostCenter,
		"Owner":       settings.Owner,
		"Repository":  settings.GithubRepository,
		"Compliance":  settings.ComplianceTag,
	}
}

func network(text string) netip.Prefix {
	// values in this package are literals; a wrong one is found by validation, which names its field
	prefix, _ := netip.ParsePrefix(text)
	return prefix
}
