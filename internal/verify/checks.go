package verify

// Checks returns every check, in the order in which a request travels and then by what keeps the data.
func Checks() []Check {
	return []Check{
		{
			ID: "api", Proves: "every service answers through the API",
			Remedy:  "See the service's log group and docs/runbook.md; deploy it if it never was.",
			applies: has("aws_lb_listener_rule"), ask: askAPI,
		},
		{
			ID: "site", Proves: "the site and the content answer through the CDN",
			Remedy:  "Deploy the frontend; check the DNS records and the distribution's aliases.",
			applies: has("aws_cloudfront_distribution"), ask: askSite,
		},
		{
			ID: "tasks", Proves: "every service runs the tasks that it should",
			Permissions: []string{"ecs:DescribeServices"},
			Remedy:      "Read the service's events: aws ecs describe-services.",
			applies:     has("aws_ecs_service"), ask: askTasks,
		},
		{
			ID: "targets", Proves: "the load balancer has a healthy target for every service",
			Permissions: []string{"elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth"},
			Remedy:      "Compare the health check's path and port with the service.",
			applies:     has("aws_lb_target_group"), ask: askTargets,
		},
		{
			ID: "certificates", Proves: "every certificate is issued and not about to expire",
			Permissions: []string{"acm:ListCertificates"},
			Remedy:      "Check that the validation records exist in the public zone.",
			applies:     has("aws_acm_certificate"), ask: askCertificates,
		},
		{
			ID: "proxy-targets", Proves: "the database proxy reaches and signs in to the database",
			Permissions: []string{"rds:DescribeDBProxyTargets"},
			Remedy:      "AUTH_FAILURE: check the proxy's role and the users' secrets. UNREACHABLE: check security groups.",
			applies:     has("aws_db_proxy_target"), ask: askProxyTargets,
		},
		{
			ID: "proxy-login", Proves: "services sign in to the proxy, which accepts IAM alone",
			Permissions: []string{"rds:DescribeDBProxies", "cloudwatch:GetMetricData"},
			Remedy:      "Check rds-db:connect in the tasks' roles, and the proxy's log group.",
			applies:     has("aws_db_proxy"), ask: askProxyLogin,
		},
		{
			ID: "secrets-rotated", Proves: "every rotated secret was rotated in time",
			Permissions: []string{"secretsmanager:DescribeSecret"},
			Remedy:      "Read the rotation function's log and docs/runbook.md.",
			applies:     has("aws_secretsmanager_secret_rotation"), ask: askRotation,
		},
		{
			ID: "secrets-valued", Proves: "every secret has a current value",
			Permissions: []string{"secretsmanager:DescribeSecret"},
			Remedy:      "Write the value: aws secretsmanager put-secret-value.",
			applies:     has("aws_secretsmanager_secret"), ask: askValues,
		},
		{
			ID: "database-backup", Proves: "the database can be restored to a few minutes ago",
			Permissions: []string{"rds:DescribeDBInstances"},
			Remedy:      "Check the instance's status and its backup retention.",
			applies:     has("aws_db_instance"), ask: askDatabaseBackup,
		},
		{
			ID: "database-replica", Proves: "the database's backups are replicated to the recovery region",
			Permissions: []string{"rds:DescribeDBInstanceAutomatedBackups"},
			Remedy:      "Check the replication and its KMS key in the recovery region.",
			applies:     has("aws_db_instance_automated_backups_replication"), ask: askDatabaseReplica,
		},
		{
			ID: "backup-points", Proves: "every backup vault holds a recent recovery point",
			Permissions: []string{"backup:ListRecoveryPointsByBackupVault"},
			Remedy:      "See the jobs in AWS Backup. After the first apply, wait for the first run.",
			applies:     has("aws_backup_vault"), ask: askRecoveryPoints,
		},
		{
			ID: "backup-jobs", Proves: "AWS Backup's role is trusted: no job failed in two days",
			Permissions: []string{"backup:ListBackupJobs"},
			Remedy:      "Read the job's message; check the role's trust and the service opt-in.",
			applies:     has("aws_backup_plan"), ask: askBackupJobs,
		},
		{
			ID: "replication", Proves: "S3's role is trusted: no object failed to replicate in a day",
			Permissions: []string{"cloudwatch:GetMetricData"},
			Remedy:      "Check the replication role's trust and its access to both KMS keys.",
			applies:     has("aws_s3_bucket_replication_configuration"), ask: askReplication,
		},
		{
			ID: "logs", Proves: "every log group exists and receives events",
			Permissions: []string{"logs:DescribeLogStreams"},
			Remedy:      "Check the writer's permissions and the group's resource policy.",
			applies:     has("aws_cloudwatch_log_group"), ask: askLogs,
		},
		{
			ID: "alarms", Proves: "every alarm exists and has data",
			Permissions: []string{"cloudwatch:DescribeAlarms"},
			Remedy:      "Compare the alarm's dimensions with the metrics that exist.",
			applies:     has("aws_cloudwatch_metric_alarm"), ask: askAlarms,
		},
		{
			ID: "subscriptions", Proves: "every alarm address has confirmed its subscription",
			Permissions: []string{"sns:ListSubscriptionsByTopic"},
			Remedy:      "Open the mail \"AWS Notification - Subscription Confirmation\" and confirm.",
			applies:     has("aws_sns_topic_subscription"), ask: askSubscriptions,
		},
		{
			ID: "trail", Proves: "a trail of all regions is logging, which rotation events need",
			Permissions: []string{"cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus"},
			Remedy:      "Turn on an organization trail in the management account.",
			applies:     has("aws_secretsmanager_secret_rotation"), ask: askTrail,
		},
		{
			ID: "quotas", Proves: "the account has the quotas that the configuration counts on",
			Permissions: []string{"servicequotas:GetServiceQuota", "servicequotas:GetAWSDefaultServiceQuota"},
			Remedy:      "Request the increase in docs/accounts.md.",
			applies:     has("aws_ecs_service"), ask: askQuotas,
		},
		{
			ID: "github-subjects", Proves: "AWS trusts the form of subject that each repository's tokens have",
			Remedy:  "Copy the subject's prefix from the repository's OIDC settings to BATBERN_GITHUB_SUBJECTS.",
			applies: has("aws_iam_openid_connect_provider"), ask: askSubjects,
		},
	}
}
