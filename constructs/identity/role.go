package identity

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrole"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrolepolicy"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrolepolicyattachment"

	"github.com/batbern/infrastructure/constructs/policy"
)

// role is one of the roles that this package makes. Its rights are inline: a policy of its own could be changed by
// whoever may change policies, an inline one only by whoever may change the role.
type role struct {
	id, name, description string
	boundaryArn           string
	trust                 policy.Document
	rights                []right
	readOnly              bool // attach AWS's ReadOnlyAccess
}

// right is one inline policy.
type right struct {
	name     string
	document policy.Document
}

// readOnlyAccess is AWS's own list of what reads, kept up to date by AWS.
const readOnlyAccess = "arn:aws:iam::aws:policy/ReadOnlyAccess"

func (r role) make(scope constructs.Construct) (arn string) {
	scope = constructs.NewConstruct(scope, jsii.String(r.id))
	made := iamrole.NewIamRole(scope, jsii.String("role"), &iamrole.IamRoleConfig{
		Name:                jsii.String(r.name),
		Description:         jsii.String(r.description),
		AssumeRolePolicy:    jsii.String(r.trust.JSON()),
		PermissionsBoundary: jsii.String(r.boundaryArn),
		MaxSessionDuration:  jsii.Number(3600),
	})
	if r.readOnly {
		iamrolepolicyattachment.NewIamRolePolicyAttachment(scope, jsii.String("read_only"),
			&iamrolepolicyattachment.IamRolePolicyAttachmentConfig{Role: made.Name(), PolicyArn: jsii.String(readOnlyAccess)})
	}
	for _, right := range r.rights {
		iamrolepolicy.NewIamRolePolicy(scope, jsii.String(right.name), &iamrolepolicy.IamRolePolicyConfig{
			Name: jsii.String(right.name), Role: made.Name(), Policy: jsii.String(right.document.JSON()),
		})
	}
	return *made.Arn()
}
