package stacks

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/jsii-runtime-go"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/account"
	"github.com/batbern/infrastructure/constructs/cost"
	"github.com/batbern/infrastructure/constructs/dns"
	"github.com/batbern/infrastructure/constructs/encryption"
	"github.com/batbern/infrastructure/constructs/identity"
	"github.com/batbern/infrastructure/constructs/registry"
)

// Base is the stack of what the environments share.
func Base(app cdktf.App, project config.Project) cdktf.TerraformStack {
	base, settings := project.Base, project.Settings
	stack := newStack(app, base.Stack(), settings)
	add := providers{stack, settings, base.Tags}.add
	add("aws", "", target{account: base.Account.ID, region: base.Account.Region})
	inVirginia := add("aws_virginia", "virginia", target{account: base.Account.ID, region: virginia})

	account.New(stack, "account", account.Props{Name: base.Stack(), Baseline: base.Baseline})
	boundary := identity.Boundary(stack, "boundary", identity.BoundaryProps{
		Name:              base.Stack(),
		AccountID:         base.Account.ID,
		Regions:           []string{base.Account.Region, base.Account.RecoveryRegion, virginia},
		IdentityProviders: true,
	})
	zone := dns.New(stack, "dns", dns.Props{
		Zone:                   base.Zone,
		Mail:                   base.Mail,
		Existing:               base.Existing,
		ZoneFile:               base.ZoneFile,
		Delegated:              delegated(base.Deployments),
		CertificateAuthorities: base.CertificateAuthorities,
		SecurityContacts:       base.SecurityContacts,
		Protection:             base.Protection,
		QueryLog:               queryLog(stack, base, inVirginia),
	})
	images := registry.New(stack, "registry", registry.Props{
		Namespace:    base.ImageNamespace,
		Repositories: base.Repositories,
		KeepImages:   base.KeepImages,
		PullAccounts: accounts(base.Deployments),
		KeyArn:       encryption.Key(stack, "images", keyProps(base, base.Account.Region, nil), encryption.Images).Arn,
		Protection:   base.Protection,
	})
	hubs := identity.Hubs(stack, "deployment", identity.HubsProps{
		Base:        base,
		BoundaryArn: boundary.PolicyArn,
		ZoneIDs:     zoneIDs(base, zone),
		State:       state(settings),
	})
	identity.ServiceHubs(stack, "pipelines", identity.ServiceHubsProps{
		Base:              base,
		BoundaryArn:       boundary.PolicyArn,
		GithubProviderArn: hubs.GithubProviderArn,
		ImageArns:         images.Arns,
	})
	addBaseCost(stack, base)
	baseOutputs(stack, base, zone, images, hubs)
	return stack
}

// addBaseCost watches what the base costs, and divides all accounts' bills by the tags.
func addBaseCost(stack cdktf.TerraformStack, base config.Base) {
	cost.New(stack, "cost", cost.Props{
		Name:       base.Stack(),
		AccountID:  base.Account.ID,
		Kind:       base.Account.Kind,
		BudgetUsd:  base.BudgetUsd(),
		AnomalyUsd: base.AnomalyUsd,
		Emails:     base.AlarmEmails,
	})
	if base.CostTags {
		cost.Tags(stack, "cost_tags", slices.Sorted(maps.Keys(base.Tags)))
	}
}

// queryLog is the log of the zone's queries, in the one region where Route 53 writes it.
func queryLog(stack cdktf.TerraformStack, base config.Base, inVirginia cdktf.TerraformProvider) dns.QueryLog {
	if base.QueryLogDays == 0 {
		return dns.QueryLog{}
	}
	return dns.QueryLog{
		AccountID:     base.Account.ID,
		RetentionDays: base.QueryLogDays,
		Provider:      inVirginia,
		KeyArn:        encryption.Key(stack, "query_logs", keyProps(base, virginia, inVirginia), encryption.Logs).Arn,
	}
}

func keyProps(base config.Base, region string, provider cdktf.TerraformProvider) encryption.Props {
	return encryption.Props{Name: base.Stack(), AccountID: base.Account.ID, Region: region, Protection: base.Protection, Provider: provider}
}

// delegated are the names of the environments below the zone's apex: each has a zone of its own.
func delegated(deployments []config.Deployment) []string {
	var names []string
	for _, deployment := range deployments {
		if !deployment.Domains.Apex() {
			names = append(names, deployment.Domains.Root)
		}
	}
	return names
}

// zoneIDs are the zones that the environments write to.
func zoneIDs(base config.Base, zone dns.Outputs) map[config.Name]string {
	ids := map[config.Name]string{}
	for _, deployment := range base.Deployments {
		ids[deployment.Environment] = zone.ZoneID
		if own, has := zone.Delegated[deployment.Domains.Root]; has {
			ids[deployment.Environment] = own.ID
		}
	}
	return ids
}

func accounts(deployments []config.Deployment) []string {
	var ids []string
	for _, deployment := range deployments {
		ids = append(ids, deployment.AccountID)
	}
	return ids
}

// state says where in S3 states are; elsewhere roles need no right to them.
func state(settings config.Settings) identity.State {
	if settings.Backend != "s3" {
		return identity.State{}
	}
	return identity.State{Bucket: settings.StateBucket, Key: stateKey}
}

// baseOutputs writes the contract, see contract.go.
func baseOutputs(stack cdktf.TerraformStack, base config.Base, zone dns.Outputs, images registry.Outputs, hubs identity.HubsOutputs) {
	output(stack, OutputZoneID, zone.ZoneID, "Hosted zone of "+base.Zone)
	output(stack, OutputZoneNameServers, jsii.Strings(zone.NameServers...), "Name servers to be told to the registrar of "+base.Zone)
	output(stack, OutputGithubProviderArn, hubs.GithubProviderArn, "Identity provider of GitHub's workflows")
	for _, repository := range base.Repositories {
		output(stack, OutputRepositoryURL(repository), images.URLs[repository], "Image repository of "+repository)
		output(stack, OutputRepositoryArn(repository), images.Arns[repository], "Image repository of "+repository)
	}
	ids := zoneIDs(base, zone)
	for _, deployment := range base.Deployments {
		name := deployment.Environment
		output(stack, OutputEnvironmentZoneID(name), ids[name], fmt.Sprintf("Hosted zone that %s writes to", name))
		if own, has := zone.Delegated[deployment.Domains.Root]; has {
			output(stack, OutputEnvironmentNameServers(name), jsii.Strings(own.NameServers...),
				fmt.Sprintf("Name servers that the domain's DNS provider delegates %s to", deployment.Domains.Root))
		}
		output(stack, OutputDNSRoleArn(name), hubs.DNSRoleArns[name], fmt.Sprintf("Role that writes the names of %s", name))
		output(stack, OutputDNSReadRoleArn(name), hubs.DNSReadRoleArns[name], fmt.Sprintf("Role that reads the zone for plans of %s", name))
		deploymentOutputs(stack, name, hubs)
	}
	deploymentOutputs(stack, config.BaseName, hubs)
}

func deploymentOutputs(stack cdktf.TerraformStack, name config.Name, hubs identity.HubsOutputs) {
	output(stack, OutputPlanRoleArn(name), hubs.PlanRoleArns[name], fmt.Sprintf("Role that pipelines sign in to, to plan %s", name))
	output(stack, OutputApplyRoleArn(name), hubs.ApplyRoleArns[name], fmt.Sprintf("Role that pipelines sign in to, to apply %s", name))
}
