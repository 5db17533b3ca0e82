package storage

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrole"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrolepolicy"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/kmsalias"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/kmskey"
	replication "github.com/cdktf/cdktf-provider-aws-go/aws/v19/s3bucketreplicationconfiguration"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/constructs/policy"
)

// Recovery is what stands in the recovery region: replicas with a key of their own, so that the loss of a region is not
// the loss of its keys' copies, and the bucket of their access logs.
type Recovery struct {
	Content, Frontend, Backups Bucket
	Logs                       Bucket
	// KeyArn and KeyID are the replicas' key. Its policy is made last, by whoever knows the distributions.
	KeyArn, KeyID string
}

// Exists says whether the environment replicates.
func (r Recovery) Exists() bool { return r.KeyArn != "" }

// recovery makes the replicas, and lets S3 fill them.
func recovery(scope constructs.Construct, id string, sources Outputs, props Props) Recovery {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	away := site{prefix: props.Name, accountID: props.Account.ID, region: props.Account.RecoveryRegion, provider: props.Recovery}

	key := replicaKey(scope, props)
	logs := logBucket(scope, "logs", away, props)
	replica := func(purpose string, with bucketProps) Bucket {
		with.site, with.purpose, with.protection = away, purpose, props.Protection
		with.keyArn, with.versioned, with.logTarget, with.events = *key.Arn(), true, logs.ID, true
		return newBucket(scope, purpose, with)
	}
	out := Recovery{
		Content:  replica("content", bucketProps{rules: rulesFor(props.Storage.Content)}),
		Frontend: replica("frontend", bucketProps{rules: rulesFor(props.Storage.Frontend)}),
		Backups:  replica("backups", bucketProps{rules: rulesFor(props.Storage.Backups), lockDays: props.Storage.BackupLockDays}),
		Logs:     logs,
		KeyArn:   *key.Arn(),
		KeyID:    *key.KeyId(),
	}
	bucketPolicy(scope, "backups_policy", out.Backups)

	pairs := []pair{
		{"backups", sources.Backups, out.Backups},
		{"content", sources.Content, out.Content},
		{"frontend", sources.Frontend, out.Frontend},
	}
	role := replicationRole(scope, "replication", pairs, out.KeyArn, props)
	for _, pair := range pairs {
		replicate(scope, pair, role, out.KeyArn)
	}
	return out
}

// pair is a bucket and its replica.
type pair struct {
	id      string
	source  Bucket
	replica Bucket
}

func replicaKey(scope constructs.Construct, props Props) kmskey.KmsKey {
	key := kmskey.NewKmsKey(scope, jsii.String("key"), &kmskey.KmsKeyConfig{
		Provider:             props.Recovery,
		Description:          jsii.String(props.Name + " replicas of buckets"),
		EnableKeyRotation:    jsii.Bool(true),
		DeletionWindowInDays: jsii.Number(float64(props.Protection.KeyDeletionDays())),
		Lifecycle:            &cdktf.TerraformResourceLifecycle{PreventDestroy: jsii.Bool(props.Protection.PreventDestroy())},
	})
	kmsalias.NewKmsAlias(scope, jsii.String("key_alias"), &kmsalias.KmsAliasConfig{
		Provider:    props.Recovery,
		Name:        jsii.String("alias/" + props.Name + "-replicas"),
		TargetKeyId: key.KeyId(),
	})
	return key
}

func replicationRole(scope constructs.Construct, id string, pairs []pair, replicaKeyArn string, props Props) string {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	role := iamrole.NewIamRole(scope, jsii.String("role"), &iamrole.IamRoleConfig{
		Name:                jsii.String(props.Name + "-replication"),
		Description:         jsii.String("Lets S3 copy objects to the recovery region"),
		PermissionsBoundary: jsii.String(props.BoundaryArn),
		AssumeRolePolicy:    jsii.String(policy.TrustService("s3.amazonaws.com", props.Account.ID, fmt.Sprintf("arn:aws:s3:::%s-*", props.Name)).JSON()),
	})
	iamrolepolicy.NewIamRolePolicy(scope, jsii.String("policy"), &iamrolepolicy.IamRolePolicyConfig{
		Name:   jsii.String("replication"),
		Role:   role.Id(),
		Policy: jsii.String(replicationPolicy(pairs, replicaKeyArn, props).JSON()),
	})
	return *role.Arn()
}

// replicationPolicy is what S3 needs to copy encrypted objects.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html
func replicationPolicy(pairs []pair, replicaKeyArn string, props Props) policy.Document {
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
		{Sid: "EncryptReplicas", Effect: policy.Allow, Actions: []string{"kms:Encrypt", "kms:GenerateDataKey"}, Resources: []string{replicaKeyArn}, Conditions: viaS3(props.Account.RecoveryRegion)},
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
