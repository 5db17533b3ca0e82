package network

import (
	"fmt"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchloggroup"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/flowlog"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrole"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrolepolicy"
	"github.com/hashicorp/terraform-cdk-go/cdktf"
)

// flowLogFields are what a record says, in this order. Beyond the default: the true ends behind NAT gateways and
// endpoints (pkt-), the way out, and the ECS service.
// https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html
var flowLogFields = []string{
	"version", "account-id", "vpc-id", "subnet-id", "az-id", "interface-id",
	"srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "action", "log-status",
	"tcp-flags", "flow-direction", "traffic-path",
	"pkt-srcaddr", "pkt-dstaddr", "pkt-src-aws-service", "pkt-dst-aws-service",
	"ecs-service-name", "ecs-task-id",
}

// flowLogFormat is what AWS calls ${field}; Terraform wants the dollar doubled.
func flowLogFormat() string {
	fields := make([]string, len(flowLogFields))
	for i, field := range flowLogFields {
		fields[i] = "$${" + field + "}"
	}
	return strings.Join(fields, " ")
}

// flowLogs records every connection in S3, where hours of it cost little and Athena reads them, and rejected ones in
// CloudWatch, where alarms are (EC2.6). It gives the name of the log group.
func flowLogs(scope constructs.Construct, props Props, vpcID string) (rejectedGroup string) {
	if props.FlowLogsBucketArn != "" {
		allToS3(scope, props, vpcID)
	}
	return rejectedToCloudWatch(scope, props, vpcID)
}

func allToS3(scope constructs.Construct, props Props, vpcID string) {
	flowlog.NewFlowLog(scope, jsii.String("flow_log_all"), &flowlog.FlowLogConfig{
		VpcId:                  jsii.String(vpcID),
		TrafficType:            jsii.String("ALL"),
		LogDestinationType:     jsii.String("s3"),
		LogDestination:         jsii.String(props.FlowLogsBucketArn),
		LogFormat:              jsii.String(flowLogFormat()),
		MaxAggregationInterval: jsii.Number(props.Network.FlowLogs.AggregationSeconds),
		DestinationOptions: &flowlog.FlowLogDestinationOptions{
			FileFormat:               jsii.String("parquet"),
			HiveCompatiblePartitions: jsii.Bool(true),
			PerHourPartition:         jsii.Bool(true),
		},
		Tags: named(props.Name + "-all"),
	})
}

func rejectedToCloudWatch(scope constructs.Construct, props Props, vpcID string) (logGroup string) {
	group := cloudwatchloggroup.NewCloudwatchLogGroup(scope, jsii.String("rejected_log_group"), &cloudwatchloggroup.CloudwatchLogGroupConfig{
		Name:            jsii.String(rejectedLogGroup(props)),
		RetentionInDays: jsii.Number(props.Network.FlowLogs.RetentionDays),
		KmsKeyId:        jsii.String(props.LogsKeyArn),
	})
	role := iamrole.NewIamRole(scope, jsii.String("flow_log_role"), &iamrole.IamRoleConfig{
		Name:                jsii.String(props.Name + "-flow-logs"),
		Description:         jsii.String("VPC flow logs write rejected connections to CloudWatch"),
		AssumeRolePolicy:    jsii.String(flowLogTrust(props.Account)),
		PermissionsBoundary: jsii.String(props.BoundaryArn),
	})
	writing := iamrolepolicy.NewIamRolePolicy(scope, jsii.String("flow_log_role_policy"), &iamrolepolicy.IamRolePolicyConfig{
		Name:   jsii.String("write-rejected"),
		Role:   role.Id(),
		Policy: jsii.String(flowLogWriting(props)),
	})
	flowlog.NewFlowLog(scope, jsii.String("flow_log_rejected"), &flowlog.FlowLogConfig{
		VpcId:                  jsii.String(vpcID),
		TrafficType:            jsii.String("REJECT"),
		LogDestinationType:     jsii.String("cloud-watch-logs"),
		LogDestination:         group.Arn(),
		IamRoleArn:             role.Arn(),
		LogFormat:              jsii.String(flowLogFormat()),
		MaxAggregationInterval: jsii.Number(props.Network.FlowLogs.AggregationSeconds),
		Tags:                   named(props.Name + "-rejected"),
		DependsOn:              &[]cdktf.ITerraformDependable{writing},
	})
	return *group.Name()
}

func rejectedLogGroup(props Props) string { return fmt.Sprintf("/%s/vpc/rejected", props.Name) }
