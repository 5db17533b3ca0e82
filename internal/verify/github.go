package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// GitHub's changelog of 2026-04-23, "Immutable subject claims": repositories created, renamed or transferred since the
// summer of 2026 have numeric ids in the subject. Its pages name 18 June and 15 July, so neither form is certain between.
var (
	immutableFrom    = time.Date(2026, time.July, 16, 0, 0, 0, 0, time.UTC)
	classicUntil     = time.Date(2026, time.June, 18, 0, 0, 0, 0, time.UTC)
	trustedSubject   = regexp.MustCompile(`"token\.actions\.githubusercontent\.com:sub":\s*\[?\s*"(repo:[^:"]+):`)
	immutableSubject = regexp.MustCompile(`^repo:([A-Za-z0-9-]+)[@:.-]([0-9]+)/([A-Za-z0-9._-]+?)[@:.-]([0-9]+)$`)
)

type repository struct {
	ID       int64     `json:"id"`
	FullName string    `json:"full_name"`
	Created  time.Time `json:"created_at"`
	Owner    struct {
		ID int64 `json:"id"`
	} `json:"owner"`
}

// askSubjects compares the form of each trusted subject with what GitHub says about the repository. It cannot read a
// repository's subject itself: only a job's token has it.
func askSubjects(ctx context.Context, w *World) (answer, error) {
	prefixes := map[string]bool{}
	for _, role := range w.Stack.OfType("aws_iam_role") {
		for _, found := range trustedSubject.FindAllStringSubmatch(role.String("assume_role_policy"), -1) {
			prefixes[found[1]] = true
		}
	}
	var a answer
	classic, immutable := 0, 0
	for _, prefix := range sorted(prefixes) {
		name := strings.TrimPrefix(prefix, "repo:")
		ids := immutableSubject.FindStringSubmatch(prefix)
		if ids != nil {
			name = ids[1] + "/" + ids[3]
		}
		found, exists, err := w.repository(ctx, name)
		if err != nil {
			return a, err
		}
		switch {
		case !exists:
			a.fault("%s does not exist, or GITHUB_TOKEN may not read it", name)
		case !strings.EqualFold(found.FullName, name):
			a.fault("%s is now %s: its subject is immutable", name, found.FullName)
		case ids != nil && (ids[2] != fmt.Sprint(found.Owner.ID) || ids[4] != fmt.Sprint(found.ID)):
			a.fault("%s has the ids %d and %d, but %s is trusted", name, found.Owner.ID, found.ID, prefix)
		case ids != nil:
			immutable++
		case found.Created.After(immutableFrom):
			a.fault("%s has an immutable subject, but its names are trusted", name)
		case found.Created.After(classicUntil):
			a.fault("%s was created on %s: either form is possible", name, found.Created.Format(time.DateOnly))
		default:
			classic++
		}
	}
	a.seen = fmt.Sprintf("%d classic, %d immutable", classic, immutable)
	return a, nil
}

func (w *World) repository(ctx context.Context, name string) (found repository, exists bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.GitHub+"/repos/"+name, nil)
	if err != nil {
		return found, false, err
	}
	request.Header.Set("Accept", "application/vnd.github+json")
	if w.Token != "" {
		request.Header.Set("Authorization", "Bearer "+w.Token)
	}
	response, err := w.HTTP.Do(request)
	if err != nil {
		return found, false, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return found, true, json.NewDecoder(response.Body).Decode(&found)
	case http.StatusNotFound:
		return found, false, nil
	case http.StatusForbidden, http.StatusTooManyRequests, http.StatusUnauthorized:
		return found, false, errors.New("GitHub refuses to answer: set GITHUB_TOKEN to a valid token that may read the repositories")
	}
	return found, false, fmt.Errorf("GitHub answers %s", response.Status)
}
