package storage

import (
	"slices"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/s3bucketpolicy"

	"github.com/batbern/infrastructure/constructs/policy"
)

// bucketPolicy gives a bucket its one policy: the given statements, and that nobody may come without TLS 1.2 (S3.5). The
// result is the bucket with an ID that waits for the policy too.
func bucketPolicy(scope constructs.Construct, id string, bucket Bucket, statements ...policy.Statement) Bucket {
	document := policy.Document{Statements: append(slices.Clone(statements), overTLS(bucket)...)}
	bucket.ID = *s3bucketpolicy.NewS3BucketPolicy(scope, jsii.String(id), &s3bucketpolicy.S3BucketPolicyConfig{
		Provider: bucket.provider,
		// by ID, which waits for the public access block: S3 answers 409 when both are written at once
		Bucket: jsii.String(bucket.ID),
		Policy: jsii.String(document.JSON()),
	}).Bucket()
	return bucket
}

func overTLS(bucket Bucket) []policy.Statement {
	everything := []string{bucket.Arn, bucket.Objects()}
	everybody := policy.Principals{Everyone: true}
	return []policy.Statement{
		policy.DenyInsecureTransport("s3:*", everything...),
		{
			Sid: "DenyOldTls", Effect: policy.Deny, Principals: everybody, Actions: []string{"s3:*"}, Resources: everything,
			Conditions: policy.Conditions{"NumericLessThan": {"s3:TlsVersion": {"1.2"}}},
		},
	}
}

// readBy lets CloudFront read a bucket for exactly one distribution, by origin access control. It may list too: without
// that S3 answers 403 where an object is missing, instead of 404.
func readBy(bucket Bucket, distributionArn string) []policy.Statement {
	cloudfront := policy.Principals{Services: []string{"cloudfront.amazonaws.com"}}
	exactly := policy.Conditions{"StringEquals": {"aws:SourceArn": {distributionArn}}}
	return []policy.Statement{
		{Sid: "ReadByCloudFront", Effect: policy.Allow, Principals: cloudfront, Actions: []string{"s3:GetObject"}, Resources: []string{bucket.Objects()}, Conditions: exactly},
		{Sid: "MissByCloudFront", Effect: policy.Allow, Principals: cloudfront, Actions: []string{"s3:ListBucket"}, Resources: []string{bucket.Arn}, Conditions: exactly},
	}
}
