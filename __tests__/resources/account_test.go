package resources_test

import (
	"testing"

	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/account"
)

func TestAccountBaseline(t *testing.T) {
	all := config.Baseline{S3PublicAccessBlock: true, EbsEncryption: true, AccessAnalyzer: true}
	baseline := func(baseline config.Baseline) *testkit.Stack {
		return testkit.Construct(t, func(stack cdktf.TerraformStack) {
			account.New(stack, "account", account.Props{Name: "batbern-dev", Baseline: baseline})
		})
	}
	settings := map[string]struct {
		want   map[string]any
		others config.Baseline // all but this setting
	}{
		"aws_s3_account_public_access_block": {
			map[string]any{"block_public_acls": true, "block_public_policy": true, "ignore_public_acls": true, "restrict_public_buckets": true},
			config.Baseline{EbsEncryption: true, AccessAnalyzer: true},
		},
		"aws_ebs_encryption_by_default": {
			map[string]any{"enabled": true},
			config.Baseline{S3PublicAccessBlock: true, AccessAnalyzer: true},
		},
		"aws_accessanalyzer_analyzer": {
			map[string]any{"analyzer_name": "batbern-dev-external-access", "type": "ACCOUNT"},
			config.Baseline{S3PublicAccessBlock: true, EbsEncryption: true},
		},
	}
	full := baseline(all)
	for typ, setting := range settings {
		t.Run(typ, func(t *testing.T) {
			testkit.HasResourceWithProperties(t, full, typ, setting.want)
			without := baseline(setting.others)
			if found := without.Resources(typ); len(found) > 0 {
				t.Errorf("switched off, and still there: %v", found)
			}
			if got, want := len(without.All()), len(settings)-1; got != want {
				t.Errorf("%d resources without it, want %d", got, want)
			}
		})
	}
}
