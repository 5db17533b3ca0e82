package cost

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/batbern/infrastructure/internal/tree"
)

// service prices the tasks that a service keeps running. A task's size covers its sidecars; where a scaling target
// exists its minimum counts, since that is where an idle service rests.
func service(m *meter) {
	task := m.stack.TaskOf(m.Resource)
	if task == nil {
		m.fault("%s: task_definition names no task definition of the stack, so its size is unknown", m.Address())
		return
	}
	count := m.taskCount()
	spot := m.spotTasks(count)
	h := m.assume.TaskHoursPerMonth
	m.fargate(task, count-spot, h, "on demand", "fargate.")
	m.fargate(task, spot, h, "Spot", "fargate.spot.")
	if m.Bool("network_configuration.assign_public_ip") {
		m.add("public IPv4 addresses", "ipv4.hour", stated(count*h, times(count, "task")+" × "+plain(h)+" h"))
	}
}

// fargate bills the vCPUs, memory and storage above 20 GB of a number of tasks.
func (m *meter) fargate(task *tree.Resource, tasks, hours float64, how, key string) {
	if tasks == 0 {
		return
	}
	arch := "x86"
	if task.String("runtime_platform.cpu_architecture") == "ARM64" {
		arch = "arm"
	}
	cpu, memory := m.numberOf(task, "cpu", 0)/1024, m.numberOf(task, "memory", 0)/1024
	if cpu == 0 || memory == 0 {
		m.fault("%s: a Fargate task must state cpu and memory", task.Address())
		return
	}
	basis := func(size float64, unit string) quantity {
		return stated(tasks*size*hours, fmt.Sprintf("%s × %s %s × %s h", times(tasks, "task"), plain(size), unit, plain(hours)))
	}
	m.add("Fargate vCPU "+how, key+arch+".vcpu_hour", basis(cpu, "vCPU"))
	m.add("Fargate memory "+how, key+arch+".gb_hour", basis(memory, "GB"))
	if extra := m.numberOf(task, "ephemeral_storage.size_in_gib", 20) - 20; extra > 0 {
		m.add("Fargate storage", "fargate.storage.gb_hour", basis(extra, "GB above 20"))
	}
}

// taskCount is the minimum of the service's scaling target, or else its desired count.
func (m *meter) taskCount() float64 {
	if target := m.stack.ScalingOf(m.Resource); target != nil {
		return m.numberOf(target, "min_capacity", 0)
	}
	return m.number("desired_count", 1)
}

// spotTasks splits the tasks by the capacity provider strategy, as ECS does: first the bases, the rest by weight.
func (m *meter) spotTasks(count float64) float64 {
	strategy := m.List("capacity_provider_strategy")
	if len(strategy) == 0 {
		strategy = m.clusterStrategy()
	}
	var spot, bases, weights float64
	for _, entry := range strategy {
		weights += strategyNumber(entry, "weight")
	}
	for _, entry := range strategy {
		base := min(strategyNumber(entry, "base"), count-bases)
		bases += base
		if isSpot(entry) {
			spot += base
		}
	}
	for _, entry := range strategy {
		if isSpot(entry) && weights > 0 {
			spot += (count - bases) * strategyNumber(entry, "weight") / weights
		}
	}
	return spot
}

func strategyNumber(entry any, key string) float64 {
	object, _ := entry.(map[string]any)
	n, _ := object[key].(float64)
	return n
}

func isSpot(entry any) bool {
	object, _ := entry.(map[string]any)
	return object["capacity_provider"] == "FARGATE_SPOT"
}

// clusterStrategy is the cluster's default, which counts for a service that states neither strategy nor launch type.
func (m *meter) clusterStrategy() []any {
	if m.String("launch_type") != "" {
		return nil
	}
	on := first(m.Resource, "cluster", "aws_ecs_cluster")
	for _, providers := range m.stack.OfType("aws_ecs_cluster_capacity_providers") {
		if on != nil && slices.Contains(providers.Refers("cluster_name"), on) {
			return providers.List("default_capacity_provider_strategy")
		}
	}
	return nil
}

// oneShotTask prices definitions that no service keeps running, such as migrations. Those of services are priced there.
func oneShotTask(m *meter) {
	if m.stack.RunsAsService(m.Resource) {
		return
	}
	before := len(m.lines)
	m.fargate(m.Resource, 1, m.assume.OneShotTaskHours, "one-shot", "fargate.")
	for i := before; i < len(m.lines); i++ {
		m.lines[i].AssumedUsage = true
	}
}

// Metrics that Container Insights publishes for each thing it watches, by AWS's pricing examples.
const (
	insightsCluster  = 8
	insightsService  = 11
	insightsFamily   = 6
	insightsEnhanced = 20 // of each cluster, service, family, task and container
)

// cluster itself is free; Container Insights is billed by the metrics it publishes.
func cluster(m *meter) {
	mode := ""
	for i := range m.List("setting") {
		if m.String(fmt.Sprintf("setting.%d.name", i)) == "containerInsights" {
			mode = m.String(fmt.Sprintf("setting.%d.value", i))
		}
	}
	services, families, tasks, containers := m.runningOn()
	switch mode {
	case "enabled":
		n := insightsCluster + insightsService*services + insightsFamily*families
		m.add("Container Insights", "cloudwatch.metric", stated(n, times(n, "metric")+" of "+times(services, "service")))
	case "enhanced":
		n := insightsEnhanced * (1 + services + families + tasks + containers)
		m.add("Container Insights enhanced", "cloudwatch.insights_metric", stated(n, times(n, "metric")+" of "+times(services, "service")+", "+times(tasks, "task")))
	}
}

// runningOn counts what runs on the cluster.
func (m *meter) runningOn() (services, families, tasks, containers float64) {
	seen := map[*tree.Resource]bool{}
	for _, s := range m.stack.OfType("aws_ecs_service") {
		if !slices.Contains(s.Refers("cluster"), m.Resource) {
			continue
		}
		of := &meter{Resource: s, stack: m.stack, assume: m.assume}
		count := of.taskCount()
		services++
		tasks += count
		if task := m.stack.TaskOf(s); task != nil {
			containers += count * float64(containersOf(task))
			if !seen[task] {
				seen[task] = true
				families++
			}
		}
		m.faults = append(m.faults, of.faults...)
	}
	return services, families, tasks, containers
}

// containersOf counts the containers of a definition; one where the JSON is known only to Terraform.
func containersOf(task *tree.Resource) int {
	var containers []any
	if err := json.Unmarshal([]byte(task.String("container_definitions")), &containers); err != nil || len(containers) == 0 {
		return 1
	}
	return len(containers)
}

func repository(m *meter) {
	m.add("image storage", "ecr.gb", assumed(m.assume.RegistryGb, gb(m.assume.RegistryGb, "in each repository")))
}

// registryScanning bills Inspector for enhanced scanning; basic scanning is free.
func registryScanning(m *meter) {
	if m.String("scan_type") != "ENHANCED" {
		return
	}
	images := m.assume.RegistryPushes * float64(len(m.stack.OfType("aws_ecr_repository")))
	m.add("image scans", "inspector.image", assumed(images, times(m.assume.RegistryPushes, "image")+" pushed to each repository"))
	m.add("image rescans", "inspector.rescan", assumed(images*30, times(m.assume.RegistryPushes, "image")+" of each repository rescanned daily"))
}

func function(m *meter) {
	a := m.assume
	arch := "x86"
	if slices.Contains(m.List("architectures"), any("arm64")) {
		arch = "arm"
	}
	memory := m.number("memory_size", 128) / 1024
	m.add("function calls", "lambda.requests", assumed(a.FunctionCallsThousand/1000, fmt.Sprintf("%s thousand calls of each function", plain(a.FunctionCallsThousand))))
	m.add("function duration", "lambda."+arch+".gb_second", assumed(a.FunctionCallsThousand*a.FunctionMilliseconds*memory, fmt.Sprintf("%s thousand calls of each function of %s ms", plain(a.FunctionCallsThousand), plain(a.FunctionMilliseconds))))
}

func queue(m *meter) {
	m.add("queue requests", "sqs.requests", assumed(m.assume.QueueRequestsMillion, million(m.assume.QueueRequestsMillion, "requests to each queue")))
}

func topic(m *meter) {
	n := m.assume.NotificationsThousand
	m.add("publishes", "sns.publish", assumed(n/1000, fmt.Sprintf("%s thousand notifications of each topic", plain(n))))
	m.add("e-mails", "sns.email", assumed(n/100, fmt.Sprintf("%s thousand notifications of each topic", plain(n))))
}

func eventBus(m *meter) {
	m.add("custom events", "events.custom", assumed(m.assume.CustomEventsMillion, million(m.assume.CustomEventsMillion, "events on each custom bus")))
}

func schedule(m *meter) {
	runs := m.runs("schedule_expression")
	m.add("scheduled calls", "scheduler.invocations", stated(runs/1e6, times(runs, "run")))
}
