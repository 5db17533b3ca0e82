package stacks

import (
	"slices"
	"strings"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/database"
	"github.com/batbern/infrastructure/constructs/migration"
	"github.com/batbern/infrastructure/constructs/observability"
	"github.com/batbern/infrastructure/constructs/secretwatch"
)

// targets are what exists in the environment, by the names that CloudWatch knows it by.
func targets(environment config.Environment, all watched) observability.Targets {
	out := observability.Targets{
		LoadBalancers: []observability.LoadBalancer{{Key: "main", ArnSuffix: all.platform.balancer.ArnSuffix}},
		Apis:          []observability.Api{{Key: "main", ID: all.platform.entry.ID, Stage: all.platform.entry.Stage}},
		Distributions: []observability.Distribution{
			{Key: "frontend", ID: all.front.Frontend.ID, Site: true, Detailed: environment.Edge.DetailedMetrics},
			{Key: "content", ID: all.front.Content.ID, Detailed: environment.Edge.DetailedMetrics},
		},
		Certificates: []observability.Certificate{
			{Key: "regional", Arn: all.certificates.RegionalArn},
			{Key: "virginia", Arn: all.certificates.VirginiaArn, Virginia: true},
		},
		Proxies: []observability.Proxy{{Key: "main", Name: all.data.ProxyName}},
	}
	addDatabaseTargets(&out, environment, all.data.Outputs)
	addFunctionTargets(&out, environment, all)
	addSecretTargets(&out, environment, all.secrets)
	addServiceTargets(&out, environment, all.platform)
	if all.data.vault != "" {
		out.Vaults = []observability.Vault{{Key: "main", Name: all.data.vault, Daily: environment.Backup.DailyDays > 0}}
	}
	if all.front.FirewallName != "" {
		out.Firewalls = append(out.Firewalls, observability.Firewall{Key: "edge", Name: all.front.FirewallName})
	}
	if all.platform.firewallName != "" {
		out.Firewalls = append(out.Firewalls, observability.Firewall{Key: "api", Name: all.platform.firewallName, Region: environment.Account.Region})
	}
	for _, zone := range environment.Network.NatZones() {
		out.NatGateways = append(out.NatGateways, observability.NatGateway{Key: zone, ID: all.vpc.NatGatewayIDs[zone]})
	}
	out.LogGroups = append(out.LogGroups,
		observability.LogGroup{Key: "api", Name: all.platform.entry.LogGroup, Kind: observability.ApiLog},
		observability.LogGroup{Key: "rejected connections", Name: all.vpc.RejectedLogGroup, Kind: observability.RejectedLog})
	return out
}

func addDatabaseTargets(out *observability.Targets, environment config.Environment, from database.Outputs) {
	// validation knows every class that gets here
	machine, _ := environment.Database.Machine()
	main := observability.Database{
		Key: "main", InstanceID: from.InstanceID, Vcpus: machine.Vcpus, MemoryMiB: machine.MemoryMiB, Burstable: machine.Burstable,
		StorageGiB: environment.Database.StorageGiB, Insights: true,
	}
	out.Databases = []observability.Database{main}
	if from.ReplicaID != "" {
		replica := main
		replica.Key, replica.InstanceID, replica.Replica = "replica", from.ReplicaID, true
		out.Databases = append(out.Databases, replica)
	}
	out.LogGroups = append(out.LogGroups,
		observability.LogGroup{Key: "database", Name: from.LogGroups["postgresql"], Kind: observability.PostgresLog})
}

func addFunctionTargets(out *observability.Targets, environment config.Environment, all watched) {
	from, schema := all.data.Outputs, all.platform.schema
	function := func(key, name string, seconds int, work observability.Work) {
		out.Functions = append(out.Functions, observability.Function{Key: key, Name: name, TimeoutSeconds: seconds, Work: work})
		out.LogGroups = append(out.LogGroups, observability.LogGroup{Key: key, Name: "/aws/lambda/" + name, Kind: observability.FunctionLog})
	}
	function("secret-rotation", from.RotationFunction, database.RotationSeconds(environment.Database), observability.Rotation)
	function("database-bootstrap", from.BootstrapFunction, database.BootstrapSeconds, observability.Ordinary)
	function("migration-runner", schema.Function, migration.TimeoutSeconds, observability.Migration)
	function("secret-watch", all.secrets.Function, secretwatch.TimeoutSeconds, observability.Ordinary)
	out.LogGroups = append(out.LogGroups, observability.LogGroup{Key: "migration", Name: schema.LogGroupName, Kind: observability.ServiceLog})
	out.Rules = []observability.Rule{{Key: "migration", Name: schema.FailureRule}, {Key: "secret_watch", Name: all.secrets.Rule}}
}

func addSecretTargets(out *observability.Targets, environment config.Environment, from secretwatch.Outputs) {
	for _, secret := range from.Secrets {
		key := strings.NewReplacer("/", "-", "_", "-").Replace(strings.TrimPrefix(secret.Name, environment.Stack()+"/"))
		out.Secrets = append(out.Secrets, observability.Secret{Key: key, Name: secret.Name, External: secret.MaxAgeDays > 0})
	}
}

func addServiceTargets(out *observability.Targets, environment config.Environment, from platform) {
	for _, service := range environment.Services {
		running, balanced := from.services.Service(service.Name), from.balancer.Service(service.Name)
		target := observability.Service{
			Key:          service.Name,
			Cluster:      from.cluster.Name,
			Name:         running.Name,
			LoadBalancer: from.balancer.ArnSuffix,
			BlueGreen:    environment.Compute.Rollout.BlueGreen(),
			StartSeconds: service.StartSeconds,
			Sleeps:       slices.ContainsFunc(service.Scaling.Schedules, func(s config.Schedule) bool { return s.MaxTasks == 0 }),
		}
		for _, group := range balanced.Groups() {
			target.TargetGroups = append(target.TargetGroups, group.ArnSuffix)
		}
		out.Services = append(out.Services, target)
		out.LogGroups = append(out.LogGroups, observability.LogGroup{Key: service.Name, Name: running.LogGroup, Kind: observability.ServiceLog})
	}
	if from.cache == nil {
		return
	}
	for _, node := range from.cache.NodeIDs {
		key := strings.TrimPrefix(node, environment.Stack()+"-cache-") // "001", in cluster mode "0001-001"
		out.Caches = append(out.Caches, observability.CacheNode{Key: key, ClusterID: node, Replicated: environment.Cache.Shape.Replicas() > 0})
	}
}
