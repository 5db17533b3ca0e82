// Package function makes a Lambda function of this project: Go on arm64 in the VPC's private subnets, with a log group,
// a role of its own and nothing that it was not given.
package function

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchloggroup"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrole"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrolepolicy"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/lambdafunction"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
	"github.com/batbern/infrastructure/internal/functionbuild"
)

// Props says what the function runs and what it may do.
type Props struct {
	Name    string // of the function and its role, e.g. "batbern-dev-secret-rotation"; 64 characters at most
	Source  string // the folder under lambda
	Purpose string // one sentence, shown in AWS
	Account config.Account

	TimeoutSeconds int               // 900 at most
	Variables      map[string]string // environment variables; never a secret
	Statements     []policy.Statement

	// SubnetIDs, in two zones at least (Lambda.5), and SecurityGroupID put the function into the VPC. Without a group it
	// stays outside: for functions that call AWS alone, which the VPC's endpoints may not let through.
	SubnetIDs       []string
	SecurityGroupID string

	BoundaryArn      string
	LogsKeyArn       string
	LogRetentionDays int
}

// memoryMiB is enough for TLS, the AWS SDK and a database driver; less also means less CPU.
const memoryMiB = 256

// Outputs are what other constructs may use.
type Outputs struct {
	Name, Arn, RoleArn string
	LogGroupName       string
	// CodeHash changes with the code: what the function has done may have to be done again then.
	CodeHash string
	// Ready are what has to exist before the function can be invoked: its role's rights, which the function's
	// own address does not wait for.
	Ready []cdktf.ITerraformDependable
}

// New makes the function. Its code is built from lambda/SOURCE by the synthesis itself.
func New(scope constructs.Construct, id string, props Props) Outputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	logs := logGroup(scope, props)
	role := serviceRole(scope, props)
	rights := roleRights(scope, role, logs, props)
	file, hash := code(scope, props)
	config := &lambdafunction.LambdaFunctionConfig{
		FunctionName:  jsii.String(props.Name),
		Description:   jsii.String(props.Purpose),
		Role:          role.Arn(),
		Runtime:       jsii.String("provided.al2023"),
		Handler:       jsii.String("bootstrap"),
		Filename:      jsii.String(file),
		Architectures: jsii.Strings("arm64"),
		// Lambda compares it with what it has
		SourceCodeHash: jsii.String(hash),
		MemorySize:     jsii.Number(memoryMiB),
		Timeout:        jsii.Number(props.TimeoutSeconds),
		TracingConfig:  &lambdafunction.LambdaFunctionTracingConfig{Mode: jsii.String("Active")},
		LoggingConfig:  &lambdafunction.LambdaFunctionLoggingConfig{LogFormat: jsii.String("JSON"), LogGroup: logs.Name()},
		// Lambda checks the right to make network interfaces when the function is made
		DependsOn: &[]cdktf.ITerraformDependable{rights},
	}
	if len(props.Variables) > 0 { // an empty block would be a difference in every plan: Lambda reports none
		config.Environment = &lambdafunction.LambdaFunctionEnvironment{Variables: pointers(props.Variables)}
	}
	if props.SecurityGroupID != "" {
		config.VpcConfig = &lambdafunction.LambdaFunctionVpcConfig{
			SubnetIds:        jsii.Strings(props.SubnetIDs...),
			SecurityGroupIds: jsii.Strings(props.SecurityGroupID),
		}
	}
	made := lambdafunction.NewLambdaFunction(scope, jsii.String("function"), config)
	return Outputs{
		Name: *made.FunctionName(), Arn: *made.Arn(), RoleArn: *role.Arn(), LogGroupName: *logs.Name(), CodeHash: hash,
		Ready: []cdktf.ITerraformDependable{rights},
	}
}

// code is the built archive. A function that does not compile ends the synthesis with the compiler's words.
func code(scope constructs.Construct, props Props) (file, hash string) {
	archive, err := functionbuild.Build(props.Source)
	if err != nil {
		panic(err)
	}
	asset := cdktf.NewTerraformAsset(scope, jsii.String("code"), &cdktf.TerraformAssetConfig{
		Path: jsii.String(archive.Path),
		Type: cdktf.AssetType_FILE,
	})
	return *asset.Path(), archive.Hash
}

func logGroup(scope constructs.Construct, props Props) cloudwatchloggroup.CloudwatchLogGroup {
	return cloudwatchloggroup.NewCloudwatchLogGroup(scope, jsii.String("logs"), &cloudwatchloggroup.CloudwatchLogGroupConfig{
		Name:            jsii.String("/aws/lambda/" + props.Name),
		RetentionInDays: jsii.Number(props.LogRetentionDays),
		KmsKeyId:        jsii.String(props.LogsKeyArn),
	})
}

func serviceRole(scope constructs.Construct, props Props) iamrole.IamRole {
	return iamrole.NewIamRole(scope, jsii.String("role"), &iamrole.IamRoleConfig{
		Name:                jsii.String(props.Name),
		Description:         jsii.String("The function " + props.Name),
		AssumeRolePolicy:    jsii.String(policy.TrustService("lambda.amazonaws.com", props.Account.ID, "").JSON()),
		PermissionsBoundary: jsii.String(props.BoundaryArn),
	})
}

func roleRights(scope constructs.Construct, role iamrole.IamRole, logs cloudwatchloggroup.CloudwatchLogGroup, props Props) iamrolepolicy.IamRolePolicy {
	document := policy.Document{Statements: runtimeStatements(*logs.Arn())}
	if props.SecurityGroupID != "" {
		document.Statements = append(document.Statements, networkStatements(functionArn(props))...)
	}
	document.Statements = append(document.Statements, props.Statements...)
	return iamrolepolicy.NewIamRolePolicy(scope, jsii.String("rights"), &iamrolepolicy.IamRolePolicyConfig{
		Name:   jsii.String("rights"),
		Role:   role.Id(),
		Policy: jsii.String(document.JSON()),
	})
}

// runtimeStatements are what every function needs: its log and its traces, for which X-Ray knows no resources.
func runtimeStatements(logGroupArn string) []policy.Statement {
	return []policy.Statement{
		{Sid: "Log", Effect: policy.Allow, Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"}, Resources: []string{logGroupArn + ":*"}},
		{Sid: "Trace", Effect: policy.Allow, Actions: []string{"xray:PutTelemetryRecords", "xray:PutTraceSegments"}, Resources: []string{"*"}},
	}
}

// networkStatements let Lambda make the function's network interfaces, and the function's own code none.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
func networkStatements(functionArn string) []policy.Statement {
	interfaces := []string{
		"ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
		"ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
	}
	return []policy.Statement{
		{Sid: "JoinNetwork", Effect: policy.Allow, Actions: interfaces, Resources: []string{"*"}},
		{Sid: "LeaveTheNetworkToLambda", Effect: policy.Deny, Actions: interfaces, Resources: []string{"*"},
			Conditions: policy.Conditions{"ArnEquals": {"lambda:SourceFunctionArn": {functionArn}}}},
	}
}

func functionArn(props Props) string {
	return fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", props.Account.Region, props.Account.ID, props.Name)
}

func pointers(values map[string]string) *map[string]*string {
	out := make(map[string]*string, len(values))
	for key, value := range values {
		out[key] = jsii.String(value)
	}
	return &out
}
