package permissions

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
)

// ReadStack reads a synthesized stack (cdk.tf.json), and from its state the attributes that policies refer to. A state
// that does not exist tells none.
func ReadStack(name, account, synthesized, state string) (Stack, error) {
	stack := Stack{Name: name, Account: account, Values: map[string]string{}}
	text, err := os.ReadFile(synthesized)
	if err != nil {
		return Stack{}, err
	}
	if err := json.Unmarshal(text, &stack.Document); err != nil {
		return Stack{}, fmt.Errorf("%s: %w", synthesized, err)
	}
	text, err = os.ReadFile(state)
	if errors.Is(err, fs.ErrNotExist) {
		return stack, nil
	} else if err != nil {
		return Stack{}, err
	}
	var applied struct {
		Resources []struct {
			Mode, Type, Name string
			Instances        []struct{ Attributes map[string]any }
		}
	}
	if err := json.Unmarshal(text, &applied); err != nil {
		return Stack{}, fmt.Errorf("%s: %w", state, err)
	}
	for _, resource := range applied.Resources {
		if resource.Mode != "managed" || len(resource.Instances) != 1 {
			continue
		}
		for attribute, value := range resource.Instances[0].Attributes {
			// an emulator's ARNs are of another account: those of roles and policies follow from their names
			if text, is := value.(string); is && attribute != "arn" {
				stack.Values[resource.Type+"."+resource.Name+"."+attribute] = text
			}
		}
	}
	return stack, nil
}

// managedPolicies prints AWS's managed policies as the emulator carries them.
const managedPolicies = `
import json, sys
from moto.iam.aws_managed_policies import aws_managed_policies_data
known = json.loads(aws_managed_policies_data)
json.dump({"arn:aws:iam::aws:policy" + p["Path"] + name: json.dumps(p["Document"]) for name, p in known.items()}, sys.stdout)
`

// ManagedPolicies returns AWS's managed policies by ARN, from the emulator that python has installed.
func ManagedPolicies(ctx context.Context, python string) (map[string]string, error) {
	command := exec.CommandContext(ctx, python, "-c", managedPolicies)
	var out, faults bytes.Buffer
	command.Stdout, command.Stderr = &out, &faults
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("AWS's managed policies cannot be read: %w; `make setup` installs what it needs\n%s", err, faults.String())
	}
	var policies map[string]string
	if err := json.Unmarshal(out.Bytes(), &policies); err != nil {
		return nil, fmt.Errorf("AWS's managed policies cannot be read: %w", err)
	}
	return policies, nil
}
