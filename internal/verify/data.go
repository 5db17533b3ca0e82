package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/backup"
	backuptypes "github.com/aws/aws-sdk-go-v2/service/backup/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const (
	day = 24 * time.Hour
	// lastingDelay is how far the latest restorable time may lie back. AWS, "Restoring a DB instance to a specified time":
	// RDS uploads transaction logs every five minutes.
	lastingDelay = 30 * time.Minute
	// replicaDelay is the same for the recovery region, which AWS gives no figure for.
	replicaDelay = 2 * time.Hour
)

// askProxyTargets reads the health that the proxy found by signing in itself. AWS, "Verifying connectivity to a proxy".
func askProxyTargets(ctx context.Context, w *World) (answer, error) {
	var a answer
	count := 0
	for _, target := range w.Stack.OfType("aws_db_proxy_target") {
		proxy, ok := literal(target, "db_proxy_name")
		if !ok {
			return a, fmt.Errorf("%s: the proxy has no literal name", target.Label())
		}
		found, err := rds.NewFromConfig(w.in(target)).DescribeDBProxyTargets(ctx, &rds.DescribeDBProxyTargetsInput{DBProxyName: aws.String(proxy)})
		if err != nil {
			return a, err
		}
		if len(found.Targets) == 0 {
			a.fault("%s has no target", proxy)
		}
		for _, one := range found.Targets {
			count++
			if health := one.TargetHealth; health == nil || health.State != rdstypes.TargetStateAvailable {
				a.fault("%s: %s", aws.ToString(one.RdsResourceId), describeHealth(health))
			}
		}
	}
	a.seen = fmt.Sprintf("%d targets AVAILABLE", count)
	return a, nil
}

func describeHealth(health *rdstypes.TargetHealth) string {
	if health == nil {
		return "no health is known"
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", health.State, health.Reason, aws.ToString(health.Description)))
}

// askProxyLogin takes successful connections as the proof of a login by IAM: every user of the proxy requires it. A login
// from here would need a way into the isolated subnets. AWS, "Monitoring RDS Proxy metrics with Amazon CloudWatch".
func askProxyLogin(ctx context.Context, w *World) (answer, error) {
	var a answer
	for _, proxy := range w.Stack.OfType("aws_db_proxy") {
		name := proxy.String("name")
		settings := w.in(proxy)
		found, err := rds.NewFromConfig(settings).DescribeDBProxies(ctx, &rds.DescribeDBProxiesInput{DBProxyName: aws.String(name)})
		if err != nil {
			return a, err
		}
		for _, one := range found.DBProxies {
			for _, auth := range one.Auth {
				if auth.IAMAuth != rdstypes.IAMAuthModeRequired {
					a.fault("%s accepts a password for %s", name, aws.ToString(auth.Description))
				}
			}
		}
		dimensions := map[string]string{"ProxyName": name}
		sums, err := w.sums(ctx, settings, "AWS/RDS", dimensions, "ClientConnectionsSetupSucceeded", "ClientConnectionsSetupFailedAuth")
		if err != nil {
			return a, err
		}
		if sums[0] == 0 {
			a.fault("%s accepted no connection in a day", name)
		}
		if sums[1] > 0 {
			a.fault("%s refused %.0f logins in a day", name, sums[1])
		}
		a.seen = fmt.Sprintf("%.0f connections in a day, none refused", sums[0])
	}
	return a, nil
}

// sums returns the sums of metrics over the last day. A metric without data has the sum 0.
func (w *World) sums(ctx context.Context, settings aws.Config, namespace string, dimensions map[string]string, metrics ...string) ([]float64, error) {
	input := &cloudwatch.GetMetricDataInput{StartTime: aws.Time(w.Now().Add(-day)), EndTime: aws.Time(w.Now())}
	for i, metric := range metrics {
		stat := &cwtypes.MetricStat{
			Metric: &cwtypes.Metric{Namespace: aws.String(namespace), MetricName: aws.String(metric)},
			Period: aws.Int32(3600), Stat: aws.String("Sum"),
		}
		for _, name := range sorted(dimensions) {
			stat.Metric.Dimensions = append(stat.Metric.Dimensions, cwtypes.Dimension{Name: aws.String(name), Value: aws.String(dimensions[name])})
		}
		input.MetricDataQueries = append(input.MetricDataQueries, cwtypes.MetricDataQuery{Id: aws.String(fmt.Sprintf("m%d", i)), MetricStat: stat})
	}
	sums := make([]float64, len(metrics))
	pages := cloudwatch.NewGetMetricDataPaginator(cloudwatch.NewFromConfig(settings), input)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, result := range page.MetricDataResults {
			for i := range metrics {
				if aws.ToString(result.Id) == fmt.Sprintf("m%d", i) {
					for _, value := range result.Values {
						sums[i] += value
					}
				}
			}
		}
	}
	return sums, nil
}

// askRotation allows one day beyond the period: a rotation may be tried again.
func askRotation(ctx context.Context, w *World) (answer, error) {
	var a answer
	rotations := w.Stack.OfType("aws_secretsmanager_secret_rotation")
	for _, rotation := range rotations {
		for _, secret := range rotation.Refers("secret_id") {
			name := secret.String("name")
			days, err := rotation.Number("rotation_rules.automatically_after_days", 0)
			if err != nil {
				return a, err
			}
			found, err := secretsmanager.NewFromConfig(w.in(secret)).DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(name)})
			if err != nil {
				return a, err
			}
			limit := time.Duration(days)*day + day
			switch {
			case !aws.ToBool(found.RotationEnabled):
				a.fault("%s is not rotated", name)
			case found.LastRotatedDate == nil:
				a.fault("%s was never rotated", name)
			case w.Now().Sub(*found.LastRotatedDate) > limit:
				a.fault("%s was last rotated on %s", name, found.LastRotatedDate.Format(time.DateOnly))
			}
		}
	}
	a.seen = fmt.Sprintf("%d secrets rotated", len(rotations))
	return a, nil
}

func askValues(ctx context.Context, w *World) (answer, error) {
	var a answer
	secrets := w.Stack.OfType("aws_secretsmanager_secret")
	for _, secret := range secrets {
		name := secret.String("name")
		found, err := secretsmanager.NewFromConfig(w.in(secret)).DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(name)})
		if err != nil {
			return a, err
		}
		current := false
		for _, stages := range found.VersionIdsToStages {
			current = current || slices.Contains(stages, "AWSCURRENT")
		}
		if !current {
			a.fault("%s has no value", name)
		}
	}
	a.seen = fmt.Sprintf("%d secrets have a value", len(secrets))
	return a, nil
}

func askDatabaseBackup(ctx context.Context, w *World) (answer, error) {
	var a answer
	var seen []string
	for _, instance := range w.Stack.OfType("aws_db_instance") {
		name := instance.String("identifier")
		found, err := rds.NewFromConfig(w.in(instance)).DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: aws.String(name)})
		if err != nil {
			return a, err
		}
		for _, one := range found.DBInstances {
			switch {
			case aws.ToInt32(one.BackupRetentionPeriod) == 0:
				a.fault("%s keeps no backups", name)
			case one.LatestRestorableTime == nil:
				a.fault("%s has no restorable time", name)
			case w.Now().Sub(*one.LatestRestorableTime) > lastingDelay:
				a.fault("%s is restorable to %s only", name, one.LatestRestorableTime.UTC().Format(time.RFC3339))
			default:
				seen = append(seen, fmt.Sprintf("restorable to %s", one.LatestRestorableTime.UTC().Format(time.RFC3339)))
			}
		}
	}
	a.seen = strings.Join(seen, ", ")
	return a, nil
}

func askDatabaseReplica(ctx context.Context, w *World) (answer, error) {
	var a answer
	var seen []string
	for _, replication := range w.Stack.OfType("aws_db_instance_automated_backups_replication") {
		for _, instance := range replication.Refers("source_db_instance_arn") {
			name := instance.String("identifier")
			settings := w.in(replication)
			found, err := rds.NewFromConfig(settings).DescribeDBInstanceAutomatedBackups(ctx,
				&rds.DescribeDBInstanceAutomatedBackupsInput{DBInstanceIdentifier: aws.String(name)})
			if err != nil {
				return a, err
			}
			if len(found.DBInstanceAutomatedBackups) == 0 {
				a.fault("%s has no backup in %s", name, settings.Region)
			}
			for _, one := range found.DBInstanceAutomatedBackups {
				window := one.RestoreWindow
				switch {
				case aws.ToString(one.Status) != "replicating":
					a.fault("%s is %s in %s", name, aws.ToString(one.Status), settings.Region)
				case window == nil || window.LatestTime == nil:
					a.fault("%s is not restorable in %s yet", name, settings.Region)
				case w.Now().Sub(*window.LatestTime) > replicaDelay:
					a.fault("%s is restorable in %s to %s only", name, settings.Region, window.LatestTime.UTC().Format(time.RFC3339))
				default:
					seen = append(seen, fmt.Sprintf("%s restorable to %s", settings.Region, window.LatestTime.UTC().Format(time.RFC3339)))
				}
			}
		}
	}
	a.seen = strings.Join(seen, ", ")
	return a, nil
}

// backupDelay is how far the newest recovery point may lie back: a daily job plus its windows, or a weekly one.
func backupDelay(w *World) time.Duration {
	for _, plan := range w.Stack.OfType("aws_backup_plan") {
		for i := range plan.List("rule") {
			fields := strings.Fields(strings.Trim(plan.String(fmt.Sprintf("rule.%d.schedule", i)), "cron()"))
			// minutes hours day-of-month month day-of-week year: daily has a wildcard for both days
			if len(fields) == 6 && strings.ContainsAny(fields[2], "*?") && strings.ContainsAny(fields[4], "*?") {
				return day + 12*time.Hour
			}
		}
	}
	return 8 * day
}

func askRecoveryPoints(ctx context.Context, w *World) (answer, error) {
	var a answer
	var seen []string
	limit := backupDelay(w)
	for _, vault := range w.Stack.OfType("aws_backup_vault") {
		settings := w.in(vault)
		name := fmt.Sprintf("%s in %s", vault.String("name"), settings.Region)
		pages := backup.NewListRecoveryPointsByBackupVaultPaginator(backup.NewFromConfig(settings), &backup.ListRecoveryPointsByBackupVaultInput{
			BackupVaultName: aws.String(vault.String("name")), ByCreatedAfter: aws.Time(w.Now().Add(-limit)),
		})
		points := 0
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return a, err
			}
			for _, point := range page.RecoveryPoints {
				if point.Status == backuptypes.RecoveryPointStatusCompleted {
					points++
				}
			}
		}
		if points == 0 {
			a.fault("%s has no recovery point of the last %.0f hours", name, limit.Hours())
		}
		seen = append(seen, fmt.Sprintf("%d in %s", points, settings.Region))
	}
	a.seen = "new points: " + strings.Join(seen, ", ")
	return a, nil
}

func askBackupJobs(ctx context.Context, w *World) (answer, error) {
	var a answer
	client := backup.NewFromConfig(w.AWS)
	since := aws.Time(w.Now().Add(-2 * day))
	for _, state := range []backuptypes.BackupJobState{backuptypes.BackupJobStateFailed, backuptypes.BackupJobStateExpired} {
		pages := backup.NewListBackupJobsPaginator(client, &backup.ListBackupJobsInput{ByCreatedAfter: since, ByState: state})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return a, err
			}
			for _, job := range page.BackupJobs {
				a.fault("%s: %s", aws.ToString(job.ResourceType), aws.ToString(job.StatusMessage))
			}
		}
	}
	a.seen = "no failed or expired job"
	return a, nil
}

// askReplication reads the metrics that a rule with metrics publishes. AWS, "Using S3 Replication metrics": failed
// operations count what S3 could not write, as for lack of a permission. A day without writes has no data.
func askReplication(ctx context.Context, w *World) (answer, error) {
	var a answer
	failedIn := func(source, destination, rule string, sum float64) {
		a.fault("%s to %s, rule %s: %.0f objects failed", source, destination, rule, sum)
	}
	rules := 0
	for _, replication := range w.Stack.OfType("aws_s3_bucket_replication_configuration") {
		source, ok := literal(replication, "bucket")
		if !ok {
			return a, fmt.Errorf("%s: the bucket has no literal name", replication.Label())
		}
		for i := range replication.List("rule") {
			at := fmt.Sprintf("rule.%d.", i)
			arn, ok := literal(replication, at+"destination.bucket")
			if !ok {
				return a, fmt.Errorf("%s: the destination has no literal name", replication.Label())
			}
			rule, destination := replication.String(at+"id"), strings.TrimPrefix(arn, "arn:aws:s3:::")
			// AWS, "Amazon S3 metrics and dimensions": the metrics are in the source bucket's region
			dimensions := map[string]string{"SourceBucket": source, "DestinationBucket": destination, "RuleId": rule}
			sums, err := w.sums(ctx, w.in(replication), "AWS/S3", dimensions, "OperationsFailedReplication")
			if err != nil {
				return a, err
			}
			if rules++; sums[0] > 0 {
				failedIn(source, destination, rule, sums[0])
			}
		}
	}
	a.seen = fmt.Sprintf("no failure in %d rules", rules)
	return a, nil
}
