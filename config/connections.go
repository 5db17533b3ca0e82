package config

import (
	"fmt"
	"strings"
)

// Who passes the proxy by, and how many connections each may hold at once. The bootstrap function sets the numbers as
// limits of the logins.
const (
	// MigrationConnections are Flyway's, who holds one for its lock and one for its work, and the rotation's of its
	// password meanwhile.
	MigrationConnections = 5
	// OperatorConnections are those of all who look something up.
	OperatorConnections = 5
	// bootstrapConnections are the bootstrap function's: one for roles, one in the database.
	bootstrapConnections = 2
	// reservedConnections are what PostgreSQL keeps for superusers (3) and RDS for rds_superuser (2).
	// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Parameters.html
	reservedConnections = 5
)

const (
	// bytesPerConnection is the divisor in RDS's formula: LEAST({DBInstanceClassMemory/9531392}, 5000).
	// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.MaxConnections
	bytesPerConnection = 9531392
	mostConnections    = 5000
	// managementMiB is what RDS's own processes and the operating system take off a class's memory before the formula. AWS
	// gives no figure; a class of 1 GiB that reports 81 connections in place of 112 loses about so much.
	managementMiB = 300
)

// MaxConnections is how many connections PostgreSQL on that machine takes (max_connections), on the safe side.
func (m Machine) MaxConnections() int {
	return min(max(m.MemoryMiB-managementMiB, 0)*1024*1024/bytesPerConnection, mostConnections)
}

// ProxyConnections is how many of the database's connections RDS Proxy may hold. It says false for an instance class that
// is not known.
func (d Database) ProxyConnections() (int, bool) {
	machine, known := d.Machine()
	return machine.MaxConnections() * d.ProxyConnectionsPercent / 100, known
}

// directConnections is how many connections all who pass the proxy by may hold at once. A rotation of every password at
// the same time is what the first apply does.
func (e Environment) directConnections() int {
	rotated := 1 // Flyway's
	for _, service := range e.Services {
		if service.DatabaseUser != "" {
			rotated++
		}
	}
	if e.Database.ReadReplica {
		rotated++ // the master's
	}
	return MigrationConnections + OperatorConnections + bootstrapConnections + reservedConnections + rotated
}

// checkConnections refuses a share of the proxy's that leaves too few connections to the others.
func (e Environment) checkConnections(at path, report *Faults) {
	machine, known := e.Database.Machine()
	if !known || !strings.HasPrefix(e.Database.InstanceClass, "db.") {
		return // reported with the class
	}
	all, direct := machine.MaxConnections(), e.directConnections()
	if pooled, _ := e.Database.ProxyConnections(); pooled+direct > all {
		report.add(at.field("Database.ProxyConnectionsPercent"), e.Database.ProxyConnectionsPercent,
			fmt.Sprintf("%d or less on a %s: of its %d connections Flyway, the rotation, operators and RDS itself need %d", max(all-direct, 0)*100/all, e.Database.InstanceClass, all, direct),
			"leave more to those who pass the proxy by, or take a larger class")
	}
}
