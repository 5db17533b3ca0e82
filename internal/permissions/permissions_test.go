package permissions_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/permissions"
)

const (
	root     = "../.."
	zone     = "Z0ENVIRONMENT"
	boundary = "arn:aws:iam::123456789012:policy/batbern-dev-boundary"
)

// project is the base and dev as they are synthesized, with a small ReadOnlyAccess.
func project(t *testing.T) permissions.Project {
	t.Helper()
	all := permissions.Project{
		Managed: map[string]string{"arn:aws:iam::aws:policy/ReadOnlyAccess": `{"Version":"2012-10-17","Statement":[
		{"Sid":"Read","Effect":"Allow","Action":["ec2:Describe*","iam:Get*","iam:List*","kms:Describe*","s3:Get*","s3:List*","secretsmanager:Describe*","secretsmanager:GetSecretValue"],"Resource":"*"}]}`},
	}
	for name, account := range map[string]string{"batbern-base": "111122223333", "batbern-dev": "222233334444"} {
		text, err := os.ReadFile(filepath.Join(root, "__tests__/snapshots/golden", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		stack := permissions.Stack{Name: name, Account: account, Values: map[string]string{}}
		if err := json.Unmarshal(text, &stack.Document); err != nil {
			t.Fatal(err)
		}
		zones, _ := stack.Document["resource"].(map[string]any)["aws_route53_zone"].(map[string]any)
		for id := range zones {
			stack.Values["aws_route53_zone."+id+".zone_id"] = zone
		}
		all.Stacks = append(all.Stacks, stack)
	}
	return all
}

// call is a request of dev's apply.
func call(service, operation string, params map[string]any) permissions.Call {
	return permissions.Call{
		Stack: "batbern-dev", Phase: "apply", Service: service, Signing: service, Region: "eu-central-1", Key: "emulator",
		Operation: operation, Params: params, Address: "aws_thing.under_test", File: "batbern-dev.apply.jsonl", Line: 7,
	}
}

func with(c permissions.Call, change func(*permissions.Call)) permissions.Call {
	change(&c)
	return c
}

func record(name, typ string) map[string]any {
	return map[string]any{"HostedZoneId": "/hostedzone/" + zone, "ChangeBatch": map[string]any{"Changes": []any{
		map[string]any{"Action": "UPSERT", "ResourceRecordSet": map[string]any{"Name": name, "Type": typ}}}}}
}

func TestJudge(t *testing.T) {
	inPlan := func(c *permissions.Call) { c.Phase = "plan" }
	dns := func(c *permissions.Call) { c.Key = "emulator-dns" }
	elsewhere := func(c *permissions.Call) { c.Region = "us-west-2" }
	role := map[string]any{"RoleName": "batbern-dev-x", "AssumeRolePolicyDocument": "{}", "PermissionsBoundary": boundary}
	tags := []any{map[string]any{"Key": "a", "Value": "b"}}
	for name, c := range map[string]struct {
		call permissions.Call
		// refused are parts of the message; none means that the role may.
		refused []string
	}{
		"what the role is for":       {call: call("ec2", "CreateVpc", map[string]any{"CidrBlock": "10.0.0.0/16"})},
		"tags at the creation":       {call: call("ec2", "CreateVpc", map[string]any{"TagSpecifications": tags})},
		"a role within the boundary": {call: call("iam", "CreateRole", role)},
		"a key":                      {call: call("kms", "CreateKey", map[string]any{"Tags": tags})},
		"a name of its own":          {call: with(call("route53", "ChangeResourceRecordSets", record("Api.Dev.batbern.ch.", "A")), dns)},
		"a plan that reads":          {call: with(call("ec2", "DescribeVpcs", nil), inPlan)},
		"an endpoint":                {call: call("ec2", "CreateVpcEndpoint", map[string]any{"PrivateDnsEnabled": true})},
		"a role to a function":       {call: call("lambda", "CreateFunction", map[string]any{"Role": "arn:aws:iam::123456789012:role/batbern-dev-secret-watch"})},

		"a missing permission": {call("ec2", "RunInstances", nil), []string{
			"batbern-dev-apply may not ec2:RunInstances on arn:aws:ec2:", "for aws_thing.under_test", "batbern-dev.apply.jsonl:7", "no policy of the role allows it"}},
		"a wrong condition": {with(call("route53", "ChangeResourceRecordSets", record("api.dev.batbern.ch", "NS")), dns), []string{
			"batbern-dev-dns may not route53:ChangeResourceRecordSets on arn:aws:route53:::hostedzone/" + zone, "for aws_thing.under_test",
			"the condition of WriteOwnNames does not hold"}},
		"a resource outside the pattern": {call("s3", "CreateBucket", map[string]any{"Bucket": "foreign"}), []string{
			"batbern-dev-apply may not s3:CreateBucket on arn:aws:s3:::foreign", "for aws_thing.under_test", "outside the pattern of Buckets"}},
		"a role without the boundary": {call("iam", "CreateRole", map[string]any{"RoleName": "batbern-dev-x"}), []string{"iam:CreateRole", "RolesWithoutBoundary"}},
		"another region":              {with(call("ec2", "CreateVpc", nil), elsewhere), []string{"ec2:CreateVpc", "OtherRegions"}},
		"a user":                      {call("iam", "CreateUser", map[string]any{"UserName": "x"}), []string{"iam:CreateUser", "the resource is not known here"}},
		"a plan that writes":          {with(call("ec2", "CreateVpc", nil), inPlan), []string{"batbern-dev-plan may not ec2:CreateVpc"}},
		"a plan that reads data": {with(call("secretsmanager", "GetSecretValue", map[string]any{"SecretId": "a"}), inPlan), []string{
			"secretsmanager:GetSecretValue", "NoData"}},
		"an action that IAM lacks": {call("ec2", "CreateMistake", nil), []string{"IAM has no such action"}},
		"a role that is nobody's": {call("lambda", "CreateFunction", map[string]any{"Role": "arn:aws:iam::123456789012:role/other"}), []string{
			"passes the role arn:aws:iam::123456789012:role/other"}},
	} {
		t.Run(name, func(t *testing.T) {
			verdict, err := permissions.Judge(t.Context(), root, project(t), []permissions.Call{c.call})
			if err != nil {
				t.Fatal(err)
			}
			if len(c.refused) == 0 {
				if len(verdict.Refusals) > 0 || verdict.Checks == 0 {
					t.Errorf("%d checks, refused: %v", verdict.Checks, verdict.Refusals)
				}
				return
			}
			if len(verdict.Refusals) != 1 {
				t.Fatalf("refused: %v", verdict.Refusals)
			}
			for _, part := range c.refused {
				if message := verdict.Refusals[0].String(); !strings.Contains(message, part) {
					t.Errorf("%q\ndoes not say %q", message, part)
				}
			}
		})
	}
}

// A permission taken from the apply role's policy is missed, by the address of the resource that needs it.
func TestJudgeMissesATakenPermission(t *testing.T) {
	for name, c := range map[string]struct {
		call        permissions.Call
		from, to    string
		wantMessage string
	}{
		"the action":         {call("servicediscovery", "DeregisterInstance", nil), `"servicediscovery:DeregisterInstance",`, "", "may not servicediscovery:DeregisterInstance"},
		"a dependent action": {call("ec2", "CreateVpcEndpoint", nil), `"route53:AssociateVPCWithHostedZone",`, "", "may not route53:AssociateVPCWithHostedZone"},
		"a service that gets roles": {call("lambda", "CreateFunction", map[string]any{"Role": "arn:aws:iam::123456789012:role/batbern-dev-secret-watch"}),
			`"lambda.amazonaws.com",`, "", "may not iam:PassRole"},
		"a pattern": {call("s3", "PutBucketPolicy", map[string]any{"Bucket": "batbern-dev-content"}), `arn:aws:s3:::batbern-dev-*`, `arn:aws:s3:::batbern-prod-*`,
			"outside the pattern of Buckets"},
	} {
		t.Run(name, func(t *testing.T) {
			stacks := project(t)
			changed := false
			for _, stack := range stacks.Stacks {
				policies := stack.Document["resource"].(map[string]any)["aws_iam_role_policy"].(map[string]any)
				for _, body := range policies {
					fields := body.(map[string]any)
					text := fields["policy"].(string)
					if stack.Name == "batbern-dev" && strings.Contains(text, c.from) {
						fields["policy"], changed = strings.ReplaceAll(text, c.from, c.to), true
					}
				}
			}
			if !changed {
				t.Fatalf("no policy has %s", c.from)
			}
			verdict, err := permissions.Judge(t.Context(), root, stacks, []permissions.Call{c.call})
			if err != nil {
				t.Fatal(err)
			}
			if len(verdict.Refusals) != 1 || !strings.Contains(verdict.Refusals[0].String(), c.wantMessage) ||
				!strings.Contains(verdict.Refusals[0].String(), "aws_thing.under_test") {
				t.Errorf("refused: %v, want %q", verdict.Refusals, c.wantMessage)
			}
		})
	}
}

// What only an administrator applies is counted and not refused; what needs no permission is told.
func TestJudgeLeavesOut(t *testing.T) {
	calls := []permissions.Call{
		call("iam", "CreatePolicy", map[string]any{"PolicyName": "batbern-dev-boundary"}),
		call("iam", "PutRolePolicy", map[string]any{"RoleName": "batbern-dev-apply", "PolicyName": "services"}),
		call("sts", "GetCallerIdentity", nil),
		{Problem: "not decoded: unsigned request CONNECT /"},
	}
	verdict, err := permissions.Judge(t.Context(), root, project(t), calls)
	if err != nil {
		t.Fatal(err)
	}
	if verdict.Administrators != 2 || len(verdict.Skipped) != 2 || verdict.Calls != 0 || len(verdict.Refusals) != 0 {
		t.Errorf("%+v", verdict)
	}
}

func TestJudgeWithoutTheSimulator(t *testing.T) {
	_, err := permissions.Judge(t.Context(), t.TempDir(), project(t), []permissions.Call{call("ec2", "CreateVpc", nil)})
	if err == nil || !strings.Contains(err.Error(), "run make setup") {
		t.Errorf("got %v", err)
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// What the decoding program writes is read, with the method of the recording; its failure is told.
func TestDecode(t *testing.T) {
	recording := write(t, "batbern-dev.apply.jsonl", `{"method":"POST","path":"/v2/apis"}`+"\n")
	decoded := `{"stack":"batbern-dev","phase":"apply","service":"apigatewayv2","operation":"CreateApi","address":"aws_apigatewayv2_api.a",` +
		`"file":"` + recording + `","line":1}`
	program := func(body string) string {
		file := write(t, "python", "#!/bin/sh\n"+body+"\n")
		if err := os.Chmod(file, 0o700); err != nil {
			t.Fatal(err)
		}
		return file
	}
	calls, err := permissions.Decode(t.Context(), program("echo '"+decoded+"'"), nil, []string{recording})
	if err != nil || len(calls) != 1 || calls[0].Method != "POST" || calls[0].Address != "aws_apigatewayv2_api.a" {
		t.Errorf("got %+v, %v", calls, err)
	}
	_, err = permissions.Decode(t.Context(), program("echo no botocore >&2; exit 1"), nil, []string{recording})
	if err == nil || !strings.Contains(err.Error(), "no botocore") || !strings.Contains(err.Error(), "make setup") {
		t.Errorf("got %v", err)
	}
}

// A policy that refers to something that only an apply tells cannot be judged without the state.
func TestReadStack(t *testing.T) {
	synthesized := write(t, "cdk.tf.json", `{"resource":{"aws_route53_zone":{"z":{"name":"batbern.ch"}}}}`)
	state := write(t, "terraform.tfstate", `{"resources":[
		{"mode":"managed","type":"aws_route53_zone","name":"z","instances":[{"attributes":{"zone_id":"Z1","arn":"arn:aws:route53:::hostedzone/Z1"}}]},
		{"mode":"data","type":"aws_route53_zone","name":"z","instances":[{"attributes":{"zone_id":"Z2"}}]}]}`)
	stack, err := permissions.ReadStack("batbern-base", "111122223333", synthesized, state)
	if err != nil || len(stack.Values) != 1 || stack.Values["aws_route53_zone.z.zone_id"] != "Z1" {
		t.Errorf("got %+v, %v", stack, err)
	}
	untold := project(t)
	for i := range untold.Stacks {
		untold.Stacks[i].Values = nil
	}
	dns := call("route53", "ChangeResourceRecordSets", record("api.dev.batbern.ch", "A"))
	dns.Key = "emulator-dns"
	if _, err := permissions.Judge(t.Context(), root, untold, []permissions.Call{dns}); err == nil || !strings.Contains(err.Error(), "only an applied state tells") {
		t.Errorf("got %v", err)
	}
}

// Recorded actions leave the columns by hand; an action of a service that the row does not name is another resource's.
func TestUpdateTable(t *testing.T) {
	header := strings.Join(permissions.TableColumns, ",") + "\n"
	table := write(t, "actions.csv", header+"aws_vpc,,ec2:DescribeVpcs ec2:DescribeVpcAttribute,ec2:CreateVpc ec2:DeleteVpc,\n")
	about := func(c permissions.Call) permissions.Call { c.Address = "aws_vpc.main"; return c }
	calls := []permissions.Call{
		about(call("ec2", "CreateVpc", map[string]any{"TagSpecifications": []any{map[string]any{"Tags": "x"}}})),
		about(call("ec2", "ModifyVpcAttribute", nil)),
		about(call("sns", "Subscribe", nil)),
		call("ec2", "DescribeVpcs", nil),
	}
	if err := permissions.UpdateTable(table, project(t), calls); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(table)
	want := header + "aws_vpc,ec2:CreateTags ec2:CreateVpc ec2:DescribeVpcs ec2:ModifyVpcAttribute,ec2:DescribeVpcAttribute,ec2:DeleteVpc,\n"
	if err != nil || string(got) != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if err := permissions.UpdateTable(write(t, "other.csv", "a,b\n"), project(t), nil); err == nil || !strings.Contains(err.Error(), "the columns are not type, recorded") {
		t.Errorf("got %v", err)
	}
}
