package identity

import (
	"fmt"

	"github.com/batbern/infrastructure/constructs/policy"
)

// The identity providers: their hosts, which begin the names of condition keys, and whom their tokens are meant for.
const (
	githubHost     = "token.actions.githubusercontent.com"
	githubAudience = "sts.amazonaws.com"

	terraformCloudHost     = "app.terraform.io"
	terraformCloudAudience = "aws.workload.identity"
)

// Phase is what a pipeline does: Terraform Cloud's name of it, and the end of our roles' names.
type Phase string

// The phases. Planning reads, applying writes.
const (
	Plan  Phase = "plan"
	Apply Phase = "apply"
)

// Pipeline is what may sign in to plan or apply a stack.
type Pipeline struct {
	GithubRepository  string // "owner/name"
	GithubEnvironment string // the deployment environment that the job has to name
	Stack             string // the Terraform Cloud workspace
	TfcOrganization   string // "" means Terraform Cloud is not trusted
	TfcProject        string // "" means any project of the organization
	// GithubProviderArn and TfcProviderArn are the identity providers that vouch for them.
	GithubProviderArn string
	TfcProviderArn    string
}

// Trust lets the workflows of one repository sign in, in jobs of one GitHub environment, and where there is an
// organization one Terraform Cloud workspace in one run phase. Branches and pull requests without the environment get
// nothing: who may use the environment is decided by its protection rules.
// https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
// https://developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/aws-configuration
func (p Pipeline) Trust(in Phase) policy.Document {
	statements := []policy.Statement{{
		Sid:        "GithubEnvironment",
		Effect:     policy.Allow,
		Principals: policy.Principals{Federated: []string{p.GithubProviderArn}},
		Actions:    []string{"sts:AssumeRoleWithWebIdentity"},
		Conditions: policy.Conditions{"StringEquals": {
			githubHost + ":aud": {githubAudience},
			githubHost + ":sub": {fmt.Sprintf("repo:%s:environment:%s", p.GithubRepository, p.GithubEnvironment)},
		}},
	}}
	if p.TfcOrganization != "" {
		project := p.TfcProject
		if project == "" {
			project = "*" // the workspace's name is unique in its organization
		}
		statements = append(statements, policy.Statement{
			Sid:        "TerraformCloudWorkspace",
			Effect:     policy.Allow,
			Principals: policy.Principals{Federated: []string{p.TfcProviderArn}},
			Actions:    []string{"sts:AssumeRoleWithWebIdentity"},
			Conditions: policy.Conditions{
				"StringEquals": {terraformCloudHost + ":aud": {terraformCloudAudience}},
				"StringLike": {terraformCloudHost + ":sub": {
					fmt.Sprintf("organization:%s:project:%s:workspace:%s:run_phase:%s", p.TfcOrganization, project, p.Stack, in),
				}},
			},
		})
	}
	return policy.Document{Statements: statements}
}

// trustPrincipals lets certain roles of an account assume a role. The principal is the account and the condition names
// the roles: a principal that is a role becomes an unreadable id when that role is deleted, and stays one when it is
// made again. Patterns may hold wildcards.
func trustPrincipals(sid, accountID string, patterns ...string) policy.Statement {
	return policy.Statement{
		Sid:        sid,
		Effect:     policy.Allow,
		Principals: policy.Principals{AWS: []string{policy.Root(accountID)}},
		Actions:    []string{"sts:AssumeRole"},
		Conditions: policy.Conditions{"ArnLike": {"aws:PrincipalArn": patterns}},
	}
}

// administrators of an account: whoever comes from the organization's management account, and who signs in through IAM
// Identity Center as administrator.
func administrators(accountID string) []string {
	return []string{
		roleArn(accountID, "OrganizationAccountAccessRole"),
		roleArn(accountID, "aws-reserved/sso.amazonaws.com/*AWSReservedSSO_AdministratorAccess_*"),
	}
}
