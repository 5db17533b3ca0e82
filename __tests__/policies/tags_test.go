package policies_test

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
)

// mandatoryTags are what cost allocation, ownership and compliance ask for.
var mandatoryTags = []string{"Environment", "Project", "ManagedBy", "CostCenter", "Owner", "Repository", "Compliance", "Stack"}

// AC5: consistent tagging for cost allocation and management.
func TestTags(t *testing.T) {
	t.Run("should_applyConsistentTags_when_creatingResources", func(t *testing.T) {
		for _, stack := range testkit.Stacks(t) {
			providers := stack.Body["provider"].(map[string]any)["aws"].([]any)
			for _, provider := range providers {
				tags := defaultTags(provider)
				for _, key := range mandatoryTags {
					if tags[key] == nil || tags[key] == "" {
						t.Errorf("%s, provider %v: no tag %s", stack.Name, provider.(map[string]any)["alias"], key)
					}
				}
				if tags["Stack"] != stack.Name {
					t.Errorf("%s: tag Stack is %v", stack.Name, tags["Stack"])
				}
			}
		}
	})

	t.Run("every tag is activated for cost allocation, in the base and nowhere else", func(t *testing.T) {
		for _, stack := range testkit.Synth(t, testkit.Project(t, map[string]string{"BATBERN_COST_TAGS": "true", "BATBERN_PAYER_ACCOUNTS": "111122223333"})) {
			var keys []string
			for _, tag := range stack.Resources("aws_ce_cost_allocation_tag") {
				keys = append(keys, tag.Text("tag_key"))
			}
			slices.Sort(keys)
			var wanted []string
			if stack.Name == "batbern-base" {
				wanted = slices.Sorted(slices.Values(mandatoryTags))
			}
			if !slices.Equal(keys, wanted) {
				t.Errorf("%s: %v, wanted %v", stack.Name, keys, wanted)
			}
		}
		// AWS refuses tags that it has never seen: the first apply of all would fail
		if tags := testkit.StackNamed(t, "batbern-base").Resources("aws_ce_cost_allocation_tag"); len(tags) > 0 {
			t.Errorf("%d tags are activated by default", len(tags))
		}
	})

	// Terraform's provider adds its default tags to every resource of a type that has tags at all.
	t.Run("default tags reach every taggable resource", func(t *testing.T) {
		taggable, others := 0, map[string]bool{}
		for _, stack := range testkit.Stacks(t) {
			for _, resource := range stack.All() {
				if resource.Type == "terraform_data" { // Terraform's own: nothing of it is in AWS
					continue
				}
				if !hasTags(t, resource.Type) {
					others[resource.Type] = true
					continue
				}
				taggable++
				for _, fault := range tagFaults(stack, resource) {
					t.Errorf("%s: %s: %s", stack.Name, resource.Address(), fault)
				}
			}
		}
		if taggable < 500 {
			t.Errorf("only %d taggable resources were found", taggable)
		}
		for _, typ := range []string{"aws_db_instance", "aws_ecs_service", "aws_s3_bucket", "aws_sns_topic", "aws_lambda_function"} {
			if others[typ] {
				t.Errorf("%s has tags, and was taken for one without", typ)
			}
		}
	})

	t.Run("planted: a provider without tags, one without a tag, tasks without tags", func(t *testing.T) {
		stack := testkit.Synth(t, testkit.Project(t))["batbern-dev"] // its own: the shared one stays whole
		topic := stack.Resource(t, "aws_sns_topic", "topics/critical/topic")
		service := stack.Resources("aws_ecs_service")[0]
		if faults := append(tagFaults(stack, topic), tagFaults(stack, service)...); len(faults) > 0 {
			t.Fatalf("faulty before anything is planted: %v", faults)
		}
		service.Body["propagate_tags"] = "NONE"
		if len(tagFaults(stack, service)) == 0 {
			t.Error("tasks without their service's tags were not found")
		}
		provider := stack.Body["provider"].(map[string]any)["aws"].([]any)[0].(map[string]any)
		delete(defaultTags(provider), "CostCenter")
		if len(tagFaults(stack, topic)) == 0 {
			t.Error("a missing tag was not found")
		}
		delete(provider, "default_tags")
		if len(tagFaults(stack, topic)) == 0 {
			t.Error("a provider without tags was not found")
		}
	})

	// A tag in both places shows up as a change in every plan.
	t.Run("no resource repeats a default tag", func(t *testing.T) {
		for _, stack := range testkit.Stacks(t) {
			for _, resource := range stack.All() {
				tags, _ := resource.Body["tags"].(map[string]any)
				for key := range tags {
					if slices.Contains(mandatoryTags, key) {
						t.Errorf("%s: %s sets %s again", stack.Name, resource.Address(), key)
					}
				}
			}
		}
	})
}

// tagFaults are the mandatory tags that do not reach a taggable resource, or what is made by it.
func tagFaults(stack *testkit.Stack, resource testkit.Resource) []string {
	var faults []string
	var tags map[string]any
	for _, provider := range stack.Body["provider"].(map[string]any)["aws"].([]any) {
		name := "aws"
		if alias, is := provider.(map[string]any)["alias"].(string); is {
			name += "." + alias
		}
		if name == cmp.Or(resource.Text("provider"), "aws") {
			tags = defaultTags(provider)
		}
	}
	for _, key := range mandatoryTags {
		if tags[key] == nil {
			faults = append(faults, "no tag "+key)
		}
	}
	// tasks come and go without Terraform: their service hands its tags on
	if resource.Type == "aws_ecs_service" && (resource.Text("propagate_tags") != "SERVICE" || resource.Body["enable_ecs_managed_tags"] != true) {
		faults = append(faults, "its tasks get no tags")
	}
	return faults
}

var tagsField = regexp.MustCompile(`\sTags \*map\[string\]\*string `)

// hasTags says whether a resource type has tags, by the binding that the stacks are written with.
var hasTags = func() func(t *testing.T, typ string) bool {
	known := map[string]bool{}
	folder := sync.OnceValues(func() (string, error) {
		out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/cdktf/cdktf-provider-aws-go/aws/v19").Output()
		return strings.TrimSpace(string(out)), err
	})
	return func(t *testing.T, typ string) bool {
		t.Helper()
		if has, judged := known[typ]; judged {
			return has
		}
		root, err := folder()
		if err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(root, strings.ReplaceAll(strings.TrimPrefix(typ, "aws_"), "_", ""), "*Config*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: the binding is not in %s: %v", typ, root, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			known[typ] = known[typ] || tagsField.Match(text)
		}
		return known[typ]
	}
}()

func defaultTags(provider any) map[string]any {
	blocks, _ := provider.(map[string]any)["default_tags"].([]any)
	if len(blocks) == 0 {
		return nil
	}
	tags, _ := blocks[0].(map[string]any)["tags"].(map[string]any)
	return tags
}
