package identity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/batbern/infrastructure/constructs/policy"
)

// Rights say what a stack's plan and apply roles may do in the stack's account.
type Rights struct {
	AccountID   string
	BoundaryArn string
	// Prefix begins the names of what the stack makes: "batbern-dev-", and "batbern-" for the base, which makes other
	// stacks' roles.
	Prefix string
	// StateObjects are the ARNs of state files that the role reads in the same account.
	StateObjects []string
}

// WithoutData takes from AWS's ReadOnlyAccess what is data and not configuration: whoever plans sees how a bucket is
// made, not what is in it.
func (r Rights) WithoutData() policy.Document {
	objects := policy.Statement{
		Sid:          "NoObjects",
		Effect:       policy.Deny,
		Actions:      []string{"s3:GetObject", "s3:GetObjectVersion"},
		NotResources: r.StateObjects,
	}
	if len(r.StateObjects) == 0 {
		objects.Resources = anything
	}
	return policy.Document{Statements: []policy.Statement{objects, {
		Sid:    "NoData",
		Effect: policy.Deny,
		Actions: []string{
			"athena:GetQueryResults*", "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan",
			"ec2:GetConsole*", "ec2:GetPasswordData", "logs:FilterLogEvents", "logs:GetLogEvents", "logs:GetLogRecord",
			"logs:GetQueryResults", "logs:StartLiveTail", "logs:StartQuery", "rds:Download*", "rds-data:ExecuteStatement",
			"secretsmanager:BatchGetSecretValue", "secretsmanager:GetSecretValue", "sqs:ReceiveMessage", "ssm:GetParameterHistory",
		},
		Resources: anything,
	}}}
}

// ManageEnvironment is what Terraform needs beyond reading to manage an environment: for each service the verbs that
// change, and never all (IAM.21). Their resources cannot be named before Terraform has made them, so the account is
// the limit, and the boundary with its regions.
func (Rights) ManageEnvironment() policy.Document {
	const tags = "Tag* Untag*"
	return policy.Document{Statements: []policy.Statement{{
		Sid:    "ManageServices",
		Effect: policy.Allow,
		Actions: slices.Concat(
			verbs("access-analyzer", "Create* Delete* Update*", tags),
			verbs("acm", "AddTagsToCertificate DeleteCertificate RemoveTagsFromCertificate RequestCertificate UpdateCertificateOptions"),
			verbs("apigateway", "AddCertificateToDomain DELETE PATCH POST PUT RemoveCertificateFromDomain TagResource UntagResource"),
			verbs("application-autoscaling", "Delete* Deregister* Put* Register*", tags),
			verbs("backup", "Create* Delete* Put* Update*", tags),
			verbs("backup-storage", "MountCapsule"),
			verbs("budgets", "CreateBudgetAction DeleteBudgetAction ModifyBudget UpdateBudgetAction", tags),
			verbs("ce", "Create* Delete* Update*", tags),
			verbs("cloudfront", "AllowVendedLogDeliveryForResource Associate* Create* Delete* Publish* Update*", tags),
			verbs("cloudwatch", "Delete* Disable* Enable* Put* Start* Stop*", tags),
			verbs("codedeploy", "Create* Delete* Update*", tags),
			verbs("ec2", "Allocate* Associate* Attach* Authorize* Create* Delete* Detach* Disable* Disassociate* Enable* Modify* Release* Replace* Reset* Revoke* Update*"),
			verbs("ecs", "Create* Delete* Deregister* Put* Register* Update*", tags),
			verbs("elasticache", "Add* Create* Decrease* Delete* Increase* Modify* Remove* Reset*"),
			verbs("elasticloadbalancing", "Add* Create* Delete* Deregister* Modify* Register* Remove* Set*"),
			verbs("events", "Create* Delete* Disable* Enable* Put* Remove* Update*", tags),
			verbs("grafana", "Associate* Create* Delete* Disassociate* Update*", tags),
			verbs("lambda", "Add* Create* Delete* InvokeFunction Publish* Put* Remove* Update*", tags),
			verbs("logs", "Associate* Create* Delete* Disassociate* Put* Update*", tags),
			verbs("rds", "Add* Create* Delete* Deregister* Modify* Promote* Reboot* Register* Remove* Reset* Restore* Start* Stop*"),
			verbs("route53", "AssociateVPCWithHostedZone ChangeResourceRecordSets ChangeTagsForResource CreateHealthCheck CreateHostedZone DeleteHealthCheck DeleteHostedZone DisassociateVPCFromHostedZone UpdateHealthCheck"),
			verbs("s3", "PutAccountPublicAccessBlock"),
			verbs("scheduler", "Create* Delete* Update*", tags),
			verbs("servicediscovery", "Create* Delete* Update*", tags),
			verbs("sns", "AddPermission CreateTopic DeleteTopic RemovePermission Set* Subscribe Unsubscribe", tags),
			verbs("sqs", "AddPermission CreateQueue DeleteQueue RemovePermission SetQueueAttributes", "TagQueue UntagQueue"),
			verbs("ssm", "AddTagsToResource Create* Delete* PutParameter RemoveTagsFromResource Update*"),
			verbs("synthetics", "Create* Delete* Start* Stop* Update*", tags),
			verbs("wafv2", "Associate* Create* Delete* Disassociate* Put* Update*", tags),
			verbs("xray", "Create* Delete* PutEncryptionConfig Update*", tags),
		),
		Resources: anything,
	}}}
}

// ManageBase is what Terraform needs beyond reading to manage the base.
func (Rights) ManageBase() policy.Document {
	const tags = "Tag* Untag*"
	return policy.Document{Statements: []policy.Statement{{
		Sid:    "ManageServices",
		Effect: policy.Allow,
		Actions: slices.Concat(
			verbs("access-analyzer", "Create* Delete* Update*", tags),
			verbs("budgets", "ModifyBudget", tags),
			verbs("ce", "Create* Delete* Update*", tags),
			verbs("ec2", "DisableEbsEncryptionByDefault EnableEbsEncryptionByDefault"),
			verbs("ecr", "Create* Delete* Put* Set*", tags),
			verbs("logs", "Associate* Create* Delete* Disassociate* Put*", tags),
			verbs("route53", "ChangeResourceRecordSets ChangeTagsForResource CreateHostedZone CreateQueryLoggingConfig DeleteHostedZone DeleteQueryLoggingConfig UpdateHostedZoneComment"),
			verbs("s3", "PutAccountPublicAccessBlock"),
		),
		Resources: anything,
	}}}
}

// ManageNamed are the rights that reach only what bears the stack's name: roles and policies, buckets, keys. Secrets are
// the account's, because RDS names the one that it makes.
func (r Rights) ManageNamed() policy.Document {
	iam := func(kind string) string { return fmt.Sprintf("arn:aws:iam::%s:%s/%s*", r.AccountID, kind, r.Prefix) }
	keys := []string{fmt.Sprintf("arn:aws:kms:*:%s:key/*", r.AccountID)}
	bucket := fmt.Sprintf("arn:aws:s3:::%s*", r.Prefix)
	allow := func(sid string, actions, resources []string, conditions policy.Conditions) policy.Statement {
		return policy.Statement{Sid: sid, Effect: policy.Allow, Actions: actions, Resources: resources, Conditions: conditions}
	}
	return policy.Document{Statements: []policy.Statement{
		allow("RolesWithinBoundary", verbs("iam", "AttachRolePolicy CreateRole DeleteRolePolicy DetachRolePolicy PutRolePermissionsBoundary PutRolePolicy"),
			[]string{iam("role")}, policy.Conditions{"StringEquals": {"iam:PermissionsBoundary": {r.BoundaryArn}}}),
		allow("Roles", verbs("iam", "DeleteRole TagRole UntagRole UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription"), []string{iam("role")}, nil),
		allow("Policies", verbs("iam", "CreatePolicy CreatePolicyVersion DeletePolicy DeletePolicyVersion TagPolicy UntagPolicy"), []string{iam("policy")}, nil),
		allow("PassRoles", verbs("iam", "PassRole"), []string{iam("role")}, policy.Conditions{"StringEquals": {"iam:PassedToService": passedTo}}),
		allow("ServiceLinkedRoles", verbs("iam", "CreateServiceLinkedRole"),
			[]string{fmt.Sprintf("arn:aws:iam::%s:role/aws-service-role/*", r.AccountID)}, nil),
		allow("Buckets", verbs("s3", "CreateBucket DeleteBucket DeleteBucketPolicy DeleteBucketWebsite PutAccelerateConfiguration "+
			"PutAnalyticsConfiguration PutBucket* PutEncryptionConfiguration PutIntelligentTieringConfiguration PutInventoryConfiguration "+
			"PutLifecycleConfiguration PutMetricsConfiguration PutReplicationConfiguration"), []string{bucket}, nil),
		// a disposable bucket is destroyed with what is in it
		allow("EmptyBuckets", verbs("s3", "DeleteObject DeleteObjectVersion"), []string{bucket + "/*"}, nil),
		allow("Secrets", verbs("secretsmanager", "CancelRotateSecret CreateSecret DeleteResourcePolicy DeleteSecret PutResourcePolicy "+
			"RemoveRegionsFromReplication ReplicateSecretToRegions RestoreSecret RotateSecret TagResource UntagResource UpdateSecret"),
			[]string{fmt.Sprintf("arn:aws:secretsmanager:*:%s:secret:*", r.AccountID)}, nil),
		// a key has no name before it has an alias
		allow("CreateKeys", verbs("kms", "CreateKey"), anything, nil),
		allow("Keys", verbs("kms", "CancelKeyDeletion CreateAlias DeleteAlias DisableKey DisableKeyRotation EnableKey EnableKeyRotation "+
			"PutKeyPolicy ScheduleKeyDeletion TagResource UntagResource UpdateAlias UpdateKeyDescription"),
			append([]string{fmt.Sprintf("arn:aws:kms:*:%s:alias/%s*", r.AccountID, r.Prefix)}, keys...), nil),
		// making an encrypted database, secret or repository takes a use of its key, through its service
		allow("KeysThroughServices", verbs("kms", "CreateGrant Decrypt DescribeKey Encrypt GenerateDataKey* RetireGrant"), keys, policy.Conditions{
			"ForAnyValue:StringLike": {"kms:ResourceAliases": {"alias/" + r.Prefix + "*"}},
			"StringLike": {"kms:ViaService": {
				"backup.*.amazonaws.com", "ecr.*.amazonaws.com", "elasticache.*.amazonaws.com", "lambda.*.amazonaws.com", "rds.*.amazonaws.com",
				"secretsmanager.*.amazonaws.com", "ssm.*.amazonaws.com", "xray.*.amazonaws.com",
			}},
		}),
	}}
}

// ManageIdentityProviders lets the base's deployment keep the providers that pipelines sign in with.
func (r Rights) ManageIdentityProviders() policy.Document {
	return policy.Document{Statements: []policy.Statement{{
		Sid:    "IdentityProviders",
		Effect: policy.Allow,
		Actions: verbs("iam", "AddClientIDToOpenIDConnectProvider CreateOpenIDConnectProvider DeleteOpenIDConnectProvider "+
			"RemoveClientIDFromOpenIDConnectProvider TagOpenIDConnectProvider UntagOpenIDConnectProvider UpdateOpenIDConnectProviderThumbprint"),
		Resources: []string{fmt.Sprintf("arn:aws:iam::%s:oidc-provider/*", r.AccountID)},
	}}}
}

// passedTo are the services that get roles from Terraform.
var passedTo = []string{
	"apigateway.amazonaws.com", "backup.amazonaws.com", "budgets.amazonaws.com", "codedeploy.amazonaws.com", "ecs-tasks.amazonaws.com",
	"ecs.amazonaws.com", "events.amazonaws.com", "grafana.amazonaws.com", "lambda.amazonaws.com",
	"monitoring.rds.amazonaws.com", "rds.amazonaws.com", "s3.amazonaws.com", "synthetics.amazonaws.com", "vpc-flow-logs.amazonaws.com",
}

var anything = []string{"*"}

// verbs are the actions of a service, its verbs given in words.
func verbs(service string, words ...string) []string {
	var actions []string
	for _, verb := range strings.Fields(strings.Join(words, " ")) {
		actions = append(actions, service+":"+verb)
	}
	return actions
}
