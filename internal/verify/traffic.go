package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/batbern/infrastructure/internal/tree"
)

// reply is what an HTTPS request returned.
type reply struct {
	code   int
	header http.Header
	body   string
}

// shownBody is how much of a body is read: enough to recognize an error that AWS itself wrote.
const shownBody = 4 << 10

func (w *World) get(ctx context.Context, url string) (reply, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return reply{}, err
	}
	response, err := w.HTTP.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, shownBody))
	return reply{response.StatusCode, response.Header, string(body)}, err
}

// askAPI requests one path of each service. What the service answers is its own affair, 401 as well: only what API
// Gateway or the load balancer writes in its place is a fault.
func askAPI(ctx context.Context, w *World) (answer, error) {
	var a answer
	services := 0
	for _, service := range w.Stack.OfType("aws_ecs_service") {
		url := publicURL(w.Stack, service)
		if url == "" {
			continue
		}
		services++
		name := service.String("name")
		got, err := w.get(ctx, url)
		switch {
		case ctx.Err() != nil:
			return a, ctx.Err()
		case err != nil:
			a.fault("%s does not answer: %s", name, firstLine(err))
		case got.code >= 500 || got.code == http.StatusBadRequest:
			a.fault("%s answers %d", name, got.code)
		case writtenByAWS(w.Stack, got):
			a.fault("%s is not reached: %d %s", name, got.code, strings.TrimSpace(got.body))
		}
	}
	a.seen = fmt.Sprintf("%d services answered", services)
	return a, nil
}

// publicURL returns an address that the load balancer forwards to the service, or "" if the API has none.
func publicURL(s *tree.Stack, service *tree.Resource) string {
	targets := service.Refers("load_balancer")
	for _, rule := range s.OfType("aws_lb_listener_rule") {
		forwards := rule.Refers("action")
		if len(targets) == 0 || !slices.Contains(forwards, targets[0]) {
			continue
		}
		var host, file string
		for i := range rule.List("condition") {
			at := fmt.Sprintf("condition.%d.", i)
			if hosts := texts(rule.List(at + "host_header.values")); len(hosts) > 0 {
				host = hosts[0]
			}
			if paths := texts(rule.List(at + "path_pattern.values")); len(paths) > 0 {
				file = paths[0]
			}
		}
		if host != "" && file != "" {
			return "https://" + host + strings.TrimSuffix(strings.TrimSuffix(file, "*"), "/")
		}
	}
	return ""
}

// writtenByAWS returns whether API Gateway, or the load balancer's default action, wrote the answer. AWS, "Troubleshooting
// issues with HTTP API": API Gateway's own bodies are a single "message".
func writtenByAWS(s *tree.Stack, got reply) bool {
	for _, listener := range s.OfType("aws_lb_listener") {
		fixed := "default_action.0.fixed_response."
		if body := listener.String(fixed + "message_body"); body != "" && strings.TrimSpace(got.body) == body &&
			listener.String(fixed+"status_code") == fmt.Sprint(got.code) {
			return true
		}
	}
	var gateway map[string]string
	if json.Unmarshal([]byte(got.body), &gateway) != nil || len(gateway) != 1 {
		return false
	}
	return got.code == http.StatusNotFound && gateway["message"] == "Not Found" ||
		got.code == http.StatusForbidden && gateway["message"] == "Forbidden"
}

// askSite requests every alias of every distribution. One that rewrites requests serves pages and must answer 200 (after
// redirects). One that does not serves files, and is proven by any answer that came through CloudFront.
func askSite(ctx context.Context, w *World) (answer, error) {
	var a answer
	var seen []string
	for _, distribution := range w.Stack.OfType("aws_cloudfront_distribution") {
		pages := len(distribution.List("default_cache_behavior.function_association")) > 0
		for _, alias := range texts(distribution.List("aliases")) {
			got, err := w.get(ctx, "https://"+alias+"/")
			switch {
			case ctx.Err() != nil:
				return a, ctx.Err()
			case err != nil:
				a.fault("%s does not answer: %s", alias, firstLine(err))
			case got.header.Get("X-Amz-Cf-Id") == "": // AWS, "Response headers": CloudFront adds it to every answer
				a.fault("%s answers %d, but not through CloudFront", alias, got.code)
			case pages && got.code != http.StatusOK, got.code >= 500:
				a.fault("%s answers %d", alias, got.code)
			default:
				seen = append(seen, fmt.Sprintf("%s %d", alias, got.code))
			}
		}
	}
	a.seen = strings.Join(seen, ", ")
	return a, nil
}

// askTasks compares running with desired tasks. Zero desired tasks are right where a schedule stops them at night.
func askTasks(ctx context.Context, w *World) (answer, error) {
	var a answer
	running := int32(0)
	services := w.Stack.OfType("aws_ecs_service")
	for _, service := range services {
		cluster, ok := literal(service, "cluster")
		name := service.String("name")
		if !ok {
			return a, fmt.Errorf("service %s: the cluster has no literal name", name)
		}
		described, err := ecs.NewFromConfig(w.in(service)).DescribeServices(ctx,
			&ecs.DescribeServicesInput{Cluster: aws.String(cluster), Services: []string{name}})
		if err != nil {
			return a, err
		}
		if len(described.Services) == 0 {
			a.fault("%s does not exist", name)
			continue
		}
		found := described.Services[0]
		running += found.RunningCount
		switch {
		case aws.ToString(found.Status) != "ACTIVE":
			a.fault("%s is %s", name, aws.ToString(found.Status))
		case found.RunningCount < found.DesiredCount:
			a.fault("%s runs %d of %d tasks", name, found.RunningCount, found.DesiredCount)
		}
	}
	a.seen = fmt.Sprintf("%d tasks of %d services", running, len(services))
	return a, nil
}

// askTargets wants one healthy target in each pair of target groups: a deployment moves them from blue to green.
func askTargets(ctx context.Context, w *World) (answer, error) {
	healthy := map[string]int{}
	unhealthy := map[string][]string{}
	for _, group := range w.Stack.OfType("aws_lb_target_group") {
		service := path.Base(path.Dir(group.Path))
		healthy[service] += 0
		client := elb.NewFromConfig(w.in(group))
		groups, err := client.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{Names: []string{group.String("name")}})
		if err != nil {
			return answer{}, err
		}
		for _, found := range groups.TargetGroups {
			health, err := client.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: found.TargetGroupArn})
			if err != nil {
				return answer{}, err
			}
			for _, target := range health.TargetHealthDescriptions {
				if target.TargetHealth.State == elbtypes.TargetHealthStateEnumHealthy {
					healthy[service]++
				} else {
					unhealthy[service] = append(unhealthy[service], string(target.TargetHealth.Reason))
				}
			}
		}
	}
	var a answer
	total := 0
	for _, service := range sorted(healthy) {
		total += healthy[service]
		switch reasons := unhealthy[service]; {
		case healthy[service] > 0:
		case len(reasons) > 0:
			a.fault("%s has no healthy target (%s)", service, strings.Join(slices.Compact(reasons), ", "))
		default:
			a.fault("%s has no target", service)
		}
	}
	a.seen = fmt.Sprintf("%d healthy targets for %d services", total, len(healthy))
	return a, nil
}

// certificateReserve is when renewal must have happened. ACM renews 45 days before the end of 198-day certificates;
// AWS, "Managed certificate renewal in AWS Certificate Manager".
const certificateReserve = 30 * 24 * time.Hour

func askCertificates(ctx context.Context, w *World) (answer, error) {
	var a answer
	var seen []string
	for _, certificate := range w.Stack.OfType("aws_acm_certificate") {
		name := certificate.String("domain_name")
		settings := w.in(certificate)
		where := fmt.Sprintf("%s in %s", name, settings.Region)
		statuses := []string{}
		pages := acm.NewListCertificatesPaginator(acm.NewFromConfig(settings), &acm.ListCertificatesInput{})
		issued := false
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return a, err
			}
			for _, found := range page.CertificateSummaryList {
				if aws.ToString(found.DomainName) != name {
					continue
				}
				statuses = append(statuses, string(found.Status))
				if found.Status == "ISSUED" && found.NotAfter != nil && found.NotAfter.Sub(w.Now()) > certificateReserve {
					issued = true
					seen = append(seen, fmt.Sprintf("%s until %s", where, found.NotAfter.Format(time.DateOnly)))
				} else if found.NotAfter != nil {
					statuses = append(statuses, "until "+found.NotAfter.Format(time.DateOnly))
				}
			}
		}
		if !issued && len(statuses) == 0 {
			a.fault("%s does not exist", where)
		} else if !issued {
			a.fault("%s is %s", where, strings.Join(statuses, ", "))
		}
	}
	a.seen = strings.Join(seen, ", ")
	return a, nil
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
