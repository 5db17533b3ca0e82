package stacks

import (
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// Environment is the stack of one environment.
func Environment(app cdktf.App, project config.Project, environment config.Environment) cdktf.TerraformStack {
	settings, account := project.Settings, environment.Account
	stack := newStack(app, environment.Stack(), settings)
	base := readBase(stack, project.Base.Stack(), settings)

	add := providers{stack, settings, environment.Tags}.add
	own := deployRoleArn(environment.Stack(), account.ID, settings)
	add("aws", "", target{account.ID, account.Region, own})
	_ = add("aws_virginia", "virginia", target{account.ID, virginia, own})
	_ = add("aws_recovery", "recovery", target{account.ID, account.RecoveryRegion, own})
	_ = add("aws_dns", "dns", target{project.Base.Account.ID, project.Base.Account.Region, base.dnsRoleArn(environment.Name)})

	return stack
}
