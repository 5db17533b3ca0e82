package resources_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
)

// Schedules move a target's bounds in AWS: a plan has to leave them where they are, and a change of the configured ones
// still has to arrive.
func TestSchedulesAndConfigurationShareTheBounds(t *testing.T) {
	environment := testkit.Project(t).Environments[0]
	scheduled := entry()
	plain := entry()
	plain.Name, plain.Port, plain.Routes, plain.Scaling.Schedules = "bulletin", 8086, []config.Route{{Priority: 510, Paths: []string{"/api/v1/bulletin"}}}, nil
	stack := platform(t, with(with(environment, scheduled), plain))

	bounds := stack.Resource(t, "terraform_data", below(scheduled.Name, "scaling_bounds"))
	if want := map[string]any{"min_capacity": float64(scheduled.Scaling.MinTasks), "max_capacity": float64(scheduled.Scaling.MaxTasks)}; !reflect.DeepEqual(bounds.Body["input"], want) {
		t.Errorf("the bounds are kept as %v, not %v", bounds.Body["input"], want)
	}
	// what AWS deletes together with a target has to be made anew together with it
	made := 0
	for _, resource := range stack.All() {
		if !strings.HasPrefix(resource.Type, "aws_appautoscaling_") || !strings.HasPrefix(resource.Path, "services/"+scheduled.Name+"/") {
			continue
		}
		made++
		lifecycle, _ := resource.Body["lifecycle"].(map[string]any)
		want := map[string]any{"replace_triggered_by": []any{bounds.Address()}}
		if resource.Type == "aws_appautoscaling_target" {
			want["ignore_changes"] = []any{"max_capacity", "min_capacity"}
		}
		if !reflect.DeepEqual(lifecycle, want) {
			t.Errorf("%s: lifecycle %v, not %v", resource.Path, lifecycle, want)
		}
	}
	if made != 3 { // target, policy of the CPU, schedule
		t.Errorf("%d resources scale the service, not 3", made)
	}
	// who has no schedule owns its bounds: nothing is ignored
	for _, resource := range stack.All() {
		if strings.HasPrefix(resource.Path, "services/"+plain.Name+"/") && (resource.Type == "terraform_data" ||
			strings.HasPrefix(resource.Type, "aws_appautoscaling_") && resource.Body["lifecycle"] != nil) {
			t.Errorf("%s: %v", resource.Address(), resource.Body)
		}
	}
}

// Only a change of the bounds changes what the bounds are kept in: another target of the CPU or another schedule
// makes nothing anew.
func TestBoundsAloneMakeATargetAnew(t *testing.T) {
	environment := testkit.Project(t).Environments[0]
	kept := func(change func(*config.Scaling)) string {
		service := entry()
		change(&service.Scaling)
		return fmt.Sprint(platform(t, with(environment, service)).Resource(t, "terraform_data", below(service.Name, "scaling_bounds")).Body["input"])
	}
	before := kept(func(*config.Scaling) {})
	for name, change := range map[string]func(*config.Scaling){
		"another target": func(s *config.Scaling) { s.TargetCpuPercent = 70 },
		"another night":  func(s *config.Scaling) { s.Schedules[0].Cron = "0 21 ? * * *" },
	} {
		if kept(change) != before {
			t.Errorf("%s changes the bounds", name)
		}
	}
	for name, change := range map[string]func(*config.Scaling){
		"another minimum": func(s *config.Scaling) { s.MinTasks = 1 },
		"another maximum": func(s *config.Scaling) { s.MaxTasks = 9 },
	} {
		if kept(change) == before {
			t.Errorf("%s never reaches AWS", name)
		}
	}
}

// The schedules that the project ships end where the configuration begins: after each of them there is one that
// brings exactly the configured bounds back.
func TestSchedulesGiveTheBoundsBack(t *testing.T) {
	for _, environment := range testkit.Project(t).Environments {
		for _, service := range environment.Services {
			back := map[string]bool{}
			for _, schedule := range service.Scaling.Schedules {
				if schedule.MinTasks == service.Scaling.MinTasks && schedule.MaxTasks == service.Scaling.MaxTasks {
					back[schedule.Zone] = true
				}
			}
			for _, schedule := range service.Scaling.Schedules {
				if !back[schedule.Zone] {
					t.Errorf("%s: nothing gives %s its bounds back after %s: %v", environment.Name, service.Name, schedule.Name, slices.Sorted(maps.Keys(back)))
				}
			}
		}
	}
}
