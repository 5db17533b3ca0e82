package watch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Event is what EventBridge sends: the secrets to look at.
type Event struct {
	Secrets []Secret `json:"secrets"`
}

// Secret is one to look at. It either rotates by itself or is renewed by a person: one of the two numbers is set.
type Secret struct {
	// Name is the metrics' dimension.
	Name string `json:"name"`
	ARN  string `json:"arn"`
	// RotateEveryDays is how often the secret has to rotate, whatever its own schedule says.
	RotateEveryDays int `json:"rotateEveryDays,omitempty"`
	// MaxAgeDays is how old a value may become that a person put in.
	MaxAgeDays int `json:"maxAgeDays,omitempty"`
}

// UnmarshalJSON refuses unknown keys: a misspelt one would be a secret that nobody watches.
func (e *Event) UnmarshalJSON(content []byte) error {
	type plain Event
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode((*plain)(e)); err != nil {
		return fmt.Errorf("event: %w", err)
	}
	return nil
}

// Validate reports all faults of an event together.
func (e Event) Validate() error {
	var faults []error
	if len(e.Secrets) == 0 {
		faults = append(faults, errors.New("event: secrets is empty: want at least one"))
	}
	names := map[string]bool{}
	for i, secret := range e.Secrets {
		check := func(holds bool, key string, found any, want string) {
			if !holds {
				faults = append(faults, fmt.Errorf("event: secrets[%d].%s is %q: %s", i, key, fmt.Sprint(found), want))
			}
		}
		check(secret.Name != "", "name", secret.Name, "want the secret's name")
		check(!names[secret.Name], "name", secret.Name, "is there twice")
		check(strings.HasPrefix(secret.ARN, "arn:"), "arn", secret.ARN, "want the secret's ARN")
		check(secret.RotateEveryDays >= 0 && secret.MaxAgeDays >= 0 && (secret.RotateEveryDays > 0) != (secret.MaxAgeDays > 0),
			"rotateEveryDays", secret.RotateEveryDays, "want it or maxAgeDays above 0, and not both")
		names[secret.Name] = true
	}
	return errors.Join(faults...)
}
