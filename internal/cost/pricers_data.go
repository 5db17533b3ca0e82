package cost

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/batbern/infrastructure/internal/tree"
)

// database prices an RDS instance for PostgreSQL. A Multi-AZ price covers the standby.
func database(m *meter) {
	if engine := m.String("engine"); engine != "postgres" && engine != "" { // a replica names no engine
		m.fault("%s: engine %q has no price here: allowed is postgres", m.Address(), engine)
		return
	}
	class, az := m.String("instance_class"), "single"
	if m.Bool("multi_az") {
		az = "multi"
	}
	h := m.assume.DatabaseHoursPerMonth
	m.add("instance "+class+" "+az+"-AZ", "rds."+class+"."+az, stated(h, fmt.Sprintf("1 instance × %s h", plain(h))))
	m.databaseStorage(az)
	m.databaseMonitoring(class, h)
	if m.Bool("manage_master_user_password") {
		m.add("secret of the master user", "secrets.secret", one("secret managed by RDS"))
	}
}

// databaseStorage prices gp3 and the backups beyond the free amount, which is the size of the storage. Below 400 GiB
// gp3 of PostgreSQL has 3000 IOPS, from there on 12000 are included.
func (m *meter) databaseStorage(az string) {
	size := m.number("allocated_storage", 0)
	if t := m.String("storage_type"); t != "gp3" {
		m.fault("%s: storage_type %q has no price here: allowed is gp3", m.Address(), t)
		return
	}
	if size == 0 && m.Value("replicate_source_db") != nil {
		if source := first(m.Resource, "replicate_source_db", "aws_db_instance"); source != nil {
			size = m.numberOf(source, "allocated_storage", 0)
		}
	}
	m.add("storage gp3", "rds.gp3."+az+".gb", stated(size, gb(size, "allocated")))
	included := 3000.0
	if size >= 400 {
		included = 12000
	}
	if extra := m.number("iops", 0) - included; extra > 0 {
		m.add("provisioned IOPS", "rds.gp3."+az+".iops", stated(extra, plain(extra)+" IOPS above "+plain(included)))
	}
	if m.number("backup_retention_period", 0) > 0 {
		extra := max(0, m.assume.DatabaseBackupGb-size)
		m.add("backups beyond the free amount", "rds.backup.gb", assumed(extra, gb(m.assume.DatabaseBackupGb, "of automated backups")))
	}
}

// databaseMonitoring prices what looks at the database: insights and Enhanced Monitoring, whose samples are log data.
func (m *meter) databaseMonitoring(class string, hours float64) {
	cpus, err := cpusOf(class)
	if err != nil {
		m.fault("%s: %w", m.Address(), err)
		return
	}
	if m.String("database_insights_mode") == "advanced" {
		m.add("Database Insights Advanced", "rds.insights.advanced.vcpu_hour", stated(cpus*hours, fmt.Sprintf("%s vCPU × %s h", plain(cpus), plain(hours))))
	} else if days := m.number("performance_insights_retention_period", 7); m.Bool("performance_insights_enabled") && days > 7 {
		m.add("Performance Insights retention", "rds.insights.retention.vcpu_month", stated(cpus, plain(cpus)+" vCPU kept longer than 7 days"))
	}
	if interval := m.number("monitoring_interval", 0); interval > 0 {
		n := m.assume.EnhancedMonitoringKb * hours * 3600 / interval / 1e6
		m.add("Enhanced Monitoring", "logs.ingest.gb", assumed(n, fmt.Sprintf("%s kB a sample every %s s", plain(m.assume.EnhancedMonitoringKb), plain(interval))))
	}
}

// cpusOf is the number of vCPUs of an instance class: two up to large, then four for each xlarge.
func cpusOf(class string) (float64, error) {
	parts := strings.Split(class, ".")
	size := parts[len(parts)-1]
	if slices.Contains([]string{"micro", "small", "medium", "large"}, size) {
		return 2, nil
	}
	factor, ok := strings.CutSuffix(size, "xlarge")
	if factor == "" {
		factor = "1"
	}
	n, err := strconv.ParseFloat(factor, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("instance class %q has an unknown size: its vCPUs cannot be counted", class)
	}
	return 4 * n, nil
}

// databaseBackupReplication keeps backups and logs in another region, which is that of its provider.
func databaseBackupReplication(m *meter) {
	a := m.assume
	m.add("replicated backups", "rds.backup.gb", assumed(a.DatabaseBackupGb, gb(a.DatabaseBackupGb, "of automated backups")))
	m.addIn(homeOf(m.stack), "copy to the region", "transfer.region.gb", assumed(a.CrossRegionGb, gb(a.CrossRegionGb, "copied to another region")))
}

// homeOf is the region of the stack's default provider.
func homeOf(s *tree.Stack) string { return s.Regions["aws"] }

// databaseProxy is billed by the vCPUs of the instance behind it, at least two.
func databaseProxy(m *meter) {
	cpus := m.proxiedCpus(m.Resource)
	h := m.assume.DatabaseHoursPerMonth
	m.add("RDS Proxy", "rds.proxy.vcpu_hour", stated(cpus*h, fmt.Sprintf("%s vCPU × %s h", plain(cpus), plain(h))))
}

func (m *meter) proxiedCpus(proxy *tree.Resource) float64 {
	for _, target := range m.stack.OfType("aws_db_proxy_target") {
		if !slices.Contains(target.Refers("db_proxy_name"), proxy) {
			continue
		}
		db := first(target, "db_instance_identifier", "aws_db_instance")
		if db == nil {
			continue
		}
		cpus, err := cpusOf(db.String("instance_class"))
		if err != nil {
			m.fault("%s: %w", db.Address(), err)
		}
		return max(2, cpus)
	}
	m.fault("%s: no aws_db_proxy_target ties the proxy to an instance, so its vCPUs cannot be counted", proxy.Address())
	return 0
}

// databaseProxyEndpoint is one beside the proxy's own, which is included: AWS bills it as an interface endpoint in each
// subnet.
func databaseProxyEndpoint(m *meter) {
	subnets := float64(len(m.List("vpc_subnet_ids")))
	m.add("proxy endpoint", "endpoint.hour", m.hours(subnets, "zone"))
}

// cacheGroup counts nodes: shards times their copies, or the clusters of a group without shards.
func cacheGroup(m *meter) {
	nodes := m.number("num_cache_clusters", 0)
	if nodes == 0 {
		nodes = m.number("num_node_groups", 1) * (1 + m.number("replicas_per_node_group", 0))
	}
	m.cacheNodes(nodes)
	if m.number("snapshot_retention_limit", 0) > 0 && m.assume.CacheBackupGb > 0 {
		m.add("snapshots", "cache.backup.gb", assumed(m.assume.CacheBackupGb, gb(m.assume.CacheBackupGb, "of snapshots beyond the free one")))
	}
}

func cacheCluster(m *meter) {
	if first(m.Resource, "replication_group_id", "aws_elasticache_replication_group") == nil { // else a node of the group
		m.cacheNodes(m.number("num_cache_nodes", 1))
	}
}

func (m *meter) cacheNodes(nodes float64) {
	engine := m.String("engine")
	if engine == "" {
		engine = "redis"
	}
	class := m.String("node_type")
	m.add(engine+" nodes "+class, "cache."+engine+"."+class, m.hours(nodes, "node"))
}

func cacheServerless(m *meter) {
	n := m.assume.CacheServerlessGb
	m.add("cached data", "cache.serverless."+m.String("engine")+".gb_hour", assumed(n*m.assume.HoursPerMonth, gb(n, "cached on average")))
}

func bucket(m *meter) {
	a := m.assume
	m.add("storage", "s3.standard.gb", assumed(a.BucketGb, gb(a.BucketGb, "in each bucket")))
	m.add("writes", "s3.put", assumed(a.BucketWritesMillion*1000, million(a.BucketWritesMillion, "writes to each bucket")))
	m.add("reads", "s3.get", assumed(a.BucketReadsMillion*1000, million(a.BucketReadsMillion, "reads of each bucket")))
}

func bucketReplication(m *meter) {
	m.add("copy to the region", "transfer.region.gb", assumed(m.assume.CrossRegionGb, gb(m.assume.CrossRegionGb, "copied to another region")))
}

// backupPlan bills what the vaults keep, and again where a rule copies it to.
func backupPlan(m *meter) {
	a := m.assume
	database, buckets := gb(a.BackupDatabaseGb, "of database backups kept"), gb(a.BackupBucketGb, "of bucket backups kept")
	m.add("database backups", "backup.rds.gb", assumed(a.BackupDatabaseGb, database))
	m.add("bucket backups", "backup.s3.gb", assumed(a.BackupBucketGb, buckets))
	for _, vault := range m.copyVaults() {
		region := vault.Region()
		m.addIn(region, "database backups in "+region, "backup.rds.gb", assumed(a.BackupDatabaseGb, database))
		m.addIn(region, "bucket backups in "+region, "backup.s3.gb", assumed(a.BackupBucketGb, buckets))
		m.add("copies to "+region, "transfer.region.gb", assumed(a.CrossRegionGb, gb(a.CrossRegionGb, "copied to another region")))
	}
}

func (m *meter) copyVaults() []*tree.Resource {
	var vaults []*tree.Resource
	for _, to := range m.Refers("rule.copy_action") {
		if to.Type == "aws_backup_vault" && !slices.Contains(vaults, to) {
			vaults = append(vaults, to)
		}
	}
	return vaults
}

// restoreTesting restores one recovery point of each selection on its schedule.
func restoreTesting(m *meter) {
	var selections float64
	for _, s := range m.stack.OfType("aws_backup_restore_testing_selection") {
		if slices.Contains(s.Refers("restore_testing_plan_name"), m.Resource) {
			selections++
		}
	}
	runs := m.runs("schedule_expression")
	m.add("restore tests", "backup.restore_test", stated(runs*selections, times(selections, "selection")+" × "+times(runs, "run")))
}
