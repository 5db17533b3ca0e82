package event

import (
	"errors"
	"fmt"
	"strings"
)

// SecretWatch is the input of the function secret-watch: the secrets whose age is measured.
type SecretWatch struct {
	Secrets []WatchedSecret `json:"secrets"`
}

// WatchedSecret is one secret. Either a function rotates it or a person renews it: exactly one of the numbers is set.
type WatchedSecret struct {
	// Name is the metrics' dimension.
	Name string `json:"name"`
	ARN  string `json:"arn"`
	// RotateEveryDays is how often the secret has to rotate, whatever its own schedule says.
	RotateEveryDays int `json:"rotateEveryDays,omitempty"`
	// MaxAgeDays is how old a value may become that a person put in.
	MaxAgeDays int `json:"maxAgeDays,omitempty"`
}

// UnmarshalJSON refuses unknown keys: a misspelt one would be a secret that is silently not watched.
func (e *SecretWatch) UnmarshalJSON(content []byte) error {
	type plain SecretWatch
	return strict(content, (*plain)(e))
}

// Validate reports all faults of an event together.
func (e SecretWatch) Validate() error {
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
