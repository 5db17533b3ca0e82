package compute

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/ecstaskdefinition"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrole"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrolepolicy"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
)

// roles makes who starts the service's tasks and who they are.
func roles(scope constructs.Construct, service config.Service, p *parts, props ServicesProps) {
	trust := policy.TrustService(tasksPrincipal, props.Account.ID, fmt.Sprintf("arn:aws:ecs:%s:%s:*", props.Account.Region, props.Account.ID))
	// by name: the ARNs are tokens, whose order depends on what else was built
	byName := map[string]string{}
	for _, secret := range service.Secrets {
		byName[secret.Secret] = props.SecretArns[secret.Secret]
	}
	var secrets []string
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		secrets = append(secrets, byName[name])
	}
	execution, executionPolicy := role(scope, "execution", service.Name+"-execution", trust, executionPolicy(service, p.logGroupArn, secrets, props), props)
	task, taskPolicy := role(scope, "task", service.Name+"-task", trust, taskPolicy(service, props), props)
	p.executionRoleArn, p.taskRoleArn = execution, task
	p.ready = append(p.ready, executionPolicy, taskPolicy)
}

// role makes a role with one policy. What the role starts waits for the policy.
func role(scope constructs.Construct, id, name string, trust, document policy.Document, props ServicesProps) (arn string, ready cdktf.ITerraformDependable) {
	role := iamrole.NewIamRole(scope, jsii.String(id+"_role"), &iamrole.IamRoleConfig{
		Name:                jsii.String(props.Name + "-" + name),
		AssumeRolePolicy:    jsii.String(trust.JSON()),
		PermissionsBoundary: jsii.String(props.BoundaryArn),
	})
	ready = iamrolepolicy.NewIamRolePolicy(scope, jsii.String(id+"_policy"), &iamrolepolicy.IamRolePolicyConfig{
		Name:   jsii.String(name),
		Role:   role.Name(),
		Policy: jsii.String(document.JSON()),
	})
	return *role.Arn(), ready
}

// template is what a task of the service looks like: all but the image. A pipeline takes it, puts its image in and
// registers the result in a family of its own; nothing ever runs the template itself.
func template(scope constructs.Construct, service config.Service, p parts, props ServicesProps) string {
	log := logTarget{p.logGroup, props.Account}
	image := props.Repositories[service.Name].URL + ":" + undeployedTag
	args := &ecstaskdefinition.EcsTaskDefinitionConfig{
		Family:      jsii.String(fmt.Sprintf("%s-%s-template", props.Name, service.Name)),
		Cpu:         jsii.String(fmt.Sprint(service.Cpu)),
		Memory:      jsii.String(fmt.Sprint(service.MemoryMiB)),
		TaskRoleArn: jsii.String(p.taskRoleArn),
		ContainerDefinitions: jsii.String(containers(
			application(service, image, environment(service, props), secretReferences(service, props), props.Compute.Exec, log),
			probe(service, log),
			collector(log),
		)),
	}
	if props.Compute.Exec {
		var volumes []*ecstaskdefinition.EcsTaskDefinitionVolume
		for _, volume := range execVolumes() {
			volumes = append(volumes, &ecstaskdefinition.EcsTaskDefinitionVolume{Name: jsii.String(volume.name)})
		}
		args.Volume = &volumes
	}
	return task(scope, "template", args, p)
}

// The size of a placeholder's task: Fargate's smallest, of which it leaves Service Connect's proxy its part.
const (
	placeholderCpu       = 256
	placeholderTaskMiB   = 512
	placeholderMemoryMiB = placeholderTaskMiB - config.ProxyMemoryMiB
)

// placeholderTask is what a service runs from its first apply to its first rollout.
func placeholderTask(scope constructs.Construct, service config.Service, p parts, props ServicesProps) string {
	return task(scope, "placeholder", &ecstaskdefinition.EcsTaskDefinitionConfig{
		Family: jsii.String(fmt.Sprintf("%s-%s-placeholder", props.Name, service.Name)),
		Cpu:    jsii.String(fmt.Sprint(placeholderCpu)),
		Memory: jsii.String(fmt.Sprint(placeholderTaskMiB)),
		// ECS refuses to make a service with ECS Exec on a task definition without a task role. The placeholder calls nothing
		// with it. AWS, "Using Amazon ECS Exec"
		TaskRoleArn:          jsii.String(p.taskRoleArn),
		ContainerDefinitions: jsii.String(containers(placeholder(service, logTarget{p.logGroup, props.Account}))),
	}, p)
}

func task(scope constructs.Construct, id string, args *ecstaskdefinition.EcsTaskDefinitionConfig, p parts) string {
	args.NetworkMode = jsii.String("awsvpc")
	args.RequiresCompatibilities = jsii.Strings(onDemand)
	// Graviton: a fifth cheaper than x86, and Java does not care
	args.RuntimePlatform = &ecstaskdefinition.EcsTaskDefinitionRuntimePlatform{CpuArchitecture: jsii.String("ARM64"), OperatingSystemFamily: jsii.String("LINUX")}
	args.ExecutionRoleArn = jsii.String(p.executionRoleArn)
	return *ecstaskdefinition.NewEcsTaskDefinition(scope, jsii.String(id), args).Arn()
}

// environment is what a service reads: its own settings, and what the infrastructure knows. Nothing of it is secret.
func environment(service config.Service, props ServicesProps) map[string]string {
	variables := maps.Clone(service.Environment)
	if variables == nil {
		variables = map[string]string{}
	}
	variables["BATBERN_ENVIRONMENT"] = props.Environment
	variables["BATBERN_SERVICES_DOMAIN"] = props.Cluster.NamespaceName
	variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:4318"
	variables["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf"
	variables["OTEL_RESOURCE_ATTRIBUTES"] = "deployment.environment=" + props.Environment + ",service.namespace=" + props.Name
	variables["OTEL_SERVICE_NAME"] = service.Name
	maps.Copy(variables, springVariables(service))
	if props.Parameters != nil {
		// as Spring's aws-parameterstore import takes them; what is the service's own comes last and wins
		variables["BATBERN_PARAMETERS"] = props.Parameters.PlatformPath + "/;" + props.Parameters.ServicePaths[service.Name] + "/"
	}
	if service.DatabaseUser != "" && props.Database != nil {
		variables["DATABASE_HOST"] = props.Database.Endpoint
		variables["DATABASE_NAME"] = props.Database.Name
		variables["DATABASE_PORT"] = fmt.Sprint(props.Database.Port)
		variables["DATABASE_USER"] = service.DatabaseUser
		// the service signs in with a token of its role. The proxy's certificate is ACM's, whose authorities every Java
		// trusts; without the factory the driver would look for a file of them and refuse to connect. Prepared statements of the server would pin the connection, so
		// that the proxy could not pool it
		variables["DATABASE_URL"] = fmt.Sprintf("jdbc:postgresql://%s:%d/%s?sslmode=verify-full&sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory&prepareThreshold=0",
			props.Database.Endpoint, props.Database.Port, props.Database.Name)
	}
	if props.Cache != nil {
		variables["CACHE_CLUSTER_MODE"] = fmt.Sprint(props.Cache.ClusterMode)
		variables["CACHE_HOST"] = props.Cache.Endpoint
		variables["CACHE_PORT"] = fmt.Sprint(props.Cache.Port)
		variables["CACHE_READER_HOST"] = props.Cache.ReaderEndpoint
		variables["CACHE_USER"] = props.Cache.UserNames[service.Name] // by a token of the role, like the database
	}
	for _, access := range service.Buckets {
		variables["BATBERN_BUCKET_"+upper(access.Bucket)] = props.Buckets[access.Bucket].Name
	}
	return variables
}

// secretReferences name fields of secrets; ECS reads them when a task starts.
func secretReferences(service config.Service, props ServicesProps) map[string]string {
	references := map[string]string{}
	for _, secret := range service.Secrets {
		references[secret.Variable] = fmt.Sprintf("%s:%s::", props.SecretArns[secret.Secret], secret.Key)
	}
	return references
}
