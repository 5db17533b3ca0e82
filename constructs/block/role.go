package block

import (
	"maps"
	"slices"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrole"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrolepolicy"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrolepolicyattachment"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/constructs/policy"
	"github.com/batbern/infrastructure/internal/text"
)

// RoleProps describe an IAM role.
type RoleProps struct {
	// Name is the role's name in IAM: 64 characters at most.
	Name string
	// Description is shown in IAM: one sentence, 1000 characters at most. Optional.
	Description string
	// Trust is who may assume the role.
	Trust policy.Document
	// BoundaryArn is the permissions boundary. It is required: the deploy roles may not create a role without one.
	BoundaryArn string
	// Policies are the inline policies. They are inline so that only whoever may change the role may change them.
	Policies []RolePolicy
	// ManagedPolicyArns are managed policies to attach, by the id of the attachment.
	ManagedPolicyArns map[string]string
	// MaxSessionSeconds is the longest session; 0 keeps IAM's default of one hour.
	MaxSessionSeconds int
}

// RolePolicy is one inline policy of a role.
type RolePolicy struct {
	// Name is the policy's name in IAM and, in snake case, its construct id. It is unique within the role.
	Name     string
	Document policy.Document
}

// Role is a role that was made.
type Role struct {
	Arn, Name string
	// Ready are the role's policies. Whatever acts with the role depends on them: the ARN alone does not wait for the
	// policies, and AWS checks permissions of some roles when they are first used.
	Ready []cdktf.ITerraformDependable
}

// NewRole makes a role with its inline policies. It panics where the name, the trust policy or the boundary is missing.
func NewRole(scope constructs.Construct, id string, props RoleProps) Role {
	require("role", props.Name,
		field{"Name", props.Name != ""}, field{"Trust", len(props.Trust.Statements) > 0}, field{"BoundaryArn", props.BoundaryArn != ""})
	scope = constructs.NewConstruct(scope, jsii.String(id))
	config := &iamrole.IamRoleConfig{
		Name:                jsii.String(props.Name),
		AssumeRolePolicy:    jsii.String(props.Trust.JSON()),
		PermissionsBoundary: jsii.String(props.BoundaryArn),
	}
	if props.Description != "" {
		config.Description = jsii.String(props.Description)
	}
	if props.MaxSessionSeconds > 0 {
		config.MaxSessionDuration = jsii.Number(props.MaxSessionSeconds)
	}
	resource := iamrole.NewIamRole(scope, jsii.String("role"), config)
	role := Role{Arn: *resource.Arn(), Name: *resource.Name()}
	for _, inline := range props.Policies {
		role.Ready = append(role.Ready, iamrolepolicy.NewIamRolePolicy(scope, jsii.String(text.Snake(inline.Name)), &iamrolepolicy.IamRolePolicyConfig{
			Name:   jsii.String(inline.Name),
			Role:   resource.Name(),
			Policy: jsii.String(inline.Document.JSON()),
		}))
	}
	for _, attachment := range slices.Sorted(maps.Keys(props.ManagedPolicyArns)) {
		role.Ready = append(role.Ready, iamrolepolicyattachment.NewIamRolePolicyAttachment(scope, jsii.String(attachment),
			&iamrolepolicyattachment.IamRolePolicyAttachmentConfig{
				Role: resource.Name(), PolicyArn: jsii.String(props.ManagedPolicyArns[attachment]),
			}))
	}
	return role
}
