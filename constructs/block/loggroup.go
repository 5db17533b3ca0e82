package block

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchloggroup"
	"github.com/hashicorp/terraform-cdk-go/cdktf"
)

// LogGroupProps describe a CloudWatch log group.
type LogGroupProps struct {
	// Name is the log group's name, for example "/aws/lambda/batbern-dev-secret-rotation".
	Name string
	// RetentionDays is how long events are kept: one of CloudWatch's values, which config checks. Required, because the
	// default of AWS is to keep them without an end.
	RetentionDays int
	// KeyArn is the customer key in the log group's region. Required.
	KeyArn string
	// Provider is the provider of another region; nil is the stack's default.
	Provider cdktf.TerraformProvider
	// DependsOn are resources that are made before the log group and destroyed after it.
	DependsOn []cdktf.ITerraformDependable
}

// LogGroup is a log group that was made.
type LogGroup struct {
	Arn, Name string
	// Ready is the log group itself. A service that would create a missing log group without key and retention depends
	// on it, so that it is made before and destroyed after the service.
	Ready cdktf.ITerraformDependable
}

// NewLogGroup makes a log group. It panics where the name, the retention or the key is missing.
func NewLogGroup(scope constructs.Construct, id string, props LogGroupProps) LogGroup {
	require("log group", props.Name,
		field{"Name", props.Name != ""}, field{"RetentionDays", props.RetentionDays > 0}, field{"KeyArn", props.KeyArn != ""})
	config := &cloudwatchloggroup.CloudwatchLogGroupConfig{
		Name:            jsii.String(props.Name),
		RetentionInDays: jsii.Number(props.RetentionDays),
		KmsKeyId:        jsii.String(props.KeyArn),
		Provider:        props.Provider,
	}
	if len(props.DependsOn) > 0 {
		config.DependsOn = &props.DependsOn
	}
	group := cloudwatchloggroup.NewCloudwatchLogGroup(scope, jsii.String(id), config)
	return LogGroup{Arn: *group.Arn(), Name: *group.Name(), Ready: group}
}
