package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// serviceFaults are ways to break the first service of an environment, and the end of the field's path that is named.
var serviceFaults = []struct {
	name  string
	spoil func(*Service)
	field string
}{
	{"no room for a JVM", func(s *Service) { s.Cpu, s.MemoryMiB = 256, 512 }, "MemoryMiB"},
	{"readiness path for a shell", func(s *Service) { s.ReadinessPath = "/health;reboot" }, "ReadinessPath"},
	{"liveness path for a shell", func(s *Service) { s.LivenessPath = "/health;reboot" }, "LivenessPath"},
	{"readiness path with a slash at its end", func(s *Service) { s.ReadinessPath = "/health/" }, "ReadinessPath"},
	{"one path for both checks", func(s *Service) { s.LivenessPath = s.ReadinessPath }, "LivenessPath"},
	{"liveness below readiness", func(s *Service) { s.ReadinessPath, s.LivenessPath = "/health", "/health/live" }, "LivenessPath"},
	{"readiness below liveness", func(s *Service) { s.ReadinessPath, s.LivenessPath = "/health/ready", "/health" }, "LivenessPath"},
	{"Spring's health, which asks the database", func(s *Service) { s.ReadinessPath = "/actuator/health" }, "ReadinessPath"},
	{"start too long for ECS", func(s *Service) { s.StartSeconds = 301 }, "StartSeconds"},
	{"port of the collector", func(s *Service) { s.Port = 4317 }, "Port"},
	{"remote desktop's port", func(s *Service) { s.Port = 3389 }, "Port"},
	{"no route", func(s *Service) { s.Routes = nil }, "Routes"},
	{"priority 0", func(s *Service) { s.Routes[0].Priority = 0 }, "Routes[0].Priority"},
	{"priority too high", func(s *Service) { s.Routes[0].Priority = 50001 }, "Routes[50001].Priority"},
	{"another's priority", func(s *Service) { s.Routes = append(s.Routes, Route{Priority: 100, Paths: []string{"/x"}}) }, "Routes[100].Priority"},
	{"another's path", func(s *Service) { s.Routes = append(s.Routes, Route{Priority: 77, Paths: []string{"/api/v1/events"}}) }, "Routes[77].Paths"},
	{"its own path twice", func(s *Service) { s.Routes[0].Paths = []string{"/x", "/x"} }, "Routes[300].Paths"},
	{"no path", func(s *Service) { s.Routes[0].Paths = nil }, "Routes[300].Paths"},
	{"five paths", func(s *Service) { s.Routes[0].Paths = []string{"/a", "/b", "/c", "/d", "/e"} }, "Routes[300].Paths"},
	{"path without a slash", func(s *Service) { s.Routes[0].Paths = []string{"api"} }, "Routes[300].Paths[0]"},
	{"path with a space", func(s *Service) { s.Routes[0].Paths = []string{"/a b"} }, "Routes[300].Paths[0]"},
	{"path too long", func(s *Service) { s.Routes[0].Paths = []string{"/" + strings.Repeat("a", 128)} }, "Routes[300].Paths[0]"},
	{"too many wildcards", func(s *Service) { s.Routes[0].Paths = []string{"/*/*/*/*", "/?/?/?"} }, "Routes[300].Paths"},
	{"health exposed", func(s *Service) { s.Routes[0].Paths = []string{"/*"} }, "Routes[300].Paths"},
	{"readiness exposed by name", func(s *Service) { s.Routes[0].Paths = []string{"/actuator/health/rea*"} }, "Routes[300].Paths"},
	{"liveness exposed by name", func(s *Service) { s.Routes[0].Paths = []string{"/actuator/health/livenes?"} }, "Routes[300].Paths"},
	{"the connector's keep-alive", func(s *Service) { s.Environment = map[string]string{"SERVER_TOMCAT_KEEPALIVETIMEOUT": "5s"} }, "Environment[SERVER_TOMCAT_KEEPALIVETIMEOUT]"},
	{"the readiness group", func(s *Service) {
		s.Environment = map[string]string{"MANAGEMENT_ENDPOINT_HEALTH_GROUP_READINESS_INCLUDE": "readinessState,db"}
	}, "Environment[MANAGEMENT_ENDPOINT_HEALTH_GROUP_READINESS_INCLUDE]"},
	{"an abrupt shutdown", func(s *Service) { s.Environment = map[string]string{"SERVER_SHUTDOWN": "immediate"} }, "Environment[SERVER_SHUTDOWN]"},
	{"variable in small letters", func(s *Service) { s.Environment = map[string]string{"mode": "x"} }, "Environment[mode]"},
	{"password in a variable", func(s *Service) { s.Environment = map[string]string{"MAIL_PASSWORD": "x"} }, "Environment[MAIL_PASSWORD]"},
	{"key in a variable", func(s *Service) { s.Environment = map[string]string{"MAP_API_KEY": "x"} }, "Environment[MAP_API_KEY]"},
	{"token in a variable", func(s *Service) { s.Environment = map[string]string{"GITHUB_TOKEN": "x"} }, "Environment[GITHUB_TOKEN]"},
	{"AWS's credentials", func(s *Service) { s.Environment = map[string]string{"AWS_ACCESS_KEY_ID": "x"} }, "Environment[AWS_ACCESS_KEY_ID]"},
	{"the infrastructure's variable", func(s *Service) { s.Environment = map[string]string{"DATABASE_URL": "x"} }, "Environment[DATABASE_URL]"},
	{"an expression of Terraform", func(s *Service) { s.Environment = map[string]string{"HOME_PAGE": "${aws_x.y.z}"} }, "Environment[HOME_PAGE]"},
	{"too much environment", func(s *Service) { s.Environment = map[string]string{"TEXT": strings.Repeat("x", 40000)} }, "Environment"},
	{"a secret that does not exist", func(s *Service) { s.Secrets = []Secret{{Variable: "MAIL", Secret: "nobody", Key: "password"}} }, "Secrets[MAIL].Secret"},
	{"a secret without a key", func(s *Service) { s.Secrets = []Secret{{Variable: "MAIL", Secret: "mail"}} }, "Secrets[MAIL].Key"},
	{"a variable set twice", func(s *Service) {
		s.Environment = map[string]string{"MAIL": "x"}
		s.Secrets = []Secret{{Variable: "MAIL", Secret: "mail", Key: "k"}}
	}, "Secrets[MAIL].Variable"},
	{"user of PostgreSQL's own", func(s *Service) { s.DatabaseUser = "pg_monitor" }, "DatabaseUser"},
	{"user with a hyphen", func(s *Service) { s.DatabaseUser = "event-management" }, "DatabaseUser"},
	{"another's user", func(s *Service) { s.DatabaseUser = "speaker_coordination_service" }, "DatabaseUser"},
	{"unknown bucket", func(s *Service) { s.Buckets = []BucketAccess{{Bucket: "logs"}} }, "Buckets[logs].Bucket"},
	{"every action", func(s *Service) {
		s.Permissions = []Permission{{Actions: []string{"s3:*"}, Resources: []string{queue}}}
	}, "Permissions[0].Actions[0]"},
	{"a right to give rights", func(s *Service) {
		s.Permissions = []Permission{{Actions: []string{"iam:PassRole"}, Resources: []string{queue}}}
	}, "Permissions[0].Actions[0]"},
	{"every resource", func(s *Service) {
		s.Permissions = []Permission{{Actions: []string{"sqs:SendMessage"}, Resources: []string{"*"}}}
	}, "Permissions[0].Resources[0]"},
	{"every queue", func(s *Service) {
		s.Permissions = []Permission{{Actions: []string{"sqs:SendMessage"}, Resources: []string{"arn:aws:sqs:{region}:{account}:*"}}}
	}, "Permissions[0].Resources[0]"},
	{"every account", func(s *Service) {
		s.Permissions = []Permission{{Actions: []string{"sqs:SendMessage"}, Resources: []string{"arn:aws:sqs:{region}:*:orders"}}}
	}, "Permissions[0].Resources[0]"},
	{"no resource", func(s *Service) { s.Permissions = []Permission{{Actions: []string{"sqs:SendMessage"}}} }, "Permissions[0].Resources"},
	{"more rights than a role holds", func(s *Service) {
		var queues []string
		for i := range 200 {
			queues = append(queues, fmt.Sprintf("%s-%d", queue, i))
		}
		s.Permissions = []Permission{{Actions: []string{"sqs:SendMessage"}, Resources: queues}}
	}, "Permissions"},
	{"CPU target", func(s *Service) { s.Scaling.TargetCpuPercent = 100 }, "Scaling.TargetCpuPercent"},
	{"a name that is taken", func(s *Service) { s.Name = "platform" }, "Services[platform].Name"},
	{"memory target", func(s *Service) { s.Scaling.TargetMemoryPercent = 5 }, "Scaling.TargetMemoryPercent"},
	{"schedule twice", func(s *Service) { s.Scaling.Schedules = append(officeHours(s.Scaling), officeHours(s.Scaling)...) }, "Scaling.Schedules"},
	{"bounds that never come back", func(s *Service) { s.Scaling.Schedules = officeHours(s.Scaling)[:1] }, "Scaling.Schedules"},
	{"a repository with its owner", func(s *Service) { s.Repository = "BATbern/" + s.Name }, "Repository"},
	{"a repository of anybody", func(s *Service) { s.Repository = "*" }, "Repository"},
	{"a repository outside", func(s *Service) { s.Repository = ".." }, "Repository"},
	{"schedule upside down", func(s *Service) {
		s.Scaling.Schedules = []Schedule{{Name: "x", Cron: "0 7 ? * * *", Zone: zurich, MinTasks: 3, MaxTasks: 1}}
	},
		"Scaling.Schedules[x].MaxTasks"},
	{"five fields", func(s *Service) { s.Scaling.Schedules = []Schedule{{Name: "x", Cron: "0 7 * * *", Zone: zurich}} }, "Scaling.Schedules[x].Cron"},
	{"both days", func(s *Service) { s.Scaling.Schedules = []Schedule{{Name: "x", Cron: "0 7 * * MON *", Zone: zurich}} }, "Scaling.Schedules[x].Cron"},
	{"a year that passes", func(s *Service) {
		s.Scaling.Schedules = []Schedule{{Name: "x", Cron: "0 7 ? * MON 2027", Zone: zurich}}
	}, "Scaling.Schedules[x].Cron"},
	{"unknown zone", func(s *Service) {
		s.Scaling.Schedules = []Schedule{{Name: "x", Cron: "0 7 ? * MON *", Zone: "Europe/Bern"}}
	}, "Scaling.Schedules[x].Zone"},
}

const queue = "arn:aws:sqs:{region}:{account}:{name}-orders"

// Each illegal entry is refused by its field, with what is allowed and what to do. The environments take turns.
func TestIllegalServicesAreRefused(t *testing.T) {
	for n, fault := range serviceFaults {
		project := load(t, nil)
		environment := &project.Environments[n%len(project.Environments)]
		environment.ExternalSecrets = []ExternalSecret{{Name: "mail"}}
		environment.Services = cloned(environment.Services)
		// last in the list, so that what is there twice is found in it and not in the other
		slices.SortFunc(environment.Services, func(a, b Service) int { return cmp.Compare(rank(a), rank(b)) })
		fault.spoil(&environment.Services[len(environment.Services)-1])
		var fields []string
		for _, found := range project.validate() {
			fields = append(fields, found.Path)
			if found.Allowed == "" || found.Remedy == "" {
				t.Errorf("%s, %s: %+v leaves something unsaid", environment.Name, fault.name, found)
			}
		}
		if !slices.ContainsFunc(fields, func(field string) bool { return strings.HasSuffix(field, "."+fault.field) }) {
			t.Errorf("%s, %s: no fault at %q, only at %q", environment.Name, fault.name, fault.field, fields)
		}
	}
}

func rank(service Service) int {
	if service.Name == "partner-analytics" {
		return 1
	}
	return 0
}

// cloned copies services with their routes, so that a test does not spoil another's.
func cloned(services []Service) []Service {
	out := slices.Clone(services)
	for i := range out {
		out[i].Routes = slices.Clone(out[i].Routes)
	}
	return out
}

// serviceOf is an environment's service of that name. Tests name services: somebody may add one anywhere in the list.
func serviceOf(environment *Environment, name string) *Service {
	i := slices.IndexFunc(environment.Services, func(service Service) bool { return service.Name == name })
	return &environment.Services[i]
}

func TestComputeAndApiFaults(t *testing.T) {
	for field, spoil := range map[string]func(*Environment){
		"Compute.ContainerInsights":    func(e *Environment) { e.Compute.ContainerInsights = "disabled" },
		"Compute.LogRetentionDays":     func(e *Environment) { e.Compute.LogRetentionDays = 42 },
		"Compute.Capacity":             func(e *Environment) { e.Compute.Capacity = Capacity{OnDemandBase: 2} },
		"Compute.Rollout.Strategy":     func(e *Environment) { e.Compute.Rollout = Rollout{Strategy: "canary"} },
		"Compute.Rollout.TrafficShift": func(e *Environment) { e.Compute.Rollout = Rollout{Strategy: BlueGreen, TrafficShift: "fast"} },
		"Compute.Rollout":              func(e *Environment) { e.Compute.Rollout = Rollout{Strategy: Rolling, BakeMinutes: 5} },
		"Api.RequestsPerSecond":        func(e *Environment) { e.Api.RequestsPerSecond = 0 },
		"Api.BurstRequests":            func(e *Environment) { e.Api.BurstRequests = 5001 },
		"Api.CorsOrigins":              func(e *Environment) { e.Api.CorsOrigins = []string{"https://a.ch/"} },
		"Api.Jwt.Issuer":               func(e *Environment) { e.Api.Jwt = &Jwt{Issuer: "http://login.example", Audience: []string{"web"}} },
		"Api.Jwt.Audience":             func(e *Environment) { e.Api.Jwt = &Jwt{Issuer: "https://login.example"} },
		"Api.PublicRoutes":             func(e *Environment) { e.Api.PublicRoutes = []string{"GET /a"} },
		"Api.PublicRoutes[0]": func(e *Environment) {
			e.Api.Jwt, e.Api.PublicRoutes = &Jwt{Issuer: "https://login.example", Audience: []string{"web"}}, []string{"/a"}
		},
	} {
		for i, name := range Names() {
			project := load(t, nil)
			spoil(&project.Environments[i])
			faults := project.validate()
			if !slices.ContainsFunc(faults, func(f Fault) bool { return f.Path == string(name)+"."+field }) {
				t.Errorf("%s: no fault at %s: %v", name, field, faults)
			}
		}
	}
}

// Production has blue/green on demand, no shell into tasks and no page that anybody may call from.
func TestProductionFloorOfCompute(t *testing.T) {
	for field, spoil := range map[string]func(*Environment){
		"Compute.Exec":              func(e *Environment) { e.Compute.Exec = true },
		"Compute.ContainerInsights": func(e *Environment) { e.Compute.ContainerInsights = "enabled" },
		"Compute.Rollout.Strategy":  func(e *Environment) { e.Compute.Rollout = Rollout{Strategy: Rolling} },
		"Compute.Capacity":          func(e *Environment) { e.Compute.Capacity.SpotWeight, e.Quotas.FargateSpotVcpus = 1, 40 },
		"Compute.LogRetentionDays":  func(e *Environment) { e.Compute.LogRetentionDays = 180 },
		"Api.LogRetentionDays":      func(e *Environment) { e.Api.LogRetentionDays = 180 },
		"Api.CorsOrigins":           func(e *Environment) { e.Api.CorsOrigins = []string{"*"} },
	} {
		project := load(t, nil)
		spoil(&project.Environments[2])
		faults := project.validate()
		if len(faults) != 1 || faults[0].Path != "prod."+field || !strings.Contains(faults[0].Allowed, "production") {
			t.Errorf("%s: %v", field, faults)
		}
	}
}

// many gives the environment that many services, alike but for name, route and, where asked, port.
func many(environment *Environment, count int, ownPorts bool) {
	environment.Services = nil
	for i := range count {
		service := services()[0]
		service.Name = fmt.Sprintf("service-%d", i)
		service.DatabaseUser = ""
		service.Buckets = nil
		service.Scaling.MinTasks, service.Scaling.DesiredTasks = 2, 2
		service.Routes = []Route{below(100+i, fmt.Sprintf("/api/%d", i), fmt.Sprintf("/v2/%d", i))}
		if ownPorts {
			service.Port = 8000 + i
		}
		environment.Services = append(environment.Services, service)
	}
}

// Fifty services fit into every environment; what does not fit is refused with the name of AWS's limit.
func TestLimitsOfManyServices(t *testing.T) {
	for _, c := range []struct {
		name     string
		count    int
		ownPorts bool
		spoil    func(*Environment)
		limit    string // in environments with blue/green
		rolling  string // in the other
	}{
		{name: "fifty", count: 50},
		{name: "one more", count: 51, limit: "Target Groups per Application Load Balancer"},
		{name: "twice as many", count: 101, limit: "Target Groups per Application Load Balancer", rolling: "Target Groups per Application Load Balancer"},
		{name: "thirty ports", count: 30, ownPorts: true},
		{name: "fifty ports", count: 50, ownPorts: true, limit: "rules per security group", rolling: "rules per security group"},
		{name: "one route more", count: 50, spoil: func(e *Environment) {
			e.Services[0].Routes = append(e.Services[0].Routes, Route{Priority: 9, Paths: []string{"/more"}})
		}, limit: "Rules per Application Load Balancer"},
		{name: "more tasks than addresses", count: 50, spoil: func(e *Environment) { e.Services[0].Scaling.MaxTasks = 20000 },
			limit: "addresses of the private subnets", rolling: "addresses of the private subnets"},
	} {
		for i, name := range Names() {
			project := load(t, nil)
			environment := &project.Environments[i]
			many(environment, c.count, c.ownPorts)
			environment.Quotas.FargateVcpus, environment.Quotas.FargateSpotVcpus = 20_000, 20_000 // have tests of their own
			if c.spoil != nil {
				c.spoil(environment)
			}
			limit := c.rolling
			if environment.Compute.Rollout.BlueGreen() {
				limit = c.limit
			}
			faults := project.validate()
			if limit == "" && len(faults) > 0 {
				t.Errorf("%s, %s: %v", name, c.name, faults)
			}
			if limit != "" && !strings.Contains(faults.Error(), limit) {
				t.Errorf("%s, %s: nothing about %q: %v", name, c.name, limit, faults)
			}
		}
	}
}

// A priority that is taken is answered with one that is accepted, whichever two services share it.
func TestFreePriorityIsOffered(t *testing.T) {
	names := load(t, nil).Environments[0].Services
	for _, changed := range names {
		for _, holder := range names {
			if changed.Name == holder.Name {
				continue
			}
			project := load(t, nil)
			environment := &project.Environments[0]
			environment.Services = cloned(environment.Services)
			serviceOf(environment, changed.Name).Routes[0].Priority = holder.Routes[0].Priority
			fault := only(t, project.validate().err())
			var offered int
			if _, err := fmt.Sscanf(fault.Remedy, "take a free one, for example %d", &offered); err != nil {
				t.Fatalf("%v: %v", fault, err)
			}
			second := changed.Name // the fault is at the later one of the two
			if strings.Contains(fault.Path, "["+holder.Name+"]") {
				second = holder.Name
			}
			serviceOf(environment, second).Routes[0].Priority = offered
			for _, fault := range project.validate() {
				if !strings.HasSuffix(fault.Path, ".Paths") || strings.Contains(fault.Path, "["+second+"]") {
					t.Errorf("%s at the priority of %s, then %s at %d, which was offered: %v", changed.Name, holder.Name, second, offered, fault)
				}
			}
		}
	}
}

func TestFreePriority(t *testing.T) {
	service := func(name string, priority int, paths ...string) Service {
		return Service{Name: name, Routes: []Route{{Priority: priority, Paths: paths}}}
	}
	all := Service{Name: "all"}
	for priority := 1; priority <= highestPriority; priority++ {
		if priority != 40 {
			all.Routes = append(all.Routes, Route{Priority: priority})
		}
	}
	for name, c := range map[string]struct {
		others []Service
		route  Route
		want   int
	}{
		"the next":                   {[]Service{service("a", 200, "/a")}, Route{200, []string{"/b"}}, 201},
		"the last one of all":        {[]Service{all}, Route{9000, []string{"/b"}}, 40},
		"none":                       {[]Service{all, service("a", 40, "/a")}, Route{200, []string{"/b"}}, 0},
		"below one that would hide":  {[]Service{service("a", 200, "/api/*")}, Route{200, []string{"/api/b"}}, 199},
		"above those that it hides":  {[]Service{service("a", 200, "/api/a"), service("b", 203, "/api/b")}, Route{200, []string{"/api/*"}}, 204},
		"the highest there is taken": {[]Service{service("a", highestPriority, "/a")}, Route{highestPriority, []string{"/b"}}, highestPriority - 1},
	} {
		environment := Environment{Services: append(c.others, Service{Name: "new", Routes: []Route{c.route}})}
		if got := environment.freePriority("new", c.route); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestMatchesPath(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		matches       bool
	}{
		{"/api/*", "/api/v1/events", true},
		{"/api/*", "/api", false},
		{"/api?", "/apis", true},
		{"/*health", "/actuator/health", true},
		{"/a.b", "/aXb", false},
		{"/a+(b)", "/a+(b)", true},
	} {
		if got := matchesPath(c.pattern, c.path); got != c.matches {
			t.Errorf("%s matches %s: %t", c.pattern, c.path, got)
		}
	}
}

// A conference day scales up before it begins and back after it, by Swiss time and every year.
func TestConferenceDays(t *testing.T) {
	scaling := Scaling{MinTasks: 2, MaxTasks: 6}
	got := conferenceDays(scaling, 4, day(time.November, 19))
	want := []Schedule{
		{Name: "conference-nov-19", Cron: "0 5 19 11 ? *", Zone: "Europe/Zurich", MinTasks: 4, MaxTasks: 8},
		{Name: "after-conference-nov-19", Cron: "0 22 19 11 ? *", Zone: "Europe/Zurich", MinTasks: 2, MaxTasks: 6},
	}
	if !slices.Equal(got, want) {
		t.Errorf("schedules %+v", got)
	}
	for _, schedule := range got {
		if !cronExpression.MatchString(schedule.Cron) {
			t.Errorf("%q is no cron expression", schedule.Cron)
		}
	}
}

// The estimate that refuses too many rights is never below what the policy will be.
func TestPolicyEstimateGrowsWithWhatIsNamed(t *testing.T) {
	service := Service{}
	empty := service.policyCharacters()
	service.Permissions = []Permission{{Actions: []string{"sqs:SendMessage"}, Resources: []string{queue}}}
	if grown := service.policyCharacters() - empty; grown < len("sqs:SendMessage")+len(queue) {
		t.Errorf("a permission adds only %d characters", grown)
	}
}

// A pipeline is its service's, in a repository of this project's owner; a service without one has none.
func TestPipelines(t *testing.T) {
	settings := Settings{GithubRepository: "Somebody/infra", GithubSubjects: []string{"Somebody/c=repo:Somebody@1/c@2"}}
	got := pipelines([]Service{{Name: "a", Repository: "a-service"}, {Name: "b"}, {Name: "c", Repository: "c"}}, Frontend{Repository: "web"}, settings)
	want := []Pipeline{
		{Name: "a", Repository: "Somebody/a-service", SubjectPrefix: "repo:Somebody/a-service"},
		{Name: "c", Repository: "Somebody/c", SubjectPrefix: "repo:Somebody@1/c@2"},
		{Name: "frontend", Repository: "Somebody/web", SubjectPrefix: "repo:Somebody/web"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	base := load(t, map[string]string{"BATBERN_GITHUB_REPOSITORY": "Somebody/infra"}).Base
	if len(base.Pipelines) != len(services())+1 {
		t.Errorf("%d services and the frontend have %d pipelines", len(services()), len(base.Pipelines))
	}
	for _, pipeline := range base.Pipelines {
		if !strings.HasPrefix(pipeline.Repository, "Somebody/") || pipeline.HasImages() != slices.Contains(base.Repositories, pipeline.Name) {
			t.Errorf("%v pushes to no repository of images, or is another owner's", pipeline)
		}
	}
}
