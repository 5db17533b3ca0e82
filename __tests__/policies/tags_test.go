package policies_test

import (
	"slices"
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

func defaultTags(provider any) map[string]any {
	blocks, _ := provider.(map[string]any)["default_tags"].([]any)
	if len(blocks) == 0 {
		return nil
	}
	tags, _ := blocks[0].(map[string]any)["tags"].(map[string]any)
	return tags
}
