package config

import "slices"

// Name is an environment's short name, as it stands in stack names, tags and domain names.
type Name string

// The environments, in the order in which a change travels through them.
const (
	Dev     Name = "dev"
	Staging Name = "staging"
	Prod    Name = "prod"
)

// Names are all environments, in the order in which a change travels through them.
func Names() []Name { return []Name{Dev, Staging, Prod} }

// Environment is all that one environment's stack needs to know. Values are plain; units stand in the names.
type Environment struct {
	Name Name `validate:"required"`
	// Production says whether the production floor applies: multi-AZ, one NAT gateway a zone, Locked protection.
	Production bool
	Account    Account
	Protection Protection `validate:"oneof=disposable guarded locked"`
	Domains    Domains
	// Existing are records of the live domain at names that the environment will answer to. As long as a name has one, it
	// leads there; without, it leads to the environment.
	Existing []DNSRecord
	Tags     map[string]string `validate:"dive,keys,tagvalue,max=128,endkeys,tagvalue"`
	// AlarmEmails are the addresses that hear of alarms. SNS asks each to confirm its subscription.
	AlarmEmails []string `validate:"required,max=10,unique,dive,email"` // ten is what AWS Budgets takes

	Baseline  Baseline
	Quotas    Quotas
	Network   Network
	Database  Database
	Backup    Backup
	Migration Migration
	Cache     Cache
	Compute   Compute
	Api       Api
	Storage   Storage
	Frontend  Frontend
	Edge      Edge

	Observability Observability

	Services []Service `validate:"required,unique=Name,dive"`
	// ExternalSecrets are secrets whose values come from outside and are put in by a person.
	ExternalSecrets []ExternalSecret `validate:"unique=Name,dive"`
}

// Stack is the Terraform stack's and the Terraform Cloud workspace's name, e.g. "batbern-prod". It is also the prefix
// of every AWS name in the environment.
func (e Environment) Stack() string { return stackName(string(e.Name)) }

// Account is where a stack lives.
type Account struct {
	// ID is the AWS account's twelve digits. Every provider refuses to work in any other account.
	ID string `validate:"required,account"`
	// Kind is what the account is to the bill: some cost settings exist in a payer only.
	Kind AccountKind `validate:"oneof=member payer"`
	// Region is the home region.
	Region string `validate:"required,region"`
	// RecoveryRegion holds copies of backups and replicas of buckets; it differs from Region.
	RecoveryRegion string `validate:"required,region,nefield=Region"`
}

// AccountKind is what an account is to the bill of its organization.
type AccountKind string

const (
	// Member is an account whose bill another account pays.
	Member AccountKind = "member"
	// Payer is an organization's management account, or an account without an organization. Only a payer may make cost
	// anomaly monitors by tag, activate tags for cost allocation, and see the cost of other accounts.
	Payer AccountKind = "payer"
)

// kindOf is the kind of an account by the settings.
func kindOf(id string, settings Settings) AccountKind {
	if slices.Contains(settings.PayerAccounts, id) {
		return Payer
	}
	return Member
}

// Protection decides together all that keeps a stateful resource from being lost: deletion protection, final
// snapshots, prevent_destroy, force_destroy of buckets, and how long deleted secrets and keys can be brought back.
type Protection string

const (
	// Disposable can be destroyed without a trace. For environments that can be made again from nothing.
	Disposable Protection = "disposable"
	// Guarded refuses deletion until the level is lowered and applied, and leaves a final snapshot.
	Guarded Protection = "guarded"
	// Locked is Guarded, and Terraform itself refuses to plan the destruction (prevent_destroy).
	Locked Protection = "locked"
)

// DeletionProtection says whether AWS itself shall refuse to delete (RDS.8, ELB.6).
func (p Protection) DeletionProtection() bool { return p != Disposable }

// PreventDestroy says whether Terraform shall refuse to plan a destruction or a replacement.
func (p Protection) PreventDestroy() bool { return p == Locked }

// FinalSnapshot says whether a database leaves a snapshot when it is destroyed.
func (p Protection) FinalSnapshot() bool { return p != Disposable }

// ForceDestroy says whether a bucket, repository or vault may be destroyed with what is in it.
func (p Protection) ForceDestroy() bool { return p == Disposable }

// SecretRecoveryDays is how long a deleted secret can be restored: 0 (at once gone, so that a new stack can take the
// name) or 30, Secrets Manager's longest.
func (p Protection) SecretRecoveryDays() int {
	if p == Disposable {
		return 0
	}
	return 30
}

// KeyDeletionDays is the waiting period before a KMS key is deleted: 7 (AWS's shortest) or 30 (KMS.3).
func (p Protection) KeyDeletionDays() int {
	if p == Disposable {
		return 7
	}
	return 30
}

// Domains are the names that an environment answers to, all below its Root.
type Domains struct {
	// Zone is the public hosted zone in the base account, "batbern.ch".
	Zone string `validate:"required,domain"`
	// Root is the zone's apex in production, a name below it elsewhere: "dev.batbern.ch".
	Root string `validate:"required,domain"`
	// Held are names that a distribution outside these stacks still answers to. CloudFront lets no second one have them.
	Held []string `validate:"unique,dive,domain"`
}

// Www is the name of the web frontend.
func (d Domains) Www() string { return "www." + d.Root }

// Cdn is the name of the content distribution.
func (d Domains) Cdn() string { return "cdn." + d.Root }

// Api is the name of the API.
func (d Domains) Api() string { return "api." + d.Root }

// Apex says whether Root is the zone itself.
func (d Domains) Apex() bool { return d.Root == d.Zone }

// Baseline are settings of a whole AWS account. An account that has one of them already, from an organization's
// guardrails for example, switches it off here.
type Baseline struct {
	// S3PublicAccessBlock refuses public buckets in the account (S3.1).
	S3PublicAccessBlock bool
	// EbsEncryption encrypts new volumes by default (EC2.7).
	EbsEncryption bool
	// AccessAnalyzer reports resources that are shared outside the account (IAM.28).
	AccessAnalyzer bool
	// TerraformCloudProvider makes the identity provider of Terraform Cloud, where BATBERN_TFC_ORGANIZATION is set. An
	// account holds one of a host; where it is off, the one that stands there is trusted.
	TerraformCloudProvider bool
}

func stackName(name string) string { return "batbern-" + name }
