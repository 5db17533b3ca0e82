package identity_test

import (
	"testing"

	"github.com/batbern/infrastructure/constructs/identity"
)

// The requests that Terraform makes of an S3 backend with use_lockfile, as an init, an apply and a plan were recorded.
func TestStatePolicySufficesForTheBackend(t *testing.T) {
	const bucket, own = "arn:aws:s3:::states", "arn:aws:s3:::states/batbern-dev/terraform.tfstate"
	state := identity.State{Bucket: "states", Key: func(stack string) string { return stack + "/terraform.tfstate" }}
	for _, c := range []struct {
		name, action, resource string
		context                map[string]string
		plan, apply            bool
	}{
		{"lists workspaces at an init", "s3:ListBucket", bucket, map[string]string{"s3:prefix": "env:/"}, true, true},
		{"finds that there is no state yet", "s3:ListBucket", bucket, nil, true, true},
		{"reads the state", "s3:GetObject", own, nil, true, true},
		{"writes the state", "s3:PutObject", own, nil, false, true},
		{"deletes the state", "s3:DeleteObject", own, nil, false, false},
		{"takes the lock", "s3:PutObject", own + ".tflock", nil, true, true},
		{"reads whose lock it is", "s3:GetObject", own + ".tflock", nil, true, true},
		{"releases the lock", "s3:DeleteObject", own + ".tflock", nil, true, true},
		{"reads the base's state", "s3:GetObject", "arn:aws:s3:::states/batbern-base/terraform.tfstate", nil, true, true},
		{"writes the base's state", "s3:PutObject", "arn:aws:s3:::states/batbern-base/terraform.tfstate", nil, false, false},
		{"reads another state", "s3:GetObject", "arn:aws:s3:::states/batbern-prod/terraform.tfstate", nil, false, false},
	} {
		for phase, want := range map[identity.Phase]bool{identity.Plan: c.plan, identity.Apply: c.apply} {
			document := state.Policy(phase, "batbern-dev", "batbern-base")
			if got := allows(t, document, c.action, c.resource, c.context); got != want {
				t.Errorf("%s %s: allowed %v, want %v", phase, c.name, got, want)
			}
		}
	}
}
