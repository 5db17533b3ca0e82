package rotation

import (
	"strings"
	"testing"
)

func TestFromEnvironment(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-central-1")
	none := func(string) string { return "" }
	function, err := FromEnvironment(t.Context(), none)
	if err != nil {
		t.Fatal(err)
	}
	if function.Password != (PasswordPolicy{Length: 32, ExcludeCharacters: defaultExcludeCharacters}) {
		t.Errorf("default policy %+v", function.Password)
	}
	set := map[string]string{VariablePasswordLength: "48", VariableExcludeCharacters: "xyz"}
	function, err = FromEnvironment(t.Context(), func(name string) string { return set[name] })
	if err != nil || function.Password != (PasswordPolicy{Length: 48, ExcludeCharacters: "xyz"}) {
		t.Errorf("policy %+v, error %v", function.Password, err)
	}
}

func TestFromEnvironmentReportsAllFaults(t *testing.T) {
	for _, length := range []string{"15", "129", "many", "-1", "1e3"} {
		set := map[string]string{VariablePasswordLength: length, VariableCABundle: "/nonexistent/bundle.pem"}
		_, err := FromEnvironment(t.Context(), func(name string) string { return set[name] })
		if err == nil || !strings.Contains(err.Error(), VariablePasswordLength) || !strings.Contains(err.Error(), VariableCABundle) {
			t.Errorf("%s: %v", length, err)
		}
	}
}

func TestFromEnvironmentReportsAFaultOfTheSDK(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "many")
	if _, err := FromEnvironment(t.Context(), func(string) string { return "" }); err == nil {
		t.Error("no error")
	}
}
