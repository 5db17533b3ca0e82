package config

// dev is where developers try things: as cheap as AWS allows, made again from nothing when broken.
func dev(settings Settings) Environment {
	const name = Dev
	return Environment{
		Name:        name,
		Account:     Account{ID: settings.AccountDev, Kind: kindOf(settings.AccountDev, settings), Region: homeRegion, RecoveryRegion: recoveryRegion},
		Protection:  Disposable,
		Domains:     Domains{Zone: settings.Domain, Root: string(name) + "." + settings.Domain, Held: settings.NamesHeld},
		Tags:        tags(settings, stackName(string(name)), string(name)),
		AlarmEmails: settings.AlarmEmails,
		Frontend:    frontend(),
		Baseline:    Baseline{S3PublicAccessBlock: true, EbsEncryption: true, AccessAnalyzer: true, TerraformCloudProvider: true},
		Quotas:      newAccount(),
		Network: Network{
			Cidr:        network("10.10.0.0/16"),
			Zones:       []string{"a", "b"}, // two: what RDS, RDS Proxy and the load balancer ask for
			NatGateways: 1,                  // one serves both zones: a zone's failure may stop development
			FlowLogs:    FlowLogs{AggregationSeconds: 600, RetentionDays: 30},
		},
		Database: Database{
			InstanceClass:           "db.t4g.micro", // the cheapest that runs PostgreSQL 15
			Port:                    databasePort,
			StorageGiB:              20,
			MaxStorageGiB:           50,
			BackupRetentionDays:     7, // RDS.11's least
			BackupWindow:            "02:00-02:30",
			MaintenanceWindow:       "sun:03:00-sun:04:00",
			MonitoringSeconds:       60,
			SlowQueryMilliseconds:   500,
			LogRetentionDays:        7,
			RotationDays:            30,
			ProxyConnectionsPercent: 70, // of 79: a micro has few, and Flyway, the rotation and operators need theirs
		},
		Migration: Migration{ImageDigest: settings.MigrationDigest},
		// no cache: services fall back on the database, as all of BATbern does today
		Compute: Compute{
			ContainerInsights: "enabled",
			Exec:              true,
			Capacity:          Capacity{OnDemandWeight: 1, SpotWeight: 4}, // an interruption costs a developer two minutes
			Rollout:           Rollout{Strategy: Rolling},                 // no second set of tasks to pay for
			LogLevel:          "DEBUG",
			LogRetentionDays:  7,
		},
		Api: Api{
			RequestsPerSecond: 50,
			BurstRequests:     100,
			CorsOrigins:       []string{"http://localhost:5173"}, // the frontend on a developer's machine
			Firewall:          Firewall{Mode: FirewallOff},
			LogRetentionDays:  7,
		},
		Services: asleepAtNight(services()), // nobody works at night: two thirds of the hours cost nothing
		Storage: Storage{
			UploadOrigins:    []string{"http://localhost:5173"}, // the development server of the frontend
			Content:          Lifecycle{NoncurrentDays: 7},
			Frontend:         Lifecycle{NoncurrentDays: 7},
			Backups:          Lifecycle{ExpirationDays: 14, NoncurrentDays: 1},
			LogRetentionDays: 30,
		},
		Edge: Edge{
			PriceClass:     "PriceClass_100",
			Firewall:       Firewall{Mode: FirewallOff}, // five dollars a month and more, for nobody's attack
			Redirects:      formerAddresses(),
			ConnectOrigins: signIn(homeRegion),
		},
		ExternalSecrets: externalSecrets(),
		Observability: Observability{
			AlarmsFrom:       Critical, // what is less shows on the dashboard: nobody leaves a table for development
			MailFrom:         Critical,
			SlowMilliseconds: 5000, // a quarter of a vCPU
			TracedPercent:    100,  // few requests, each of them somebody's question
			MaskPersonalData: true,
			AnomalyUsd:       10,
		},
	}
}
