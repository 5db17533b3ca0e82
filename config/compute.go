package config

import (
	"cmp"
	"fmt"
)

// Compute is the ECS cluster that an environment's services run on, and how they are rolled out.
type Compute struct {
	// ContainerInsights is "enabled" or, with figures for each task and container at a higher price, "enhanced" (ECS.12).
	ContainerInsights string `validate:"oneof=enabled enhanced"`
	// Exec lets operators open a shell in a running task (ECS Exec). Sessions are encrypted and logged. Refused in
	// production.
	Exec bool
	// Capacity is what kind of Fargate the tasks run on.
	Capacity Capacity
	// Rollout is how a new image replaces the running one.
	Rollout Rollout
	// LogLevel is what services log at least.
	LogLevel string `validate:"oneof=DEBUG INFO WARN"`
	// LogRetentionDays is how long logs of services, of the cluster and of exec sessions are kept.
	LogRetentionDays int `validate:"logretention"`
}

// Capacity divides a service's tasks between Fargate on demand and Fargate Spot. Spot costs about a third and is taken
// away at two minutes' notice; ECS does not fall back to on demand when there is none.
type Capacity struct {
	// OnDemandBase is how many tasks of each service run on demand before the weights divide the rest.
	OnDemandBase int `validate:"min=0,max=100000"`
	// OnDemandWeight and SpotWeight divide the rest; a weight of 0 uses none of that kind.
	OnDemandWeight int `validate:"min=0,max=1000"`
	SpotWeight     int `validate:"min=0,max=1000"`
}

// Strategy is how a new image replaces the running one.
type Strategy string

const (
	// Rolling replaces tasks one by one and goes back when new ones fail (ECS's own controller).
	Rolling Strategy = "rolling"
	// BlueGreen starts a second set of tasks, tests it behind a listener of its own, shifts the traffic over and keeps
	// the first set while it bakes (CodeDeploy).
	BlueGreen Strategy = "blue-green"
)

// Rollout is how a new image replaces the running one.
type Rollout struct {
	Strategy Strategy `validate:"oneof=rolling blue-green"`
	// TrafficShift is CodeDeploy's name of the steps in which traffic moves to the new tasks. Blue/green only.
	TrafficShift string `validate:"required_if=Strategy blue-green,omitempty,trafficshift"`
	// BakeMinutes is how long the former tasks stay after the shift, ready for the traffic to come back. Blue/green only.
	BakeMinutes int `validate:"min=0,max=2880"`
}

// BlueGreen says whether CodeDeploy rolls out.
func (r Rollout) BlueGreen() bool { return r.Strategy == BlueGreen }

// TrafficShifts are the deployment configurations that CodeDeploy predefines for ECS.
// https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html
var TrafficShifts = []string{
	"CodeDeployDefault.ECSAllAtOnce",
	"CodeDeployDefault.ECSCanary10Percent5Minutes",
	"CodeDeployDefault.ECSCanary10Percent15Minutes",
	"CodeDeployDefault.ECSLinear10PercentEvery1Minutes",
	"CodeDeployDefault.ECSLinear10PercentEvery3Minutes",
}

func (c Compute) check(at path, report *Faults) {
	if capacity := c.Capacity; capacity.OnDemandWeight == 0 && capacity.SpotWeight == 0 {
		report.add(at.field("Capacity"), "OnDemandWeight 0, SpotWeight 0", "one weight of 1 or more",
			"say where tasks beyond the base run")
	}
	if rollout := c.Rollout; !rollout.BlueGreen() && (rollout.TrafficShift != "" || rollout.BakeMinutes != 0) {
		report.add(at.field("Rollout"), fmt.Sprintf("TrafficShift %q, BakeMinutes %d", rollout.TrafficShift, rollout.BakeMinutes),
			"neither with the strategy rolling", "remove both, or take the strategy blue-green")
	}
}

// Limits of AWS that an environment's list of services can meet.
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
// https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const (
	rulesPerLoadBalancer        = 100
	targetGroupsPerLoadBalancer = 100
	wildcardsPerRule            = 6
	highestPriority             = 50000
	rulesPerSecurityGroup       = 60
	// rolePolicyCharacters is how long a role's inline policies may be together.
	rolePolicyCharacters = 10240
	// taskDefinitionBytes is how long a task definition may be.
	taskDefinitionBytes = 64 * 1024
)

// servicesFit reports what only all services together can get wrong.
func (e Environment) servicesFit(at path, report *Faults) {
	for _, service := range e.Services {
		if service.Name == FrontendName {
			report.add(at.field("Services").key(service.Name).field("Name"), service.Name, "another name than the frontend's",
				"rename the service: the roles of its pipeline would have the names of the frontend's")
		}
	}
	listeners, colours := 1, 1
	if e.Compute.Rollout.BlueGreen() {
		// a listener for tests and a second target group stand beside the first
		listeners, colours = 2, 2
	}
	rules := 0
	for _, service := range e.Services {
		rules += len(service.Routes) * listeners
	}
	if rules > rulesPerLoadBalancer {
		report.add(at.field("Services"), fmt.Sprintf("%d listener rules (%d a route)", rules, listeners),
			fmt.Sprintf("%d: the quota \"Rules per Application Load Balancer\"", rulesPerLoadBalancer),
			"give services fewer routes with more paths each, or have AWS raise the quota and change it in config/compute.go")
	}
	if groups := len(e.Services) * colours; groups > targetGroupsPerLoadBalancer {
		report.add(at.field("Services"), fmt.Sprintf("%d target groups (%d a service)", groups, colours),
			fmt.Sprintf("%d: the quota \"Target Groups per Application Load Balancer\"", targetGroupsPerLoadBalancer),
			"merge services, or give some of them a second load balancer")
	}
	ports := map[int]bool{}
	for _, service := range e.Services {
		ports[service.Port] = true
	}
	// each port is open to the load balancer and to the other services
	if inbound := 2 * len(ports); inbound > rulesPerSecurityGroup {
		report.add(at.field("Services"), fmt.Sprintf("%d ports, %d inbound rules of the services' security group", len(ports), inbound),
			fmt.Sprintf("%d: the quota \"Inbound or outbound rules per security group\"", rulesPerSecurityGroup),
			"let services share a port: each task has an address of its own")
	}
	if tasks, addresses := e.mostTasks()*colours, e.privateAddresses(); tasks > addresses {
		report.add(at.field("Services"), fmt.Sprintf("%d tasks at most (%d at once for each that Scaling allows)", tasks, colours),
			fmt.Sprintf("%d: the addresses of the private subnets", addresses), "lower MaxTasks, or give the network a larger range")
	}
	e.routesApart(at, report)
	e.usersApart(at, report)
}

// mostTasks is how many tasks all services may scale to together, by their bounds and schedules.
func (e Environment) mostTasks() int {
	total := 0
	for _, service := range e.Services {
		total += service.Scaling.mostTasks()
	}
	return total
}

// privateAddresses is how many network interfaces fit into the private subnets.
func (e Environment) privateAddresses() int {
	const takenByAWS = 5 // of each subnet
	plan, err := e.Network.SubnetPlan()
	if err != nil {
		return e.mostTasks() * 2 // the network's own fault is reported, and enough of one
	}
	total := 0
	for _, subnet := range plan {
		if subnet.Tier == Private && subnet.InUse {
			total += 1<<(subnet.Cidr.Addr().BitLen()-subnet.Cidr.Bits()) - takenByAWS
		}
	}
	return total
}

// routesApart refuses two rules of one priority and two services that claim the same path.
func (e Environment) routesApart(at path, report *Faults) {
	byPriority, byPath := map[int]string{}, map[string]string{}
	for _, service := range e.Services {
		for _, route := range service.Routes {
			field := at.field("Services").key(service.Name).field("Routes").key(fmt.Sprint(route.Priority))
			if other, taken := byPriority[route.Priority]; taken {
				report.add(field.field("Priority"), route.Priority, "a priority of its own: "+other+" has this one",
					fmt.Sprintf("take a free one, for example %d", e.freePriority(service.Name, route)))
			}
			byPriority[route.Priority] = cmp.Or(byPriority[route.Priority], service.Name)
			for _, pattern := range route.Paths {
				if other, taken := byPath[pattern]; taken {
					report.add(field.field("Paths"), pattern, "a path that no other route has: "+other+" has this one",
						"the rule of the higher number would never match: give the path to one of the two")
				}
				byPath[pattern] = cmp.Or(byPath[pattern], service.Name)
			}
		}
	}
}

// freePriority is the nearest priority that no route has and at which the service's route hides no other one and is not
// hidden itself. It is 0 where there is none.
func (e Environment) freePriority(service string, route Route) int {
	taken := map[int]bool{}
	for _, other := range e.Services {
		for _, each := range other.Routes {
			taken[each.Priority] = true
		}
	}
	for distance := 1; distance < highestPriority; distance++ {
		for _, candidate := range []int{route.Priority + distance, route.Priority - distance} {
			if candidate < 1 || candidate > highestPriority || taken[candidate] {
				continue
			}
			if e.reachable(service, Route{Priority: candidate, Paths: route.Paths}) {
				return candidate
			}
		}
	}
	return 0
}

// reachable says whether a service's route leaves the other services' routes something, and they it.
func (e Environment) reachable(service string, route Route) bool {
	for _, pattern := range route.Paths {
		if len(e.hiddenBy(service, route.Priority, pattern)) > 0 {
			return false
		}
	}
	trial := e
	trial.Services = []Service{{Name: service, Routes: []Route{route}}}
	for _, other := range e.Services {
		if other.Name == service {
			continue
		}
		for _, each := range other.Routes {
			for _, pattern := range each.Paths {
				if len(trial.hiddenBy(other.Name, each.Priority, pattern)) > 0 {
					return false
				}
			}
		}
	}
	return true
}

// usersApart keeps one service's rights in the database from being another's.
func (e Environment) usersApart(at path, report *Faults) {
	owners := map[string]string{}
	for _, service := range e.Services {
		user := service.DatabaseUser
		if other, taken := owners[user]; user != "" && taken {
			report.add(at.field("Services").key(service.Name).field("DatabaseUser"), user, "a user of its own: "+other+" has this one",
				"name it after the service: rights are given to users")
		}
		owners[user] = service.Name
	}
}
