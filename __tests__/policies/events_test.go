package policies_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
)

// rawEvents are the targets that would mail an event's JSON, or lead to no section of the runbook.
func rawEvents(stack *testkit.Stack, sections map[string]bool) []string {
	var faults []string
	for _, target := range stack.Resources("aws_cloudwatch_event_target") {
		if !strings.Contains(target.Text("arn"), "aws_sns_topic.") {
			continue
		}
		transformer, _ := target.Body["input_transformer"].(map[string]any)
		template := fmt.Sprint(transformer["input_template"])
		lines := strings.Split(template, "\n")
		link := runbookLink.FindStringSubmatch(strings.TrimSuffix(lines[len(lines)-1], `"`))
		switch {
		case transformer == nil:
			faults = append(faults, target.Path+" mails JSON")
		case link == nil || !sections[link[1]]:
			faults = append(faults, target.Path+" leads to no section of the runbook: "+template)
		case !strings.Contains(template, "when: <time>") || !strings.Contains(template, "where: <region>"):
			faults = append(faults, target.Path+" says neither when nor where: "+template)
		}
	}
	return faults
}

// Whoever gets a mail about an event can read it, wherever it was made.
func TestEventsAreMailedInWords(t *testing.T) {
	sections := runbookSections(t)
	for _, stack := range testkit.Environments(t) {
		for _, fault := range rawEvents(stack, sections) {
			t.Errorf("%s: %s", stack.Name, fault)
		}
		heard := map[string]bool{}
		for _, rule := range stack.Resources("aws_cloudwatch_event_rule") {
			if strings.Contains(rule.Text("event_pattern"), `"aws.health"`) {
				heard[region(rule)] = true
			}
		}
		if len(heard) != 2 || !heard[virginia] {
			t.Errorf("%s: AWS's news are heard in %v, wanted the home region and us-east-1, where those of global services are", stack.Name, heard)
		}
	}
	t.Run("planted: the event as it is", func(t *testing.T) {
		stack := testkit.Synth(t, testkit.Project(t))["batbern-dev"]
		delete(stack.Resource(t, "aws_cloudwatch_event_target", "observability/events/health_target").Body, "input_transformer")
		if faults := rawEvents(stack, sections); len(faults) != 1 {
			t.Errorf("found %v", faults)
		}
	})
}
