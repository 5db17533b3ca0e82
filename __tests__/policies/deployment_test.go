package policies_test

import (
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/constructs/policy"
	"github.com/batbern/infrastructure/internal/permissions"
	"github.com/batbern/infrastructure/internal/policytest"
)

// need is what Terraform does with resources of one type: the actions of IAM behind the provider's calls, and those that
// AWS asks of the caller besides (a grant on a key, the delivery of a log, a linked role).
type need struct {
	reads, writes []string
	passes        []string // services that get a role, other than the one that the role trusts
	dependent     []string // what AWS requires of the caller of these actions besides
}

// needs are in testdata/terraform-actions.csv, by type. Its column of recorded actions comes from `batbern permissions
// --table`, which reads the requests of local applies; the columns by hand were read from the calls of the AWS provider (5.x)
// and from AWS's service authorization reference:
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
func needs(t *testing.T) map[string]need {
	required, err := permissions.Dependent()
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]need{}
	for _, row := range rows(t, "terraform-actions.csv") {
		found := need{reads: strings.Fields(row[2]), writes: strings.Fields(row[3]), passes: strings.Fields(row[4])}
		for _, action := range strings.Fields(row[1]) {
			if permissions.Reads(action) {
				found.reads = append(found.reads, action)
			} else {
				found.writes = append(found.writes, action)
			}
		}
		for _, action := range slices.Concat(found.reads, found.writes) {
			found.dependent = append(found.dependent, required[action]...)
		}
		table[row[0]] = found
	}
	return table
}

// readOnlyAccess is what AWS's managed policy of that name allows, for the services in use: its version 190.
// https://docs.aws.amazon.com/aws-managed-policy/latest/reference/ReadOnlyAccess.html
func readOnlyAccess(t *testing.T) policy.Document {
	var actions []string
	for _, row := range rows(t, "ReadOnlyAccess.csv") {
		for _, verb := range strings.Fields(row[1]) {
			actions = append(actions, row[0]+":"+verb)
		}
	}
	return policy.Document{Statements: []policy.Statement{{Sid: "ReadOnlyAccess", Effect: policy.Allow, Actions: actions, Resources: []string{"*"}}}}
}

func rows(t *testing.T, name string) [][]string {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all[1:]
}

// notByDefault are types that only other configurations make: an authorizer of the API, a Grafana workspace, and
// Terraform Cloud's identity provider in an environment, tags for cost allocation in the base.
var notByDefault = []string{"aws_apigatewayv2_authorizer", "aws_grafana_workspace", "aws_iam_openid_connect_provider", "aws_ce_cost_allocation_tag"}

// notMadeByDefault are one resource of each of these types that the stack makes under another configuration.
func notMadeByDefault(t *testing.T, stack *testkit.Stack) []testkit.Resource {
	var others []testkit.Resource
	for _, typ := range notByDefault {
		if inBase := typ == "aws_ce_cost_allocation_tag"; inBase == (stack.Name == testkit.Project(t).Base.Stack()) {
			others = append(others, testkit.Resource{Type: typ, Path: "not by default", Body: map[string]any{"url": "https://app.terraform.io"}})
		}
	}
	return others
}

// What the roles of the deployment may do is what Terraform needs for the stacks, and nothing else.
func TestDeployment(t *testing.T) {
	table := needs(t)
	stacks := testkit.Stacks(t)

	t.Run("should_sufficeForEveryResource_when_pipelinesPlanAndApply", func(t *testing.T) {
		judged := 0
		for _, stack := range stacks {
			for _, fault := range deploymentFaults(t, stacks, stack, table, &judged) {
				t.Errorf("%s: %s", stack.Name, fault)
			}
		}
		if judged < 10000 {
			t.Errorf("%d requests were judged: the rules look past them", judged)
		}
	})

	t.Run("should_allowNothingThatIsNotNeeded_when_pipelinesApply", func(t *testing.T) {
		for _, group := range [][]*testkit.Stack{stacks[:1], stacks[1:]} {
			used := usedActions(t, group, table)
			for _, stack := range group {
				for _, fault := range idleGrants(deployer(t, stack, "apply").policies, used) {
					t.Errorf("%s: %s", stack.Name, fault)
				}
			}
		}
	})

	t.Run("should_tellEveryType_when_theTableIsRead", func(t *testing.T) {
		made := map[string]bool{}
		for _, stack := range stacks {
			for _, resource := range stack.All() {
				made[resource.Type] = true
			}
		}
		for typ := range table {
			if !made[typ] && !slices.Contains(notByDefault, typ) {
				t.Errorf("%s is in the table, and in no stack", typ)
			}
		}
	})

	t.Run("should_keepObjects_when_environmentIsNotDisposable", func(t *testing.T) {
		for _, environment := range testkit.Project(t).Environments {
			stack := testkit.StackNamed(t, environment.Stack())
			for _, bucket := range stack.Resources("aws_s3_bucket") {
				for _, action := range []string{"s3:DeleteObject", "s3:DeleteObjectVersion"} {
					request := request{action, "arn:aws:s3:::" + bucket.Text("bucket") + "/a", map[string]string{"aws:RequestedRegion": environment.Account.Region}}
					if got, want := deployer(t, stack, "apply").may(t, request), bucket.Text("force_destroy") == "true"; got != want {
						t.Errorf("%s: %s of %s: allowed %v, want %v", stack.Name, action, bucket.Text("bucket"), got, want)
					}
				}
			}
		}
	})

	t.Run("planted", func(t *testing.T) { plantedDeployments(t, stacks, table) })
}

func plantedDeployments(t *testing.T, stacks []*testkit.Stack, table map[string]need) {
	dev := stacks[1]
	caught := func(change func(map[string]need)) []string {
		planted, judged := maps.Clone(table), 0
		change(planted)
		return deploymentFaults(t, stacks, dev, planted, &judged)
	}
	for name, change := range map[string]func(map[string]need){
		"a type that nobody knows":       func(table map[string]need) { delete(table, "aws_vpc") },
		"a right that the apply lacks":   func(table map[string]need) { table["aws_vpc"] = need{writes: []string{"ec2:RunInstances"}} },
		"a reading that the plan lacks":  func(table map[string]need) { table["aws_vpc"] = need{reads: []string{"secretsmanager:GetSecretValue"}} },
		"a writing that the plan may do": func(table map[string]need) { table["aws_vpc"] = need{writes: []string{"ec2:DescribeVpcs"}} },
		"a dependent action that the apply lacks": func(table map[string]need) {
			table["aws_vpc_endpoint"] = need{dependent: []string{"route53:CreateTrafficPolicy"}}
		},
		"a service that gets no role": func(table map[string]need) {
			table["aws_lambda_function"] = need{passes: []string{"ec2.amazonaws.com"}}
		},
	} {
		if len(caught(change)) == 0 {
			t.Errorf("%s is not caught", name)
		}
	}
	idle := policy.Document{Statements: []policy.Statement{{Sid: "Planted", Effect: policy.Allow, Actions: []string{"ec2:Run*"}, Resources: []string{"*"}}}}
	if len(idleGrants([]policy.Document{idle}, usedActions(t, stacks[1:], table))) == 0 {
		t.Error("a right that nothing uses is not caught")
	}
}

type request struct {
	action, resource string
	context          map[string]string
}

// actor is a role with its policies and its boundary.
type actor struct {
	name, arn string
	policies  []policy.Document
	boundary  policy.Document
}

func (a actor) may(t *testing.T, r request) bool {
	t.Helper()
	context := maps.Clone(r.context)
	context["aws:PrincipalArn"] = a.arn
	return policytest.AllowsWithin(t, a.boundary, a.policies, policytest.Request{Action: r.action, Resource: r.resource, Context: context})
}

func deployer(t *testing.T, stack *testkit.Stack, phase string) actor {
	t.Helper()
	return roleNamed(t, stack, stack.Name+"-"+phase)
}

// roleNamed is a role of the stack as it will be in AWS: references to the boundary by its ARN.
func roleNamed(t *testing.T, stack *testkit.Stack, name string) actor {
	t.Helper()
	boundary := stack.Resource(t, "aws_iam_policy", "boundary")
	literal := func(text string) policy.Document {
		document, err := policy.Parse(strings.ReplaceAll(text, "${"+boundary.Address()+".arn}", boundaryOf(t, stack)))
		if err != nil {
			t.Fatal(err)
		}
		return document
	}
	found := actor{name: name, arn: roleArn(t, stack, name), boundary: literal(boundary.Text("policy"))}
	for _, role := range stack.Resources("aws_iam_role") {
		if role.Text("name") != name {
			continue
		}
		for _, right := range stack.Resources("aws_iam_role_policy") {
			if roleOf(right) == role.Address() {
				found.policies = append(found.policies, literal(right.Text("policy")))
			}
		}
		for _, attached := range stack.Resources("aws_iam_role_policy_attachment") {
			if roleOf(attached) == role.Address() && strings.HasSuffix(attached.Text("policy_arn"), "/ReadOnlyAccess") {
				found.policies = append(found.policies, readOnlyAccess(t))
			}
		}
		return found
	}
	t.Fatalf("%s has no role %s", stack.Name, name)
	return actor{}
}

func boundaryOf(t *testing.T, stack *testkit.Stack) string {
	return fmt.Sprintf("arn:aws:iam::%s:policy/%s-boundary", place(t, stack).account, stack.Name)
}

func roleArn(t *testing.T, stack *testkit.Stack, name string) string {
	return fmt.Sprintf("arn:aws:iam::%s:role/%s", place(t, stack).account, name)
}

// where is where a stack lives: its account, and the name below which its records are.
type where struct{ account, root string }

var places = map[string]where{}

// place looks up once where a stack lives: the configuration is slow to validate for every request.
func place(t *testing.T, stack *testkit.Stack) where {
	if len(places) == 0 {
		project := testkit.Project(t)
		places[project.Base.Stack()] = where{project.Base.Account.ID, project.Base.Zone}
		for _, environment := range project.Environments {
			places[environment.Stack()] = where{environment.Account.ID, environment.Domains.Root}
		}
	}
	return places[stack.Name]
}

// deploymentFaults judges what Terraform asks for each of the stack's resources: the plan may read and change nothing,
// the apply may both.
func deploymentFaults(t *testing.T, stacks []*testkit.Stack, stack *testkit.Stack, table map[string]need, judged *int) []string {
	t.Helper()
	faults := map[string]bool{}
	plan, apply := deployer(t, stack, "plan"), deployer(t, stack, "apply")
	dnsPlan, dnsApply := plan, apply
	if stack != stacks[0] {
		dnsPlan, dnsApply = roleNamed(t, stacks[0], stack.Name+"-dns-read"), roleNamed(t, stacks[0], stack.Name+"-dns")
	}
	judgedBefore := map[string]bool{} // most resources of a type ask for the same
	expect := func(who actor, r request, want bool, resource string) {
		*judged++
		key := fmt.Sprint(who.name, r, want)
		if judgedBefore[key] {
			return
		}
		judgedBefore[key] = true
		if who.may(t, r) != want {
			faults[fmt.Sprintf("%s on %s for %s: %s may %v, want %v", r.action, r.resource, resource, who.name, !want, want)] = true
		}
	}
	zone := zoneOf(t, stacks[0], stack)
	for _, resource := range append(slices.Clone(stack.All()), notMadeByDefault(t, stack)...) {
		need, known := table[resource.Type]
		if !known {
			faults[resource.Type+" is not in testdata/terraform-actions.csv"] = true
			continue
		}
		planner, applier := plan, apply
		if resource.Text("provider") == "aws.dns" {
			planner, applier = dnsPlan, dnsApply
		}
		subject := subject{t, stack, resource, "${" + zone + ".zone_id}"}
		for _, action := range need.reads {
			for _, r := range subject.requests(action) {
				expect(planner, r, true, resource.Path)
				expect(applier, r, true, resource.Path)
			}
		}
		for _, action := range need.writes {
			for _, r := range subject.requests(action) {
				expect(planner, r, false, resource.Path)
				if want, sure := subject.appliedByPipeline(action); sure {
					expect(applier, r, want, resource.Path)
				}
			}
		}
		for _, action := range need.dependent {
			for _, r := range subject.requests(action) {
				if want, sure := subject.appliedByPipeline(action); sure {
					expect(applier, r, want, resource.Path)
				}
			}
		}
		for _, r := range subject.passes(need) {
			expect(planner, r, false, resource.Path)
			expect(applier, r, true, resource.Path)
		}
	}
	return slices.Sorted(maps.Keys(faults))
}

// zoneOf is the address of the zone that a stack writes to: its own, or the domain's.
func zoneOf(t *testing.T, base, stack *testkit.Stack) string {
	t.Helper()
	for _, zone := range base.Resources("aws_route53_zone") {
		if zone.Text("name") == place(t, stack).root {
			return zone.Address()
		}
	}
	return base.Resource(t, "aws_route53_zone", "dns/zone").Address()
}

// subject is a resource that somebody deploys.
type subject struct {
	t        *testing.T
	stack    *testkit.Stack
	resource testkit.Resource
	zoneID   string
}

// appliedByPipeline says whether the apply role shall be able to do it. An administrator, and not the role, changes the
// boundary, the roles that deploy and an environment's identity provider; tags are everybody's. That they can be made
// where they are already is of no consequence, and not sure.
func (s subject) appliedByPipeline(action string) (want, sure bool) {
	name := s.roleName()
	byAdministrator := s.resource.Type == "aws_iam_policy" && s.resource.Path == "boundary" ||
		name == s.stack.Name+"-plan" || name == s.stack.Name+"-apply" ||
		s.resource.Type == "aws_iam_openid_connect_provider" && s.stack.Name != "batbern-base"
	tags := strings.HasPrefix(action, "iam:Tag") || strings.HasPrefix(action, "iam:Untag")
	if !byAdministrator || tags {
		return true, true
	}
	return false, !slices.Contains([]string{"iam:CreatePolicy", "iam:CreateRole", "iam:UpdateRoleDescription", "iam:CreateServiceLinkedRole"}, action)
}

// roleName is the name of the role that an IAM resource is or concerns.
func (s subject) roleName() string {
	if s.resource.Type == "aws_iam_role" {
		return s.resource.Text("name")
	}
	if !strings.HasPrefix(s.resource.Type, "aws_iam_role_") {
		return ""
	}
	return byAddress(s.stack, roleOf(s.resource)).Text("name")
}

func byAddress(stack *testkit.Stack, address string) testkit.Resource {
	for _, resource := range stack.All() {
		if resource.Address() == address {
			return resource
		}
	}
	return testkit.Resource{}
}

// requests are what IAM is asked when the action is done for the resource.
func (s subject) requests(action string) []request {
	service, verb, _ := strings.Cut(action, ":")
	account, context := place(s.t, s.stack).account, map[string]string{"aws:RequestedRegion": s.region(service)}
	one := func(arn string) []request { return []request{{action, arn, context}} }
	switch service {
	case "iam":
		return one(s.iamArn(verb, account, context))
	case "s3":
		return s.bucketRequests(action, context)
	case "kms":
		return s.keyRequests(action, account, context)
	case "secretsmanager":
		return one(fmt.Sprintf("arn:aws:secretsmanager:%s:%s:secret:%s-a1B2c3", context["aws:RequestedRegion"], account, s.resource.Text("name")))
	case "route53":
		return one(s.route53Arn(verb, context))
	default:
		return one(fmt.Sprintf("arn:aws:%s:%s:%s:thing/name", service, context["aws:RequestedRegion"], account))
	}
}

// region is where a request goes: global services count as us-east-1.
func (s subject) region(service string) string {
	home, recovery := "eu-central-1", "eu-west-1"
	switch {
	case slices.Contains([]string{"iam", "cloudfront", "route53", "budgets", "ce"}, service), s.resource.Text("provider") == "aws.virginia":
		return "us-east-1"
	case s.resource.Text("provider") == "aws.recovery":
		return recovery
	default:
		return home
	}
}

func (s subject) iamArn(verb, account string, context map[string]string) string {
	switch {
	case verb == "CreateServiceLinkedRole":
		return fmt.Sprintf("arn:aws:iam::%s:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS", account)
	case s.resource.Type == "aws_iam_openid_connect_provider":
		return fmt.Sprintf("arn:aws:iam::%s:oidc-provider/%s", account, strings.TrimPrefix(s.resource.Text("url"), "https://"))
	case s.resource.Type == "aws_iam_policy":
		return fmt.Sprintf("arn:aws:iam::%s:policy/%s", account, s.resource.Text("name"))
	default:
		context["iam:PermissionsBoundary"] = boundaryOf(s.t, s.stack)
		return roleArn(s.t, s.stack, s.roleName())
	}
}

var bucketReference = regexp.MustCompile(`aws_s3_bucket[a-z_]*\.[A-Za-z0-9_-]+`)

// bucketOf is the address of the bucket that the resource is or configures, maybe by way of another configuration.
func (s subject) bucketOf(resource testkit.Resource) string {
	for resource.Type != "aws_s3_bucket" && resource.Type != "" {
		resource = byAddress(s.stack, bucketReference.FindString(resource.Text("bucket")))
	}
	return resource.Address()
}

// bucketRequests are about the resource's own bucket, or about all where another service delivers to one of them.
func (s subject) bucketRequests(action string, context map[string]string) []request {
	if strings.Contains(action, "AccountPublicAccessBlock") || action == "s3:ListAllMyBuckets" {
		return []request{{action, "*", context}}
	}
	own := ""
	if strings.HasPrefix(s.resource.Type, "aws_s3_") {
		own = s.bucketOf(s.resource)
	}
	var all []request
	for _, bucket := range s.stack.Resources("aws_s3_bucket") {
		if own == "" || bucket.Address() == own {
			all = append(all, request{action, "arn:aws:s3:::" + bucket.Text("bucket"), context})
		}
	}
	if len(all) == 0 {
		s.t.Fatalf("%s: %s concerns no bucket", s.stack.Name, s.resource.Address())
	}
	return all
}

// throughService is the service that uses a key when the resource is made, by the beginning of its type.
var throughService = map[string]string{
	"aws_backup_": "backup", "aws_db_": "rds", "aws_ecr_": "ecr", "aws_elasticache_": "elasticache", "aws_secretsmanager_": "secretsmanager",
	"aws_xray_": "xray",
}

func (s subject) keyRequests(action, account string, context map[string]string) []request {
	key := fmt.Sprintf("arn:aws:kms:%s:%s:key/1234abcd", s.region("kms"), account)
	if action == "kms:CreateKey" || action == "kms:ListAliases" {
		return []request{{action, "*", context}}
	}
	context["aws:ResourceTag/Stack"] = s.stack.Name // the providers' tags are there as soon as the key is
	for begin, service := range throughService {
		if strings.HasPrefix(s.resource.Type, begin) {
			context["kms:ViaService"] = fmt.Sprintf("%s.%s.amazonaws.com", service, s.region("kms"))
		}
	}
	all := []request{{action, key, context}}
	if strings.HasSuffix(action, "Alias") { // IAM asks for both
		all = append(all, request{action, fmt.Sprintf("arn:aws:kms:%s:%s:%s", s.region("kms"), account, s.resource.Text("name")), context})
	}
	return all
}

// route53Arn is the base's zone for records, and the zone of a namespace, which is nobody's before, elsewhere.
func (s subject) route53Arn(verb string, context map[string]string) string {
	if verb == "GetChange" {
		return "arn:aws:route53:::change/C1"
	}
	if s.resource.Type != "aws_route53_record" {
		return "arn:aws:route53:::hostedzone/Z1"
	}
	name := s.resource.Text("name")
	if strings.HasPrefix(name, "${") { // a certificate's proof, whose name AWS makes up
		name = "_0123456789abcdef0123456789abcdef." + place(s.t, s.stack).root
	}
	context["route53:ChangeResourceRecordSetsNormalizedRecordNames"] = name
	context["route53:ChangeResourceRecordSetsRecordTypes"] = "CNAME"
	return "arn:aws:route53:::hostedzone/" + s.zoneID
}

var roleArnReference = regexp.MustCompile(`^\$\{(aws_iam_role\.[A-Za-z0-9_-]+)\.arn\}$`)

// passes are the requests to hand a role to a service: for each role that an argument of the resource names.
func (s subject) passes(need need) []request {
	if strings.HasPrefix(s.resource.Type, "aws_iam_") {
		return nil
	}
	var all []request
	for _, address := range rolesIn(s.resource.Body) {
		role := byAddress(s.stack, address)
		trust, err := policy.Parse(role.Text("assume_role_policy"))
		if err != nil {
			s.t.Fatal(err)
		}
		for _, service := range append(slices.Clone(need.passes), trust.Statements[0].Principals.Services...) {
			all = append(all, request{"iam:PassRole", roleArn(s.t, s.stack, role.Text("name")),
				map[string]string{"aws:RequestedRegion": "us-east-1", "iam:PassedToService": service}})
		}
	}
	return all
}

func rolesIn(value any) []string {
	var found []string
	switch v := value.(type) {
	case string:
		if match := roleArnReference.FindStringSubmatch(v); match != nil {
			found = append(found, match[1])
		}
	case []any:
		for _, item := range v {
			found = append(found, rolesIn(item)...)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if key != "//" && key != "depends_on" {
				found = append(found, rolesIn(v[key])...)
			}
		}
	}
	return found
}

// usage is what a group of stacks asks of its apply roles.
type usage struct {
	actions  []string
	passedTo []string
}

func usedActions(t *testing.T, group []*testkit.Stack, table map[string]need) usage {
	actions, passedTo := map[string]bool{}, map[string]bool{}
	add := func(need need) {
		for _, action := range slices.Concat(need.reads, need.writes, need.dependent) {
			actions[action] = true
		}
	}
	for _, stack := range group {
		for _, resource := range stack.All() {
			if resource.Text("provider") == "aws.dns" { // another role's work
				continue
			}
			add(table[resource.Type])
			for _, pass := range (subject{t, stack, resource, ""}).passes(table[resource.Type]) {
				actions[pass.action], passedTo[pass.context["iam:PassedToService"]] = true, true
			}
		}
		for _, resource := range notMadeByDefault(t, stack) {
			add(table[resource.Type])
		}
		if stack.Name != testkit.Project(t).Base.Stack() {
			passedTo["grafana.amazonaws.com"] = true
			for _, emptied := range []string{"s3:DeleteObject", "s3:DeleteObjectVersion"} { // of disposable buckets
				actions[emptied] = true
			}
		}
	}
	return usage{slices.Sorted(maps.Keys(actions)), slices.Sorted(maps.Keys(passedTo))}
}

// idleGrants are the actions that are allowed and that nothing asks for.
func idleGrants(policies []policy.Document, used usage) []string {
	var idle []string
	for _, document := range policies {
		for _, s := range document.Statements {
			if s.Effect != policy.Allow || s.Sid == "ReadOnlyAccess" {
				continue
			}
			for _, pattern := range s.Actions {
				if !slices.ContainsFunc(used.actions, func(action string) bool { return policytest.MatchesAction([]string{pattern}, action) }) {
					idle = append(idle, fmt.Sprintf("%s: nothing needs %s", s.Sid, pattern))
				}
			}
			for _, service := range s.Conditions["StringEquals"]["iam:PassedToService"] {
				if !slices.Contains(used.passedTo, service) {
					idle = append(idle, fmt.Sprintf("%s: no role goes to %s", s.Sid, service))
				}
			}
		}
	}
	return idle
}
