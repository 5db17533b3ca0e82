package policies_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
)

// createServiceFaults are the reasons for which ECS would refuse CreateService, or start no task of the service. Neither
// Terraform's plan nor an emulator knows them.
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
func createServiceFaults(stack *testkit.Stack, service testkit.Resource) []string {
	var faults []string
	fault := func(ok bool, format string, values ...any) {
		if !ok {
			faults = append(faults, fmt.Sprintf(format, values...))
		}
	}
	waitsFor := fmt.Sprint(service.Body["depends_on"])
	task, found := referenced(stack, "aws_ecs_task_definition", service.Text("task_definition"))
	if !found {
		return []string{"no task definition of the stack is " + service.Text("task_definition")}
	}
	var containers []struct {
		Name         string
		PortMappings []struct {
			Name          string
			ContainerPort float64
		}
		LogConfiguration struct{ LogDriver string }
		ReadonlyRoot     bool `json:"readonlyRootFilesystem"`
	}
	if err := json.Unmarshal([]byte(task.Text("container_definitions")), &containers); err != nil {
		return []string{err.Error()}
	}
	// AWS, "Using Amazon ECS Exec": a task role is required
	fault(service.Body["enable_execute_command"] != true || task.Text("task_role_arn") != "", "Exec without a task role on %s", task.Path)
	fault(task.Text("execution_role_arn") != "", "no execution role on %s, which logs by awslogs", task.Path)
	fault(task.Text("network_mode") != "awsvpc" || service.Body["network_configuration"] != nil, "awsvpc without a network configuration")
	fault(service.Body["launch_type"] == nil || service.Body["capacity_provider_strategy"] == nil, "a launch type beside a capacity provider strategy")
	for _, providers := range stack.Resources("aws_ecs_cluster_capacity_providers") {
		fault(strings.Contains(waitsFor, providers.Address()), "does not wait for the cluster's capacity providers")
	}
	for _, balancer := range list(service.Body["load_balancer"]) {
		target := balancer.(map[string]any)
		mapped := false
		for _, c := range containers {
			for _, port := range c.PortMappings {
				mapped = mapped || c.Name == target["container_name"] && port.ContainerPort == target["container_port"]
			}
		}
		fault(mapped, "no container %v with port %v in %s", target["container_name"], target["container_port"], task.Path)
		rules := 0
		for _, rule := range stack.Resources("aws_lb_listener_rule") {
			if strings.Contains(fmt.Sprint(rule.Body["action"]), fmt.Sprint(target["target_group_arn"])) {
				rules++
				fault(strings.Contains(waitsFor, rule.Address()), "does not wait for %s, without which its target group has no load balancer", rule.Path)
			}
		}
		fault(rules > 0, "no listener rule forwards to %v", target["target_group_arn"])
	}
	fault(len(list(service.Body["load_balancer"])) > 0 || service.Body["health_check_grace_period_seconds"] == nil, "a health check grace period without a load balancer")
	connect, _ := service.Body["service_connect_configuration"].(map[string]any)
	for _, entry := range list(connect["service"]) {
		name := entry.(map[string]any)["port_name"]
		named := false
		for _, c := range containers {
			for _, port := range c.PortMappings {
				named = named || port.Name == name
			}
		}
		fault(named, "Service Connect names port %v, which %s does not", name, task.Path)
	}
	return faults
}

func list(value any) []any {
	items, _ := value.([]any)
	return items
}

// referenced is the resource whose ARN an argument refers to.
func referenced(stack *testkit.Stack, typ, reference string) (testkit.Resource, bool) {
	for _, resource := range stack.Resources(typ) {
		if reference == "${"+resource.Address()+".arn}" {
			return resource, true
		}
	}
	return testkit.Resource{}, false
}

// ECS accepts every service as it is first applied, with the placeholder's task definition.
func TestServicesMeetWhatECSRequires(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		services := stack.Resources("aws_ecs_service")
		if len(services) == 0 {
			t.Fatalf("%s has no ECS service", stack.Name)
		}
		for _, service := range services {
			for _, fault := range createServiceFaults(stack, service) {
				t.Errorf("%s: %s: %s", stack.Name, service.Path, fault)
			}
			// the template replaces the placeholder at the first rollout, and has to meet the same
			template := service
			template.Body = maps.Clone(service.Body)
			definition := stack.Resource(t, "aws_ecs_task_definition", strings.TrimSuffix(service.Path, "/service")+"/template")
			template.Body["task_definition"] = "${" + definition.Address() + ".arn}"
			for _, fault := range createServiceFaults(stack, template) {
				t.Errorf("%s: %s with its template: %s", stack.Name, service.Path, fault)
			}
		}
	}
}

func TestPlantedServiceFaultsAreFound(t *testing.T) {
	stack := testkit.StackNamed(t, "batbern-dev")
	service := stack.Resources("aws_ecs_service")[0]
	task, _ := referenced(stack, "aws_ecs_task_definition", service.Text("task_definition"))
	for wanted, plant := range map[string]func(service, task map[string]any){
		"Exec without a task role":           func(_, task map[string]any) { delete(task, "task_role_arn") },
		"no execution role":                  func(_, task map[string]any) { delete(task, "execution_role_arn") },
		"without a network configuration":    func(service, _ map[string]any) { delete(service, "network_configuration") },
		"a launch type beside":               func(service, _ map[string]any) { service["launch_type"] = "FARGATE" },
		"the cluster's capacity providers":   func(service, _ map[string]any) { service["depends_on"] = []any{} },
		"does not wait for load_balancer/":   func(service, _ map[string]any) { service["depends_on"] = []any{} },
		"a health check grace period":        func(service, _ map[string]any) { delete(service, "load_balancer") },
		"no container app with port":         func(_, task map[string]any) { task["container_definitions"] = "[]" },
		"Service Connect names port http":    func(_, task map[string]any) { task["container_definitions"] = "[]" },
		"no task definition of the stack is": func(service, _ map[string]any) { service["task_definition"] = "arn:other" },
		"no listener rule forwards to": func(service, _ map[string]any) {
			service["load_balancer"] = []any{map[string]any{"container_name": "app", "container_port": 8080.0, "target_group_arn": "arn:other"}}
		},
	} {
		before, beforeTask := maps.Clone(service.Body), maps.Clone(task.Body)
		plant(service.Body, task.Body)
		faults := createServiceFaults(stack, service)
		clear(service.Body)
		maps.Copy(service.Body, before)
		clear(task.Body)
		maps.Copy(task.Body, beforeTask)
		if !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, wanted) }) {
			t.Errorf("planted %q, found %q", wanted, faults)
		}
	}
}
