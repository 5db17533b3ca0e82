package identity_test

import (
	"testing"

	"github.com/batbern/infrastructure/constructs/identity"
	"github.com/batbern/infrastructure/constructs/policy"
	"github.com/batbern/infrastructure/internal/policytest"
)

var boundary = identity.BoundaryProps{
	Name: "batbern-dev", AccountID: "222233334444", Regions: []string{"eu-central-1", "eu-west-1", "us-east-1"},
}

func TestBoundaryFits(t *testing.T) {
	// IAM counts the characters of a managed policy but white space
	if size := len(identity.BoundaryPolicy(boundary).JSON()); size > 6144 {
		t.Errorf("the boundary has %d characters; IAM takes 6144", size)
	}
}

// What a role with all rights can do within the boundary.
func TestBoundary(t *testing.T) {
	const (
		own   = "arn:aws:iam::222233334444:policy/batbern-dev-boundary"
		apply = "arn:aws:iam::222233334444:role/batbern-dev-apply"
		task  = "arn:aws:iam::222233334444:role/batbern-dev-api-gateway"
	)
	in := func(region string) map[string]string {
		return map[string]string{"aws:RequestedRegion": region, "aws:PrincipalArn": task}
	}
	with := func(key, value string) map[string]string {
		context := in("us-east-1")
		context[key] = value
		return context
	}
	for _, test := range []struct {
		name, action, resource string
		context                map[string]string
		allowed                bool
	}{
		{"ordinary work", "s3:GetObject", "arn:aws:s3:::files/a", in("eu-central-1"), true},
		{"recovery region", "backup:StartCopyJob", "*", in("eu-west-1"), true},
		{"another region", "ec2:RunInstances", "*", in("ap-south-1"), false},
		{"no region at all", "ec2:RunInstances", "*", map[string]string{"aws:PrincipalArn": apply}, false},
		{"a user", "iam:CreateUser", "*", in("us-east-1"), false},
		{"an access key", "iam:CreateAccessKey", "*", in("us-east-1"), false},
		{"a console password", "iam:CreateLoginProfile", "*", in("us-east-1"), false},
		{"an identity provider", "iam:CreateOpenIDConnectProvider", "*", in("us-east-1"), false},
		{"another audience of one", "iam:AddClientIDToOpenIDConnectProvider", "*", in("us-east-1"), false},
		{"the refresh of one", "iam:GetOpenIDConnectProvider", "*", in("us-east-1"), true},
		{"a role without boundary", "iam:CreateRole", task, in("us-east-1"), false},
		{"a role with another boundary", "iam:CreateRole", task, with("iam:PermissionsBoundary", "arn:aws:iam::aws:policy/AdministratorAccess"), false},
		{"a role with the boundary", "iam:CreateRole", task, with("iam:PermissionsBoundary", own), true},
		{"a right for a role without boundary", "iam:PutRolePolicy", "arn:aws:iam::222233334444:role/admin", in("us-east-1"), false},
		{"taking a boundary away", "iam:DeleteRolePermissionsBoundary", task, with("iam:PermissionsBoundary", own), false},
		{"another version of the boundary", "iam:CreatePolicyVersion", own, in("us-east-1"), false},
		{"a version of another policy", "iam:CreatePolicyVersion", "arn:aws:iam::222233334444:policy/batbern-dev-files", in("us-east-1"), true},
		{"trust in the apply role", "iam:UpdateAssumeRolePolicy", apply, in("us-east-1"), false},
		{"more rights for the apply role", "iam:PutRolePolicy", apply, with("iam:PermissionsBoundary", own), false},
		{"leaving the organization", "organizations:LeaveOrganization", "*", in("us-east-1"), false},
		{"closing the account", "account:CloseAccount", "*", in("us-east-1"), false},
		{"stopping the trail", "cloudtrail:StopLogging", "*", in("eu-central-1"), false},
		{"removing the detector", "guardduty:DeleteDetector", "*", in("eu-central-1"), false},
		{"stopping the recorder", "config:StopConfigurationRecorder", "*", in("eu-central-1"), false},
		{"public buckets by a service", "s3:PutAccountPublicAccessBlock", "*", in("eu-central-1"), false},
		{"public buckets by the deployment", "s3:PutAccountPublicAccessBlock", "*",
			map[string]string{"aws:RequestedRegion": "eu-central-1", "aws:PrincipalArn": apply}, true},
		{"a reservation for three years", "rds:PurchaseReservedDBInstancesOffering", "*", in("eu-central-1"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := allows(t, identity.BoundaryPolicy(boundary), test.action, test.resource, test.context); got != test.allowed {
				t.Errorf("%s on %s: allowed %v, want %v", test.action, test.resource, got, test.allowed)
			}
		})
	}
	t.Run("the base's deployment makes identity providers", func(t *testing.T) {
		base := boundary
		base.IdentityProviders = true
		if !allows(t, identity.BoundaryPolicy(base), "iam:CreateOpenIDConnectProvider", "*", in("us-east-1")) {
			t.Error("not allowed")
		}
	})
}

func allows(t *testing.T, document policy.Document, action, resource string, context map[string]string) bool {
	t.Helper()
	return policytest.Allows(t, document, policytest.Request{Action: action, Resource: resource, Context: context})
}
