package compute

import (
	"fmt"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/cache"
	"github.com/batbern/infrastructure/constructs/loadbalancer"
	"github.com/batbern/infrastructure/constructs/network"
	"github.com/batbern/infrastructure/constructs/parameters"
	"github.com/batbern/infrastructure/constructs/storage"
)

// ServicesProps says what the services are made of and what they may reach.
type ServicesProps struct {
	// Name begins the names in AWS: "batbern-dev".
	Name string
	// Environment is the short name that services read in BATBERN_ENVIRONMENT: "dev".
	Environment string
	Account     config.Account
	// BaseAccountID is where the services' pipelines sign in.
	BaseAccountID string
	Compute       config.Compute
	// Services are the list, in any order.
	Services     []config.Service
	Vpc          network.Outputs
	Cluster      Cluster
	LoadBalancer loadbalancer.Outputs
	// Repositories hold the services' images, by service.
	Repositories map[string]Repository
	// Database is what services with a DatabaseUser sign in to; nil where there is none, and no right or variable for it.
	Database *DatabaseAccess
	// Cache is where each service has a user of its own; nil where there is none.
	Cache *cache.Outputs
	// Buckets are those that entries may name, by purpose.
	Buckets map[string]storage.Bucket
	// Parameters are settings in Parameter Store, of which a service reads its own and the platform's; nil where there are
	// none.
	Parameters *parameters.Outputs
	// SecretArns are the external secrets, by name.
	SecretArns map[string]string
	// LogsKeyArn encrypts logs and exec sessions; SecretsKeyArn and StorageKeyArn are what services decrypt with.
	LogsKeyArn, SecretsKeyArn, StorageKeyArn string
	BoundaryArn                              string
	// AlarmTopicArn hears of the alarms that stop a rollout; "" for nobody yet.
	AlarmTopicArn string
	// Runbook is the address of what to do about those alarms.
	Runbook string
	// AfterMigration is what has to be there before any service rolls out: the migrated schema.
	AfterMigration []cdktf.ITerraformDependable
}

// Repository is where a service's images are.
type Repository struct{ URL, Arn string }

// DatabaseAccess is the way to the database: RDS Proxy, with IAM in place of a password.
type DatabaseAccess struct {
	// ProxyResourceID is the "prx-..." at the end of the proxy's ARN: what IAM calls it.
	ProxyResourceID string
	Endpoint        string
	Port            int
	// Name is the database's.
	Name string
}

// Services are what was made, for alarms, dashboards and pipelines.
type Services struct {
	services map[string]Service
}

// Service is one service.
type Service struct {
	// Name is the ECS service's: with the cluster's, the dimensions of its metrics.
	Name string
	// LogGroup keeps the logs of all containers of its tasks.
	LogGroup string
	// TaskRoleArn is who the running service is.
	TaskRoleArn string
	// RollbackAlarms are the names of the alarms that stop a rollout.
	RollbackAlarms []string
	// ScalingTarget is Application Auto Scaling's name of the service.
	ScalingTarget string
}

// Service is the service of that name; it panics for one that was not in the list.
func (s Services) Service(name string) Service {
	service, made := s.services[name]
	if !made {
		panic(fmt.Errorf("compute: there is no service %q: it was not in ServicesProps.Services", name))
	}
	return service
}

// NewServices makes the services. What belongs to one lies below its name, so that another one's coming or going, or the
// order of the list, changes nothing of it.
func NewServices(scope constructs.Construct, id string, props ServicesProps) Services {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	made := Services{services: map[string]Service{}}
	images := publicImages(scope)
	for _, service := range props.Services {
		made.services[service.Name] = newService(scope, service, images, props)
	}
	return made
}

// parts are what a service is put together from.
type parts struct {
	logGroup, logGroupArn         string
	executionRoleArn, taskRoleArn string
	templateArn, placeholderArn   string
	registryArn, scalingTargetArn string
	alarms                        []string
	ready                         []cdktf.ITerraformDependable
}

func newService(scope constructs.Construct, service config.Service, images cdktf.ITerraformDependable, props ServicesProps) Service {
	scope = constructs.NewConstruct(scope, jsii.String(snake(service.Name)))
	p := parts{ready: []cdktf.ITerraformDependable{images}}
	log := logGroup(scope, "log_group", fmt.Sprintf("/ecs/%s/%s", props.Name, service.Name), props.Compute.LogRetentionDays, props.LogsKeyArn)
	p.logGroup, p.logGroupArn = *log.Name(), *log.Arn()
	roles(scope, service, &p, props)
	p.templateArn = template(scope, service, p, props)
	p.placeholderArn = placeholderTask(scope, service, p, props)
	p.registryArn = registry(scope, service, props)
	p.alarms = rollbackAlarms(scope, service, props)

	running := ecsService(scope, service, p, props)
	target, targetArn := scaling(scope, service, running, props)
	p.scalingTargetArn = targetArn
	group := rollout(scope, service, running, p, props)
	instructions(scope, service, p, group, props)
	pipelineRole(scope, service, p, group, props)
	return Service{
		Name: running, LogGroup: p.logGroup, TaskRoleArn: p.taskRoleArn, RollbackAlarms: p.alarms, ScalingTarget: target,
	}
}

func snake(name string) string { return strings.ReplaceAll(name, "-", "_") }
