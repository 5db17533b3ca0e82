package changes_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/config"
)

var update = flag.Bool("update", false, "write testdata")

// change is something that an engineer changes in the configuration of a running environment.
type change struct {
	name  string
	stack string
	apply func(*config.Project)
	// destroys and replaces are parts of addresses that the change is meant to destroy or replace, although they hold
	// data or serve requests.
	destroys, replaces []string
}

func (c change) golden() string {
	return filepath.Join("testdata", c.stack, strings.ReplaceAll(c.name, " ", "-")+".txt")
}

// production edits the configuration of prod.
func production(edit func(*config.Environment)) func(*config.Project) {
	return func(project *config.Project) {
		for n := range project.Environments {
			if project.Environments[n].Name == config.Prod {
				edit(&project.Environments[n])
			}
		}
	}
}

const prod, base = "batbern-prod", "batbern-base"

// newsletter is a service with a database user and a user of the cache.
func newsletter(from config.Service) config.Service {
	service := from
	service.Name, service.DatabaseUser, service.Repository, service.Port = "newsletter", "newsletter_service", "", 8085
	service.Routes = []config.Route{{Priority: 500, Paths: []string{"/api/v1/newsletter"}}}
	service.Secrets, service.Buckets, service.Environment = nil, nil, nil
	return service
}

// withDatabase is the first service that has a database.
func withDatabase(services []config.Service) int {
	return slices.IndexFunc(services, func(s config.Service) bool { return s.DatabaseUser != "" })
}

func changes() []change {
	return []change{
		{name: "nothing", stack: prod, apply: func(*config.Project) {}},
		{name: "add a service", stack: prod, apply: production(func(e *config.Environment) {
			e.Services = append(slices.Clone(e.Services), newsletter(e.Services[withDatabase(e.Services)]))
		})},
		{name: "remove a service", stack: prod, destroys: []string{"partner_analytics"}, apply: production(func(e *config.Environment) {
			e.Services = slices.DeleteFunc(slices.Clone(e.Services), func(s config.Service) bool { return s.Name == "partner-analytics" })
		})},
		{name: "add a service", stack: base, apply: func(p *config.Project) {
			p.Base.Repositories = append(slices.Clone(p.Base.Repositories), "newsletter")
		}},
		{name: "remove a service", stack: base, destroys: []string{"partner-analytics"}, apply: func(p *config.Project) {
			p.Base.Repositories = slices.DeleteFunc(slices.Clone(p.Base.Repositories), func(name string) bool { return name == "partner-analytics" })
		}},
		{name: "add a zone", stack: prod, apply: production(func(e *config.Environment) {
			e.Network.Zones, e.Network.NatGateways = []string{"a", "b", "c"}, 3
		})},
		{name: "a larger database", stack: prod, apply: production(func(e *config.Environment) { e.Database.InstanceClass = "db.m7g.large" })},
		{name: "a larger disk", stack: prod, apply: production(func(e *config.Environment) {
			e.Database.StorageGiB, e.Database.MaxStorageGiB = 100, 400
		})},
		{name: "the retention of backups", stack: prod, apply: production(func(e *config.Environment) { e.Database.BackupRetentionDays = 14 })},
		{name: "the retention of logs", stack: prod, apply: production(func(e *config.Environment) {
			e.Database.LogRetentionDays, e.Compute.LogRetentionDays, e.Api.LogRetentionDays = 731, 731, 731
		})},
		{name: "the port of the database", stack: prod, apply: production(func(e *config.Environment) { e.Database.Port = 5434 })},
		{name: "the port of a service", stack: prod, replaces: []string{"aws_ecs_service.services_partner_analytics"}, apply: production(func(e *config.Environment) {
			e.Services = slices.Clone(e.Services)
			for n := range e.Services {
				if e.Services[n].Name == "partner-analytics" {
					e.Services[n].Port = 8099
				}
			}
		})},
		{name: "memory and CPU of services", stack: prod, apply: production(func(e *config.Environment) {
			e.Services = slices.Clone(e.Services)
			for n := range e.Services {
				e.Services[n].Cpu, e.Services[n].MemoryMiB = 1024, 2048
			}
		})},
		{name: "a larger cache", stack: prod, apply: production(func(e *config.Environment) { e.Cache.NodeType = "cache.t4g.small" })},
		{name: "the engine of the cache", stack: prod, apply: production(func(e *config.Environment) { e.Cache.Engine = config.Valkey8 })},
		{name: "no cache", stack: prod, destroys: []string{"cache"}, apply: production(func(e *config.Environment) { e.Cache = config.Cache{} })},
		{name: "the level of protection", stack: prod, apply: production(func(e *config.Environment) { e.Protection = config.Guarded })},
		{name: "no Object Lock", stack: prod, apply: production(func(e *config.Environment) { e.Storage.BackupLockDays = 0 })},
		{name: "another domain", stack: prod, apply: production(func(e *config.Environment) { e.Domains.Root = "platform." + e.Domains.Zone })},
	}
}

// TestChanges holds what each change creates, updates, replaces and destroys in testdata, planned with the real provider
// over a state as if the configuration had been applied. Run with -update to write it, then review it.
func TestChanges(t *testing.T) {
	s := settled(t)
	all := changes()
	plans := s.planAll(t, all)
	for n, each := range all {
		t.Run(each.stack+" "+each.name, func(t *testing.T) {
			if plans[n] == nil {
				t.Fatal("not planned")
			}
			for _, wrong := range faults(each, plans[n], newGraph(s.settled[each.stack])) {
				t.Error(wrong)
			}
			matchGolden(t, each.golden(), tableOf(plans[n]))
		})
	}
}

func matchGolden(t *testing.T, file, found string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(found), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	reviewed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if found != string(reviewed) {
		t.Errorf("the change does not plan what %s says; run with -update and review the difference:\n%s", file,
			difference(string(reviewed), found))
	}
}

// Each file of testdata belongs to a change.
func TestEveryTableIsOfAChange(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !slices.ContainsFunc(changes(), func(c change) bool { return c.golden() == file }) {
			t.Errorf("%s is of no change", file)
		}
	}
}

// difference are the lines that only one of the texts has.
func difference(want, found string) string {
	var lines []string
	has := func(text, line string) bool { return slices.Contains(strings.Split(text, "\n"), line) }
	for _, line := range strings.Split(want, "\n") {
		if !has(found, line) {
			lines = append(lines, "- "+line)
		}
	}
	for _, line := range strings.Split(found, "\n") {
		if !has(want, line) {
			lines = append(lines, "+ "+line)
		}
	}
	return strings.Join(lines, "\n")
}
