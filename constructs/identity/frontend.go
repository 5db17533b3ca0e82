package identity

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/ssmparameter"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/block"
	"github.com/batbern/infrastructure/constructs/policy"
)

// FrontendRolloutProps say what the frontend's pipeline publishes, and where.
type FrontendRolloutProps struct {
	Name          string // the stack, "batbern-dev"
	Account       config.Account
	BaseAccountID string // where the pipeline signs in, see [ServiceHubs]
	BoundaryArn   string
	// BucketName and BucketArn are the bucket of the built frontend, KeyArn the key that encrypts it.
	BucketName, BucketArn, KeyArn string
	// DistributionID and DistributionArn are the CloudFront distribution that serves the bucket.
	DistributionID, DistributionArn string
}

// FrontendRollout makes the role in which the frontend's pipeline publishes in an environment, and the parameter that
// tells it where: /batbern/dev/frontend/deployment. The role writes one bucket and invalidates one distribution.
func FrontendRollout(scope constructs.Construct, id string, props FrontendRolloutProps) {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	parameter := fmt.Sprintf("/%s/%s/deployment", strings.Replace(props.Name, "-", "/", 1), config.FrontendName)
	// two strings always marshal
	where, _ := json.Marshal(map[string]string{"bucket": props.BucketName, "distribution": props.DistributionID})
	ssmparameter.NewSsmParameter(scope, jsii.String("deployment"), &ssmparameter.SsmParameterConfig{
		Name:          jsii.String(parameter),
		Description:   jsii.String("where the pipeline of the frontend publishes"),
		Type:          jsii.String("String"),
		InsecureValue: jsii.String(string(where)),
	})
	block.NewRole(scope, "pipeline", block.RoleProps{
		Name:        RolloutRole(props.Name, config.FrontendName),
		Description: "The pipeline of the frontend publishes in " + props.Name,
		Trust:       RolloutTrust(props.BaseAccountID, props.Name, config.FrontendName),
		BoundaryArn: props.BoundaryArn,
		Policies:    []block.RolePolicy{{Name: "publish", Document: publishPolicy(parameter, props)}},
	})
}

// publishPolicy is what `aws s3 sync --delete` and an invalidation require. A multipart upload to an encrypted bucket
// also decrypts.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudfront.html
func publishPolicy(parameter string, props FrontendRolloutProps) policy.Document {
	region, account := props.Account.Region, props.Account.ID
	return policy.Document{Statements: []policy.Statement{
		allow(
			"ReadInstructions",
			verbs("ssm", "GetParameter"),
			[]string{fmt.Sprintf("arn:aws:ssm:%s:%s:parameter%s", region, account, parameter)},
			nil,
		),
		allow("CompareFiles", verbs("s3", "ListBucket"), []string{props.BucketArn}, nil),
		allow(
			"PublishFiles",
			verbs("s3", "AbortMultipartUpload DeleteObject PutObject"),
			[]string{props.BucketArn + "/*"},
			nil,
		),
		block.UseKey("EncryptFiles", props.KeyArn, "s3", region, verbs("kms", "Decrypt GenerateDataKey")...),
		allow(
			"InvalidateCache",
			verbs("cloudfront", "CreateInvalidation GetInvalidation"),
			[]string{props.DistributionArn},
			nil,
		),
	}}
}
