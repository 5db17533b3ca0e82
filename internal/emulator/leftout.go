package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/batbern/infrastructure/internal/terraform"
	"github.com/batbern/infrastructure/internal/wire"
)

// sendLeftOut applies what was left out of a stack, with a separate state, so that its requests are recorded. The
// emulator refuses most of them: an error is only what keeps Terraform from sending them. It returns the addresses that
// the emulator created after all, and of which a second plan changes nothing.
func sendLeftOut(ctx context.Context, folder, endpoint string, result Result) (working []string, err error) {
	source := filepath.Dir(file(folder, result.Stack))
	var complete map[string]any
	text, err := os.ReadFile(filepath.Join(source, completeFile))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &complete); err != nil {
		return nil, err
	}
	applied, err := appliedValues(ctx, folder, endpoint, result.Stack)
	if err != nil {
		return nil, err
	}
	tree, err := os.MkdirTemp(folder, ".left-out-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tree)) }()
	document := leftOutOnly(complete, result.LeftOut, applied)
	to := file(tree, result.Stack)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return nil, err
	}
	assets := os.DirFS(filepath.Join(source, "assets"))
	err = errors.Join(write(to, document), writeManifest(tree, result.Stack),
		os.CopyFS(filepath.Join(filepath.Dir(to), "assets"), assets))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := initialize(ctx, tree, result.Stack); err != nil {
		return nil, err
	}
	stack, err := terraform.Open(tree, result.Stack, Variables(endpoint))
	if err != nil {
		return nil, err
	}
	// every address that can be planned is sent: none waits for another
	plan, err := stack.Plan(ctx)
	if err != nil {
		return nil, fmt.Errorf("nothing of what was left out could be sent and judged: %w", err)
	}
	if unsent := notPlanned(plan, result.LeftOut); len(unsent) > 0 {
		return nil, fmt.Errorf("%s: left out, and not sent and judged either: %s", result.Stack, strings.Join(unsent, ", "))
	}
	if err := stack.Apply(ctx, parallelism); err != nil && !ended(err) {
		return nil, err
	}
	plan, err = stack.Plan(ctx)
	if ended(err) && err != nil {
		return nil, nil // the emulator cannot read back what it created
	}
	if err != nil {
		return nil, err
	}
	for _, change := range plan.ResourceChanges {
		if change.Change.Actions.NoOp() {
			working = append(working, change.Address)
		}
	}
	return working, nil
}

// writeManifest writes cdktf's manifest of a folder with one stack.
func writeManifest(folder, stack string) error {
	path, err := filepath.Rel(folder, file(folder, stack))
	if err != nil {
		return err
	}
	manifest := map[string]any{"stacks": map[string]any{stack: map[string]any{"synthesizedStackPath": filepath.ToSlash(path)}}}
	return write(filepath.Join(folder, "manifest.json"), manifest)
}

// notPlanned returns those of the addresses that the plan does not create. An address with a count or a for_each is
// planned as its instances.
func notPlanned(plan *tfjson.Plan, addresses []string) []string {
	planned := map[string]bool{}
	for _, change := range plan.ResourceChanges {
		if change.Change.Actions.Create() {
			planned[change.Type+"."+change.Name] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(addresses), func(address string) bool { return planned[address] })
}

// appliedValues are the attributes of a stack's resources in its state, by address.
func appliedValues(ctx context.Context, folder, endpoint, name string) (map[string]any, error) {
	stack, err := terraform.Open(folder, name, Variables(endpoint))
	if err != nil {
		return nil, err
	}
	state, err := stack.State(ctx)
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	if state.Values == nil || state.Values.RootModule == nil {
		return values, nil
	}
	for _, resource := range state.Values.RootModule.Resources {
		values[resource.Address] = resource.AttributeValues
	}
	return values, nil
}

// resourceReference is an attribute of a resource within an expression.
var resourceReference = regexp.MustCompile(`\b(data\.)?(aws_\w+)\.([\w-]+)\.(\w+)`)

// leftOutOnly is a stack of only those addresses. What they need of applied resources is a local value; what they
// need of each other is a placeholder, so that all of them are sent, whichever of them the emulator refuses.
func leftOutOnly(complete map[string]any, addresses []string, applied map[string]any) map[string]any {
	resources := map[string]any{}
	for typ, instances := range object(complete["resource"]) {
		for id, body := range object(instances) {
			if !slices.Contains(addresses, typ+"."+id) {
				continue
			}
			fields := object(body)
			delete(fields, "depends_on")
			delete(fields, "lifecycle")
			eachText(fields, func(text string) string { return resolve(text, addresses, applied) })
			if resources[typ] == nil {
				resources[typ] = map[string]any{}
			}
			object(resources[typ])[id] = fields
		}
	}
	settings := object(complete["terraform"])
	delete(settings, "backend")
	delete(settings, "cloud")
	document := map[string]any{"terraform": settings, "provider": complete["provider"], "resource": resources,
		"locals": map[string]any{"applied": applied}}
	for _, block := range []string{"variable", "locals", "data"} {
		if content, present := complete[block]; present && block != "locals" {
			document[block] = content
			eachText(content, func(text string) string { return resolve(text, addresses, applied) })
		}
	}
	for name, value := range object(complete["locals"]) {
		object(document["locals"])[name] = value
	}
	return document
}

// resolve replaces references to resources in an expression.
func resolve(text string, leftOut []string, applied map[string]any) string {
	if !strings.Contains(text, "${") {
		return text
	}
	return resourceReference.ReplaceAllStringFunc(text, func(reference string) string {
		if strings.HasPrefix(reference, "data.") {
			return reference
		}
		part := resourceReference.FindStringSubmatch(reference)
		address := part[2] + "." + part[3]
		if _, known := applied[address]; known {
			return fmt.Sprintf("local.applied[%q].%s", address, part[4])
		}
		if slices.Contains(leftOut, address) {
			return fmt.Sprintf("%q", placeholder(part[2], part[3], part[4]))
		}
		return reference
	})
}

// placeholder is a value with the form that the attribute has on AWS.
func placeholder(typ, id, attribute string) string {
	service, _, _ := strings.Cut(strings.TrimPrefix(typ, "aws_"), "_")
	switch {
	case attribute == "arn" || strings.HasSuffix(attribute, "_arn"):
		return fmt.Sprintf("arn:aws:%s:eu-central-1:123456789012:%s", service, id)
	case strings.HasSuffix(attribute, "domain_name") || strings.Contains(attribute, "endpoint") || strings.Contains(attribute, "address"):
		return "left-out.invalid"
	default:
		return "left-out"
	}
}

// judge holds the recordings of a stack's phases against AWS's API models.
func (r *Relay) judge(ctx context.Context, folder, stack string) (wire.Verdict, error) {
	python, err := Python()
	if err != nil {
		return wire.Verdict{}, err
	}
	var recordings []string
	for _, phase := range []string{PhaseApply, PhasePlan, PhaseUnimplemented} {
		path := wire.File(r.recordings, stack, phase)
		if _, err := os.Stat(path); err == nil {
			recordings = append(recordings, path)
		}
	}
	return wire.Judge(ctx, python, []string{CompleteFile(folder, stack)}, recordings)
}
