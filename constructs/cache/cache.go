// Package cache makes an environment's ElastiCache replication group: Valkey, or Redis OSS where asked, with users that
// sign in by IAM and no password anywhere.
package cache

import (
	"fmt"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchloggroup"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/elasticacheparametergroup"
	group "github.com/cdktf/cdktf-provider-aws-go/aws/v19/elasticachereplicationgroup"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/elasticachesubnetgroup"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// Props says what the cache is made of. The cache must be enabled: an environment without one calls nothing here.
type Props struct {
	Name       string // prefix of AWS names, e.g. "batbern-dev"
	Account    config.Account
	Cache      config.Cache
	Protection config.Protection
	// Services get a user each, which sees only keys and channels that begin with the service's name and a colon.
	Services []config.Service
	// Port is where the cache listens; the security group opens the same.
	Port int
	// SubnetIDs are isolated subnets, in two zones at least where there are replicas.
	SubnetIDs       []string
	SecurityGroupID string
	// DataKeyArn encrypts data and snapshots, LogsKeyArn the logs.
	DataKeyArn, LogsKeyArn string
}

// Outputs are what services connect with and what alarms watch.
type Outputs struct {
	// Endpoint is the address for writing: the primary's, or in cluster mode the configuration endpoint.
	Endpoint string
	// ReaderEndpoint spreads reads over the replicas; in cluster mode it is Endpoint.
	ReaderEndpoint string
	Port           int
	// ClusterMode says that clients must speak the cluster protocol.
	ClusterMode bool
	// Arn and UserArns are the resources of the right elasticache:Connect, users by service.
	Arn      string
	UserArns map[string]string
	// UserNames are what services sign in as, by service.
	UserNames map[string]string
	// NodeIDs are the CacheClusterId dimensions of CloudWatch's metrics.
	NodeIDs []string
}

// New makes the cache.
func New(scope constructs.Construct, id string, props Props) Outputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	subnets := subnetGroup(scope, props)
	parameters := parameterGroup(scope, props)
	users := newUsers(scope, "users", props)
	logs := logGroups(scope, props)
	nodes := replicationGroup(scope, props, subnets, parameters, users, logs)
	return outputs(props, nodes, users)
}

// groupID is ElastiCache's name of the whole.
func (p Props) groupID() string { return p.Name + "-cache" }

func subnetGroup(scope constructs.Construct, props Props) elasticachesubnetgroup.ElasticacheSubnetGroup {
	return elasticachesubnetgroup.NewElasticacheSubnetGroup(scope, jsii.String("subnet_group"), &elasticachesubnetgroup.ElasticacheSubnetGroupConfig{
		Name:        jsii.String(props.groupID()),
		Description: jsii.String("Isolated subnets of " + props.Name),
		SubnetIds:   jsii.Strings(props.SubnetIDs...),
	})
}

// parameterGroup is named for its family, because a new engine needs the new group before the old one can go.
func parameterGroup(scope constructs.Construct, props Props) elasticacheparametergroup.ElasticacheParameterGroup {
	parameters := []*elasticacheparametergroup.ElasticacheParameterGroupParameter{
		// a cache forgets what was not used for long, instead of refusing to take more
		{Name: jsii.String("maxmemory-policy"), Value: jsii.String("allkeys-lru")},
	}
	name := props.groupID() + "-" + props.Cache.Family()
	if _, sharded := props.Cache.Shape.(config.Sharded); sharded {
		parameters = append([]*elasticacheparametergroup.ElasticacheParameterGroupParameter{
			{Name: jsii.String("cluster-enabled"), Value: jsii.String("yes")},
		}, parameters...)
		name += "-cluster"
	}
	return elasticacheparametergroup.NewElasticacheParameterGroup(scope, jsii.String("parameter_group"), &elasticacheparametergroup.ElasticacheParameterGroupConfig{
		Name:        jsii.String(name),
		Family:      jsii.String(props.Cache.Family()),
		Description: jsii.String("Parameters of " + props.groupID()),
		Parameter:   &parameters,
		Lifecycle:   &cdktf.TerraformResourceLifecycle{CreateBeforeDestroy: jsii.Bool(true)},
	})
}

// logGroups are by the kind of log. Their names begin so that CloudWatch lets AWS services write there without a
// resource policy of its own for each, of which a region holds ten.
func logGroups(scope constructs.Construct, props Props) []*group.ElasticacheReplicationGroupLogDeliveryConfiguration {
	var delivered []*group.ElasticacheReplicationGroupLogDeliveryConfiguration
	for _, kind := range []string{"engine-log", "slow-log"} {
		logs := cloudwatchloggroup.NewCloudwatchLogGroup(scope, jsii.String(kind), &cloudwatchloggroup.CloudwatchLogGroupConfig{
			Name:            jsii.String(fmt.Sprintf("/aws/vendedlogs/elasticache/%s/%s", props.groupID(), kind)),
			RetentionInDays: jsii.Number(float64(props.Cache.LogRetentionDays)),
			KmsKeyId:        jsii.String(props.LogsKeyArn),
		})
		delivered = append(delivered, &group.ElasticacheReplicationGroupLogDeliveryConfiguration{
			Destination:     logs.Name(),
			DestinationType: jsii.String("cloudwatch-logs"),
			LogFormat:       jsii.String("json"),
			LogType:         jsii.String(kind),
		})
	}
	return delivered
}

func replicationGroup(scope constructs.Construct, props Props, subnets elasticachesubnetgroup.ElasticacheSubnetGroup,
	parameters elasticacheparametergroup.ElasticacheParameterGroup, users users,
	logs []*group.ElasticacheReplicationGroupLogDeliveryConfiguration) group.ElasticacheReplicationGroup {
	// one with the other: multi-AZ needs failover, failover needs a replica, and with a replica nothing speaks against
	// either (ElastiCache.3)
	spread := jsii.Bool(props.Cache.Shape.Replicas() > 0)
	args := &group.ElasticacheReplicationGroupConfig{
		ReplicationGroupId:       jsii.String(props.groupID()),
		Description:              jsii.String("Cache of " + props.Name),
		Engine:                   jsii.String(props.Cache.EngineName()),
		EngineVersion:            jsii.String(props.Cache.EngineVersion()),
		AutoMinorVersionUpgrade:  jsii.String("true"), // ElastiCache.2; the binding takes text here
		NodeType:                 jsii.String(props.Cache.NodeType),
		Port:                     jsii.Number(float64(props.Port)),
		ParameterGroupName:       parameters.Name(),
		SubnetGroupName:          subnets.Name(), // ElastiCache.7
		SecurityGroupIds:         jsii.Strings(props.SecurityGroupID),
		AutomaticFailoverEnabled: spread,
		MultiAzEnabled:           spread,
		AtRestEncryptionEnabled:  jsii.String("true"), // ElastiCache.4; text again
		KmsKeyId:                 jsii.String(props.DataKeyArn),
		TransitEncryptionEnabled: jsii.Bool(true), // ElastiCache.5
		TransitEncryptionMode:    jsii.String("required"),
		UserGroupIds:             &[]*string{users.groupID}, // ElastiCache.6
		LogDeliveryConfiguration: &logs,
		SnapshotRetentionLimit:   jsii.Number(float64(props.Cache.SnapshotRetentionDays)), // ElastiCache.1
		SnapshotWindow:           jsii.String(props.Cache.SnapshotWindow),
		MaintenanceWindow:        jsii.String(props.Cache.MaintenanceWindow),
		ApplyImmediately:         jsii.Bool(true), // docs/decisions/0015
		Lifecycle: &cdktf.TerraformResourceLifecycle{
			PreventDestroy: jsii.Bool(props.Protection.PreventDestroy()),
			IgnoreChanges:  jsii.Strings("final_snapshot_identifier"), // read once, when the cache goes
		},
	}
	if props.Protection.FinalSnapshot() {
		// a name of its own for every cache that ever was: AWS refuses a second snapshot of the same name
		args.FinalSnapshotIdentifier = jsii.String(props.groupID() + `-final-${formatdate("YYYYMMDDhhmmss", timestamp())}`)
	}
	switch shape := props.Cache.Shape.(type) {
	case config.SingleShard:
		args.NumCacheClusters = jsii.Number(float64(shape.Nodes()))
	case config.Sharded:
		args.ClusterMode = jsii.String("enabled")
		args.NumNodeGroups = jsii.Number(float64(shape.Shards))
		args.ReplicasPerNodeGroup = jsii.Number(float64(shape.StandBy))
	}
	return group.NewElasticacheReplicationGroup(scope, jsii.String("replication_group"), args)
}

func outputs(props Props, nodes group.ElasticacheReplicationGroup, users users) Outputs {
	out := Outputs{
		Endpoint:       *nodes.PrimaryEndpointAddress(),
		ReaderEndpoint: *nodes.ReaderEndpointAddress(),
		Port:           props.Port,
		Arn:            fmt.Sprintf("arn:aws:elasticache:%s:%s:replicationgroup:%s", props.Account.Region, props.Account.ID, props.groupID()),
		UserArns:       users.arns,
		UserNames:      users.names,
		NodeIDs:        nodeIDs(props.groupID(), props.Cache.Shape),
	}
	if _, sharded := props.Cache.Shape.(config.Sharded); sharded {
		out.ClusterMode = true
		out.Endpoint = *nodes.ConfigurationEndpointAddress()
		out.ReaderEndpoint = out.Endpoint
	}
	return out
}

// nodeIDs are the names that ElastiCache gives to nodes: GROUP-002, and GROUP-0001-002 in cluster mode.
func nodeIDs(groupID string, shape config.CacheShape) []string {
	var ids []string
	sharded, clusterMode := shape.(config.Sharded)
	if !clusterMode {
		for node := range shape.Nodes() {
			ids = append(ids, fmt.Sprintf("%s-%03d", groupID, node+1))
		}
		return ids
	}
	for shard := range sharded.Shards {
		for node := range 1 + sharded.StandBy {
			ids = append(ids, fmt.Sprintf("%s-%04d-%03d", groupID, shard+1, node+1))
		}
	}
	return ids
}
