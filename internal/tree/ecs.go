package tree

import (
	"path"
	"slices"
	"strings"
)

// TaskOf is the task definition that an ECS service runs. Where a pipeline says which one runs (the service ignores
// changes of task_definition), that is the largest definition beside the service, since what it starts with is only a
// placeholder. It is nil where the stack has none.
func (s *Stack) TaskOf(service *Resource) *Resource {
	var task *Resource
	for _, to := range service.Refers("task_definition") {
		if to.Type == "aws_ecs_task_definition" {
			task = to
		}
	}
	if !slices.Contains(service.List("lifecycle.ignore_changes"), any("task_definition")) {
		return task
	}
	for _, beside := range s.OfType("aws_ecs_task_definition") {
		if path.Dir(beside.Path) == path.Dir(service.Path) && (task == nil || weight(beside) > weight(task)) {
			task = beside
		}
	}
	return task
}

// RunsAsService says whether a task definition is one that a service runs or starts with.
func (s *Stack) RunsAsService(task *Resource) bool {
	for _, service := range s.OfType("aws_ecs_service") {
		if slices.Contains(service.Refers("task_definition"), task) || path.Dir(service.Path) == path.Dir(task.Path) {
			return true
		}
	}
	return false
}

func weight(task *Resource) float64 {
	cpu, _ := task.Number("cpu", 0)
	memory, _ := task.Number("memory", 0)
	return cpu + memory
}

// ScalingOf is the target that scales an ECS service, nil where nothing does.
func (s *Stack) ScalingOf(service *Resource) *Resource {
	name := service.String("name")
	for _, target := range s.OfType("aws_appautoscaling_target") {
		byName := name != "" && strings.HasSuffix(target.String("resource_id"), "/"+name)
		if slices.Contains(target.Refers("resource_id"), service) || byName {
			return target
		}
	}
	return nil
}
