package golden

import (
	"fmt"
	"strings"
	"testing"
)

func TestJSONDiff(t *testing.T) {
	for name, c := range map[string]struct {
		wanted, found string
		says          []string
	}{
		"equal but for order and space": {`{"a": 1, "b": [2]}`, `{"b":[2],"a":1}`, nil},
		"another value":                 {`{"a": {"b": "x"}}`, `{"a": {"b": "y"}}`, []string{`-`, `"x"`, `+`, `"y"`}},
		"a new key":                     {`{}`, `{"a": 1}`, []string{`+`, `"a"`}},
		"a removed key":                 {`{"a": 1}`, `{}`, []string{`-`, `"a"`}},
		"a shorter list":                {`[1, 2]`, `[1]`, []string{`-`, `2`}},
		"not JSON found":                {`{}`, `nonsense`, []string{"found text is not JSON"}},
		"not JSON wanted":               {``, `{}`, []string{"wanted text is not JSON"}},
	} {
		diff := JSONDiff([]byte(c.wanted), []byte(c.found))
		if (diff == "") != (c.says == nil) {
			t.Errorf("%s: the difference is %q", name, diff)
		}
		for _, part := range c.says {
			if !strings.Contains(diff, part) {
				t.Errorf("%s: %q does not say %s", name, diff, part)
			}
		}
	}
}

func TestJSONDiffIsCut(t *testing.T) {
	var wanted []string
	for i := range 500 {
		wanted = append(wanted, fmt.Sprintf(`"key%03d": {"value": %d}`, i, i))
	}
	diff := JSONDiff([]byte("{"+strings.Join(wanted, ",")+"}"), []byte("{}"))
	if lines := strings.Count(diff, "\n"); lines > 61 || !strings.Contains(diff, "more lines") {
		t.Errorf("%d lines:\n%s", lines, diff)
	}
}
