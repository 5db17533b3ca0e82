package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Api is the entry to an environment's services: an HTTP API on api.<root>.
type Api struct {
	// RequestsPerSecond and BurstRequests throttle all callers together, by API Gateway's token bucket: the bill's limit. One
	// client is limited by Firewall. A region's account
	// has 10000 and 5000 at most unless AWS raises them.
	RequestsPerSecond int `validate:"min=1,max=10000"`
	BurstRequests     int `validate:"min=1,max=5000"`
	// CorsOrigins are the web origins besides the environment's own frontend whose pages may call the API
	// ("http://localhost:5173"). "*" allows every page; production refuses it.
	CorsOrigins []string `validate:"unique"`
	// Jwt checks tokens before a request reaches a service; nil leaves that to the services.
	Jwt *Jwt
	// PublicRoutes need no token where Jwt is set: "GET /api/v1/events". API Gateway's route keys.
	PublicRoutes []string `validate:"unique,dive,routekey"`
	// Firewall limits each client and refuses known attacks, between API Gateway and the services.
	Firewall Firewall
	// LogRetentionDays is how long access logs are kept. They hold addresses of people.
	LogRetentionDays int `validate:"logretention"`
}

// Jwt says whose tokens the API takes.
type Jwt struct {
	// Issuer is the URL that stands in the tokens and below which the issuer publishes its keys.
	Issuer string `validate:"required,http_url,startswith=https://"`
	// Audience are the clients whose tokens count.
	Audience []string `validate:"required,unique"`
}

// anyOrigin allows every page.
const anyOrigin = "*"

func (a Api) check(at path, report *Faults) {
	for _, origin := range a.CorsOrigins {
		if origin != anyOrigin && !isOrigin(origin) {
			report.add(at.field("CorsOrigins"), origin, `an origin, scheme and host and port alone: "https://www.example.org"`,
				"remove path and trailing slash")
		}
	}
	if a.Jwt == nil && len(a.PublicRoutes) > 0 {
		report.add(at.field("PublicRoutes"), strings.Join(a.PublicRoutes, ", "), "none without Jwt", "remove them, or set Jwt: without it every route is public")
	}
	if slices.Contains(a.CorsOrigins, anyOrigin) && len(a.CorsOrigins) > 1 {
		report.add(at.field("CorsOrigins"), strings.Join(a.CorsOrigins, ", "), `"*" alone, or origins`, `remove "*", or all others`)
	}
	const routesPerApi = 300
	if routes := len(a.PublicRoutes) + 2; routes > routesPerApi {
		report.add(at.field("PublicRoutes"), fmt.Sprintf("%d routes", routes), fmt.Sprintf("%d: the quota \"Routes per API\"", routesPerApi),
			"join routes with a {proxy+}")
	}
}

func isOrigin(text string) bool {
	parsed, err := url.Parse(text)
	return err == nil && (parsed.Scheme == "https" || parsed.Scheme == "http") && parsed.Host != "" && text == parsed.Scheme+"://"+parsed.Host
}
