package config

import (
	"strings"
	"testing"
)

// Each repository is trusted by the prefix that GitHub shows for it, and by its name without one.
func TestGithubSubjects(t *testing.T) {
	base := load(t, map[string]string{
		"BATBERN_GITHUB_SUBJECTS": "BATbern/infrastructure=repo:BATbern@12/infrastructure@34, BATbern/api-gateway=repo:BATbern-12/api-gateway-56",
	}).Base
	if base.GithubSubjectPrefix != "repo:BATbern@12/infrastructure@34" {
		t.Errorf("the project is trusted as %s", base.GithubSubjectPrefix)
	}
	for _, pipeline := range base.Pipelines {
		want := "repo:" + pipeline.Repository
		if pipeline.Name == "api-gateway" {
			want = "repo:BATbern-12/api-gateway-56"
		}
		if pipeline.SubjectPrefix != want {
			t.Errorf("%s is trusted as %s, want %s", pipeline.Name, pipeline.SubjectPrefix, want)
		}
	}
}

func TestWrongSignInSettings(t *testing.T) {
	const own = "BATbern/infrastructure=repo:BATbern@12/infrastructure@34"
	for name, c := range map[string]struct{ variable, value, says string }{
		"a wildcard":              {"BATBERN_GITHUB_SUBJECTS", "BATbern/infrastructure=repo:BATbern@*/infrastructure@*", "without wildcards"},
		"a prefix of names alone": {"BATBERN_GITHUB_SUBJECTS", "BATbern/infrastructure=repo:BATbern/infrastructure", "as GitHub shows it"},
		"another repository's":    {"BATBERN_GITHUB_SUBJECTS", "BATbern/infrastructure=repo:Evil@12/infrastructure@34", "as GitHub shows it"},
		"one that only begins so": {"BATBERN_GITHUB_SUBJECTS", "BATbern/infrastructure=repo:BATbern-evil@12/infrastructure@34", "as GitHub shows it"},
		"a whole subject":         {"BATBERN_GITHUB_SUBJECTS", own + ":environment:prod", "as GitHub shows it"},
		"no repository":           {"BATBERN_GITHUB_SUBJECTS", "repo:BATbern@12/infrastructure@34", "owner/name=prefix"},
		"an unknown repository":   {"BATBERN_GITHUB_SUBJECTS", "BATbern/unknown=repo:BATbern@12/unknown@34", "one of the repositories BATbern/infrastructure"},
		"two for one repository":  {"BATBERN_GITHUB_SUBJECTS", own + ",BATbern/infrastructure=repo:BATbern@12/infrastructure@35", "one entry for each repository"},
		"any role":                {"BATBERN_ADMINISTRATORS", "*", "without wildcards"},
		"any permission set":      {"BATBERN_ADMINISTRATORS", "AWSReservedSSO_*", "without wildcards"},
		"a policy variable":       {"BATBERN_ADMINISTRATORS", "${aws:username}", "without wildcards"},
		"a user":                  {"BATBERN_ADMINISTRATORS", "arn:aws:iam::222233334444:user/somebody", "a role's ARN"},
		"a role elsewhere":        {"BATBERN_ADMINISTRATORS", "arn:aws:iam::999988887777:role/admin", "a role in one of the accounts"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadProject(map[string]string{c.variable: c.value})
			if err == nil || !strings.Contains(err.Error(), c.variable) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an error about %s with %q", err, c.variable, c.says)
			}
		})
	}
}

// The roles of the frontend's pipeline are named after it.
func TestNoServiceIsCalledFrontend(t *testing.T) {
	project := load(t, nil)
	project.Environments[0].Services[0].Name = FrontendName
	if err := project.validate().err(); err == nil || !strings.Contains(err.Error(), "another name than the frontend's") {
		t.Errorf("got %v", err)
	}
}
