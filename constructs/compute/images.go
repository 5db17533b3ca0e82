package compute

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/ecrpullthroughcacherule"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/ecrrepositorycreationtemplate"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
)

// publicPrefix begins the repositories in which the account's registry keeps copies of public images.
const publicPrefix = "public"

// The images that tasks take from the public registry of AWS, each by its tag alone: ECR does not find an image that it has
// not cached yet by a digest, not even beside a tag (https://github.com/aws/containers-roadmap/issues/2837), and the first
// task would never start. [publicImages] sees to it that a tag keeps its first image.
const (
	// collectorImage is the AWS Distro for OpenTelemetry's collector.
	collectorImage = "aws-observability/aws-otel-collector:v0.48.0"
	// busyboxImage is the probe, and the placeholder of a service that was never deployed.
	busyboxImage = "docker/library/busybox:1.37.0"
)

// publicImages lets the account's registry fetch public images and keep them: a task that starts while the public registry
// is out of reach, or limits the account's requests, finds the copy. The first pull goes through the NAT gateway, later
// ones stay in the region.
//
// ECR looks for a newer image of a cached tag once a day. In the repositories that it makes here tags are immutable, so an
// image that somebody moves a tag to upstream never reaches a task.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates.html
func publicImages(scope constructs.Construct) cdktf.ITerraformDependable {
	template := ecrrepositorycreationtemplate.NewEcrRepositoryCreationTemplate(scope, jsii.String("public_repositories"),
		&ecrrepositorycreationtemplate.EcrRepositoryCreationTemplateConfig{
			Prefix:             jsii.String(publicPrefix),
			Description:        jsii.String("Copies of public images"),
			AppliedFor:         jsii.Strings("PULL_THROUGH_CACHE"),
			ImageTagMutability: jsii.String("IMMUTABLE"),
		})
	return ecrpullthroughcacherule.NewEcrPullThroughCacheRule(scope, jsii.String("public_images"),
		&ecrpullthroughcacherule.EcrPullThroughCacheRuleConfig{
			EcrRepositoryPrefix: jsii.String(publicPrefix),
			UpstreamRegistryUrl: jsii.String("public.ecr.aws"),
			// the template acts on repositories that are made after it
			DependsOn: &[]cdktf.ITerraformDependable{template},
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
