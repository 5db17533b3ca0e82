package config

import (
	"fmt"
	"slices"
	"strings"
)

// Service is one of BATbern's Spring Boot services on ECS Fargate.
type Service struct {
	// Name stands in ECS, ECR, DNS and log groups: lower case, digits and hyphens, 2 to 24 characters.
	Name string `validate:"required,max=24,servicename"`
	// Port is where the container listens.
	Port int `validate:"min=1024,max=65535"`
	// HealthPath answers 200 when the service can take requests.
	HealthPath string `validate:"required,startswith=/"`
	// Cpu is in CPU units (1024 is one vCPU); with MemoryMiB it must be one of Fargate's pairs.
	Cpu       int
	MemoryMiB int
	Scaling   Scaling
}

// Scaling bounds how many tasks of a service run.
type Scaling struct {
	MinTasks     int `validate:"min=0"`
	DesiredTasks int `validate:"min=0"`
	MaxTasks     int `validate:"min=1"`
	// TargetCpuPercent is the mean CPU use that target tracking aims at.
	TargetCpuPercent int `validate:"min=10,max=90"`
}

// fargateMemory are the memory sizes in MiB that Fargate takes with each CPU size.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
var fargateMemory = map[int][]int{
	256:   {512, 1024, 2048},
	512:   steps(1024, 4096, 1024),
	1024:  steps(2048, 8192, 1024),
	2048:  steps(4096, 16384, 1024),
	4096:  steps(8192, 30720, 1024),
	8192:  steps(16384, 61440, 4096),
	16384: steps(32768, 122880, 8192),
}

func steps(from, to, by int) []int {
	var sizes []int
	for size := from; size <= to; size += by {
		sizes = append(sizes, size)
	}
	return sizes
}

func (s Service) check(at path, report *Faults) {
	memory, known := fargateMemory[s.Cpu]
	switch {
	case !known:
		var sizes []int
		for cpu := range fargateMemory {
			sizes = append(sizes, cpu)
		}
		slices.Sort(sizes)
		report.add(at.field("Cpu"), s.Cpu, list(sizes), "Fargate has no other sizes")
	case !slices.Contains(memory, s.MemoryMiB):
		report.add(at.field("MemoryMiB"), s.MemoryMiB, list(memory), fmt.Sprintf("Fargate takes no other with Cpu %d", s.Cpu))
	}
	if s.Scaling.MinTasks > s.Scaling.DesiredTasks || s.Scaling.DesiredTasks > s.Scaling.MaxTasks {
		found := fmt.Sprintf("%d, %d, %d", s.Scaling.MinTasks, s.Scaling.DesiredTasks, s.Scaling.MaxTasks)
		report.add(at.field("Scaling"), found, "MinTasks <= DesiredTasks <= MaxTasks", "put the three in order")
	}
}

func list(numbers []int) string {
	words := make([]string, len(numbers))
	for i, number := range numbers {
		words[i] = fmt.Sprint(number)
	}
	return strings.Join(words, ", ")
}

// services are BATbern's services with the sizes of development; environments scale them up.
func services() []Service {
	service := func(name string, port int) Service {
		return Service{
			Name:       name,
			Port:       port,
			HealthPath: "/actuator/health",
			Cpu:        256,
			MemoryMiB:  512,
			Scaling:    Scaling{MinTasks: 1, DesiredTasks: 1, MaxTasks: 2, TargetCpuPercent: 70},
		}
	}
	return []Service{
		service("api-gateway", 8080),
		service("attendee-experience", 8084),
		service("event-management", 8081),
		service("partner-analytics", 8083),
		service("speaker-coordination", 8082),
	}
}

// scaled gives all services the same bounds.
func scaled(services []Service, scaling Scaling) []Service {
	for i := range services {
		services[i].Scaling = scaling
	}
	return services
}
