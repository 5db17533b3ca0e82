package compute

import (
	"fmt"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/loadbalancer"
)

const (
	// keepAliveSeconds is how long a service keeps a connection on which nothing is sent: longer than the load balancer
	// does, so that the load balancer is the one that closes it.
	keepAliveSeconds = loadbalancer.IdleSeconds + 15
	// shutdownSeconds is how long a service may finish its requests after SIGTERM: as long as API Gateway waits for an
	// answer, with a margin, and shorter than ECS waits before SIGKILL.
	shutdownSeconds = 40
	// connectSeconds is how long a request waits for a connection of the pool: shorter than API Gateway waits for the answer.
	connectSeconds = 10
	// connectionLifeSeconds is how long the pool keeps a connection to the database: shorter than RDS Proxy keeps an idle
	// one (30 minutes), so that the pool never hands out a connection that the proxy has just closed.
	connectionLifeSeconds = 25 * 60
)

// springVariables are Spring Boot's settings on which the platform around the service relies. Durations have their unit;
// HikariCP's are in milliseconds.
// https://docs.spring.io/spring-boot/appendix/application-properties/
func springVariables(service config.Service) map[string]string {
	keepAlive := fmt.Sprintf("%ds", keepAliveSeconds)
	return map[string]string{
		"SERVER_PORT": fmt.Sprint(service.Port),

		// Tomcat's and, for a reactive service, Netty's
		"SERVER_TOMCAT_KEEPALIVETIMEOUT": keepAlive,
		"SERVER_NETTY_IDLETIMEOUT":       keepAlive,

		"SERVER_SHUTDOWN":                          "graceful",
		"SPRING_LIFECYCLE_TIMEOUTPERSHUTDOWNPHASE": fmt.Sprintf("%ds", shutdownSeconds),

		// neither group asks the database or the cache: ECS replaces a task that fails either check, and a failover would
		// replace all of them at once. What is down shows in alarms, and in /actuator/health for people
		// https://docs.spring.io/spring-boot/reference/actuator/endpoints.html#actuator.endpoints.kubernetes-probes
		"MANAGEMENT_ENDPOINT_HEALTH_PROBES_ENABLED":          "true",
		"MANAGEMENT_ENDPOINT_HEALTH_GROUP_LIVENESS_INCLUDE":  "livenessState",
		"MANAGEMENT_ENDPOINT_HEALTH_GROUP_READINESS_INCLUDE": "readinessState",

		// a line of JSON for each event, its stack trace within (Spring Boot 3.4 and newer)
		// https://docs.spring.io/spring-boot/reference/features/logging.html#features.logging.structured
		"LOGGING_STRUCTURED_FORMAT_CONSOLE": "ecs",

		"SPRING_DATASOURCE_HIKARI_CONNECTIONTIMEOUT": fmt.Sprint(connectSeconds * 1000),
		"SPRING_DATASOURCE_HIKARI_MAXLIFETIME":       fmt.Sprint(connectionLifeSeconds * 1000),
	}
}
