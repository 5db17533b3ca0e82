package config

// Base is what the environments share, in an account of its own.
type Base struct {
	Account    Account
	Protection Protection `validate:"oneof=disposable guarded locked"`
	Tags       map[string]string
	// Zone is the public hosted zone, "batbern.ch".
	Zone string `validate:"required,fqdn"`
	// MailExchangers receive mail for the zone ("10 mail.example.ch."). Where there are none, records say that the
	// zone neither sends nor receives mail, so that nobody can send in its name.
	MailExchangers []string
	// CertificateAuthorities may issue certificates for the zone (CAA records).
	CertificateAuthorities []string `validate:"required"`
	// Repositories are the container images kept in ECR.
	Repositories []string `validate:"required,unique,dive,servicename"`
	// KeepImages is how many images a repository keeps.
	KeepImages int `validate:"min=5,max=1000"`
	// Deployments are the pipelines' rights, one for each environment and the base itself.
	Deployments []Deployment `validate:"dive"`
	// GithubRepository is "owner/name" of the only repository whose workflows may deploy.
	GithubRepository string `validate:"repository"`
	// TfcOrganization is trusted for dynamic credentials; empty means no trust in Terraform Cloud.
	TfcOrganization string
	Baseline        Baseline
}

// Deployment is one environment as the base sees it.
type Deployment struct {
	// Environment is the environment's name and the GitHub environment's; Stack its workspace's.
	Environment Name
	Stack       string
	// AccountID is where the environment lives.
	AccountID string `validate:"account"`
	// Domains are the names that the environment may write in the zone, and no others.
	Domains Domains
}

// Stack is the base's stack and workspace name.
func (b Base) Stack() string { return stackName("base") }

// FlywayRepository is the image that migrates the databases.
const FlywayRepository = "flyway"

func base(settings Settings) Base {
	b := Base{
		Account:                Account{ID: settings.AccountBase, Region: homeRegion, RecoveryRegion: recoveryRegion},
		Protection:             Locked,
		Tags:                   tags(settings, stackName("base"), "shared"),
		Zone:                   settings.Domain,
		CertificateAuthorities: []string{"amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"},
		KeepImages:             20,
		GithubRepository:       settings.GithubRepository,
		TfcOrganization:        settings.Organization,
		Baseline:               Baseline{S3PublicAccessBlock: true, EbsEncryption: true, AccessAnalyzer: true},
	}
	for _, service := range services() {
		b.Repositories = append(b.Repositories, service.Name)
	}
	b.Repositories = append(b.Repositories, FlywayRepository)
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
