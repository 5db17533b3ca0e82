package resources_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/api"
	"github.com/batbern/infrastructure/constructs/compute"
	"github.com/batbern/infrastructure/constructs/loadbalancer"
	"github.com/batbern/infrastructure/constructs/network"
	"github.com/batbern/infrastructure/constructs/storage"
	"github.com/batbern/infrastructure/migrations"
)

// platform synthesizes network, cluster, load balancer, services and API of one environment, as its stack composes them.
func platform(t *testing.T, environment config.Environment) *testkit.Stack {
	t.Helper()
	const key = "arn:aws:kms:eu-central-1:222233334444:key/"
	return testkit.Construct(t, func(stack cdktf.TerraformStack) {
		name := environment.Stack()
		var ports []int
		repositories := map[string]compute.Repository{}
		for _, service := range environment.Services {
			ports = append(ports, service.Port)
			repositories[service.Name] = compute.Repository{
				URL: "111122223333.dkr.ecr.eu-central-1.amazonaws.com/" + service.Name,
				Arn: "arn:aws:ecr:eu-central-1:111122223333:repository/" + service.Name,
			}
		}
		secrets := map[string]string{}
		for _, secret := range environment.ExternalSecrets {
			secrets[secret.Name] = "arn:aws:secretsmanager:eu-central-1:222233334444:secret:" + secret.Name + "-AbCdEf"
		}
		vpc := network.New(stack, "network", network.Props{
			Name: name, Account: environment.Account, Network: environment.Network, DatabasePort: environment.Database.Port, ServicePorts: ports,
			BoundaryArn: "arn:aws:iam::222233334444:policy/boundary", LogsKeyArn: key + "logs", FlowLogsBucketArn: "arn:aws:s3:::logs",
		})
		balancer := loadbalancer.New(stack, "load_balancer", loadbalancer.Props{
			Name: name, Host: environment.Domains.Api(), Services: environment.Services, BlueGreen: environment.Compute.Rollout.BlueGreen(),
			Protection: environment.Protection, Vpc: vpc, CertificateArn: "arn:aws:acm:eu-central-1:222233334444:certificate/c", LogBucket: "logs", LogPrefix: "load-balancer",
		})
		cluster := compute.NewCluster(stack, "cluster", compute.ClusterProps{
			Name: name, Compute: environment.Compute, Vpc: vpc, DataKeyArn: key + "data", LogsKeyArn: key + "logs",
		})
		compute.NewServices(stack, "services", compute.ServicesProps{
			Name: name, Environment: string(environment.Name), Account: environment.Account, BaseAccountID: "111122223333", Compute: environment.Compute,
			Services: environment.Services, Vpc: vpc, Cluster: cluster, LoadBalancer: balancer, Repositories: repositories,
			Database:   &compute.DatabaseAccess{ProxyResourceID: "prx-0123456789abcdef0", Endpoint: "proxy.example", Port: 5432, Name: "batbern"},
			Buckets:    map[string]storage.Bucket{"content": {Name: "content-bucket", Arn: "arn:aws:s3:::content-bucket"}, "imports": {Name: "imports-bucket", Arn: "arn:aws:s3:::imports-bucket"}},
			SecretArns: secrets, LogsKeyArn: key + "logs", SecretsKeyArn: key + "secrets", StorageKeyArn: key + "storage",
			BoundaryArn: "arn:aws:iam::222233334444:policy/boundary", AlarmTopicArn: "arn:aws:sns:eu-central-1:222233334444:alarms",
		})
		api.New(stack, "api", api.Props{
			Name: name, Api: environment.Api, Domains: environment.Domains, Vpc: vpc, ListenerArn: balancer.ListenerArn,
			CertificateArn: "arn:aws:acm:eu-central-1:222233334444:certificate/c", LogsKeyArn: key + "logs",
		})
	})
}

func TestContainerInfrastructure(t *testing.T) {
	t.Run("should_createECSCluster_when_environmentDeployed", func(t *testing.T) {
		for _, environment := range testkit.Project(t).Environments {
			stack := testkit.StackNamed(t, environment.Stack())
			insights := "enabled"
			if environment.Production {
				insights = "enhanced"
			}
			testkit.HasResourceWithProperties(t, stack, "aws_ecs_cluster", map[string]any{
				"name": stack.Name, "setting": []any{map[string]any{"name": "containerInsights", "value": insights}},
			})
			if clusters := stack.Resources("aws_ecs_cluster"); len(clusters) != 1 {
				t.Errorf("%s has %d clusters", stack.Name, len(clusters))
			}
			testkit.HasResourceWithProperties(t, stack, "aws_ecs_cluster_capacity_providers", map[string]any{"capacity_providers": []any{"FARGATE", "FARGATE_SPOT"}})
			for _, service := range environment.Services {
				stack.Resource(t, "aws_ecs_service", below(service.Name, "service"))
			}
		}
	})
	t.Run("should_configureHealthChecks_when_ALBCreated", func(t *testing.T) {
		for _, environment := range testkit.Project(t).Environments {
			stack := testkit.StackNamed(t, environment.Stack())
			testkit.HasResourceWithProperties(t, stack, "aws_lb", map[string]any{"internal": true, "load_balancer_type": "application"})
			for _, service := range environment.Services {
				group := stack.Resource(t, "aws_lb_target_group", "load_balancer/"+snake(service.Name)+"/blue")
				check := group.Body["health_check"].(map[string]any)
				if check["path"] != service.ReadinessPath || check["matcher"] != "200" || group.Body["port"] != float64(service.Port) {
					t.Errorf("%s: %s checks %v on port %v", stack.Name, group.Address(), check, group.Body["port"])
				}
				if check["timeout"].(float64) >= check["interval"].(float64) {
					t.Errorf("%s: AWS wants the interval %v to be longer than the timeout %v", group.Address(), check["interval"], check["timeout"])
				}
			}
		}
	})
	t.Run("should_applyAutoScaling_when_serviceDeployed", func(t *testing.T) {
		for _, environment := range testkit.Project(t).Environments {
			stack := testkit.StackNamed(t, environment.Stack())
			for _, service := range environment.Services {
				target := stack.Resource(t, "aws_appautoscaling_target", below(service.Name, "scaling_target"))
				if target.Body["min_capacity"] != float64(service.Scaling.MinTasks) || target.Body["max_capacity"] != float64(service.Scaling.MaxTasks) {
					t.Errorf("%s: %s is between %v and %v", stack.Name, target.Address(), target.Body["min_capacity"], target.Body["max_capacity"])
				}
				for policy, goal := range map[string]int{
					"cpu": service.Scaling.TargetCpuPercent, "memory": service.Scaling.TargetMemoryPercent, "requests": service.Scaling.TargetRequestsPerMinute,
				} {
					if goal == 0 {
						continue
					}
					tracking := stack.Resource(t, "aws_appautoscaling_policy", below(service.Name, "scaling_"+policy)).Body["target_tracking_scaling_policy_configuration"].(map[string]any)
					if tracking["target_value"] != float64(goal) {
						t.Errorf("%s: %s of %s aims at %v, not %d", stack.Name, policy, service.Name, tracking["target_value"], goal)
					}
					if tracking["scale_out_cooldown"].(float64) >= tracking["scale_in_cooldown"].(float64) {
						t.Errorf("%s: %s of %s takes tasks away as fast as it adds them", stack.Name, policy, service.Name)
					}
				}
			}
		}
	})
	t.Run("should_enableServiceDiscovery_when_servicesRegistered", func(t *testing.T) {
		for _, environment := range testkit.Project(t).Environments {
			stack := testkit.StackNamed(t, environment.Stack())
			testkit.HasResourceWithProperties(t, stack, "aws_service_discovery_private_dns_namespace", map[string]any{"name": stack.Name + ".internal"})
			for _, service := range environment.Services {
				registry := stack.Resource(t, "aws_service_discovery_service", below(service.Name, "registry"))
				running := stack.Resource(t, "aws_ecs_service", below(service.Name, "service"))
				if registry.Text("name") != service.Name || !strings.Contains(fmt.Sprint(running.Body["service_registries"]), registry.Address()) {
					t.Errorf("%s: %s is not found as %s: %v", stack.Name, service.Name, registry.Text("name"), running.Body["service_registries"])
				}
			}
		}
	})
}

// Production and staging roll out by CodeDeploy, development one by one and mostly on Spot.
func TestRolloutByEnvironment(t *testing.T) {
	for _, environment := range testkit.Project(t).Environments {
		stack := testkit.StackNamed(t, environment.Stack())
		for _, service := range environment.Services {
			running := stack.Resource(t, "aws_ecs_service", below(service.Name, "service"))
			controller := running.Body["deployment_controller"].(map[string]any)["type"]
			ignored := fmt.Sprint(running.Body["lifecycle"].(map[string]any)["ignore_changes"])
			for _, left := range []string{"desired_count", "task_definition"} {
				if !strings.Contains(ignored, left) {
					t.Errorf("%s: %s would set back %s: it ignores %s", stack.Name, service.Name, left, ignored)
				}
			}
			if environment.Name == config.Dev {
				if controller != "ECS" || running.Body["deployment_circuit_breaker"] == nil || running.Body["alarms"] == nil {
					t.Errorf("%s: %s does not roll with circuit breaker and alarms", stack.Name, service.Name)
				}
				if shares := fmt.Sprint(running.Body["capacity_provider_strategy"]); !strings.Contains(shares, "map[base:0 capacity_provider:FARGATE_SPOT weight:4]") {
					t.Errorf("%s: %s runs on %s", stack.Name, service.Name, shares)
				}
				continue
			}
			for _, left := range []string{"capacity_provider_strategy", "load_balancer", "network_configuration"} {
				if !strings.Contains(ignored, left) {
					t.Errorf("%s: AWS would refuse to change %s of %s", stack.Name, left, service.Name)
				}
			}
			for _, refused := range []string{"deployment_circuit_breaker", "alarms", "force_new_deployment", "service_connect_configuration"} {
				if running.Body[refused] != nil {
					t.Errorf("%s: %s has %s, which AWS refuses with CodeDeploy", stack.Name, service.Name, refused)
				}
			}
			group := stack.Resource(t, "aws_codedeploy_deployment_group", below(service.Name, "deployment_group"))
			if controller != "CODE_DEPLOY" || group.Text("deployment_config_name") != environment.Compute.Rollout.TrafficShift {
				t.Errorf("%s: %s rolls out by %v with %s", stack.Name, service.Name, controller, group.Text("deployment_config_name"))
			}
			pair := group.Body["load_balancer_info"].(map[string]any)["target_group_pair_info"].(map[string]any)
			if groups := pair["target_group"].([]any); len(groups) != 2 {
				t.Errorf("%s: %s has %d target groups", stack.Name, service.Name, len(groups))
			}
			if fmt.Sprint(pair["prod_traffic_route"]) == fmt.Sprint(pair["test_traffic_route"]) {
				t.Errorf("%s: %s tests on the production listener", stack.Name, service.Name)
			}
			if alarms := group.Body["alarm_configuration"].(map[string]any); alarms["enabled"] != true || len(alarms["alarms"].([]any)) == 0 || alarms["ignore_poll_alarm_failure"] == true {
				t.Errorf("%s: no alarm stops a rollout of %s: %v", stack.Name, service.Name, alarms)
			}
		}
	}
}

// taskContainers are the container definitions of a task definition.
func taskContainers(t testing.TB, task testkit.Resource) []map[string]any {
	t.Helper()
	var containers []map[string]any
	if err := json.Unmarshal([]byte(task.Text("container_definitions")), &containers); err != nil {
		t.Fatalf("%s: %v", task.Address(), err)
	}
	return containers
}

// taggedOnly is a repository with a tag and no digest.
var taggedOnly = regexp.MustCompile(`^[a-z0-9/-]+:v?[0-9]+\.[0-9]+\.[0-9]+$`)

var secretLooking = regexp.MustCompile(`(?i)PASSWORD|SECRET|TOKEN|KEY$`)

// Every container of every task is closed as far as it goes, and says all that ECS would say back.
func TestContainersAreHardened(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		tasks := stack.Resources("aws_ecs_task_definition")
		if len(tasks) == 0 {
			t.Fatalf("%s has no task definition", stack.Name)
		}
		for _, task := range tasks {
			if task.Body["network_mode"] != "awsvpc" || !strings.Contains(fmt.Sprint(task.Body["runtime_platform"]), "ARM64") {
				t.Errorf("%s: %s", stack.Name, task.Address())
			}
			memory := 0.0
			for _, c := range taskContainers(t, task) {
				at := fmt.Sprintf("%s: %s, container %v", stack.Name, task.Address(), c["name"])
				if c["readonlyRootFilesystem"] != true || c["privileged"] != false {
					t.Errorf("%s can write its root, or is privileged", at)
				}
				if user, _ := c["user"].(string); user == "" || strings.HasPrefix(user, "0") || strings.HasPrefix(user, "root") {
					t.Errorf("%s runs as %q", at, user)
				}
				linux := c["linuxParameters"].(map[string]any)
				if !reflect.DeepEqual(linux["capabilities"], map[string]any{"add": []any{}, "drop": []any{"ALL"}}) || linux["initProcessEnabled"] != true {
					t.Errorf("%s: linux parameters %v", at, linux)
				}
				log := c["logConfiguration"].(map[string]any)
				// a service must not stall for its log; a migration's log must not lose a line
				mode := "non-blocking"
				if c["name"] == migrations.Container {
					mode = "blocking"
				}
				if log["logDriver"] != "awslogs" || log["options"].(map[string]any)["mode"] != mode {
					t.Errorf("%s logs by %v", at, log)
				}
				for _, list := range []string{"environment", "mountPoints", "portMappings", "systemControls", "volumesFrom"} {
					if _, written := c[list].([]any); !written {
						t.Errorf("%s: %s is not a list: ECS returns one, and the next plan would be a new revision", at, list)
					}
				}
				for _, variable := range c["environment"].([]any) {
					if name := variable.(map[string]any)["name"].(string); secretLooking.MatchString(name) {
						t.Errorf("%s: %s stands in the environment", at, name)
					}
				}
				image := c["image"].(string)
				// A public image comes from the account's own registry, never from the internet's. ECR does not find an
				// image by its digest before it has cached it: https://github.com/aws/containers-roadmap/issues/2837
				_, public, cached := strings.Cut(image, ".amazonaws.com/public/")
				if cached && !taggedOnly.MatchString(public) || strings.HasPrefix(image, "public.ecr.aws/") {
					t.Errorf("%s: image %s", at, image)
				}
				if delay := c["stopTimeout"].(float64); delay <= loadbalancer.DeregistrationSeconds || delay >= 120 {
					t.Errorf("%s stops in %v seconds", at, delay)
				}
				if c["memory"].(float64) <= 0 {
					t.Errorf("%s has no memory limit", at)
				}
				memory += c["memory"].(float64)
				if strings.Contains(fmt.Sprint(c["healthCheck"]), "curl") {
					t.Errorf("%s needs curl in its image", at)
				}
			}
			if most, _ := strconv.ParseFloat(task.Text("memory"), 64); memory > most {
				t.Errorf("%s: %s promises %v MiB of %v", stack.Name, task.Address(), memory, most)
			}
		}
	}
}

// The service's own container has a /tmp that its user can write, nothing in it but the template's image, and beside it
// a probe that says whether the task is healthy and a collector that may fail.
func TestTemplateOfAService(t *testing.T) {
	for _, environment := range testkit.Project(t).Environments {
		stack := testkit.StackNamed(t, environment.Stack())
		for _, service := range environment.Services {
			byName := map[string]map[string]any{}
			for _, c := range taskContainers(t, stack.Resource(t, "aws_ecs_task_definition", below(service.Name, "template"))) {
				byName[c["name"].(string)] = c
			}
			app, probe, collector := byName["app"], byName["probe"], byName["collector"]
			if tmp := fmt.Sprint(app["linuxParameters"].(map[string]any)["tmpfs"]); !strings.Contains(tmp, "containerPath:/tmp ") {
				t.Errorf("%s: %s cannot write /tmp: %s", stack.Name, service.Name, tmp)
			}
			if app["essential"] != true || probe["essential"] != true || collector["essential"] != false {
				t.Errorf("%s: %s: essential are app %v, probe %v, collector %v", stack.Name, service.Name, app["essential"], probe["essential"], collector["essential"])
			}
			check := fmt.Sprint(probe["healthCheck"].(map[string]any)["command"])
			if !strings.Contains(check, fmt.Sprintf("http://127.0.0.1:%d%s", service.Port, service.LivenessPath)) {
				t.Errorf("%s: %s is probed by %s", stack.Name, service.Name, check)
			}
			// AWS, "Container restart policy": a collector that crashed would stay away until the next rollout
			if policy := collector["restartPolicy"]; !reflect.DeepEqual(policy, map[string]any{"enabled": true, "ignoredExitCodes": []any{0.0}, "restartAttemptPeriod": 60.0}) {
				t.Errorf("%s: %s: restart policy of the collector is %v", stack.Name, service.Name, policy)
			}
			springFaults(t, stack.Name+": "+service.Name, app)
			if mounts := app["mountPoints"].([]any); (len(mounts) > 0) != environment.Compute.Exec {
				t.Errorf("%s: %s mounts %v where exec is %t", stack.Name, service.Name, mounts, environment.Compute.Exec)
			}
			running := stack.Resource(t, "aws_ecs_service", below(service.Name, "service"))
			if running.Body["enable_execute_command"] != environment.Compute.Exec || environment.Production && environment.Compute.Exec {
				t.Errorf("%s: shell into %s: %v", stack.Name, service.Name, running.Body["enable_execute_command"])
			}
		}
	}
}

// springFaults reports settings of Spring Boot that differ from what the platform relies on, and a stack trace that would
// be several log events.
func springFaults(t *testing.T, at string, app map[string]any) {
	t.Helper()
	found := map[string]string{}
	for _, entry := range app["environment"].([]any) {
		variable := entry.(map[string]any)
		found[variable["name"].(string)] = variable["value"].(string)
	}
	for name, wanted := range map[string]string{
		"LOGGING_STRUCTURED_FORMAT_CONSOLE":                  "ecs",
		"MANAGEMENT_ENDPOINT_HEALTH_GROUP_LIVENESS_INCLUDE":  "livenessState",
		"MANAGEMENT_ENDPOINT_HEALTH_GROUP_READINESS_INCLUDE": "readinessState", // no db, no redis: ECS replaces what fails
		"MANAGEMENT_ENDPOINT_HEALTH_PROBES_ENABLED":          "true",
		"SERVER_SHUTDOWN": "graceful",
	} {
		if found[name] != wanted {
			t.Errorf("%s: %s is %q, wanted %q", at, name, found[name], wanted)
		}
	}
	begins := regexp.MustCompile(app["logConfiguration"].(map[string]any)["options"].(map[string]any)["awslogs-multiline-pattern"].(string))
	for line, event := range map[string]bool{
		`{"@timestamp":"2026-11-25T10:00:00.000Z","log.level":"ERROR"}`:    true,
		"2026-11-25T10:00:00.000Z ERROR 1 --- [main] c.b.Application : no": true,
		"2026-11-25 10:00:00.000 ERROR 1 --- [main] c.b.Application : no":  true,
		"[2026-11-25T10:00:00.000+0000][info][gc] GC(0) Pause Young":       true,
		"java.lang.IllegalStateException: no":                              false,
		"\tat ch.batbern.Application.main(Application.java:12)":            false,
		"Caused by: java.sql.SQLException: no":                             false,
		"\t... 12 more":                                                    false,
		"  .   ____          _            __ _ _":                          false,
	} {
		if begins.MatchString(line) != event {
			t.Errorf("%s: %q begins an event: %t", at, line, !event)
		}
	}
}

// Before a service was ever deployed it runs something that answers on its port and path, from a public image.
func TestPlaceholderAnswersTheHealthCheck(t *testing.T) {
	for _, environment := range testkit.Project(t).Environments {
		stack := testkit.StackNamed(t, environment.Stack())
		for _, service := range environment.Services {
			task := stack.Resource(t, "aws_ecs_task_definition", below(service.Name, "placeholder"))
			running := stack.Resource(t, "aws_ecs_service", below(service.Name, "service"))
			if running.Text("task_definition") != "${"+task.Address()+".arn}" {
				t.Errorf("%s: %s begins with %s", stack.Name, service.Name, running.Text("task_definition"))
			}
			c := taskContainers(t, task)[0]
			command := fmt.Sprint(c["command"])
			for _, part := range []string{"> /tmp/www" + service.ReadinessPath + " ", "> /tmp/www" + service.LivenessPath + " ", fmt.Sprintf("-p %d ", service.Port)} {
				if !strings.Contains(command, part) {
					t.Errorf("%s: the placeholder of %s runs %s, without %s", stack.Name, service.Name, command, part)
				}
			}
			port := c["portMappings"].([]any)[0].(map[string]any)
			if c["name"] != "app" || port["containerPort"] != float64(service.Port) || port["hostPort"] != port["containerPort"] {
				t.Errorf("%s: container %v of %s has port %v", stack.Name, c["name"], service.Name, port)
			}
		}
	}
}

// A pipeline finds all that it needs in one parameter, and it fits.
func TestDeploymentParameter(t *testing.T) {
	for _, environment := range testkit.Project(t).Environments {
		stack := testkit.StackNamed(t, environment.Stack())
		for _, service := range environment.Services {
			parameter := stack.Resource(t, "aws_ssm_parameter", below(service.Name, "deployment"))
			what := parameter.Policy(t, "insecure_value")
			template := stack.Resource(t, "aws_ecs_task_definition", below(service.Name, "template"))
			if parameter.Text("name") != fmt.Sprintf("/batbern/%s/services/%s/deployment", environment.Name, service.Name) || what["template"] != "${"+template.Address()+".arn}" {
				t.Errorf("%s: %s: %v", stack.Name, parameter.Text("name"), what)
			}
			if (what["deploymentGroup"] != nil) != environment.Compute.Rollout.BlueGreen() {
				t.Errorf("%s: deployment group %v", stack.Name, what["deploymentGroup"])
			}
			if what["family"] == template.Text("family") {
				t.Errorf("%s: pipelines register in the template's own family %v", stack.Name, what["family"])
			}
		}
	}
}

// entry is a service that uses everything an entry can name.
func entry() config.Service {
	return config.Service{
		Name: "newsletter", Port: 8085, ReadinessPath: "/ready", LivenessPath: "/live", StartSeconds: 60, Cpu: 512, MemoryMiB: 1024,
		Routes:       []config.Route{{Priority: 500, Paths: []string{"/api/v1/newsletter"}}},
		Environment:  map[string]string{"SENDER": "news@batbern.ch <&>", "A_FIRST": "1"},
		Secrets:      []config.Secret{{Variable: "MAIL_USER", Secret: "mail", Key: "username"}, {Variable: "MAIL_PASS", Secret: "mail", Key: "password"}},
		DatabaseUser: "newsletter",
		Buckets:      []config.BucketAccess{{Bucket: "content"}, {Bucket: "imports", Write: true}},
		Permissions:  []config.Permission{{Actions: []string{"events:PutEvents"}, Resources: []string{"arn:aws:events:{region}:{account}:event-bus/{name}"}}},
		Scaling: config.Scaling{MinTasks: 2, DesiredTasks: 2, MaxTasks: 4, TargetCpuPercent: 50,
			Schedules: []config.Schedule{{Name: "night", Cron: "0 22 ? * * *", Zone: "Europe/Zurich"}}},
	}
}

// with is an environment with one service more.
func with(environment config.Environment, service config.Service) config.Environment {
	environment.ExternalSecrets = []config.ExternalSecret{{Name: "mail"}, {Name: "other"}}
	environment.Services = append(slices.Clone(environment.Services), service)
	return environment
}

// What a service may do is what its entry names, and nothing else: every statement is compared with the entry.
func TestServiceReachesOnlyWhatItsEntryNames(t *testing.T) {
	environment := testkit.Project(t).Environments[2]
	stack := platform(t, with(environment, entry()))
	const account = "444455556666"
	granted := func(id, name string) map[string]string {
		rights := map[string]string{}
		for _, statement := range statements(t, stack.Resource(t, "aws_iam_role_policy", below(name, id)), "policy") {
			for _, action := range statement.Actions {
				rights[action] = strings.TrimSpace(rights[action] + " " + strings.Join(statement.Resources, " "))
			}
		}
		return rights
	}
	log := stack.Resource(t, "aws_cloudwatch_log_group", below("newsletter", "log_group")).Address()
	const mail = "arn:aws:secretsmanager:eu-central-1:222233334444:secret:mail-AbCdEf"
	for id, want := range map[string]map[string]string{
		"execution_policy": {
			"ecr:GetAuthorizationToken":       "*",
			"ecr:BatchImportUpstreamImage":    "arn:aws:ecr:eu-central-1:" + account + ":repository/public/*",
			"ecr:CreateRepository":            "arn:aws:ecr:eu-central-1:" + account + ":repository/public/*",
			"ecr:BatchCheckLayerAvailability": "arn:aws:ecr:eu-central-1:111122223333:repository/newsletter arn:aws:ecr:eu-central-1:" + account + ":repository/public/*",
			"ecr:BatchGetImage":               "arn:aws:ecr:eu-central-1:111122223333:repository/newsletter arn:aws:ecr:eu-central-1:" + account + ":repository/public/*",
			"ecr:GetDownloadUrlForLayer":      "arn:aws:ecr:eu-central-1:111122223333:repository/newsletter arn:aws:ecr:eu-central-1:" + account + ":repository/public/*",
			"logs:CreateLogStream":            "${" + log + ".arn}:*",
			"logs:PutLogEvents":               "${" + log + ".arn}:*",
			"secretsmanager:GetSecretValue":   mail,
			"kms:Decrypt":                     "arn:aws:kms:eu-central-1:222233334444:key/secrets",
		},
		"task_policy": {
			"xray:GetSamplingRules": "*", "xray:GetSamplingTargets": "*", "xray:PutTelemetryRecords": "*", "xray:PutTraceSegments": "*",
			"rds-db:connect":          "arn:aws:rds-db:eu-central-1:" + account + ":dbuser:prx-0123456789abcdef0/newsletter",
			"s3:ListBucket":           "arn:aws:s3:::content-bucket arn:aws:s3:::imports-bucket",
			"s3:GetObject":            "arn:aws:s3:::content-bucket/* arn:aws:s3:::imports-bucket/*",
			"s3:PutObject":            "arn:aws:s3:::imports-bucket/*",
			"s3:AbortMultipartUpload": "arn:aws:s3:::imports-bucket/*",
			"kms:Decrypt":             "arn:aws:kms:eu-central-1:222233334444:key/storage",
			"kms:GenerateDataKey":     "arn:aws:kms:eu-central-1:222233334444:key/storage",
			"events:PutEvents":        "arn:aws:events:eu-central-1:" + account + ":event-bus/batbern-prod",
		},
	} {
		if got := granted(id, "newsletter"); !maps.Equal(got, want) {
			t.Errorf("%s:\n got %v\nwant %v", id, got, want)
		}
	}
	bare := granted("task_policy", "api-gateway")
	for action := range bare {
		if !strings.HasPrefix(action, "xray:") {
			t.Errorf("api-gateway, whose entry names nothing, may %s on %s", action, bare[action])
		}
	}
}

// Trust is for this account's resources, and all roles are bounded.
func TestRolesAreBoundAndTrustNarrowly(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		for _, role := range stack.Resources("aws_iam_role") {
			if !strings.HasPrefix(role.Path, "services/") || strings.HasSuffix(role.Path, "/pipeline_role") { // pipelines_test.go
				continue
			}
			if role.Text("permissions_boundary") == "" {
				t.Errorf("%s: %s has no boundary", stack.Name, role.Path)
			}
			for _, statement := range statements(t, role, "assume_role_policy") {
				if statement.Conditions["StringEquals"]["aws:SourceAccount"] == nil || statement.Conditions["ArnLike"]["aws:SourceArn"] == nil {
					t.Errorf("%s: %s trusts anybody's %v", stack.Name, role.Path, statement.Principals.Services)
				}
			}
		}
	}
}

// What an entry says stands in the task: sorted, secrets by their key, nothing escaped for HTML.
func TestEntryStandsInTheTask(t *testing.T) {
	stack := platform(t, with(testkit.Project(t).Environments[0], entry()))
	task := stack.Resource(t, "aws_ecs_task_definition", below("newsletter", "template"))
	text := task.Text("container_definitions")
	if strings.Contains(text, `\u00`) || !strings.Contains(text, "news@batbern.ch <&>") {
		t.Error("a value is escaped for HTML")
	}
	for _, c := range taskContainers(t, task) {
		if c["name"] != "app" {
			continue
		}
		var names []string
		for _, variable := range c["environment"].([]any) {
			names = append(names, variable.(map[string]any)["name"].(string))
		}
		if !slices.IsSorted(names) || names[0] != "A_FIRST" {
			t.Errorf("variables are not in order: %v", names)
		}
		const mail = "arn:aws:secretsmanager:eu-central-1:222233334444:secret:mail-AbCdEf:"
		want := []any{
			map[string]any{"name": "MAIL_PASS", "valueFrom": mail + "password::"},
			map[string]any{"name": "MAIL_USER", "valueFrom": mail + "username::"},
		}
		if !reflect.DeepEqual(c["secrets"], want) {
			t.Errorf("secrets %v", c["secrets"])
		}
		if c["memory"] != float64(1024-config.SidecarMemoryMiB) {
			t.Errorf("memory %v", c["memory"])
		}
	}
	schedule := stack.Resource(t, "aws_appautoscaling_scheduled_action", below("newsletter", "schedule_night"))
	if schedule.Text("timezone") != "Europe/Zurich" || schedule.Text("schedule") != "cron(0 22 ? * * *)" {
		t.Errorf("schedule %v", schedule.Body)
	}
}

// One service's coming, going, or place in the list changes no resource of another.
func TestServicesStandApart(t *testing.T) {
	for _, environment := range rollingAndBlueGreen(t) {
		before := resourcesByAddress(platform(t, environment))
		reversed := environment
		reversed.Services = slices.Clone(environment.Services)
		slices.Reverse(reversed.Services)
		for _, wrong := range moved(before, resourcesByAddress(platform(t, reversed)), "nothing") {
			t.Errorf("%s, in another order: %s", environment.Name, wrong)
		}
		after := resourcesByAddress(platform(t, with(environment, entry())))
		for _, wrong := range moved(before, after, "newsletter") {
			t.Errorf("%s, with one more: %s", environment.Name, wrong)
		}
		if len(after) <= len(before) {
			t.Errorf("%s: a new service makes nothing", environment.Name)
		}
	}
}

// rollingAndBlueGreen are one environment of each way to roll out.
func rollingAndBlueGreen(t *testing.T) []config.Environment {
	all := testkit.Project(t).Environments
	return []config.Environment{all[0], all[len(all)-1]}
}

// moved are the differences between two stacks that are not about the service (its port included).
func moved(before, after map[string]testkit.Resource, service string) []string {
	var wrong []string
	about := func(r testkit.Resource) bool {
		return strings.Contains(r.Path, service) || strings.HasSuffix(r.Path, fmt.Sprint("_", entry().Port))
	}
	for address, resource := range before {
		if other, stays := after[address]; !stays {
			wrong = append(wrong, address+" is gone")
		} else if !reflect.DeepEqual(resource.Body, other.Body) {
			wrong = append(wrong, address+" is another")
		}
	}
	for address, resource := range after {
		if _, stood := before[address]; !stood && !about(resource) {
			wrong = append(wrong, address+" is new")
		}
	}
	slices.Sort(wrong)
	return wrong
}

// As many services as one load balancer takes fit every limit that the synthesized stack shows.
func TestFiftyServicesFit(t *testing.T) {
	for _, environment := range rollingAndBlueGreen(t) {
		environment.Services = nil
		for i := range 50 {
			service := entry()
			service.Name = fmt.Sprintf("service-with-long-name%02d", i) // 24 characters: the longest
			service.Port, service.DatabaseUser = 60000+i%30, fmt.Sprintf("user_%d", i)
			service.Routes = []config.Route{{Priority: 100 + i, Paths: []string{fmt.Sprintf("/api/%d", i), fmt.Sprintf("/api/%d/*", i)}}}
			environment.Services = append(environment.Services, service)
		}
		environment.ExternalSecrets = []config.ExternalSecret{{Name: "mail"}}
		stack := platform(t, environment)
		perListener := map[string]int{}
		for _, rule := range stack.Resources("aws_lb_listener_rule") {
			perListener[rule.Text("listener_arn")]++
		}
		total := 0
		for _, rules := range perListener {
			total += rules
		}
		atMost(t, environment, "rules of the load balancer", total, 100)
		atMost(t, environment, "target groups", len(stack.Resources("aws_lb_target_group")), 100)
		for _, group := range stack.Resources("aws_lb_target_group") {
			atMost(t, environment, group.Text("name"), len(group.Text("name")), 32)
		}
		for _, role := range stack.Resources("aws_iam_role") {
			atMost(t, environment, role.Text("name"), len(role.Text("name")), 64)
		}
		for _, policy := range stack.Resources("aws_iam_role_policy") {
			atMost(t, environment, policy.Path, len(policy.Text("policy")), 10240)
		}
		for _, task := range stack.Resources("aws_ecs_task_definition") {
			atMost(t, environment, task.Path, len(task.Text("container_definitions")), 64*1024)
			atMost(t, environment, task.Path, len(taskContainers(t, task)), 10)
		}
		for _, parameter := range stack.Resources("aws_ssm_parameter") {
			atMost(t, environment, parameter.Path, len(parameter.Text("insecure_value")), 4096)
		}
		for _, direction := range []string{"ingress", "egress"} {
			perGroup := map[string]int{}
			for _, rule := range stack.Resources("aws_vpc_security_group_" + direction + "_rule") {
				perGroup[rule.Text("security_group_id")]++
			}
			for group, rules := range perGroup {
				atMost(t, environment, direction+" rules of "+group, rules, 60)
			}
		}
	}
}

func atMost(t *testing.T, environment config.Environment, what string, found, limit int) {
	t.Helper()
	if found > limit {
		t.Errorf("%s: %s: %d, AWS takes %d", environment.Name, what, found, limit)
	}
}

// Rollback alarms watch both target groups and give a JVM time to start.
func TestRollbackAlarms(t *testing.T) {
	for _, environment := range testkit.Project(t).Environments {
		stack := testkit.StackNamed(t, environment.Stack())
		for _, service := range environment.Services {
			for _, id := range []string{"rollback_5xx", "rollback_unhealthy"} {
				alarm := stack.Resource(t, "aws_cloudwatch_metric_alarm", below(service.Name, id))
				groups := 1
				if environment.Compute.Rollout.BlueGreen() {
					groups = 2
				}
				if queries := alarm.Body["metric_query"].([]any); len(queries) != groups+1 {
					t.Errorf("%s: %s has %d queries", stack.Name, alarm.Path, len(queries))
				}
				if id == "rollback_unhealthy" && alarm.Body["evaluation_periods"].(float64)*60 <= float64(service.StartSeconds) {
					t.Errorf("%s: %s sounds while a task may still start", stack.Name, alarm.Path)
				}
			}
		}
	}
}

// What a load balancer answers without a rule is 404, over TLS alone.
func TestListeners(t *testing.T) {
	policies := []string{ // ELB.17
		"ELBSecurityPolicy-TLS13-1-2-Res-2021-06", "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04",
		"ELBSecurityPolicy-TLS13-1-3-2021-06", "ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04",
	}
	for _, environment := range testkit.Project(t).Environments {
		stack := testkit.StackNamed(t, environment.Stack())
		listeners := stack.Resources("aws_lb_listener")
		if want := map[bool]int{false: 1, true: 2}[environment.Compute.Rollout.BlueGreen()]; len(listeners) != want {
			t.Errorf("%s has %d listeners, not %d", stack.Name, len(listeners), want)
		}
		for _, listener := range listeners {
			if listener.Text("protocol") != "HTTPS" || !slices.Contains(policies, listener.Text("ssl_policy")) {
				t.Errorf("%s: %s speaks %s with %s", stack.Name, listener.Path, listener.Text("protocol"), listener.Text("ssl_policy"))
			}
			if action := fmt.Sprint(listener.Body["default_action"]); !strings.Contains(action, "status_code:404") {
				t.Errorf("%s: %s answers %s", stack.Name, listener.Path, action)
			}
		}
		balancer := stack.Resources("aws_lb")[0]
		// "strictest" answers 400 to Content-Length: 0 on GET, which API Gateway sends; "monitor" fails ELB.12
		if balancer.Text("desync_mitigation_mode") != "defensive" {
			t.Errorf("%s: desync mode %s", stack.Name, balancer.Text("desync_mitigation_mode"))
		}
		if balancer.Body["enable_deletion_protection"] != environment.Protection.DeletionProtection() || balancer.Body["drop_invalid_header_fields"] != true {
			t.Errorf("%s: %v", stack.Name, balancer.Body)
		}
		for _, log := range []string{"access_logs", "connection_logs"} {
			to := balancer.Body[log].(map[string]any)
			if bucket := stack.Resources("aws_s3_bucket_policy"); to["enabled"] != true || !slices.ContainsFunc(bucket, func(p testkit.Resource) bool {
				return to["bucket"] == "${"+p.Address()+".bucket}"
			}) {
				t.Errorf("%s: %s go to %v, which does not wait for the bucket's policy", stack.Name, log, to)
			}
		}
		for _, group := range stack.Resources("aws_lb_target_group") {
			if group.Text("deregistration_delay") != fmt.Sprint(loadbalancer.DeregistrationSeconds) || group.Body["slow_start"] == nil {
				t.Errorf("%s: %s: %v", stack.Name, group.Path, group.Body)
			}
		}
		for _, rule := range stack.Resources("aws_lb_listener_rule") {
			if conditions := fmt.Sprint(rule.Body["condition"]); !strings.Contains(conditions, environment.Domains.Api()) {
				t.Errorf("%s: %s is for any host: %s", stack.Name, rule.Path, conditions)
			}
			ignored := fmt.Sprint(rule.Body["lifecycle"])
			if strings.Contains(ignored, "action") != environment.Compute.Rollout.BlueGreen() {
				t.Errorf("%s: %s: lifecycle %s", stack.Name, rule.Path, ignored)
			}
		}
	}
}

// The API is one name over TLS 1.2 or newer, throttled and logged; who may call it from a page is written down.
func TestApi(t *testing.T) {
	for _, environment := range testkit.Project(t).Environments {
		stack := testkit.StackNamed(t, environment.Stack())
		testkit.HasResourceWithProperties(t, stack, "aws_apigatewayv2_api", map[string]any{"protocol_type": "HTTP", "disable_execute_api_endpoint": true})
		origins := stack.Resources("aws_apigatewayv2_api")[0].Body["cors_configuration"].(map[string]any)["allow_origins"].([]any)
		if slices.Contains(origins, any("*")) || origins[0] != "https://"+environment.Domains.Www() {
			t.Errorf("%s: pages of %v may call", stack.Name, origins)
		}
		integration := stack.Resources("aws_apigatewayv2_integration")[0]
		if integration.Text("connection_type") != "VPC_LINK" || !strings.Contains(fmt.Sprint(integration.Body["tls_config"]), environment.Domains.Api()) {
			t.Errorf("%s: %v", stack.Name, integration.Body)
		}
		domain := stack.Resources("aws_apigatewayv2_domain_name")[0]
		if domain.Text("domain_name") != environment.Domains.Api() || !strings.Contains(fmt.Sprint(domain.Body["domain_name_configuration"]), "TLS_1_2") {
			t.Errorf("%s: %v", stack.Name, domain.Body)
		}
		stage := stack.Resources("aws_apigatewayv2_stage")[0]
		settings, log := stage.Body["default_route_settings"].(map[string]any), stage.Body["access_log_settings"].(map[string]any)
		if settings["throttling_rate_limit"] != float64(environment.Api.RequestsPerSecond) || settings["throttling_burst_limit"] != float64(environment.Api.BurstRequests) {
			t.Errorf("%s: throttled by %v", stack.Name, settings)
		}
		var line map[string]string
		if err := json.Unmarshal([]byte(log["format"].(string)), &line); err != nil || line["requestId"] != "$context.requestId" {
			t.Errorf("%s: a line of the access log is %v: %v", stack.Name, log["format"], err)
		}
		for _, kind := range []string{"A", "AAAA"} {
			testkit.HasResourceWithProperties(t, stack, "aws_route53_record", map[string]any{"name": environment.Domains.Api(), "type": kind, "provider": "aws.dns"})
		}
	}
}

// With an issuer, every route but the public ones and the browser's preflight needs a token.
func TestApiWithTokens(t *testing.T) {
	environment := testkit.Project(t).Environments[0]
	environment.Api.Jwt = &config.Jwt{Issuer: "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example", Audience: []string{"web"}}
	environment.Api.PublicRoutes = []string{"GET /api/v1/events"}
	stack := platform(t, environment)
	protected := map[string]string{}
	for _, route := range stack.Resources("aws_apigatewayv2_route") {
		protected[route.Text("route_key")] = route.Text("authorization_type")
	}
	want := map[string]string{"$default": "JWT", "OPTIONS /{proxy+}": "NONE", "GET /api/v1/events": "NONE"}
	if !maps.Equal(protected, want) {
		t.Errorf("routes %v", protected)
	}
	testkit.HasResourceWithProperties(t, stack, "aws_apigatewayv2_authorizer", map[string]any{"authorizer_type": "JWT"})

	environment.Api.Jwt, environment.Api.PublicRoutes = nil, nil
	if open := platform(t, environment); len(open.Resources("aws_apigatewayv2_authorizer")) != 0 || len(open.Resources("aws_apigatewayv2_route")) != 1 {
		t.Error("without an issuer there is an authorizer, or more than the default route")
	}
}

// Asking for a service that is not there names it.
func TestUnknownServiceIsNamed(t *testing.T) {
	for _, ask := range []func(){
		func() { loadbalancer.Outputs{}.Service("nobody") },
		func() { compute.Services{}.Service("nobody") },
	} {
		if message := testkit.Fails(t, ask); !strings.Contains(message, `"nobody"`) {
			t.Errorf("message %q", message)
		}
	}
}

// below is the construct path of a part of a service.
func below(service, part string) string { return "services/" + snake(service) + "/" + part }

func snake(name string) string { return strings.ReplaceAll(name, "-", "_") }

// Copies of public images keep their tags: ECR would otherwise follow a tag that somebody moves upstream.
func TestCachedPublicImagesKeepTheirTags(t *testing.T) {
	for _, stack := range testkit.Stacks(t) {
		for _, rule := range stack.Resources("aws_ecr_pull_through_cache_rule") {
			templates := stack.Resources("aws_ecr_repository_creation_template")
			if len(templates) != 1 {
				t.Fatalf("%s: %d templates for %s", stack.Name, len(templates), rule.Path)
			}
			template := templates[0]
			if template.Text("prefix") != rule.Text("ecr_repository_prefix") || template.Text("image_tag_mutability") != "IMMUTABLE" ||
				!slices.Contains(template.Body["applied_for"].([]any), any("PULL_THROUGH_CACHE")) {
				t.Errorf("%s: %s: %v", stack.Name, template.Path, template.Body)
			}
			before, _ := rule.Body["depends_on"].([]any)
			if !slices.Contains(before, any(template.Address())) {
				t.Errorf("%s: %s may make repositories before %s", stack.Name, rule.Path, template.Path)
			}
		}
	}
}
