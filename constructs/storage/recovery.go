package storage

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrole"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrolepolicy"
	replication "github.com/cdktf/cdktf-provider-aws-go/aws/v19/s3bucketreplicationconfiguration"

	"github.com/batbern/infrastructure/constructs/policy"
)

// Recovery is what stands in the recovery region: replicas under a key of that region, and the bucket of their access
// logs.
type Recovery struct {
	Content, Frontend, Backups Bucket
	Logs                       Bucket
}

// Exists says whether the environment replicates.
func (r Recovery) Exists() bool { return r.Logs.Name != "" }

// recovery makes the replicas, and lets S3 fill them.
func recovery(scope constructs.Construct, id string, sources Outputs, props Props) Recovery {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	away := site{prefix: props.Name, accountID: props.Account.ID, region: props.Account.RecoveryRegion, provider: props.Recovery}

	logs := logBucket(scope, "logs", away, props)
	replica := func(purpose string, with bucketProps) Bucket {
		with.site, with.purpose, with.protection = away, purpose, props.Protection
		with.keyArn, with.versioned, with.logTarget, with.events = props.RecoveryKeyArn, true, logs.ID, true
		return newBucket(scope, purpose, with)
	}
	out := Recovery{
		Content:  replica("content", bucketProps{rules: rulesFor(props.Storage.Content)}),
		Frontend: replica("frontend", bucketProps{rules: rulesFor(props.Storage.Frontend)}),
		Backups:  replica("backups", bucketProps{rules: rulesFor(props.Storage.Backups), lockDays: props.Storage.BackupLockDays}),
		Logs:     logs,
	}
	bucketPolicy(scope, "backups_policy", out.Backups)

	pairs := []pair{
		{"backups", sources.Backups, out.Backups},
		{"content", sources.Content, out.Content},
		{"frontend", sources.Frontend, out.Frontend},
	}
	role := replicationRole(scope, "replication", pairs, props)
	for _, pair := range pairs {
		replicate(scope, pair, role, props.RecoveryKeyArn)
	}
	return out
}

// pair is a bucket and its replica.
type pair struct {
	id      string
	source  Bucket
	replica Bucket
}

func replicationRole(scope constructs.Construct, id string, pairs []pair, props Props) string {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	role := iamrole.NewIamRole(scope, jsii.String("role"), &iamrole.IamRoleConfig{
		Name:                jsii.String(props.Name + "-replication"),
		Description:         jsii.String("Lets S3 copy objects to the recovery region"),
		PermissionsBoundary: jsii.String(props.BoundaryArn),
		AssumeRolePolicy:    jsii.String(policy.TrustService("s3.amazonaws.com", props.Account.ID, "").JSON()),
	})
	iamrolepolicy.NewIamRolePolicy(scope, jsii.String("policy"), &iamrolepolicy.IamRolePolicyConfig{
		Name:   jsii.String("replication"),
		Role:   role.Id(),
		Policy: jsii.String(replicationPolicy(pairs, props).JSON()),
	})
	return *role.Arn()
}

// replicationPolicy is what S3 needs to copy encrypted objects.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
func replicationPolicy(pairs []pair, props Props) policy.Document {
	var sources, sourceObjects, replicaObjects []string
	for _, pair := range pairs {
		sources = append(sources, pair.source.Arn)
		sourceObjects = append(sourceObjects, pair.source.Objects())
		replicaObjects = append(replicaObjects, pair.replica.Objects())
	}
	return policy.Document{Statements: []policy.Statement{
		{Sid: "SeeSources", Effect: policy.Allow, Actions: []string{"s3:GetReplicationConfiguration", "s3:ListBucket"}, Resources: sources},
		{
			Sid: "ReadSources", Effect: policy.Allow, Resources: sourceObjects,
			Actions: []string{
				"s3:GetObjectLegalHold", "s3:GetObjectRetention", "s3:GetObjectVersionAcl", "s3:GetObjectVersionForReplication",
				"s3:GetObjectVersionTagging",
			},
		},
		{Sid: "WriteReplicas", Effect: policy.Allow, Actions: []string{"s3:ReplicateDelete", "s3:ReplicateObject", "s3:ReplicateTags"}, Resources: replicaObjects},
		{Sid: "DecryptSources", Effect: policy.Allow, Actions: []string{"kms:Decrypt"}, Resources: []string{props.KeyArn}, Conditions: viaS3(props.Account.Region)},
		{Sid: "EncryptReplicas", Effect: policy.Allow, Actions: []string{"kms:Encrypt", "kms:GenerateDataKey"}, Resources: []string{props.RecoveryKeyArn}, Conditions: viaS3(props.Account.RecoveryRegion)},
	}}
}

func replicate(scope constructs.Construct, pair pair, roleArn, replicaKeyArn string) {
	enabled := jsii.String("Enabled")
	replication.NewS3BucketReplicationConfigurationA(scope, jsii.String("replicate_"+pair.id), &replication.S3BucketReplicationConfigurationAConfig{
		Bucket: jsii.String(pair.source.versionedID),
		Role:   jsii.String(roleArn),
		Rule: &[]*replication.S3BucketReplicationConfigurationRule{{
			Id:       jsii.String("all"),
			Status:   enabled,
			Priority: jsii.Number(1),
			Filter:   &replication.S3BucketReplicationConfigurationRuleFilter{Prefix: jsii.String("")},
			// what is deleted here is deleted there, so that the frontend's replica shows no page of last year; versions stay
			DeleteMarkerReplication: &replication.S3BucketReplicationConfigurationRuleDeleteMarkerReplication{Status: enabled},
			SourceSelectionCriteria: &replication.S3BucketReplicationConfigurationRuleSourceSelectionCriteria{
				SseKmsEncryptedObjects: &replication.S3BucketReplicationConfigurationRuleSourceSelectionCriteriaSseKmsEncryptedObjects{Status: enabled},
			},
			Destination: &replication.S3BucketReplicationConfigurationRuleDestination{
				Bucket: jsii.String("arn:aws:s3:::" + pair.replica.versionedID),
				EncryptionConfiguration: &replication.S3BucketReplicationConfigurationRuleDestinationEncryptionConfiguration{
					ReplicaKmsKeyId: jsii.String(replicaKeyArn),
				},
				Metrics: &replication.S3BucketReplicationConfigurationRuleDestinationMetrics{Status: enabled},
			},
		}},
	})
}
