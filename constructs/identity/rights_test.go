package identity_test

import (
	"testing"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/identity"
	"github.com/batbern/infrastructure/constructs/policy"
)

// What an apply role can do by its own policies, within its boundary.
func TestApplyRights(t *testing.T) {
	const (
		account  = "222233334444"
		own      = "arn:aws:iam::222233334444:role/batbern-dev-"
		bounding = "arn:aws:iam::222233334444:policy/batbern-dev-boundary"
	)
	rights := identity.Rights{AccountID: account, CloudHost: "app.terraform.io", BoundaryArn: bounding, Prefix: "batbern-dev-", Stack: "batbern-dev", Protection: config.Disposable}
	policies := []policy.Document{
		rights.WithoutData(), rights.ManageEnvironment(), rights.ManageNamed(), rights.ManageRoles(), rights.ManageKeys("GenerateDataKey*", "rds"),
	}
	with := func(pairs ...string) map[string]string {
		context := map[string]string{"aws:RequestedRegion": "eu-central-1", "aws:PrincipalArn": own + "apply"}
		for i := 0; i < len(pairs); i += 2 {
			context[pairs[i]] = pairs[i+1]
		}
		return context
	}
	for _, test := range []struct {
		name, action, resource string
		context                map[string]string
		allowed                bool
	}{
		{"makes a network", "ec2:CreateVpc", "*", with(), true},
		{"makes a database", "rds:CreateDBInstance", "*", with(), true},
		{"makes it in another region", "rds:CreateDBInstance", "*", with("aws:RequestedRegion", "us-west-2"), false},
		{"runs a machine", "ec2:RunInstances", "*", with(), false},
		{"makes a role of its own with the boundary", "iam:CreateRole", own + "task", with("iam:PermissionsBoundary", bounding), true},
		{"makes one without", "iam:CreateRole", own + "task", with(), false},
		{"makes a foreign one", "iam:CreateRole", "arn:aws:iam::222233334444:role/admin", with("iam:PermissionsBoundary", bounding), false},
		{"gives a role administrator's rights within the boundary", "iam:AttachRolePolicy", own + "task", with("iam:PermissionsBoundary", bounding), true},
		{"widens its own rights", "iam:PutRolePolicy", own + "apply", with("iam:PermissionsBoundary", bounding), false},
		{"opens its own trust", "iam:UpdateAssumeRolePolicy", own + "apply", with(), false},
		{"lifts the boundary", "iam:CreatePolicyVersion", bounding, with(), false},
		{"makes a user", "iam:CreateUser", "*", with(), false},
		{"passes a role to a task", "iam:PassRole", own + "task", with("iam:PassedToService", "ecs-tasks.amazonaws.com"), true},
		{"passes a role to a machine", "iam:PassRole", own + "task", with("iam:PassedToService", "ec2.amazonaws.com"), false},
		{"reads a secret", "secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-central-1:222233334444:secret:a", with(), false},
		{"makes a secret", "secretsmanager:CreateSecret", "arn:aws:secretsmanager:eu-central-1:222233334444:secret:a", with(), true},
		{"configures its bucket", "s3:PutBucketPolicy", "arn:aws:s3:::batbern-dev-content", with(), true},
		{"configures a foreign bucket", "s3:PutBucketPolicy", "arn:aws:s3:::other", with(), false},
		{"puts an object", "s3:PutObject", "arn:aws:s3:::batbern-dev-content/a", with(), false},
		{"decrypts by itself", "kms:Decrypt", "arn:aws:kms:eu-central-1:222233334444:key/k", with("aws:ResourceTag/Stack", "batbern-dev"), false},
		{"encrypts a database", "kms:GenerateDataKey", "arn:aws:kms:eu-central-1:222233334444:key/k",
			with("aws:ResourceTag/Stack", "batbern-dev", "kms:ViaService", "rds.eu-central-1.amazonaws.com"), true},
		{"uses a foreign key", "kms:GenerateDataKey", "arn:aws:kms:eu-central-1:222233334444:key/k",
			with("aws:ResourceTag/Stack", "other", "kms:ViaService", "rds.eu-central-1.amazonaws.com"), false},
		{"encrypts by another service", "kms:GenerateDataKey", "arn:aws:kms:eu-central-1:222233334444:key/k",
			with("aws:ResourceTag/Stack", "batbern-dev", "kms:ViaService", "s3.eu-central-1.amazonaws.com"), false},
		{"empties its bucket", "s3:DeleteObject", "arn:aws:s3:::batbern-dev-content/a", with(), true},
		{"empties a foreign bucket", "s3:DeleteObject", "arn:aws:s3:::other/a", with(), false},
		{"tags the identity provider", "iam:TagOpenIDConnectProvider", "arn:aws:iam::222233334444:oidc-provider/app.terraform.io", with(), true},
		{"lets another audience in", "iam:AddClientIDToOpenIDConnectProvider", "arn:aws:iam::222233334444:oidc-provider/app.terraform.io", with(), false},
		{"makes an identity provider", "iam:CreateOpenIDConnectProvider", "arn:aws:iam::222233334444:oidc-provider/evil", with(), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var all policy.Document
			for _, document := range policies {
				all.Statements = append(all.Statements, document.Statements...)
			}
			got := allows(t, all, test.action, test.resource, test.context) &&
				allows(t, identity.BoundaryPolicy(boundary), test.action, test.resource, test.context)
			if got != test.allowed {
				t.Errorf("%s on %s: allowed %v, want %v", test.action, test.resource, got, test.allowed)
			}
		})
	}
}

// A state that is kept in the same account is data that a pipeline has to read.
func TestWithoutDataLeavesTheState(t *testing.T) {
	const state = "arn:aws:s3:::states/batbern-base/terraform.tfstate"
	read := policy.Statement{Sid: "Read", Effect: policy.Allow, Actions: []string{"s3:GetObject"}, Resources: []string{"*"}}
	for _, test := range []struct {
		name    string
		states  []string
		object  string
		allowed bool
	}{
		{"its own state", []string{state}, state, true},
		{"another state", []string{state}, "arn:aws:s3:::states/batbern-prod/terraform.tfstate", false},
		{"anything without a state in S3", nil, state, false},
		{"AWS's own library of canaries", nil, "arn:aws:s3:::aws-synthetics-library-eu-central-1/a", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			document := identity.Rights{StateObjects: test.states}.WithoutData()
			document.Statements = append(document.Statements, read)
			if got := allows(t, document, "s3:GetObject", test.object, nil); got != test.allowed {
				t.Errorf("allowed %v, want %v", got, test.allowed)
			}
		})
	}
}
