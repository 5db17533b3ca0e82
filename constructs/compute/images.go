package compute

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/ecrpullthroughcacherule"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
)

// publicPrefix begins the repositories in which the account's registry keeps copies of public images.
const publicPrefix = "public"

// The images that tasks take from the public registry of AWS, each by the digest of its multi-architecture index.
// Renewing one is a change of these lines: docker buildx imagetools inspect IMAGE:TAG shows the digest.
const (
	// collectorImage is the AWS Distro for OpenTelemetry's collector.
	collectorImage = "aws-observability/aws-otel-collector:v0.48.0@sha256:9b28046359054b414f4ba76056ba4e8cffda2d53fbcee06171d7eeecd71326c3"
	// busyboxImage is the probe, and the placeholder of a service that was never deployed.
	busyboxImage = "docker/library/busybox:1.37.0@sha256:bdf57e528e45e4433820e045b29b4597825a1c9e38353532d90a01445013f82e"
)

// publicImages lets the account's registry fetch public images and keep them: a task that starts while the public registry
// is out of reach, or limits the account's requests, finds the copy. The first pull goes through the NAT gateway, later
// ones stay in the region.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
func publicImages(scope constructs.Construct) cdktf.ITerraformDependable {
	return ecrpullthroughcacherule.NewEcrPullThroughCacheRule(scope, jsii.String("public_images"), &ecrpullthroughcacherule.EcrPullThroughCacheRuleConfig{
		EcrRepositoryPrefix: jsii.String(publicPrefix),
		UpstreamRegistryUrl: jsii.String("public.ecr.aws"),
	})
}

// cached is a public image as the account's registry has it.
func cached(image string, account config.Account) string {
	return fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com/%s/%s", account.ID, account.Region, publicPrefix, image)
}

// pullPublicImages lets ECS pull the copies; the first pull makes the repository and imports the image.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-iam.html
func pullPublicImages(account config.Account) policy.Statement {
	return policy.Statement{Sid: "PullPublicImages", Effect: policy.Allow, Actions: []string{
		"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:BatchImportUpstreamImage", "ecr:CreateRepository", "ecr:GetDownloadUrlForLayer",
	}, Resources: []string{fmt.Sprintf("arn:aws:ecr:%s:%s:repository/%s/*", account.Region, account.ID, publicPrefix)}}
}
