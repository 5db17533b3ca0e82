// Package stacks says which stacks there are, what crosses between them and what all of them share: backend,
// providers, tags, Terraform's version. It composes constructs and knows no argument of an AWS resource.
package stacks

import (
	"time"

	"github.com/aws/jsii-runtime-go"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// Define adds every stack to the app: the base, then the environments. It reports progress before each stack and returns
// how long each took.
//
// With ordered, every environment depends on the base, so that the cdktf CLI deploys the base first and destroys it last.
// The CLI then refuses to run an environment without the base, hence ordered is for commands that name the base (ADR 12).
func Define(app cdktf.App, project config.Project, ordered bool, progress func(step string)) map[string]time.Duration {
	took := map[string]time.Duration{}
	define := func(name string, stack func() cdktf.TerraformStack) cdktf.TerraformStack {
		progress("building " + name)
		start := time.Now()
		defer func() { took[name] = time.Since(start) }()
		return stack()
	}
	base := define(project.Base.Stack(), func() cdktf.TerraformStack { return Base(app, project) })
	for _, environment := range project.Environments {
		stack := define(environment.Stack(), func() cdktf.TerraformStack { return Environment(app, project, environment) })
		if ordered {
			stack.AddDependency(base)
		}
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
