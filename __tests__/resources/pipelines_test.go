package resources_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
)

// A service's pipeline may roll that service out, by its roles, and nothing else: every right is compared with the
// whole list of what a rollout takes.
func TestServicePipelineRollsOutItsServiceAlone(t *testing.T) {
	for _, environment := range testkit.Project(t).Environments {
		stack := testkit.StackNamed(t, environment.Stack())
		for _, service := range environment.Services {
			want := rolloutRights(t, stack, environment, service)
			got := statements(t, stack.Resource(t, "aws_iam_role_policy", below(service.Name, "pipeline_policy")), "policy")
			for _, wrong := range rightsBeyond(got, want) {
				t.Errorf("%s: the pipeline of %s %s", stack.Name, service.Name, wrong)
			}
			if missing := missingRights(got, want); len(missing) > 0 {
				t.Errorf("%s: the pipeline of %s cannot %v", stack.Name, service.Name, missing)
			}
			role := stack.Resource(t, "aws_iam_role", below(service.Name, "pipeline_role"))
			trust := statements(t, role, "assume_role_policy")
			hub := fmt.Sprintf("arn:aws:iam::111122223333:role/%s-%s-pipeline", stack.Name, service.Name)
			if len(trust) != 1 || !slices.Equal(trust[0].Conditions["ArnLike"]["aws:PrincipalArn"], []string{hub}) || !slices.Equal(trust[0].Principals.AWS, []string{policy.Root("111122223333")}) {
				t.Errorf("%s: the role of %s's pipeline trusts %s", stack.Name, service.Name, role.Text("assume_role_policy"))
			}
			if role.Text("name") != fmt.Sprintf("%s-%s-rollout", stack.Name, service.Name) || role.Text("permissions_boundary") == "" {
				t.Errorf("%s: %v", stack.Name, role.Body)
			}
		}
	}
}

// rolloutRights are what a pipeline needs, by action.
func rolloutRights(t *testing.T, stack *testkit.Stack, environment config.Environment, service config.Service) map[string][]string {
	t.Helper()
	arn := func(product, resource string) []string {
		return []string{fmt.Sprintf("arn:aws:%s:%s:%s:%s", product, environment.Account.Region, environment.Account.ID, resource)}
	}
	reference := func(role string) string {
		return "${" + stack.Resource(t, "aws_iam_role", below(service.Name, role)).Address() + ".arn}"
	}
	cluster := "${" + stack.Resources("aws_ecs_cluster")[0].Address() + ".name}"
	rights := map[string][]string{
		"ssm:GetParameter":           arn("ssm", "parameter/batbern/"+string(environment.Name)+"/services/"+service.Name+"/deployment"),
		"ecs:DescribeTaskDefinition": {"*"},
		"ecs:RegisterTaskDefinition": {"*"},
		"iam:PassRole":               {reference("execution_role"), reference("task_role")},
		"ecs:DescribeServices":       arn("ecs", "service/"+cluster+"/"+service.Name),
	}
	rights["ecs:UpdateService"] = rights["ecs:DescribeServices"]
	repository := "repository_arn_" + snake(service.Name)
	for _, action := range []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"} {
		rights[action] = []string{"${data.terraform_remote_state.base.outputs." + repository + "}"}
	}
	if !environment.Compute.Rollout.BlueGreen() {
		return rights
	}
	target := stack.Resource(t, "aws_appautoscaling_target", below(service.Name, "scaling_target"))
	rights["application-autoscaling:RegisterScalableTarget"] = []string{"${" + target.Address() + ".arn}"}
	name := stack.Name + "-" + service.Name
	for _, action := range []string{"CreateDeployment", "GetDeployment", "GetDeploymentGroup"} {
		rights["codedeploy:"+action] = arn("codedeploy", "deploymentgroup:"+name+"/"+name)
	}
	rights["codedeploy:StopDeployment"] = []string{"*"}
	for _, action := range []string{"GetApplicationRevision", "RegisterApplicationRevision"} {
		rights["codedeploy:"+action] = arn("codedeploy", "application:"+name)
	}
	rights["codedeploy:GetDeploymentConfig"] = arn("codedeploy", "deploymentconfig:"+environment.Compute.Rollout.TrafficShift)
	return rights
}

// rightsBeyond are what statements allow that is not among the rights.
func rightsBeyond(found []policy.Statement, rights map[string][]string) []string {
	var beyond []string
	for _, s := range found {
		if s.Effect != policy.Allow {
			continue
		}
		if len(s.NotActions) > 0 || len(s.NotResources) > 0 || len(s.Resources) == 0 {
			beyond = append(beyond, s.Sid+": allows all but some")
		}
		for _, action := range s.Actions {
			for _, resource := range s.Resources {
				if !slices.Contains(rights[action], resource) {
					beyond = append(beyond, fmt.Sprintf("may %s on %s", action, resource))
				}
			}
			if passed := s.Conditions["StringEquals"]["iam:PassedToService"]; action == "iam:PassRole" && !slices.Equal(passed, []string{"ecs-tasks.amazonaws.com"}) {
				beyond = append(beyond, fmt.Sprintf("hands roles to %v", passed))
			}
		}
	}
	return beyond
}

// missingRights are those that no statement allows.
func missingRights(found []policy.Statement, rights map[string][]string) []string {
	var missing []string
	for action, resources := range rights {
		for _, resource := range resources {
			if !slices.ContainsFunc(found, func(s policy.Statement) bool {
				return s.Effect == policy.Allow && slices.Contains(s.Actions, action) && slices.Contains(s.Resources, resource)
			}) {
				missing = append(missing, action+" on "+resource)
			}
		}
	}
	return missing
}

// The comparison above catches what it is there for.
func TestServicePipelineRightsPlanted(t *testing.T) {
	rights := map[string][]string{
		"ecs:UpdateService": {"arn:aws:ecs:eu-central-1:222233334444:service/batbern-dev/newsletter"},
		"iam:PassRole":      {"arn:aws:iam::222233334444:role/batbern-dev-newsletter-task"},
	}
	toTasks := policy.Conditions{"StringEquals": {"iam:PassedToService": {"ecs-tasks.amazonaws.com"}}}
	allow := func(action, resource string, conditions policy.Conditions) policy.Statement {
		return policy.Statement{Sid: "Planted", Effect: policy.Allow, Actions: []string{action}, Resources: []string{resource}, Conditions: conditions}
	}
	good := []policy.Statement{allow("ecs:UpdateService", rights["ecs:UpdateService"][0], nil), allow("iam:PassRole", rights["iam:PassRole"][0], toTasks)}
	if wrong := rightsBeyond(good, rights); len(wrong) > 0 || len(missingRights(good, rights)) > 0 {
		t.Errorf("good rights are refused: %v", wrong)
	}
	for name, planted := range map[string]policy.Statement{
		"another service":         allow("ecs:UpdateService", "arn:aws:ecs:eu-central-1:222233334444:service/batbern-dev/event-management", nil),
		"every service":           allow("ecs:UpdateService", "arn:aws:ecs:eu-central-1:222233334444:service/batbern-dev/*", nil),
		"another role":            allow("iam:PassRole", "arn:aws:iam::222233334444:role/batbern-dev-apply", toTasks),
		"any role":                allow("iam:PassRole", "*", toTasks),
		"the role to anybody":     allow("iam:PassRole", rights["iam:PassRole"][0], nil),
		"the role to a function":  allow("iam:PassRole", rights["iam:PassRole"][0], policy.Conditions{"StringEquals": {"iam:PassedToService": {"lambda.amazonaws.com"}}}),
		"a shell":                 allow("ecs:ExecuteCommand", "*", nil),
		"a task of its own":       allow("ecs:RunTask", "*", nil),
		"secrets":                 allow("secretsmanager:GetSecretValue", "*", nil),
		"all actions but some":    {Sid: "Planted", Effect: policy.Allow, NotActions: []string{"iam:CreateUser"}, Resources: []string{"*"}},
		"all resources but some":  {Sid: "Planted", Effect: policy.Allow, Actions: []string{"ecs:UpdateService"}, NotResources: []string{"a"}},
		"the whole of a product":  allow("ecs:*", rights["ecs:UpdateService"][0], nil),
		"statements without ARNs": {Sid: "Planted", Effect: policy.Allow, Actions: []string{"ecs:UpdateService"}},
	} {
		if len(rightsBeyond(append(slices.Clone(good), planted), rights)) == 0 {
			t.Errorf("%s is not caught", name)
		}
	}
	if len(missingRights(good[:1], rights)) != 1 {
		t.Error("a missing right is not caught")
	}
}

// In the base account a service's repository signs in to roles of its own: one that pushes to its image repository and
// one an environment that can only go on to that service's role there.
func TestServicePipelinesEnterThroughTheBase(t *testing.T) {
	project := testkit.Project(t)
	base := testkit.StackNamed(t, "batbern-base")
	subjects := map[string]string{}
	for _, service := range project.Environments[0].Services {
		environments := map[string]config.Environment{}
		for _, environment := range project.Environments {
			environments[string(environment.Name)] = environment
		}
		for _, id := range append(slices.Sorted(maps.Keys(environments)), "images") {
			at := "pipelines/" + snake(service.Name) + "/" + id
			role := base.Resource(t, "aws_iam_role", at+"/role")
			trust := statements(t, role, "assume_role_policy")
			want := map[string][]string{
				"token.actions.githubusercontent.com:aud": {"sts.amazonaws.com"},
				"token.actions.githubusercontent.com:sub": {fmt.Sprintf("repo:BATbern/%s:environment:%s", service.Repository, id)},
			}
			if len(trust) != 1 || len(trust[0].Conditions) != 1 || !maps.EqualFunc(trust[0].Conditions["StringEquals"], want, slices.Equal) {
				t.Errorf("%s trusts %s", at, role.Text("assume_role_policy"))
			}
			subject := want["token.actions.githubusercontent.com:sub"][0]
			if other, taken := subjects[subject]; taken {
				t.Errorf("%s enters %s and %s", subject, other, at)
			}
			subjects[subject] = at
			if role.Text("permissions_boundary") == "" {
				t.Errorf("%s has no boundary", at)
			}
			if environment, is := environments[id]; is {
				assume := statements(t, base.Resource(t, "aws_iam_role_policy", at+"/assume"), "policy")
				onward := fmt.Sprintf("arn:aws:iam::%s:role/%s-%s-rollout", environment.Account.ID, environment.Stack(), service.Name)
				if wrong := rightsBeyond(assume, map[string][]string{"sts:AssumeRole": {onward}}); len(wrong) > 0 || len(assume) != 1 {
					t.Errorf("%s %v", at, wrong)
				}
				continue
			}
			images := "${" + base.Resource(t, "aws_ecr_repository", "registry/"+service.Name+"/repository").Address() + ".arn}"
			for _, s := range statements(t, base.Resource(t, "aws_iam_role_policy", at+"/push"), "policy") {
				for _, action := range s.Actions {
					token := action == "ecr:GetAuthorizationToken"
					if !strings.HasPrefix(action, "ecr:") || strings.Contains(action, "Delete") || strings.Contains(action, "Policy") || strings.Contains(action, "Mutability") ||
						!slices.Equal(s.Resources, map[bool][]string{true: {"*"}, false: {images}}[token]) {
						t.Errorf("%s may %s on %v", at, action, s.Resources)
					}
				}
			}
		}
	}
	for _, environment := range project.Environments {
		subjects["frontend in "+string(environment.Name)] = "pipelines/frontend/" + string(environment.Name) // judged with the frontend
	}
	for _, role := range base.Resources("aws_iam_role") {
		if strings.HasPrefix(role.Path, "pipelines/") && !slices.Contains(slices.Collect(maps.Values(subjects)), strings.TrimSuffix(role.Path, "/role")) {
			t.Errorf("%s is nobody's", role.Path)
		}
	}
}

// The frontend's pipeline writes its bucket and invalidates its distribution, and enters as a service's does.
func TestFrontendPipelinePublishesTheFrontendAlone(t *testing.T) {
	project := testkit.Project(t)
	base := testkit.StackNamed(t, project.Base.Stack())
	for _, environment := range project.Environments {
		stack := testkit.StackNamed(t, environment.Stack())
		reference := func(typ, path string) string { return "${" + stack.Resource(t, typ, path).Address() + ".arn}" }
		bucket := "arn:aws:s3:::" + stack.Resource(t, "aws_s3_bucket", "storage/frontend/bucket").Text("bucket")
		distribution := []string{reference("aws_cloudfront_distribution", "edge/frontend/distribution")}
		key := []string{reference("aws_kms_key", "encryption/storage")}
		want := map[string][]string{
			"ssm:GetParameter": {fmt.Sprintf("arn:aws:ssm:%s:%s:parameter/batbern/%s/frontend/deployment",
				environment.Account.Region, environment.Account.ID, environment.Name)},
			"s3:ListBucket":                 {bucket},
			"s3:AbortMultipartUpload":       {bucket + "/*"},
			"s3:DeleteObject":               {bucket + "/*"},
			"s3:PutObject":                  {bucket + "/*"},
			"kms:Decrypt":                   key,
			"kms:GenerateDataKey":           key,
			"cloudfront:CreateInvalidation": distribution,
			"cloudfront:GetInvalidation":    distribution,
		}
		got := statements(t, stack.Resource(t, "aws_iam_role_policy", "frontend_rollout/pipeline/publish"), "policy")
		if wrong, missing := rightsBeyond(got, want), missingRights(got, want); len(wrong)+len(missing) > 0 {
			t.Errorf("%s: beyond %v, missing %v", stack.Name, wrong, missing)
		}
		hub := fmt.Sprintf("arn:aws:iam::%s:role/%s-frontend-pipeline", project.Base.Account.ID, stack.Name)
		role := stack.Resource(t, "aws_iam_role", "frontend_rollout/pipeline/role")
		if trust := statements(t, role, "assume_role_policy"); len(trust) != 1 ||
			!slices.Equal(trust[0].Conditions["ArnLike"]["aws:PrincipalArn"], []string{hub}) || role.Text("permissions_boundary") == "" {
			t.Errorf("%s: %v", stack.Name, role.Body)
		}
		entrance := "pipelines/frontend/" + string(environment.Name)
		subject := fmt.Sprintf("repo:BATbern/%s:environment:%s", environment.Frontend.Repository, environment.Name)
		if trust := base.Resource(t, "aws_iam_role", entrance+"/role").Text("assume_role_policy"); !strings.Contains(trust, `"`+subject+`"`) {
			t.Errorf("%s trusts %s", entrance, trust)
		}
		onward := map[string][]string{"sts:AssumeRole": {fmt.Sprintf("arn:aws:iam::%s:role/%s-frontend-rollout", environment.Account.ID, stack.Name)}}
		assume := statements(t, base.Resource(t, "aws_iam_role_policy", entrance+"/assume"), "policy")
		if wrong, missing := rightsBeyond(assume, onward), missingRights(assume, onward); len(wrong)+len(missing) > 0 {
			t.Errorf("%s: beyond %v, missing %v", entrance, wrong, missing)
		}
	}
	for _, role := range base.Resources("aws_iam_role") {
		if role.Path == "pipelines/frontend/images/role" {
			t.Error("the frontend pushes images")
		}
	}
}

// Without a repository there is no pipeline, and no role for one in either account.
func TestNoPipelineWithoutARepository(t *testing.T) {
	project := testkit.Project(t)
	nobody := project.Environments[0].Services[1].Name
	project.Base.Pipelines = slices.DeleteFunc(slices.Clone(project.Base.Pipelines), func(p config.Pipeline) bool { return p.Name == nobody })
	for i := range project.Environments {
		services := slices.Clone(project.Environments[i].Services)
		services[1].Repository = ""
		project.Environments[i].Services = services
	}
	for name, stack := range testkit.Synth(t, project) {
		roles := 0
		for _, role := range stack.Resources("aws_iam_role") {
			if strings.HasPrefix(role.Path, "pipelines/"+snake(nobody)) || role.Path == below(nobody, "pipeline_role") {
				t.Errorf("%s has %s", name, role.Path)
			}
			if strings.HasPrefix(role.Path, "pipelines/") || strings.HasSuffix(role.Path, "/pipeline_role") || role.Path == "frontend_rollout/pipeline/role" {
				roles++
			}
		}
		if want := map[bool]int{true: 19, false: 5}[name == "batbern-base"]; roles != want {
			t.Errorf("%s has %d roles of the pipelines of the other four services and the frontend, not %d", name, roles, want)
		}
	}
}
