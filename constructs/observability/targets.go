package observability

// Targets are what exists in an environment and is watched: a kind that is empty gets no alarm and no widget. A target's
// Key stands in construct ids and in the names of alarms: lower-case letters, digits and hyphens, and the same for ever.
type Targets struct {
	Databases     []Database
	Proxies       []Proxy
	Caches        []CacheNode
	Services      []Service
	LoadBalancers []LoadBalancer
	Apis          []Api
	Distributions []Distribution
	Firewalls     []Firewall
	Functions     []Function
	Secrets       []Secret
	Vaults        []Vault
	Certificates  []Certificate
	NatGateways   []NatGateway
	Queues        []Queue
	Canaries      []Canary
	Rules         []Rule
	LogGroups     []LogGroup
}

// Database is an RDS instance.
type Database struct {
	Key        string
	InstanceID string
	Vcpus      int
	MemoryMiB  int
	StorageGiB int
	Burstable  bool
	// Insights says that Performance Insights measures its load.
	Insights bool
	// Replica says that it copies another one.
	Replica bool
	// Sleeps says that it is stopped at times: its silence is no fault then.
	Sleeps bool
}

// Proxy is an RDS Proxy.
type Proxy struct{ Key, Name string }

// CacheNode is one node of a cache: what CloudWatch calls CacheClusterId.
type CacheNode struct {
	Key       string
	ClusterID string
	// Replicated says that the node's group has replicas.
	Replicated bool
}

// Service is an ECS service behind a load balancer.
type Service struct {
	Key           string
	Cluster, Name string
	// LoadBalancer and TargetGroups are what CloudWatch calls them (ArnSuffix). With blue/green there are two groups,
	// which change places at each rollout.
	LoadBalancer string
	TargetGroups []string
	BlueGreen    bool
	// StartSeconds is how long a task may take until it is healthy.
	StartSeconds int
	// Sleeps says that it is scaled to nothing at times.
	Sleeps bool
}

// LoadBalancer is an application load balancer, by what CloudWatch calls it (ArnSuffix).
type LoadBalancer struct{ Key, ArnSuffix string }

// Api is an HTTP API.
type Api struct {
	Key       string
	ID, Stage string
}

// Distribution is a CloudFront distribution.
type Distribution struct {
	Key, ID string
	// Site says that it is the one that people see, whose errors count against the promise.
	Site bool
	// Detailed says that CloudFront's additional metrics are paid for.
	Detailed bool
}

// Firewall is a web ACL, by the name of its metrics.
type Firewall struct {
	Key, Name string
	// Region is the region of a web ACL before a load balancer; "" for one before CloudFront.
	Region string
}

// dimensions are the ones under which WAF counts: a web ACL before CloudFront has no region.
// https://docs.aws.amazon.com/waf/latest/developerguide/waf-metrics.html
func (f Firewall) dimensions() map[string]string {
	all := map[string]string{"WebACL": f.Name, "Rule": "ALL"}
	if f.Region != "" {
		all["Region"] = f.Region
	}
	return all
}

// Work is what a function is for, which decides what its failure means.
type Work string

// The kinds of work. An ordinary one has no runbook of its own.
const (
	Ordinary  Work = ""
	Rotation  Work = "rotation"
	Migration Work = "migration"
)

// Function is a Lambda function.
type Function struct {
	Key            string
	Name           string
	TimeoutSeconds int
	Work           Work
}

// Secret is one in Secrets Manager whose age is measured (lambda/secret-watch).
type Secret struct {
	Key, Name string
	// External says that a person renews it, and no function.
	External bool
}

// Vault is a vault of AWS Backup.
type Vault struct {
	Key, Name string
	// Daily says that a backup is due every day.
	Daily bool
}

// Certificate is one of ACM.
type Certificate struct {
	Key, Arn string
	// Virginia says that it lives in us-east-1, for CloudFront.
	Virginia bool
}

// NatGateway is one zone's way out.
type NatGateway struct{ Key, ID string }

// Queue is an SQS queue.
type Queue struct {
	Key, Name string
	// DeadLetters says that it keeps what could not be handled.
	DeadLetters bool
}

// Canary is a script that visits from outside.
type Canary struct{ Key, Name string }

// Rule is one of EventBridge that others made: here it is watched whether its events reach their topic.
type Rule struct{ Key, Name string }

// LogGroup is where something writes, for the dashboard's costs and for saved queries.
type LogGroup struct {
	Key, Name string
	Kind      LogKind
}

// LogKind is what a log's lines look like.
type LogKind string

// The kinds of logs that there are saved queries for.
const (
	ServiceLog  LogKind = "service"
	ApiLog      LogKind = "api"
	PostgresLog LogKind = "postgres"
	RejectedLog LogKind = "rejected"
	FunctionLog LogKind = "function"
)
