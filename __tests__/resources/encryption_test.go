package resources_test

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/encryption"
)

func keys(t *testing.T, protection config.Protection) *testkit.Stack {
	return testkit.Construct(t, func(stack cdktf.TerraformStack) {
		outputs := encryption.New(stack, "encryption", encryption.Props{
			Name: "batbern-dev", AccountID: "222233334444", Region: "eu-central-1", Protection: protection,
		})
		encryption.StoragePolicy(stack, "storage_policy", encryption.StoragePolicyProps{
			KeyID: outputs.StorageKeyID, AccountID: "222233334444", Region: "eu-central-1",
			DistributionArns: []string{"arn:aws:cloudfront::222233334444:distribution/E1"},
		})
	})
}

func TestEncryption(t *testing.T) {
	stack := keys(t, config.Disposable)

	t.Run("a key and an alias for each class of data", func(t *testing.T) {
		var aliases []string
		for _, alias := range stack.Resources("aws_kms_alias") {
			aliases = append(aliases, alias.Text("name"))
		}
		slices.Sort(aliases)
		want := []string{"alias/batbern-dev-data", "alias/batbern-dev-logs", "alias/batbern-dev-messages", "alias/batbern-dev-secrets", "alias/batbern-dev-storage"}
		if !slices.Equal(aliases, want) {
			t.Errorf("got %v, want %v", aliases, want)
		}
		if keys := len(stack.Resources("aws_kms_key")); keys != len(want) {
			t.Errorf("%d keys for %d aliases", keys, len(want))
		}
	})

	t.Run("every key rotates each year (KMS.4)", func(t *testing.T) {
		for _, key := range stack.Resources("aws_kms_key") {
			if key.Body["enable_key_rotation"] != true {
				t.Errorf("%s: %v", key.Address(), key.Body["enable_key_rotation"])
			}
		}
	})

	t.Run("the storage key's policy is a resource of its own, the others' are their arguments", func(t *testing.T) {
		for _, key := range stack.Resources("aws_kms_key") {
			if separate := key.Path == "encryption/storage"; (key.Text("policy") == "") != separate {
				t.Errorf("%s: policy %q", key.Path, key.Text("policy"))
			}
		}
		testkit.HasResourceWithProperties(t, stack, "aws_kms_key_policy", map[string]any{
			"key_id": "${aws_kms_key." + stack.Resource(t, "aws_kms_key", "encryption/storage").ID + ".key_id}",
		})
	})

	t.Run("protection decides how a key can be lost (KMS.3)", func(t *testing.T) {
		for protection, want := range map[config.Protection]struct {
			days    float64
			prevent bool
		}{config.Disposable: {7, false}, config.Guarded: {30, false}, config.Locked: {30, true}} {
			for _, key := range keys(t, protection).Resources("aws_kms_key") {
				lifecycle := key.Body["lifecycle"].(map[string]any)
				if key.Body["deletion_window_in_days"] != want.days || lifecycle["prevent_destroy"] != want.prevent {
					t.Errorf("%s, %s: %v days, %v", protection, key.Path, key.Body["deletion_window_in_days"], lifecycle)
				}
			}
		}
	})

	t.Run("a single key can be made elsewhere", func(t *testing.T) {
		stack := testkit.Construct(t, func(stack cdktf.TerraformStack) {
			encryption.Key(stack, "virginia", encryption.Props{Name: "batbern-dev", AccountID: "222233334444", Region: "us-east-1"}, encryption.Logs)
		})
		testkit.HasResourceWithProperties(t, stack, "aws_kms_alias", map[string]any{"name": "alias/batbern-dev-logs"})
		if policy := stack.Resource(t, "aws_kms_key", "virginia/logs").Text("policy"); policy == "" {
			t.Error("the key has no policy")
		}
	})
}
