package config

// prod is what attendees, speakers and partners use. It survives the loss of a zone, and nothing in it can be destroyed
// by one command.
func prod(settings Settings) Environment {
	const name = Prod
	return Environment{
		Name:        name,
		Production:  true,
		Account:     Account{ID: settings.AccountProd, Region: homeRegion, RecoveryRegion: recoveryRegion},
		Protection:  Locked,
		Domains:     Domains{Zone: settings.Domain, Root: settings.Domain},
		Tags:        tags(settings, stackName(string(name)), string(name)),
		AlarmEmails: settings.AlarmEmails,
		Baseline:    Baseline{S3PublicAccessBlock: true, EbsEncryption: true, AccessAnalyzer: true},
		Network: Network{
			Cidr:        network("10.30.0.0/16"),
			Zones:       []string{"a", "b"}, // a third would add a NAT gateway's price and little safety
			NatGateways: 2,
			// what the AWS controls EC2.55 to EC2.57 ask for, and what the rotation of secrets must not lose with NAT
			InterfaceEndpoints: []string{"ec2", "ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm"},
			FlowLogs:           FlowLogs{AggregationSeconds: 60, RetentionDays: 365},
		},
		Database: Database{
			InstanceClass:       "db.t4g.medium",
			StorageGiB:          50,
			MaxStorageGiB:       200,
			MultiAz:             true,
			BackupRetentionDays: 35, // RDS's longest
			BackupWindow:        "02:00-02:30",
			MaintenanceWindow:   "sun:03:00-sun:04:00", // conferences are on Fridays
		},
		Services: scaled(services(), Scaling{MinTasks: 2, DesiredTasks: 2, MaxTasks: 6, TargetCpuPercent: 60}),
	}
}
