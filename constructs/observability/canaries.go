package observability

import (
	_ "embed" // the canaries' script
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchloggroup"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrole"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrolepolicy"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/syntheticscanary"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/constructs/policy"
	"github.com/batbern/infrastructure/internal/functionbuild"
)

// CanaryScript is what the canaries run.
//
//go:embed canary/visit.js
var CanaryScript string

// CanaryPrefix is where in the bucket canaries leave what they saw.
const CanaryPrefix = "canaries/"

const (
	// canaryRuntime is the newest of Node.js. AWS retires one after about a year, and says so by AWS Health.
	// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Synthetics_Library_nodejs_puppeteer.html
	canaryRuntime = "syn-nodejs-puppeteer-15.0"
	canarySeconds = 60
	// keptRunDays is how long Synthetics shows a run.
	keptRunDays = 31
)

// canary is one place to visit.
type canary struct {
	key, url string
	text     string // the answer has to hold it
	below    int    // the status has to be less
}

// places are what is visited, none without canaries.
func (p Props) places() []canary {
	if p.Watch.Canaries == nil {
		return nil
	}
	return []canary{
		{key: "site", url: "https://" + p.Domains.Www() + "/", text: "<html", below: 400},
		// whoever is refused has been answered by a service
		{key: "api", url: "https://" + p.Domains.Api() + p.Watch.Canaries.ApiPath, below: 500},
	}
}

func (c canary) name(prefix string) string { return prefix + "-" + c.key }

// visits are the canaries as targets of alarms.
func (p Props) visits() []Canary {
	var targets []Canary
	for _, place := range p.places() {
		targets = append(targets, Canary{Key: place.key, Name: place.name(p.Name)})
	}
	return targets
}

// canaries visit site and API from outside of the network.
func canaries(scope constructs.Construct, constructID string, props Props) {
	places := props.places()
	if len(places) == 0 {
		return
	}
	scope = constructs.NewConstruct(scope, jsii.String(constructID))
	archive, err := functionbuild.Pack("canary", map[string]string{"nodejs/node_modules/visit.js": CanaryScript})
	if err != nil {
		panic(err)
	}
	code := cdktf.NewTerraformAsset(scope, jsii.String("code"), &cdktf.TerraformAssetConfig{Path: jsii.String(archive.Path), Type: cdktf.AssetType_FILE})
	roleArn, rights := canaryRole(scope, props)
	for _, place := range places {
		visit(constructs.NewConstruct(scope, jsii.String(place.key)), place, code, roleArn, rights, props)
	}
}

func visit(scope constructs.Construct, place canary, code cdktf.TerraformAsset, roleArn string, rights iamrolepolicy.IamRolePolicy, props Props) {
	made := syntheticscanary.NewSyntheticsCanary(scope, jsii.String("canary"), &syntheticscanary.SyntheticsCanaryConfig{
		Name:               jsii.String(place.name(props.Name)),
		Handler:            jsii.String("visit.handler"),
		RuntimeVersion:     jsii.String(canaryRuntime),
		ZipFile:            code.Path(),
		ExecutionRoleArn:   jsii.String(roleArn),
		ArtifactS3Location: jsii.String(fmt.Sprintf("s3://%s/%s%s/", props.Artefacts.Name, CanaryPrefix, place.key)),
		ArtifactConfig: &syntheticscanary.SyntheticsCanaryArtifactConfig{S3Encryption: &syntheticscanary.SyntheticsCanaryArtifactConfigS3Encryption{
			EncryptionMode: jsii.String("SSE_KMS"), KmsKeyArn: jsii.String(props.StorageKeyArn),
		}},
		Schedule: &syntheticscanary.SyntheticsCanarySchedule{Expression: jsii.String(rate(props.Watch.Canaries.EveryMinutes))},
		RunConfig: &syntheticscanary.SyntheticsCanaryRunConfig{
			TimeoutInSeconds: jsii.Number(canarySeconds),
			EnvironmentVariables: &map[string]*string{
				"VISIT_URL": jsii.String(place.url), "VISIT_TEXT": jsii.String(place.text), "VISIT_STATUS_BELOW": jsii.String(fmt.Sprint(place.below)),
			},
		},
		SuccessRetentionPeriod: jsii.Number(keptRunDays),
		FailureRetentionPeriod: jsii.Number(keptRunDays),
		StartCanary:            jsii.Bool(true),
		DeleteLambda:           jsii.Bool(true), // else it stays behind
		DependsOn:              &[]cdktf.ITerraformDependable{rights},
	})
	// Synthetics names the function, and with it the log group, after a number of its own. The role may not make groups:
	// the first visit would make one without retention and key.
	//
	// AWS has begun to leave engine_arn empty, and reports the function in a field that provider 5.100.0 does not know
	// (https://github.com/hashicorp/terraform-provider-aws/pull/44105). Then the group is named after the canary and stays
	// empty; what a visit logs is among its artefacts in S3 too.
	cloudwatchloggroup.NewCloudwatchLogGroup(scope, jsii.String("logs"), &cloudwatchloggroup.CloudwatchLogGroupConfig{
		Name:            jsii.String(CanaryLogGroup(*made.Fqn(), place.name(props.Name))),
		RetentionInDays: jsii.Number(props.LogRetentionDays),
		KmsKeyId:        jsii.String(props.LogsKeyArn),
	})
}

// CanaryLogGroup is the name of a canary's log group, as an expression of Terraform.
func CanaryLogGroup(address, name string) string {
	return fmt.Sprintf(`/aws/lambda/${try(split(":", %s.engine_arn)[6], "cwsyn-%s")}`, address, name)
}

func rate(minutes int) string {
	if minutes == 1 {
		return "rate(1 minute)"
	}
	return fmt.Sprintf("rate(%d minutes)", minutes)
}

func canaryRole(scope constructs.Construct, props Props) (arn string, rights iamrolepolicy.IamRolePolicy) {
	role := iamrole.NewIamRole(scope, jsii.String("role"), &iamrole.IamRoleConfig{
		Name:                jsii.String(props.Name + "-canaries"),
		Description:         jsii.String("Canaries of " + props.Name),
		AssumeRolePolicy:    jsii.String(policy.TrustService("lambda.amazonaws.com", props.Account.ID, "").JSON()),
		PermissionsBoundary: jsii.String(props.BoundaryArn),
	})
	return *role.Arn(), iamrolepolicy.NewIamRolePolicy(scope, jsii.String("rights"), &iamrolepolicy.IamRolePolicyConfig{
		Name:   jsii.String("rights"),
		Role:   role.Id(),
		Policy: jsii.String(canaryPolicy(props).JSON()),
	})
}

// canaryPolicy is what a canary's function may do: leave what it saw, write its log, report.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Synthetics_Canaries_CanaryPermissions.html
func canaryPolicy(props Props) policy.Document {
	logGroups := fmt.Sprintf("arn:aws:logs:%s:%s:log-group:/aws/lambda/cwsyn-%s-*", props.Account.Region, props.Account.ID, props.Name)
	allow := func(sid string, resources []string, conditions policy.Conditions, actions ...string) policy.Statement {
		return policy.Statement{Sid: sid, Effect: policy.Allow, Actions: actions, Resources: resources, Conditions: conditions}
	}
	return policy.Document{Statements: []policy.Statement{
		allow("LeaveArtefacts", []string{props.Artefacts.Arn + "/" + CanaryPrefix + "*"}, nil, "s3:PutObject"),
		allow("FindBucket", []string{props.Artefacts.Arn}, nil, "s3:GetBucketLocation"),
		allow("EncryptArtefacts", []string{props.StorageKeyArn},
			policy.Conditions{"StringEquals": {"kms:ViaService": policy.ViaServices(props.Account.Region, "s3")}}, "kms:Decrypt", "kms:GenerateDataKey"),
		allow("WriteLog", []string{logGroups}, nil, "logs:CreateLogStream", "logs:PutLogEvents"),
		// neither knows resources
		allow("ListBuckets", []string{"*"}, nil, "s3:ListAllMyBuckets"),
		allow("Report", []string{"*"}, policy.Conditions{"StringEquals": {"cloudwatch:namespace": {"CloudWatchSynthetics"}}}, "cloudwatch:PutMetricData"),
	}}
}
