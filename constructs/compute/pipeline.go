package compute

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/identity"
	"github.com/batbern/infrastructure/constructs/policy"
)

// pipelineRole is who the service's own pipeline is in this account: it rolls the service out and can do nothing else.
// A service whose entry names no repository has none.
func pipelineRole(scope constructs.Construct, service config.Service, p parts, deploymentGroup string, props ServicesProps) {
	if service.Repository == "" {
		return
	}
	trust := identity.RolloutTrust(props.BaseAccountID, props.Name, service.Name)
	role(scope, "pipeline", service.Name+"-rollout", trust, pipelinePolicy(service, p, deploymentGroup, props), props)
}

// pipelinePolicy is what a rollout takes: the instructions, a task definition with the service's two roles and no
// others, and either a deployment of its group or an update of its service. It reads no log and no secret, and starts no
// task itself.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
// https://docs.aws.amazon.com/codedeploy/latest/userguide/auth-and-access-control-permissions-reference.html
func pipelinePolicy(service config.Service, p parts, deploymentGroup string, props ServicesProps) policy.Document {
	arn := func(product, resource string) string {
		return fmt.Sprintf("arn:aws:%s:%s:%s:%s", product, props.Account.Region, props.Account.ID, resource)
	}
	running := []string{arn("ecs", "service/"+props.Cluster.Name+"/"+service.Name)}
	document := policy.Document{Statements: []policy.Statement{
		{Sid: "ReadInstructions", Effect: policy.Allow, Actions: []string{"ssm:GetParameter"}, Resources: []string{arn("ssm", "parameter"+instructionsName(service, props))}},
		// AWS knows no resources for these two. What a definition may be is decided by the roles that it may carry
		{Sid: "RegisterTask", Effect: policy.Allow, Actions: []string{"ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition"}, Resources: []string{"*"}},
		// an image for another architecture is refused before a task of it is registered
		{Sid: "ReadImage", Effect: policy.Allow, Actions: []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}, Resources: []string{props.Repositories[service.Name].Arn}},
		{Sid: "HandRolesToTasks", Effect: policy.Allow, Actions: []string{"iam:PassRole"}, Resources: []string{p.executionRoleArn, p.taskRoleArn},
			Conditions: policy.Conditions{"StringEquals": {"iam:PassedToService": {tasksPrincipal}}}},
	}}
	if deploymentGroup == "" {
		document.Statements = append(document.Statements,
			policy.Statement{Sid: "RollOut", Effect: policy.Allow, Actions: []string{"ecs:DescribeServices", "ecs:UpdateService"}, Resources: running})
		return document
	}
	document.Statements = append(document.Statements,
		// a change of the number of tasks fails a deployment, so scaling is suspended meanwhile. Application Auto Scaling asks the
		// caller for what it will do itself: DescribeServices and UpdateService.
		// https://docs.aws.amazon.com/autoscaling/application/userguide/security_iam_id-based-policy-examples.html
		policy.Statement{Sid: "SuspendScaling", Effect: policy.Allow, Actions: []string{"application-autoscaling:RegisterScalableTarget"}, Resources: []string{p.scalingTargetArn}},
		policy.Statement{Sid: "WatchService", Effect: policy.Allow, Actions: []string{"ecs:DescribeServices", "ecs:UpdateService"}, Resources: running},
		policy.Statement{Sid: "RollOut", Effect: policy.Allow, Resources: []string{arn("codedeploy", "deploymentgroup:"+deploymentGroup+"/"+deploymentGroup)},
			Actions: []string{"codedeploy:CreateDeployment", "codedeploy:GetDeployment", "codedeploy:GetDeploymentGroup"}},
		// IAM knows no resource for StopDeployment. The role cannot list deployments: it knows the ids of its own.
		// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodedeploy.html
		policy.Statement{Sid: "GiveUp", Effect: policy.Allow, Actions: []string{"codedeploy:StopDeployment"}, Resources: []string{"*"}},
		policy.Statement{Sid: "NameRevision", Effect: policy.Allow, Resources: []string{arn("codedeploy", "application:"+deploymentGroup)},
			Actions: []string{"codedeploy:GetApplicationRevision", "codedeploy:RegisterApplicationRevision"}},
		policy.Statement{Sid: "ReadTrafficShift", Effect: policy.Allow, Actions: []string{"codedeploy:GetDeploymentConfig"},
			Resources: []string{arn("codedeploy", "deploymentconfig:"+props.Compute.Rollout.TrafficShift)}},
	)
	return document
}
