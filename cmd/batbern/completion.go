package main

import (
	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"
	"github.com/posener/complete"

	"github.com/batbern/infrastructure/config"
)

// environments offers the configured environments wherever one is expected.
var environments = kongcompletion.WithPredictor("environment", complete.PredictFunc(func(complete.Args) []string {
	names := []string{"base"}
	for _, name := range config.Names() {
		names = append(names, string(name))
	}
	return names
}))

// completeLine answers a shell that asks for completions in COMP_LINE. Without that variable it returns false.
func completeLine(parser *kong.Kong) (bool, error) {
	command, err := kongcompletion.Command(parser, environments)
	if err != nil {
		return false, err
	}
	offerDefaults(parser.Model.Node, &command)
	completion := complete.New(parser.Model.Name, command)
	completion.Out = parser.Stdout
	return completion.Complete(), nil
}

// offerDefaults completes the flags of a group's default command after the group's name, as in `batbern cost --env`.
// kong-completion 0.0.12 offers them after the default command's own name only.
func offerDefaults(node *kong.Node, command *complete.Command) {
	for _, child := range node.Children {
		below, found := command.Sub[child.Name]
		if !found {
			continue
		}
		offerDefaults(child, &below)
		if child.DefaultCmd != nil {
			byDefault := below.Sub[child.DefaultCmd.Name]
			below.Flags, below.Args = byDefault.GlobalFlags, byDefault.Args
		}
		command.Sub[child.Name] = below
	}
}
