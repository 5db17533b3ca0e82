// Package stacks says which stacks there are, what crosses between them and what all of them share: backend,
// providers, tags, Terraform's version. It composes constructs and knows no argument of an AWS resource.
package stacks

import (
	"time"

	"github.com/aws/jsii-runtime-go"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// Define adds every stack to the app: the base, then the environments, each of which depends on the base alone. It
// tells progress before each stack and returns how long each took.
func Define(app cdktf.App, project config.Project, progress func(step string)) map[string]time.Duration {
	took := map[string]time.Duration{}
	define := func(name string, stack func() cdktf.TerraformStack) cdktf.TerraformStack {
		progress("building " + name)
		start := time.Now()
		defer func() { took[name] = time.Since(start) }()
		return stack()
	}
	base := define(project.Base.Stack(), func() cdktf.TerraformStack { return Base(app, project) })
	for _, environment := range project.Environments {
		define(environment.Stack(), func() cdktf.TerraformStack { return Environment(app, project, environment) }).AddDependency(base)
	}
	return took
}

// newStack makes a stack with what all stacks share but the providers.
func newStack(app cdktf.App, name string, settings config.Settings) cdktf.TerraformStack {
	stack := cdktf.NewTerraformStack(app, jsii.String(name))
	stack.AddOverride(jsii.String("terraform.required_version"), requiredVersion)
	stack.AddOverride(jsii.String("terraform.required_providers.aws"), map[string]any{
		"source": providerSource, "version": ProviderVersion,
	})
	addBackend(stack, name, settings)
	return stack
}
