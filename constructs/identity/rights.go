package identity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
)

// Rights say what a stack's plan and apply roles may do in the stack's account.
type Rights struct {
	AccountID   string
	BoundaryArn string
	// CloudHost is Terraform Cloud's, whose identity provider an apply may tag: "app.terraform.io".
	CloudHost string
	// Prefix begins the names of what the stack makes: "batbern-dev-", and "batbern-" for the base, which makes other
	// stacks' roles.
	Prefix string
	// Stack is the value of the tag of that name, which the stack's keys bear from the moment they are made.
	Stack string
	// Protection decides whether the apply role may delete what is in buckets: only where they are disposable.
	Protection config.Protection
	// StateObjects are the ARNs of state files that the role reads in the same account.
	StateObjects []string
}

// WithoutData takes from AWS's ReadOnlyAccess what is data and not configuration: whoever plans sees how a bucket is
// made, not what is in it.
func (r Rights) WithoutData() policy.Document {
	objects := policy.Statement{
		Sid:     "NoObjects",
		Effect:  policy.Deny,
		Actions: []string{"s3:GetObject", "s3:GetObjectVersion"},
		// a canary is made from AWS's own library, which is read with the rights of whoever makes it
		NotResources: append([]string{"arn:aws:s3:::aws-synthetics-library-*"}, r.StateObjects...),
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
			verbs("access-analyzer", "Create* Delete*", tags),
			verbs("acm", "AddTagsToCertificate DeleteCertificate RemoveTagsFromCertificate RequestCertificate UpdateCertificateOptions"),
			verbs("apigateway", "DELETE PATCH POST PUT TagResource UntagResource"),
			verbs("application-autoscaling", "Delete* Deregister* Put* Register*", tags),
			verbs("backup", "Create* Delete* Put* Update*", tags),
			verbs("backup-storage", "MountCapsule"),
			verbs("budgets", "ModifyBudget", tags),
			verbs("ce", "Create* Delete* Update*", tags),
			verbs("cloudfront", "AllowVendedLogDeliveryForResource Create* Delete* Publish* Update*", tags),
			verbs("cloudwatch", "Delete* Put*", tags),
			verbs("codedeploy", "Create* Delete* Update*", tags),
			verbs("ec2", "Allocate* Associate* Attach* Authorize* Create* Delete* Detach* Disable* Disassociate* Enable* Modify* Release* Replace* Revoke*"),
			verbs("ecr", "CreatePullThroughCacheRule DeletePullThroughCacheRule UpdatePullThroughCacheRule"),
			verbs("ecr", "CreateRepositoryCreationTemplate DeleteRepositoryCreationTemplate UpdateRepositoryCreationTemplate"),
			verbs("ecs", "Create* Delete* Deregister* Put* Register* Update*", tags),
			verbs("elasticache", "Add* Create* Decrease* Delete* Increase* Modify* Remove* Reset*"),
			verbs("elasticloadbalancing", "Add* Create* Delete* Modify* Remove* Set*"),
			verbs("events", "Delete* Put* Remove*", tags),
			verbs("grafana", "Create* Delete* Update*", tags),
			verbs("lambda", "Add* Create* Delete* InvokeFunction Publish* Put* Remove* Update*", tags),
			verbs("logs", "Associate* Create* Delete* Disassociate* Put* Update*", tags),
			verbs("rds", "Add* Create* Delete* Deregister* Modify* Promote* Reboot* Register* Remove* Reset* Restore* Start* Stop*"),
			// Cloud Map makes the zone of a namespace with the permissions of its caller, and EC2 that of an endpoint with
			// private DNS
			verbs("route53", "AssociateVPCWithHostedZone ChangeResourceRecordSets CreateHostedZone DeleteHostedZone"),
			verbs("s3", "PutAccountPublicAccessBlock"),
			// the tasks of a service that is removed
			verbs("servicediscovery", "Create* Delete* DeregisterInstance Update*", tags),
			verbs("sns", "CreateTopic DeleteTopic Set* Subscribe Unsubscribe", tags),
			// people sign in to Grafana through IAM Identity Center
			verbs("sso", "CreateManagedApplicationInstance DeleteManagedApplicationInstance"),
			verbs("ssm", "AddTagsToResource DeleteParameter PutParameter RemoveTagsFromResource"),
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
			verbs("access-analyzer", "Create* Delete*", tags),
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

// ManageRoles are the rights to the roles that bear the stack's name, within the boundary. The boundary itself gets tags
// and nothing else: an administrator changes it.
func (r Rights) ManageRoles() policy.Document {
	return policy.Document{Statements: []policy.Statement{
		allow("RolesWithinBoundary", verbs("iam", "AttachRolePolicy CreateRole DeleteRolePolicy DetachRolePolicy PutRolePermissionsBoundary PutRolePolicy"),
			[]string{r.iam("role")}, policy.Conditions{"StringEquals": {"iam:PermissionsBoundary": {r.BoundaryArn}}}),
		allow("Roles", verbs("iam", "DeleteRole TagRole UntagRole UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription"), []string{r.iam("role")}, nil),
		allow("BoundaryTags", verbs("iam", "TagPolicy UntagPolicy"), []string{r.iam("policy")}, nil),
		allow("ServiceLinkedRoles", verbs("iam", "CreateServiceLinkedRole"),
			[]string{fmt.Sprintf("arn:aws:iam::%s:role/aws-service-role/*", r.AccountID)}, nil),
	}}
}

// ManageNamed are the rights of an environment that reach only what bears the stack's name: its buckets, and its roles as
// far as services get them. Secrets are the account's, because RDS names the one that it makes.
func (r Rights) ManageNamed() policy.Document {
	bucket := fmt.Sprintf("arn:aws:s3:::%s*", r.Prefix)
	statements := []policy.Statement{
		allow("PassRoles", verbs("iam", "PassRole"), []string{r.iam("role")}, policy.Conditions{"StringEquals": {"iam:PassedToService": passedTo}}),
		allow("IdentityProviderTags", verbs("iam", "TagOpenIDConnectProvider UntagOpenIDConnectProvider"),
			[]string{providerArn(r.AccountID, r.CloudHost)}, nil),
		allow("Buckets", verbs("s3", "CreateBucket DeleteBucket DeleteBucketPolicy PutBucket* PutEncryptionConfiguration "+
			"PutLifecycleConfiguration PutReplicationConfiguration"), []string{bucket}, nil),
		allow("Secrets", verbs("secretsmanager", "CancelRotateSecret CreateSecret DeleteResourcePolicy DeleteSecret PutResourcePolicy "+
			"RotateSecret TagResource UntagResource UpdateSecret"),
			[]string{fmt.Sprintf("arn:aws:secretsmanager:*:%s:secret:*", r.AccountID)}, nil),
	}
	if r.Protection.ForceDestroy() {
		// a disposable bucket is destroyed with what is in it
		statements = append(statements, allow("EmptyBuckets", verbs("s3", "DeleteObject DeleteObjectVersion"), []string{bucket + "/*"}, nil))
	}
	return policy.Document{Statements: statements}
}

// ManageKeys are the rights to the stack's keys. Their use is tied to a tag and not to an alias: an alias comes after the
// key, and for up to five minutes more KMS does not go by it.
// https://docs.aws.amazon.com/kms/latest/developerguide/tag-authorization.html
//
// Making something encrypted takes a use of its key, with these verbs and through these services.
func (r Rights) ManageKeys(use string, services ...string) policy.Document {
	keys := []string{fmt.Sprintf("arn:aws:kms:*:%s:key/*", r.AccountID)}
	return policy.Document{Statements: []policy.Statement{
		// a key has no name before it has an alias
		allow("CreateKeys", verbs("kms", "CreateKey"), anything, nil),
		allow("Keys", verbs("kms", "CreateAlias DeleteAlias DisableKey DisableKeyRotation EnableKey EnableKeyRotation "+
			"PutKeyPolicy ScheduleKeyDeletion TagResource UntagResource UpdateAlias UpdateKeyDescription"),
			append([]string{fmt.Sprintf("arn:aws:kms:*:%s:alias/%s*", r.AccountID, r.Prefix)}, keys...), nil),
		allow("KeysThroughServices", verbs("kms", use), keys, policy.Conditions{
			"StringEquals": {"aws:ResourceTag/Stack": {r.Stack}},
			"StringLike":   {"kms:ViaService": policy.ViaServices("*", services...)},
		}),
	}}
}

// ManageIdentityProviders lets the base's deployment keep the providers that pipelines sign in with.
func (r Rights) ManageIdentityProviders() policy.Document {
	return policy.Document{Statements: []policy.Statement{
		allow("IdentityProviders", verbs("iam", "AddClientIDToOpenIDConnectProvider CreateOpenIDConnectProvider DeleteOpenIDConnectProvider "+
			"RemoveClientIDFromOpenIDConnectProvider TagOpenIDConnectProvider UntagOpenIDConnectProvider UpdateOpenIDConnectProviderThumbprint"),
			[]string{providerArn(r.AccountID, githubHost), providerArn(r.AccountID, r.CloudHost)}, nil),
	}}
}

// iam is the ARN of everything of that kind that bears the stack's name.
func (r Rights) iam(kind string) string {
	return fmt.Sprintf("arn:aws:iam::%s:%s/%s*", r.AccountID, kind, r.Prefix)
}

func allow(sid string, actions, resources []string, conditions policy.Conditions) policy.Statement {
	return policy.Statement{Sid: sid, Effect: policy.Allow, Actions: actions, Resources: resources, Conditions: conditions}
}

// passedTo are the services that get roles from Terraform.
var passedTo = []string{
	"backup.amazonaws.com", "codedeploy.amazonaws.com", "ecs-tasks.amazonaws.com", "grafana.amazonaws.com", "lambda.amazonaws.com",
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
