package network

import (
	"slices"

	"github.com/batbern/infrastructure/config"
)

// Role is one end of a flow. Whatever has a network interface in the VPC has one role, and the role's security group.
type Role string

// The roles inside the VPC.
const (
	// VpcLink are API Gateway's interfaces.
	VpcLink Role = "vpc-link"
	// LoadBalancer is the internal application load balancer.
	LoadBalancer Role = "load-balancer"
	// Service are the tasks of all services.
	Service Role = "service"
	// Migration are the tasks that migrate the schema.
	Migration Role = "migration"
	// Function are the Lambda functions that make and rotate the database's passwords.
	Function Role = "function"
	// Endpoint are the interface endpoints.
	Endpoint Role = "endpoint"
	// Proxy is RDS Proxy.
	Proxy Role = "proxy"
	// Database is the PostgreSQL instance.
	Database Role = "database"
	// Cache is the ElastiCache replication group.
	Cache Role = "cache"
)

// The roles outside the VPC: they have no group and no subnet.
const (
	// Internet is everything beyond the NAT gateways.
	Internet Role = "internet"
	// S3 is reached through its gateway endpoint.
	S3 Role = "s3"
	// DynamoDB is reached through its gateway endpoint.
	DynamoDB Role = "dynamodb"
)

// tiers are the subnets in which a role lives. Nothing of ours lives in the public ones.
var tiers = map[Role]config.Tier{
	VpcLink:      config.Private,
	LoadBalancer: config.Private,
	Service:      config.Private,
	Migration:    config.Private,
	Function:     config.Private,
	Endpoint:     config.Private,
	Proxy:        config.Isolated,
	Database:     config.Isolated,
	Cache:        config.Isolated,
}

// Tier is the layer of subnets in which the role lives; false for roles outside the VPC.
func (r Role) Tier() (config.Tier, bool) {
	tier, inside := tiers[r]
	return tier, inside
}

// Target is what a flow's ports belong to.
type Target string

const (
	targetHTTPS    Target = "https"
	targetProxy    Target = "proxy"
	targetDatabase Target = "database"
	targetCache    Target = "cache"
	targetServices Target = "services"
)

const (
	// ProxyPort is where RDS Proxy for PostgreSQL listens: on no other, whatever the instance's own port is.
	ProxyPort = 5432
	// CachePort is where the cache listens.
	CachePort = 6379

	httpsPort = 443
)

func (t Target) ports(props Props) []int {
	switch t {
	case targetProxy:
		return []int{ProxyPort}
	case targetDatabase:
		return []int{props.DatabasePort}
	case targetCache:
		return []int{CachePort}
	case targetServices:
		return slices.Compact(slices.Sorted(slices.Values(props.ServicePorts)))
	default:
		return []int{httpsPort}
	}
}

// protocol of every flow. DNS and time are no flows: groups and network ACLs do not see Amazon's resolver and clock.
const protocol = "tcp"

// row is one line of the flow matrix.
type row struct {
	from, to Role
	target   Target
	why      string
	// apis are the AWS APIs (names of interface endpoints) that a row to Endpoint or Internet is for; none means
	// any. Such a row to Endpoint is left out where none of them has an endpoint, one to Internet where all have.
	apis []string
}

var (
	// startTask is what Fargate calls through a task's own interface: image, secrets, log.
	startTask = []string{"ecr.api", "ecr.dkr", "logs", "secretsmanager"}
	// rotate is what the functions call, and takeOver what they call besides where they keep the master's password.
	rotate   = []string{"secretsmanager"}
	takeOver = []string{"rds"}
)

// matrix is every path that is open in the VPC. Security groups, network ACLs and the tests are made from it; what
// has no row is closed. Names of resources come from a row's ends and ports, so that a new row changes no other.
var matrix = []row{
	{from: VpcLink, to: LoadBalancer, target: targetHTTPS, why: "requests that API Gateway lets through"},
	{from: LoadBalancer, to: Service, target: targetServices, why: "requests and health checks"},
	{from: Service, to: Service, target: targetServices, why: "calls between services by Service Connect"},
	{from: Service, to: Proxy, target: targetProxy, why: "SQL through the connection pool"},
	{from: Service, to: Cache, target: targetCache, why: "cached data, over TLS"},
	{from: Proxy, to: Database, target: targetDatabase, why: "pooled connections"},
	{from: Migration, to: Database, target: targetDatabase, why: "schema changes, past the pool, which would break session locks"},
	{from: Function, to: Database, target: targetDatabase, why: "first and rotated passwords are set and tried"},
	{from: Service, to: S3, target: targetHTTPS, why: "files, and the layers of the image"},
	{from: Migration, to: S3, target: targetHTTPS, why: "the layers of the image"},
	{from: Service, to: DynamoDB, target: targetHTTPS, why: "tables of the account"},
	{from: Service, to: Endpoint, target: targetHTTPS, why: "AWS APIs inside the VPC"},
	{from: Service, to: Internet, target: targetHTTPS, why: "mail, payment and other partners, and AWS APIs without an endpoint"},
	{from: Migration, to: Endpoint, target: targetHTTPS, why: "image, password and log", apis: startTask},
	{from: Migration, to: Internet, target: targetHTTPS, why: "image, password and log where an endpoint is missing", apis: startTask},
	{from: Function, to: Endpoint, target: targetHTTPS, why: "Secrets Manager", apis: rotate},
	{from: Function, to: Internet, target: targetHTTPS, why: "Secrets Manager, or RDS, where its endpoint is missing", apis: rotate},
}

// Flow is one open path: connections over TCP, opened by From to one port of To. Answers go back by themselves.
type Flow struct {
	From, To Role
	Target   Target
	Port     int
	// Why stands in AWS as the description of the security group rules.
	Why string
}

// Flows are the paths that a network with these props opens, in the matrix's order.
func Flows(props Props) []Flow {
	var flows []Flow
	for _, r := range matrix {
		if !r.present(props) {
			continue
		}
		for _, port := range r.target.ports(props) {
			flows = append(flows, Flow{From: r.from, To: r.to, Target: r.target, Port: port, Why: r.why})
		}
	}
	return flows
}

func (r row) present(props Props) bool {
	configured, apis := props.Network.InterfaceEndpoints, r.apis
	if r.from == Function && apis != nil && props.ReadReplica {
		apis = slices.Concat(apis, takeOver)
	}
	hasEndpoint := func(api string) bool { return slices.Contains(configured, api) }
	lacksEndpoint := func(api string) bool { return !hasEndpoint(api) }
	switch r.to {
	case Cache:
		return props.Cache
	case Endpoint:
		return len(configured) > 0 && (apis == nil || slices.ContainsFunc(apis, hasEndpoint))
	case Internet:
		return props.Network.NatGateways > 0 && (apis == nil || slices.ContainsFunc(apis, lacksEndpoint))
	default:
		return true
	}
}

// groupRoles are the roles that get a security group: those inside the VPC that some flow begins or ends at. A group
// that nothing can use would only be one to attach by mistake (EC2.22).
func groupRoles(flows []Flow) []Role {
	var roles []Role
	for _, flow := range flows {
		for _, role := range []Role{flow.From, flow.To} {
			if _, inside := role.Tier(); inside {
				roles = append(roles, role)
			}
		}
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}
