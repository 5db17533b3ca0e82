package policies_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/constructs/observability"
)

// order is a pair of timeouts of which the first has to be shorter than the second, and what happens otherwise.
type order struct {
	shorter, longer string
	// equal allows the two to be the same.
	equal       bool
	consequence string
}

// orders hold in every environment. The names are those of timeouts below.
var orders = []order{
	{"API Gateway integration", "load balancer idle", false, "the load balancer closes the connection of a request that is still being answered"},
	{"load balancer idle", "Tomcat keep-alive", false, "the target closes a connection on which the load balancer is sending: sporadic 502"},
	{"load balancer idle", "Netty idle", false, "the target closes a connection on which the load balancer is sending: sporadic 502"},
	{"API Gateway integration", "deregistration delay", true, "a leaving target's requests are cut off"},
	{"API Gateway integration", "graceful shutdown", false, "a stopping service cuts off its requests"},
	{"graceful shutdown", "container stop", false, "ECS kills the service before its shutdown ends"},
	{"deregistration delay and container stop", "Spot notice", false, "Fargate Spot takes the task away before it has finished"},
	{"target check timeout", "target check interval", false, "the load balancer refuses the health check"},
	{"probe request", "probe timeout", false, "the probe is killed before it can report"},
	{"probe timeout", "probe interval", false, "probes overlap"},
	{"probe start period", "health check grace", true, "ECS replaces a task that is still starting"},
	{"pool connect", "API Gateway integration", false, "API Gateway gives up before the service can report that the database is busy"},
	{"proxy borrow", "API Gateway integration", false, "API Gateway gives up before the service can report that the database is busy"},
	{"pool connection life", "proxy idle client", false, "the pool hands out a connection that RDS Proxy has closed"},
	{"canary visit", "canary run", false, "the canary is killed before it can report"},
	{"migration task stop", "Fargate stop", false, "Fargate refuses the stop timeout"},
	{"function", "Lambda", true, "Lambda refuses the timeout"},
}

// timeouts are the values of a stack by name: all of them, where each service or function has its own.
func timeouts(t *testing.T, stack *testkit.Stack) map[string][]time.Duration {
	t.Helper()
	out := map[string][]time.Duration{
		"Spot notice":  {2 * time.Minute}, // AWS, "Fargate Spot termination notices"
		"Fargate stop": {2 * time.Minute}, // AWS, "Task definition parameters for Fargate": stopTimeout
		"Lambda":       {15 * time.Minute},
	}
	add := func(name string, unit time.Duration, value any) {
		number, err := strconv.ParseFloat(fmt.Sprint(value), 64)
		if err != nil {
			t.Fatalf("%s: %s is %v", stack.Name, name, value)
		}
		out[name] = append(out[name], time.Duration(number*float64(unit)))
	}
	for _, r := range stack.Resources("aws_apigatewayv2_integration") {
		add("API Gateway integration", time.Millisecond, r.Body["timeout_milliseconds"])
	}
	for _, r := range stack.Resources("aws_lb") {
		add("load balancer idle", time.Second, r.Body["idle_timeout"])
	}
	for _, r := range stack.Resources("aws_lb_target_group") {
		check := r.Body["health_check"].(map[string]any)
		add("deregistration delay", time.Second, r.Body["deregistration_delay"])
		add("target check timeout", time.Second, check["timeout"])
		add("target check interval", time.Second, check["interval"])
	}
	for _, r := range stack.Resources("aws_ecs_service") {
		add("health check grace", time.Second, r.Body["health_check_grace_period_seconds"])
	}
	for _, r := range stack.Resources("aws_db_proxy") {
		add("proxy idle client", time.Second, r.Body["idle_client_timeout"])
	}
	for _, r := range stack.Resources("aws_db_proxy_default_target_group") {
		add("proxy borrow", time.Second, r.Body["connection_pool_config"].(map[string]any)["connection_borrow_timeout"])
	}
	for _, r := range stack.Resources("aws_lambda_function") {
		add("function", time.Second, r.Body["timeout"])
	}
	for _, r := range stack.Resources("aws_synthetics_canary") {
		add("canary run", time.Second, r.Body["run_config"].(map[string]any)["timeout_in_seconds"])
	}
	if set := regexp.MustCompile(`VISIT_MILLISECONDS \|\| "([0-9]+)"`).FindStringSubmatch(observability.CanaryScript); set != nil {
		add("canary visit", time.Millisecond, set[1])
	}
	taskTimeouts(t, stack, add)
	for _, delay := range out["deregistration delay"] {
		for _, stop := range out["container stop"] {
			out["deregistration delay and container stop"] = append(out["deregistration delay and container stop"], delay+stop)
		}
	}
	return out
}

func taskTimeouts(t *testing.T, stack *testkit.Stack, add func(string, time.Duration, any)) {
	t.Helper()
	variables := map[string]struct {
		name string
		unit time.Duration
	}{
		"SERVER_TOMCAT_KEEPALIVETIMEOUT":             {"Tomcat keep-alive", time.Second},
		"SERVER_NETTY_IDLETIMEOUT":                   {"Netty idle", time.Second},
		"SPRING_LIFECYCLE_TIMEOUTPERSHUTDOWNPHASE":   {"graceful shutdown", time.Second},
		"SPRING_DATASOURCE_HIKARI_CONNECTIONTIMEOUT": {"pool connect", time.Millisecond},
		"SPRING_DATASOURCE_HIKARI_MAXLIFETIME":       {"pool connection life", time.Millisecond},
	}
	for _, task := range stack.Resources("aws_ecs_task_definition") {
		var containers []struct {
			Name        string
			StopTimeout float64
			Environment []struct{ Name, Value string }
			HealthCheck *struct {
				Command                        []string
				Interval, Timeout, StartPeriod float64
			}
		}
		if err := json.Unmarshal([]byte(task.Text("container_definitions")), &containers); err != nil {
			t.Fatal(err)
		}
		for _, c := range containers {
			if strings.HasPrefix(task.Path, "migration/") {
				add("migration task stop", time.Second, c.StopTimeout)
				continue
			}
			add("container stop", time.Second, c.StopTimeout)
			for _, variable := range c.Environment {
				if known, ok := variables[variable.Name]; ok {
					add(known.name, known.unit, strings.TrimSuffix(variable.Value, "s"))
				}
			}
			if check := c.HealthCheck; check != nil {
				add("probe timeout", time.Second, check.Timeout)
				add("probe interval", time.Second, check.Interval)
				add("probe start period", time.Second, check.StartPeriod)
				if i := slices.Index(check.Command, "-T"); i > 0 {
					add("probe request", time.Second, check.Command[i+1])
				}
			}
		}
	}
}

// timeoutFaults are the orders that a stack's timeouts break.
func timeoutFaults(values map[string][]time.Duration) []string {
	var faults []string
	for _, order := range orders {
		if len(values[order.shorter]) == 0 || len(values[order.longer]) == 0 {
			continue
		}
		short, long := slices.Max(values[order.shorter]), slices.Min(values[order.longer])
		if short > long || short == long && !order.equal {
			faults = append(faults, fmt.Sprintf("%s is %v, %s is %v: %s", order.shorter, short, order.longer, long, order.consequence))
		}
	}
	return faults
}

// Timeouts on the way of a request, of a stopping task and of a connection are in the order that each pair needs.
func TestTimeoutsAreInOrder(t *testing.T) {
	judged := map[string]bool{}
	for _, stack := range testkit.Environments(t) {
		values := timeouts(t, stack)
		for name := range values {
			judged[name] = true
		}
		for _, fault := range timeoutFaults(values) {
			t.Errorf("%s: %s", stack.Name, fault)
		}
	}
	for _, order := range orders {
		for _, name := range []string{order.shorter, order.longer} {
			if !judged[name] {
				t.Errorf("no stack sets the timeout %q, so its order is not judged", name)
			}
		}
	}
}

// Each order is broken in turn, and found for its own reason.
func TestPlantedTimeoutsAreFound(t *testing.T) {
	stack := testkit.Environments(t)[len(testkit.Environments(t))-1]
	for _, broken := range orders {
		values := timeouts(t, stack)
		if len(values[broken.longer]) == 0 {
			t.Errorf("%s does not set %s", stack.Name, broken.longer)
			continue
		}
		values[broken.shorter] = append(slices.Clone(values[broken.shorter]), slices.Min(values[broken.longer]))
		if broken.equal {
			values[broken.shorter] = append(values[broken.shorter], slices.Min(values[broken.longer])+time.Second)
		}
		if faults := timeoutFaults(values); !slices.ContainsFunc(faults, func(f string) bool { return strings.HasSuffix(f, broken.consequence) }) {
			t.Errorf("%s as long as %s was not found: %v", broken.shorter, broken.longer, faults)
		}
	}
}
