package observability

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestMaskingPolicyPairsAuditAndMask(t *testing.T) {
	var policy struct {
		Configuration struct {
			CustomDataIdentifier []CustomIdentifier
		}
		Statement []struct {
			DataIdentifier []string
			Operation      map[string]any
		}
	}
	if err := json.Unmarshal([]byte(MaskingPolicy("batbern-dev")), &policy); err != nil {
		t.Fatal(err)
	}
	if len(policy.Statement) != 2 || !slices.Equal(policy.Statement[0].DataIdentifier, policy.Statement[1].DataIdentifier) ||
		policy.Statement[0].Operation["Audit"] == nil || policy.Statement[1].Operation["Deidentify"] == nil {
		t.Fatalf("found %v", policy.Statement)
	}
	if !slices.Equal(policy.Configuration.CustomDataIdentifier, customIdentifiers) {
		t.Errorf("found %v, wanted %v", policy.Configuration.CustomDataIdentifier, customIdentifiers)
	}
}

func TestCustomIdentifiersMatchWhatTheyAreNamedFor(t *testing.T) {
	samples := map[string][]string{
		"AhvNumber":        {"756.1234.5678.97"},
		"SwissPhoneNumber": {"+41 31 123 45 67", "0041791234567", "+41.31.123.45.67", "0041 79 123 45 67"},
	}
	for _, custom := range customIdentifiers {
		expression := regexp.MustCompile(custom.Regex)
		if len(samples[custom.Name]) == 0 {
			t.Errorf("%s has no samples", custom.Name)
		}
		for _, sample := range samples[custom.Name] {
			if found := expression.FindString("caller " + sample + " hung up"); found != sample {
				t.Errorf("%s finds %q in %q", custom.Name, found, sample)
			}
		}
		for _, harmless := range []string{"order 756 of 1234 pieces", "+42 31 123 45 67", "0042791234567", "41 31 123 45"} {
			if expression.MatchString(harmless) {
				t.Errorf("%s matches %q", custom.Name, harmless)
			}
		}
	}
}

func TestCheckIdentifiers(t *testing.T) {
	one := func(name, regex string) []CustomIdentifier { return []CustomIdentifier{{name, regex}} }
	many := func(count int) (all []CustomIdentifier) {
		for i := range count {
			all = append(all, CustomIdentifier{fmt.Sprintf("Number%d", i), "[0-9]{4}"})
		}
		return all
	}
	for _, accepted := range [][]CustomIdentifier{
		nil, customIdentifiers, many(10),
		one(strings.Repeat("n", 128), strings.Repeat("r", 200)),
		one("Employee_ID", `EmployeeID-\d{9}`), // AWS's own example
	} {
		if err := CheckIdentifiers(accepted, managedIdentifiers); err != nil {
			t.Errorf("%v", err)
		}
	}
	for _, refused := range []struct {
		name   string
		custom []CustomIdentifier
		said   string
	}{
		{"a group", one("SwissPhoneNumber", `(\+41|0041)[0-9]{9}`), "no parentheses"},
		{"a colon", one("Iban", `iban:[0-9]+`), "iban:"},
		{"a quotation mark", one("Iban", `"[0-9]+"`), "letters, digits"},
		{"a letter outside ASCII", one("Name", `Zürich`), "Zürich"},
		{"an empty expression", one("Empty", ""), `""`},
		{"an expression that does not compile", one("Open", `[0-9`), "compiles"},
		{"an expression of 201 characters", one("Long", strings.Repeat("r", 201)), "201"},
		{"a name of 129 characters", one(strings.Repeat("n", 129), "x"), "128"},
		{"a name with a space", one("Swiss phone", "x"), "underscores"},
		{"no name", one("", "x"), "underscores"},
		{"a managed identifier's name", one("EmailAddress", "x"), "managed"},
		{"a name twice", append(one("A", "x"), one("A", "y")...), "twice"},
		{"eleven", many(11), "10 in a policy"},
	} {
		err := CheckIdentifiers(refused.custom, managedIdentifiers)
		if err == nil || !strings.Contains(err.Error(), refused.said) {
			t.Errorf("%s: %v", refused.name, err)
		}
	}
}

// Property: an expression of any characters is accepted only if each of them is in AWS's list, which is written here a
// second time, as the page has it.
func TestCheckIdentifiersAcceptsOnlyDocumentedCharacters(t *testing.T) {
	const documented = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" + "_#=@/;,- " + `^$?[]{}|\*+.`
	random := rand.New(rand.NewPCG(1, 2))
	accepted := 0
	for range 20_000 {
		length := 1 + random.IntN(6)
		var text strings.Builder
		for range length {
			text.WriteRune(rune(random.IntN(0x180)))
		}
		err := CheckIdentifiers([]CustomIdentifier{{"Generated", text.String()}}, nil)
		if err == nil {
			accepted++
		}
		if outside := strings.Trim(text.String(), documented); outside != "" && err == nil {
			t.Fatalf("%q was accepted with %q", text.String(), outside)
		}
	}
	for _, character := range documented {
		if !identifierRegex.MatchString(string(character)) {
			t.Errorf("%q is documented and refused", character)
		}
	}
	if accepted == 0 {
		t.Error("every generated expression was refused: nothing was compared")
	}
}
