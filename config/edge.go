package config

import (
	"fmt"
	"regexp"
	"strings"
)

// Edge is how an environment's frontend and content meet the internet: CloudFront and its firewall.
type Edge struct {
	// PriceClass is CloudFront's name for the edge locations in use: fewer cost less and are slower far away.
	PriceClass string `validate:"oneof=PriceClass_100 PriceClass_200 PriceClass_All"`
	Firewall   Firewall
	// EnforcePolicy makes browsers block what the Content-Security-Policy forbids; without it they only report it in
	// their console, so that a mistake in the policy shows itself before production.
	EnforcePolicy bool
	// ConnectOrigins are origins besides the environment's own that the frontend's scripts may call.
	ConnectOrigins []string `validate:"unique,dive,origin"`
	// Indexed lets search engines list the site. One environment at most wants that.
	Indexed bool
	// QueryableLogs adds CloudFront's newer logs in Parquet to the plain ones that CloudFront.5 asks for.
	QueryableLogs bool
	// DetailedMetrics adds cache hit rate, origin latency and error rates by status code. CloudWatch charges for them.
	DetailedMetrics bool
	// Redirects keep addresses of the former website alive (CR3).
	Redirects []Redirect `validate:"unique=From"`
}

// Firewall is a web ACL: the one in front of CloudFront, or the one in front of the API's load balancer.
type Firewall struct {
	Mode FirewallMode `validate:"oneof=off count block"`
	// RequestsPerFiveMinutes is how many requests one address may send in five minutes.
	RequestsPerFiveMinutes int `validate:"required_unless=Mode off,omitempty,min=100,max=2000000000"`
	// LogRetentionDays is how long records of requests that met a rule are kept.
	LogRetentionDays int `validate:"required_unless=Mode off,omitempty,logretention"`
}

// FirewallMode is what the firewall does with a request that meets a rule.
type FirewallMode string

const (
	// FirewallOff means there is no firewall, and nothing to pay for it.
	FirewallOff FirewallMode = "off"
	// FirewallCount lets requests pass and counts them: a false alarm harms nobody.
	FirewallCount FirewallMode = "count"
	// FirewallBlock answers 403.
	FirewallBlock FirewallMode = "block"
)

// Redirect leads an address of the former website to its place in the new one, with status 301.
type Redirect struct {
	// From is a path, compared without regard to letter case or to a slash at its end. A last "*" stands for any rest, even none:
	// "/archiv/*" meets "/archiv/" and "/archiv/2019/a.pdf", not "/archiv".
	From string
	// To is a path; a last "*" in it is replaced by what From's stood for. It may carry a query or a fragment; the query of
	// the request goes along.
	To string
	// Content leads to the host of the content instead of the frontend's.
	Content bool
}

var (
	redirectFrom = regexp.MustCompile(`^/[A-Za-z0-9._~/%+-]*\*?$`)
	redirectTo   = regexp.MustCompile(`^/([A-Za-z0-9._~/%+?&=#-]*)\*?$`)
)

func (e Edge) check(at path, report *Faults) {
	for _, redirect := range e.Redirects {
		redirect.check(at.field("Redirects").key(redirect.From), report)
	}
	at = at.field("Redirects")
	for _, redirect := range e.Redirects {
		if redirect.Content {
			continue
		}
		if target, again := e.redirected(redirect.To); again {
			report.add(at.key(redirect.From), redirect.To, "a path that is not redirected itself",
				fmt.Sprintf("lead it to %s at once: browsers give up on loops, and search engines on chains", target))
		}
	}
}

func (r Redirect) check(at path, report *Faults) {
	if !redirectFrom.MatchString(r.From) {
		report.add(at.field("From"), r.From, `a path such as "/archiv" or "/archiv/*"`, "write it as browsers send it, without host and query")
	}
	if !redirectTo.MatchString(r.To) || strings.HasPrefix(r.To, "//") {
		report.add(at.field("To"), r.To, `a path of the same site such as "/events"`, "redirects to other sites are not ours to make")
	}
	if strings.HasSuffix(r.To, "*") && !strings.HasSuffix(r.From, "*") {
		report.add(at.field("To"), r.To, `no "*" at its end`, `nothing stands for it: From has no "*"`)
	}
}

// redirected says where the redirects lead a path, the way the function at the edge does: whole paths first, then the
// longest pattern.
func (e Edge) redirected(target string) (string, bool) {
	target, _, _ = strings.Cut(target, "?")
	target, _, _ = strings.Cut(target, "#")
	target = strings.ToLower(strings.TrimSuffix(target, "*"))
	for _, redirect := range e.Redirects {
		if from := strings.ToLower(redirect.From); target == from || target == from+"/" {
			return redirect.To, true
		}
	}
	best := Redirect{}
	for _, redirect := range e.Redirects {
		start, pattern := strings.CutSuffix(redirect.From, "*")
		if pattern && strings.HasPrefix(target, strings.ToLower(start)) && len(redirect.From) > len(best.From) {
			best = redirect
		}
	}
	return best.To, best.From != ""
}

// signIn is where the frontend signs people in: BATbern's users are kept in Amazon Cognito.
func signIn(region string) []string {
	return []string{"https://cognito-idp." + region + ".amazonaws.com"}
}
