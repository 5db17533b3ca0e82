package config

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // time zones are checked wherever this runs
)

// Service is one of BATbern's Spring Boot services on ECS Fargate. Everything that AWS has for a service follows from its
// entry: tasks, roles, target groups, rules, scaling, names. docs/add-a-service.md shows how to add one.
type Service struct {
	// Name stands in ECS, ECR, DNS and log groups: lower case, digits and hyphens, 2 to 24 characters.
	Name string `validate:"required,max=24,servicename"`
	// Repository is the service's repository on GitHub, beside this project's: "event-management" of the same owner. Its
	// workflows push the service's images and roll them out, by roles that reach this service alone. Name one that exists:
	// who may make repositories could make it. Empty means that people with rights of their own roll out.
	Repository string `validate:"omitempty,githubname"`
	// Port is where the container listens; not 3389, which the network refuses everywhere.
	Port int `validate:"min=1024,max=65535,ne=3389"`
	// ReadinessPath answers 200 while the task accepts requests; the load balancer asks for it. ECS replaces a task that
	// the load balancer finds unhealthy, so the answer must not depend on anything that the tasks share: a failover of the
	// database would replace all of them at once. No route may expose the path. Default: /actuator/health/readiness.
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-load-balancing.html
	ReadinessPath string `validate:"required,healthpath"`
	// LivenessPath answers 200 while the process works; the task's probe asks for it, and a task that fails is replaced. No
	// route may expose the path. Default: /actuator/health/liveness.
	LivenessPath string `validate:"required,healthpath"`
	// StartSeconds is how long a task may take from its start to its first healthy answer; failed checks before that do
	// not count. ECS allows 300 at most.
	StartSeconds int `validate:"min=10,max=300"`
	// Cpu is in CPU units (1024 is one vCPU); with MemoryMiB it must be one of Fargate's pairs. The task's sidecars
	// (collector and probe, with Service Connect its proxy) take SidecarMemoryMiB of the memory.
	Cpu       int
	MemoryMiB int
	// Routes are what the API sends to the service. CodeDeploy shifts traffic at the load balancer: one at least.
	Routes []Route `validate:"required,dive"`
	// Environment are plain settings, by variable. Anything secret is refused: that is what Secrets are for.
	Environment map[string]string
	// Secrets are read from Secrets Manager when a task starts.
	Secrets []Secret `validate:"dive"`
	// DatabaseUser is the PostgreSQL user that the service signs in as at the proxy, by IAM and without a password; empty
	// for a service without a database.
	DatabaseUser string `validate:"omitempty,max=63,postgresname"`
	// Buckets are what the service may reach of the environment's buckets.
	Buckets []BucketAccess `validate:"unique=Bucket,dive"`
	// Permissions are further rights of the running service, each with its resources.
	Permissions []Permission `validate:"dive"`
	Scaling     Scaling
}

// Schema is the PostgreSQL schema of the service's data.
func (s Service) Schema() string { return strings.ReplaceAll(s.Name, "-", "_") }

// Route sends requests of the API to a service.
type Route struct {
	// Priority orders the rules of all services: the lowest number that matches wins. It is chosen by hand and stays, so
	// that adding a service changes no other's rule. 1 to 50000; leave gaps.
	Priority int `validate:"min=1,max=50000"`
	// Paths are patterns of the request's path, with * and ?: "/api/v1/events", "/api/v1/events/*". Four at most: AWS
	// takes five condition values a rule, and the API's host is one.
	Paths []string `validate:"required,max=4,unique,dive,max=128,pathpattern"`
}

// Secret is one value of a secret in Secrets Manager, given to the container as an environment variable.
type Secret struct {
	// Variable is the environment variable.
	Variable string `validate:"variable"`
	// Secret is the name of one of the environment's ExternalSecrets.
	Secret string `validate:"required"`
	// Key is the field of the secret's JSON.
	Key string `validate:"required,secretkey"`
}

// BucketAccess is what a service may do in one bucket.
type BucketAccess struct {
	// Bucket is the purpose of the bucket: "content", "imports".
	Bucket string `validate:"servicebucket"`
	// Write allows to add and overwrite objects, and in "content" to delete them; without it the service reads.
	Write bool
}

// ServiceBuckets are the buckets that services may use. Nobody deletes from imports: it is the source of the migration.
var ServiceBuckets = []string{"content", "imports"}

// Permission allows actions on resources.
type Permission struct {
	// Actions are IAM actions, "events:PutEvents". Wildcards are refused.
	Actions []string `validate:"required,dive,iamaction"`
	// Resources are ARNs, in which {account}, {region} and {name} ("batbern-dev") stand for the environment's own. "*" by
	// itself is refused.
	Resources []string `validate:"required,dive,arnpattern"`
}

// Scaling bounds how many tasks of a service run, and says what they follow.
type Scaling struct {
	MinTasks     int `validate:"min=0"`
	DesiredTasks int `validate:"min=0"`
	MaxTasks     int `validate:"min=1,max=5000"`
	// TargetCpuPercent is the mean CPU use that target tracking aims at.
	TargetCpuPercent int `validate:"min=10,max=90"`
	// TargetMemoryPercent is the mean memory use that target tracking aims at; 0 leaves memory alone. A JVM keeps what it
	// took, so this adds tasks and seldom removes one.
	TargetMemoryPercent int `validate:"omitempty,min=10,max=95"`
	// TargetRequestsPerMinute is the number of requests a task that target tracking aims at; 0 leaves requests alone.
	TargetRequestsPerMinute int `validate:"min=0,max=1000000"`
	// Schedules change the bounds at fixed times: ahead of a conference, at night.
	Schedules []Schedule `validate:"unique=Name,dive"`
}

// Schedule sets new bounds at a time, which hold until the next schedule.
type Schedule struct {
	// Name stands in the scheduled action's name and in its Terraform address.
	Name string `validate:"required,max=40,servicename"`
	// Cron is the time in six fields (minute hour day-of-month month day-of-week year), in Zone. It recurs: AWS deletes
	// an action that never comes again, and the next plan would miss it.
	Cron string `validate:"required"`
	// Zone is the time zone's IANA name; daylight saving time is followed.
	Zone string `validate:"required"`
	// MinTasks and MaxTasks are the new bounds; 0 and 0 stops the service.
	MinTasks int `validate:"min=0"`
	MaxTasks int `validate:"min=0,max=5000,gtefield=MinTasks"`
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

// SidecarMemoryMiB is what collector, probe and proxy take of a task's memory.
const SidecarMemoryMiB = CollectorMemoryMiB + ProbeMemoryMiB + ProxyMemoryMiB

// Memory of the containers beside the service's own. The proxy's is what AWS asks for at least; Service Connect takes it
// from the task without a limit of its own, so it is left free.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect-concepts-deploy.html
const (
	CollectorMemoryMiB = 128
	ProbeMemoryMiB     = 32
	ProxyMemoryMiB     = 64
)

// leastJvmMiB is what a Spring Boot service needs to start at all.
const leastJvmMiB = 384

func (s Service) check(at path, environment Environment, report *Faults) {
	s.checkSize(at, report)
	s.checkHealth(at, report)
	s.checkRoutes(at, report)
	s.checkVariables(at, environment.secretNames(), report)
	s.Scaling.check(at.field("Scaling"), report)
	if slices.Contains(takenNames, s.Name) {
		report.add(at.field("Name"), s.Name, "a name that nothing else has in Parameter Store: not "+strings.Join(takenNames, ", "), "choose another")
	}
	if slices.Contains(collectorPorts, s.Port) {
		report.add(at.field("Port"), s.Port, "a port that the trace collector beside it does not use: not "+list(collectorPorts),
			"choose another: containers of a task share their ports")
	}
	if size := s.policyCharacters(); size > rolePolicyCharacters {
		report.add(at.field("Permissions"), fmt.Sprintf("%d characters of IAM policy", size),
			fmt.Sprintf("%d: the quota \"Role inline policy size\"", rolePolicyCharacters), "name fewer resources, or a common prefix of theirs")
	}
}

func (s Service) checkSize(at path, report *Faults) {
	memory, known := fargateMemory[s.Cpu]
	switch {
	case !known:
		report.add(at.field("Cpu"), s.Cpu, list(slices.Sorted(maps.Keys(fargateMemory))), "Fargate has no other sizes")
	case !slices.Contains(memory, s.MemoryMiB):
		report.add(at.field("MemoryMiB"), s.MemoryMiB, list(memory), fmt.Sprintf("Fargate takes no other with Cpu %d", s.Cpu))
	case s.MemoryMiB-SidecarMemoryMiB < leastJvmMiB:
		report.add(at.field("MemoryMiB"), s.MemoryMiB, fmt.Sprintf("%d or more", leastJvmMiB+SidecarMemoryMiB),
			fmt.Sprintf("the task's sidecars take %d, and a JVM needs %d to start", SidecarMemoryMiB, leastJvmMiB))
	}
}

// checkHealth keeps the two checks apart: one path for both would have ECS replace a task that is only not ready yet.
func (s Service) checkHealth(at path, report *Faults) {
	const everything = "/actuator/health"
	for _, health := range []struct{ field, path string }{{"ReadinessPath", s.ReadinessPath}, {"LivenessPath", s.LivenessPath}} {
		if health.path == everything {
			report.add(at.field(health.field), health.path, "a health group of its own, such as "+everything+"/readiness",
				"choose a group: this one asks the database and the cache, and their failover would replace all tasks at once")
		}
	}
	if below := func(a, b string) bool { return a == b || strings.HasPrefix(a, b+"/") }; below(s.LivenessPath, s.ReadinessPath) || below(s.ReadinessPath, s.LivenessPath) {
		report.add(at.field("LivenessPath"), s.LivenessPath, "a path that is not, and is not above or below, ReadinessPath "+s.ReadinessPath,
			"give each check its path: a task that is not ready must not be taken for dead")
	}
}

func (s Service) checkRoutes(at path, report *Faults) {
	for _, route := range s.Routes {
		field, wildcards := at.field("Routes").key(fmt.Sprint(route.Priority)).field("Paths"), 0
		for _, pattern := range route.Paths {
			wildcards += strings.Count(pattern, "*") + strings.Count(pattern, "?")
			for _, health := range []struct{ field, path string }{{"ReadinessPath", s.ReadinessPath}, {"LivenessPath", s.LivenessPath}} {
				if matchesPath(pattern, health.path) {
					report.add(field, pattern, fmt.Sprintf("patterns that do not match %s %s", health.field, health.path),
						"narrow the pattern: health is for the load balancer and the probe, not for the internet")
				}
			}
		}
		if wildcards > wildcardsPerRule {
			report.add(field, fmt.Sprintf("%d wildcards", wildcards),
				fmt.Sprintf("%d: the quota \"Condition wildcards per rule\"", wildcardsPerRule), "divide the route into two")
		}
	}
}

// matchesPath says whether the load balancer's pattern matches the path.
func matchesPath(pattern, path string) bool { return matcher(pattern).MatchString(path) }

// matcher is the load balancer's pattern as an expression: * is any text, slashes too, ? one character.
func matcher(pattern string) *regexp.Regexp {
	expression := regexp.QuoteMeta(pattern)
	expression = strings.ReplaceAll(expression, `\*`, ".*")
	expression = strings.ReplaceAll(expression, `\?`, ".")
	// quoted text is always a valid expression
	return regexp.MustCompile("^" + expression + "$")
}

// ownPrefixes begin the variables that the infrastructure sets: a service that changed one of them would break what the
// load balancer, ECS or the logs rely on.
var ownPrefixes = []string{
	"AWS_", "BATBERN_", "CACHE_", "DATABASE_", "ECS_", "LOGGING_STRUCTURED_", "MANAGEMENT_ENDPOINT_HEALTH_", "OTEL_",
	"SERVER_NETTY_", "SERVER_PORT", "SERVER_SHUTDOWN", "SERVER_TOMCAT_", "SPRING_DATASOURCE_HIKARI_CONNECTIONTIMEOUT", "SPRING_DATASOURCE_HIKARI_MAXLIFETIME", "SPRING_LIFECYCLE_",
}

var (
	variableName = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	// secretLooking finds names that promise a secret (ECS.8 and beyond).
	secretLooking = regexp.MustCompile(`PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|PRIVATE|(^|_)KEY($|_ID$)|ACCESS_KEY|API_?KEY`)
	// ownVariables begin the names that the infrastructure sets itself.
	ownVariables = regexp.MustCompile(`^(` + strings.Join(ownPrefixes, "|") + `)`)
)

// takenNames are below /batbern/<environment> in Parameter Store, beside the services.
var takenNames = []string{"migration", "platform", "services"}

// collectorPorts are where the collector listens: OTLP by gRPC and by HTTP, and its health.
var collectorPorts = []int{4317, 4318, 13133}

func (s Service) checkVariables(at path, secrets []string, report *Faults) {
	size := 0
	for _, name := range slices.Sorted(maps.Keys(s.Environment)) {
		value := s.Environment[name]
		field := at.field("Environment").key(name)
		size += len(name) + len(value)
		switch {
		case !variableName.MatchString(name):
			report.add(field, name, rules["variable"].allowed, "rename the variable")
		case secretLooking.MatchString(name):
			report.add(field, "a value", "nothing secret: it would stand in the state and in every task definition",
				"move it to Secrets, which are read when a task starts; if it is no secret, rename the variable")
		case ownVariables.MatchString(name):
			report.add(field, value, "no name that begins with "+strings.Join(ownPrefixes, ", "), "remove it: the infrastructure sets those")
		}
	}
	if size > taskDefinitionBytes/2 {
		report.add(at.field("Environment"), fmt.Sprintf("%d bytes", size), fmt.Sprintf("%d: half of the quota \"Task definition size\"", taskDefinitionBytes/2),
			"keep settings of that size in a file of the image or in a bucket")
	}
	seen := map[string]bool{}
	for _, secret := range s.Secrets {
		field := at.field("Secrets").key(secret.Variable)
		if _, plain := s.Environment[secret.Variable]; plain || seen[secret.Variable] {
			report.add(field.field("Variable"), secret.Variable, "a variable that is set once", "rename one of the two")
		}
		seen[secret.Variable] = true
		if !slices.Contains(secrets, secret.Secret) {
			allowed := "one of the environment's ExternalSecrets, of which there are none"
			if len(secrets) > 0 {
				allowed = "one of the environment's ExternalSecrets: " + strings.Join(secrets, ", ")
			}
			report.add(field.field("Secret"), secret.Secret, allowed, "correct the name, or add the secret to ExternalSecrets")
		}
	}
}

// policyCharacters is about how long the policies of the service's role are, with what every service needs.
func (s Service) policyCharacters() int {
	const everyService, statement, bucket = 2400, 80, 500
	size := everyService + bucket*len(s.Buckets)
	for _, permission := range s.Permissions {
		size += statement
		for _, text := range slices.Concat(permission.Actions, permission.Resources) {
			// quotes and a comma; placeholders become at most 14 characters longer than they are
			size += len(text) + 3 + 14*strings.Count(text, "{")
		}
	}
	return size
}

// mostTasks is how many tasks the bounds or a schedule allow at most.
func (s Scaling) mostTasks() int {
	most := s.MaxTasks
	for _, schedule := range s.Schedules {
		most = max(most, schedule.MaxTasks)
	}
	return most
}

func (s Scaling) check(at path, report *Faults) {
	if s.MinTasks > s.DesiredTasks || s.DesiredTasks > s.MaxTasks {
		found := fmt.Sprintf("%d, %d, %d", s.MinTasks, s.DesiredTasks, s.MaxTasks)
		report.add(at, found, "MinTasks <= DesiredTasks <= MaxTasks", "put the three in order")
	}
	back := func(schedule Schedule) bool {
		return schedule.MinTasks == s.MinTasks && schedule.MaxTasks == s.MaxTasks
	}
	if len(s.Schedules) > 0 && !slices.ContainsFunc(s.Schedules, back) {
		report.add(at.field("Schedules"), fmt.Sprintf("%d schedules, none with %d and %d", len(s.Schedules), s.MinTasks, s.MaxTasks),
			"one that gives MinTasks and MaxTasks back", "add it: what a schedule sets holds until another one changes it")
	}
	for _, schedule := range s.Schedules {
		field := at.field("Schedules").key(schedule.Name)
		if !cronExpression.MatchString(schedule.Cron) {
			report.add(field.field("Cron"), schedule.Cron, "six fields (minute hour day-of-month month day-of-week year), one of the days ?",
				`write for example "0 7 ? * MON-FRI *"`)
		} else if fault := cronFault(schedule.Cron); fault != "" {
			report.add(field.field("Cron"), schedule.Cron, "times and days that exist: "+fault, "correct the number")
		}
		if _, err := time.LoadLocation(schedule.Zone); err != nil || schedule.Zone == "Local" {
			report.add(field.field("Zone"), schedule.Zone, `an IANA time zone such as "Europe/Zurich"`, "correct the name")
		}
	}
}

// cronExpression takes AWS's six fields with exactly one of the two days left open, and every year.
// https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
var cronExpression = regexp.MustCompile(`^[0-9*/,-]+ [0-9*/,-]+ (\? [0-9A-Z*/,-]+ [0-9A-Z*/,#-]+|[0-9*/,WL-]+ [0-9A-Z*/,-]+ \?) \*$`)

func list(numbers []int) string {
	words := make([]string, len(numbers))
	for i, number := range numbers {
		words[i] = fmt.Sprint(number)
	}
	return strings.Join(words, ", ")
}

// services are BATbern's services, with the sizes of development: environments scale them up. The order says nothing.
func services() []Service {
	return withDefaults([]Service{
		{
			Name:       "api-gateway",
			Repository: "api-gateway",
			Port:       8080,
			Routes:     []Route{{Priority: 9000, Paths: []string{"/api/*"}}}, // what no other service's route claims
		},
		{
			Name:         "attendee-experience",
			Repository:   "attendee-experience",
			Port:         8084,
			Routes:       []Route{below(400, "/api/v1/attendees", "/api/v1/content")},
			DatabaseUser: "attendee_experience_service",
			Buckets:      []BucketAccess{{Bucket: "content"}},
		},
		{
			Name:         "event-management",
			Repository:   "event-management",
			Port:         8081,
			Routes:       []Route{below(100, "/api/v1/events", "/api/v1/topics")},
			DatabaseUser: "event_management_service",
			Buckets:      []BucketAccess{{Bucket: "content", Write: true}, {Bucket: "imports"}}, // it migrates the past events
		},
		{
			Name:         "partner-analytics",
			Repository:   "partner-analytics",
			Port:         8083,
			Routes:       []Route{below(300, "/api/v1/partners")},
			DatabaseUser: "partner_analytics_service",
		},
		{
			Name:         "speaker-coordination",
			Repository:   "speaker-coordination",
			Port:         8082,
			Routes:       []Route{below(200, "/api/v1/speakers", "/api/v1/sessions")},
			DatabaseUser: "speaker_coordination_service",
			Buckets:      []BucketAccess{{Bucket: "content", Write: true}},
		},
	})
}

// withDefaults fills in what an entry leaves out and all services have alike.
func withDefaults(services []Service) []Service {
	for i := range services {
		s := &services[i]
		s.ReadinessPath = cmp.Or(s.ReadinessPath, "/actuator/health/readiness")
		s.LivenessPath = cmp.Or(s.LivenessPath, "/actuator/health/liveness")
		s.StartSeconds = cmp.Or(s.StartSeconds, 180) // Spring Boot on a quarter of a vCPU takes 60 to 120
		s.Cpu = cmp.Or(s.Cpu, 256)
		s.MemoryMiB = cmp.Or(s.MemoryMiB, 1024) // 512 would leave 288 beside the sidecars, too little for a JVM
		if s.Scaling.MaxTasks == 0 {
			s.Scaling = Scaling{MinTasks: 1, DesiredTasks: 1, MaxTasks: 2, TargetCpuPercent: 70, TargetMemoryPercent: 85}
		}
	}
	return services
}

// below routes paths and all that lies below them: two at most, each of which takes two of a rule's values.
func below(priority int, paths ...string) Route {
	route := Route{Priority: priority}
	for _, path := range paths {
		route.Paths = append(route.Paths, path, path+"/*")
	}
	return route
}

// scaled gives all services the same bounds.
func scaled(services []Service, scaling Scaling) []Service {
	for i := range services {
		services[i].Scaling = scaling
	}
	return services
}

// sized gives all services the same size.
func sized(services []Service, cpu, memoryMiB int) []Service {
	for i := range services {
		services[i].Cpu, services[i].MemoryMiB = cpu, memoryMiB
	}
	return services
}

// zurich is where BATbern's days begin and end.
const zurich = "Europe/Zurich"

// asleepAtNight gives each service office hours.
func asleepAtNight(services []Service) []Service {
	for i := range services {
		services[i].Scaling.Schedules = officeHours(services[i].Scaling)
	}
	return services
}

// officeHours stops a service at night and over the weekend and brings it back in the morning.
func officeHours(scaling Scaling) []Schedule {
	return []Schedule{
		{Name: "evening", Cron: "0 20 ? * MON-FRI *", Zone: zurich},
		{Name: "morning", Cron: "0 7 ? * MON-FRI *", Zone: zurich, MinTasks: scaling.MinTasks, MaxTasks: scaling.MaxTasks},
	}
}

// conferenceDays scale up at five in the morning of each day (month and day) and back at ten at night. The crons name no
// year: each comes again a year later, costs a day of capacity then, and no plan ever finds an action that AWS dropped.
func conferenceDays(scaling Scaling, minTasks int, days ...dayOfYear) []Schedule {
	var schedules []Schedule
	for _, day := range days {
		on := fmt.Sprintf("%d %d ?", day.of, day.month)
		name := fmt.Sprintf("%s-%02d", strings.ToLower(day.month.String()[:3]), day.of)
		schedules = append(schedules,
			Schedule{Name: "conference-" + name, Cron: "0 5 " + on + " *", Zone: zurich, MinTasks: minTasks, MaxTasks: max(scaling.MaxTasks, 2*minTasks)},
			Schedule{Name: "after-conference-" + name, Cron: "0 22 " + on + " *", Zone: zurich, MinTasks: scaling.MinTasks, MaxTasks: scaling.MaxTasks},
		)
	}
	return schedules
}

// dayOfYear is a day on which something happens. One that no year has is refused with the schedule that it is in.
type dayOfYear struct {
	month time.Month
	of    int
}

func day(month time.Month, dayOfMonth int) dayOfYear { return dayOfYear{month, dayOfMonth} }
