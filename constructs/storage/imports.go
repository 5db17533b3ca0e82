package storage

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrole"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrolepolicy"

	"github.com/batbern/infrastructure/constructs/policy"
)

// keepEverything forbids everybody to delete, the account's administrators among them: what was handed over for migration
// (CR1) is kept until this statement is taken out, in a change that others see.
func keepEverything(bucket Bucket) policy.Statement {
	return policy.Statement{
		Sid: "KeepEverything", Effect: policy.Deny, Principals: policy.Principals{Everyone: true},
		Actions: []string{"s3:DeleteObject", "s3:DeleteObjectVersion"}, Resources: []string{bucket.Objects()},
	}
}

// importRole is for the task that migrates the past events: it reads what was handed over and adds to the content. No
// other role reads the imports.
func importRole(scope constructs.Construct, id string, buckets Outputs, props Props) string {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	account := props.Account
	role := iamrole.NewIamRole(scope, jsii.String("role"), &iamrole.IamRoleConfig{
		Name:                jsii.String(props.Name + "-import"),
		Description:         jsii.String("Migrates past events from the import bucket into the content bucket"),
		PermissionsBoundary: jsii.String(props.BoundaryArn),
		AssumeRolePolicy: jsii.String(policy.TrustService("ecs-tasks.amazonaws.com", account.ID,
			fmt.Sprintf("arn:aws:ecs:%s:%s:*", account.Region, account.ID)).JSON()),
	})
	iamrolepolicy.NewIamRolePolicy(scope, jsii.String("policy"), &iamrolepolicy.IamRolePolicyConfig{
		Name:   jsii.String("import"),
		Role:   role.Id(),
		Policy: jsii.String(importPolicy(buckets, props).JSON()),
	})
	return *role.Arn()
}

func importPolicy(buckets Outputs, props Props) policy.Document {
	return policy.Document{Statements: []policy.Statement{
		{Sid: "FindImports", Effect: policy.Allow, Actions: []string{"s3:ListBucket"}, Resources: []string{buckets.Imports.Arn}},
		{Sid: "ReadImports", Effect: policy.Allow, Actions: []string{"s3:GetObject"}, Resources: []string{buckets.Imports.Objects()}},
		{Sid: "AddContent", Effect: policy.Allow, Actions: []string{"s3:PutObject"}, Resources: []string{buckets.Content.Objects()}},
		{
			Sid: "UseStorageKey", Effect: policy.Allow, Actions: []string{"kms:Decrypt", "kms:GenerateDataKey"}, Resources: []string{props.KeyArn},
			Conditions: viaS3(props.Account.Region),
		},
	}}
}

func viaS3(region string) policy.Conditions {
	return policy.Conditions{"StringEquals": {"kms:ViaService": policy.ViaServices(region, "s3")}}
}
