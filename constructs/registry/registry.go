// Package registry keeps the container images: one ECR repository for every service and one for the image that
// migrates databases. Images are pushed once, by the services' pipelines, and pulled by the environments' accounts.
package registry

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/ecrlifecyclepolicy"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/ecrrepository"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/ecrrepositorypolicy"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
	"github.com/batbern/infrastructure/internal/text"
)

// Props says which repositories there are and who pulls from them.
type Props struct {
	Namespace    string   // first part of every repository's name: "batbern/event-management"
	Repositories []string // "event-management"
	KeepImages   int      // releases, and as many others
	PullAccounts []string // account ids; each account's own IAM policies decide which of its roles pull
	KeyArn       string
	Protection   config.Protection
}

// Outputs are the repositories, by the names in Props.
type Outputs struct {
	URLs map[string]string // what a tag is appended to
	Arns map[string]string
}

// New makes the repositories: tags that cannot be moved (ECR.2), scans on push (ECR.1), a lifecycle (ECR.3), a key of
// our own (ECR.5). An account is the smallest unit that may pull, nobody outside may push.
func New(scope constructs.Construct, id string, props Props) Outputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	outputs := Outputs{URLs: map[string]string{}, Arns: map[string]string{}}
	for _, name := range props.Repositories {
		repository := repository(scope, name, props)
		outputs.URLs[name] = *repository.RepositoryUrl()
		outputs.Arns[name] = *repository.Arn()
	}
	return outputs
}

func repository(scope constructs.Construct, name string, props Props) ecrrepository.EcrRepository {
	scope = constructs.NewConstruct(scope, jsii.String(name))
	repository := ecrrepository.NewEcrRepository(scope, jsii.String("repository"), &ecrrepository.EcrRepositoryConfig{
		Name:               jsii.String(props.Namespace + "/" + name),
		ImageTagMutability: jsii.String("IMMUTABLE"),
		ImageScanningConfiguration: &ecrrepository.EcrRepositoryImageScanningConfiguration{
			ScanOnPush: jsii.Bool(true),
		},
		EncryptionConfiguration: &[]*ecrrepository.EcrRepositoryEncryptionConfiguration{{
			EncryptionType: jsii.String("KMS"),
			KmsKey:         jsii.String(props.KeyArn),
		}},
		ForceDelete: jsii.Bool(props.Protection.ForceDestroy()),
		Lifecycle:   &cdktf.TerraformResourceLifecycle{PreventDestroy: jsii.Bool(props.Protection.PreventDestroy())},
	})
	ecrlifecyclepolicy.NewEcrLifecyclePolicy(scope, jsii.String("lifecycle"), &ecrlifecyclepolicy.EcrLifecyclePolicyConfig{
		Repository: repository.Name(),
		Policy:     jsii.String(Lifecycle(props.KeepImages)),
	})
	ecrrepositorypolicy.NewEcrRepositoryPolicy(scope, jsii.String("policy"), &ecrrepositorypolicy.EcrRepositoryPolicyConfig{
		Repository: repository.Name(),
		Policy:     jsii.String(PullPolicy(props.PullAccounts).JSON()),
	})
	return repository
}

// PullPolicy lets the accounts pull. ECR's repository policies take no Resource: they are about their repository.
func PullPolicy(accounts []string) policy.Document {
	var roots []string
	for _, account := range accounts {
		roots = append(roots, policy.Root(account))
	}
	return policy.Document{Statements: []policy.Statement{{
		Sid:        "PullByEnvironments",
		Effect:     policy.Allow,
		Principals: policy.Principals{AWS: roots},
		Actions:    []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
	}}}
}

// untaggedDays is how long an image stays that no tag names any more.
const untaggedDays = 7

// Lifecycle keeps so many releases (tags that begin with "v") and so many other images. Releases are counted apart,
// because a busy week of builds must not push out the image that production runs: what one rule matches, no later
// rule expires.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
func Lifecycle(keep int) string {
	type selection struct {
		TagStatus      string   `json:"tagStatus"`
		TagPatternList []string `json:"tagPatternList,omitempty"`
		CountType      string   `json:"countType"`
		CountUnit      string   `json:"countUnit,omitempty"`
		CountNumber    int      `json:"countNumber"`
	}
	type rule struct {
		RulePriority int               `json:"rulePriority"`
		Description  string            `json:"description"`
		Selection    selection         `json:"selection"`
		Action       map[string]string `json:"action"`
	}
	expire := map[string]string{"type": "expire"}
	newest := func(pattern string) selection {
		return selection{TagStatus: "tagged", TagPatternList: []string{pattern}, CountType: "imageCountMoreThan", CountNumber: keep}
	}
	rules := []rule{
		{1, fmt.Sprintf("untagged images: %d days", untaggedDays),
			selection{TagStatus: "untagged", CountType: "sinceImagePushed", CountUnit: "days", CountNumber: untaggedDays}, expire},
		{2, fmt.Sprintf("releases: the newest %d", keep), newest("v*"), expire},
		{3, fmt.Sprintf("other images: the newest %d", keep), newest("*"), expire},
	}
	return text.JSON(map[string]any{"rules": rules})
}
