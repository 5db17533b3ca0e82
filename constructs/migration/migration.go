// Package migration applies the schema's migrations before any service rolls out: a task with Flyway, a function that
// starts it and waits for its end, and an invocation of that function, on which every service depends. A migration that
// fails ends the apply, and the services stay as they were.
package migration

import (
	"fmt"
	"slices"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatcheventrule"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatcheventtarget"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchloggroup"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/ecstaskdefinition"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrole"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrolepolicy"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/lambdainvocation"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/ssmparameter"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/function"
	"github.com/batbern/infrastructure/constructs/network"
	"github.com/batbern/infrastructure/constructs/observability"
	"github.com/batbern/infrastructure/constructs/policy"
	"github.com/batbern/infrastructure/internal/text"
	"github.com/batbern/infrastructure/lambda/event"
	"github.com/batbern/infrastructure/migrations"
)

// Props says what is migrated, and where Flyway runs.
type Props struct {
	Name      string // prefix of AWS names, e.g. "batbern-dev"
	Account   config.Account
	Migration config.Migration

	// Repository holds the image. Without a digest the image is found by a tag: the checksum of the migrations, which
	// the registry, whose tags cannot be moved, makes as good as a digest.
	RepositoryURL, RepositoryArn string

	// Endpoint and Port are the instance's own, never the proxy's.
	Endpoint  string
	Port      int
	SecretArn string // of the user that Flyway signs in as

	ClusterArn string
	Vpc        network.Outputs

	BoundaryArn      string
	LogsKeyArn       string
	SecretsKeyArn    string
	LogRetentionDays int
	AlarmTopicArn    string // hears of migrations that ended badly
	Github           string // "owner/name", where the mail links to the runbook

	// After is what Flyway needs: passwords, ways through the network, a cluster with capacity.
	After []cdktf.ITerraformDependable
}

// Outputs are what other constructs may use.
type Outputs struct {
	Function     string // for alarms
	FailureRule  string // EventBridge's, which tells of migrations that ended badly
	TaskFamily   string
	LogGroupName string
	// Done is what services depend on: the migrated schema.
	Done []cdktf.ITerraformDependable
}

const (
	cpu, memoryMiB = 512, 1024
	// TimeoutSeconds is Lambda's longest. A migration that takes longer goes on, and the next apply waits for it.
	TimeoutSeconds = 900
	streamPrefix   = "migration"
)

// New makes task, function and invocation.
func New(scope constructs.Construct, id string, props Props) Outputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	checksum, err := migrations.Checksum()
	if err != nil {
		panic(err)
	}
	image := Image(props.RepositoryURL, checksum, props.Migration)
	logs := logGroup(scope, props)
	execution, rights := executionRole(scope, props, *logs.Arn())
	tasks := taskRole(scope, props)
	task := taskDefinition(scope, props, image, *logs.Name(), *execution.Arn(), *tasks.Arn())
	runner := runnerFunction(scope, props, *execution.Arn(), *tasks.Arn(), "/ecs/"+family(props))

	request := requestFor(props, image, checksum, *task.Arn(), *logs.Name())
	parameter(scope, props, request)
	after := slices.Concat([]cdktf.ITerraformDependable{rights, logs}, runner.Ready, props.Vpc.Ready, props.After)
	run := lambdainvocation.NewLambdaInvocation(scope, jsii.String("run"), &lambdainvocation.LambdaInvocationConfig{
		FunctionName: jsii.String(runner.Name),
		Input:        jsii.String(request),
		// what makes it another migration; the function itself takes care that a repeated one does nothing
		Triggers: &map[string]*string{
			"image":    jsii.String(image),
			"checksum": jsii.String(checksum),
			"revision": jsii.String(*cdktf.Token_AsString(task.Revision(), nil)),
		},
		DependsOn: &after,
	})
	return Outputs{
		Function: runner.Name, FailureRule: failures(scope, props, *logs.Name()), TaskFamily: family(props), LogGroupName: *logs.Name(),
		Done: []cdktf.ITerraformDependable{run},
	}
}

func family(props Props) string { return props.Name + "-migration" }

// Image is the reference of the image that holds these migrations.
func Image(repositoryURL, checksum string, migration config.Migration) string {
	if migration.ImageDigest != "" {
		return repositoryURL + "@" + migration.ImageDigest
	}
	return repositoryURL + ":" + checksum
}

func logGroup(scope constructs.Construct, props Props) cloudwatchloggroup.CloudwatchLogGroup {
	return cloudwatchloggroup.NewCloudwatchLogGroup(scope, jsii.String("logs"), &cloudwatchloggroup.CloudwatchLogGroupConfig{
		Name:            jsii.String("/ecs/" + family(props)),
		RetentionInDays: jsii.Number(props.LogRetentionDays),
		KmsKeyId:        jsii.String(props.LogsKeyArn),
	})
}

// executionRole is ECS's own: it pulls the image, writes the log and reads exactly one secret.
func executionRole(scope constructs.Construct, props Props, logGroupArn string) (iamrole.IamRole, iamrolepolicy.IamRolePolicy) {
	role := ecsRole(scope, "execution_role", props, "execution", "ECS starts the migration of "+props.Name)
	rights := iamrolepolicy.NewIamRolePolicy(scope, jsii.String("execution_rights"), &iamrolepolicy.IamRolePolicyConfig{
		Name: jsii.String("rights"),
		Role: role.Id(),
		Policy: jsii.String(policy.Document{Statements: []policy.Statement{
			// AWS knows no resource for this action
			{Sid: "SignInToRegistry", Effect: policy.Allow, Actions: []string{"ecr:GetAuthorizationToken"}, Resources: []string{"*"}},
			{Sid: "PullImage", Effect: policy.Allow, Resources: []string{props.RepositoryArn},
				Actions: []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}},
			{Sid: "WriteLog", Effect: policy.Allow, Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"}, Resources: []string{logGroupArn + ":*"}},
			{Sid: "ReadSecret", Effect: policy.Allow, Actions: []string{"secretsmanager:GetSecretValue"}, Resources: []string{props.SecretArn}},
			{Sid: "DecryptSecret", Effect: policy.Allow, Actions: []string{"kms:Decrypt"}, Resources: []string{props.SecretsKeyArn},
				Conditions: policy.Conditions{"StringEquals": {"kms:ViaService": policy.ViaServices(props.Account.Region, "secretsmanager")}}},
		}}.JSON()),
	})
	return role, rights
}

// taskRole is the running Flyway's: it may do nothing in AWS.
func taskRole(scope constructs.Construct, props Props) iamrole.IamRole {
	return ecsRole(scope, "task_role", props, "task", "Flyway in "+props.Name+": may do nothing in AWS")
}

func ecsRole(scope constructs.Construct, id string, props Props, suffix, purpose string) iamrole.IamRole {
	return iamrole.NewIamRole(scope, jsii.String(id), &iamrole.IamRoleConfig{
		Name:        jsii.String(family(props) + "-" + suffix),
		Description: jsii.String(purpose),
		AssumeRolePolicy: jsii.String(policy.TrustService("ecs-tasks.amazonaws.com", props.Account.ID,
			fmt.Sprintf("arn:aws:ecs:%s:%s:*", props.Account.Region, props.Account.ID)).JSON()),
		PermissionsBoundary: jsii.String(props.BoundaryArn),
	})
}

func taskDefinition(scope constructs.Construct, props Props, image, logGroup, executionArn, taskArn string) ecstaskdefinition.EcsTaskDefinition {
	return ecstaskdefinition.NewEcsTaskDefinition(scope, jsii.String("task"), &ecstaskdefinition.EcsTaskDefinitionConfig{
		Family:                  jsii.String(family(props)),
		Cpu:                     jsii.String(fmt.Sprint(cpu)),
		Memory:                  jsii.String(fmt.Sprint(memoryMiB)),
		NetworkMode:             jsii.String("awsvpc"),
		RequiresCompatibilities: jsii.Strings("FARGATE"),
		RuntimePlatform:         &ecstaskdefinition.EcsTaskDefinitionRuntimePlatform{CpuArchitecture: jsii.String("ARM64"), OperatingSystemFamily: jsii.String("LINUX")},
		ExecutionRoleArn:        jsii.String(executionArn),
		TaskRoleArn:             jsii.String(taskArn),
		ContainerDefinitions:    jsii.String(containers(props, image, logGroup)),
	})
}

// containers is the task's one container as JSON, with every default that ECS would add, so that the next plan finds
// nothing to change. encoding/json writes keys in order.
func containers(props Props, image, logGroup string) string {
	type fields = map[string]any
	secret := func(variable, key string) fields {
		return fields{"name": variable, "valueFrom": props.SecretArn + ":" + key + "::"}
	}
	return text.JSON([]fields{{
		"name": migrations.Container, "image": image, "essential": true, "cpu": 0, "memory": memoryMiB,
		"user": "10001:10001", "readonlyRootFilesystem": true, "privileged": false, "stopTimeout": 110,
		"environment":  []fields{{"name": migrations.URLVariable, "value": migrations.URL(props.Endpoint, fmt.Sprint(props.Port), config.DatabaseName, migrations.RootCertificates)}},
		"secrets":      []fields{secret(migrations.PasswordVariable, "password"), secret(migrations.UserVariable, "username")},
		"portMappings": []fields{}, "mountPoints": []fields{}, "volumesFrom": []fields{}, "systemControls": []fields{},
		"linuxParameters": fields{
			"capabilities":       fields{"add": []string{}, "drop": []string{"ALL"}},
			"initProcessEnabled": true,
			"tmpfs":              []fields{{"containerPath": "/tmp", "size": 64, "mountOptions": []string{"exec", "nodev", "nosuid", "rw"}}},
		},
		// a migration's log is waited for: no line may be lost
		"logConfiguration": fields{"logDriver": "awslogs", "options": fields{
			"awslogs-group": logGroup, "awslogs-region": props.Account.Region, "awslogs-stream-prefix": streamPrefix, "mode": "blocking",
		}},
	}})
}

// runnerFunction starts and watches the task. It stays outside the VPC, because it calls only ECS and CloudWatch Logs.
func runnerFunction(scope constructs.Construct, props Props, executionArn, taskArn, logGroup string) function.Outputs {
	account, region := props.Account.ID, props.Account.Region
	inCluster := policy.Conditions{"ArnEquals": {"ecs:cluster": {props.ClusterArn}}}
	return function.New(scope, "runner", function.Props{
		Name:           family(props) + "-runner",
		Source:         "migration-runner",
		Purpose:        "Runs the schema's migrations and waits for their end",
		Account:        props.Account,
		TimeoutSeconds: TimeoutSeconds,
		Statements: []policy.Statement{
			{Sid: "RunTask", Effect: policy.Allow, Actions: []string{"ecs:RunTask"}, Conditions: inCluster,
				Resources: []string{fmt.Sprintf("arn:aws:ecs:%s:%s:task-definition/%s:*", region, account, family(props))}},
			{Sid: "WatchTask", Effect: policy.Allow, Actions: []string{"ecs:DescribeTasks"}, Conditions: inCluster,
				Resources: []string{fmt.Sprintf("arn:aws:ecs:%s:%s:task/%s/*", region, account, props.Name)}},
			// AWS, "Actions, resources, and condition keys for Amazon CloudWatch Logs": GetLogEvents is on a log stream
			{Sid: "ReadLog", Effect: policy.Allow, Actions: []string{"logs:GetLogEvents"},
				Resources: []string{fmt.Sprintf("arn:aws:logs:%s:%s:log-group:%s:log-stream:*", region, account, logGroup)}},
			// The task takes the tags of its definition, which ECS asks a permission of its own for.
			{Sid: "TagTask", Effect: policy.Allow, Actions: []string{"ecs:TagResource"},
				Resources:  []string{fmt.Sprintf("arn:aws:ecs:%s:%s:task/%s/*", region, account, props.Name)},
				Conditions: policy.Conditions{"StringEquals": {"ecs:CreateAction": {"RunTask"}}}},
			{Sid: "PassRoles", Effect: policy.Allow, Actions: []string{"iam:PassRole"}, Resources: []string{executionArn, taskArn},
				Conditions: policy.Conditions{"StringEquals": {"iam:PassedToService": {"ecs-tasks.amazonaws.com"}}}},
		},
		BoundaryArn:      props.BoundaryArn,
		LogsKeyArn:       props.LogsKeyArn,
		LogRetentionDays: props.LogRetentionDays,
	})
}

func requestFor(props Props, image, checksum, taskArn, logGroup string) string {
	return text.JSON(event.Migration{
		Cluster:            props.ClusterArn,
		TaskDefinition:     taskArn,
		Container:          migrations.Container,
		Subnets:            props.Vpc.SubnetIDs(config.Private),
		SecurityGroups:     []string{props.Vpc.SecurityGroupID(network.Migration)},
		Image:              image,
		MigrationsChecksum: checksum,
		LogGroup:           logGroup,
		LogStreamPrefix:    streamPrefix,
	})
}

// parameter keeps the request for `batbern migrate`.
func parameter(scope constructs.Construct, props Props, request string) {
	ssmparameter.NewSsmParameter(scope, jsii.String("request"), &ssmparameter.SsmParameterConfig{
		Name:        jsii.String(migrations.RequestParameter(props.Name)),
		Description: jsii.String("What `batbern migrate` asks for: the same as the last deployment"),
		Type:        jsii.String("String"),
		Value:       jsii.String(request),
	})
}

// failures tells the topic of every migration that ended otherwise than with 0, started by whomever. It gives the rule's
// name.
func failures(scope constructs.Construct, props Props, logGroup string) string {
	rule := cloudwatcheventrule.NewCloudwatchEventRule(scope, jsii.String("failed"), &cloudwatcheventrule.CloudwatchEventRuleConfig{
		Name:        jsii.String(family(props) + "-failed"),
		Description: jsii.String("A migration of " + props.Name + " ended badly"),
		EventPattern: jsii.String(text.JSON(map[string]any{
			"source":      []string{"aws.ecs"},
			"detail-type": []string{"ECS Task State Change"},
			"detail": map[string]any{
				"clusterArn": []string{props.ClusterArn},
				"group":      []string{"family:" + family(props)},
				"lastStatus": []string{"STOPPED"},
				// no exit code at all means that the container never ran
				"containers": map[string]any{"exitCode": []any{map[string]any{"anything-but": 0}, map[string]any{"exists": false}}},
			},
		})),
	})
	failed := observability.Event{
		Runbook: "migration-errors", Summary: "A migration failed: no service rolls out. Flyway's words are in " + logGroup,
		// a container that never ran has no exit code, which leaves that place empty
		Details: map[string]string{"task": "$.detail.taskArn", "reason": "$.detail.stoppedReason", "exit_code": "$.detail.containers[0].exitCode"},
	}
	cloudwatcheventtarget.NewCloudwatchEventTarget(scope, jsii.String("failed_to_topic"), &cloudwatcheventtarget.CloudwatchEventTargetConfig{
		Rule:             rule.Name(),
		TargetId:         jsii.String("topic"),
		Arn:              jsii.String(props.AlarmTopicArn),
		InputTransformer: failed.Mail(props.Name, props.Account.ID, props.Github),
	})
	return *rule.Name()
}
