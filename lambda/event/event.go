// Package event declares the inputs of the functions under lambda: constructs write them, functions read them. One
// declaration serves both sides, so a renamed key cannot reach AWS as a key that the function does not know.
//
// Every event refuses unknown keys when it is read, and Validate reports all faults of an event at once. No event holds
// a secret: inputs end up in Terraform's state.
package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// strict reads one JSON value into target and refuses keys that target does not have.
func strict(content []byte, target any) error {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(target); err != nil {
		return fmt.Errorf("event: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("event: more than one JSON value")
	}
	return nil
}
