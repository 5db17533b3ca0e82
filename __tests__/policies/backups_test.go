package policies_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
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

// selected are the ARNs, as expressions, that the stack's backup plans select.
func selected(stack *testkit.Stack) []string {
	var arns []string
	for _, selection := range stack.Resources("aws_backup_selection") {
		resources, _ := selection.Body["resources"].([]any)
		for _, arn := range resources {
			arns = append(arns, fmt.Sprint(arn))
		}
	}
	return arns
}

// backupFaults are resources with data that no plan selects, and selections of something else. Where the environment keeps
// no backups, nothing may be selected.
func backupFaults(resources []testkit.Resource, arns []string, kept bool) []string {
	var faults []string
	known := map[string]bool{}
	for _, resource := range resources {
		if !slices.Contains(backedUp, resource.Type) || copiedOtherwise(resource) != "" {
			continue
		}
		arn := "${" + resource.Address() + ".arn}"
		known[arn] = true
		if kept && !slices.Contains(arns, arn) {
			faults = append(faults, resource.Address()+" is not backed up")
		}
	}
	for _, arn := range arns {
		if !kept || !known[arn] {
			faults = append(faults, arn+" is selected, and needs no backup or is not a resource's whole ARN")
		}
	}
	return faults
}

// optInFaults are selections that obey the account's opt-in to a service, which nothing in the stack sets. AWS, "Service
// opt-in": "If resource assignments are only based on tags, then service opt-in settings are applied"; a resource that is
// assigned explicitly is included without it, except for Aurora, DocumentDB and Neptune.
// https://docs.aws.amazon.com/aws-backup/latest/devguide/service-opt-in.html
func optInFaults(stack *testkit.Stack) []string {
	var faults []string
	optsIn := len(stack.Resources("aws_backup_region_settings")) > 0
	for _, selection := range stack.Resources("aws_backup_selection") {
		resources, _ := selection.Body["resources"].([]any)
		if !optsIn && (len(resources) == 0 || slices.Contains(resources, any("*")) || selection.Body["selection_tag"] != nil) {
			faults = append(faults, selection.Address()+" selects by tag, and nobody opts in to the services")
		}
		for _, cluster := range []string{"aws_rds_cluster.", "aws_docdb_cluster.", "aws_neptune_cluster."} {
			if !optsIn && strings.Contains(fmt.Sprint(resources), cluster) {
				faults = append(faults, selection.Address()+" selects a cluster that needs the opt-in all the same")
			}
		}
	}
	return faults
}

// What holds data is backed up, all of it and nothing else, whatever the account has opted in to.
func TestWhatHoldsDataIsBackedUp(t *testing.T) {
	kept := map[string]bool{}
	for _, environment := range testkit.Project(t).Environments {
		kept[environment.Stack()] = environment.Backup.Enabled()
	}
	judged := 0
	for _, stack := range testkit.Stacks(t) {
		judged += len(selected(stack))
		for _, fault := range append(backupFaults(stack.All(), selected(stack), kept[stack.Name]), optInFaults(stack)...) {
			t.Errorf("%s: %s", stack.Name, fault)
		}
	}
	if judged < 2 {
		t.Errorf("only %d resources are selected for backups", judged)
	}
}

func TestPlantedBackupFaultsAreFound(t *testing.T) {
	main := testkit.Resource{Type: "aws_db_instance", ID: "main", Body: map[string]any{}}
	replica := testkit.Resource{Type: "aws_db_instance", ID: "replica", Body: map[string]any{"replicate_source_db": "main"}}
	table := testkit.Resource{Type: "aws_dynamodb_table", ID: "table", Body: map[string]any{}}
	topic := testkit.Resource{Type: "aws_sns_topic", ID: "topic", Body: map[string]any{}}
	all := []testkit.Resource{main, replica, topic}
	arn := func(resource testkit.Resource) string { return "${" + resource.Address() + ".arn}" }
	for name, test := range map[string]struct {
		resources []testkit.Resource
		arns      []string
		kept      bool
		faults    int
	}{
		"sound":                    {all, []string{arn(main)}, true, 0},
		"nothing kept":             {all, nil, false, 0},
		"a table that is missing":  {append(all, table), []string{arn(main)}, true, 1},
		"nothing selected":         {all, nil, true, 1},
		"a topic":                  {all, []string{arn(main), arn(topic)}, true, 1},
		"a replica":                {all, []string{arn(main), arn(replica)}, true, 1},
		"kept where nothing is":    {all, []string{arn(main)}, false, 1},
		"everything by a wildcard": {all, []string{arn(main), "*"}, true, 1},
	} {
		if faults := backupFaults(test.resources, test.arns, test.kept); len(faults) != test.faults {
			t.Errorf("%s: found %q", name, faults)
		}
	}
	for name, change := range map[string]func(map[string]any){
		"by tag": func(body map[string]any) {
			delete(body, "resources")
			body["selection_tag"] = []any{map[string]any{"type": "STRINGEQUALS", "key": "Backup", "value": "x"}}
		},
		"by tag too": func(body map[string]any) { body["selection_tag"] = []any{map[string]any{"key": "Backup"}} },
		"all":        func(body map[string]any) { body["resources"] = []any{"*"} },
		"a cluster":  func(body map[string]any) { body["resources"] = []any{"${aws_rds_cluster.x.arn}"} },
	} {
		stack := testkit.Synth(t, testkit.Project(t))["batbern-prod"]
		change(stack.Resources("aws_backup_selection")[0].Body)
		if len(optInFaults(stack)) == 0 {
			t.Errorf("planted: %s was not found", name)
		}
	}
}
