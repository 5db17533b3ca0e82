package resources_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/cache"
	"github.com/batbern/infrastructure/constructs/network"
)

// cacheProps is a cache of one node for two services.
func cacheProps(change func(*cache.Props)) cache.Props {
	props := cache.Props{
		Name:       "batbern-dev",
		Account:    config.Account{ID: "222233334444", Region: "eu-central-1"},
		Protection: config.Disposable,
		Cache: config.Cache{
			Shape: config.SingleShard{}, NodeType: "cache.t4g.micro", SnapshotRetentionDays: 1,
			SnapshotWindow: "01:00-02:00", MaintenanceWindow: "sun:04:00-sun:05:00", LogRetentionDays: 30,
		},
		Services:        []config.Service{{Name: "api-gateway"}, {Name: "event-management"}},
		Port:            6379,
		SubnetIDs:       []string{"subnet-1", "subnet-2"},
		SecurityGroupID: "sg-1",
		DataKeyArn:      "arn:aws:kms:eu-central-1:222233334444:key/data",
		LogsKeyArn:      "arn:aws:kms:eu-central-1:222233334444:key/logs",
	}
	change(&props)
	return props
}

func cacheStack(t *testing.T, change func(*cache.Props)) (*testkit.Stack, cache.Outputs) {
	t.Helper()
	var outputs cache.Outputs
	stack := testkit.Construct(t, func(stack cdktf.TerraformStack) { outputs = cache.New(stack, "cache", cacheProps(change)) })
	return stack, outputs
}

// AC14: ElastiCache with appropriate clustering.
func TestCache(t *testing.T) {
	t.Run("should_createRedisCluster_when_cacheRequired", func(t *testing.T) {
		for _, stack := range testkit.Environments(t) {
			environment := environmentOf(t, stack)
			if !environment.Cache.Enabled() {
				continue // TestNoCacheNoTrace
			}
			testkit.HasResourceWithProperties(t, stack, "aws_elasticache_replication_group", map[string]any{
				"replication_group_id":       stack.Name + "-cache",
				"node_type":                  environment.Cache.NodeType,
				"port":                       network.CachePort, // what the security groups open
				"num_cache_clusters":         environment.Cache.Shape.Nodes(),
				"automatic_failover_enabled": environment.Cache.Shape.Replicas() > 0,
				"multi_az_enabled":           environment.Cache.Shape.Replicas() > 0,
				"snapshot_retention_limit":   environment.Cache.SnapshotRetentionDays,
			})
			if users := len(stack.Resources("aws_elasticache_user")); users != len(environment.Services)+1 {
				t.Errorf("%s: %d users for %d services and the default", stack.Name, users, len(environment.Services))
			}
		}
		stack, _ := cacheStack(t, func(*cache.Props) {})
		testkit.HasResourceWithProperties(t, stack, "aws_elasticache_replication_group", map[string]any{
			"replication_group_id":       "batbern-dev-cache",
			"engine":                     "valkey",
			"engine_version":             "8.0",
			"num_cache_clusters":         1,
			"auto_minor_version_upgrade": "true", // ElastiCache.2
			"at_rest_encryption_enabled": "true", // ElastiCache.4
			"kms_key_id":                 "arn:aws:kms:eu-central-1:222233334444:key/data",
			"transit_encryption_enabled": true, // ElastiCache.5
			"transit_encryption_mode":    "required",
			"port":                       6379,
			"snapshot_retention_limit":   1, // ElastiCache.1
			"security_group_ids":         []string{"sg-1"},
			"apply_immediately":          true,
		})
		group := stack.Resource(t, "aws_elasticache_replication_group", "cache/replication_group")
		for _, attribute := range []string{"user_group_ids", "subnet_group_name", "parameter_group_name"} { // ElastiCache.6 and .7
			if !strings.Contains(fmt.Sprint(group.Body[attribute]), "aws_elasticache_") {
				t.Errorf("%s is %v, wanted one that is made here", attribute, group.Body[attribute])
			}
		}
	})

	for name, test := range map[string]struct {
		shape                            config.CacheShape
		clusters, groups, replicas, mode any
		failover                         bool
		parameters                       string
		nodes                            []string
	}{
		"one node": {shape: config.SingleShard{}, clusters: 1, parameters: "batbern-dev-cache-valkey8", nodes: []string{"batbern-dev-cache-001"}},
		"with replicas": {shape: config.SingleShard{StandBy: 1}, clusters: 2, failover: true, parameters: "batbern-dev-cache-valkey8",
			nodes: []string{"batbern-dev-cache-001", "batbern-dev-cache-002"}},
		"sharded": {shape: config.Sharded{Shards: 2, StandBy: 1}, groups: 2, replicas: 1, mode: "enabled", failover: true, parameters: "batbern-dev-cache-valkey8-cluster",
			nodes: []string{"batbern-dev-cache-0001-001", "batbern-dev-cache-0001-002", "batbern-dev-cache-0002-001", "batbern-dev-cache-0002-002"}},
	} {
		t.Run(name, func(t *testing.T) {
			stack, outputs := cacheStack(t, func(p *cache.Props) { p.Cache.Shape = test.shape })
			body := stack.Resource(t, "aws_elasticache_replication_group", "cache/replication_group").Body
			for attribute, wanted := range map[string]any{
				// either the one or the other two: the provider refuses both
				"num_cache_clusters": test.clusters, "num_node_groups": test.groups, "replicas_per_node_group": test.replicas, "cluster_mode": test.mode,
				"automatic_failover_enabled": test.failover, "multi_az_enabled": test.failover, // never one without the other
			} {
				if fmt.Sprint(body[attribute]) != fmt.Sprint(wanted) {
					t.Errorf("%s is %v, wanted %v", attribute, body[attribute], wanted)
				}
			}
			parameters := stack.Resource(t, "aws_elasticache_parameter_group", "parameter_group")
			if parameters.Text("name") != test.parameters || strings.Contains(fmt.Sprint(parameters.Body["parameter"]), "cluster-enabled") != outputs.ClusterMode {
				t.Errorf("parameter group %v", parameters.Body)
			}
			if !slices.Equal(outputs.NodeIDs, test.nodes) {
				t.Errorf("nodes %v, wanted %v", outputs.NodeIDs, test.nodes)
			}
		})
	}
}

// Users sign in by IAM, the default user is off, and no password is anywhere.
func TestCacheUsers(t *testing.T) {
	for _, engine := range []config.CacheEngine{config.Valkey8, config.Redis7} {
		t.Run(string(engine), func(t *testing.T) {
			stack, outputs := cacheStack(t, func(p *cache.Props) { p.Cache.Engine = engine })
			group := stack.Resource(t, "aws_elasticache_user_group", "users/group")
			if ids, _ := group.Body["user_ids"].([]any); len(ids) != 3 || !strings.Contains(fmt.Sprint(ids), "users_default") {
				t.Errorf("the group has %v, wanted two services and a default user of ours", ids)
			}
			for _, user := range stack.Resources("aws_elasticache_user") {
				if user.Body["passwords"] != nil || nested(user.Body["authentication_mode"], "passwords") != nil {
					t.Errorf("%s has a password", user.Path)
				}
				if user.Text("user_name") == "default" {
					if !strings.HasPrefix(user.Text("access_string"), "off ") || strings.Contains(user.Text("access_string"), "+") {
						t.Errorf("the default user may %s", user.Text("access_string"))
					}
					// provider issue 33877: an authentication_mode of no-password-required is a difference in every plan
					if user.Body["no_password_required"] != true || user.Body["authentication_mode"] != nil {
						t.Errorf("the default user signs in by %v, no password required: %v", user.Body["authentication_mode"], user.Body["no_password_required"])
					}
					continue
				}
				if nested(user.Body["authentication_mode"], "type") != "iam" || user.Text("user_id") != user.Text("user_name") {
					t.Errorf("%s signs in by %v as %s", user.Text("user_id"), user.Body["authentication_mode"], user.Text("user_name"))
				}
				service := strings.TrimPrefix(user.Text("user_name"), "batbern-dev-")
				rights := strings.Fields(user.Text("access_string"))
				if !slices.Contains(rights, "~"+service+":*") || slices.Contains(rights, "~*") || slices.Contains(rights, "+@all") || !slices.Contains(rights, "-@dangerous") {
					t.Errorf("%s may %v", service, rights)
				}
			}
			if names := slices.Sorted(maps.Keys(outputs.UserArns)); !slices.Equal(names, []string{"api-gateway", "event-management"}) {
				t.Errorf("outputs name the users of %v", names)
			}
			if attribute := stack.Resource(t, "aws_elasticache_replication_group", "replication_group").Body["auth_token"]; attribute != nil {
				t.Error("the cache has a token, which lands in the state")
			}
		})
	}
}

func TestCacheLogs(t *testing.T) {
	stack, _ := cacheStack(t, func(*cache.Props) {})
	kinds := map[any]any{}
	deliveries, _ := stack.Resource(t, "aws_elasticache_replication_group", "replication_group").Body["log_delivery_configuration"].([]any)
	for _, delivery := range deliveries {
		kinds[nested(delivery, "log_type")] = nested(delivery, "log_format")
	}
	if len(kinds) != 2 || kinds["slow-log"] != "json" || kinds["engine-log"] != "json" {
		t.Errorf("logs are %v", kinds)
	}
	for _, group := range stack.Resources("aws_cloudwatch_log_group") {
		if group.Text("kms_key_id") != "arn:aws:kms:eu-central-1:222233334444:key/logs" || group.Text("retention_in_days") != "30" {
			t.Errorf("%s: %v", group.Path, group.Body)
		}
	}
}

func TestCacheProtection(t *testing.T) {
	for level, wanted := range map[config.Protection]struct{ prevent, snapshot bool }{
		config.Disposable: {false, false},
		config.Guarded:    {false, true},
		config.Locked:     {true, true},
	} {
		stack, _ := cacheStack(t, func(p *cache.Props) { p.Protection = level })
		body := stack.Resource(t, "aws_elasticache_replication_group", "replication_group").Body
		found := struct{ prevent, snapshot bool }{
			nested(body["lifecycle"], "prevent_destroy") == true, body["final_snapshot_identifier"] != nil,
		}
		if found != wanted {
			t.Errorf("%s: found %+v, wanted %+v", level, found, wanted)
		}
	}
}

// The same environment with and without: what a cache adds is all there is to it, in the network too.
func TestCacheOnAndOff(t *testing.T) {
	project := testkit.Project(t)
	project.Environments = slices.Clone(project.Environments)
	dev := &project.Environments[0]
	dev.Cache = cacheProps(func(*cache.Props) {}).Cache
	with, without := addresses(testkit.Synth(t, project)["batbern-dev"]), addresses(testkit.StackNamed(t, "batbern-dev"))
	for address := range without {
		if !with[address] {
			t.Errorf("%s goes when a cache comes", address)
		}
		delete(with, address)
	}
	kinds := map[string]int{}
	for address := range with {
		kinds[strings.Split(address, ".")[0]]++
		if !strings.Contains(address, "cache") {
			t.Errorf("%s comes with the cache and does not tell by its name", address)
		}
	}
	for kind, least := range map[string]int{
		"aws_elasticache_replication_group": 1, "aws_elasticache_subnet_group": 1, "aws_elasticache_parameter_group": 1, "aws_elasticache_user_group": 1,
		"aws_elasticache_user": len(dev.Services), "aws_cloudwatch_log_group": 2, "aws_security_group": 1, "aws_vpc_security_group_ingress_rule": 1,
	} {
		if kinds[kind] < least {
			t.Errorf("a cache adds %d of %s, wanted %d", kinds[kind], kind, least)
		}
	}
}

// The way from Redis to Valkey moves no resource: users stay, and the parameter group of the new family stands beside the
// former one until the cache has changed.
func TestCacheChangesItsEngineInPlace(t *testing.T) {
	redis, _ := cacheStack(t, func(p *cache.Props) { p.Cache.Engine = config.Redis7 })
	valkey, _ := cacheStack(t, func(p *cache.Props) { p.Cache.Engine = config.Valkey8 })
	if before, after := addresses(redis), addresses(valkey); !maps.Equal(before, after) {
		t.Errorf("Redis has %v, Valkey %v", before, after)
	}
	for _, typ := range []string{"aws_elasticache_user", "aws_elasticache_user_group", "aws_elasticache_subnet_group"} {
		before, after := redis.Resources(typ), valkey.Resources(typ)
		for i := range before {
			if fmt.Sprint(before[i].Body) != fmt.Sprint(after[i].Body) {
				t.Errorf("%s changes from %v to %v", before[i].Path, before[i].Body, after[i].Body)
			}
		}
	}
	was, is := redis.Resources("aws_elasticache_parameter_group")[0], valkey.Resources("aws_elasticache_parameter_group")[0]
	if was.Text("name") == is.Text("name") || is.Body["lifecycle"].(map[string]any)["create_before_destroy"] != true {
		t.Errorf("one name for two parameter groups, or the old one goes first: %v", is.Body)
	}
}

func addresses(stack *testkit.Stack) map[string]bool {
	all := map[string]bool{}
	for _, resource := range stack.All() {
		all[resource.Address()] = true
	}
	return all
}

// BATbern runs without a cache to save its price. Then nothing of one is left, anywhere.
func TestNoCacheNoTrace(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		if environmentOf(t, stack).Cache.Enabled() {
			continue
		}
		for _, resource := range stack.All() {
			if resource.Type == "aws_ecr_pull_through_cache_rule" {
				continue // a cache of images
			}
			text := strings.ToLower(resource.Type + " " + resource.Path)
			if strings.Contains(text, "elasticache") || slices.Contains(strings.FieldsFunc(text, func(r rune) bool { return !('a' <= r && r <= 'z') }), "cache") {
				t.Errorf("%s: %s", stack.Name, resource.Address())
			}
		}
		for name := range stack.Outputs() {
			if strings.Contains(name, "cache") {
				t.Errorf("%s: output %s", stack.Name, name)
			}
		}
	}
}
