package storage

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/dataawscanonicaluserid"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/dataawscloudfrontlogdeliverycanonicaluserid"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/s3bucketacl"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
)

// The places in the log bucket. VPC flow logs take none, so theirs begin with AWSLogs/.
const (
	accessLogPrefix = "access/"
	flowLogPrefix   = "AWSLogs/"
	// LoadBalancerLogPrefix is the prefix to give to a load balancer's access and connection logs.
	LoadBalancerLogPrefix = "load-balancer"
)

// logBucket receives the logs of everything in one region: access to its buckets, the load balancer, VPC flow logs. It
// is encrypted by S3's own key, because load balancers and S3's access log can write to no other, and it has no
// access log, which would log itself.
func logBucket(scope constructs.Construct, id string, at site, props Props) Bucket {
	bucket := newBucket(scope, id, bucketProps{
		site:       at,
		purpose:    "logs",
		protection: props.Protection,
		rules: []rule{
			{id: "access", prefix: accessLogPrefix, lifecycle: config.Lifecycle{ExpirationDays: props.Storage.LogRetentionDays}, tidy: true},
			{id: "flow", prefix: flowLogPrefix, lifecycle: config.Lifecycle{ExpirationDays: props.FlowLogRetentionDays}},
			{id: "load-balancer", prefix: LoadBalancerLogPrefix + "/", lifecycle: config.Lifecycle{ExpirationDays: props.Storage.LogRetentionDays}},
		},
	})
	return bucketPolicy(scope, id+"_policy", bucket, logDelivery(bucket, at)...)
}

// logDelivery lets the services that write logs do so, each to its own place and only for this account.
func logDelivery(bucket Bucket, at site) []policy.Statement {
	ours := func(sourceArn string) policy.Conditions {
		return policy.Conditions{
			"StringEquals": {"aws:SourceAccount": {at.accountID}},
			"ArnLike":      {"aws:SourceArn": {sourceArn}},
		}
	}
	flowLogs := ours(fmt.Sprintf("arn:aws:logs:%s:%s:*", at.region, at.accountID))
	return []policy.Statement{
		{
			Sid: "WriteAccessLogs", Effect: policy.Allow, Principals: service("logging.s3.amazonaws.com"), Actions: []string{"s3:PutObject"},
			Resources:  []string{bucket.Arn + "/" + accessLogPrefix + "*"},
			Conditions: ours(fmt.Sprintf("arn:aws:s3:::%s-*", at.prefix)),
		},
		// the two statements that the delivery service looks for, and would add itself if they were missing
		// https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html
		{
			Sid: "AWSLogDeliveryWrite", Effect: policy.Allow, Principals: service("delivery.logs.amazonaws.com"), Actions: []string{"s3:PutObject"},
			Resources:  []string{bucket.Arn + "/" + flowLogPrefix + "*"},
			Conditions: withBucketOwner(flowLogs),
		},
		{
			Sid: "AWSLogDeliveryAclCheck", Effect: policy.Allow, Principals: service("delivery.logs.amazonaws.com"),
			Actions: []string{"s3:GetBucketAcl", "s3:ListBucket"}, Resources: []string{bucket.Arn}, Conditions: flowLogs,
		},
		// bound by the account in the key, not by a condition: AWS documents none that the load balancer would send
		// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
		{
			Sid: "WriteLoadBalancerLogs", Effect: policy.Allow, Principals: service("logdelivery.elasticloadbalancing.amazonaws.com"), Actions: []string{"s3:PutObject"},
			Resources: []string{fmt.Sprintf("%s/%s/AWSLogs/%s/*", bucket.Arn, LoadBalancerLogPrefix, at.accountID)},
		},
	}
}

func service(name string) policy.Principals { return policy.Principals{Services: []string{name}} }

func withBucketOwner(conditions policy.Conditions) policy.Conditions {
	equals := map[string][]string{"s3:x-amz-acl": {"bucket-owner-full-control"}}
	for key, values := range conditions["StringEquals"] {
		equals[key] = values
	}
	return policy.Conditions{"StringEquals": equals, "ArnLike": conditions["ArnLike"]}
}

// cdnLogBucket receives all that CloudFront writes. Its plain logs, the only ones that the control CloudFront.5 counts,
// are delivered by access control list, so this bucket alone keeps those (an exception to S3.12); the newer ones come
// by policy. A bucket of its own keeps the exception away from all other logs.
func cdnLogBucket(scope constructs.Construct, id string, at site, logs Bucket, props Props) Bucket {
	bucket := newBucket(scope, id, bucketProps{
		site:       at,
		purpose:    "cdn-logs",
		protection: props.Protection,
		rules:      rulesFor(config.Lifecycle{ExpirationDays: props.Storage.LogRetentionDays}),
		logTarget:  logs.ID,
		acls:       true,
	})
	bucket = bucketPolicy(scope, id+"_policy", bucket, policy.Statement{
		Sid: "AWSLogDeliveryWrite", Effect: policy.Allow, Principals: service("delivery.logs.amazonaws.com"), Actions: []string{"s3:PutObject"},
		Resources: []string{fmt.Sprintf("%s/AWSLogs/%s/CloudFront/*", bucket.Arn, at.accountID)},
		Conditions: policy.Conditions{
			"StringEquals": {"aws:SourceAccount": {at.accountID}, "s3:x-amz-acl": {"bucket-owner-full-control"}},
			// CloudFront's deliveries live in us-east-1
			"ArnLike": {"aws:SourceArn": {fmt.Sprintf("arn:aws:logs:us-east-1:%s:delivery-source:*", at.accountID)}},
		},
	})
	bucket.ID = acl(scope, id+"_acl", bucket)
	return bucket
}

// acl grants CloudFront's log delivery what it would grant itself when logging is switched on, which Terraform would
// then undo. The result is the bucket's name as a reference that waits for the list.
func acl(scope constructs.Construct, id string, bucket Bucket) string {
	owner := dataawscanonicaluserid.NewDataAwsCanonicalUserId(scope, jsii.String("owner"), &dataawscanonicaluserid.DataAwsCanonicalUserIdConfig{})
	delivery := dataawscloudfrontlogdeliverycanonicaluserid.NewDataAwsCloudfrontLogDeliveryCanonicalUserId(scope, jsii.String("delivery"),
		&dataawscloudfrontlogdeliverycanonicaluserid.DataAwsCloudfrontLogDeliveryCanonicalUserIdConfig{})
	grant := func(canonicalID *string) *s3bucketacl.S3BucketAclAccessControlPolicyGrant {
		return &s3bucketacl.S3BucketAclAccessControlPolicyGrant{
			Permission: jsii.String("FULL_CONTROL"),
			Grantee:    &s3bucketacl.S3BucketAclAccessControlPolicyGrantGrantee{Type: jsii.String("CanonicalUser"), Id: canonicalID},
		}
	}
	return *s3bucketacl.NewS3BucketAcl(scope, jsii.String(id), &s3bucketacl.S3BucketAclConfig{
		Bucket: jsii.String(bucket.ID), // by ID: S3 refuses a list until the bucket's ownership is set
		AccessControlPolicy: &s3bucketacl.S3BucketAclAccessControlPolicy{
			Owner: &s3bucketacl.S3BucketAclAccessControlPolicyOwner{Id: owner.Id()},
			Grant: &[]*s3bucketacl.S3BucketAclAccessControlPolicyGrant{grant(owner.Id()), grant(delivery.Id())},
		},
	}).Bucket()
}
