// Package identity makes who may act: the permissions boundary that every role carries, the identity providers that
// pipelines sign in with, and the roles that plan and apply the stacks.
package identity

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iampolicy"

	"github.com/batbern/infrastructure/constructs/policy"
)

// BoundaryProps says whose roles are bounded.
type BoundaryProps struct {
	Name      string // prefix of AWS names, e.g. "batbern-dev"
	AccountID string
	// Regions are where roles may act. Global services (IAM, Route 53, CloudFront) count as us-east-1, so it has to
	// be among them.
	Regions []string
	// IdentityProviders lets roles change the account's identity providers: the base's deployment makes them.
	IdentityProviders bool
}

// BoundaryOutputs is the boundary.
type BoundaryOutputs struct {
	PolicyArn string
}

// Boundary makes the permissions boundary of a stack's roles: what none of them may ever do, whatever its policies
// say. It grants nothing; a role needs policies as well.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
func Boundary(scope constructs.Construct, id string, props BoundaryProps) BoundaryOutputs {
	boundary := iampolicy.NewIamPolicy(scope, jsii.String(id), &iampolicy.IamPolicyConfig{
		Name:        jsii.String(boundaryName(props.Name)),
		Description: jsii.String("What no role of " + props.Name + " may do, whatever its policies allow"),
		Policy:      jsii.String(BoundaryPolicy(props).JSON()),
	})
	return BoundaryOutputs{PolicyArn: *boundary.Arn()}
}

func boundaryName(name string) string { return name + "-boundary" }

// BoundaryArn is the boundary's ARN in a form that does not depend on the boundary's resource.
func BoundaryArn(name, accountID string) string {
	return fmt.Sprintf("arn:aws:iam::%s:policy/%s", accountID, boundaryName(name))
}

// BoundaryPolicy is the boundary's document. Only an administrator, who has no boundary, can change the boundary or
// the roles that deploy: a pipeline that could widen its own rights would have no limits at all.
func BoundaryPolicy(props BoundaryProps) policy.Document {
	boundary := BoundaryArn(props.Name, props.AccountID)
	plan, apply := roleArn(props.AccountID, Plan.role(props.Name)), roleArn(props.AccountID, Apply.role(props.Name))
	never := append(identities(), commitments()...)
	if !props.IdentityProviders {
		// reading and tagging them is harmless, and Terraform does both
		never = append(never, "iam:AddClientID*", "iam:CreateOpenID*", "iam:DeleteOpenID*", "iam:RemoveClientID*", "iam:UpdateOpenID*")
	}
	deny := func(sid string, actions, resources []string, conditions policy.Conditions) policy.Statement {
		return policy.Statement{Sid: sid, Effect: policy.Deny, Actions: actions, Resources: resources, Conditions: conditions}
	}
	return policy.Document{Statements: []policy.Statement{
		{Sid: "AllBut", Effect: policy.Allow, NotActions: never, Resources: anything},
		deny("OtherRegions", anything, anything, policy.Conditions{"StringNotEquals": {"aws:RequestedRegion": props.Regions}}),
		deny("RolesWithoutBoundary", []string{
			"iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy",
		}, anything, policy.Conditions{"StringNotEquals": {"iam:PermissionsBoundary": {boundary}}}),
		deny("ChangeBoundary", []string{
			"iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion",
		}, []string{boundary}, nil),
		deny("ChangeDeployment", []string{
			"iam:AttachRolePolicy", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PutRolePermissionsBoundary",
			"iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
		}, []string{plan, apply}, nil),
		deny("BlindTheAccount", []string{
			"cloudtrail:Delete*", "cloudtrail:PutEventSelectors", "cloudtrail:StopLogging", "cloudtrail:UpdateTrail",
			"config:Delete*", "config:Stop*",
			"guardduty:Delete*", "guardduty:Disassociate*", "guardduty:Stop*", "guardduty:UpdateDetector",
			"securityhub:Delete*", "securityhub:Disable*", "securityhub:Disassociate*",
		}, anything, nil),
		deny("LowerTheBaseline", []string{
			"access-analyzer:DeleteAnalyzer", "ec2:DisableEbsEncryptionByDefault", "kms:DisableKey", "kms:ScheduleKeyDeletion",
			"s3:PutAccountPublicAccessBlock",
		}, anything, policy.Conditions{"ArnNotEquals": {"aws:PrincipalArn": {apply}}}),
	}}
}

// identities are IAM's ways to become somebody with lasting credentials (IAM.2), and the account itself.
func identities() []string {
	return []string{
		"account:CloseAccount", "account:Delete*", "account:Disable*", "account:Enable*", "account:Put*",
		"iam:*AccessKey*", "iam:*Group*", "iam:*LoginProfile*", "iam:*MFADevice*", "iam:*SAMLProvider*", "iam:*SSHPublicKey*",
		"iam:*ServiceSpecificCredential*", "iam:*SigningCertificate*", "iam:*User*", "iam:DeleteRolePermissionsBoundary",
		"organizations:LeaveOrganization",
	}
}

// commitments cost for a year or for ever. Volunteers decide on them, not roles.
func commitments() []string {
	return []string{
		"aws-marketplace:Subscribe", "ec2:Purchase*", "elasticache:Purchase*", "rds:Purchase*", "route53domains:AcceptDomain*",
		"route53domains:DeleteDomain", "route53domains:RegisterDomain", "route53domains:RenewDomain", "route53domains:TransferDomain*",
		"savingsplans:CreateSavingsPlan",
	}
}

// role is the name of the role that does the phase for a stack.
func (p Phase) role(stack string) string { return stack + "-" + string(p) }

// hub is the name of the role in the base account that a pipeline signs in to before it goes on to role.
func (p Phase) hub(stack string) string { return stack + "-pipeline-" + string(p) }

func roleArn(accountID, name string) string {
	return fmt.Sprintf("arn:aws:iam::%s:role/%s", accountID, name)
}
