package observability

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/text"
)

// samples are events as AWS documents them, by the id of what they are an example of (testdata/events.json).
func samples(t *testing.T) map[string]map[string]any {
	t.Helper()
	text, err := os.ReadFile("testdata/events.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// matches compares an event with a pattern as EventBridge does, as far as our patterns go: every field of the pattern has
// to be there with one of its values; of a list in the event, one element is enough.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
func matches(pattern, event any) bool {
	if list, is := event.([]any); is {
		return slices.ContainsFunc(list, func(element any) bool { return matches(pattern, element) })
	}
	switch pattern := pattern.(type) {
	case map[string]any:
		fields, is := event.(map[string]any)
		for name, part := range pattern {
			if !is || !matches(part, fields[name]) {
				return false
			}
		}
		return true
	case []any:
		return slices.ContainsFunc(pattern, func(value any) bool { return allowed(value, event) })
	}
	return false
}

// allowed compares one value of a pattern.
func allowed(value, found any) bool {
	operator, is := value.(map[string]any)
	if !is {
		return value == found
	}
	for name, operand := range operator {
		text, _ := found.(string)
		switch name {
		case "prefix":
			return strings.HasPrefix(text, operand.(string))
		case "suffix":
			return strings.HasSuffix(text, operand.(string))
		case "anything-but":
			return found != nil && !slices.Contains(operand.([]any), found)
		}
	}
	return false
}

// plain is a value as JSON has it.
func plain(t *testing.T, value any) any {
	t.Helper()
	var out any
	if err := json.Unmarshal([]byte(text.JSON(value)), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

var step = regexp.MustCompile(`\.([A-Za-z]+)|\[(\d+)\]`)

// at is what a JSON path leads to, nil for nothing.
func at(event any, path string) any {
	for _, part := range step.FindAllStringSubmatch(strings.TrimPrefix(path, "$"), -1) {
		switch value := event.(type) {
		case map[string]any:
			event = value[part[1]]
		case []any:
			index, err := strconv.Atoi(part[2])
			if err != nil || index >= len(value) {
				return nil
			}
			event = value[index]
		default:
			return nil
		}
	}
	return event
}

func TestEventsAreHeard(t *testing.T) {
	examples := samples(t)
	all := Events("batbern-dev", everything)
	for _, event := range all {
		example := examples[strings.TrimSuffix(event.ID, "_virginia")]
		if example == nil {
			t.Errorf("%s: testdata/events.json has no example", event.ID)
			continue
		}
		for id, other := range examples {
			heard := matches(plain(t, event.Pattern), any(other))
			if wanted := id == strings.TrimSuffix(event.ID, "_virginia"); heard != wanted {
				t.Errorf("rule %s hears of %s: %v, wanted %v", event.ID, id, heard, wanted)
			}
		}
		for name, path := range event.paths() {
			if text, is := at(example, path).(string); !is || text == "" {
				t.Errorf("%s: the example has no %s at %s", event.ID, name, path)
			}
		}
	}
	if len(all) < 12 {
		t.Errorf("only %d events", len(all))
	}
}

// What a person reads: what, when, where and what to do, in lines, within EventBridge's limits.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_InputTransformer.html
func TestEventsAreMailsThatPeopleCanRead(t *testing.T) {
	anchors, examples := sections(t), samples(t)
	for _, event := range Events("batbern-dev", everything) {
		message := event.message("batbern-dev", "222233334444", "BATbern/infrastructure")
		for line := range strings.SplitSeq(message, "\n") {
			if !strings.HasPrefix(line, `"`) || !strings.HasSuffix(line, `"`) || strings.Count(line, `"`) != 2 {
				t.Errorf("%s: the line %s is not in quotes, EventBridge refuses it", event.ID, line)
			}
		}
		paths := event.paths()
		if len(paths) > 100 || len(message) > 8192 || len(text.JSON(event.Pattern)) > 2048 {
			t.Errorf("%s: %d paths, a text of %d and a pattern of %d characters; EventBridge takes 100, 8192 and 2048", event.ID, len(paths), len(message), len(text.JSON(event.Pattern)))
		}
		mail := message
		for name, path := range paths {
			if !strings.Contains(message, "<"+name+">") {
				t.Errorf("%s: the mail has no %s", event.ID, name)
			}
			mail = strings.ReplaceAll(mail, "<"+name+">", fmt.Sprint(at(examples[strings.TrimSuffix(event.ID, "_virginia")], path)))
		}
		if strings.ContainsAny(mail, "<>") {
			t.Errorf("%s: something has no value:\n%s", event.ID, mail)
		}
		for _, part := range []string{event.Summary + " (batbern-dev)", "when: 2026-", "where: ", "account 222233334444",
			"What to do: https://github.com/BATbern/infrastructure/blob/main/docs/runbook.md#" + event.Runbook} {
			if !strings.Contains(mail, part) {
				t.Errorf("%s: the mail does not say %q:\n%s", event.ID, part, mail)
			}
		}
		if !anchors[event.Runbook] {
			t.Errorf("%s: the runbook has no section %s", event.ID, event.Runbook)
		}
	}
	health := Events("batbern-dev", Targets{})[0].message("batbern-dev", "222233334444", "BATbern/infrastructure")
	if !strings.Contains(health, "description: <description>") {
		t.Errorf("AWS's own words are missing: %s", health)
	}
}
