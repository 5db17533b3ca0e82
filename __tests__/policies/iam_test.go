package policies_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
)

// onAnyResource are the actions that a role may have on all resources, each with its reason: IAM knows no narrower
// form of them, or what they concern has no name before it exists.
var onAnyResource = map[string]string{
	"cloudwatch:PutMetricData":                  "metrics have no ARN; a namespace is the condition",
	"codedeploy:StopDeployment":                 "IAM knows no resource for it; the id of a deployment cannot be guessed",
	"ec2:AssignPrivateIpAddresses":              "a function's network interfaces are made and named by Lambda",
	"ec2:CreateNetworkInterface":                "as above",
	"ec2:DeleteNetworkInterface":                "as above",
	"ec2:DescribeNetworkInterfaces":             "as above; Describe takes no resource",
	"ec2:DescribeSubnets":                       "as above; Describe takes no resource",
	"ec2:UnassignPrivateIpAddresses":            "as above",
	"ecr:GetAuthorizationToken":                 "the token is for the registry as a whole",
	"ecs:DescribeTaskDefinition":                "task definitions take no resource; iam:PassRole decides what one may carry",
	"ecs:RegisterTaskDefinition":                "as above",
	"elasticloadbalancing:DescribeListeners":    "Describe takes no resource; CodeDeploy reads before it shifts traffic",
	"elasticloadbalancing:DescribeRules":        "as above",
	"elasticloadbalancing:DescribeTargetGroups": "as above",
	"elasticloadbalancing:DescribeTargetHealth": "as above",
	"logs:DescribeLogGroups":                    "Describe takes no resource; ECS Exec and flow logs look for their log group",
	"kms:CreateKey":                             "a key has no name before it exists",
	"s3:ListAllMyBuckets":                       "Synthetics looks for its bucket among all",
	"secretsmanager:GetRandomPassword":          "it concerns no secret",
	"ssmmessages:CreateControlChannel":          "sessions of ECS Exec have no ARN",
	"ssmmessages:CreateDataChannel":             "as above",
	"ssmmessages:OpenControlChannel":            "as above",
	"ssmmessages:OpenDataChannel":               "as above",
	"xray:GetSamplingRules":                     "X-Ray knows no resource for what is sent to it",
	"xray:GetSamplingStatisticSummaries":        "as above",
	"xray:GetSamplingTargets":                   "as above",
	"xray:PutTelemetryRecords":                  "as above",
	"xray:PutTraceSegments":                     "as above",
}

// appliesServices are the services that an apply role changes on all resources of its account: Terraform makes them,
// so their names are known to nobody before. IAM, Secrets Manager and all but the making of keys are not among them.
var appliesServices = []string{
	"access-analyzer", "acm", "apigateway", "application-autoscaling", "backup", "backup-storage", "budgets", "ce", "cloudfront", "cloudwatch",
	"codedeploy", "ec2", "ecr", "ecs", "elasticache", "elasticloadbalancing", "events", "grafana", "lambda", "logs", "rds",
	"route53", "servicediscovery", "sns", "ssm", "sso", "synthetics", "wafv2", "xray",
}

// awsManaged are the policies of AWS that roles may carry, by the end of the role's name.
var awsManaged = map[string][]string{
	"arn:aws:iam::aws:policy/ReadOnlyAccess":                                     {"-plan", "-apply"},
	"arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole":       {"-monitoring"},
	"arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup":   {"-backup"},
	"arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForRestores": {"-backup"},
}

// AC4: least privilege. The story spells the name of its test so.
func TestIam(t *testing.T) {
	t.Run("should_enforceLeasePrivilege_when_creatingIAMRoles", func(t *testing.T) {
		roles := 0
		for _, stack := range testkit.Stacks(t) {
			roles += len(stack.Resources("aws_iam_role"))
			for _, fault := range iamFaults(stack, accountOf(t, stack)) {
				t.Errorf("%s: %s", stack.Name, fault)
			}
		}
		if roles < 20 {
			t.Errorf("%d roles were judged: the rules look past them", roles)
		}
	})

	t.Run("should_enforceLeasePrivilege_when_pipelinesUseTerraformCloudAndS3", func(t *testing.T) {
		for _, variables := range []map[string]string{
			{"BATBERN_BACKEND": "cloud", "BATBERN_TFC_ORGANIZATION": "batbern"},
			{"BATBERN_BACKEND": "s3", "BATBERN_STATE_BUCKET": "batbern-state"},
		} {
			for _, stack := range testkit.Synth(t, testkit.Project(t, variables)) {
				for _, fault := range iamFaults(stack, accountOf(t, stack)) {
					t.Errorf("%v: %s: %s", variables, stack.Name, fault)
				}
			}
		}
	})

	t.Run("planted: permissions", func(t *testing.T) {
		statement := func(actions, resources []string) policy.Statement {
			return policy.Statement{Sid: "Planted", Effect: policy.Allow, Actions: actions, Resources: resources}
		}
		for name, planted := range map[string]policy.Statement{
			"everything":              statement([]string{"*"}, []string{"arn:aws:s3:::batbern-dev-content"}),
			"a whole service":         statement([]string{"s3:*"}, []string{"arn:aws:s3:::batbern-dev-content"}),
			"any resource":            statement([]string{"s3:GetObject"}, []string{"*"}),
			"any bucket":              statement([]string{"s3:GetObject"}, []string{"arn:aws:s3:::*"}),
			"any role":                statement([]string{"iam:PassRole"}, []string{"arn:aws:iam::222233334444:role/*"}),
			"any key":                 statement([]string{"kms:Decrypt"}, []string{"arn:aws:kms:*:222233334444:key/*"}),
			"no resource":             statement([]string{"s3:GetObject"}, nil),
			"all but some actions":    {Sid: "Planted", Effect: policy.Allow, NotActions: []string{"iam:CreateUser"}, Resources: []string{"arn:aws:s3:::a"}},
			"all but some resources":  {Sid: "Planted", Effect: policy.Allow, Actions: []string{"s3:GetObject"}, NotResources: []string{"arn:aws:s3:::a"}},
			"IAM by a role of a task": statement([]string{"iam:CreateUser"}, []string{"*"}),
		} {
			if len(permissionFaults(policy.Document{Statements: []policy.Statement{planted}}, "batbern-dev-api-gateway")) == 0 {
				t.Errorf("%s is not caught", name)
			}
		}
		for name, planted := range map[string]policy.Statement{
			"users":              statement([]string{"iam:CreateUser"}, []string{"*"}),
			"roles anywhere":     statement([]string{"iam:CreateRole"}, []string{"*"}),
			"reading of secrets": statement([]string{"secretsmanager:GetSecretValue"}, []string{"*"}),
			"a whole service":    statement([]string{"ec2:*"}, []string{"*"}),
		} {
			if len(permissionFaults(policy.Document{Statements: []policy.Statement{planted}}, "batbern-dev-apply")) == 0 {
				t.Errorf("%s by the deployment is not caught", name)
			}
		}
	})

	t.Run("planted: trust", func(t *testing.T) {
		const tasks = "arn:aws:ecs:eu-central-1:222233334444:*"
		service := policy.TrustService("ecs-tasks.amazonaws.com", "222233334444", tasks).Statements[0]
		if faults := trustFaults(policy.Document{Statements: []policy.Statement{service}}, "222233334444"); len(faults) > 0 {
			t.Errorf("a good trust is refused: %v", faults)
		}
		with := func(change func(*policy.Statement)) policy.Statement {
			planted := service
			change(&planted)
			return planted
		}
		github := policy.Principals{Federated: []string{"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}}
		claims := func(sub string) policy.Conditions {
			return policy.Conditions{"StringLike": {"token.actions.githubusercontent.com:sub": {sub}},
				"StringEquals": {"token.actions.githubusercontent.com:aud": {"sts.amazonaws.com"}}}
		}
		run := func(subject string, audiences ...string) func(*policy.Statement) {
			return func(s *policy.Statement) {
				s.Principals = policy.Principals{Federated: []string{"arn:aws:iam::222233334444:oidc-provider/app.terraform.io"}}
				s.Conditions = policy.Conditions{"StringLike": {"app.terraform.io:sub": {subject}}, "StringEquals": {"app.terraform.io:aud": audiences}}
			}
		}
		for name, planted := range map[string]policy.Statement{
			"no condition": with(func(s *policy.Statement) { s.Conditions = nil }),
			"no source": with(func(s *policy.Statement) {
				s.Conditions = policy.Conditions{"StringEquals": {"aws:SourceAccount": {"222233334444"}}}
			}),
			"a condition that AWS does not document": with(func(s *policy.Statement) {
				s.Principals = policy.Principals{Services: []string{"s3.amazonaws.com"}}
			}),
			"a service without a page": with(func(s *policy.Statement) {
				s.Principals = policy.Principals{Services: []string{"unknown.amazonaws.com"}}
			}),
			"a subject with a wildcard for its ids": with(func(s *policy.Statement) {
				s.Principals, s.Conditions = github, claims("repo:BATbern@*/infrastructure@*:environment:dev")
			}),
			"any permission set that begins so": with(func(s *policy.Statement) {
				s.Principals = policy.Principals{AWS: []string{policy.Root("222233334444")}}
				s.Conditions = policy.Conditions{"ArnLike": {"aws:PrincipalArn": {
					"arn:aws:iam::222233334444:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_AdministratorAccess_*"}}}
			}),
			"another account": with(func(s *policy.Statement) {
				s.Conditions = policy.TrustService("ecs-tasks.amazonaws.com", "999999999999", tasks).Statements[0].Conditions
			}),
			"everyone": with(func(s *policy.Statement) { s.Principals = policy.Principals{Everyone: true} }),
			"a whole account": with(func(s *policy.Statement) {
				s.Principals = policy.Principals{AWS: []string{policy.Root("111122223333")}}
			}),
			"any branch": with(func(s *policy.Statement) {
				s.Principals, s.Conditions = github, claims("repo:BATbern/infrastructure:*")
			}),
			"any repository": with(func(s *policy.Statement) { s.Principals, s.Conditions = github, claims("repo:*:environment:dev") }),
			"no audience": with(func(s *policy.Statement) {
				s.Principals, s.Conditions = github, policy.Conditions{"StringEquals": {"token.actions.githubusercontent.com:sub": {"repo:a/b:environment:dev"}}}
			}),
			"any workspace":        with(run("organization:batbern:project:*:workspace:*:run_phase:plan", "aws.workload.identity")),
			"any phase":            with(run("organization:batbern:project:*:workspace:batbern-dev:run_phase:*", "aws.workload.identity")),
			"any organization":     with(run("organization:*:project:*:workspace:batbern-dev:run_phase:plan", "aws.workload.identity")),
			"a run's any audience": with(run("organization:batbern:project:*:workspace:batbern-dev:run_phase:plan")),
			"any role of an account": with(func(s *policy.Statement) {
				s.Principals = policy.Principals{AWS: []string{policy.Root("111122223333")}}
				s.Conditions = policy.Conditions{"ArnLike": {"aws:PrincipalArn": {"arn:aws:iam::111122223333:role/*"}}}
			}),
		} {
			if len(trustFaults(policy.Document{Statements: []policy.Statement{planted}}, "222233334444")) == 0 {
				t.Errorf("%s is not caught", name)
			}
		}
	})

	t.Run("planted: runs of the wrong phase or workspace", func(t *testing.T) {
		for name, subjects := range map[string]struct{ good, bad string }{
			"batbern-dev-plan":     {"workspace:batbern-dev:run_phase:plan", "workspace:batbern-dev:run_phase:apply"},
			"batbern-dev-apply":    {"workspace:batbern-dev:run_phase:apply", "workspace:batbern-dev:run_phase:plan"},
			"batbern-dev-dns":      {"workspace:batbern-dev:run_phase:apply", "workspace:batbern-dev:run_phase:plan"},
			"batbern-dev-dns-read": {"workspace:batbern-dev:run_phase:plan", "workspace:batbern-prod:run_phase:plan"},
			"batbern-dev-api":      {"", "workspace:batbern-dev:run_phase:plan"},
		} {
			if subjects.good != "" && runFault(name, "organization:batbern:project:*:"+subjects.good) != "" {
				t.Errorf("%s: %s is refused", name, subjects.good)
			}
			if runFault(name, "organization:batbern:project:*:"+subjects.bad) == "" {
				t.Errorf("%s: %s is not caught", name, subjects.bad)
			}
		}
	})

	t.Run("planted: roles", func(t *testing.T) {
		good := map[string]any{
			"name": "batbern-dev-task", "permissions_boundary": "${aws_iam_policy.boundary.arn}",
			"assume_role_policy": policy.TrustService("ecs-tasks.amazonaws.com", "222233334444", "arn:aws:ecs:eu-central-1:222233334444:*").JSON(),
		}
		if faults := roleFaults(testkit.Resource{Body: good}, "batbern-dev-", "${aws_iam_policy.boundary.arn}", "222233334444"); len(faults) > 0 {
			t.Errorf("a good role is refused: %v", faults)
		}
		for key, value := range map[string]any{
			"name": "task", "permissions_boundary": nil, "inline_policy": []any{}, "assume_role_policy": "{",
			"managed_policy_arns": []any{"arn:aws:iam::aws:policy/AdministratorAccess"},
		} {
			planted := maps.Clone(good)
			planted[key] = value
			if len(roleFaults(testkit.Resource{Body: planted}, "batbern-dev-", "${aws_iam_policy.boundary.arn}", "222233334444")) == 0 {
				t.Errorf("%s %v is not caught", key, value)
			}
		}
	})

	t.Run("planted: AWS's own policies", func(t *testing.T) {
		if attachmentFault("batbern-dev-plan", "arn:aws:iam::aws:policy/ReadOnlyAccess") != "" {
			t.Error("a plan may read")
		}
		if attachmentFault("batbern-dev-apply", "arn:aws:iam::aws:policy/AdministratorAccess") == "" ||
			attachmentFault("batbern-dev-api-gateway", "arn:aws:iam::aws:policy/ReadOnlyAccess") == "" {
			t.Error("not caught")
		}
	})
}

func accountOf(t *testing.T, stack *testkit.Stack) string {
	project := testkit.Project(t)
	for _, environment := range project.Environments {
		if environment.Stack() == stack.Name {
			return environment.Account.ID
		}
	}
	return project.Base.Account.ID
}

// prefixOf begins the names of a stack's roles: its own name, and in the base, which has other stacks' roles, all stacks'.
func prefixOf(stack *testkit.Stack) string {
	if shared, base := strings.CutSuffix(stack.Name, string(config.BaseName)); base {
		return shared
	}
	return stack.Name + "-"
}

// iamFaults judges every role, policy and attachment of a stack.
func iamFaults(stack *testkit.Stack, account string) []string {
	var faults []string
	report := func(resource testkit.Resource, found ...string) {
		for _, fault := range found {
			faults = append(faults, resource.Path+": "+fault)
		}
	}
	for _, resource := range stack.All() {
		if strings.HasPrefix(resource.Type, "aws_iam_user") || strings.HasPrefix(resource.Type, "aws_iam_access_key") || strings.HasPrefix(resource.Type, "aws_iam_group") {
			report(resource, "IAM.2: people and keys come from outside")
		}
	}
	boundary := ""
	for _, managed := range stack.Resources("aws_iam_policy") {
		if managed.Path == "boundary" {
			boundary = "${" + managed.Address() + ".arn}"
			continue
		}
		report(managed, documentFaults(managed.Text("policy"), func(d policy.Document) []string { return permissionFaults(d, managed.Text("name")) })...)
		if len(managed.Text("policy")) > 6144 {
			report(managed, "longer than 6144 characters")
		}
	}
	names, inline := map[string]string{}, map[string]int{}
	for _, role := range stack.Resources("aws_iam_role") {
		names[role.Address()] = role.Text("name")
		report(role, roleFaults(role, prefixOf(stack), boundary, account)...)
	}
	for _, right := range stack.Resources("aws_iam_role_policy") {
		role := roleOf(right)
		inline[role] += len(right.Text("policy"))
		if names[role] == "" {
			report(right, "belongs to no role of the stack: "+right.Text("role"))
		}
		report(right, documentFaults(right.Text("policy"), func(d policy.Document) []string { return permissionFaults(d, names[role]) })...)
	}
	for role, size := range inline {
		if size > 10240 {
			faults = append(faults, fmt.Sprintf("%s: %d characters of inline policies; IAM takes 10240", role, size))
		}
	}
	attachments := map[string]int{}
	for _, attached := range stack.Resources("aws_iam_role_policy_attachment") {
		if attachments[roleOf(attached)]++; attachments[roleOf(attached)] == 11 {
			report(attached, "more than 10 managed policies on "+roleOf(attached))
		}
		arn := attached.Text("policy_arn")
		if arn == boundary {
			report(attached, "the boundary is attached: it would grant what it only limits")
		} else if strings.HasPrefix(arn, "arn:aws:iam::aws:") {
			if fault := attachmentFault(names[roleOf(attached)], arn); fault != "" {
				report(attached, fault)
			}
		}
	}
	return faults
}

var roleReference = regexp.MustCompile(`aws_iam_role\.[A-Za-z0-9_-]+`)

func roleOf(resource testkit.Resource) string { return roleReference.FindString(resource.Text("role")) }

func documentFaults(text string, judge func(policy.Document) []string) []string {
	document, err := policy.Parse(text)
	if err != nil {
		return []string{err.Error()}
	}
	return judge(document)
}

func roleFaults(role testkit.Resource, prefix, boundary, account string) []string {
	var faults []string
	if role.Text("permissions_boundary") != boundary || boundary == "" {
		faults = append(faults, "its boundary is "+role.Text("permissions_boundary"))
	}
	if !strings.HasPrefix(role.Text("name"), prefix) {
		faults = append(faults, fmt.Sprintf("the name %q does not begin with %s: the apply role cannot make it", role.Text("name"), prefix))
	}
	for _, key := range []string{"inline_policy", "managed_policy_arns"} {
		if role.Body[key] != nil {
			faults = append(faults, key+": rights are resources of their own, where they are judged")
		}
	}
	if len(role.Text("assume_role_policy")) > 2048 {
		faults = append(faults, "the trust is longer than 2048 characters")
	}
	return append(faults, documentFaults(role.Text("assume_role_policy"), func(d policy.Document) []string {
		found := trustFaults(d, account)
		for _, s := range d.Statements {
			for _, subject := range s.Conditions["StringLike"]["app.terraform.io:sub"] {
				if fault := runFault(role.Text("name"), subject); fault != "" {
					found = append(found, s.Sid+": "+fault)
				}
			}
		}
		return found
	})...)
}

// runPhases are the phases of a remote run that may become a role, by the end of the role's name behind its stack's.
var runPhases = map[string]string{"plan": "plan", "apply": "apply", "dns-read": "plan", "dns": "apply"}

var runSubject = regexp.MustCompile(`:workspace:([\w-]+):run_phase:(\w+)$`)

// runFault says what is wrong when runs of that subject may become the role.
func runFault(role, subject string) string {
	found := runSubject.FindStringSubmatch(subject)
	if found == nil {
		return "no workspace and phase in " + subject
	}
	if phase := runPhases[strings.TrimPrefix(role, found[1]+"-")]; phase != found[2] {
		return fmt.Sprintf("a run of %s in phase %s becomes %s", found[1], found[2], role)
	}
	return ""
}

func attachmentFault(role, arn string) string {
	for _, end := range awsManaged[arn] {
		if strings.HasSuffix(role, end) {
			return ""
		}
	}
	return fmt.Sprintf("%s carries %s, which is not among the reasoned ones", role, arn)
}

// permissionFaults judges what a role may do (IAM.1, IAM.21, KMS.1, KMS.2).
func permissionFaults(document policy.Document, role string) []string {
	var faults []string
	for _, s := range document.Statements {
		if s.Effect != policy.Allow {
			continue
		}
		fault := func(format string, values ...any) { faults = append(faults, s.Sid+": "+fmt.Sprintf(format, values...)) }
		if len(s.NotActions) > 0 || len(s.NotResources) > 0 {
			fault("allows all but some")
		}
		if len(s.Resources) == 0 {
			fault("names no resource")
		}
		for _, action := range s.Actions {
			service, verb, _ := strings.Cut(action, ":")
			if verb == "*" || service == "*" {
				fault("allows %s", action)
			}
			for _, resource := range s.Resources {
				switch {
				case anyResource(resource) && onAnyResource[action] == "" && !(strings.HasSuffix(role, "-apply") && mayApply(service, action)):
					fault("%s on %s is not among the reasoned ones", action, resource)
				case service == "iam" && strings.HasSuffix(resource, ":role/*"):
					fault("%s on any role", action)
				case (action == "kms:Decrypt" || strings.HasPrefix(action, "kms:ReEncrypt")) && strings.HasSuffix(resource, "key/*") && !throughServices(s.Conditions):
					fault("%s on any key", action)
				}
			}
		}
	}
	return faults
}

// everyOne matches an ARN that says nothing but the service, as well as the plain star.
var everyOne = regexp.MustCompile(`^(\*|arn:aws:[a-z0-9-]+:\*?:\*?:\*)$`)

func anyResource(resource string) bool { return everyOne.MatchString(resource) }

func mayApply(service, action string) bool {
	return slices.Contains(appliesServices, service) || action == "s3:PutAccountPublicAccessBlock"
}

// throughServices: only the stack's own keys, and only as part of a call to a service.
func throughServices(conditions policy.Conditions) bool {
	stack := conditions["StringEquals"]["aws:ResourceTag/Stack"]
	via := slices.Concat(conditions["StringLike"]["kms:ViaService"], conditions["StringEquals"]["kms:ViaService"])
	return len(stack) == 1 && len(via) > 0 && !slices.Contains(via, "*")
}

// trustFaults judges who may become a role.
func trustFaults(document policy.Document, account string) []string {
	var faults []string
	for _, s := range document.Statements {
		if s.Effect != policy.Allow {
			continue
		}
		fault := func(format string, values ...any) { faults = append(faults, s.Sid+": "+fmt.Sprintf(format, values...)) }
		equals, like := s.Conditions["StringEquals"], s.Conditions["StringLike"]
		if s.Principals.Everyone {
			fault("trusts everyone")
		}
		for _, service := range s.Principals.Services {
			if text := sourceFault(service, s.Conditions, account); text != "" {
				fault("%s", text)
			}
		}
		for range s.Principals.AWS {
			patterns := s.Conditions["ArnLike"]["aws:PrincipalArn"]
			if len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
				return path.Base(p) == "*" || strings.HasSuffix(p, ":role/*") || strings.HasSuffix(p, "_*") || p == "*"
			}) {
				fault("trusts the roles %v", patterns)
			}
		}
		for range s.Principals.Federated {
			host := "token.actions.githubusercontent.com"
			if len(like["app.terraform.io:sub"]) > 0 {
				host = "app.terraform.io"
			}
			if len(equals[host+":aud"]) != 1 {
				fault("takes tokens for any audience")
			}
			if subjects := slices.Concat(equals[host+":sub"], like[host+":sub"]); len(subjects) == 0 || slices.ContainsFunc(subjects, func(subject string) bool { return !subjectPinned(subject) }) {
				fault("trusts the subjects %v", subjects)
			}
		}
	}
	return faults
}

// sourceFault says what is wrong with the conditions under which a service becomes a role: those that AWS documents for
// it have to be there, and no others. A key that the service does not send would lock it out.
func sourceFault(service string, conditions policy.Conditions, account string) string {
	role, known := policy.ServiceRoles[service]
	sources := conditions["ArnLike"]["aws:SourceArn"]
	switch {
	case !known:
		return service + " is not in policy.ServiceRoles"
	case !role.SourceConditions && len(conditions) > 0:
		return fmt.Sprintf("%s under %v, which %s does not document", service, conditions, role.Page)
	case role.SourceConditions && !slices.Equal(conditions["StringEquals"]["aws:SourceAccount"], []string{account}):
		return fmt.Sprintf("trusts %s for accounts %v", service, conditions["StringEquals"]["aws:SourceAccount"])
	case role.SourceConditions && (len(sources) != 1 || !strings.Contains(sources[0], ":"+account+":")):
		return fmt.Sprintf("trusts %s for the sources %v", service, sources)
	default:
		return ""
	}
}

var pinned = regexp.MustCompile(`^(repo:[\w.@-]+/[\w.@-]+:environment:[\w-]+|organization:[\w-]+:project:(\*|[\w -]+):workspace:[\w-]+:run_phase:(plan|apply))$`)

func subjectPinned(subject string) bool { return pinned.MatchString(subject) }

// Whatever has a policy of its own, keys, buckets, topics, repositories: everyone only under conditions.
func TestResourcePolicies(t *testing.T) {
	judged := 0
	for _, stack := range testkit.Stacks(t) {
		for _, resource := range stack.All() {
			text := resource.Text("policy")
			// everyone at an endpoint is everyone in its VPC; network's tests judge them
			judgedElsewhere := strings.HasPrefix(resource.Type, "aws_iam_") || resource.Type == "aws_vpc_endpoint"
			if judgedElsewhere || !json.Valid([]byte(text)) || !strings.Contains(text, `"Statement"`) {
				continue
			}
			judged++
			for _, fault := range documentFaults(text, openToEveryone) {
				t.Errorf("%s %s: %s", stack.Name, resource.Path, fault)
			}
		}
	}
	if judged < 20 {
		t.Errorf("%d policies were judged: the rules look past them", judged)
	}
	t.Run("planted", func(t *testing.T) {
		for _, conditions := range []policy.Conditions{nil, {"Bool": {"aws:SecureTransport": {"true"}}}} {
			planted := policy.Statement{Sid: "Planted", Effect: policy.Allow, Principals: policy.Principals{Everyone: true}, Actions: []string{"s3:GetObject"}, Conditions: conditions}
			if len(openToEveryone(policy.Document{Statements: []policy.Statement{planted}})) == 0 {
				t.Errorf("everyone under %v is not caught", conditions)
			}
		}
	})
}

// narrowing are the condition keys that leave somebody of everyone.
var narrowing = []string{
	"aws:PrincipalAccount", "aws:PrincipalArn", "aws:PrincipalOrgID", "aws:ResourceAccount", "aws:SourceAccount", "aws:SourceArn", "aws:SourceOwner",
	"aws:SourceVpce", "kms:CallerAccount", "s3:DataAccessPointAccount",
}

func openToEveryone(document policy.Document) []string {
	var faults []string
	for _, s := range document.Statements {
		if s.Effect != policy.Allow || !s.Principals.Everyone {
			continue
		}
		narrowed := false
		for _, keys := range s.Conditions {
			for key := range keys {
				narrowed = narrowed || slices.Contains(narrowing, key)
			}
		}
		if !narrowed {
			faults = append(faults, s.Sid+": open to everyone (KMS.5, S3.2, SNS.4)")
		}
	}
	return faults
}
