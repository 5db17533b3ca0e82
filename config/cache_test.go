package config

import (
	"strings"
	"testing"
)

// someCache is a valid cache of one node.
func someCache() Cache {
	return Cache{
		Shape:                 SingleShard{},
		NodeType:              "cache.t4g.micro",
		SnapshotRetentionDays: 1,
		SnapshotWindow:        "01:00-02:00",
		MaintenanceWindow:     "sun:04:00-sun:05:00",
		LogRetentionDays:      30,
	}
}

// spoilCache gives every environment a cache that production would take too, then spoils it.
func spoilCache(spoil func(*Cache)) func(*Environment) {
	return func(e *Environment) {
		e.Cache = someCache()
		e.Cache.Shape, e.Cache.LogRetentionDays = SingleShard{StandBy: 1}, 365
		spoil(&e.Cache)
	}
}

func TestEveryFaultOfTheCacheIsNamed(t *testing.T) {
	plantEach(t, []fault{
		{"negative replicas", spoilCache(func(c *Cache) { c.Shape = SingleShard{StandBy: -1} }), "Cache.Shape.StandBy"},
		{"six replicas", spoilCache(func(c *Cache) { c.Shape = SingleShard{StandBy: 6} }), "Cache.Shape.StandBy"},
		{"one shard of many", spoilCache(func(c *Cache) { c.Shape = Sharded{Shards: 1, StandBy: 1} }), "Cache.Shape.Shards"},
		{"too many shards", spoilCache(func(c *Cache) { c.Shape = Sharded{Shards: 91, StandBy: 1} }), "Cache.Shape.Shards"},
		{"shards without failover", spoilCache(func(c *Cache) { c.Shape = Sharded{Shards: 2} }), "Cache.Shape.StandBy"},
		{"no node type", spoilCache(func(c *Cache) { c.NodeType = "" }), "Cache.NodeType"},
		{"a database's node type", spoilCache(func(c *Cache) { c.NodeType = "db.t4g.micro" }), "Cache.NodeType"},
		{"the story's Redis 7.2", spoilCache(func(c *Cache) { c.Engine = "redis 7.2" }), "Cache.Engine"},
		{"snapshots for too long", spoilCache(func(c *Cache) { c.SnapshotRetentionDays = 36 }), "Cache.SnapshotRetentionDays"},
		{"log retention", spoilCache(func(c *Cache) { c.LogRetentionDays = 42 }), "Cache.LogRetentionDays"},
		{"no log retention", spoilCache(func(c *Cache) { c.LogRetentionDays = 0 }), "Cache.LogRetentionDays"},
		{"malformed snapshot window", spoilCache(func(c *Cache) { c.SnapshotWindow = "at night" }), "Cache.SnapshotWindow"},
		{"half an hour for snapshots", spoilCache(func(c *Cache) { c.SnapshotWindow = "01:00-01:30" }), "Cache.SnapshotWindow"},
		{"daily maintenance", spoilCache(func(c *Cache) { c.MaintenanceWindow = "04:00-05:00" }), "Cache.MaintenanceWindow"},
		{"overlapping windows", spoilCache(func(c *Cache) { c.MaintenanceWindow = "sun:01:30-sun:02:30" }), "Cache.MaintenanceWindow"},
	})
}

func TestLegalCaches(t *testing.T) {
	for name, shape := range map[string]CacheShape{
		"none":             nil,
		"one node":         SingleShard{},
		"with replicas":    SingleShard{StandBy: 5},
		"smallest sharded": Sharded{Shards: 2, StandBy: 1},
		"largest sharded":  Sharded{Shards: 90, StandBy: 5},
	} {
		t.Run(name, func(t *testing.T) {
			project := load(t, nil)
			cache := &project.Environments[0].Cache
			*cache = someCache()
			cache.Shape = shape
			if shape == nil {
				*cache = Cache{}
			}
			if faults := project.validate(); len(faults) > 0 {
				t.Error(faults)
			}
		})
	}
	t.Run("without a cache nothing reads its values", func(t *testing.T) {
		project := load(t, nil)
		project.Environments[0].Cache = Cache{SnapshotWindow: "never"}
		if faults := project.validate(); len(faults) != 1 || faults[0].Path != "dev.Cache" {
			t.Error(faults)
		}
	})
}

func TestCacheProductionFloor(t *testing.T) {
	project := load(t, nil)
	production := &project.Environments[2]
	production.Cache = someCache()
	production.Cache.SnapshotRetentionDays = 0
	text := project.validate().Error()
	for _, wanted := range []string{
		"prod.Cache.Shape.StandBy: found 0; allowed: 1 or more (ElastiCache.3) in production",
		"prod.Cache.SnapshotRetentionDays: found 0",
		"prod.Cache.LogRetentionDays: found 30; allowed: 365 or more (CloudWatch.16)",
	} {
		if !strings.Contains(text, wanted) {
			t.Errorf("%q is not in\n%s", wanted, text)
		}
	}
}

func TestCacheEngines(t *testing.T) {
	for engine, wanted := range map[CacheEngine][3]string{
		"":      {"valkey", "8.0", "valkey8"},
		Valkey8: {"valkey", "8.0", "valkey8"},
		Valkey7: {"valkey", "7.2", "valkey7"},
		Redis7:  {"redis", "7.1", "redis7"},
	} {
		cache := Cache{Engine: engine}
		if found := [3]string{cache.EngineName(), cache.EngineVersion(), cache.Family()}; found != wanted {
			t.Errorf("%q: found %v, wanted %v", engine, found, wanted)
		}
	}
}

func TestNodesOfShapes(t *testing.T) {
	for shape, wanted := range map[CacheShape]int{
		SingleShard{}: 1, SingleShard{StandBy: 2}: 3, Sharded{Shards: 3, StandBy: 1}: 6,
	} {
		if found := shape.Nodes(); found != wanted {
			t.Errorf("%+v: found %d nodes, wanted %d", shape, found, wanted)
		}
	}
}
