package resources_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/identity"
)

var zoneIDs = map[config.Name]string{config.Dev: "ZDEV", config.Staging: "ZSTAGING", config.Prod: "Z123"}

const boundaryArn = "arn:aws:iam::222233334444:policy/batbern-dev-boundary"

func hubs(t *testing.T, organization, project string, state identity.State) *testkit.Stack {
	base := testkit.Project(t).Base
	base.TfcOrganization, base.TfcProject = organization, project
	return testkit.Construct(t, func(stack cdktf.TerraformStack) {
		identity.Hubs(stack, "deployment", identity.HubsProps{Base: base, BoundaryArn: boundaryArn, ZoneIDs: zoneIDs, State: state})
	})
}

func TestBoundaryPolicy(t *testing.T) {
	props := identity.BoundaryProps{Name: "batbern-dev", AccountID: "222233334444", Regions: []string{"eu-central-1", "us-east-1"}}
	stack := testkit.Construct(t, func(stack cdktf.TerraformStack) { identity.Boundary(stack, "boundary", props) })
	testkit.HasResourceWithProperties(t, stack, "aws_iam_policy", map[string]any{
		"name": "batbern-dev-boundary", "policy": identity.BoundaryPolicy(props).JSON(),
	})
}

func TestHubs(t *testing.T) {
	stack := hubs(t, "", "", identity.State{})

	t.Run("every environment and the base have a plan and an apply role, environments two for DNS", func(t *testing.T) {
		var names []string
		for _, role := range stack.Resources("aws_iam_role") {
			names = append(names, role.Text("name"))
		}
		slices.Sort(names)
		want := []string{"batbern-base-apply", "batbern-base-plan"}
		for _, environment := range config.Names() {
			for _, kind := range []string{"dns", "dns-read", "pipeline-apply", "pipeline-plan"} {
				want = append(want, fmt.Sprintf("batbern-%s-%s", environment, kind))
			}
		}
		slices.Sort(want)
		if !slices.Equal(names, want) {
			t.Errorf("roles %v\nwant  %v", names, want)
		}
	})

	t.Run("GitHub signs in by jobs of one environment only", func(t *testing.T) {
		for _, environment := range append(config.Names(), config.BaseName) {
			for _, phase := range []string{"plan", "apply"} {
				trust := stack.Resource(t, "aws_iam_role", fmt.Sprintf("deployment/%s/%s/role", environment, phase)).Text("assume_role_policy")
				// a job that may plan must not be able to apply: its GitHub environment is another one
				job := map[string]string{"plan": string(environment) + "-plan", "apply": string(environment)}[phase]
				want := fmt.Sprintf(`"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com",`+
					`"token.actions.githubusercontent.com:sub":"repo:BATbern/infrastructure:environment:%s"}`, job)
				if !strings.Contains(trust, want) || strings.Contains(trust, "app.terraform.io") {
					t.Errorf("%s %s is trusted to %s", environment, phase, trust)
				}
			}
		}
	})

	t.Run("Terraform Cloud signs in by one workspace and phase, where there is an organization", func(t *testing.T) {
		for project, shown := range map[string]string{"": "*", "platform": "platform"} {
			cloud := hubs(t, "batbern", project, identity.State{})
			testkit.HasResourceWithProperties(t, cloud, "aws_iam_openid_connect_provider",
				map[string]any{"url": "https://app.terraform.io", "client_id_list": []any{"aws.workload.identity"}})
			for role, run := range map[string]struct{ workspace, phase string }{
				"base/plan": {"batbern-base", "plan"}, "base/apply": {"batbern-base", "apply"},
				"prod/dns_read": {"batbern-prod", "plan"}, "prod/dns": {"batbern-prod", "apply"},
			} {
				trust := cloud.Resource(t, "aws_iam_role", "deployment/"+role+"/role").Text("assume_role_policy")
				if want := remoteRun(shown, run.workspace, run.phase); !strings.Contains(trust, want) || strings.Count(trust, "run_phase") != 1 {
					t.Errorf("%s is trusted to %s\nwant %s", role, trust, want)
				}
			}
			// a remote run of an environment has nothing to do in its hubs
			for _, hub := range []string{"prod/plan", "prod/apply"} {
				if trust := cloud.Resource(t, "aws_iam_role", "deployment/"+hub+"/role").Text("assume_role_policy"); strings.Contains(trust, "app.terraform.io") {
					t.Errorf("%s is trusted to %s", hub, trust)
				}
			}
		}
		if providers := stack.Resources("aws_iam_openid_connect_provider"); len(providers) != 1 {
			t.Errorf("%d identity providers without an organization, want GitHub's alone", len(providers))
		}
	})

	t.Run("an organization in Europe signs in by the host that it lives at, and by no other", func(t *testing.T) {
		base := testkit.Project(t, map[string]string{"BATBERN_TFC_ORGANIZATION": "batbern", "BATBERN_TFC_HOST": "app.eu.terraform.io"}).Base
		europe := testkit.Construct(t, func(stack cdktf.TerraformStack) {
			identity.Hubs(stack, "deployment", identity.HubsProps{Base: base, BoundaryArn: boundaryArn, ZoneIDs: zoneIDs})
		})
		testkit.HasResourceWithProperties(t, europe, "aws_iam_openid_connect_provider", map[string]any{"url": "https://app.eu.terraform.io"})
		for _, text := range []string{"app.eu.terraform.io:aud", "app.eu.terraform.io:sub", "oidc-provider/app.eu.terraform.io"} {
			if !strings.Contains(europe.JSON, text) {
				t.Errorf("%s is nowhere in the stack", text)
			}
		}
		if strings.Contains(europe.JSON, "app.terraform.io") {
			t.Error("app.terraform.io is trusted as well")
		}
	})

	t.Run("an identity provider that the account has is trusted and not made", func(t *testing.T) {
		base := testkit.Project(t).Base
		base.TfcOrganization, base.Baseline.TerraformCloudProvider = "batbern", false
		cloud := testkit.Construct(t, func(stack cdktf.TerraformStack) {
			identity.Hubs(stack, "deployment", identity.HubsProps{Base: base, BoundaryArn: boundaryArn, ZoneIDs: zoneIDs})
		})
		if providers := cloud.Resources("aws_iam_openid_connect_provider"); len(providers) != 1 {
			t.Errorf("%d identity providers, want GitHub's alone", len(providers))
		}
		trust := cloud.Resource(t, "aws_iam_role", "deployment/base/plan/role").Text("assume_role_policy")
		if want := `{"Federated":"arn:aws:iam::111122223333:oidc-provider/app.terraform.io"}`; !strings.Contains(trust, want) {
			t.Errorf("%s\nhas no %s", trust, want)
		}
	})

	t.Run("a hub role becomes its two onward roles and nothing else", func(t *testing.T) {
		for phase, dns := range map[string]string{"plan": "dns-read", "apply": "dns"} {
			path := "deployment/dev/" + phase
			var rights []string
			for _, right := range stack.Resources("aws_iam_role_policy") {
				if strings.HasPrefix(right.Path, path+"/") {
					rights = append(rights, right.Text("policy"))
				}
			}
			want := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"OnwardRoles","Effect":"Allow","Action":"sts:AssumeRole",`+
				`"Resource":["arn:aws:iam::111122223333:role/batbern-dev-%s","arn:aws:iam::222233334444:role/batbern-dev-%s"]}]}`, dns, phase)
			if len(rights) != 1 || rights[0] != want {
				t.Errorf("%s may %v\nwant %s", path, rights, want)
			}
			for _, attached := range stack.Resources("aws_iam_role_policy_attachment") {
				if strings.HasPrefix(attached.Path, path+"/") {
					t.Errorf("%s has %s", path, attached.Text("policy_arn"))
				}
			}
		}
	})

	t.Run("with states in S3 a plan reads its own and the base's, and only an apply writes its own", func(t *testing.T) {
		kept := hubs(t, "", "", identity.State{Bucket: "states", Key: func(stack string) string { return stack + "/terraform.tfstate" }})
		for phase, writes := range map[string]bool{"plan": false, "apply": true} {
			text := kept.Resource(t, "aws_iam_role_policy", "deployment/dev/"+phase+"/state").Text("policy")
			for want, there := range map[string]bool{
				`"arn:aws:s3:::states/batbern-base/terraform.tfstate","arn:aws:s3:::states/batbern-dev/terraform.tfstate"`:                         true,
				`"Action":["s3:DeleteObject","s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::states/batbern-dev/terraform.tfstate.tflock"`: true,
				`"Action":"s3:PutObject","Resource":"arn:aws:s3:::states/batbern-dev/terraform.tfstate"`:                                           writes,
				"batbern-prod": false,
			} {
				if strings.Contains(text, want) != there {
					t.Errorf("%s: %s\nhas %s: want %v", phase, text, want, there)
				}
			}
		}
		denial := kept.Resource(t, "aws_iam_role_policy", "deployment/base/plan/without_data").Text("policy")
		if want := `"NotResource":["arn:aws:s3:::aws-synthetics-library-*","arn:aws:s3:::states/batbern-base/terraform.tfstate",` +
			`"arn:aws:s3:::states/batbern-base/terraform.tfstate.tflock"]`; !strings.Contains(denial, want) {
			t.Errorf("the base's plan cannot read its state or its lock: %s", denial)
		}
		if !strings.Contains(kept.Resource(t, "aws_iam_role", "deployment/dev/state/role").Text("assume_role_policy"), "222233334444:role/OrganizationAccountAccessRole") {
			t.Error("administrators of dev cannot reach its state")
		}
		if got, want := kept.Resource(t, "aws_iam_role_policy", "deployment/dev/state/state").Text("policy"),
			kept.Resource(t, "aws_iam_role_policy", "deployment/dev/apply/state").Text("policy"); got != want {
			t.Errorf("administrators of dev may %s\nits pipeline %s", got, want)
		}
	})

	t.Run("an immutable subject is trusted exactly as it is set", func(t *testing.T) {
		project := testkit.Project(t, map[string]string{"BATBERN_GITHUB_SUBJECTS": "BATbern/infrastructure=repo:BATbern@12/infrastructure@34"})
		immutable := testkit.Construct(t, func(stack cdktf.TerraformStack) {
			identity.Hubs(stack, "deployment", identity.HubsProps{Base: project.Base, BoundaryArn: boundaryArn, ZoneIDs: zoneIDs})
		})
		trust := immutable.Resource(t, "aws_iam_role", "deployment/prod/apply/role").Text("assume_role_policy")
		if want := `"token.actions.githubusercontent.com:sub":"repo:BATbern@12/infrastructure@34:environment:prod"`; !strings.Contains(trust, want) {
			t.Errorf("%s\nhas no %s", trust, want)
		}
		if strings.Contains(trust, "repo:BATbern/infrastructure") {
			t.Errorf("%s\nstill trusts the name, which somebody else may take", trust)
		}
	})

	t.Run("administrators are those that are set, each in its account", func(t *testing.T) {
		project := testkit.Project(t, map[string]string{
			"BATBERN_ADMINISTRATORS": "AWSReservedSSO_AWSAdministratorAccess,arn:aws:iam::333344445555:role/ops/admin"})
		set := testkit.Construct(t, func(stack cdktf.TerraformStack) {
			identity.Hubs(stack, "deployment", identity.HubsProps{Base: project.Base, BoundaryArn: boundaryArn, ZoneIDs: zoneIDs})
		})
		for environment, theirs := range map[string]bool{"dev": false, "staging": true} {
			trust := set.Resource(t, "aws_iam_role", "deployment/"+environment+"/dns/role").Text("assume_role_policy")
			if strings.Contains(trust, "role/ops/admin") != theirs {
				t.Errorf("%s: a role of staging's account: %s", environment, trust)
			}
			if !strings.Contains(trust, "/AWSReservedSSO_AWSAdministratorAccess_????????????????") || strings.Contains(trust, "OrganizationAccountAccessRole") {
				t.Errorf("%s trusts %s", environment, trust)
			}
		}
	})

	t.Run("DNS roles trust their own pipeline and their account's administrators", func(t *testing.T) {
		write := stack.Resource(t, "aws_iam_role", "deployment/dev/dns/role").Text("assume_role_policy")
		for _, want := range []string{
			`"Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole","Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/batbern-dev-pipeline-apply"}}`,
			`"aws:PrincipalArn":["arn:aws:iam::222233334444:role/OrganizationAccountAccessRole",` +
				`"arn:aws:iam::222233334444:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_AdministratorAccess_????????????????",` +
				`"arn:aws:iam::222233334444:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_AdministratorAccess_????????????????"]`,
		} {
			if !strings.Contains(write, want) {
				t.Errorf("%s\nhas no %s", write, want)
			}
		}
		read := stack.Resource(t, "aws_iam_role", "deployment/dev/dns_read/role").Text("assume_role_policy")
		if !strings.Contains(read, "role/batbern-dev-pipeline-plan") || strings.Contains(read, "apply") {
			t.Errorf("the role that reads is trusted to %s", read)
		}
		if text := stack.Resource(t, "aws_iam_role_policy", "deployment/dev/dns_read/records").Text("policy"); strings.Contains(text, "ChangeResourceRecordSets") {
			t.Errorf("the role that reads may write: %s", text)
		}
	})
}

// remoteRun is the condition under which a run of a workspace of "batbern" signs in.
func remoteRun(project, workspace, phase string) string {
	return fmt.Sprintf(`{"StringEquals":{"app.terraform.io:aud":"aws.workload.identity"},`+
		`"StringLike":{"app.terraform.io:sub":"organization:batbern:project:%s:workspace:%s:run_phase:%s"}}`, project, workspace, phase)
}

// Where Terraform Cloud is trusted, an environment's roles take its remote runs in by the account's own provider.
func TestSpokesOfTerraformCloud(t *testing.T) {
	for name, makes := range map[string]bool{"its own": true, "one that is there": false} {
		t.Run(name, func(t *testing.T) {
			stack := testkit.Construct(t, func(stack cdktf.TerraformStack) {
				identity.Spokes(stack, "deployment", identity.SpokesProps{
					Name: "batbern-dev", AccountID: "222233334444", BaseAccountID: "111122223333", BoundaryArn: boundaryArn,
					CloudHost: "app.terraform.io", Organization: "batbern", Project: "platform", MakeProvider: makes,
				})
			})
			provider := "arn:aws:iam::222233334444:oidc-provider/app.terraform.io"
			made := stack.Resources("aws_iam_openid_connect_provider")
			if makes {
				if len(made) != 1 {
					t.Fatalf("%d identity providers, want one", len(made))
				}
				provider = "${" + made[0].Address() + ".arn}"
			} else if len(made) != 0 {
				t.Errorf("makes %v", made)
			}
			for _, phase := range []string{"plan", "apply"} {
				testkit.HasResourceWithProperties(t, stack, "aws_iam_role", map[string]any{
					"name": "batbern-dev-" + phase,
					"assume_role_policy": fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"TerraformCloudWorkspace","Effect":"Allow",`+
						`"Principal":{"Federated":"%s"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":%s},`+
						`{"Sid":"Pipeline","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole",`+
						`"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/batbern-dev-pipeline-%s"}}}]}`,
						provider, remoteRun("platform", "batbern-dev", phase), phase),
				})
			}
		})
	}
}

func TestSpokes(t *testing.T) {
	stack := testkit.Construct(t, func(stack cdktf.TerraformStack) {
		identity.Spokes(stack, "deployment", identity.SpokesProps{
			Name: "batbern-dev", AccountID: "222233334444", BaseAccountID: "111122223333", BoundaryArn: boundaryArn,
		})
	})
	rights := func(phase string) map[string]string {
		found := map[string]string{}
		for _, right := range stack.Resources("aws_iam_role_policy") {
			if strings.HasPrefix(right.Path, "deployment/"+phase+"/") {
				found[right.Text("name")] = right.Text("policy")
			}
		}
		return found
	}

	t.Run("each trusts exactly the hub of its phase", func(t *testing.T) {
		for _, phase := range []string{"plan", "apply"} {
			testkit.HasResourceWithProperties(t, stack, "aws_iam_role", map[string]any{
				"name": "batbern-dev-" + phase, "permissions_boundary": boundaryArn,
				"assume_role_policy": fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"Pipeline","Effect":"Allow",`+
					`"Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole",`+
					`"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/batbern-dev-pipeline-%s"}}}]}`, phase),
			})
		}
	})

	t.Run("a plan reads configuration and no data", func(t *testing.T) {
		names := slices.Sorted(maps.Keys(rights("plan")))
		if !slices.Equal(names, []string{"without_data"}) {
			t.Errorf("the plan role has %v", names)
		}
		for _, action := range []string{"secretsmanager:GetSecretValue", "s3:GetObject", "logs:GetLogEvents", "dynamodb:Scan"} {
			if !strings.Contains(rights("plan")["without_data"], `"`+action+`"`) {
				t.Errorf("%s is not denied", action)
			}
		}
		testkit.HasResourceWithProperties(t, stack, "aws_iam_role_policy_attachment", map[string]any{"policy_arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"})
	})

	t.Run("an apply makes roles within the boundary only, and still sees no data", func(t *testing.T) {
		apply := rights("apply")
		if names := slices.Sorted(maps.Keys(apply)); !slices.Equal(names, []string{"keys", "named", "roles", "services", "without_data"}) {
			t.Errorf("the apply role has %v", names)
		}
		if strings.Contains(apply["services"], `"iam:`) {
			t.Errorf("rights to IAM on everything: %s", apply["services"])
		}
		want := `"Resource":"arn:aws:iam::222233334444:role/batbern-dev-*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"` + boundaryArn + `"}}`
		if !strings.Contains(apply["roles"], want) {
			t.Errorf("%s\nhas no %s", apply["roles"], want)
		}
		if strings.Contains(fmt.Sprint(apply), "CreateOpenIDConnect") {
			t.Error("an environment makes identity providers")
		}
	})
}
