package identity

import (
	"fmt"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamopenidconnectprovider"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
)

// HubsProps says who deploys what.
type HubsProps struct {
	Base        config.Base
	BoundaryArn string
	ZoneID      string
	// State is where states are kept if that is S3. The zero value means they are kept elsewhere.
	State State
}

// State is a bucket of Terraform states.
type State struct {
	Bucket string
	// Key is the object that holds a stack's state.
	Key func(stack string) string
}

// HubsOutputs are the roles, by environment; the base's own are under [config.BaseName].
type HubsOutputs struct {
	GithubProviderArn string
	PlanRoleArns      map[config.Name]string
	ApplyRoleArns     map[config.Name]string
	// DNSRoleArns write an environment's names, DNSReadRoleArns read the zone, for plans.
	DNSRoleArns     map[config.Name]string
	DNSReadRoleArns map[config.Name]string
}

// Hubs makes the roles in the base account that pipelines sign in to, without any long-lived key.
//
// A pipeline becomes the hub role of its environment and phase. That role has no rights of its own but to its stack's
// state, and assumes two others: the role of its phase in the environment's account ([Spokes]), and the DNS role.
// The base has no other account, so its two roles have their rights directly.
func Hubs(scope constructs.Construct, id string, props HubsProps) HubsOutputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	pipelines := providers(scope, props.Base)
	outputs := HubsOutputs{
		GithubProviderArn: pipelines.GithubProviderArn,
		PlanRoleArns:      map[config.Name]string{}, ApplyRoleArns: map[config.Name]string{},
		DNSRoleArns: map[config.Name]string{}, DNSReadRoleArns: map[config.Name]string{},
	}
	for _, deployment := range props.Base.Deployments {
		name := deployment.Environment
		of := constructs.NewConstruct(scope, jsii.String(string(name)))
		outputs.PlanRoleArns[name] = hub(Plan, deployment, pipelines, props).make(of)
		outputs.ApplyRoleArns[name] = hub(Apply, deployment, pipelines, props).make(of)
		outputs.DNSRoleArns[name] = dnsRole(deployment, props).make(of)
		outputs.DNSReadRoleArns[name] = dnsReadRole(deployment, props).make(of)
	}
	of := constructs.NewConstruct(scope, jsii.String(string(config.BaseName)))
	outputs.PlanRoleArns[config.BaseName] = own(Plan, pipelines, props).make(of)
	outputs.ApplyRoleArns[config.BaseName] = own(Apply, pipelines, props).make(of)
	return outputs
}

// providers makes the identity providers, one a URL, as an account can have no more. Their certificates are checked by
// AWS's own list of authorities, so no thumbprint is pinned.
func providers(scope constructs.Construct, base config.Base) Pipeline {
	provider := func(id, host, audience string) string {
		return *iamopenidconnectprovider.NewIamOpenidConnectProvider(scope, jsii.String(id), &iamopenidconnectprovider.IamOpenidConnectProviderConfig{
			Url:          jsii.String("https://" + host),
			ClientIdList: jsii.Strings(audience),
			// AWS goes by its own list of authorities for both hosts, and not by this; older providers ask for it
			ThumbprintList: jsii.Strings(thumbprints[host]...),
		}).Arn()
	}
	pipeline := Pipeline{
		GithubRepository:  base.GithubRepository,
		GithubProviderArn: provider("github", githubHost, githubAudience),
		TfcOrganization:   base.TfcOrganization,
		TfcProject:        base.TfcProject,
	}
	if base.TfcOrganization != "" {
		pipeline.TfcProviderArn = provider("terraform_cloud", terraformCloudHost, terraformCloudAudience)
	}
	return pipeline
}

// of is the pipeline of one stack.
func (p Pipeline) of(environment config.Name, stack string) Pipeline {
	p.GithubEnvironment, p.Stack = string(environment), stack
	return p
}

func hub(phase Phase, deployment config.Deployment, pipelines Pipeline, props HubsProps) role {
	account := props.Base.Account.ID
	dns := dnsReadName(deployment.Stack)
	if phase == Apply {
		dns = dnsName(deployment.Stack)
	}
	rights := []right{{"assume", policy.Document{Statements: []policy.Statement{{
		Sid:       "OnwardRoles",
		Effect:    policy.Allow,
		Actions:   []string{"sts:AssumeRole"},
		Resources: []string{roleArn(deployment.AccountID, phase.role(deployment.Stack)), roleArn(account, dns)},
	}}}}}
	if props.State.Bucket != "" {
		rights = append(rights, right{"state", props.State.Policy(phase, deployment.Stack, props.Base.Stack())})
	}
	return role{
		id: string(phase), name: phase.hub(deployment.Stack), boundaryArn: props.BoundaryArn,
		description: fmt.Sprintf("Pipelines that %s %s sign in here", phase, deployment.Stack),
		trust:       pipelines.of(deployment.Environment, deployment.Stack).Trust(phase),
		rights:      rights,
	}
}

// own is a role of the base's own deployment.
func own(phase Phase, pipelines Pipeline, props HubsProps) role {
	stack := props.Base.Stack()
	rights := Rights{AccountID: props.Base.Account.ID, BoundaryArn: props.BoundaryArn, Prefix: strings.TrimSuffix(stack, string(config.BaseName))}
	if props.State.Bucket != "" {
		rights.StateObjects = []string{props.State.object(stack)}
	}
	made := role{
		id: string(phase), name: phase.role(stack), boundaryArn: props.BoundaryArn, readOnly: true,
		description: fmt.Sprintf("Pipelines that %s %s sign in here", phase, stack),
		trust:       pipelines.of(config.BaseName, stack).Trust(phase),
		rights:      []right{{"without_data", rights.WithoutData()}},
	}
	if props.State.Bucket != "" {
		made.rights = append(made.rights, right{"state", props.State.Policy(phase, stack)})
	}
	if phase == Apply {
		made.rights = append(made.rights,
			right{"services", rights.ManageBase()}, right{"named", rights.ManageNamed()}, right{"identity_providers", rights.ManageIdentityProviders()})
	}
	return made
}

func dnsName(stack string) string     { return stack + "-dns" }
func dnsReadName(stack string) string { return stack + "-dns-read" }

// dnsRole writes the environment's names: for the pipeline that applies, and for administrators of the environment's
// account, who apply without a pipeline.
func dnsRole(deployment config.Deployment, props HubsProps) role {
	account := props.Base.Account.ID
	return role{
		id: "dns", name: dnsName(deployment.Stack), boundaryArn: props.BoundaryArn,
		description: fmt.Sprintf("Writes the names of %s in %s, and no others", deployment.Stack, props.Base.Zone),
		trust: policy.Document{Statements: []policy.Statement{
			trustPrincipals("Pipeline", account, roleArn(account, Apply.hub(deployment.Stack))),
			trustPrincipals("Administrators", deployment.AccountID, administrators(deployment.AccountID)...),
		}},
		rights: []right{{"records", RecordPolicy(props.ZoneID, deployment.Domains, props.Base.Deployments)}},
	}
}

func dnsReadRole(deployment config.Deployment, props HubsProps) role {
	account := props.Base.Account.ID
	return role{
		id: "dns_read", name: dnsReadName(deployment.Stack), boundaryArn: props.BoundaryArn,
		description: fmt.Sprintf("Reads %s for plans of %s", props.Base.Zone, deployment.Stack),
		trust: policy.Document{Statements: []policy.Statement{
			trustPrincipals("Pipeline", account, roleArn(account, Plan.hub(deployment.Stack))),
		}},
		rights: []right{{"records", zonePolicy(props.ZoneID)}},
	}
}

// Policy lets a pipeline keep the state of its stack: a plan reads it and holds the lock, an apply writes it. States
// of the stacks in reads are read.
func (s State) Policy(phase Phase, stack string, reads ...string) policy.Document {
	keys := []string{s.Key(stack), s.Key(stack) + ".tflock"}
	objects := []string{s.object(stack)}
	for _, other := range reads {
		keys, objects = append(keys, s.Key(other)), append(objects, s.object(other))
	}
	lock := policy.Statement{
		Sid:       "Lock",
		Effect:    policy.Allow,
		Actions:   []string{"s3:DeleteObject", "s3:GetObject", "s3:PutObject"},
		Resources: []string{s.object(stack) + ".tflock"},
	}
	statements := []policy.Statement{
		{
			Sid:        "FindState",
			Effect:     policy.Allow,
			Actions:    []string{"s3:ListBucket"},
			Resources:  []string{"arn:aws:s3:::" + s.Bucket},
			Conditions: policy.Conditions{"StringEquals": {"s3:prefix": keys}},
		},
		{Sid: "ReadState", Effect: policy.Allow, Actions: []string{"s3:GetObject"}, Resources: objects},
		lock,
	}
	if phase == Apply {
		statements = append(statements, policy.Statement{
			Sid: "WriteState", Effect: policy.Allow, Actions: []string{"s3:PutObject"}, Resources: []string{s.object(stack)},
		})
	}
	return policy.Document{Statements: statements}
}

func (s State) object(stack string) string {
	return fmt.Sprintf("arn:aws:s3:::%s/%s", s.Bucket, s.Key(stack))
}

// thumbprints are the hosts' authorities as AWS published them.
var thumbprints = map[string][]string{
	githubHost:         {"6938fd4d98bab03faadb97b34396831e3780aea1", "1c58a3a8518e8759bf075b76b750d4f2df264fcd"},
	terraformCloudHost: {"9e99a48a9960b14926bb7f3b02e22da2b0ab7280"},
}
