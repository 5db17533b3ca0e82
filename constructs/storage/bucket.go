package storage

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/s3bucket"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/s3bucketcorsconfiguration"
	lifecycle "github.com/cdktf/cdktf-provider-aws-go/aws/v19/s3bucketlifecycleconfiguration"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/s3bucketlogging"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/s3bucketnotification"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/s3bucketobjectlockconfiguration"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/s3bucketownershipcontrols"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/s3bucketpublicaccessblock"
	encryption "github.com/cdktf/cdktf-provider-aws-go/aws/v19/s3bucketserversideencryptionconfiguration"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/s3bucketversioning"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// Bucket is what others may know of a bucket.
type Bucket struct {
	// Name is known before anything is applied: names and ARNs in policies are made of it.
	Name string
	// ID is the name as a reference: what uses it waits until the bucket is closed to the public, and a log bucket until
	// it takes logs.
	ID  string
	Arn string
	// RegionalDomainName is where CloudFront reaches the bucket.
	RegionalDomainName string

	// versionedID is the name as a reference that waits for versions too: replication refuses buckets without.
	versionedID string
	provider    cdktf.TerraformProvider
}

// Destination is the ARN for a service that is told to deliver there, and refuses while it may not. It waits as ID does.
func (b Bucket) Destination() string { return "arn:aws:s3:::" + b.ID }

// Objects is the ARN of everything in the bucket.
func (b Bucket) Objects() string { return b.Arn + "/*" }

// site is where a bucket is made.
type site struct {
	prefix    string // of the name, the environment's stack: "batbern-dev"
	accountID string
	region    string
	provider  cdktf.TerraformProvider // nil for the stack's default
}

// bucketName is unique in the world by the account and the region in it.
func (s site) bucketName(purpose string) string {
	return fmt.Sprintf("%s-%s-%s-%s", s.prefix, purpose, s.accountID, s.region)
}

// bucketProps is what buckets differ in. What they all share is in newBucket.
type bucketProps struct {
	site    site
	purpose string
	// keyArn encrypts objects by SSE-KMS; empty for SSE-S3, which AWS demands of buckets that it delivers logs to.
	keyArn     string
	protection config.Protection
	// versioned keeps what is overwritten and deleted (S3.14).
	versioned bool
	rules     []rule
	// logTarget receives access logs (S3.9); empty only for a target itself, which would log its own logging.
	logTarget string
	// events sends what happens to objects to EventBridge (S3.11).
	events bool
	// lockDays makes new objects unchangeable for that long; 0 for no Object Lock.
	lockDays int
	// uploadOrigins are web origins whose pages may read and upload.
	uploadOrigins []string
	// acls keeps access control lists alive, for CloudFront's plain logs alone.
	acls bool
}

// newBucket makes a bucket that is private (S3.8, S3.12), encrypted (S3.17), tidied up by rules (S3.13) and logged
// (S3.9). Its policy is made by bucketPolicy, when all of
// its readers are known.
func newBucket(scope constructs.Construct, id string, props bucketProps) Bucket {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	name := props.site.bucketName(props.purpose)
	bucket := s3bucket.NewS3Bucket(scope, jsii.String("bucket"), &s3bucket.S3BucketConfig{
		Provider:     props.site.provider,
		Bucket:       jsii.String(name),
		ForceDestroy: jsii.Bool(props.protection.ForceDestroy()),
		// No ObjectLockEnabled: a change of it would replace the bucket. The lock's own resource switches it on, also
		// for a bucket that exists (https://github.com/hashicorp/terraform-provider-aws/issues/36529).
		Lifecycle: &cdktf.TerraformResourceLifecycle{PreventDestroy: jsii.Bool(props.protection.PreventDestroy())},
	})
	part := part{scope: scope, bucket: bucket, props: props}
	owned := part.ownership(part.publicAccessBlock())
	part.encryption()
	versioning := part.versioning()
	part.lifecycle(versioning)
	part.accessLog()
	part.notification()
	part.cors()
	part.lock(versioning)
	return Bucket{
		Name:               name,
		ID:                 *owned.Bucket(),
		Arn:                "arn:aws:s3:::" + name,
		RegionalDomainName: *bucket.BucketRegionalDomainName(),
		versionedID:        *versioning.Bucket(),
		provider:           props.site.provider,
	}
}

// part makes the resources that belong to one bucket.
type part struct {
	scope  constructs.Construct
	bucket s3bucket.S3Bucket
	props  bucketProps
}

func (p part) publicAccessBlock() s3bucketpublicaccessblock.S3BucketPublicAccessBlock {
	return s3bucketpublicaccessblock.NewS3BucketPublicAccessBlock(p.scope, jsii.String("public_access_block"),
		&s3bucketpublicaccessblock.S3BucketPublicAccessBlockConfig{
			Provider:              p.props.site.provider,
			Bucket:                p.bucket.Id(),
			BlockPublicAcls:       jsii.Bool(true),
			BlockPublicPolicy:     jsii.Bool(true),
			IgnorePublicAcls:      jsii.Bool(true),
			RestrictPublicBuckets: jsii.Bool(true),
		})
}

// ownership comes after the public access block, and whatever uses the bucket's ID after both: S3 answers 409 to settings
// that are written at once.
func (p part) ownership(closed s3bucketpublicaccessblock.S3BucketPublicAccessBlock) s3bucketownershipcontrols.S3BucketOwnershipControls {
	ownership := "BucketOwnerEnforced"
	if p.props.acls {
		ownership = "BucketOwnerPreferred"
	}
	return s3bucketownershipcontrols.NewS3BucketOwnershipControls(p.scope, jsii.String("ownership"),
		&s3bucketownershipcontrols.S3BucketOwnershipControlsConfig{
			Provider: p.props.site.provider,
			Bucket:   closed.Bucket(),
			Rule:     &s3bucketownershipcontrols.S3BucketOwnershipControlsRule{ObjectOwnership: jsii.String(ownership)},
		})
}

func (p part) encryption() {
	byDefault := &encryption.S3BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultA{SseAlgorithm: jsii.String("AES256")}
	if p.props.keyArn != "" {
		byDefault.SseAlgorithm = jsii.String("aws:kms")
		byDefault.KmsMasterKeyId = jsii.String(p.props.keyArn)
	}
	encryption.NewS3BucketServerSideEncryptionConfigurationA(p.scope, jsii.String("encryption"),
		&encryption.S3BucketServerSideEncryptionConfigurationAConfig{
			Provider: p.props.site.provider,
			Bucket:   p.bucket.Id(),
			Rule: &[]*encryption.S3BucketServerSideEncryptionConfigurationRuleA{{
				ApplyServerSideEncryptionByDefault: byDefault,
				// one data key for many objects: a hundredth of the requests to KMS
				BucketKeyEnabled: jsii.Bool(p.props.keyArn != ""),
			}},
		})
}

// versioning is said of every bucket, so that a bucket without it is one by intent.
func (p part) versioning() s3bucketversioning.S3BucketVersioningA {
	status := "Disabled"
	if p.props.versioned {
		status = "Enabled"
	}
	return s3bucketversioning.NewS3BucketVersioningA(p.scope, jsii.String("versioning"),
		&s3bucketversioning.S3BucketVersioningAConfig{
			Provider:                p.props.site.provider,
			Bucket:                  p.bucket.Id(),
			VersioningConfiguration: &s3bucketversioning.S3BucketVersioningVersioningConfiguration{Status: jsii.String(status)},
		})
}

func (p part) lifecycle(versioning cdktf.ITerraformDependable) {
	var rules []*lifecycle.S3BucketLifecycleConfigurationRule
	for _, rule := range p.props.rules {
		rules = append(rules, rule.terraform())
	}
	lifecycle.NewS3BucketLifecycleConfiguration(p.scope, jsii.String("lifecycle"),
		&lifecycle.S3BucketLifecycleConfigurationConfig{
			Provider:  p.props.site.provider,
			Bucket:    p.bucket.Id(),
			Rule:      &rules,
			DependsOn: &[]cdktf.ITerraformDependable{versioning}, // rules for old versions need versions
		})
}

func (p part) accessLog() {
	if p.props.logTarget == "" {
		return
	}
	s3bucketlogging.NewS3BucketLoggingA(p.scope, jsii.String("logging"), &s3bucketlogging.S3BucketLoggingAConfig{
		Provider:     p.props.site.provider,
		Bucket:       p.bucket.Id(),
		TargetBucket: jsii.String(p.props.logTarget),
		TargetPrefix: jsii.String(accessLogPrefix),
		// account, region, bucket and day follow in the key: what queries filter by
		TargetObjectKeyFormat: &s3bucketlogging.S3BucketLoggingTargetObjectKeyFormat{
			PartitionedPrefix: &s3bucketlogging.S3BucketLoggingTargetObjectKeyFormatPartitionedPrefix{PartitionDateSource: jsii.String("EventTime")},
		},
	})
}

func (p part) notification() {
	if !p.props.events {
		return
	}
	s3bucketnotification.NewS3BucketNotification(p.scope, jsii.String("notification"), &s3bucketnotification.S3BucketNotificationConfig{
		Provider:    p.props.site.provider,
		Bucket:      p.bucket.Id(),
		Eventbridge: jsii.Bool(true),
	})
}

// cors lets pages of the given origins put files with addresses that a service signed for them.
func (p part) cors() {
	if len(p.props.uploadOrigins) == 0 {
		return
	}
	s3bucketcorsconfiguration.NewS3BucketCorsConfiguration(p.scope, jsii.String("cors"), &s3bucketcorsconfiguration.S3BucketCorsConfigurationConfig{
		Provider: p.props.site.provider,
		Bucket:   p.bucket.Id(),
		CorsRule: &[]*s3bucketcorsconfiguration.S3BucketCorsConfigurationCorsRule{{
			AllowedMethods: jsii.Strings("GET", "HEAD", "PUT"),
			AllowedOrigins: jsii.Strings(p.props.uploadOrigins...),
			AllowedHeaders: jsii.Strings("content-type", "content-md5", "x-amz-*"),
			ExposeHeaders:  jsii.Strings("ETag"),
			MaxAgeSeconds:  jsii.Number(3600),
		}},
	})
}

func (p part) lock(versioning cdktf.ITerraformDependable) {
	if p.props.lockDays == 0 {
		return
	}
	s3bucketobjectlockconfiguration.NewS3BucketObjectLockConfigurationA(p.scope, jsii.String("object_lock"),
		&s3bucketobjectlockconfiguration.S3BucketObjectLockConfigurationAConfig{
			Provider: p.props.site.provider,
			Bucket:   p.bucket.Id(),
			Rule: &s3bucketobjectlockconfiguration.S3BucketObjectLockConfigurationRuleA{
				// governance: an administrator with the right to can still remove an object, which compliance mode
				// forbids everybody, and revDSG asks for deletion on request
				DefaultRetention: &s3bucketobjectlockconfiguration.S3BucketObjectLockConfigurationRuleDefaultRetentionA{
					Mode: jsii.String("GOVERNANCE"), Days: jsii.Number(float64(p.props.lockDays)),
				},
			},
			DependsOn: &[]cdktf.ITerraformDependable{versioning},
		})
}
