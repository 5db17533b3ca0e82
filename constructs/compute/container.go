package compute

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/loadbalancer"
	"github.com/batbern/infrastructure/internal/text"
)

const (
	// ContainerName is the container of the service itself, whose image pipelines replace.
	ContainerName = "app"
	// undeployedTag stands in the template where a pipeline puts the image. Nothing is ever pushed under it.
	undeployedTag = "undeployed"

	// serviceUser is who buildpacks' Spring Boot images run as; sidecarUser has no files of its own.
	serviceUser = "1000:1000"
	sidecarUser = "10001:10001"

	// stopSeconds is how long ECS waits between SIGTERM and SIGKILL: longer than a graceful shutdown takes. With the
	// deregistration before it, it is shorter than the two minutes that Spot leaves.
	stopSeconds = 2 * loadbalancer.DeregistrationSeconds

	// tmpMiB is the service's /tmp, out of its memory: Tomcat's work folder and uploads while they are forwarded.
	tmpMiB = 64

	probeIntervalSeconds = 15
	probeTimeoutSeconds  = 5
	probeRetries         = 3
)

// container is one container definition, with what ECS would add written down: it compares what it returns with what
// was sent, and a list that one of them leaves out makes every plan a new revision.
type container struct {
	Name             string           `json:"name"`
	Image            string           `json:"image"`
	Essential        bool             `json:"essential"`
	CPU              int              `json:"cpu"`
	Memory           int              `json:"memory"`
	User             string           `json:"user"`
	ReadonlyRoot     bool             `json:"readonlyRootFilesystem"`
	Privileged       bool             `json:"privileged"`
	Command          []string         `json:"command,omitempty"`
	Environment      []variable       `json:"environment"`
	Secrets          []secretVariable `json:"secrets,omitempty"`
	PortMappings     []portMapping    `json:"portMappings"`
	MountPoints      []mountPoint     `json:"mountPoints"`
	VolumesFrom      []struct{}       `json:"volumesFrom"`
	SystemControls   []struct{}       `json:"systemControls"`
	LinuxParameters  linuxParameters  `json:"linuxParameters"`
	HealthCheck      *healthCheck     `json:"healthCheck,omitempty"`
	RestartPolicy    *restartPolicy   `json:"restartPolicy,omitempty"`
	LogConfiguration logConfiguration `json:"logConfiguration"`
	StopTimeout      int              `json:"stopTimeout"`
}

type variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type secretVariable struct {
	Name      string `json:"name"`
	ValueFrom string `json:"valueFrom"`
}

type portMapping struct {
	AppProtocol   string `json:"appProtocol"`
	ContainerPort int    `json:"containerPort"`
	HostPort      int    `json:"hostPort"`
	Name          string `json:"name"`
	Protocol      string `json:"protocol"`
}

type mountPoint struct {
	ContainerPath string `json:"containerPath"`
	ReadOnly      bool   `json:"readOnly"`
	SourceVolume  string `json:"sourceVolume"`
}

type linuxParameters struct {
	Capabilities       capabilities `json:"capabilities"`
	InitProcessEnabled bool         `json:"initProcessEnabled"`
	Tmpfs              []tmpfs      `json:"tmpfs,omitempty"`
}

type capabilities struct {
	Add  []string `json:"add"`
	Drop []string `json:"drop"`
}

type tmpfs struct {
	ContainerPath string   `json:"containerPath"`
	MountOptions  []string `json:"mountOptions"`
	Size          int      `json:"size"`
}

type healthCheck struct {
	Command     []string `json:"command"`
	Interval    int      `json:"interval"`
	Retries     int      `json:"retries"`
	StartPeriod int      `json:"startPeriod"`
	Timeout     int      `json:"timeout"`
}

type restartPolicy struct {
	Enabled              bool  `json:"enabled"`
	IgnoredExitCodes     []int `json:"ignoredExitCodes"`
	RestartAttemptPeriod int   `json:"restartAttemptPeriod"`
}

type logConfiguration struct {
	LogDriver string            `json:"logDriver"`
	Options   map[string]string `json:"options"`
}

// containers marshals container definitions, the same bytes for the same task whatever the order of its parts.
func containers(all ...container) string {
	slices.SortFunc(all, func(a, b container) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	return text.JSON(all)
}

// hardened is what all containers have: nothing of root, nothing to write to, no capability, an init process that
// passes signals on and reaps what is left, and a log that drops lines rather than stop the service.
func hardened(name, image, user string, memoryMiB int, log logTarget) container {
	return container{
		Name: name, Image: image, Essential: true, Memory: memoryMiB, User: user, ReadonlyRoot: true,
		Environment: []variable{}, PortMappings: []portMapping{}, MountPoints: []mountPoint{},
		VolumesFrom: []struct{}{}, SystemControls: []struct{}{},
		LinuxParameters: linuxParameters{
			Capabilities:       capabilities{Add: []string{}, Drop: []string{"ALL"}},
			InitProcessEnabled: true,
		},
		LogConfiguration: logConfiguration{LogDriver: "awslogs", Options: map[string]string{
			"awslogs-group":         log.group,
			"awslogs-region":        log.account.Region,
			"awslogs-stream-prefix": name,
			"mode":                  "non-blocking",
			"max-buffer-size":       "4m",
		}},
		StopTimeout: stopSeconds,
	}
}

// logTarget is where a container logs to, and whose registry its public images come from.
type logTarget struct {
	group   string
	account config.Account
}

// writableTmp gives a container a /tmp in memory. A volume would not do: Fargate mounts an empty one as root's, and
// nothing here runs as root. Java unpacks native libraries there, so it may execute.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/bind-mounts.html
func (c container) writableTmp() container {
	c.LinuxParameters.Tmpfs = []tmpfs{{ContainerPath: "/tmp", Size: tmpMiB, MountOptions: []string{"exec", "nodev", "nosuid", "rw"}}}
	return c
}

func (c container) listening(port int) container {
	c.PortMappings = []portMapping{{AppProtocol: "http", ContainerPort: port, HostPort: port, Name: portName, Protocol: "tcp"}}
	return c
}

// eventStart begins a log event: an object of JSON, which is what the service writes (see springVariables), or a date, as
// in logs of Spring Boot before 3.4 and of the JVM. Lines that begin otherwise continue the event before them, so that a
// stack trace is one event in either case.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
const eventStart = `^(\{|\[?[0-9]{4}-[0-9]{2}-[0-9]{2})`

// application is the service's own container. Its image is the pipeline's to choose, so nothing here asks for a shell,
// curl or anything else in it: the probe beside it checks its health.
func application(service config.Service, image string, environment map[string]string, secrets map[string]string, exec bool, log logTarget) container {
	c := hardened(ContainerName, image, serviceUser, service.MemoryMiB-config.SidecarMemoryMiB, log).writableTmp().listening(service.Port)
	for _, name := range slices.Sorted(maps.Keys(environment)) {
		c.Environment = append(c.Environment, variable{name, environment[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		c.Secrets = append(c.Secrets, secretVariable{name, secrets[name]})
	}
	c.LogConfiguration.Options["awslogs-multiline-pattern"] = eventStart
	if exec {
		for _, volume := range execVolumes() {
			c.MountPoints = append(c.MountPoints, mountPoint{ContainerPath: volume.path, SourceVolume: volume.name})
		}
	}
	return c
}

// execVolumes are where the agent of ECS Exec writes. AWS documents Exec as impossible with a read-only root; with
// these three mounted it works, which is good enough outside production, where Exec is off. The agent runs as root,
// whatever the container's user is, so their owner does not matter.
// https://github.com/aws/containers-roadmap/issues/1359
func execVolumes() []struct{ name, path string } {
	return []struct{ name, path string }{
		{"exec-agent", "/managed-agents"},
		{"exec-state", "/var/lib/amazon/ssm"},
		{"exec-log", "/var/log/amazon/ssm"},
	}
}

// probe asks the service whether it is alive, from inside the task, where localhost is shared: the service's image,
// distroless or not, needs no curl. It is essential, so a dead service makes an unhealthy task, which ECS replaces.
func probe(service config.Service, log logTarget) container {
	c := hardened("probe", cached(busyboxImage, log.account), sidecarUser, config.ProbeMemoryMiB, log)
	c.Command = []string{"tail", "-f", "/dev/null"}
	c.HealthCheck = livenessOf(service)
	return c
}

func livenessOf(service config.Service) *healthCheck {
	return &healthCheck{
		Command: []string{"CMD", "wget", "-q", "-T", fmt.Sprint(probeTimeoutSeconds - 1), "-O", "/dev/null",
			fmt.Sprintf("http://127.0.0.1:%d%s", service.Port, service.LivenessPath)},
		Interval:    probeIntervalSeconds,
		Timeout:     probeTimeoutSeconds,
		Retries:     probeRetries,
		StartPeriod: service.StartSeconds,
	}
}

// collectorConfiguration takes traces over OTLP from the task alone and sends them to X-Ray.
// https://aws-otel.github.io/docs/setup/ecs/config-through-ssm
const collectorConfiguration = `extensions:
  health_check:
    endpoint: 127.0.0.1:13133
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:4317
      http:
        endpoint: 127.0.0.1:4318
processors:
  memory_limiter:
    check_interval: 1s
    limit_percentage: 75
    spike_limit_percentage: 20
  batch:
    timeout: 5s
exporters:
  awsxray: {}
service:
  extensions: [health_check]
  pipelines:
    traces:
      receivers: [otlp]
      processors: [memory_limiter, batch]
      exporters: [awsxray]
`

// collectorRestartSeconds is how long the collector has to have run before ECS starts it again; 60 is ECS's least.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-restart-policy.html
const collectorRestartSeconds = 60

// collector sends traces to X-Ray. It is not essential: a service without traces is better than none. ECS starts it
// again after a crash, which would otherwise end the task's traces until the next rollout.
func collector(log logTarget) container {
	c := hardened("collector", cached(collectorImage, log.account), sidecarUser, config.CollectorMemoryMiB, log)
	c.Essential = false
	// exit code 0 is the answer to SIGTERM: the task is stopping
	c.RestartPolicy = &restartPolicy{Enabled: true, IgnoredExitCodes: []int{0}, RestartAttemptPeriod: collectorRestartSeconds}
	c.Environment = []variable{{"AOT_CONFIG_CONTENT", collectorConfiguration}}
	// the image holds the collector and this program, and no shell
	c.HealthCheck = &healthCheck{Command: []string{"CMD", "/healthcheck"}, Interval: probeIntervalSeconds, Timeout: probeTimeoutSeconds, Retries: probeRetries, StartPeriod: 10}
	return c
}

// placeholder answers the load balancer's and the probe's health checks until the service's pipeline deploys for the
// first time, so that the first apply of an environment comes up whole before any image exists.
func placeholder(service config.Service, log logTarget) container {
	c := hardened(ContainerName, cached(busyboxImage, log.account), sidecarUser, placeholderMemoryMiB, log).writableTmp().listening(service.Port)
	c.Command = []string{"sh", "-c", placeholderScript(service)}
	c.HealthCheck = livenessOf(service)
	return c
}

// placeholderScript serves a file for each health path. Config refuses a path that lies below the other one: a file cannot
// be a folder too.
func placeholderScript(service config.Service) string {
	script := ""
	for _, health := range []string{service.LivenessPath, service.ReadinessPath} {
		file := path.Join(placeholderRoot, health)
		script += fmt.Sprintf(`mkdir -p %s && echo '{"status":"UP"}' > %s && `, path.Dir(file), file)
	}
	return script + fmt.Sprintf("exec httpd -f -p %d -h %s", service.Port, placeholderRoot)
}

const placeholderRoot = "/tmp/www"
