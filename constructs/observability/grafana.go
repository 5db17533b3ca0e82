package observability

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/grafanaworkspace"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrole"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrolepolicy"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/constructs/policy"
)

// grafana makes a workspace that reads metrics, logs and traces where it is asked for, and gives its address. People sign
// in by IAM Identity Center, which an administrator of the organization lets them into.
func grafana(scope constructs.Construct, constructID string, props Props) (endpoint string) {
	if !props.Watch.Grafana {
		return ""
	}
	scope = constructs.NewConstruct(scope, jsii.String(constructID))
	workspaces := fmt.Sprintf("arn:aws:grafana:%s:%s:/workspaces/*", props.Account.Region, props.Account.ID)
	role := iamrole.NewIamRole(scope, jsii.String("role"), &iamrole.IamRoleConfig{
		Name:                jsii.String(props.Name + "-grafana"),
		Description:         jsii.String("Grafana reads metrics, logs and traces of " + props.Name),
		AssumeRolePolicy:    jsii.String(policy.TrustService("grafana.amazonaws.com", props.Account.ID, workspaces).JSON()),
		PermissionsBoundary: jsii.String(props.BoundaryArn),
	})
	rights := iamrolepolicy.NewIamRolePolicy(scope, jsii.String("rights"), &iamrolepolicy.IamRolePolicyConfig{
		Name: jsii.String("rights"), Role: role.Id(), Policy: jsii.String(grafanaPolicy(props).JSON()),
	})
	workspace := grafanaworkspace.NewGrafanaWorkspace(scope, jsii.String("workspace"), &grafanaworkspace.GrafanaWorkspaceConfig{
		Name:                    jsii.String(props.Name),
		Description:             jsii.String("Metrics, logs and traces of " + props.Name),
		AccountAccessType:       jsii.String("CURRENT_ACCOUNT"),
		AuthenticationProviders: jsii.Strings("AWS_SSO"),
		PermissionType:          jsii.String("CUSTOMER_MANAGED"),
		RoleArn:                 role.Arn(),
		DataSources:             jsii.Strings("CLOUDWATCH", "XRAY"),
		DependsOn:               &[]cdktf.ITerraformDependable{rights},
	})
	return *workspace.Endpoint()
}

// grafanaPolicy reads, and changes nothing. CloudWatch and X-Ray know no resources for most of it.
// https://docs.aws.amazon.com/grafana/latest/userguide/AMG-manage-permissions.html
//
// "Users who can access encrypted trace data have permission to call kms:Decrypt" (AWS, "How AWS X-Ray works with IAM").
// https://docs.aws.amazon.com/xray/latest/devguide/security_iam_service-with-iam.html
func grafanaPolicy(props Props) policy.Document {
	read := func(sid string, actions ...string) policy.Statement {
		return policy.Statement{Sid: sid, Effect: policy.Allow, Actions: actions, Resources: []string{"*"}}
	}
	return policy.Document{Statements: []policy.Statement{
		read("ReadMetrics", "cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmsForMetric", "cloudwatch:DescribeAlarmHistory",
			"cloudwatch:GetInsightRuleReport", "cloudwatch:GetMetricData", "cloudwatch:ListMetrics"),
		read("ReadLogs", "logs:DescribeLogGroups", "logs:GetLogEvents", "logs:GetLogGroupFields", "logs:GetQueryResults", "logs:StartQuery", "logs:StopQuery"),
		read("ReadTraces", "xray:BatchGetTraces", "xray:GetGroup", "xray:GetGroups", "xray:GetInsight", "xray:GetInsightEvents", "xray:GetInsightImpactGraph",
			"xray:GetInsightSummaries", "xray:GetServiceGraph", "xray:GetTimeSeriesServiceStatistics", "xray:GetTraceGraph", "xray:GetTraceSummaries"),
		read("FindResources", "ec2:DescribeRegions", "tag:GetResources"),
		{
			Sid: "DecryptTraces", Effect: policy.Allow, Actions: []string{"kms:Decrypt"}, Resources: []string{props.LogsKeyArn},
			Conditions: policy.Conditions{"StringEquals": {"kms:ViaService": policy.ViaServices(props.Account.Region, "xray")}},
		},
	}}
}
