// Package tfjsontest makes synthesized trees for tests, in the form that cdktf writes, without cdktf.
package tfjsontest

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"

	"github.com/batbern/infrastructure/internal/tfjson"
)

// Attrs are a resource's attributes.
type Attrs = map[string]any

// Stack is a stack in the making.
type Stack struct {
	Name         string
	Dependencies []string
	resources    map[string]map[string]Attrs
	data         map[string]map[string]Attrs
}

// New starts a stack with providers for the home, us-east-1 and recovery regions.
func New(name string, dependencies ...string) *Stack {
	return &Stack{Name: name, Dependencies: dependencies, resources: map[string]map[string]Attrs{}, data: map[string]map[string]Attrs{}}
}

// Add adds a resource below the stack ("network/vpc") and returns its address.
func (s *Stack) Add(typ, path string, attrs Attrs) string {
	return typ + "." + add(s.resources, s.Name, typ, path, attrs)
}

// AddData adds a data source and returns its address.
func (s *Stack) AddData(typ, path string, attrs Attrs) string {
	return "data." + typ + "." + add(s.data, s.Name, typ, path, attrs)
}

func add(to map[string]map[string]Attrs, stack, typ, path string, attrs Attrs) string {
	name := path
	if strings.Contains(path, "/") { // what cdktf appends to nested constructs
		hash := fnv.New32a()
		hash.Write([]byte(path))
		name = fmt.Sprintf("%s_%08X", strings.ReplaceAll(path, "/", "_"), hash.Sum32())
	}
	if to[typ] == nil {
		to[typ] = map[string]Attrs{}
	}
	if to[typ][name] != nil {
		panic(fmt.Sprintf("%s %s is there twice", typ, path))
	}
	own := Attrs{"//": Attrs{"metadata": Attrs{"path": stack + "/" + path, "uniqueId": name}}}
	for key, value := range attrs {
		own[key] = value
	}
	to[typ][name] = own
	return name
}

// Remove takes a resource away again, and all others of its type when the address is a type.
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
	text, err := json.MarshalIndent(Attrs{
		"//": Attrs{"metadata": Attrs{"backend": "local", "stackName": s.Name, "version": "0.21.0"}},
		"provider": Attrs{"aws": []Attrs{
			{"region": "eu-central-1"},
			{"alias": "virginia", "region": "us-east-1"},
			{"alias": "recovery", "region": "eu-west-1"},
		}},
		"resource":  s.resources,
		"data":      s.data,
		"terraform": Attrs{"required_providers": Attrs{"aws": Attrs{"source": "aws", "version": "5.99.1"}}},
	}, "", "  ")
	if err != nil {
		panic(err)
	}
	return text
}

// Parse reads the stack as a program under test would.
func (s *Stack) Parse() *tfjson.Stack {
	stack, err := tfjson.Parse(s.Name, s.JSON())
	if err != nil {
		panic(err)
	}
	stack.Dependencies = s.Dependencies
	return stack
}

// Write writes a tree as cdktf lays it out: manifest.json and a cdk.tf.json for each stack.
func Write(dir string, stacks ...*Stack) error {
	entries := Attrs{}
	for _, s := range stacks {
		path := "stacks/" + s.Name + "/cdk.tf.json"
		entries[s.Name] = Attrs{"name": s.Name, "synthesizedStackPath": path, "dependencies": s.Dependencies, "constructPath": s.Name}
		if err := write(filepath.Join(dir, filepath.FromSlash(path)), s.JSON()); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(Attrs{"version": "0.21.0", "stacks": entries}, "", "  ")
	if err != nil {
		return err
	}
	return write(filepath.Join(dir, "manifest.json"), text)
}

func write(file string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}
