package compute

import (
	"fmt"
	"strings"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/encryption"
	"github.com/batbern/infrastructure/constructs/policy"
)

// executionPolicy is what ECS itself may do to start a service's tasks: pull its image, write its log, read its secrets.
func executionPolicy(service config.Service, logGroupArn string, secretArns []string, props ServicesProps) policy.Document {
	document := policy.Document{Statements: []policy.Statement{
		// AWS knows no resource for this action
		{Sid: "SignInToRegistry", Effect: policy.Allow, Actions: []string{"ecr:GetAuthorizationToken"}, Resources: []string{"*"}},
		{Sid: "PullImage", Effect: policy.Allow, Actions: []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
			Resources: []string{props.Repositories[service.Name].Arn}},
		pullPublicImages(props.Account),
		{Sid: "WriteLog", Effect: policy.Allow, Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"}, Resources: []string{logGroupArn + ":*"}},
	}}
	if len(secretArns) > 0 {
		document.Statements = append(document.Statements,
			policy.Statement{Sid: "ReadSecrets", Effect: policy.Allow, Actions: []string{"secretsmanager:GetSecretValue"}, Resources: secretArns},
			through("DecryptSecrets", "secretsmanager", props.SecretsKeyArn, props.Account, "kms:Decrypt"),
		)
	}
	return document
}

// taskPolicy is what a running service may do: what its entry names, send traces, and take an exec session where
// that is allowed.
func taskPolicy(service config.Service, props ServicesProps) policy.Document {
	document := policy.Document{Statements: []policy.Statement{
		// X-Ray knows no resources for these actions
		{Sid: "SendTraces", Effect: policy.Allow, Actions: []string{"xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"},
			Resources: []string{"*"}},
	}}
	add := func(statements ...policy.Statement) { document.Statements = append(document.Statements, statements...) }
	if service.DatabaseUser != "" && props.Database != nil {
		add(policy.Statement{Sid: "SignInToDatabase", Effect: policy.Allow, Actions: []string{"rds-db:connect"}, Resources: []string{
			fmt.Sprintf("arn:aws:rds-db:%s:%s:dbuser:%s/%s", props.Account.Region, props.Account.ID, props.Database.ProxyResourceID, service.DatabaseUser),
		}})
	}
	if props.Parameters != nil {
		add(policy.Statement{Sid: "ReadParameters", Effect: policy.Allow, Actions: []string{"ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"},
			Resources: parameterArns(service, props)})
	}
	if props.Cache != nil {
		add(policy.Statement{Sid: "SignInToCache", Effect: policy.Allow, Actions: []string{"elasticache:Connect"},
			Resources: []string{props.Cache.Arn, props.Cache.UserArns[service.Name]}})
	}
	add(bucketStatements(service, props)...)
	for i, permission := range service.Permissions {
		add(policy.Statement{Sid: fmt.Sprintf("Permission%d", i), Effect: policy.Allow, Actions: permission.Actions, Resources: resolve(permission.Resources, props)})
	}
	if props.Compute.Exec {
		add(execStatements(props)...)
	}
	return document
}

// parameterArns are the service's own part of Parameter Store and the platform's: a path itself, and what is below it.
func parameterArns(service config.Service, props ServicesProps) []string {
	var arns []string
	for _, path := range []string{props.Parameters.ServicePaths[service.Name], props.Parameters.PlatformPath} {
		arn := fmt.Sprintf("arn:aws:ssm:%s:%s:parameter%s", props.Account.Region, props.Account.ID, path)
		arns = append(arns, arn, arn+"/*")
	}
	return arns
}

func bucketStatements(service config.Service, props ServicesProps) []policy.Statement {
	if len(service.Buckets) == 0 {
		return nil
	}
	var buckets, readable, writable, deletable []string
	for _, access := range service.Buckets {
		arn := props.Buckets[access.Bucket].Arn
		buckets, readable = append(buckets, arn), append(readable, arn+"/*")
		if access.Write {
			writable = append(writable, arn+"/*")
			if access.Bucket == deletableBucket {
				deletable = append(deletable, arn+"/*")
			}
		}
	}
	statements := []policy.Statement{
		{Sid: "ListBuckets", Effect: policy.Allow, Actions: []string{"s3:ListBucket"}, Resources: buckets},
		{Sid: "ReadObjects", Effect: policy.Allow, Actions: []string{"s3:GetObject"}, Resources: readable},
	}
	keyActions := []string{"kms:Decrypt"}
	if len(writable) > 0 {
		statements = append(statements, policy.Statement{Sid: "WriteObjects", Effect: policy.Allow, Actions: []string{"s3:AbortMultipartUpload", "s3:PutObject"}, Resources: writable})
		keyActions = append(keyActions, "kms:GenerateDataKey")
	}
	if len(deletable) > 0 {
		statements = append(statements, policy.Statement{Sid: "DeleteObjects", Effect: policy.Allow, Actions: []string{"s3:DeleteObject"}, Resources: deletable})
	}
	return append(statements, through("UseStorageKey", "s3", props.StorageKeyArn, props.Account, keyActions...))
}

// deletableBucket is the only one whose objects services may delete; its versions stay.
const deletableBucket = "content"

// execStatements let the agent in a task open an encrypted session and log it.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html
func execStatements(props ServicesProps) []policy.Statement {
	return []policy.Statement{
		// the Systems Manager's message gateway and the list of log groups know no resources
		{Sid: "OpenExecSession", Effect: policy.Allow, Resources: []string{"*"}, Actions: []string{
			"logs:DescribeLogGroups",
			"ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
		}},
		{Sid: "LogExecSession", Effect: policy.Allow, Actions: []string{"logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"},
			Resources: []string{props.Cluster.ExecLogGroupArn + ":*"}},
		{Sid: "EncryptExecSession", Effect: policy.Allow, Actions: []string{"kms:Decrypt"}, Resources: []string{props.LogsKeyArn},
			Conditions: policy.Conditions{"Null": {encryption.SessionContext: {"false"}}}},
	}
}

// deployPolicy is what CodeDeploy may do for one service and no other: start and stop its task sets, move its rules,
// hand its two roles to its tasks. AWS's own policy for this allows it for every service, listener and role.
// https://docs.aws.amazon.com/codedeploy/latest/userguide/getting-started-create-service-role.html
func deployPolicy(service config.Service, p parts, props ServicesProps) policy.Document {
	cluster := props.Cluster.Name
	ecs := fmt.Sprintf("arn:aws:ecs:%s:%s:", props.Account.Region, props.Account.ID)
	balancer := props.LoadBalancer.Service(service.Name)
	// CodeDeploy asks for all alarms and picks its own
	alarms := fmt.Sprintf("arn:aws:cloudwatch:%s:%s:alarm:*", props.Account.Region, props.Account.ID)
	return policy.Document{Statements: []policy.Statement{
		{Sid: "ReplaceTaskSets", Effect: policy.Allow, Actions: []string{"ecs:CreateTaskSet", "ecs:DeleteTaskSet", "ecs:DescribeServices", "ecs:UpdateServicePrimaryTaskSet"},
			Resources: []string{ecs + "service/" + cluster + "/" + service.Name, ecs + "task-set/" + cluster + "/" + service.Name + "/*"}},
		// AWS knows no resources for reading load balancers
		{Sid: "ReadLoadBalancer", Effect: policy.Allow, Actions: []string{"elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTargetGroups"},
			Resources: []string{"*"}},
		{Sid: "MoveTraffic", Effect: policy.Allow, Actions: []string{"elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyRule"},
			Resources: append([]string{props.LoadBalancer.ListenerArn, props.LoadBalancer.TestListenerArn}, balancer.RuleArns...)},
		{Sid: "WatchAlarms", Effect: policy.Allow, Actions: []string{"cloudwatch:DescribeAlarms"}, Resources: []string{alarms}},
		{Sid: "HandRolesToTasks", Effect: policy.Allow, Actions: []string{"iam:PassRole"}, Resources: []string{p.executionRoleArn, p.taskRoleArn},
			Conditions: policy.Conditions{"StringEquals": {"iam:PassedToService": {tasksPrincipal}}}},
	}}
}

// through allows the use of a key for one AWS service alone.
func through(sid, service, keyArn string, account config.Account, actions ...string) policy.Statement {
	return policy.Statement{Sid: sid, Effect: policy.Allow, Actions: actions, Resources: []string{keyArn}, Conditions: policy.Conditions{
		"StringEquals": {"kms:ViaService": policy.ViaServices(account.Region, service)},
	}}
}

// resolve puts the environment's own into an entry's resources.
func resolve(resources []string, props ServicesProps) []string {
	replacer := strings.NewReplacer("{account}", props.Account.ID, "{region}", props.Account.Region, "{name}", props.Name)
	resolved := make([]string, len(resources))
	for i, resource := range resources {
		resolved[i] = replacer.Replace(resource)
	}
	return resolved
}

const (
	tasksPrincipal      = "ecs-tasks.amazonaws.com"
	codeDeployPrincipal = "codedeploy.amazonaws.com"
)
