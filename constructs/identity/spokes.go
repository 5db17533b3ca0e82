package identity

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/batbern/infrastructure/constructs/policy"
)

// SpokesProps says whose account is deployed to, and from where.
type SpokesProps struct {
	Name          string // the stack, "batbern-dev"
	AccountID     string
	BaseAccountID string // where the pipelines sign in, see [Hubs]
	BoundaryArn   string
}

// SpokesOutputs are the roles.
type SpokesOutputs struct {
	PlanRoleArn  string
	ApplyRoleArn string
}

// Spokes makes the roles in an environment's account with which Terraform plans and applies it. Each trusts the one
// role of its name in the base account. A person applies a stack the first time; pipelines need these roles, which
// that makes.
func Spokes(scope constructs.Construct, id string, props SpokesProps) SpokesOutputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	return SpokesOutputs{
		PlanRoleArn:  spoke(Plan, props).make(scope),
		ApplyRoleArn: spoke(Apply, props).make(scope),
	}
}

func spoke(phase Phase, props SpokesProps) role {
	rights := Rights{AccountID: props.AccountID, BoundaryArn: props.BoundaryArn, Prefix: props.Name + "-"}
	made := role{
		id: string(phase), name: phase.role(props.Name), boundaryArn: props.BoundaryArn, readOnly: true,
		description: fmt.Sprintf("Terraform, to %s %s", phase, props.Name),
		trust: policy.Document{Statements: []policy.Statement{
			trustPrincipals("Pipeline", props.BaseAccountID, roleArn(props.BaseAccountID, phase.hub(props.Name))),
		}},
		rights: []right{{"without_data", rights.WithoutData()}},
	}
	if phase == Apply {
		made.rights = append(made.rights, right{"services", rights.ManageEnvironment()}, right{"named", rights.ManageNamed()})
	}
	return made
}
