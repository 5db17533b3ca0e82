package config

import (
	"fmt"
	"math"
)

// Quotas are what AWS lets an environment's account have in its region, as far as a new account's quota may be too small. A
// value above AWS's default has to be requested before the first apply: docs/accounts.md shows the commands.
type Quotas struct {
	// FargateVcpus is the quota "Fargate On-Demand vCPU resource count". A new account has 6.
	// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html
	FargateVcpus int `validate:"min=1,max=1000000"`
	// FargateSpotVcpus is the quota "Fargate Spot vCPU resource count". A new account has 6.
	FargateSpotVcpus int `validate:"min=1,max=1000000"`
	// ElasticIPs is the quota "EC2-VPC Elastic IPs"; each NAT gateway has one. A new account has 5.
	// https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
	ElasticIPs int `validate:"min=1,max=1000000"`
}

// newAccount are AWS's defaults.
func newAccount() Quotas { return Quotas{FargateVcpus: 6, FargateSpotVcpus: 6, ElasticIPs: 5} }

// Quota is one quota of an account in a region, by its codes in Service Quotas.
type Quota struct {
	// Name is AWS's; ServiceCode and Code are what the API and the console know it by.
	Name, ServiceCode, Code string
	// Field is the field of [Quotas] that holds the configured value.
	Field string
	// Default is what a new account has, Configured what the environment counts on, Needed what it uses at most.
	Default, Configured int
	Needed              float64
	// uses are the fields that the need comes from.
	uses string
}

// AccountQuotas are the quotas that the environment may meet, with what it needs of each.
func (e Environment) AccountQuotas() []Quota {
	onDemand, spot := e.mostVcpus()
	standard, own := newAccount(), e.Quotas
	return []Quota{
		{"Fargate On-Demand vCPU resource count", "fargate", "L-3032A538", "FargateVcpus", standard.FargateVcpus, own.FargateVcpus, onDemand, "MaxTasks, Cpu or a schedule"},
		{"Fargate Spot vCPU resource count", "fargate", "L-36FBB829", "FargateSpotVcpus", standard.FargateSpotVcpus, own.FargateSpotVcpus, spot, "MaxTasks, Cpu or a schedule"},
		{"EC2-VPC Elastic IPs", "ec2", "L-0263D0A3", "ElasticIPs", standard.ElasticIPs, own.ElasticIPs, float64(e.Network.NatGateways), "NatGateways"},
	}
}

// migrationVcpus is the size of the task that migrates the schema, which runs beside the services.
const migrationVcpus = 0.5

// mostVcpus is how many vCPUs the services take together, on demand and on Spot, when each runs the most tasks that its
// bounds or a schedule allow. Where the weights do not divide a service's tasks evenly, each kind counts the larger part.
// A rollout runs a second set of tasks meanwhile: leave room for it in the quota.
func (e Environment) mostVcpus() (onDemand, spot float64) {
	for _, service := range e.Services {
		vcpus := float64(service.Cpu) / 1024
		tasks := service.Scaling.mostTasks()
		base := min(tasks, e.Compute.Capacity.OnDemandBase)
		onDemand += vcpus * float64(base+e.share(tasks-base, e.Compute.Capacity.OnDemandWeight))
		spot += vcpus * float64(e.share(tasks-base, e.Compute.Capacity.SpotWeight))
	}
	return onDemand + migrationVcpus, spot
}

// share is the part of the tasks that a weight may receive, rounded up.
func (e Environment) share(tasks, weight int) int {
	all := e.Compute.Capacity.OnDemandWeight + e.Compute.Capacity.SpotWeight
	if all == 0 {
		return tasks // the missing weights are reported
	}
	return (tasks*weight + all - 1) / all
}

// checkQuotas reports what the environment may grow to and its account would not let it have.
func (e Environment) checkQuotas(at path, report *Faults) {
	for _, quota := range e.AccountQuotas() {
		if quota.Needed > float64(quota.Configured) {
			report.add(at.field("Quotas").field(quota.Field), quota.Configured,
				fmt.Sprintf("%d or more: what the configuration, schedules included, may use at once", int(math.Ceil(quota.Needed))),
				fmt.Sprintf("lower %s; or have AWS raise the quota %q (%s) and write its new value here, see docs/accounts.md", quota.uses, quota.Name, quota.Code))
		}
	}
}
