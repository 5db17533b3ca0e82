package redact

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestTextHoldsNoSecretInAnyForm(t *testing.T) {
	const password = "p\"w\\d<é>\n1"
	value, _ := json.Marshal(map[string]string{"password": password})
	var r Redactor
	r.Add("", password, string(value))
	quoted, _ := json.Marshal(password)
	for _, text := range []string{
		"plain " + password, "json " + string(quoted), fmt.Sprintf("go %q", password), "value " + string(value),
	} {
		got := r.Text(text)
		if !strings.Contains(got, Mark) || strings.Contains(got, "w\\d") {
			t.Errorf("%s: %s", text, got)
		}
	}
	if got := r.Text("nothing here"); got != "nothing here" {
		t.Errorf("changed a harmless text to %q", got)
	}
}

func TestLongerSecretsGoFirst(t *testing.T) {
	var r Redactor
	r.Add("abc")
	r.Add("abcdef")
	if got := r.Text("abcdef"); got != Mark {
		t.Errorf("got %q: the rest of the longer secret is left", got)
	}
}

func TestErrorKeepsTheTextAndWrapsNothing(t *testing.T) {
	var r Redactor
	r.Add("hunter2")
	inner := errors.New("password hunter2 refused")
	got := r.Error(fmt.Errorf("login: %w", inner))
	if got.Error() != "login: password [redacted] refused" {
		t.Errorf("got %q", got)
	}
	if errors.Unwrap(got) != nil || errors.Is(got, inner) {
		t.Error("the secret can be unwrapped")
	}
	if r.Error(nil) != nil {
		t.Error("no error became one")
	}
}
