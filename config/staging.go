package config

// staging is production in small: the same shape and the same way of deploying, so that what works here works there.
func staging(settings Settings) Environment {
	const name = Staging
	return Environment{
		Name:        name,
		Account:     Account{ID: settings.AccountStaging, Kind: kindOf(settings.AccountStaging, settings), Region: homeRegion, RecoveryRegion: recoveryRegion},
		Protection:  Guarded,
		Domains:     Domains{Zone: settings.Domain, Root: string(name) + "." + settings.Domain, Held: settings.NamesHeld},
		Tags:        tags(settings, stackName(string(name)), string(name)),
		AlarmEmails: settings.AlarmEmails,
		Frontend:    frontend(),
		Baseline:    Baseline{S3PublicAccessBlock: true, EbsEncryption: true, AccessAnalyzer: true, TerraformCloudProvider: true},
		Quotas:      Quotas{FargateVcpus: 12, FargateSpotVcpus: 6, ElasticIPs: 5}, // a rollout doubles a service
		Network: Network{
			Cidr:        network("10.20.0.0/16"),
			Zones:       []string{"a", "b"},
			NatGateways: 1, // a second one would only rehearse a zone's failure
			FlowLogs:    FlowLogs{AggregationSeconds: 600, RetentionDays: 90},
		},
		Database: Database{
			InstanceClass:           "db.t4g.small", // half of production: load tests scale their numbers
			Port:                    databasePort,
			StorageGiB:              20,
			MaxStorageGiB:           100,
			BackupRetentionDays:     14,
			BackupWindow:            "02:00-02:30",
			MaintenanceWindow:       "sun:03:00-sun:04:00", // a week's upgrade is seen here on the same day as in production
			MonitoringSeconds:       60,
			SlowQueryMilliseconds:   500,
			LogRetentionDays:        30,
			RotationDays:            30,
			ProxyConnectionsPercent: 75,
		},
		Migration: Migration{ImageDigest: settings.MigrationDigest},
		Backup:    Backup{DailyDays: 7, RestoreTest: true}, // enough to rehearse a restore
		Cache: Cache{
			Shape:                 SingleShard{}, // one node: the client's code is tried here, not the failover
			NodeType:              "cache.t4g.micro",
			Engine:                Redis7, // not the default, Valkey: providers before 5.73.0 refuse it, docs/decisions/0006-valkey-cache.md
			SnapshotRetentionDays: 1,
			SnapshotWindow:        "01:00-02:00",
			MaintenanceWindow:     "sun:04:00-sun:05:00",
			LogRetentionDays:      30,
		},
		Compute: Compute{
			ContainerInsights: "enabled",
			Exec:              true,
			Capacity:          Capacity{OnDemandBase: 1, OnDemandWeight: 1, SpotWeight: 4}, // one task of each outlives a Spot shortage
			// production's way of rolling out, without its waiting
			Rollout:          Rollout{Strategy: BlueGreen, TrafficShift: "CodeDeployDefault.ECSAllAtOnce", BakeMinutes: 5},
			LogLevel:         "INFO",
			LogRetentionDays: 30,
		},
		Api: Api{
			RequestsPerSecond: 1000, BurstRequests: 2000, // production's, so that load tests mean something
			Firewall:         Firewall{Mode: FirewallCount, RequestsPerFiveMinutes: 10_000, LogRetentionDays: 30},
			LogRetentionDays: 30,
		},
		Services: scaled(sized(services(), 512, 1024), Scaling{
			MinTasks: 1, DesiredTasks: 1, MaxTasks: 3, TargetCpuPercent: 70, TargetMemoryPercent: 85, TargetRequestsPerMinute: 600,
		}),
		Storage: Storage{
			Content:          Lifecycle{NoncurrentDays: 30},
			Frontend:         Lifecycle{NoncurrentDays: 30},
			Backups:          Lifecycle{ExpirationDays: 30, NoncurrentDays: 7},
			LogRetentionDays: 90,
		},
		Edge: Edge{
			PriceClass: "PriceClass_100",
			// counts what production blocks: a false alarm shows here first
			Firewall:       Firewall{Mode: FirewallCount, RequestsPerFiveMinutes: 30_000, LogRetentionDays: 30},
			Redirects:      formerAddresses(),
			ConnectOrigins: signIn(homeRegion),
		},
		ExternalSecrets: externalSecrets(),
		Observability: Observability{
			AlarmsFrom:       Warning,
			MailFrom:         Warning,
			Slo:              &Slo{ApiPercent: 99, SitePercent: 99}, // loose, so that it speaks of faults and not of rehearsals
			SlowMilliseconds: 2000,
			TracedPercent:    20,
			MaskPersonalData: true,
			AnomalyUsd:       10,
		},
	}
}
