package stacks

import (
	"slices"
	"strings"

	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/api"
	"github.com/batbern/infrastructure/constructs/cache"
	"github.com/batbern/infrastructure/constructs/compute"
	"github.com/batbern/infrastructure/constructs/database"
	"github.com/batbern/infrastructure/constructs/encryption"
	"github.com/batbern/infrastructure/constructs/firewall"
	"github.com/batbern/infrastructure/constructs/loadbalancer"
	"github.com/batbern/infrastructure/constructs/migration"
	"github.com/batbern/infrastructure/constructs/network"
	"github.com/batbern/infrastructure/constructs/observability"
	"github.com/batbern/infrastructure/constructs/parameters"
	"github.com/batbern/infrastructure/constructs/storage"
)

// parts are what an environment's services are put together from.
type parts struct {
	base           shared
	baseAccountID  string
	keys           encryption.Outputs
	boundaryArn    string
	vpc            network.Outputs
	buckets        storage.Outputs
	database       database.Outputs
	topics         observability.TopicOutputs
	secretArns     map[string]string // external ones, by name
	certificateArn string
	github         string // "owner/name" of the project
}

// platform is what serves requests.
type platform struct {
	balancer loadbalancer.Outputs
	cluster  compute.Cluster
	services compute.Services
	cache    *cache.Outputs // nil where there is none
	entry    api.Outputs
	schema   migration.Outputs
	// firewallName is the API's web ACL in CloudWatch's metrics; "" without one.
	firewallName string
}

// addServices makes the way from the API through the load balancer to the services, and what they run on.
func addServices(stack cdktf.TerraformStack, environment config.Environment, from parts) platform {
	name, blueGreen := environment.Stack(), environment.Compute.Rollout.BlueGreen()
	balancer := loadbalancer.New(stack, "load_balancer", loadbalancer.Props{
		Name:           name,
		Host:           environment.Domains.Api(),
		Services:       environment.Services,
		BlueGreen:      blueGreen,
		Protection:     environment.Protection,
		Vpc:            from.vpc,
		CertificateArn: from.certificateArn,
		LogBucket:      from.buckets.Logs.ID,
		LogPrefix:      storage.LoadBalancerLogPrefix,
	})
	cluster := compute.NewCluster(stack, "cluster", compute.ClusterProps{
		Name:       name,
		Compute:    environment.Compute,
		Vpc:        from.vpc,
		DataKeyArn: from.keys.DataKeyArn,
		LogsKeyArn: from.keys.LogsKeyArn,
	})
	memory := addCache(stack, environment, from)
	schema := addMigration(stack, environment, from, cluster)
	settings := addParameters(stack, environment, from, cluster, memory)
	services := compute.NewServices(stack, "services", compute.ServicesProps{
		Name:          name,
		Environment:   string(environment.Name),
		Account:       environment.Account,
		BaseAccountID: from.baseAccountID,
		Compute:       environment.Compute,
		Services:      environment.Services,
		Vpc:           from.vpc,
		Cluster:       cluster,
		LoadBalancer:  balancer,
		Repositories:  repositories(environment.Services, from.base),
		Cache:         memory,
		Database: &compute.DatabaseAccess{
			ProxyResourceID: from.database.ProxyResourceID,
			Endpoint:        from.database.ProxyEndpoint,
			Port:            network.ProxyPort,
			Name:            config.DatabaseName,
		},
		AlarmTopicArn:  from.topics.WarningArn,
		Runbook:        observability.RunbookLink(from.github, "rollback"),
		AfterMigration: schema.Done,
		Buckets:        map[string]storage.Bucket{"content": from.buckets.Content, "imports": from.buckets.Imports},
		SecretArns:     from.secretArns,
		Parameters:     &settings,
		LogsKeyArn:     from.keys.LogsKeyArn,
		SecretsKeyArn:  from.keys.SecretsKeyArn,
		StorageKeyArn:  from.keys.StorageKeyArn,
		BoundaryArn:    from.boundaryArn,
	})
	entry := api.New(stack, "api", api.Props{
		Name:           name,
		Api:            environment.Api,
		Domains:        environment.Domains,
		Vpc:            from.vpc,
		ListenerArn:    balancer.ListenerArn,
		CertificateArn: from.certificateArn,
		LogsKeyArn:     from.keys.LogsKeyArn,
	})
	guard := firewall.New(stack, "api_firewall", firewall.Props{
		Name: name + "-api", Settings: environment.Api.Firewall, Before: firewall.LoadBalancer, ClientHeader: api.ClientHeader, LogsKeyArn: from.keys.LogsKeyArn,
	})
	firewall.Protect(stack, "api_firewall_protects", guard, balancer.Arn)
	return platform{balancer: balancer, cluster: cluster, services: services, cache: memory, entry: entry, schema: schema, firewallName: guard.Name}
}

// addParameters writes down what services and people look up.
func addParameters(stack cdktf.TerraformStack, environment config.Environment, from parts, cluster compute.Cluster, memory *cache.Outputs) parameters.Outputs {
	made := parameters.Made{
		DatabaseHost:   from.database.ProxyEndpoint,
		ReplicaHost:    from.database.ReplicaEndpoint,
		ReplicaPort:    environment.Database.Port,
		DatabasePort:   network.ProxyPort,
		Buckets:        map[string]string{"content": from.buckets.Content.Name, "imports": from.buckets.Imports.Name},
		ServicesDomain: cluster.NamespaceName,
	}
	if memory != nil {
		made.Cache = &parameters.Cache{
			Host: memory.Endpoint, ReaderHost: memory.ReaderEndpoint, Port: memory.Port, ClusterMode: memory.ClusterMode, Users: memory.UserNames,
		}
	}
	return parameters.New(stack, "parameters", parameters.Props{Environment: environment, Made: made})
}

// addMigration brings the schema to where the services expect it, before any of them rolls out.
func addMigration(stack cdktf.TerraformStack, environment config.Environment, from parts, cluster compute.Cluster) migration.Outputs {
	return migration.New(stack, "migration", migration.Props{
		Name:             environment.Stack(),
		Account:          environment.Account,
		Migration:        environment.Migration,
		RepositoryURL:    from.base.repositoryURL(config.FlywayRepository),
		RepositoryArn:    from.base.repositoryArn(config.FlywayRepository),
		Endpoint:         from.database.Endpoint,
		Port:             from.database.Port,
		SecretArn:        from.database.MigratorSecretArn,
		ClusterArn:       cluster.Arn,
		Vpc:              from.vpc,
		BoundaryArn:      from.boundaryArn,
		LogsKeyArn:       from.keys.LogsKeyArn,
		SecretsKeyArn:    from.keys.SecretsKeyArn,
		LogRetentionDays: environment.Database.LogRetentionDays,
		AlarmTopicArn:    from.topics.CriticalArn,
		Github:           from.github,
		After:            slices.Concat(from.database.Ready, cluster.Ready),
	})
}

// addCache makes the cache where the environment has one.
func addCache(stack cdktf.TerraformStack, environment config.Environment, from parts) *cache.Outputs {
	if !environment.Cache.Enabled() {
		return nil
	}
	out := cache.New(stack, "cache", cache.Props{
		Name:            environment.Stack(),
		Account:         environment.Account,
		Cache:           environment.Cache,
		Protection:      environment.Protection,
		Services:        environment.Services,
		Port:            network.CachePort,
		SubnetIDs:       from.vpc.SubnetIDs(config.Isolated),
		SecurityGroupID: from.vpc.SecurityGroupID(network.Cache),
		DataKeyArn:      from.keys.DataKeyArn,
		LogsKeyArn:      from.keys.LogsKeyArn,
	})
	return &out
}

// repositories are the images' places in the base's registry, by service.
func repositories(services []config.Service, base shared) map[string]compute.Repository {
	all := map[string]compute.Repository{}
	for _, service := range services {
		all[service.Name] = compute.Repository{URL: base.repositoryURL(service.Name), Arn: base.repositoryArn(service.Name)}
	}
	return all
}

// byName are the services in the order of their names, so that a service moved in config changes nothing: dashboards and
// saved queries are lists.
func byName(services []config.Service) []config.Service {
	return slices.SortedFunc(slices.Values(services), func(a, b config.Service) int { return strings.Compare(a.Name, b.Name) })
}

func servicePorts(services []config.Service) []int {
	var ports []int
	for _, service := range services {
		ports = append(ports, service.Port)
	}
	return ports
}
