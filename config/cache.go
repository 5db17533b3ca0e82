package config

import "fmt"

// Cache is an environment's ElastiCache replication group. The zero value means there is none.
type Cache struct {
	// Enabled makes the cache. BATbern runs without one where cost matters more.
	Enabled bool
	// NodeType is ElastiCache's name of the machine, "cache.t4g.micro".
	NodeType string `validate:"required_if=Enabled true,omitempty,startswith=cache."`
	// Shards is 1 for a single primary, more for cluster mode.
	Shards int `validate:"required_if=Enabled true,omitempty,min=1,max=90"`
	// ReplicasPerShard is how many copies of each primary stand by; failover and multi-AZ need one at least.
	ReplicasPerShard int `validate:"min=0,max=5"`
}

func (c Cache) check(at path, report *Faults) {
	if c.Enabled && c.Shards > 1 && c.ReplicasPerShard == 0 {
		report.add(at.field("ReplicasPerShard"), c.ReplicasPerShard, "1 to 5 where Shards is more than 1",
			fmt.Sprintf("cluster mode cannot run without failover: add a replica, or take 1 shard instead of %d", c.Shards))
	}
}
