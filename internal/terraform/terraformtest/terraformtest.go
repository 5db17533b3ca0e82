// Package terraformtest decides which tests use Terraform with the AWS provider.
package terraformtest

import (
	"os"
	"testing"
)

// Variable is the environment variable that says that Terraform finds the AWS provider, in the registry or in a mirror
// that the CLI configuration names. .ci/run sets it after a probe, make test-provider without one.
const Variable = "PROVIDER_TESTS"

// RequireProvider skips the test where Variable is empty. Where it is set, a missing provider fails the test.
func RequireProvider(t testing.TB) {
	t.Helper()
	if !ProviderFound() {
		t.Skip("needs Terraform and the AWS provider: make test-provider")
	}
}

// ProviderFound reports whether Variable is set.
func ProviderFound() bool { return os.Getenv(Variable) != "" }
