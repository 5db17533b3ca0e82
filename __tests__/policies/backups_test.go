package policies_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/constructs/database"
)

// backedUp are the types of which AWS Backup can keep copies: what holds data that is nowhere else.
// https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-feature-availability.html
var backedUp = []string{
	"aws_db_instance", "aws_docdb_cluster", "aws_dynamodb_table", "aws_ebs_volume", "aws_efs_file_system", "aws_fsx_lustre_file_system",
	"aws_fsx_openzfs_file_system", "aws_instance", "aws_neptune_cluster", "aws_rds_cluster", "aws_redshift_cluster", "aws_s3_bucket",
	"aws_timestreamwrite_database",
}

// copiedOtherwise says what keeps copies of a resource in AWS Backup's place, "" for nothing.
func copiedOtherwise(resource testkit.Resource) string {
	switch {
	case resource.Type == "aws_s3_bucket":
		return "its versions, and a replica in the recovery region (buckets_test.go)"
	case resource.Body["replicate_source_db"] != nil:
		return "the instance that it follows"
	}
	return ""
}

// backupFaults are where the tag that AWS Backup selects by does not stand on what has to be backed up, or stands on
// something else.
func backupFaults(stack string, resources []testkit.Resource) []string {
	var faults []string
	for _, resource := range resources {
		tags, _ := resource.Body["tags"].(map[string]any)
		tag, tagged := tags[database.BackupTag]
		wanted := slices.Contains(backedUp, resource.Type) && copiedOtherwise(resource) == ""
		switch {
		case wanted && !tagged:
			faults = append(faults, resource.Address()+" is not backed up")
		case !wanted && tagged:
			faults = append(faults, resource.Address()+" is marked for a backup that it does not need, or that there is not")
		case tagged && tag != stack:
			faults = append(faults, fmt.Sprintf("%s is marked for %v", resource.Address(), tag))
		}
	}
	return faults
}

// What AWS Backup selects by its tag is what has to be backed up, all of it and nothing else.
func TestBackupTagIsOnWhatIsBackedUp(t *testing.T) {
	for _, stack := range testkit.Stacks(t) {
		for _, fault := range backupFaults(stack.Name, stack.All()) {
			t.Errorf("%s: %s", stack.Name, fault)
		}
		for _, provider := range stack.Body["provider"].(map[string]any)["aws"].([]any) {
			if defaultTags(provider)[database.BackupTag] != nil {
				t.Errorf("%s: a default tag marks everything for a backup", stack.Name)
			}
		}
		for _, selection := range stack.Resources("aws_backup_selection") {
			tag := selection.Body["selection_tag"].([]any)[0].(map[string]any)
			if tag["type"] != "STRINGEQUALS" || tag["key"] != database.BackupTag || tag["value"] != stack.Name {
				t.Errorf("%s: selected is %v", stack.Name, tag)
			}
		}
	}
}

func TestPlantedBackupFaultsAreFound(t *testing.T) {
	tagged := func(value string) map[string]any {
		return map[string]any{"tags": map[string]any{database.BackupTag: value}}
	}
	planted := []testkit.Resource{
		{Type: "aws_db_instance", ID: "without", Body: map[string]any{"tags": map[string]any{"Name": "x"}}},
		{Type: "aws_dynamodb_table", ID: "without_tags", Body: map[string]any{}},
		{Type: "aws_db_instance", ID: "elsewhere", Body: tagged("batbern-dev")},
		{Type: "aws_sns_topic", ID: "no_data", Body: tagged("batbern-prod")},
		{Type: "aws_s3_bucket", ID: "twice", Body: tagged("batbern-prod")},
	}
	if faults := backupFaults("batbern-prod", planted); len(faults) != len(planted) {
		t.Errorf("found %q", faults)
	}
	sound := []testkit.Resource{
		{Type: "aws_db_instance", ID: "main", Body: tagged("batbern-prod")},
		{Type: "aws_db_instance", ID: "replica", Body: map[string]any{"replicate_source_db": "main"}},
		{Type: "aws_sns_topic", ID: "topic", Body: map[string]any{}},
	}
	if faults := backupFaults("batbern-prod", sound); len(faults) != 0 {
		t.Errorf("refused %q", faults)
	}
}
