package identity

import (
	"fmt"
	"strings"

	"github.com/batbern/infrastructure/config"
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

// githubEnvironment is the GitHub environment of the jobs of a phase: "dev-plan" plans and "dev" applies. They differ, so
// that a job that may plan cannot apply, and only the second needs reviewers.
func githubEnvironment(name config.Name, in Phase) string {
	if in == Plan {
		return string(name) + "-" + string(Plan)
	}
	return string(name)
}

// Github is the repository whose workflows may sign in.
type Github struct {
	// SubjectPrefix begins the subjects of its tokens: "repo:owner/name", or with numeric ids. It is compared exactly.
	SubjectPrefix string
	ProviderArn   string
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
			githubHost + ":sub": {g.SubjectPrefix + ":environment:" + environment},
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

// permissionSet begins the names of the roles that IAM Identity Center makes of permission sets. It ends them with an
// underscore and 16 characters, and puts them on a path with its region, or without one for us-east-1.
// https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
const permissionSet = "AWSReservedSSO_"

// administrators are the ARNs, as patterns, of an account's administrators: roles by name, permission sets, and those of
// the ARNs that are in the account.
func administrators(accountID string, entries []string) []string {
	var arns []string
	for _, entry := range entries {
		switch {
		case strings.HasPrefix(entry, "arn:"):
			if strings.HasPrefix(entry, roleArn(accountID, "")) {
				arns = append(arns, entry)
			}
		case strings.HasPrefix(entry, permissionSet):
			// exactly 16 characters: another set's name may begin with this one's
			role := entry + "_" + strings.Repeat("?", 16)
			arns = append(arns,
				roleArn(accountID, "aws-reserved/sso.amazonaws.com/"+role), roleArn(accountID, "aws-reserved/sso.amazonaws.com/*/"+role))
		default:
			arns = append(arns, roleArn(accountID, entry))
		}
	}
	return arns
}

// trustAdministrators lets an account's administrators assume a role: nothing where none is named for the account.
func trustAdministrators(accountID string, entries []string) []policy.Statement {
	arns := administrators(accountID, entries)
	if len(arns) == 0 {
		return nil
	}
	return []policy.Statement{trustPrincipals("Administrators", accountID, arns...)}
}
