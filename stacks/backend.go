package stacks

import (
	"fmt"

	"github.com/aws/jsii-runtime-go"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
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
	default:
		cdktf.NewLocalBackend(stack, &cdktf.LocalBackendConfig{Path: jsii.String(statePath(name, settings))})
	}
}

// readBase gives the base's outputs wherever its state is kept.
func readBase(stack cdktf.TerraformStack, base string, settings config.Settings) shared {
	const id = "base"
	switch settings.Backend {
	case "cloud":
		return shared{cdktf.NewDataTerraformRemoteState(stack, jsii.String(id), &cdktf.DataTerraformRemoteStateRemoteConfig{
			Hostname:     jsii.String(settings.TfcHost),
			Organization: jsii.String(settings.Organization),
			Workspaces:   cdktf.NewNamedRemoteWorkspace(jsii.String(base)),
		})}
	case "s3":
		return shared{cdktf.NewDataTerraformRemoteStateS3(stack, jsii.String(id), &cdktf.DataTerraformRemoteStateS3Config{
			Bucket: jsii.String(settings.StateBucket),
			Key:    jsii.String(stateKey(base)),
			Region: jsii.String(settings.StateRegion),
		})}
	default:
		return shared{cdktf.NewDataTerraformRemoteStateLocal(stack, jsii.String(id), &cdktf.DataTerraformRemoteStateLocalConfig{
			Path: jsii.String(statePath(base, settings)),
		})}
	}
}

func stateKey(stack string) string { return stack + "/terraform.tfstate" }

// statePath is relative to the stack's folder, cdktf.out/stacks/NAME, and leads out of cdktf.out: that folder may be
// deleted at any time, a state may not. An emulator's state never mixes with AWS's.
func statePath(stack string, settings config.Settings) string {
	folder := "../../.."
	if settings.AwsEndpoint != "" {
		folder += "/.local/state"
	}
	return fmt.Sprintf("%s/terraform.%s.tfstate", folder, stack)
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return jsii.String(text)
}
