// Package treetest makes synthesized trees for tests without running a synthesis: the golden stacks, which are what the
// last reviewed synthesis wrote, and stacks of a few resources.
package treetest

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/tree"
)

// Attrs are the attributes of a resource.
type Attrs = map[string]any

// Stack is a stack that a test may change before it is read.
type Stack struct {
	Name string

	body      Attrs
	resources map[string]map[string]Attrs
}

// Golden is a stack as the snapshot tests have it, by its name, for example "batbern-prod". It holds the paths of the
// constructs, and each test gets a copy of its own.
func Golden(t testing.TB, name string) *Stack {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	file := filepath.Join(filepath.Dir(here), "..", "..", "..", "__tests__", "snapshots", "golden", name+".json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := &Stack{Name: name}
	if err := json.Unmarshal(text, &s.body); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var only struct {
		Resource map[string]map[string]Attrs
	}
	if err := json.Unmarshal(text, &only); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	s.resources = only.Resource
	return s
}

// New starts a stack without resources, with providers for the home region, us-east-1 and the recovery region.
func New(name string) *Stack {
	return &Stack{Name: name, resources: map[string]map[string]Attrs{}, body: Attrs{
		"provider": Attrs{"aws": []Attrs{
			{"region": "eu-central-1"},
			{"alias": "virginia", "region": "us-east-1"},
			{"alias": "recovery", "region": "eu-west-1"},
		}},
	}}
}

// Add adds a resource at a construct path below the stack ("network/vpc") and returns its address.
func (s *Stack) Add(typ, path string, attrs Attrs) string {
	name := logicalID(path)
	if s.resources[typ] == nil {
		s.resources[typ] = map[string]Attrs{}
	}
	if s.resources[typ][name] != nil {
		panic(fmt.Sprintf("%s %s exists already", typ, path))
	}
	resource := Attrs{"//": Attrs{"metadata": Attrs{"path": s.Name + "/" + path}}}
	maps.Copy(resource, attrs)
	s.resources[typ][name] = resource
	return typ + "." + name
}

// logicalID is the path with underscores and, like cdktf's, a hash where the construct is nested.
func logicalID(path string) string {
	if !strings.Contains(path, "/") {
		return path
	}
	hash := fnv.New32a()
	hash.Write([]byte(path))
	return fmt.Sprintf("%s_%08X", strings.ReplaceAll(path, "/", "_"), hash.Sum32())
}

// Copy adds a copy of a resource at another path, with changed attributes, and returns its address.
func (s *Stack) Copy(address, path string, changes Attrs) string {
	typ, name, _ := strings.Cut(address, ".")
	attrs := maps.Clone(s.resources[typ][name])
	if attrs == nil {
		panic(address + " is not in the stack")
	}
	delete(attrs, "//")
	maps.Copy(attrs, changes)
	return s.Add(typ, path, attrs)
}

// Remove removes a resource, or all resources of a type when the address is a type.
func (s *Stack) Remove(address string) {
	typ, name, found := strings.Cut(address, ".")
	if !found {
		delete(s.resources, typ)
		return
	}
	delete(s.resources[typ], name)
}

// Set changes one attribute of a resource.
func (s *Stack) Set(address, attribute string, value any) {
	typ, name, _ := strings.Cut(address, ".")
	if s.resources[typ][name] == nil {
		panic(address + " is not in the stack")
	}
	s.resources[typ][name][attribute] = value
}

// Ref is a reference to an attribute of an address.
func Ref(address, attribute string) string { return "${" + address + "." + attribute + "}" }

// JSON is the stack's cdk.tf.json.
func (s *Stack) JSON() []byte {
	body := maps.Clone(s.body)
	body["resource"] = s.resources
	text, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		panic(err)
	}
	return text
}

// Parse reads the stack as a program under test would.
func (s *Stack) Parse() *tree.Stack {
	stack, err := tree.Parse(s.Name, s.JSON())
	if err != nil {
		panic(err)
	}
	return stack
}

// Write writes a tree into a folder of the test as cdktf lays it out, a manifest and a cdk.tf.json for each stack, and
// returns the folder.
func Write(t testing.TB, stacks ...*Stack) string {
	t.Helper()
	dir, entries := t.TempDir(), Attrs{}
	for _, s := range stacks {
		path := "stacks/" + s.Name + "/cdk.tf.json"
		entries[s.Name] = Attrs{"name": s.Name, "synthesizedStackPath": path, "dependencies": []string{}, "constructPath": s.Name}
		write(t, filepath.Join(dir, filepath.FromSlash(path)), s.JSON())
	}
	text, err := json.MarshalIndent(Attrs{"version": "0.21.0", "stacks": entries}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "manifest.json"), text)
	return dir
}

func write(t testing.TB, file string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
}
