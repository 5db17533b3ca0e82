package stacks

import (
	"fmt"

	"github.com/aws/jsii-runtime-go"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/identity"
)

// addBackend says where a stack's state is kept.
func addBackend(stack cdktf.TerraformStack, name string, settings config.Settings) {
	switch settings.Backend {
	case "cloud":
		cdktf.NewCloudBackend(stack, &cdktf.CloudBackendConfig{
			Hostname:     jsii.String(settings.TfcHost),
			Organization: jsii.String(settings.Organization),
			Workspaces:   cdktf.NewNamedCloudWorkspace(jsii.String(name), optional(settings.TfcProject)),
		})
	case "s3":
		cdktf.NewS3Backend(stack, &cdktf.S3BackendConfig{
			Bucket:  jsii.String(settings.StateBucket),
			Key:     jsii.String(stateKey(name)),
			Region:  jsii.String(settings.StateRegion),
			Encrypt: jsii.Bool(true),
		})
		// S3's own locking: cdktf 0.21 has no field for it
		stack.AddOverride(jsii.String("terraform.backend.s3.use_lockfile"), true)
		if role := stateRole(name, settings); role != nil {
			stack.AddOverride(jsii.String("terraform.backend.s3.assume_role"), role)
		}
	default:
		cdktf.NewLocalBackend(stack, &cdktf.LocalBackendConfig{Path: jsii.String(statePath(name, settings))})
	}
}

// stateRole is the role in the base's account by which the S3 backend reaches the bucket, or nil where the credentials
// are that account's already: in the base's own stack, and in a pipeline, whose sign-in role keeps the state. An
// administrator of an environment's account has no other way to a bucket of another account.
// https://developer.hashicorp.com/terraform/language/backend/s3#assume-role-configuration
func stateRole(name string, settings config.Settings) map[string]any {
	if base := (config.Base{}).Stack(); name == base || settings.DeployRole != "none" {
		return nil
	}
	return map[string]any{
		"role_arn":     fmt.Sprintf("arn:aws:iam::%s:role/%s", settings.AccountBase, identity.StateRole(name)),
		"session_name": sessionName,
	}
}

// readBase returns the base's outputs, for the stack of that name, wherever the base's state is kept.
func readBase(stack cdktf.TerraformStack, base, name string, settings config.Settings) shared {
	const id = "base"
	switch settings.Backend {
	case "cloud":
		return newShared(cdktf.NewDataTerraformRemoteState(stack, jsii.String(id), &cdktf.DataTerraformRemoteStateRemoteConfig{
			Hostname:     jsii.String(settings.TfcHost),
			Organization: jsii.String(settings.Organization),
			Workspaces:   cdktf.NewNamedRemoteWorkspace(jsii.String(base)),
		}))
	case "s3":
		state := cdktf.NewDataTerraformRemoteStateS3(stack, jsii.String(id), &cdktf.DataTerraformRemoteStateS3Config{
			Bucket: jsii.String(settings.StateBucket),
			Key:    jsii.String(stateKey(base)),
			Region: jsii.String(settings.StateRegion),
		})
		if role := stateRole(name, settings); role != nil {
			state.AddOverride(jsii.String("config.assume_role"), role)
		}
		return newShared(state)
	default:
		return newShared(cdktf.NewDataTerraformRemoteStateLocal(stack, jsii.String(id), &cdktf.DataTerraformRemoteStateLocalConfig{
			Path: jsii.String(statePath(base, settings)),
		}))
	}
}

func stateKey(stack string) string { return stack + "/terraform.tfstate" }

// EmulatorState is the folder of an emulator's states, beside cdktf.out.
const EmulatorState = ".local/state"

// statePath is relative to the stack's folder, cdktf.out/stacks/NAME, and leads out of cdktf.out: that folder may be
// deleted at any time, a state may not. An emulator's state never mixes with AWS's.
func statePath(stack string, settings config.Settings) string {
	folder := "../../.."
	if settings.AwsEndpoint != "" {
		folder += "/" + EmulatorState
	}
	return fmt.Sprintf("%s/terraform.%s.tfstate", folder, stack)
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return jsii.String(text)
}
