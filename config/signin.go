package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-playground/validator/v10"
)

// githubSubject reads one of Settings.GithubSubjects: the repository and the prefix of its subjects.
//
// The prefix is compared exactly with what GitHub's tokens carry, so nothing in it is derived: GitHub's announcement and
// its documentation disagree on the delimiter before the numeric ids.
// https://github.blog/changelog/2026-04-23-immutable-subject-claims-for-github-actions-oidc-tokens
var githubSubject = regexp.MustCompile(
	`^([A-Za-z0-9-]+/[A-Za-z0-9._-]+)=(repo:[A-Za-z0-9-]+[@:.-][0-9]+/[A-Za-z0-9._-]+[@:.-][0-9]+)$`,
)

// isGithubSubject also requires that the prefix names the repository: a prefix copied from another one trusts that one.
func isGithubSubject(f validator.FieldLevel) bool {
	found := githubSubject.FindStringSubmatch(f.Field().String())
	if found == nil {
		return false
	}
	owner, name, _ := strings.Cut(found[1], "/")
	ownerID, nameID, _ := strings.Cut(strings.TrimPrefix(found[2], "repo:"), "/")
	return identifies(ownerID, owner) && identifies(nameID, name)
}

// identifies says whether text is the name, a delimiter and a numeric id.
func identifies(text, name string) bool {
	rest, found := strings.CutPrefix(text, name)
	return found && regexp.MustCompile(`^[@:.-][0-9]+$`).MatchString(rest)
}

// subjectPrefix begins the subjects of a repository's tokens: the one that GitHub shows if it is set, the names otherwise.
func (s Settings) subjectPrefix(repository string) string {
	for _, entry := range s.GithubSubjects {
		if prefix, found := strings.CutPrefix(entry, repository+"="); found {
			return prefix
		}
	}
	return "repo:" + repository
}

// signInFaults are entries that would silently trust nobody: subjects of repositories that sign in nowhere, and
// administrators of accounts that are no environment's.
func (s Settings) signInFaults(report *Faults) {
	known := []string{s.GithubRepository}
	for _, pipeline := range pipelines(services(), frontend(), s) {
		known = append(known, pipeline.Repository)
	}
	seen := map[string]bool{}
	for i, entry := range s.GithubSubjects {
		at := path(fmt.Sprintf("BATBERN_GITHUB_SUBJECTS[%d]", i))
		repository, _, _ := strings.Cut(entry, "=")
		if !slices.Contains(known, repository) {
			report.add(at, entry, "one of the repositories "+strings.Join(known, ", "),
				"correct the name, letter case included, or set BATBERN_GITHUB_REPOSITORY or the service's Repository first")
		}
		if seen[repository] {
			report.add(at, entry, "one entry for each repository", "remove the entry that GitHub does not show")
		}
		seen[repository] = true
	}
	accounts := []string{s.AccountDev, s.AccountStaging, s.AccountProd}
	for i, entry := range s.Administrators {
		account, _, isArn := strings.Cut(strings.TrimPrefix(entry, "arn:aws:iam::"), ":")
		if isArn && !slices.Contains(accounts, account) {
			report.add(
				path(fmt.Sprintf("BATBERN_ADMINISTRATORS[%d]", i)),
				entry,
				"a role in one of the accounts "+strings.Join(accounts, ", "),
				"correct the account id: only roles of an environment's own account administer it",
			)
		}
	}
}
