package config

// BaseName is the base's name where environments have theirs: its GitHub environment and its outputs. It is not among
// [Names].
const BaseName Name = "base"

// Base is what the environments share, in an account of its own.
type Base struct {
	Account    Account
	Protection Protection        `validate:"oneof=disposable guarded locked"`
	Tags       map[string]string `validate:"dive,keys,tagvalue,max=128,endkeys,tagvalue"`
	// Zone is the public hosted zone, "batbern.ch".
	Zone string `validate:"required,domain"`
	Mail Mail
	// Existing are records of the live domain that the zone takes over: those that no environment answers to. With a zone
	// file nothing is added to them: certificate authorities and mail stay as they were.
	Existing []DNSRecord
	// ZoneFile says whether Existing, empty or not, describes the live domain.
	ZoneFile bool
	// CertificateAuthorities may issue certificates for the zone (CAA records); SecurityContacts hear of others that
	// were asked to.
	CertificateAuthorities []string `validate:"required,dive,domain"`
	SecurityContacts       []string `validate:"required,dive,email"`
	// QueryLogDays is how long queries of the zone are kept (Route53.2); 0 means they are not recorded.
	QueryLogDays int `validate:"omitempty,logretention"`
	// ImageNamespace begins the repositories' names in ECR: "batbern/event-management".
	ImageNamespace string `validate:"required,max=64,servicename"`
	// Repositories are the container images kept in ECR.
	Repositories []string `validate:"required,unique,dive,max=64,servicename"`
	// Pipelines are those of the services, which push to these repositories, and of the frontend.
	Pipelines []Pipeline `validate:"dive"`
	// KeepImages is how many images a repository keeps: as many releases (tags that begin with "v"), and as many others.
	KeepImages int `validate:"min=5,max=1000"`
	// Deployments are the environments as the base sees them: who pulls images, deploys and writes names in the zone.
	Deployments []Deployment `validate:"dive"`
	// GithubRepository is "owner/name" of the only repository whose workflows may deploy.
	GithubRepository string `validate:"repository"`
	// TfcHost is where TfcOrganization lives: "app.terraform.io", "app.eu.terraform.io", or a Terraform Enterprise of one's own.
	TfcHost string `validate:"required,domain"`
	// GithubSubjectPrefix begins the subjects of that repository's tokens: "repo:owner/name", or with numeric ids.
	GithubSubjectPrefix string `validate:"required,subjectprefix"`
	// Administrators are the roles that administer the environments' accounts: names, AWSReservedSSO_ and the name of a
	// permission set, or ARNs. They write the zone's names of their environment and reach its state.
	Administrators []string `validate:"required,dive,administrator"`
	// TfcOrganization is trusted for dynamic credentials; empty means no trust in Terraform Cloud.
	TfcOrganization string `validate:"omitempty,tfcname"`
	// TfcProject holds the workspaces that are trusted; empty means any project of the organization.
	TfcProject string `validate:"omitempty,tfcproject"`
	Baseline   Baseline
	// AlarmEmails hear of the account's budget and of unusual costs.
	AlarmEmails []string `validate:"required,max=10,unique,dive,email"` // ten is what AWS Budgets takes
	// AnomalyUsd is the unexpected cost of a day from which on Cost Anomaly Detection reports; 0 for no detection.
	AnomalyUsd int `validate:"min=0,max=100000"`
	// CostTags activates all tags for cost allocation, which only a payer may do. AWS knows a tag up to 24
	// hours after its first use, and refuses to activate it before: the very first apply has to leave it out.
	// https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html
	CostTags bool
}

// Deployment is one environment as the base sees it.
type Deployment struct {
	// Environment is the environment's name and the GitHub environment's; Stack its workspace's.
	Environment Name   `validate:"servicename,max=24"`
	Stack       string `validate:"servicename,max=32"`
	// AccountID is where the environment lives.
	AccountID string `validate:"account"`
	// Domains are the names that the environment may write in the zone, and no others.
	Domains Domains
}

// Stack is the base's stack and workspace name.
func (b Base) Stack() string { return stackName(string(BaseName)) }

// FlywayRepository is the image that migrates the databases.
const FlywayRepository = "flyway"

func base(settings Settings) Base {
	b := Base{
		Account:                Account{ID: settings.AccountBase, Kind: kindOf(settings.AccountBase, settings), Region: homeRegion, RecoveryRegion: recoveryRegion},
		Protection:             Locked,
		Tags:                   tags(settings, stackName(string(BaseName)), "shared"),
		Zone:                   settings.Domain,
		ZoneFile:               settings.ZoneFile != "",
		CertificateAuthorities: []string{"amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"},
		SecurityContacts:       settings.AlarmEmails,
		QueryLogDays:           30, // enough to look into an incident; queries tell who looked for what
		ImageNamespace:         "batbern",
		KeepImages:             20,
		GithubRepository:       settings.GithubRepository,
		TfcHost:                settings.TfcHost,
		GithubSubjectPrefix:    settings.subjectPrefix(settings.GithubRepository),
		Administrators:         settings.Administrators,
		TfcOrganization:        settings.Organization,
		TfcProject:             settings.TfcProject,
		Baseline:               Baseline{S3PublicAccessBlock: true, EbsEncryption: true, AccessAnalyzer: true, TerraformCloudProvider: true},
		AlarmEmails:            settings.AlarmEmails,
		AnomalyUsd:             5, // an account that costs a dollar a day
		CostTags:               settings.CostTags == "true",
	}
	for _, service := range services() {
		b.Repositories = append(b.Repositories, service.Name)
	}
	b.Repositories = append(b.Repositories, FlywayRepository)
	b.Pipelines = pipelines(services(), frontend(), settings)
	for _, environment := range []Environment{dev(settings), staging(settings), prod(settings)} {
		b.Deployments = append(b.Deployments, Deployment{
			Environment: environment.Name,
			Stack:       environment.Stack(),
			AccountID:   environment.Account.ID,
			Domains:     environment.Domains,
		})
	}
	return b
}

const (
	// homeRegion is Frankfurt: the nearest region to Bern that has every service in use; BATbern runs there today.
	homeRegion = "eu-central-1"
	// recoveryRegion is Ireland: far enough from Frankfurt, inside the EU.
	recoveryRegion = "eu-west-1"
)
