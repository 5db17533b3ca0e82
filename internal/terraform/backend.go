package terraform

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// initialized is where Terraform records, within a stack's folder, the backend that `terraform init` connected to. It
// holds no resource.
const initialized = ".terraform/terraform.tfstate"

// localBackend is the part of a stack, and of Terraform's record of a backend, that says where a local state is.
type localBackend struct {
	Path string `json:"path"`
}

// ForgetBackends removes the record of a stack's backend where the last initialization was for an emulator and the stack
// now is for AWS, or the reverse. States of an emulator are those with the folder in their path. Without this, Terraform
// refuses ("Backend configuration changed") and offers to copy the state of the one to the other, which is never meant.
// Between other backends the state may have to be copied, so Terraform's refusal stands.
func ForgetBackends(folder, emulatorStates string) error {
	records, err := filepath.Glob(filepath.Join(folder, "stacks", "*", initialized))
	if err != nil {
		return err
	}
	for _, record := range records {
		var before struct {
			Backend struct {
				Config localBackend `json:"config"`
			} `json:"backend"`
		}
		var after struct {
			Terraform struct {
				Backend struct {
					Local localBackend `json:"local"`
				} `json:"backend"`
			} `json:"terraform"`
		}
		synthesized := filepath.Join(filepath.Dir(record), "..", "cdk.tf.json")
		if err := errors.Join(decode(record, &before), decode(synthesized, &after)); errors.Is(err, fs.ErrNotExist) {
			continue // a stack that is no longer synthesized
		} else if err != nil {
			return err
		}
		emulated := func(path string) bool { return strings.Contains(path, "/"+emulatorStates+"/") }
		if emulated(before.Backend.Config.Path) != emulated(after.Terraform.Backend.Local.Path) {
			if err := os.Remove(record); err != nil {
				return err
			}
		}
	}
	return nil
}

func decode(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
