package stacks

import (
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// Base is the stack of what the environments share.
func Base(app cdktf.App, project config.Project) cdktf.TerraformStack {
	base, settings := project.Base, project.Settings
	stack := newStack(app, base.Stack(), settings)
	providers{stack, settings, base.Tags}.add("aws", "", target{account: base.Account.ID, region: base.Account.Region})
	return stack
}
