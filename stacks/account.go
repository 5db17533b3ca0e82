package stacks

import (
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/account"
	"github.com/batbern/infrastructure/constructs/identity"
)

// addAccount makes what holds for an environment's whole account: its baseline, the boundary of all roles, which it
// returns, and the roles that deploy.
func addAccount(stack cdktf.TerraformStack, base config.Base, environment config.Environment) (boundaryArn string) {
	name, home := environment.Stack(), environment.Account
	account.New(stack, "account", account.Props{Name: name, Baseline: environment.Baseline})
	boundaryArn = identity.Boundary(stack, "boundary", identity.BoundaryProps{
		Name:      name,
		AccountID: home.ID,
		Regions:   []string{home.Region, home.RecoveryRegion, virginia},
	}).PolicyArn
	spokes := identity.Spokes(stack, "deployment", identity.SpokesProps{
		Name:          name,
		AccountID:     home.ID,
		BaseAccountID: base.Account.ID,
		BoundaryArn:   boundaryArn,
		Protection:    environment.Protection,
		CloudHost:     base.TfcHost,
		Organization:  base.TfcOrganization,
		Project:       base.TfcProject,
		MakeProvider:  environment.Baseline.TerraformCloudProvider,
	})
	output(stack, "plan_role_arn", spokes.PlanRoleArn, "Role of plans: TFC_AWS_PLAN_ROLE_ARN of a workspace that runs remotely")
	output(stack, "apply_role_arn", spokes.ApplyRoleArn, "Role of applies: TFC_AWS_APPLY_ROLE_ARN of a workspace that runs remotely")
	return boundaryArn
}
