// Package storage makes an environment's S3 buckets, all by one construct, and what belongs to them: policies,
// replication to the recovery region and the role of the import.
package storage

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// Props says which buckets there are and how they are kept.
type Props struct {
	// Name begins the buckets' names: "batbern-dev".
	Name       string
	Account    config.Account
	Domains    config.Domains
	Protection config.Protection
	Storage    config.Storage
	// FlowLogRetentionDays is how long VPC flow logs are kept in the log bucket.
	FlowLogRetentionDays int
	// KeyArn encrypts all buckets but those of logs, RecoveryKeyArn their replicas where there are any: a key of the
	// recovery region.
	KeyArn, RecoveryKeyArn string
	// BoundaryArn bounds the roles.
	BoundaryArn string
	// Recovery is the provider of the recovery region.
	Recovery cdktf.TerraformProvider
}

// Outputs are the buckets. Content and Frontend, and their replicas, have no policy yet: [Access] gives them theirs, as
// soon as their readers exist.
type Outputs struct {
	// Content keeps presentations and photographs, Frontend the built web application, Backups exports of data, Imports
	// what is migrated from the former website.
	Content, Frontend, Backups, Imports Bucket
	// Logs receives access logs of buckets, the load balancer's under [LoadBalancerLogPrefix] and VPC flow logs without
	// a prefix; CdnLogs receives CloudFront's.
	Logs, CdnLogs Bucket
	// Recovery is empty where the environment does not replicate.
	Recovery Recovery
	// ImportRoleArn is the role of the task that migrates the past events.
	ImportRoleArn string
}

// New makes the buckets.
func New(scope constructs.Construct, id string, props Props) Outputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	home := site{prefix: props.Name, accountID: props.Account.ID, region: props.Account.Region}

	logs := logBucket(scope, "logs", home, props)
	data := func(purpose string, with bucketProps) Bucket {
		with.site, with.purpose, with.protection = home, purpose, props.Protection
		with.keyArn, with.versioned, with.logTarget, with.events = props.KeyArn, true, logs.ID, true
		return newBucket(scope, purpose, with)
	}
	out := Outputs{
		Logs:     logs,
		CdnLogs:  cdnLogBucket(scope, "cdn_logs", home, logs, props),
		Content:  data("content", bucketProps{rules: rulesFor(props.Storage.Content), uploadOrigins: uploadOrigins(props)}),
		Frontend: data("frontend", bucketProps{rules: rulesFor(props.Storage.Frontend)}),
		Backups:  data("backups", bucketProps{rules: rulesFor(props.Storage.Backups), lockDays: props.Storage.BackupLockDays}),
		Imports:  data("imports", bucketProps{rules: rulesFor(props.Storage.Imports)}),
	}
	bucketPolicy(scope, "backups_policy", out.Backups)
	bucketPolicy(scope, "imports_policy", out.Imports, keepEverything(out.Imports))
	out.ImportRoleArn = importRole(scope, "import", out, props)
	if props.Storage.Replicated {
		out.Recovery = recovery(scope, "recovery", out, props)
	}
	return out
}

func uploadOrigins(props Props) []string {
	return append([]string{"https://" + props.Domains.Www()}, props.Storage.UploadOrigins...)
}

// AccessProps says who reads what CloudFront serves.
type AccessProps struct {
	Buckets Outputs
	// FrontendArn and ContentArn are the distributions.
	FrontendArn, ContentArn string
}

// Access gives the buckets behind CloudFront their policies: each is read by its own distribution and no other. It comes
// after the distributions, which come after the buckets.
func Access(scope constructs.Construct, id string, props AccessProps) {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	read := func(id string, bucket Bucket, distributionArn string) {
		bucketPolicy(scope, id, bucket, readBy(bucket, distributionArn)...)
	}
	read("frontend", props.Buckets.Frontend, props.FrontendArn)
	read("content", props.Buckets.Content, props.ContentArn)
	if replicas := props.Buckets.Recovery; replicas.Exists() {
		read("frontend_replica", replicas.Frontend, props.FrontendArn)
		read("content_replica", replicas.Content, props.ContentArn)
	}
}
