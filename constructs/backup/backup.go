// Package backup keeps copies of the database that outlive it: an AWS Backup vault with a plan by environment, locked in
// production, copied to a second region, and restored every month to see that it can be.
package backup

import (
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/backupplan"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/backuprestoretestingplan"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/backuprestoretestingselection"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/backupselection"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/backupvault"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/backupvaultlockconfiguration"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/backupvaultnotifications"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/backupvaultpolicy"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/dbinstanceautomatedbackupsreplication"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrole"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrolepolicyattachment"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/encryption"
	"github.com/batbern/infrastructure/constructs/policy"
)

// Props says what is kept, and for how long.
type Props struct {
	Name       string // prefix of AWS names, e.g. "batbern-prod"
	Account    config.Account
	Backup     config.Backup
	Protection config.Protection

	// InstanceArn is the database that is backed up, and RetentionDays how far back RDS's own backups reach.
	InstanceArn   string
	RetentionDays int
	// SubnetGroup is where a restore is tested: the database's own, without a way to the internet.
	SubnetGroup string

	KeyArn      string // of the vault
	BoundaryArn string
	TopicArn    string // hears of copies that fail
	// Recovery is the provider of the recovery region.
	Recovery cdktf.TerraformProvider
}

// Outputs are what other constructs may use.
type Outputs struct {
	VaultName string // "" where nothing is kept
	PlanID    string
}

// New makes vault and plan, or nothing where the environment keeps nothing.
func New(scope constructs.Construct, id string, props Props) Outputs {
	if !props.Backup.Enabled() {
		return Outputs{}
	}
	scope = constructs.NewConstruct(scope, jsii.String(id))
	home := vault(scope, "vault", props, props.KeyArn, nil)
	copies := ""
	if props.Backup.CopyToRecovery {
		copies = recovery(scope, props)
	}
	role := role(scope, props)
	plan := plan(scope, props, home, copies, role)
	backupvaultnotifications.NewBackupVaultNotifications(scope, jsii.String("notifications"), &backupvaultnotifications.BackupVaultNotificationsConfig{
		BackupVaultName:   home.Name(),
		SnsTopicArn:       jsii.String(props.TopicArn),
		BackupVaultEvents: jsii.Strings("COPY_JOB_FAILED"), // failed backups and restores come by EventBridge, with their reason
	})
	if props.Backup.RestoreTest {
		restoreTest(scope, props, home, role)
	}
	return Outputs{VaultName: *home.Name(), PlanID: *plan.Id()}
}

func vault(scope constructs.Construct, id string, props Props, keyArn string, provider cdktf.TerraformProvider) backupvault.BackupVault {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	made := backupvault.NewBackupVault(scope, jsii.String("vault"), &backupvault.BackupVaultConfig{
		Name:         jsii.String(props.Name),
		KmsKeyArn:    jsii.String(keyArn),
		ForceDestroy: jsii.Bool(props.Protection.ForceDestroy()),
		Provider:     provider,
		Lifecycle:    &cdktf.TerraformResourceLifecycle{PreventDestroy: jsii.Bool(props.Protection.PreventDestroy())},
	})
	backupvaultpolicy.NewBackupVaultPolicy(scope, jsii.String("policy"), &backupvaultpolicy.BackupVaultPolicyConfig{
		BackupVaultName: made.Name(),
		Policy:          jsii.String(Closed(props.Account.ID).JSON()),
		Provider:        provider,
	})
	if props.Backup.Lock {
		lock := &backupvaultlockconfiguration.BackupVaultLockConfigurationConfig{
			BackupVaultName:  made.Name(),
			MinRetentionDays: jsii.Number(props.Backup.ShortestDays()),
			Provider:         provider,
		}
		if days := props.Backup.ComplianceAfterDays; days > 0 {
			lock.ChangeableForDays = jsii.Number(days)
		}
		backupvaultlockconfiguration.NewBackupVaultLockConfiguration(scope, jsii.String("lock"), lock)
	}
	return made
}

// Closed keeps a vault's recovery points in the account: nobody else may copy into it or read from it.
func Closed(accountID string) policy.Document {
	return policy.Document{Statements: []policy.Statement{{
		Sid:        "RefuseOtherAccounts",
		Effect:     policy.Deny,
		Principals: policy.Principals{Everyone: true},
		Actions:    []string{"backup:CopyFromBackupVault", "backup:CopyIntoBackupVault", "backup:DeleteRecoveryPoint", "backup:StartRestoreJob"},
		Resources:  []string{"*"}, // in a vault's own policy: this vault
		Conditions: policy.Conditions{"StringNotEquals": {"aws:PrincipalAccount": {accountID}}},
	}}}
}

// recovery makes a second vault in the recovery region, with a key of its own, and has RDS's continuous backups
// replicated there.
func recovery(scope constructs.Construct, props Props) (vaultArn string) {
	scope = constructs.NewConstruct(scope, jsii.String("recovery"))
	key := encryption.Key(scope, "key", encryption.Props{
		Name: props.Name, AccountID: props.Account.ID, Region: props.Account.RecoveryRegion, Protection: props.Protection, Provider: props.Recovery,
	}, encryption.Data)
	copies := vault(scope, "vault", props, key.Arn, props.Recovery)
	dbinstanceautomatedbackupsreplication.NewDbInstanceAutomatedBackupsReplication(scope, jsii.String("continuous"),
		&dbinstanceautomatedbackupsreplication.DbInstanceAutomatedBackupsReplicationConfig{
			SourceDbInstanceArn: jsii.String(props.InstanceArn),
			RetentionPeriod:     jsii.Number(props.RetentionDays),
			KmsKeyId:            jsii.String(key.Arn),
			Provider:            props.Recovery,
		})
	return *copies.Arn()
}

func role(scope constructs.Construct, props Props) iamrole.IamRole {
	made := iamrole.NewIamRole(scope, jsii.String("role"), &iamrole.IamRoleConfig{
		Name:                jsii.String(props.Name + "-backup"),
		Description:         jsii.String("AWS Backup in " + props.Name),
		AssumeRolePolicy:    jsii.String(policy.TrustService("backup.amazonaws.com", props.Account.ID, "").JSON()),
		PermissionsBoundary: jsii.String(props.BoundaryArn),
	})
	for id, name := range map[string]string{"backup": "AWSBackupServiceRolePolicyForBackup", "restore": "AWSBackupServiceRolePolicyForRestores"} {
		iamrolepolicyattachment.NewIamRolePolicyAttachment(scope, jsii.String("rights_"+id), &iamrolepolicyattachment.IamRolePolicyAttachmentConfig{
			Role:      made.Name(),
			PolicyArn: jsii.String("arn:aws:iam::aws:policy/service-role/" + name),
		})
	}
	return made
}

// The times are UTC, within config.BackupHours, which the configuration keeps free of RDS's own windows.
var schedules = []struct {
	id, cron string
	days     func(config.Backup) int
}{
	{"daily", "cron(30 4 ? * * *)", func(b config.Backup) int { return b.DailyDays }},
	{"weekly", "cron(30 5 ? * SAT *)", func(b config.Backup) int { return b.WeeklyDays }},
	{"monthly", "cron(30 6 1 * ? *)", func(b config.Backup) int { return b.MonthlyDays }},
}

func plan(scope constructs.Construct, props Props, home backupvault.BackupVault, copiesArn string, role iamrole.IamRole) backupplan.BackupPlan {
	var rules []*backupplan.BackupPlanRule
	for _, schedule := range schedules {
		days := schedule.days(props.Backup)
		if days == 0 {
			continue
		}
		rule := &backupplan.BackupPlanRule{
			RuleName:         jsii.String(schedule.id),
			TargetVaultName:  home.Name(),
			Schedule:         jsii.String(schedule.cron),
			StartWindow:      jsii.Number(60),  // minutes
			CompletionWindow: jsii.Number(240), // minutes
			Lifecycle:        &backupplan.BackupPlanRuleLifecycle{DeleteAfter: jsii.Number(days)},
		}
		if copiesArn != "" {
			rule.CopyAction = &[]*backupplan.BackupPlanRuleCopyAction{{
				DestinationVaultArn: jsii.String(copiesArn),
				Lifecycle:           &backupplan.BackupPlanRuleCopyActionLifecycle{DeleteAfter: jsii.Number(days)},
			}}
		}
		rules = append(rules, rule)
	}
	made := backupplan.NewBackupPlan(scope, jsii.String("plan"), &backupplan.BackupPlanConfig{Name: jsii.String(props.Name), Rule: &rules})
	backupselection.NewBackupSelection(scope, jsii.String("selection"), &backupselection.BackupSelectionConfig{
		Name:       jsii.String(props.Name),
		PlanId:     made.Id(),
		IamRoleArn: role.Arn(),
		// By ARN, not by tag: selection by tag obeys the account's opt-in to RDS in AWS Backup, which may be off, and then
		// nothing is backed up and nothing fails. AWS, "Service opt-in":
		// https://docs.aws.amazon.com/aws-backup/latest/devguide/service-opt-in.html
		Resources: jsii.Strings(props.InstanceArn),
	})
	return made
}

// longestSelectionDays is how old a backup a restore test may take at most.
const longestSelectionDays = 365

// restoreTest restores the newest backup on the first Monday's early morning of each month and keeps it for a day.
//
// AWS Backup would restore into the account's default VPC, which may have a way to the internet, or be gone. In the
// database's subnets, and with no security group named, the copy gets the network's default group, which lets nothing in
// or out.
// https://docs.aws.amazon.com/aws-backup/latest/devguide/restore-testing-inferred-metadata.html
func restoreTest(scope constructs.Construct, props Props, home backupvault.BackupVault, role iamrole.IamRole) {
	// these two resources take letters, digits and underscores only
	name := strings.ReplaceAll(props.Name, "-", "_")
	made := backuprestoretestingplan.NewBackupRestoreTestingPlan(scope, jsii.String("restore_test"), &backuprestoretestingplan.BackupRestoreTestingPlanConfig{
		Name:               jsii.String(name),
		ScheduleExpression: jsii.String("cron(0 1 ? * MON#1 *)"),
		StartWindowHours:   jsii.Number(2),
		RecoveryPointSelection: &[]*backuprestoretestingplan.BackupRestoreTestingPlanRecoveryPointSelection{{
			Algorithm:           jsii.String("LATEST_WITHIN_WINDOW"),
			IncludeVaults:       jsii.Strings(*home.Arn()),
			RecoveryPointTypes:  jsii.Strings("SNAPSHOT"),
			SelectionWindowDays: jsii.Number(min(props.Backup.ShortestDays(), longestSelectionDays)),
		}},
	})
	backuprestoretestingselection.NewBackupRestoreTestingSelection(scope, jsii.String("restore_test_database"), &backuprestoretestingselection.BackupRestoreTestingSelectionConfig{
		Name:                   jsii.String("database"),
		RestoreTestingPlanName: made.Name(),
		ProtectedResourceType:  jsii.String("RDS"),
		ProtectedResourceArns:  jsii.Strings(props.InstanceArn),
		IamRoleArn:             role.Arn(),
		ValidationWindowHours:  jsii.Number(24),
		RestoreMetadataOverrides: &map[string]*string{
			"dbSubnetGroupName": jsii.String(props.SubnetGroup),
		},
	})
}
