package config

import "time"

// prod is what attendees, speakers and partners use. It survives the loss of a zone, and nothing in it can be destroyed
// by one command.
func prod(settings Settings) Environment {
	const name = Prod
	return Environment{
		Name:        name,
		Production:  true,
		Account:     Account{ID: settings.AccountProd, Kind: kindOf(settings.AccountProd, settings), Region: homeRegion, RecoveryRegion: recoveryRegion},
		Protection:  Locked,
		Domains:     Domains{Zone: settings.Domain, Root: settings.Domain, Held: settings.NamesHeld},
		Tags:        tags(settings, stackName(string(name)), string(name)),
		AlarmEmails: settings.AlarmEmails,
		Frontend:    frontend(),
		Baseline:    Baseline{S3PublicAccessBlock: true, EbsEncryption: true, AccessAnalyzer: true, TerraformCloudProvider: true},
		Quotas:      Quotas{FargateVcpus: 40, FargateSpotVcpus: 6, ElasticIPs: 5}, // twice a conference day: a rollout doubles a service,
		Network: Network{
			Cidr:        network("10.30.0.0/16"),
			Zones:       []string{"a", "b"}, // a third would add a NAT gateway's price and little safety
			NatGateways: 2,
			// what the AWS controls EC2.55 to EC2.57 ask for, and what the rotation of secrets must not lose with NAT
			InterfaceEndpoints: []string{"ec2", "ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm"},
			FlowLogs:           FlowLogs{AggregationSeconds: 60, RetentionDays: 365},
		},
		Database: Database{
			InstanceClass:           "db.t4g.medium",
			Port:                    databasePort,
			StorageGiB:              50,
			MaxStorageGiB:           200,
			MultiAz:                 true,
			BackupRetentionDays:     35, // RDS's longest
			BackupWindow:            "02:00-02:30",
			MaintenanceWindow:       "sun:03:00-sun:04:00", // conferences are on Fridays
			MonitoringSeconds:       15,
			SlowQueryMilliseconds:   1000,
			LogRetentionDays:        365,
			RotationDays:            30,
			ProxyConnectionsPercent: 80,
		},
		Migration: Migration{ImageDigest: settings.MigrationDigest},
		Backup: Backup{
			DailyDays:      35,
			WeeklyDays:     90,
			MonthlyDays:    365,
			Lock:           true,
			CopyToRecovery: true,
			RestoreTest:    true,
		},
		Cache: Cache{
			Shape:                 SingleShard{StandBy: 1}, // in the other zone; BATbern's keys need no second shard
			NodeType:              "cache.t4g.micro",       // half a GiB, many times what an event's pages take
			Engine:                Redis7,                  // not the default, Valkey: providers before 5.73.0 refuse it, docs/decisions/0006-valkey-cache.md
			SnapshotRetentionDays: 7,
			SnapshotWindow:        "01:00-02:00",
			MaintenanceWindow:     "sun:04:00-sun:05:00", // after the database's
			LogRetentionDays:      365,
		},
		Compute: Compute{
			ContainerInsights: "enhanced",
			Capacity:          Capacity{OnDemandBase: 2, OnDemandWeight: 1}, // no Spot: it is taken away when everybody wants it
			Rollout:           Rollout{Strategy: BlueGreen, TrafficShift: "CodeDeployDefault.ECSCanary10Percent5Minutes", BakeMinutes: 30},
			LogLevel:          "INFO",
			LogRetentionDays:  365, // CloudWatch.16
		},
		Api: Api{
			RequestsPerSecond: 1000, BurstRequests: 2000, // far above a full auditorium: no single client shall use up what all share
			// an auditorium shares one address
			Firewall:         Firewall{Mode: FirewallBlock, RequestsPerFiveMinutes: 10_000, LogRetentionDays: 365},
			LogRetentionDays: 365,
		},
		Services: scaled(sized(services(), 512, 1024), prodScaling()),
		Storage: Storage{
			Content: Lifecycle{
				// a talk is looked at for a month, then hardly; the class sorts them by use and charges nothing for reading
				Transitions:    []Transition{{AfterDays: 30, Class: IntelligentTiering}},
				NoncurrentDays: 90,
			},
			Frontend: Lifecycle{NoncurrentDays: 90},
			Backups: Lifecycle{
				Transitions:    []Transition{{AfterDays: 30, Class: GlacierInstant}},
				ExpirationDays: 365,
				NoncurrentDays: 90,
			},
			BackupLockDays:   30,
			Imports:          Lifecycle{Transitions: []Transition{{AfterDays: 90, Class: GlacierInstant}}}, // read once, kept for ever
			LogRetentionDays: 365,
			Replicated:       true,
		},
		Edge: Edge{
			PriceClass: "PriceClass_100", // Europe and North America: where attendees are
			// an auditorium shares one address
			Firewall:        Firewall{Mode: FirewallBlock, RequestsPerFiveMinutes: 30_000, LogRetentionDays: 365},
			EnforcePolicy:   true,
			Indexed:         true,
			QueryableLogs:   true,
			DetailedMetrics: true,
			Redirects:       formerAddresses(),
			ConnectOrigins:  signIn(homeRegion),
		},
		ExternalSecrets: externalSecrets(),
		Observability: Observability{
			AlarmsFrom:       Info,
			MailFrom:         Warning,
			Slo:              &Slo{ApiPercent: 99.5, SitePercent: 99.9}, // three and a half hours, and three quarters of one, a month
			SlowMilliseconds: 1000,
			TracedPercent:    5,
			MaskPersonalData: true,
			Canaries:         &Canaries{EveryMinutes: 15, ApiPath: "/api/v1/events"}, // nine dollars a month: nobody visits at night, and somebody should
			AnomalyUsd:       20,
		},
	}
}

// prodScaling keeps a task in each zone, and four from early morning of a conference day on. The days are the third
// Fridays BATbern plans for; the programme moves them here.
func prodScaling() Scaling {
	scaling := Scaling{MinTasks: 2, DesiredTasks: 2, MaxTasks: 6, TargetCpuPercent: 60, TargetMemoryPercent: 85, TargetRequestsPerMinute: 600}
	scaling.Schedules = conferenceDays(scaling, 4, day(time.February, 19), day(time.June, 18), day(time.November, 19))
	return scaling
}
