package identity

import (
	"fmt"

	"github.com/batbern/infrastructure/constructs/policy"
)

// The identity providers' hosts, which begin the names of condition keys, and the audiences of their tokens. Terraform
// Cloud's host is a setting: an organization in Europe lives at app.eu.terraform.io, which issues its own tokens.
const (
	githubHost     = "token.actions.githubusercontent.com"
	githubAudience = "sts.amazonaws.com"

	terraformCloudAudience = "aws.workload.identity"
)

// Phase is what a pipeline does: Terraform Cloud's name of it, and the end of our roles' names.
type Phase string

// The phases. Planning reads, applying writes.
const (
	Plan  Phase = "plan"
	Apply Phase = "apply"
)

// Github is the repository whose workflows may sign in.
type Github struct {
	Repository  string // "owner/name"
	ProviderArn string
}

// trust lets the repository's workflows sign in, in jobs of one GitHub environment. Branches and pull requests without
// the environment get nothing: who may use the environment is decided by its protection rules.
// https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
func (g Github) trust(environment string) policy.Statement {
	return policy.Statement{
		Sid:        "GithubEnvironment",
		Effect:     policy.Allow,
		Principals: policy.Principals{Federated: []string{g.ProviderArn}},
		Actions:    []string{"sts:AssumeRoleWithWebIdentity"},
		Conditions: policy.Conditions{"StringEquals": {
			githubHost + ":aud": {githubAudience},
			githubHost + ":sub": {fmt.Sprintf("repo:%s:environment:%s", g.Repository, environment)},
		}},
	}
}

// TerraformCloud is the organization whose workspaces' remote runs may sign in. The zero value is none.
type TerraformCloud struct {
	Host         string // "app.terraform.io"
	Organization string // "" means Terraform Cloud is not trusted
	Project      string // "" means any project of the organization
	ProviderArn  string // the identity provider, in the account of the role that trusts it
}

// trust lets the runs of one workspace sign in, in one phase: nothing where there is no organization.
// https://developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/aws-configuration
func (c TerraformCloud) trust(workspace string, in Phase) []policy.Statement {
	if c.Organization == "" {
		return nil
	}
	project := c.Project
	if project == "" {
		project = "*" // the workspace's name is unique in its organization
	}
	return []policy.Statement{{
		Sid:        "TerraformCloudWorkspace",
		Effect:     policy.Allow,
		Principals: policy.Principals{Federated: []string{c.ProviderArn}},
		Actions:    []string{"sts:AssumeRoleWithWebIdentity"},
		Conditions: policy.Conditions{
			"StringEquals": {c.Host + ":aud": {terraformCloudAudience}},
			"StringLike": {c.Host + ":sub": {
				fmt.Sprintf("organization:%s:project:%s:workspace:%s:run_phase:%s", c.Organization, project, workspace, in),
			}},
		},
	}}
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
