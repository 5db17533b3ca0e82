package tree_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/tree"
)

const sample = `{
  "//": {"metadata": {"version": "0.21.0", "stackName": "batbern-dev"}},
  "provider": {"aws": [{"region": "eu-central-1"}, {"alias": "us_east_1", "region": "us-east-1"}, {"alias": "dns", "region": "${var.region}"}]},
  "data": {"aws_caller_identity": {"me": {"//": {"metadata": {"path": "batbern-dev/me"}}}}},
  "resource": {
    "aws_vpc": {"network_vpc_AA": {"//": {"metadata": {"path": "batbern-dev/network/vpc"}}, "cidr_block": "10.0.0.0/16"}},
    "aws_subnet": {
      "network_a_BB": {"//": {"metadata": {"path": "batbern-dev/network/a"}}, "vpc_id": "${aws_vpc.network_vpc_AA.id}"},
      "network_b_CC": {"vpc_id": "${jsondecode({\"id\" = {\"v\" = aws_vpc.network_vpc_AA.id}}).id.v}", "count": 3}
    },
    "aws_wafv2_web_acl": {"acl": {"provider": "aws.us_east_1", "rule": [{"name": "x"}, {"name": "y"}],
      "note": "aws_vpc.network_vpc_AA is only text", "who": "${data.aws_caller_identity.me.account_id}-${aws_vpc.absent.id}"}},
    "aws_ecs_task_definition": {"t": {"cpu": "256", "memory": 512, "runtime_platform": {"cpu_architecture": "ARM64"}, "for_each": {"a": 1, "b": 2}}}
  }
}`

func parse(t *testing.T) *tree.Stack {
	t.Helper()
	stack, err := tree.Parse("batbern-dev", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	return stack
}

func TestParse(t *testing.T) {
	stack := parse(t)
	var got []string
	for _, r := range stack.Resources {
		got = append(got, r.Address())
	}
	want := []string{"aws_ecs_task_definition.t", "aws_subnet.network_a_BB", "aws_subnet.network_b_CC", "aws_vpc.network_vpc_AA", "aws_wafv2_web_acl.acl"}
	if !slices.Equal(got, want) {
		t.Errorf("addresses are %v, want %v", got, want)
	}
	vpc := stack.Find("aws_vpc.network_vpc_AA")
	if vpc.Concern() != "network" || vpc.Label() != "network/vpc" || vpc.Region() != "eu-central-1" {
		t.Errorf("vpc has concern %q, label %q, region %q", vpc.Concern(), vpc.Label(), vpc.Region())
	}
	acl := stack.Find("aws_wafv2_web_acl.acl")
	if acl.Region() != "us-east-1" || acl.Concern() != "stack" {
		t.Errorf("acl has region %q, concern %q", acl.Region(), acl.Concern())
	}
	if n := stack.Find("aws_subnet.network_b_CC").Instances; n != 3 {
		t.Errorf("count 3 makes %v instances", n)
	}
	if n := stack.Find("aws_ecs_task_definition.t").Instances; n != 2 {
		t.Errorf("for_each of two makes %v instances", n)
	}
}

func TestReferences(t *testing.T) {
	stack := parse(t)
	vpc := stack.Find("aws_vpc.network_vpc_AA")
	for _, name := range []string{"aws_subnet.network_a_BB", "aws_subnet.network_b_CC"} {
		if got := stack.Find(name).Refers("vpc_id"); !slices.Equal(got, []*tree.Resource{vpc}) {
			t.Errorf("%s refers to %v by vpc_id", name, got)
		}
	}
	refs := stack.Find("aws_wafv2_web_acl.acl").References()
	if len(refs) != 1 || refs[0].To.Address() != "data.aws_caller_identity.me" {
		t.Errorf("acl refers to %v: text outside ${} and unknown addresses are no references", refs)
	}
}

func TestAttributes(t *testing.T) {
	task := parse(t).Find("aws_ecs_task_definition.t")
	for path, want := range map[string]float64{"cpu": 256, "memory": 512, "absent": 7} {
		if got, err := task.Number(path, 7); err != nil || got != want {
			t.Errorf("%s is %v, %v, want %v", path, got, err, want)
		}
	}
	if _, err := task.Number("runtime_platform.cpu_architecture", 0); err == nil || !strings.Contains(err.Error(), "ARM64") {
		t.Errorf("a text as a number gives %v, want an error that names it", err)
	}
	if got := task.String("runtime_platform.0.cpu_architecture"); got != "" {
		t.Errorf("index into an object gives %q", got)
	}
	acl := parse(t).Find("aws_wafv2_web_acl.acl")
	if got := acl.String("rule.1.name"); got != "y" {
		t.Errorf("rule.1.name is %q", got)
	}
	if got := acl.String("rule.name"); got != "" {
		t.Errorf("rule.name of two rules is %q: it would have to choose", got)
	}
	if got := acl.Value("rule.9.name"); got != nil {
		t.Errorf("rule.9 is %v", got)
	}
}

func TestLoadFaults(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(what string, is error, parts ...string) {
		t.Helper()
		_, err := tree.Load(dir)
		if err == nil {
			t.Fatalf("%s: no error", what)
		}
		if is != nil && !errors.Is(err, is) {
			t.Errorf("%s: %v is not %v", what, err, is)
		}
		for _, part := range parts {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", what, err, part)
			}
		}
	}
	expect("no tree", tree.ErrNotSynthesized, "make synth", dir)
	write("manifest.json", `{"stacks": {}}`)
	expect("no stacks", tree.ErrNotSynthesized, "make synth")
	write("manifest.json", `nonsense`)
	expect("broken manifest", nil, "manifest.json", "make synth")
	write("manifest.json", `{"stacks": {"batbern-dev": {"synthesizedStackPath": "stacks/batbern-dev/cdk.tf.json"}}}`)
	expect("missing stack", tree.ErrNotSynthesized, "batbern-dev", "make synth")
	write("stacks/batbern-dev/cdk.tf.json", `{"resource": []}`)
	expect("broken stack", nil, "batbern-dev", "not Terraform JSON")
	write("stacks/batbern-dev/cdk.tf.json", `{"resource": {"aws_eip": {"a": {"count": "${length(var.x)}"}}}}`)
	expect("unknown count", nil, "aws_eip.a", "count", "literal")
	write("stacks/batbern-dev/cdk.tf.json", sample)
	tree, err := tree.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	stack, err := tree.Stack("batbern-dev")
	if err != nil || stack.Dependencies != nil {
		t.Errorf("stack is %v, %v", stack, err)
	}
	if _, err := tree.Stack("batbern-qa"); err == nil || !strings.Contains(err.Error(), "batbern-dev") {
		t.Errorf("an unknown stack gives %v, want an error that lists what there is", err)
	}
}

// Who depends on whom is read from the states, wherever they are kept. The manifest of a tree that was synthesized
// without the cdktf CLI has no dependencies.
func TestAStackDependsOnThoseWhoseStateItReads(t *testing.T) {
	for name, c := range map[string]struct{ base, backend, read string }{
		"local": {
			`"backend": {"local": {"path": "../../../terraform.batbern-base.tfstate"}}`,
			`"backend": {"local": {"path": "../../../terraform.batbern-dev.tfstate"}}`,
			`{"path": "../../../terraform.batbern-base.tfstate"}`},
		"s3": {
			`"backend": {"s3": {"bucket": "b", "key": "batbern-base/terraform.tfstate", "region": "eu-central-1", "use_lockfile": true}}`,
			`"backend": {"s3": {"bucket": "b", "key": "batbern-dev/terraform.tfstate", "region": "eu-central-1", "use_lockfile": true}}`,
			`{"bucket": "b", "key": "batbern-base/terraform.tfstate", "region": "eu-central-1"}`},
		"cloud": {
			`"cloud": {"organization": "o", "workspaces": {"name": "batbern-base", "project": "p"}}`,
			`"cloud": {"organization": "o", "workspaces": {"name": "batbern-dev", "project": "p"}}`,
			`{"organization": "o", "workspaces": {"name": "batbern-base"}}`},
	} {
		stack := func(name, format string, args ...any) *tree.Stack {
			t.Helper()
			parsed, err := tree.Parse(name, fmt.Appendf(nil, format, args...))
			if err != nil {
				t.Fatal(err)
			}
			return parsed
		}
		all := tree.Tree{Stacks: []*tree.Stack{
			stack("a-dev", `{"terraform": {%s}, "data": {"terraform_remote_state": {"base": {"config": %s}}}}`, c.backend, c.read),
			stack("other", `{"data": {"terraform_remote_state": {"unknown": {"config": {"path": "elsewhere"}}}}}`),
			stack("z-base", `{"terraform": {%s}}`, c.base),
		}}
		all.Link()
		var got []string
		for _, s := range all.Stacks {
			got = append(got, s.Name+":"+strings.Join(s.Dependencies, ","))
		}
		if want := []string{"a-dev:z-base", "other:", "z-base:"}; !slices.Equal(got, want) {
			t.Errorf("%s: dependencies %v, want %v", name, got, want)
		}
		if got, want := all.InOrder(), []string{"z-base", "a-dev", "other"}; !slices.Equal(got, want) {
			t.Errorf("%s: in order %v, want %v", name, got, want)
		}
	}
}
