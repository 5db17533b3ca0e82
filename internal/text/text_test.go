package text

import "testing"

func TestJSON(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{map[string]any{"b": []string{}, "a": "<x> & ${y}"}, `{"a":"<x> & ${y}","b":[]}`},
		{"one\nline", `"one\nline"`},
		{nil, "null"},
	} {
		if got := JSON(c.value); got != c.want {
			t.Errorf("JSON(%v) = %s, want %s", c.value, got, c.want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a function became JSON")
		}
	}()
	JSON(func() {})
}

func TestNames(t *testing.T) {
	for name, want := range map[string][2]string{
		"event-management":  {"event_management", "EVENT_MANAGEMENT"},
		"ecr.api":           {"ecr_api", "ECR_API"},
		"platform/database": {"platform_database", "PLATFORM_DATABASE"},
		"read secrets":      {"read_secrets", "READ_SECRETS"},
	} {
		if got := [2]string{Snake(name), Variable(name)}; got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}
