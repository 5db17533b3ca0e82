package identity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
)

// HubsProps says who deploys what.
type HubsProps struct {
	Base        config.Base
	BoundaryArn string
	// ZoneIDs are the hosted zones that the environments write to.
	ZoneIDs map[config.Name]string
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
// A GitHub workflow becomes the hub role of its environment and phase. That role has no rights of its own but to its
// stack's state, and assumes two others: the role of its phase in the environment's account ([Spokes]), and the DNS
// role. Terraform Cloud's remote runs need no hub: they sign in to the spoke and the DNS role of their phase.
// The base has no other account, so its two roles have their rights directly and trust both.
func Hubs(scope constructs.Construct, id string, props HubsProps) HubsOutputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	in := signIn{
		github: Github{SubjectPrefix: props.Base.GithubSubjectPrefix, ProviderArn: githubProvider(scope)},
		cloud: TerraformCloud{
			Host:         props.Base.TfcHost,
			Organization: props.Base.TfcOrganization,
			Project:      props.Base.TfcProject,
		},
	}
	in.cloud.ProviderArn = in.cloud.provider(scope, props.Base.Account.ID, props.Base.Baseline.TerraformCloudProvider)
	outputs := HubsOutputs{
		GithubProviderArn: in.github.ProviderArn,
		PlanRoleArns:      map[config.Name]string{}, ApplyRoleArns: map[config.Name]string{},
		DNSRoleArns: map[config.Name]string{}, DNSReadRoleArns: map[config.Name]string{},
	}
	for _, deployment := range props.Base.Deployments {
		name := deployment.Environment
		of := constructs.NewConstruct(scope, jsii.String(string(name)))
		outputs.PlanRoleArns[name] = hub(Plan, deployment, in, props).make(of)
		outputs.ApplyRoleArns[name] = hub(Apply, deployment, in, props).make(of)
		outputs.DNSRoleArns[name] = dnsRole(deployment, in, props).make(of)
		outputs.DNSReadRoleArns[name] = dnsReadRole(deployment, in, props).make(of)
		if props.State.Bucket != "" {
			if admins := trustAdministrators(deployment.AccountID, props.Base.Administrators); admins != nil {
				stateRole(deployment, admins, props).make(of)
			}
		}
	}
	of := constructs.NewConstruct(scope, jsii.String(string(config.BaseName)))
	outputs.PlanRoleArns[config.BaseName] = own(Plan, in, props).make(of)
	outputs.ApplyRoleArns[config.BaseName] = own(Apply, in, props).make(of)
	return outputs
}

// signIn is whom the base account's identity providers vouch for.
type signIn struct {
	github Github
	cloud  TerraformCloud
}

func hub(phase Phase, deployment config.Deployment, in signIn, props HubsProps) role {
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
		description: fmt.Sprintf("Workflows that %s %s sign in here", phase, deployment.Stack),
		trust:       policy.Document{Statements: []policy.Statement{in.github.trust(githubEnvironment(deployment.Environment, phase))}},
		rights:      rights,
	}
}

// own is a role of the base's own deployment.
func own(phase Phase, in signIn, props HubsProps) role {
	stack := props.Base.Stack()
	rights := Rights{
		AccountID: props.Base.Account.ID, CloudHost: props.Base.TfcHost, BoundaryArn: props.BoundaryArn, Prefix: strings.TrimSuffix(stack, string(config.BaseName)),
		Stack: stack, Protection: props.Base.Protection,
	}
	if props.State.Bucket != "" {
		rights.StateObjects = []string{props.State.object(stack), props.State.lock(stack)}
	}
	made := role{
		id: string(phase), name: phase.role(stack), boundaryArn: props.BoundaryArn, readOnly: true,
		description: fmt.Sprintf("Pipelines that %s %s sign in here", phase, stack),
		trust:       policy.Document{Statements: append(in.cloud.trust(stack, phase), in.github.trust(githubEnvironment(config.BaseName, phase)))},
		rights:      []right{{"without_data", rights.WithoutData()}},
	}
	if props.State.Bucket != "" {
		made.rights = append(made.rights, right{"state", props.State.Policy(phase, stack)})
	}
	if phase == Apply {
		made.rights = append(made.rights,
			right{"services", rights.ManageBase()}, right{"roles", rights.ManageRoles()},
			right{"keys", rights.ManageKeys("CreateGrant DescribeKey RetireGrant", "ecr")}, right{"identity_providers", rights.ManageIdentityProviders()})
	}
	return made
}

func dnsName(stack string) string     { return stack + "-dns" }
func dnsReadName(stack string) string { return stack + "-dns-read" }

// dnsRole writes the environment's names: for the pipeline that applies, and for administrators of the environment's
// account, who apply without a pipeline. A run of Terraform Cloud signs in here as it does to the spoke, and by phase:
// were it to go on from the spoke, a plan would need the same role as an apply.
func dnsRole(deployment config.Deployment, in signIn, props HubsProps) role {
	account := props.Base.Account.ID
	return role{
		id: "dns", name: dnsName(deployment.Stack), boundaryArn: props.BoundaryArn,
		description: fmt.Sprintf("Writes the names of %s in %s, and no others", deployment.Stack, props.Base.Zone),
		trust: policy.Document{Statements: slices.Concat(
			in.cloud.trust(deployment.Stack, Apply),
			[]policy.Statement{trustPrincipals("Pipeline", account, roleArn(account, Apply.hub(deployment.Stack)))},
			trustAdministrators(deployment.AccountID, props.Base.Administrators),
		)},
		rights: []right{{"records", RecordPolicy(props.ZoneIDs[deployment.Environment], deployment.Domains, props.Base.Deployments)}},
	}
}

func dnsReadRole(deployment config.Deployment, in signIn, props HubsProps) role {
	account := props.Base.Account.ID
	return role{
		id: "dns_read", name: dnsReadName(deployment.Stack), boundaryArn: props.BoundaryArn,
		description: fmt.Sprintf("Reads %s for plans of %s", props.Base.Zone, deployment.Stack),
		trust: policy.Document{Statements: append(in.cloud.trust(deployment.Stack, Plan),
			trustPrincipals("Pipeline", account, roleArn(account, Plan.hub(deployment.Stack))),
		)},
		rights: []right{{"records", zonePolicy(props.ZoneIDs[deployment.Environment])}},
	}
}

// StateRole is the name of the role in the base account with which an administrator of an environment's account reaches
// the state bucket. Pipelines need none: they are in the base account already, see [Hubs].
func StateRole(stack string) string { return stack + "-state" }

// stateRole keeps the state and the lock of one environment, and reads the base's state. A role in the bucket's account
// needs no bucket policy, which would be in nobody's Terraform: the bucket is made by hand, before the base.
func stateRole(deployment config.Deployment, admins []policy.Statement, props HubsProps) role {
	return role{
		id: "state", name: StateRole(deployment.Stack), boundaryArn: props.BoundaryArn,
		description: fmt.Sprintf("Administrators of %s keep its state in %s", deployment.Stack, props.State.Bucket),
		trust:       policy.Document{Statements: admins},
		rights:      []right{{"state", props.State.Policy(Apply, deployment.Stack, props.Base.Stack())}},
	}
}

// Policy lets a pipeline keep the state of its stack: a plan reads it and holds the lock, an apply writes it. States
// of the stacks in reads are read.
//
// Besides the objects, Terraform lists the workspaces of the bucket when it initializes a stack. And S3 answers for a state
// that does not exist yet with 404 only where the role may list the bucket, otherwise with 403, which stops the first apply.
// Names of states are no secret, so the list has no condition.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
// https://developer.hashicorp.com/terraform/language/backend/s3#permissions-required
func (s State) Policy(phase Phase, stack string, reads ...string) policy.Document {
	objects := []string{s.object(stack)}
	for _, other := range reads {
		objects = append(objects, s.object(other))
	}
	lock := policy.Statement{
		Sid:       "Lock",
		Effect:    policy.Allow,
		Actions:   []string{"s3:DeleteObject", "s3:GetObject", "s3:PutObject"},
		Resources: []string{s.lock(stack)},
	}
	statements := []policy.Statement{
		{
			Sid:       "FindState",
			Effect:    policy.Allow,
			Actions:   []string{"s3:ListBucket"},
			Resources: []string{"arn:aws:s3:::" + s.Bucket},
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

// lock is the ARN of the object that Terraform holds while it works: use_lockfile of the S3 backend.
func (s State) lock(stack string) string { return s.object(stack) + ".tflock" }

func (s State) object(stack string) string {
	return fmt.Sprintf("arn:aws:s3:::%s/%s", s.Bucket, s.Key(stack))
}
