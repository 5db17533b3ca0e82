package identity

import (
	"fmt"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
)

// ImagesEnvironment is the GitHub environment that a service's repository pushes images from. Those that it rolls out
// from are named like ours: "dev", "staging", "prod".
const ImagesEnvironment = "images"

// ServiceHubsProps says whose pipelines push and roll out.
type ServiceHubsProps struct {
	Base              config.Base
	BoundaryArn       string
	GithubProviderArn string
	// ImageArns are the image repositories', by service.
	ImageArns map[string]string
}

// ServiceHubs makes the roles in the base account that the pipelines of the services and of the frontend sign in to: for
// each one with a repository on GitHub, a role an environment that can do nothing but go on to the role that rolls it out
// there ([RolloutRole]); for a service also one that pushes its images.
//
// Each trusts jobs of one GitHub environment in one repository. So a pull request gets nothing, who may push or roll
// out where is decided by that environment's protection rules, and no service's pipeline touches another's.
func ServiceHubs(scope constructs.Construct, id string, props ServiceHubsProps) {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	for _, pipeline := range props.Base.Pipelines {
		of := constructs.NewConstruct(scope, jsii.String(strings.ReplaceAll(pipeline.Name, "-", "_")))
		if pipeline.HasImages() {
			images(pipeline, props).make(of)
		}
		for _, deployment := range props.Base.Deployments {
			serviceHub(pipeline, deployment, props).make(of)
		}
	}
}

// images is the role that pushes a service's images and reads what the scan found in them.
func images(pipeline config.Pipeline, props ServiceHubsProps) role {
	return role{
		id: ImagesEnvironment, name: fmt.Sprintf("%s-%s-images", props.Base.Stack(), pipeline.Name), boundaryArn: props.BoundaryArn,
		description: fmt.Sprintf("The pipeline of %s pushes its images", pipeline.Name),
		trust:       props.jobs(pipeline, ImagesEnvironment),
		rights:      []right{{"push", PushPolicy(props.ImageArns[pipeline.Name])}},
	}
}

// PushPolicy lets a role push to one image repository, and look at what it holds. Nothing is deleted and no tag moves:
// the repository's lifecycle and its immutable tags see to that.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
func PushPolicy(repositoryArn string) policy.Document {
	return policy.Document{Statements: []policy.Statement{
		// AWS knows no resource for this action
		{Sid: "SignInToRegistry", Effect: policy.Allow, Actions: []string{"ecr:GetAuthorizationToken"}, Resources: []string{"*"}},
		{Sid: "PushImage", Effect: policy.Allow, Resources: []string{repositoryArn}, Actions: []string{
			"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImageScanFindings",
			"ecr:DescribeImages", "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
		}},
	}}
}

// serviceHub is the role in which a service's pipeline enters an environment.
func serviceHub(pipeline config.Pipeline, deployment config.Deployment, props ServiceHubsProps) role {
	return role{
		id: string(deployment.Environment), name: serviceHubName(deployment.Stack, pipeline.Name), boundaryArn: props.BoundaryArn,
		description: fmt.Sprintf("The pipeline of %s enters %s here", pipeline.Name, deployment.Stack),
		trust:       props.jobs(pipeline, string(deployment.Environment)),
		rights: []right{{"assume", policy.Document{Statements: []policy.Statement{{
			Sid:       "OnwardRole",
			Effect:    policy.Allow,
			Actions:   []string{"sts:AssumeRole"},
			Resources: []string{roleArn(deployment.AccountID, RolloutRole(deployment.Stack, pipeline.Name))},
		}}}}},
	}
}

// jobs lets the pipeline's jobs in one GitHub environment sign in.
func (p ServiceHubsProps) jobs(of config.Pipeline, environment string) policy.Document {
	github := Github{SubjectPrefix: of.SubjectPrefix, ProviderArn: p.GithubProviderArn}
	return policy.Document{Statements: []policy.Statement{github.trust(environment)}}
}

func serviceHubName(stack, service string) string { return stack + "-" + service + "-pipeline" }

// RolloutRole is the name of the role in an environment's account that rolls one service out.
func RolloutRole(stack, service string) string { return stack + "-" + service + "-rollout" }

// RolloutTrust lets the service's pipeline, and nobody else, take its [RolloutRole].
func RolloutTrust(baseAccountID, stack, service string) policy.Document {
	return policy.Document{Statements: []policy.Statement{
		trustPrincipals("Pipeline", baseAccountID, roleArn(baseAccountID, serviceHubName(stack, service))),
	}}
}
