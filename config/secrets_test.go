package config

import (
	"slices"
	"strings"
	"testing"
)

func TestIllegalExternalSecretsAreRefused(t *testing.T) {
	legal := ExternalSecret{Name: "mail", Purpose: "Opens the relay", MaxAgeDays: 90}
	for name, c := range map[string]struct {
		secrets []ExternalSecret
		field   string
	}{
		"legal":                 {[]ExternalSecret{legal, {"payment", "Opens the provider", 30}}, ""},
		"no name":               {[]ExternalSecret{{"", "Opens the relay", 90}}, "ExternalSecrets[0].Name"},
		"a path for a name":     {[]ExternalSecret{{"external/mail", "Opens the relay", 90}}, "ExternalSecrets[external/mail].Name"},
		"no purpose":            {[]ExternalSecret{{"mail", "", 90}}, "ExternalSecrets[mail].Purpose"},
		"a value for a purpose": {[]ExternalSecret{{"mail", strings.Repeat("x", 201), 90}}, "ExternalSecrets[mail].Purpose"},
		"no age":                {[]ExternalSecret{{"mail", "Opens the relay", 0}}, "ExternalSecrets[mail].MaxAgeDays"},
		"too old":               {[]ExternalSecret{{"mail", "Opens the relay", 91}}, "ExternalSecrets[mail].MaxAgeDays"},
		"never silent":          {[]ExternalSecret{{"mail", "Opens the relay", ExpiryWarningDays}}, "ExternalSecrets[mail].MaxAgeDays"},
		"twice":                 {[]ExternalSecret{legal, legal}, "ExternalSecrets"},
	} {
		t.Run(name, func(t *testing.T) {
			project := load(t, nil)
			project.Environments[0].ExternalSecrets = c.secrets
			var fields []string
			for _, fault := range project.validate() {
				fields = append(fields, strings.TrimPrefix(fault.Path, "dev."))
				if fault.Allowed == "" || fault.Remedy == "" {
					t.Errorf("%+v leaves something unsaid", fault)
				}
			}
			if want := slices.DeleteFunc([]string{c.field}, func(field string) bool { return field == "" }); !slices.Equal(fields, want) {
				t.Errorf("faults at %q, want %q", fields, want)
			}
		})
	}
}
