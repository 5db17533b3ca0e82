package resources_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
)

// environmentOf is the configuration that a stack was made from.
func environmentOf(t *testing.T, stack *testkit.Stack) config.Environment {
	t.Helper()
	for _, environment := range testkit.Project(t).Environments {
		if environment.Stack() == stack.Name {
			return environment
		}
	}
	t.Fatalf("%s is no environment", stack.Name)
	return config.Environment{}
}

// nested walks into lists and objects: nested(rule, "filter", 0, "prefix").
func nested(value any, steps ...any) any {
	for _, step := range steps {
		switch step := step.(type) {
		case string:
			fields, _ := value.(map[string]any)
			value = fields[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil
			}
			value = list[step]
		}
	}
	return value
}

// lifecycleRule is the rule of the bucket whose construct path is given, by the prefix it is for.
func lifecycleRule(t *testing.T, stack *testkit.Stack, bucket, prefix string) map[string]any {
	t.Helper()
	rules, _ := stack.Resource(t, "aws_s3_bucket_lifecycle_configuration", bucket+"/lifecycle").Body["rule"].([]any)
	for _, rule := range rules {
		if nested(rule, "filter", 0, "prefix") == prefix {
			return rule.(map[string]any)
		}
	}
	t.Fatalf("%s: %s has no rule for %q", stack.Name, bucket, prefix)
	return nil
}

// AC15: content storage with lifecycle policies.
func TestStorage(t *testing.T) {
	t.Run("should_applyLifecyclePolicies_when_S3BucketCreated", func(t *testing.T) {
		for _, stack := range testkit.Environments(t) {
			environment := environmentOf(t, stack)
			testkit.HasResource(t, stack, "aws_s3_bucket_lifecycle_configuration")
			for path, lifecycle := range map[string]config.Lifecycle{
				"storage/content":  environment.Storage.Content,
				"storage/frontend": environment.Storage.Frontend,
				"storage/backups":  environment.Storage.Backups,
				"storage/imports":  environment.Storage.Imports,
				"storage/cdn_logs": {ExpirationDays: environment.Storage.LogRetentionDays},
			} {
				ages(t, stack, path, lifecycleRule(t, stack, path, ""), lifecycle)
			}
			for prefix, days := range map[string]int{
				"access/":        environment.Storage.LogRetentionDays,
				"load-balancer/": environment.Storage.LogRetentionDays,
				"AWSLogs/":       environment.Network.FlowLogs.RetentionDays,
			} {
				ages(t, stack, "storage/logs", lifecycleRule(t, stack, "storage/logs", prefix), config.Lifecycle{ExpirationDays: days})
			}
		}
	})

	t.Run("names hold account and region", func(t *testing.T) {
		for _, stack := range testkit.Environments(t) {
			environment := environmentOf(t, stack)
			for _, bucket := range stack.Resources("aws_s3_bucket") {
				region := environment.Account.Region
				if strings.HasPrefix(bucket.Path, "storage/recovery/") {
					region = environment.Account.RecoveryRegion
				}
				if name := bucket.Text("bucket"); !strings.HasSuffix(name, "-"+environment.Account.ID+"-"+region) || len(name) > 63 {
					t.Errorf("%s: bucket %s is called %q", stack.Name, bucket.Path, name)
				}
			}
		}
	})

	t.Run("content is uploaded to from the environment's own pages", func(t *testing.T) {
		for _, stack := range testkit.Environments(t) {
			environment := environmentOf(t, stack)
			rules := stack.Resources("aws_s3_bucket_cors_configuration")
			if len(rules) != 1 {
				t.Fatalf("%s: %d CORS configurations, wanted the content's", stack.Name, len(rules))
			}
			origins := nested(rules[0].Body["cors_rule"], 0, "allowed_origins")
			wanted := append([]any{"https://" + environment.Domains.Www()}, anyOf(environment.Storage.UploadOrigins)...)
			if fmt.Sprint(origins) != fmt.Sprint(wanted) {
				t.Errorf("%s: origins %v, wanted %v", stack.Name, origins, wanted)
			}
		}
	})

	t.Run("what happens to data goes to EventBridge", func(t *testing.T) {
		stack := testkit.StackNamed(t, "batbern-dev")
		for _, bucket := range []string{"content", "frontend", "backups", "imports"} {
			if notification := stack.Resource(t, "aws_s3_bucket_notification", "storage/"+bucket+"/notification"); notification.Body["eventbridge"] != true {
				t.Errorf("%s: %v", bucket, notification.Body)
			}
		}
	})
}

func ages(t *testing.T, stack *testkit.Stack, bucket string, rule map[string]any, wanted config.Lifecycle) {
	t.Helper()
	complain := func(what string, found, wanted any) {
		if fmt.Sprint(found) != fmt.Sprint(wanted) {
			t.Errorf("%s: %s: %s is %v, wanted %v", stack.Name, bucket, what, found, wanted)
		}
	}
	complain("status", rule["status"], "Enabled")
	var moves []string
	for i := range wanted.Transitions {
		moves = append(moves, fmt.Sprint(nested(rule["transition"], i, "days"), nested(rule["transition"], i, "storage_class")))
	}
	var planned []string
	for _, transition := range wanted.Transitions {
		planned = append(planned, fmt.Sprint(transition.AfterDays, transition.Class))
	}
	complain("transitions", moves, planned)
	complain("expiration", numberOrNothing(nested(rule["expiration"], 0, "days")), wanted.ExpirationDays)
	complain("noncurrent", numberOrNothing(nested(rule["noncurrent_version_expiration"], 0, "noncurrent_days")), wanted.NoncurrentDays)
}

func numberOrNothing(value any) any {
	if value == nil {
		return 0
	}
	return value
}

func anyOf(texts []string) []any {
	var out []any
	for _, text := range texts {
		out = append(out, text)
	}
	return out
}

// The imports (CR1) are handed over once and kept: no rule and no right deletes from them.
func TestImportsAreKept(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		rule := lifecycleRule(t, stack, "storage/imports", "")
		if rule["expiration"] != nil || rule["noncurrent_version_expiration"] != nil {
			t.Errorf("%s: imports expire: %v", stack.Name, rule)
		}
		denied := false
		for _, statement := range statements(t, stack.Resource(t, "aws_s3_bucket_policy", "storage/imports_policy"), "policy") {
			if statement.Effect == policy.Deny && statement.Conditions == nil && statement.Principals.Everyone {
				denied = slices.Equal(statement.Actions, []string{"s3:DeleteObject", "s3:DeleteObjectVersion"})
			}
		}
		if !denied {
			t.Errorf("%s: nobody is kept from deleting imports", stack.Name)
		}
		for _, statement := range statements(t, stack.Resource(t, "aws_iam_role_policy", "import/policy"), "policy") {
			if strings.Contains(fmt.Sprint(statement.Actions), "Delete") {
				t.Errorf("%s: the import's role may %v", stack.Name, statement.Actions)
			}
		}
	}
}

// Each replicated bucket has a replica in the other region, by the recovery provider, under that region's key.
func TestReplication(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		replications := stack.Resources("aws_s3_bucket_replication_configuration")
		if !environmentOf(t, stack).Storage.Replicated {
			for _, resource := range stack.All() {
				if strings.HasPrefix(resource.Path, "storage/recovery") || resource.Body["provider"] == "aws.recovery" {
					t.Errorf("%s replicates nothing, yet has %s", stack.Name, resource.Address())
				}
			}
			continue
		}
		if len(replications) != 3 {
			t.Errorf("%s: %d buckets are replicated, wanted content, frontend and backups", stack.Name, len(replications))
		}
		for _, replication := range replications {
			destination := nested(replication.Body["rule"], 0, "destination")
			if key := fmt.Sprint(nested(destination, "encryption_configuration", "replica_kms_key_id")); !strings.Contains(key, "recovery_storage") {
				t.Errorf("%s: %s encrypts with %s", stack.Name, replication.Path, key)
			}
			if target := fmt.Sprint(nested(destination, "bucket")); !strings.Contains(target, "recovery") {
				t.Errorf("%s: %s copies to %s", stack.Name, replication.Path, target)
			}
		}
		for _, resource := range stack.All() {
			replica := strings.HasPrefix(resource.Path, "storage/recovery/") && strings.HasPrefix(resource.Type, "aws_s3_bucket") &&
				resource.Type != "aws_s3_bucket_replication_configuration"
			if replica && resource.Body["provider"] != "aws.recovery" {
				t.Errorf("%s: %s is made in the home region", stack.Name, resource.Path)
			}
		}
	}
}

// A lock, where asked, is on the backups and their replica, and nowhere else.
func TestObjectLock(t *testing.T) {
	for _, stack := range testkit.Environments(t) {
		environment := environmentOf(t, stack)
		var locked []string
		for _, lock := range stack.Resources("aws_s3_bucket_object_lock_configuration") {
			locked = append(locked, lock.Path)
		}
		for _, bucket := range stack.Resources("aws_s3_bucket") {
			if _, named := bucket.Body["object_lock_enabled"]; named {
				t.Errorf("%s: %s names object_lock_enabled: switching it would replace the bucket", stack.Name, bucket.Path)
			}
		}
		var wanted []string
		if environment.Storage.BackupLockDays > 0 {
			wanted = []string{"storage/backups/object_lock"}
			if environment.Storage.Replicated {
				wanted = append(wanted, "storage/recovery/backups/object_lock")
			}
		}
		slices.Sort(locked)
		if !slices.Equal(locked, wanted) {
			t.Errorf("%s: locked %v, wanted %v", stack.Name, locked, wanted)
		}
		for _, lock := range stack.Resources("aws_s3_bucket_object_lock_configuration") {
			if days := nested(lock.Body["rule"], "default_retention", "days"); fmt.Sprint(days) != fmt.Sprint(environment.Storage.BackupLockDays) {
				t.Errorf("%s: %s locks for %v days", stack.Name, lock.Path, days)
			}
		}
	}
}
