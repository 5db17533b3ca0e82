package resources_test

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/registry"
)

func registries(t *testing.T, protection config.Protection) *testkit.Stack {
	return testkit.Construct(t, func(stack cdktf.TerraformStack) {
		registry.New(stack, "registry", registry.Props{
			Namespace: "batbern", Repositories: []string{"event-management", "flyway"}, KeepImages: 20,
			PullAccounts: []string{"222233334444"}, KeyArn: "arn:aws:kms:eu-central-1:111122223333:key/k", Protection: protection,
		})
	})
}

func TestRegistry(t *testing.T) {
	stack := registries(t, config.Locked)

	t.Run("every repository is immutable, scanned and encrypted (ECR.1, ECR.2, ECR.5)", func(t *testing.T) {
		var names []string
		for _, repository := range stack.Resources("aws_ecr_repository") {
			names = append(names, repository.Text("name"))
			testkit.HasResourceWithProperties(t, stack, "aws_ecr_repository", map[string]any{
				"name":                         repository.Text("name"),
				"image_tag_mutability":         "IMMUTABLE",
				"image_scanning_configuration": map[string]any{"scan_on_push": true},
				"encryption_configuration":     []any{map[string]any{"encryption_type": "KMS", "kms_key": "arn:aws:kms:eu-central-1:111122223333:key/k"}},
				"force_delete":                 false,
				"lifecycle":                    map[string]any{"prevent_destroy": true},
			})
		}
		slices.Sort(names)
		if want := []string{"batbern/event-management", "batbern/flyway"}; !slices.Equal(names, want) {
			t.Errorf("repositories %v, want %v", names, want)
		}
	})

	t.Run("every repository has a lifecycle and a policy (ECR.3)", func(t *testing.T) {
		for _, repository := range stack.Resources("aws_ecr_repository") {
			reference := "${" + repository.Address() + ".name}"
			testkit.HasResourceWithProperties(t, stack, "aws_ecr_lifecycle_policy", map[string]any{"repository": reference, "policy": registry.Lifecycle(20)})
			testkit.HasResourceWithProperties(t, stack, "aws_ecr_repository_policy",
				map[string]any{"repository": reference, "policy": registry.PullPolicy([]string{"222233334444"}).JSON()})
		}
	})

	t.Run("a disposable repository goes with its images", func(t *testing.T) {
		testkit.HasResourceWithProperties(t, registries(t, config.Disposable), "aws_ecr_repository",
			map[string]any{"force_delete": true, "lifecycle": map[string]any{"prevent_destroy": false}})
	})
}
