// Package testkit gives tests what synthesis makes: parsed stacks, built once a process, the official cdktf matchers
// with failures that say what was found, and golden files.
//
// jsii runs one Node process for a Go process and is not safe for goroutines: no t.Parallel in packages that use it.
package testkit

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/jsii-runtime-go"
	awsprovider "github.com/cdktf/cdktf-provider-aws-go/aws/v19/provider"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/nodejs"
	"github.com/batbern/infrastructure/internal/synth"
	"github.com/batbern/infrastructure/internal/tree"
)

// Main is the body of every TestMain here: it readies Node.js, runs the tests and closes jsii.
func Main(m *testing.M, cleanups ...func()) {
	if err := nodejs.Prepare(os.Getenv("BATBERN_LAZY_BINDINGS") != "false"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	for _, cleanup := range cleanups {
		cleanup()
	}
	nodejs.Close()
	os.Exit(code)
}

// Project is the project with the default settings, whatever the process's environment says, changed by the given
// variables.
func Project(t testing.TB, variables ...map[string]string) config.Project {
	t.Helper()
	all := map[string]string{}
	for _, some := range variables {
		maps.Copy(all, some)
	}
	project, err := config.LoadProject(all)
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// Synth synthesizes all stacks of a project and gives them by name.
func Synth(t testing.TB, project config.Project) map[string]*Stack {
	t.Helper()
	parsed, err := synthesize(project)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// TrySynth is Synth for a project that may fail.
func TrySynth(project config.Project) (map[string]*Stack, error) { return synthesize(project) }

func synthesize(project config.Project) (map[string]*Stack, error) {
	folder, err := os.MkdirTemp("", "batbern-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	if _, err := synth.Into(folder, project, false, func(string) {}); err != nil {
		return nil, err
	}
	all, err := tree.Load(folder)
	if err != nil {
		return nil, err
	}
	stacks := map[string]*Stack{}
	for _, stack := range all.Stacks {
		if stacks[stack.Name], err = wrap(stack); err != nil {
			return nil, err
		}
	}
	return stacks, nil
}

var defaults = sync.OnceValues(func() (map[string]*Stack, error) {
	project, err := config.LoadProject(nil)
	if err != nil {
		return nil, err
	}
	return synthesize(project)
})

// Stacks are all stacks with the default settings, built once a process, base first.
func Stacks(t testing.TB) []*Stack {
	t.Helper()
	built, err := defaults()
	if err != nil {
		t.Fatal(err)
	}
	var all []*Stack
	for _, name := range Project(t).Stacks() {
		all = append(all, built[name])
	}
	return all
}

// Environments are the stacks but the base.
func Environments(t testing.TB) []*Stack {
	t.Helper()
	return Stacks(t)[1:]
}

// StackNamed is one stack with the default settings, built once a process.
func StackNamed(t testing.TB, name string) *Stack {
	t.Helper()
	for _, stack := range Stacks(t) {
		if stack.Name == name {
			return stack
		}
	}
	t.Fatalf("there is no stack %q", name)
	return nil
}

// Tree is what the operator's commands read: the stacks with the default settings, base first.
func Tree(t testing.TB) *tree.Tree {
	t.Helper()
	all := &tree.Tree{}
	for _, stack := range Stacks(t) {
		all.Stacks = append(all.Stacks, stack.Tree)
	}
	return all
}

// Construct synthesizes a stack that holds only what build makes, and an AWS provider.
func Construct(t testing.TB, build func(stack cdktf.TerraformStack)) *Stack {
	t.Helper()
	app := cdktf.Testing_App(&cdktf.TestingAppConfig{Outdir: jsii.String(t.TempDir())})
	stack := cdktf.NewTerraformStack(app, jsii.String("test"))
	awsprovider.NewAwsProvider(stack, jsii.String("aws"), &awsprovider.AwsProviderConfig{Region: jsii.String("eu-central-1")})
	build(stack)
	// App.Synth, unlike Testing_Synth, keeps the construct paths and runs validations
	app.Synth()
	all, err := tree.Load(*app.Outdir())
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := wrap(all.Stacks[0])
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// Fails runs build and gives the message it fails with, which is a failure itself where there is none.
func Fails(t testing.TB, build func()) (message string) {
	t.Helper()
	defer func() {
		cause := recover()
		if cause == nil {
			t.Fatal("nothing was refused")
		}
		message = fmt.Sprint(cause)
	}()
	build()
	return ""
}

// Stack is a synthesized stack.
type Stack struct {
	Name string
	// JSON is what Testing_Synth would give: the text without cdktf's metadata.
	JSON string
	// Body is the same, parsed.
	Body map[string]any
	// Tree is the stack as the operator's commands read it.
	Tree *tree.Stack

	resources []Resource
}

// Resource is one resource of a stack.
type Resource struct {
	Type string
	// ID is the last part of Terraform's address.
	ID string
	// Path is the construct path below the stack, "network/vpc".
	Path string
	Body map[string]any
}

// Address is Terraform's name of the resource.
func (r Resource) Address() string { return r.Type + "." + r.ID }

// Text is the resource's attribute as text, "" where it is not set.
func (r Resource) Text(attribute string) string {
	if value, set := r.Body[attribute]; set {
		return fmt.Sprint(value)
	}
	return ""
}

// Policy is a JSON attribute, parsed.
func (r Resource) Policy(t testing.TB, attribute string) map[string]any {
	t.Helper()
	var parsed map[string]any
	if err := json.Unmarshal([]byte(r.Text(attribute)), &parsed); err != nil {
		t.Fatalf("%s: %s is no JSON: %v", r.Address(), attribute, err)
	}
	return parsed
}

func wrap(from *tree.Stack) (*Stack, error) {
	stack := &Stack{Name: from.Name, Body: from.Body, Tree: from}
	for _, resource := range from.Resources {
		body := object(object(object(from.Body["resource"])[resource.Type])[resource.Name])
		stack.resources = append(stack.resources, Resource{Type: resource.Type, ID: resource.Name, Path: resource.Label(), Body: body})
	}
	stripped, err := json.MarshalIndent(withoutMetadata(stack.Body), "", "  ")
	stack.JSON = string(stripped)
	return stack, err
}

func object(value any) map[string]any {
	fields, _ := value.(map[string]any)
	return fields
}

// withoutMetadata drops cdktf's comments, which hold paths and versions.
func withoutMetadata(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, item := range v {
			if key != "//" {
				out[key] = withoutMetadata(item)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = withoutMetadata(item)
		}
		return out
	default:
		return value
	}
}

// All are the stack's resources, by address.
func (s *Stack) All() []Resource { return s.resources }

// Resources are the stack's resources of one type, by address.
func (s *Stack) Resources(typ string) []Resource {
	var found []Resource
	for _, resource := range s.resources {
		if resource.Type == typ {
			found = append(found, resource)
		}
	}
	return found
}

// Resource is the one resource of that type whose construct path ends so.
func (s *Stack) Resource(t testing.TB, typ, pathEnd string) Resource {
	t.Helper()
	var found, all []Resource
	for _, resource := range s.Resources(typ) {
		all = append(all, resource)
		if resource.Path == pathEnd || strings.HasSuffix(resource.Path, "/"+pathEnd) {
			found = append(found, resource)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s: %d resources of type %s at .../%s; there are %s", s.Name, len(found), typ, pathEnd, paths(all))
	}
	return found[0]
}

// Outputs are the stack's outputs by name.
func (s *Stack) Outputs() map[string]any { return object(s.Body["output"]) }

// Data are the bodies of the stack's data sources of one type, by id.
func (s *Stack) Data(typ string) map[string]any { return object(object(s.Body["data"])[typ]) }

func paths(resources []Resource) []string {
	var all []string
	for _, resource := range resources {
		all = append(all, resource.Path)
	}
	return all
}

// HasResource asks cdktf's own matcher whether the stack has a resource of that type.
func HasResource(t testing.TB, stack *Stack, typ string) {
	t.Helper()
	if !*cdktf.Testing_ToHaveResource(jsii.String(stack.JSON), jsii.String(typ)) {
		t.Errorf("%s: no %s; there are %s", stack.Name, typ, slices.Sorted(maps.Keys(object(stack.Body["resource"]))))
	}
}

// HasResourceWithProperties asks cdktf's own matcher whether the stack has a resource of that type with at least these
// properties, and prints the resources of the type where it has not.
func HasResourceWithProperties(t testing.TB, stack *Stack, typ string, properties map[string]any) {
	t.Helper()
	if *cdktf.Testing_ToHaveResourceWithProperties(jsii.String(stack.JSON), jsii.String(typ), &properties) {
		return
	}
	wanted, _ := json.MarshalIndent(properties, "  ", "  ")
	var found strings.Builder
	for _, resource := range stack.Resources(typ) {
		body, _ := json.MarshalIndent(withoutMetadata(resource.Body), "  ", "  ")
		fmt.Fprintf(&found, "\n  %s: %s", resource.Address(), body)
	}
	t.Errorf("%s: no %s with\n  %s\nfound:%s", stack.Name, typ, wanted, found.String())
}

// HasDataSource asks cdktf's own matcher whether the stack has a data source of that type with these properties.
func HasDataSource(t testing.TB, stack *Stack, typ string, properties map[string]any) {
	t.Helper()
	if !*cdktf.Testing_ToHaveDataSourceWithProperties(jsii.String(stack.JSON), jsii.String(typ), &properties) {
		t.Errorf("%s: no data source %s with %v; found %v", stack.Name, typ, properties, stack.Data(typ))
	}
}

// HasProvider asks cdktf's own matcher whether the stack has a provider with these properties.
func HasProvider(t testing.TB, stack *Stack, typ string, properties map[string]any) {
	t.Helper()
	if !*cdktf.Testing_ToHaveProviderWithProperties(jsii.String(stack.JSON), jsii.String(typ), &properties) {
		t.Errorf("%s: no provider %s with %v; found %v", stack.Name, typ, properties, object(stack.Body["provider"])[typ])
	}
}

// Root is the project's folder.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}
