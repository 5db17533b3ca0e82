package edge

import (
	"bytes"
	"cmp"
	_ "embed" // the functions' texts
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/edgejs"
)

//go:embed functions/request.js
var requestFunction string

//go:embed functions/asset.js
var assetFunction string

// largestFunction is CloudFront's limit in bytes.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html#limits-functions
const largestFunction = 10 * 1024

// RequestFunction is the text of the function that sees each request for the frontend: it knows the one host name to
// answer under, and where former addresses lead. The settings stand before the file's first line, so that line numbers are
// the file's. It fails when the text outgrows CloudFront's 10 KB or uses what the runtime does not know.
func RequestFunction(domains config.Domains, redirects []config.Redirect) (string, error) {
	settings, err := json.Marshal(requestSettings(domains, redirects))
	if err != nil {
		return "", fmt.Errorf("settings of the request function: %w", err)
	}
	code := "const settings = " + string(bytes.TrimSpace(settings)) + "; " + requestFunction
	if len(code) > largestFunction {
		return "", fmt.Errorf("request function: found %d bytes with %d redirects; allowed: %d; join redirects into patterns, or move them to a key value store",
			len(code), len(redirects), largestFunction)
	}
	return code, edgejs.Check("constructs/edge/functions/request.js", code)
}

// AssetFunction is the text of the function that lets browsers keep assets. It fails when the text uses what the runtime
// does not know.
func AssetFunction() (string, error) {
	return assetFunction, edgejs.Check("constructs/edge/functions/asset.js", assetFunction)
}

type settings struct {
	// Host is the one name that pages are shown under; empty while another distribution holds it, so that ours can be
	// looked at under its own domain name before the name is moved.
	Host     string      `json:"host"`
	Paths    [][3]string `json:"paths"`
	Prefixes [][3]string `json:"prefixes"`
}

// requestSettings sorts redirects the way the function looks them up: paths by name, patterns by length, longest first.
func requestSettings(domains config.Domains, redirects []config.Redirect) settings {
	out := settings{Host: domains.Www(), Paths: [][3]string{}, Prefixes: [][3]string{}}
	if domains.IsHeld(domains.Www()) {
		out.Host = ""
	}
	for _, redirect := range redirects {
		host := domains.Www()
		if redirect.Content {
			host = domains.Cdn()
		}
		from, pattern := strings.CutSuffix(strings.ToLower(redirect.From), "*")
		if pattern {
			out.Prefixes = append(out.Prefixes, [3]string{from, host, redirect.To})
		} else {
			out.Paths = append(out.Paths, [3]string{from, host, redirect.To})
		}
	}
	slices.SortFunc(out.Paths, func(a, b [3]string) int { return strings.Compare(a[0], b[0]) })
	slices.SortFunc(out.Prefixes, func(a, b [3]string) int {
		return cmp.Or(cmp.Compare(len(b[0]), len(a[0])), strings.Compare(a[0], b[0]))
	})
	return out
}
