package identity

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
)

// SpokesProps says whose account is deployed to, and from where.
type SpokesProps struct {
	Name          string // the stack, "batbern-dev"
	AccountID     string
	BaseAccountID string // where the pipelines sign in, see [Hubs]
	BoundaryArn   string
	Protection    config.Protection
	// CloudHost, Organization and Project are Terraform Cloud's, whose runs sign in directly; no organization means none do.
	CloudHost, Organization, Project string
	// MakeProvider makes the account's identity provider of Terraform Cloud. Where it is false, one stands there already.
	MakeProvider bool
}

// SpokesOutputs are the roles.
type SpokesOutputs struct {
	PlanRoleArn  string
	ApplyRoleArn string
}

// Spokes makes the roles in an environment's account with which Terraform plans and applies it. Each trusts the one
// role of its name in the base account, and runs of its phase in the stack's workspace, which have no way to go on
// from one role to another by phase. A person applies a stack the first time; pipelines need these roles, which that
// makes.
func Spokes(scope constructs.Construct, id string, props SpokesProps) SpokesOutputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	cloud := TerraformCloud{Host: props.CloudHost, Organization: props.Organization, Project: props.Project}
	cloud.ProviderArn = cloud.provider(scope, props.AccountID, props.MakeProvider)
	return SpokesOutputs{
		PlanRoleArn:  spoke(Plan, cloud, props).make(scope),
		ApplyRoleArn: spoke(Apply, cloud, props).make(scope),
	}
}

func spoke(phase Phase, cloud TerraformCloud, props SpokesProps) role {
	rights := Rights{
		AccountID: props.AccountID, CloudHost: props.CloudHost, BoundaryArn: props.BoundaryArn,
		Prefix: props.Name + "-", Stack: props.Name, Protection: props.Protection,
	}
	made := role{
		id: string(phase), name: phase.role(props.Name), boundaryArn: props.BoundaryArn, readOnly: true,
		description: fmt.Sprintf("Terraform, to %s %s", phase, props.Name),
		trust: policy.Document{Statements: append(cloud.trust(props.Name, phase),
			trustPrincipals("Pipeline", props.BaseAccountID, roleArn(props.BaseAccountID, phase.hub(props.Name))),
		)},
		rights: []right{{"without_data", rights.WithoutData()}},
	}
	if phase == Apply {
		made.rights = append(made.rights, right{"services", rights.ManageEnvironment()}, right{"named", rights.ManageNamed()},
			right{"roles", rights.ManageRoles()}, right{"keys", rights.ManageKeys("CreateGrant Decrypt DescribeKey GenerateDataKey* RetireGrant",
				"backup", "elasticache", "rds", "secretsmanager", "xray")})
	}
	return made
}
