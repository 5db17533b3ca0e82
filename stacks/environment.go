package stacks

import (
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/certificate"
	"github.com/batbern/infrastructure/constructs/encryption"
	"github.com/batbern/infrastructure/constructs/network"
	"github.com/batbern/infrastructure/constructs/records"
)

// Environment is the stack of one environment.
func Environment(app cdktf.App, project config.Project, environment config.Environment) cdktf.TerraformStack {
	environment.Services = byName(environment.Services)
	settings, account := project.Settings, environment.Account
	stack := newStack(app, environment.Stack(), settings)
	base := readBase(stack, project.Base.Stack(), environment.Stack(), settings)

	add := providers{stack, settings, environment.Tags}.add
	own, names := entries(stack, base, environment, settings)
	add("aws", "", target{account.ID, account.Region, own})
	in := clouds{
		virginia: add("aws_virginia", "virginia", target{account.ID, virginia, own}),
		recovery: add("aws_recovery", "recovery", target{account.ID, account.RecoveryRegion, own}),
		dns:      add("aws_dns", "dns", target{project.Base.Account.ID, project.Base.Account.Region, names}),
	}

	boundaryArn := addAccount(stack, project.Base, environment)
	keys := encryption.New(stack, "encryption", encryption.Props{
		Name: environment.Stack(), AccountID: account.ID, Region: account.Region, Protection: environment.Protection,
	})
	topics := addTopics(stack, environment, keys.MessagesKeyArn)
	recoveryKey := recoveryStorageKey(stack, environment, in)
	buckets := addBuckets(stack, environment, keys, recoveryKey.Arn, boundaryArn, in)
	vpc := network.New(stack, "network", network.Props{
		Name:              environment.Stack(),
		Account:           account,
		Network:           environment.Network,
		DatabasePort:      environment.Database.Port,
		ServicePorts:      servicePorts(environment.Services),
		ReadReplica:       environment.Database.ReadReplica,
		Cache:             environment.Cache.Enabled(),
		BoundaryArn:       boundaryArn,
		LogsKeyArn:        keys.LogsKeyArn,
		FlowLogsBucketArn: buckets.Logs.Destination(),
	})
	external := addExternalSecrets(stack, environment, keys)
	stored := addDatabase(stack, environment, vpc, keys, boundaryArn, topics, in)
	age := addSecretWatch(stack, environment, keys, boundaryArn, stored.Outputs, external)
	certificates := certificate.New(stack, "certificate", certificate.Props{
		Domains: environment.Domains, ZoneID: base.zoneID(environment.Name), DNS: in.dns, Virginia: in.virginia,
	})
	services := addServices(stack, environment, parts{
		base: base, baseAccountID: project.Base.Account.ID, keys: keys, boundaryArn: boundaryArn, vpc: vpc, buckets: buckets, database: stored.Outputs, topics: topics, secretArns: external, certificateArn: certificates.RegionalArn,
		github: settings.GithubRepository,
	})
	front := addEdge(stack, environment, buckets, certificates, in)
	openBuckets(stack, environment, keys, recoveryKey, buckets, front, in)
	records.New(stack, "records", records.Props{
		ZoneID: base.zoneID(environment.Name), Root: environment.Domains.Root, DNS: in.dns,
		Aliases: live(environment, append(aliases(environment.Domains, front), records.Alias{
			ID: "api", Name: environment.Domains.Api(), Target: services.entry.Target, TargetZoneID: services.entry.TargetZoneID,
		})),
	})
	addFrontendRollout(stack, project.Base, environment, keys, boundaryArn, buckets, front)
	webOutputs(stack, buckets, front)
	addObservability(stack, project, environment, watched{
		keys: keys, topics: topics, boundaryArn: boundaryArn, vpc: vpc, buckets: buckets,
		data: stored, platform: services, certificates: certificates, front: front, secrets: age,
	}, in)
	base.requireOutputs(project.Base.Stack())
	return stack
}
