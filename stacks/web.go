package stacks

import (
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/certificate"
	"github.com/batbern/infrastructure/constructs/edge"
	"github.com/batbern/infrastructure/constructs/encryption"
	"github.com/batbern/infrastructure/constructs/identity"
	"github.com/batbern/infrastructure/constructs/records"
	"github.com/batbern/infrastructure/constructs/storage"
)

// clouds are the providers of an environment besides its home region's.
type clouds struct {
	virginia, recovery, dns cdktf.TerraformProvider
}

// recoveryStorageKey encrypts the replicas of buckets, where the environment has some.
func recoveryStorageKey(stack cdktf.TerraformStack, environment config.Environment, in clouds) encryption.KeyOutputs {
	if !environment.Storage.Replicated {
		return encryption.KeyOutputs{}
	}
	return encryption.Key(stack, "recovery_storage", encryption.Props{
		Name:       environment.Stack(),
		AccountID:  environment.Account.ID,
		Region:     environment.Account.RecoveryRegion,
		Protection: environment.Protection,
		Provider:   in.recovery,
	}, encryption.Storage)
}

// addBuckets makes the environment's buckets.
func addBuckets(stack cdktf.TerraformStack, environment config.Environment, keys encryption.Outputs, recoveryKeyArn, boundaryArn string, in clouds) storage.Outputs {
	return storage.New(stack, "storage", storage.Props{
		Name:                 environment.Stack(),
		Account:              environment.Account,
		Domains:              environment.Domains,
		Protection:           environment.Protection,
		Storage:              environment.Storage,
		FlowLogRetentionDays: environment.Network.FlowLogs.RetentionDays,
		KeyArn:               keys.StorageKeyArn,
		RecoveryKeyArn:       recoveryKeyArn,
		BoundaryArn:          boundaryArn,
		Recovery:             in.recovery,
	})
}

// addEdge makes the distributions that serve the buckets.
func addEdge(stack cdktf.TerraformStack, environment config.Environment, buckets storage.Outputs, certificates certificate.Outputs, in clouds) edge.Outputs {
	logsKeyArn := ""
	if environment.Edge.Firewall.Mode != config.FirewallOff {
		logsKeyArn = encryption.Key(stack, "edge_logs", encryption.Props{
			Name:       environment.Stack(),
			AccountID:  environment.Account.ID,
			Region:     virginia,
			Protection: environment.Protection,
			Provider:   in.virginia,
		}, encryption.Logs).Arn
	}
	return edge.New(stack, "edge", edge.Props{
		Name:           environment.Stack(),
		Account:        environment.Account,
		Domains:        environment.Domains,
		Protection:     environment.Protection,
		Edge:           environment.Edge,
		Buckets:        buckets,
		CertificateArn: certificates.VirginiaArn,
		UploadOrigins:  environment.Storage.UploadOrigins,
		LogsKeyArn:     logsKeyArn,
		Virginia:       in.virginia,
	})
}

// openBuckets lets the distributions read their buckets, and no others: by the buckets' policies and by their keys'. It
// comes after both, because the policies name the distributions and the distributions the buckets.
func openBuckets(stack cdktf.TerraformStack, environment config.Environment, keys encryption.Outputs, recoveryKey encryption.KeyOutputs,
	buckets storage.Outputs, front edge.Outputs, in clouds) {
	distributions := []string{front.Frontend.Arn, front.Content.Arn}
	storage.Access(stack, "storage_access", storage.AccessProps{Buckets: buckets, FrontendArn: front.Frontend.Arn, ContentArn: front.Content.Arn})
	encryption.StoragePolicy(stack, "storage_key_policy", encryption.StoragePolicyProps{
		KeyID:            keys.StorageKeyID,
		AccountID:        environment.Account.ID,
		Region:           environment.Account.Region,
		DistributionArns: distributions,
	})
	if recoveryKey.ID != "" {
		encryption.StoragePolicy(stack, "recovery_storage_key_policy", encryption.StoragePolicyProps{
			KeyID:            recoveryKey.ID,
			AccountID:        environment.Account.ID,
			Region:           environment.Account.RecoveryRegion,
			Provider:         in.recovery,
			DistributionArns: distributions,
		})
	}
}

// addFrontendRollout lets the frontend's pipeline publish, where the frontend names a repository.
func addFrontendRollout(stack cdktf.TerraformStack, base config.Base, environment config.Environment, keys encryption.Outputs,
	boundaryArn string, buckets storage.Outputs, front edge.Outputs) {
	if environment.Frontend.Repository == "" {
		return
	}
	identity.FrontendRollout(stack, "frontend_rollout", identity.FrontendRolloutProps{
		Name:            environment.Stack(),
		Account:         environment.Account,
		BaseAccountID:   base.Account.ID,
		BoundaryArn:     boundaryArn,
		BucketName:      buckets.Frontend.Name,
		BucketArn:       buckets.Frontend.Arn,
		KeyArn:          keys.StorageKeyArn,
		DistributionID:  front.Frontend.ID,
		DistributionArn: front.Frontend.Arn,
	})
}

// aliases are the names of the environment that CloudFront answers to.
func aliases(domains config.Domains, front edge.Outputs) []records.Alias {
	names := []records.Alias{
		{ID: "www", Name: domains.Www(), Target: front.Frontend.DomainName, TargetZoneID: front.Frontend.ZoneID},
		{ID: "cdn", Name: domains.Cdn(), Target: front.Content.DomainName, TargetZoneID: front.Content.ZoneID},
	}
	if domains.Apex() {
		names = append(names, records.Alias{ID: "apex", Name: domains.Root, Target: front.Frontend.DomainName, TargetZoneID: front.Frontend.ZoneID})
	}
	return names
}

// live adds to each alias the records that its name has in the live domain.
func live(environment config.Environment, all []records.Alias) []records.Alias {
	for i := range all {
		for _, record := range environment.Existing {
			if record.Name == all[i].Name {
				all[i].Existing = append(all[i].Existing, record)
			}
		}
	}
	return all
}

// webOutputs are what the pipeline of the frontend and the migration of past events need to know.
func webOutputs(stack cdktf.TerraformStack, buckets storage.Outputs, front edge.Outputs) {
	output(stack, "frontend_bucket", buckets.Frontend.Name, "Bucket that the frontend's pipeline copies its build to")
	output(stack, "frontend_distribution_id", front.Frontend.ID, "CloudFront distribution of the frontend")
	output(stack, "content_bucket", buckets.Content.Name, "Bucket of presentations and photographs")
	output(stack, "content_distribution_id", front.Content.ID, "CloudFront distribution of the content")
	output(stack, "imports_bucket", buckets.Imports.Name, "Bucket that past events are handed over in")
	output(stack, "import_role_arn", buckets.ImportRoleArn, "Role of the task that migrates past events")
}
