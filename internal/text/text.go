// Package text writes the texts that several packages need in one form: compact JSON and identifiers.
package text

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// JSON returns the value as one line of JSON, not escaped for HTML: AWS and Terraform compare texts, and "<" must not
// become "\u003c". Keys of maps are sorted, so equal values have equal texts. It panics for a value that has no JSON,
// such as a function: that is a mistake in the code.
func JSON(value any) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(fmt.Errorf("%T cannot be written as JSON: %w", value, err))
	}
	return strings.TrimSuffix(out.String(), "\n")
}

var snake = strings.NewReplacer("-", "_", "/", "_", ".", "_", " ", "_")

// Snake returns a name as a construct id or the name of an output: hyphens, slashes, dots and spaces become
// underscores. Letters keep their case.
func Snake(name string) string { return snake.Replace(name) }

// Variable returns a name as the name of an environment variable: Snake in upper case.
func Variable(name string) string { return strings.ToUpper(Snake(name)) }
