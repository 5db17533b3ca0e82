// Package redact keeps secrets out of errors and logs. What AWS, the driver and the server say is passed on, because it
// holds the cause; every secret that the invocation has seen is cut out of it first.
package redact

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Mark stands where a secret stood.
const Mark = "[redacted]"

// Redactor remembers the secrets of one invocation. The zero value is ready; it is safe for concurrent use.
type Redactor struct {
	mu      sync.Mutex
	secrets []string
}

// Add remembers secrets, also in the forms in which JSON and Go quote them. Empty ones are ignored.
func (r *Redactor) Add(secrets ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, secret := range secrets {
		if secret == "" {
			continue
		}
		quoted, _ := json.Marshal(secret) // a string always marshals
		for _, form := range []string{secret, unquoted(string(quoted)), unquoted(strconv.Quote(secret))} {
			if !slices.Contains(r.secrets, form) {
				r.secrets = append(r.secrets, form)
			}
		}
	}
	// The longest first: a secret value holds its password, and must go as a whole.
	slices.SortFunc(r.secrets, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
}

func unquoted(s string) string { return s[1 : len(s)-1] }

// Text returns s without any of the secrets.
func (r *Redactor) Text(s string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, secret := range r.secrets {
		s = strings.ReplaceAll(s, secret, Mark)
	}
	return s
}

// Error returns an error with the same text without the secrets. It wraps nothing: the driver's errors carry the
// connection's settings, password included, and whoever unwraps one and prints it would print them.
func (r *Redactor) Error(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(r.Text(err.Error()))
}
