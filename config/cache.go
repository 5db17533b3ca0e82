package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Cache is an environment's ElastiCache replication group. The zero value means there is none: BATbern runs without one
// where cost matters more.
type Cache struct {
	// Shape is how many nodes there are and how keys are spread over them: a [SingleShard] or [Sharded]. Nil means no
	// cache.
	Shape CacheShape `validate:"-"`
	// NodeType is ElastiCache's name of the machine, "cache.t4g.micro".
	NodeType string `validate:"omitempty,nodetype"`
	// Engine is what runs on it; empty for Valkey 8.0.
	Engine CacheEngine
	// SnapshotRetentionDays is how many daily snapshots are kept (ElastiCache.1).
	SnapshotRetentionDays int `validate:"min=0,max=35"`
	// SnapshotWindow is the daily time of the snapshot in UTC, "hh:mm-hh:mm", an hour at least.
	SnapshotWindow string
	// MaintenanceWindow is the weekly time of upgrades in UTC, "ddd:hh:mm-ddd:hh:mm", an hour at least. It must not
	// meet SnapshotWindow.
	MaintenanceWindow string
	// LogRetentionDays is how long the engine's and the slow log are kept.
	LogRetentionDays int `validate:"omitempty,logretention"`
}

// CacheShape is a [SingleShard] or [Sharded], and nothing else: ElastiCache takes quite different arguments for the two
// and refuses most mixtures.
type CacheShape interface {
	// Nodes is how many machines there are, which is what they cost.
	Nodes() int
	// Replicas is how many copies stand by for each primary. With one or more, failover and multi-AZ are on
	// (ElastiCache.3); without, they cannot be.
	Replicas() int
	check(at path, report *Faults)
}

// SingleShard holds all keys on one primary (cluster mode disabled).
type SingleShard struct {
	// StandBy is how many copies of the primary there are, 0 to 5.
	StandBy int
}

// Nodes is the primary and its copies.
func (s SingleShard) Nodes() int { return 1 + s.StandBy }

// Replicas are the primary's copies.
func (s SingleShard) Replicas() int { return s.StandBy }

func (s SingleShard) check(at path, report *Faults) {
	if s.StandBy < 0 || s.StandBy > maxReplicas {
		report.add(at.field("StandBy"), s.StandBy, fmt.Sprintf("0 to %d", maxReplicas), "ElastiCache takes no other number of replicas")
	}
}

// Sharded spreads keys over several primaries (cluster mode enabled). Clients must speak the cluster protocol.
type Sharded struct {
	// Shards is how many primaries there are, 2 to 90.
	Shards int
	// StandBy is how many copies each primary has, 1 to 5: cluster mode cannot run without failover, and failover
	// needs somewhere to go.
	StandBy int
}

// Nodes are the primaries and their copies.
func (s Sharded) Nodes() int { return s.Shards * (1 + s.StandBy) }

// Replicas are each primary's copies.
func (s Sharded) Replicas() int { return s.StandBy }

func (s Sharded) check(at path, report *Faults) {
	if s.Shards < 2 || s.Shards > maxShards {
		report.add(at.field("Shards"), s.Shards, fmt.Sprintf("2 to %d", maxShards), "take SingleShard for one")
	}
	if s.StandBy < 1 || s.StandBy > maxReplicas {
		report.add(at.field("StandBy"), s.StandBy, fmt.Sprintf("1 to %d", maxReplicas),
			"cluster mode cannot run without failover: add a replica, or take SingleShard")
	}
}

const (
	maxShards   = 90
	maxReplicas = 5
)

// CacheEngine is an engine and its version as ElastiCache writes them, joined by a space.
type CacheEngine string

// The engines on offer. Redis OSS ends at 7.1 on ElastiCache; what came after is Valkey, which Redis clients speak to
// without a change. See docs/decisions/0006-valkey-cache.md.
const (
	Valkey8 CacheEngine = "valkey 8.0"
	Valkey7 CacheEngine = "valkey 7.2"
	Redis7  CacheEngine = "redis 7.1"
)

// cacheFamilies are the parameter group families of the engines.
var cacheFamilies = map[CacheEngine]string{Valkey8: "valkey8", Valkey7: "valkey7", Redis7: "redis7"}

// Enabled says whether there is a cache.
func (c Cache) Enabled() bool { return c.Shape != nil }

// EngineName is the engine without its version: "valkey" or "redis".
func (c Cache) EngineName() string {
	name, _, _ := strings.Cut(string(c.engine()), " ")
	return name
}

// EngineVersion is the engine's major and minor version; ElastiCache chooses the patch.
func (c Cache) EngineVersion() string {
	_, version, _ := strings.Cut(string(c.engine()), " ")
	return version
}

// Family is the parameter group family that the engine takes.
func (c Cache) Family() string { return cacheFamilies[c.engine()] }

func (c Cache) engine() CacheEngine {
	if c.Engine == "" {
		return Valkey8
	}
	return c.Engine
}

// shortestCacheWindow is what ElastiCache asks of both windows, in minutes.
const shortestCacheWindow = 60

func (c Cache) check(at path, report *Faults) {
	if !c.Enabled() {
		return
	}
	c.Shape.check(at.field("Shape"), report)
	if c.NodeType == "" {
		report.add(at.field("NodeType"), c.NodeType, `a node type such as "cache.t4g.micro"`, "name one, or set Shape to nil for no cache")
	}
	if _, known := cacheFamilies[c.engine()]; !known {
		var engines []string
		for engine := range maps.Keys(cacheFamilies) {
			engines = append(engines, string(engine))
		}
		slices.Sort(engines)
		report.add(at.field("Engine"), string(c.Engine), strings.Join(engines, ", "), "ElastiCache has Redis OSS up to 7.1 and Valkey after it")
	}
	if c.LogRetentionDays == 0 {
		report.add(at.field("LogRetentionDays"), c.LogRetentionDays, list(LogRetentionDays)+" days", "without one the logs would be kept for ever")
	}
	c.checkWindows(at, report)
}

func (c Cache) checkWindows(at path, report *Faults) {
	snapshot, err := parseWindow(c.SnapshotWindow)
	if err != nil || snapshot.weekday >= 0 || snapshot.minutes < shortestCacheWindow {
		report.add(at.field("SnapshotWindow"), c.SnapshotWindow, `"hh:mm-hh:mm" in UTC, an hour at least`, `write for example "01:00-02:00"`)
		return
	}
	maintenance, err := parseWindow(c.MaintenanceWindow)
	if err != nil || maintenance.weekday < 0 || maintenance.minutes < shortestCacheWindow {
		report.add(at.field("MaintenanceWindow"), c.MaintenanceWindow, `"ddd:hh:mm-ddd:hh:mm" in UTC, an hour at least`,
			`write for example "sun:04:00-sun:05:00"`)
		return
	}
	if snapshot.overlaps(maintenance) {
		report.add(at.field("MaintenanceWindow"), c.MaintenanceWindow, "a time apart from the snapshot window "+c.SnapshotWindow,
			"move one of the two; ElastiCache refuses windows that meet")
	}
}
