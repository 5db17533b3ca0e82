package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/joho/godotenv"
)

// Settings are what a person or a pipeline may override, by environment variables or in a file named .env beside
// go.mod (a variable wins over the file). None is secret. [Variables] lists them; README.md shows the list.
type Settings struct {
	AccountBase    string `env:"BATBERN_ACCOUNT_BASE" envDefault:"111122223333" help:"AWS account of batbern-base: zone, registries, deployment roles"`
	AccountDev     string `env:"BATBERN_ACCOUNT_DEV" envDefault:"222233334444" help:"AWS account of batbern-dev"`
	AccountStaging string `env:"BATBERN_ACCOUNT_STAGING" envDefault:"333344445555" help:"AWS account of batbern-staging"`
	AccountProd    string `env:"BATBERN_ACCOUNT_PROD" envDefault:"444455556666" help:"AWS account of batbern-prod"`

	PayerAccounts []string `env:"BATBERN_PAYER_ACCOUNTS" help:"which of these accounts pay their own bill, separated by commas: the management account of an organization, or an account without an organization; all others are members" validate:"unique"`

	Domain           string   `env:"BATBERN_DOMAIN" envDefault:"batbern.ch" help:"the public hosted zone; environments live below it" validate:"domain,max=56"`
	ZoneFile         string   `env:"BATBERN_ZONE_FILE" help:"zone file (RFC 1035) of the live domain, whose records the new zone takes over; none for a domain that is not in use yet"`
	NamesHeld        []string `env:"BATBERN_NAMES_HELD" help:"names that a CloudFront distribution outside these stacks still holds (CNAMEAlreadyExists): left out of ours until they are moved; several are separated by commas" validate:"unique,dive,domain"`
	GithubRepository string   `env:"BATBERN_GITHUB_REPOSITORY" envDefault:"BATbern/infrastructure" help:"the only repository whose workflows may deploy" validate:"repository"`
	GithubSubjects   []string `env:"BATBERN_GITHUB_SUBJECTS" help:"repositories with immutable OIDC subjects, separated by commas: owner/name=prefix, the prefix as GitHub shows it in the repository's OIDC settings, such as BATbern/infrastructure=repo:BATbern@123456/infrastructure@456789; a repository without an entry is trusted by its name" validate:"unique,dive,githubsubject"`
	Administrators   []string `env:"BATBERN_ADMINISTRATORS" envDefault:"OrganizationAccountAccessRole,AWSReservedSSO_AdministratorAccess" help:"who administers the environments' accounts, separated by commas: names of roles, AWSReservedSSO_ and the name of a permission set of IAM Identity Center (Control Tower's is AWSReservedSSO_AWSAdministratorAccess), or ARNs of roles in one of these accounts" validate:"min=1,max=10,unique,dive,administrator"`
	AlarmEmails      []string `env:"BATBERN_ALARM_EMAILS" envDefault:"operations@example.com" help:"who receives alarms; several are separated by commas. An address inside the domain needs a mail exchanger there" validate:"min=1,unique,dive,email"`
	Owner            string   `env:"BATBERN_OWNER" envDefault:"batbern-operations" help:"tag Owner" validate:"tagvalue"`
	CostCenter       string   `env:"BATBERN_COST_CENTER" envDefault:"batbern-platform" help:"tag CostCenter" validate:"tagvalue"`

	Backend         string `env:"BATBERN_BACKEND" envDefault:"local" help:"where Terraform keeps state: local, cloud (Terraform Cloud) or s3" validate:"oneof=local cloud s3"`
	Organization    string `env:"BATBERN_TFC_ORGANIZATION" help:"Terraform Cloud organization; required with cloud, and lets runs of its workspaces sign in to the deployment roles" validate:"required_if=Backend cloud,omitempty,tfcname"`
	TfcHost         string `env:"BATBERN_TFC_HOST" envDefault:"app.terraform.io" help:"host of Terraform Cloud: app.eu.terraform.io for an organization in Europe" validate:"domain"`
	TfcProject      string `env:"BATBERN_TFC_PROJECT" help:"Terraform Cloud project that new workspaces join; optional" validate:"omitempty,tfcproject"`
	StateBucket     string `env:"BATBERN_STATE_BUCKET" help:"bucket of the state; required with s3" validate:"required_if=Backend s3,omitempty,bucket"`
	StateRegion     string `env:"BATBERN_STATE_REGION" envDefault:"eu-central-1" help:"region of that bucket" validate:"region"`
	AwsEndpoint     string `env:"BATBERN_AWS_ENDPOINT_URL" help:"an AWS emulator (moto, LocalStack) that every provider talks to instead of AWS" validate:"omitempty,emulatorurl"`
	MigrationDigest string `env:"BATBERN_MIGRATION_DIGEST" help:"digest of the image with all migrations (sha256:...), which the pipeline that built it knows; without it, the image tagged with the checksum of migrations/" validate:"omitempty,digest"`
	DeployRole      string `env:"BATBERN_DEPLOY_ROLE" envDefault:"none" help:"how providers enter an environment's account: none (the caller's own credentials), plan or apply (a role that a GitHub workflow goes on to), remote (runs in Terraform Cloud, which signs in to a role of its phase)" validate:"oneof=none plan apply remote"`
	LazyBindings    string `env:"BATBERN_LAZY_BINDINGS" envDefault:"true" help:"load the AWS binding piece by piece (faster, same output); false loads it whole" validate:"oneof=true false"`
	CostTags        string `env:"BATBERN_COST_TAGS" envDefault:"false" help:"activate the tags for cost allocation: true where the base's account is among BATBERN_PAYER_ACCOUNTS, once batbern-base is a day old (AWS knows no tag sooner)" validate:"oneof=true false"`
	ComplianceTag   string `env:"BATBERN_COMPLIANCE" envDefault:"revDSG-GDPR" help:"tag Compliance: the rules that personal data in the stacks is under" validate:"tagvalue"`
}

// RemoteRuns is the DeployRole of stacks that Terraform Cloud itself plans and applies.
const RemoteRuns = "remote"

// Variable documents one of the environment variables that Settings reads.
type Variable struct {
	Name, Default, Help string
}

// Variables are the environment variables that are read, in the order of Settings.
func Variables() []Variable {
	var variables []Variable
	for field := range reflect.TypeFor[Settings]().Fields() {
		variables = append(variables, Variable{Name: field.Tag.Get("env"), Default: field.Tag.Get("envDefault"), Help: field.Tag.Get("help")})
	}
	return variables
}

// prefix of every variable of ours. One that starts so and is not known is a typing error.
const prefix = "BATBERN_"

// isOurs says whether a name is meant for us, whatever its letters' case.
func isOurs(name string) bool { return strings.HasPrefix(strings.ToUpper(name), prefix) }

// entries are the items of a list without the spaces around them, and without empty ones.
func entries(list []string) []string {
	var trimmed []string
	for _, entry := range list {
		if entry = strings.TrimSpace(entry); entry != "" {
			trimmed = append(trimmed, entry)
		}
	}
	return trimmed
}

// FromProcess reads the variables of the process over those of the file at dotenv. A missing file is none; a file that
// cannot be read or parsed is an error.
func FromProcess(dotenv string) (map[string]string, error) {
	values, err := godotenv.Read(dotenv)
	if errors.Is(err, fs.ErrNotExist) {
		values = map[string]string{}
	} else if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w; write lines of NAME=value, see README.md", dotenv, err)
	}
	if text, err := os.ReadFile(dotenv); err == nil {
		if err := dotenvFaults(dotenv, string(text)); err != nil {
			return nil, err
		}
	}
	for _, pair := range os.Environ() {
		if name, value, _ := strings.Cut(pair, "="); looksLikeOurs(name) {
			values[name] = value
		}
	}
	return values, nil
}

// parseSettings fills Settings from variables, defaults where they are silent, and judges them. An empty variable
// counts as unset.
func parseSettings(variables map[string]string) (Settings, Faults) {
	var faults Faults
	known := map[string]bool{}
	for _, variable := range Variables() {
		known[variable.Name] = true
	}
	set := maps.Clone(variables)
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		value := variables[name]
		if strings.TrimSpace(value) == "" {
			delete(set, name)
		} else if looksLikeOurs(name) && !known[name] {
			remedy := "correct the name, or unset it"
			if meant := nearest(name); meant != "" {
				remedy = "did you mean " + meant + "? Correct the name, or unset it"
			}
			faults.add(path(name), value, "the names in README.md's table of variables", remedy)
		}
	}
	var settings Settings
	// every field is a text or a list of texts: parsing cannot fail, validation judges
	_ = env.ParseWithOptions(&settings, env.Options{Environment: set})
	for _, list := range []*[]string{
		&settings.AlarmEmails, &settings.NamesHeld, &settings.GithubSubjects, &settings.Administrators, &settings.PayerAccounts,
	} {
		*list = entries(*list)
	}
	structFaults(newValidator(), "", settings, "correct the variable, or unset it for its default", &faults)
	accountFaults(settings, &faults)
	settings.contradictions(set, &faults)
	for _, name := range slices.Sorted(maps.Keys(set)) {
		told := slices.ContainsFunc(faults, func(fault Fault) bool { return strings.HasPrefix(fault.Path, name) })
		if known[name] && !told {
			checkText(path(name), set[name], "", &faults)
		}
	}
	settings.signInFaults(&faults)
	if settings.AwsEndpoint != "" && settings.Backend != "local" {
		faults.add("BATBERN_AWS_ENDPOINT_URL", settings.AwsEndpoint, "nothing with BATBERN_BACKEND="+settings.Backend,
			"an emulator's state may not get among AWS's: unset one of the two")
	}
	if settings.DeployRole == RemoteRuns && settings.Backend != "cloud" {
		faults.add("BATBERN_DEPLOY_ROLE", settings.DeployRole, "none, plan, apply with BATBERN_BACKEND="+settings.Backend,
			"only Terraform Cloud runs remotely: set BATBERN_BACKEND=cloud, or another role")
	}
	return settings, faults
}
