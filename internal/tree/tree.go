// Package tree reads what cdktf synthesized: the stacks, their resources, and which resource refers to which.
//
// It reads cdktf.out alone and knows no construct, so that a tool built on it judges what Terraform will be given, and
// runs offline in milliseconds.
package tree

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Tree is one synthesized application.
type Tree struct {
	Dir    string
	Stacks []*Stack // by name
}

// Stack is one stack of the tree.
type Stack struct {
	Name         string
	Dependencies []string          // names of the stacks whose state it reads: they must be applied before it
	Resources    []*Resource       // managed resources by address
	Data         []*Resource       // data sources by address
	Regions      map[string]string // provider reference ("aws", "aws.us_east_1") to region; tokens are left out
	Outputs      map[string]any    // output blocks by name
	Body         map[string]any    // the whole document

	byAddress map[string]*Resource
	state     stateLocation
}

// stateLocation is where a state is kept: what a stack's backend and the terraform_remote_state of its reader agree on.
// The configurations of the backends local, s3, cloud and remote all fit in.
type stateLocation struct {
	Path, Bucket, Key, Organization string
	Workspaces                      struct{ Name string }
}

// Resource is one managed resource or data source.
type Resource struct {
	Type      string
	Name      string // Terraform's name, cdktf's logical ID
	Path      string // the construct's path, "batbern-dev/network/vpc"
	IsData    bool
	Attrs     map[string]any
	Instances float64 // 1, or what a literal count or for_each makes of it

	stack *Stack
	refs  []Reference
}

// Reference is one expression in an attribute that names another resource of the same stack.
type Reference struct {
	Attribute string // path of the attribute that holds it, "vpc_config.security_group_ids"
	To        *Resource
}

// ErrNotSynthesized says that there is no tree to read.
var ErrNotSynthesized = errors.New("nothing is synthesized")

type manifest struct {
	Stacks map[string]struct {
		SynthesizedStackPath string `json:"synthesizedStackPath"`
	} `json:"stacks"`
}

// Load reads the tree in dir, which is cdktf's output folder. A missing tree is ErrNotSynthesized with the remedy; a
// broken one names the file and what is wrong with it.
func Load(dir string) (*Tree, error) {
	file := filepath.Join(dir, "manifest.json")
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s does not exist: run `make synth`", ErrNotSynthesized, file)
	}
	if err != nil {
		return nil, fmt.Errorf("read the synthesized tree: %w", err)
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("%s is not a cdktf manifest: %w: run `make synth` again", file, err)
	}
	if len(m.Stacks) == 0 {
		return nil, fmt.Errorf("%w: %s names no stack: run `make synth`", ErrNotSynthesized, file)
	}
	tree := &Tree{Dir: dir}
	for name, entry := range m.Stacks {
		stack, err := loadStack(name, filepath.Join(dir, filepath.FromSlash(entry.SynthesizedStackPath)))
		if err != nil {
			return nil, err
		}
		tree.Stacks = append(tree.Stacks, stack)
	}
	sort.Slice(tree.Stacks, func(i, j int) bool { return tree.Stacks[i].Name < tree.Stacks[j].Name })
	tree.Link()
	return tree, nil
}

// Link sets each stack's dependencies: the stacks whose state it reads. The manifest does not say them: it has
// dependencies only where the cdktf command named the base (ADR 12).
func (t *Tree) Link() {
	for _, reader := range t.Stacks {
		reader.Dependencies = nil
		for _, other := range t.Stacks {
			if other.state != (stateLocation{}) && slices.Contains(reader.reads(), other.state) {
				reader.Dependencies = append(reader.Dependencies, other.Name)
			}
		}
	}
}

// reads are the locations of the states that the stack reads.
func (s *Stack) reads() []stateLocation {
	var locations []stateLocation
	for _, data := range s.Data {
		if data.Type != "terraform_remote_state" {
			continue
		}
		text, err := json.Marshal(data.Attrs["config"])
		if err != nil {
			panic(err) // it came from JSON
		}
		var location stateLocation
		if json.Unmarshal(text, &location) == nil {
			locations = append(locations, location)
		}
	}
	return locations
}

// InOrder are the stacks' names, each after those it depends on.
func (t *Tree) InOrder() []string {
	var names []string
	seen := map[string]bool{}
	var add func(s *Stack)
	add = func(s *Stack) {
		if seen[s.Name] {
			return
		}
		seen[s.Name] = true
		for _, name := range s.Dependencies {
			if on, err := t.Stack(name); err == nil {
				add(on)
			}
		}
		names = append(names, s.Name)
	}
	for _, s := range t.Stacks {
		add(s)
	}
	return names
}

// Environment is the last part of the stack's name: "batbern-dev" is "dev".
func (s *Stack) Environment() string { return s.Name[strings.LastIndex(s.Name, "-")+1:] }

// Stack returns the named stack, or an error that lists the names there are.
func (t *Tree) Stack(name string) (*Stack, error) {
	var names []string
	for _, s := range t.Stacks {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return nil, fmt.Errorf("stack %q is not in %s, which holds %s", name, t.Dir, strings.Join(names, ", "))
}

func loadStack(name, file string) (*Stack, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s, which the manifest names, does not exist: run `make synth` again", ErrNotSynthesized, file)
	}
	if err != nil {
		return nil, fmt.Errorf("read stack %s: %w", name, err)
	}
	stack, err := Parse(name, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return stack, nil
}

// Parse reads one cdk.tf.json.
func Parse(name string, text []byte) (*Stack, error) {
	var doc struct {
		Provider map[string]json.RawMessage           `json:"provider"`
		Resource map[string]map[string]map[string]any `json:"resource"`
		Data     map[string]map[string]map[string]any `json:"data"`
		Output   map[string]any                       `json:"output"`

		Terraform struct {
			Backend map[string]stateLocation `json:"backend"`
			Cloud   stateLocation            `json:"cloud"`
		} `json:"terraform"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("stack %s is not Terraform JSON: %w", name, err)
	}
	var body map[string]any
	if err := json.Unmarshal(text, &body); err != nil {
		return nil, fmt.Errorf("stack %s is not Terraform JSON: %w", name, err)
	}
	regions, err := providerRegions(doc.Provider)
	if err != nil {
		return nil, fmt.Errorf("stack %s: %w", name, err)
	}
	s := &Stack{Name: name, Regions: regions, Outputs: doc.Output, Body: body, byAddress: map[string]*Resource{}, state: doc.Terraform.Cloud}
	for _, location := range doc.Terraform.Backend {
		s.state = location // Terraform allows one backend
	}
	s.Resources = s.read(doc.Resource, false)
	s.Data = s.read(doc.Data, true)
	for _, r := range append(append([]*Resource{}, s.Resources...), s.Data...) {
		if r.Instances, err = instances(r); err != nil {
			return nil, err
		}
		r.refs = findReferences(r, "", r.Attrs)
	}
	return s, nil
}

func (s *Stack) read(types map[string]map[string]map[string]any, isData bool) []*Resource {
	var found []*Resource
	for typ, named := range types {
		for name, attrs := range named {
			r := &Resource{Type: typ, Name: name, IsData: isData, Attrs: attrs, stack: s, Path: constructPath(attrs)}
			if r.Path == "" {
				r.Path = s.Name + "/" + name
			}
			delete(attrs, "//")
			s.byAddress[r.Address()] = r
			found = append(found, r)
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Address() < found[j].Address() })
	return found
}

func constructPath(attrs map[string]any) string {
	comment, _ := attrs["//"].(map[string]any)
	metadata, _ := comment["metadata"].(map[string]any)
	path, _ := metadata["path"].(string)
	return path
}

// providerRegions maps each configured provider to its region. cdktf writes a list for each provider.
func providerRegions(providers map[string]json.RawMessage) (map[string]string, error) {
	regions := map[string]string{}
	for name, raw := range providers {
		var configs []struct {
			Alias  string `json:"alias"`
			Region string `json:"region"`
		}
		if err := json.Unmarshal(raw, &configs); err != nil {
			return nil, fmt.Errorf("provider %s is not a list of configurations: %w", name, err)
		}
		for _, c := range configs {
			key := name
			if c.Alias != "" {
				key += "." + c.Alias
			}
			if c.Region != "" && !strings.Contains(c.Region, "${") {
				regions[key] = c.Region
			}
		}
	}
	return regions, nil
}

// instances resolves count and for_each where both are literal. A value that only Terraform knows cannot be counted.
func instances(r *Resource) (float64, error) {
	if count, ok := r.Attrs["count"]; ok {
		n, ok := number(count)
		if !ok {
			return 0, fmt.Errorf("%s: count %v is not known before apply, so it cannot be counted: give a literal", r.Address(), count)
		}
		return n, nil
	}
	switch each := r.Attrs["for_each"].(type) {
	case nil:
		return 1, nil
	case map[string]any:
		return float64(len(each)), nil
	case []any:
		return float64(len(each)), nil
	default:
		return 0, fmt.Errorf("%s: for_each %v is not known before apply, so it cannot be counted: give a literal", r.Address(), each)
	}
}

// Address is Terraform's address inside the stack, "aws_vpc.network_vpc_1A2B3C4D".
func (r *Resource) Address() string {
	if r.IsData {
		return "data." + r.Type + "." + r.Name
	}
	return r.Type + "." + r.Name
}

// Concern is the first construct under the stack, which is the folder under constructs/ that made the resource; "stack"
// for what the stack itself made.
func (r *Resource) Concern() string {
	parts := strings.Split(r.Path, "/")
	if len(parts) < 3 {
		return "stack"
	}
	return parts[1]
}

// Label is the construct's path below its stack: what a person would look for in the code.
func (r *Resource) Label() string {
	_, rest, found := strings.Cut(r.Path, "/")
	if !found {
		return r.Path
	}
	return rest
}

// Region is where the resource's provider works, "" where only Terraform knows.
func (r *Resource) Region() string {
	key := r.String("provider")
	if key == "" {
		key, _, _ = strings.Cut(r.Type, "_")
	}
	return r.stack.Regions[key]
}

// Stack is the stack that the resource is in.
func (r *Resource) Stack() *Stack { return r.stack }

// References are all references of the resource to others of its stack, in a fixed order.
func (r *Resource) References() []Reference { return r.refs }

// Refers returns the resources that an attribute names, or all of the blocks below it ("network_configuration").
func (r *Resource) Refers(attribute string) []*Resource {
	var found []*Resource
	for _, ref := range r.refs {
		if ref.Attribute == attribute || strings.HasPrefix(ref.Attribute, attribute+".") {
			found = append(found, ref.To)
		}
	}
	return found
}

// OfType returns the stack's managed resources of one type.
func (s *Stack) OfType(typ string) []*Resource {
	var found []*Resource
	for _, r := range s.Resources {
		if r.Type == typ {
			found = append(found, r)
		}
	}
	return found
}

// Find returns the resource or data source with that address, nil where there is none.
func (s *Stack) Find(address string) *Resource { return s.byAddress[address] }

// Value returns what is at a path of attributes ("setting.0.value"). A block that Terraform takes once may be written
// as an object or as a list of one: the path steps through such a list.
func (r *Resource) Value(path string) any {
	var at any = r.Attrs
	for _, step := range strings.Split(path, ".") {
		if list, ok := at.([]any); ok {
			if i, err := strconv.Atoi(step); err == nil {
				if i >= len(list) {
					return nil
				}
				at = list[i]
				continue
			}
			if len(list) != 1 {
				return nil
			}
			at = list[0]
		}
		object, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = object[step]
	}
	return at
}

// String returns a text attribute, "" where it is missing or no text.
func (r *Resource) String(path string) string {
	s, _ := r.Value(path).(string)
	return s
}

// Bool returns a truth attribute. ElastiCache writes some as text.
func (r *Resource) Bool(path string) bool {
	switch v := r.Value(path).(type) {
	case bool:
		return v
	case string:
		return v == "true"
	}
	return false
}

// List returns a list attribute; one object stands for a list of one.
func (r *Resource) List(path string) []any {
	switch v := r.Value(path).(type) {
	case []any:
		return v
	case map[string]any:
		return []any{v}
	}
	return nil
}

// Number returns a number, which may be written as text ("256"), or otherwise where the attribute is missing. A value
// that only Terraform knows is an error.
func (r *Resource) Number(path string, otherwise float64) (float64, error) {
	v := r.Value(path)
	if v == nil {
		return otherwise, nil
	}
	n, ok := number(v)
	if !ok {
		return 0, fmt.Errorf("%s: %s is %v, which is not a number before apply: give a literal", r.Address(), path, v)
	}
	return n, nil
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case string:
		n, err := strconv.ParseFloat(v, 64)
		return n, err == nil
	}
	return 0, false
}

var address = regexp.MustCompile(`(?:data\.)?[a-z][a-z0-9]*_[a-z0-9_]+\.[A-Za-z_][A-Za-z0-9_-]*`)

// interpolations returns the inside of each ${...} of a text, however deep its braces nest.
func interpolations(text string) []string {
	var found []string
	for {
		_, rest, ok := strings.Cut(text, "${")
		if !ok {
			return found
		}
		depth, end := 1, len(rest)
		for i, c := range rest {
			if c == '{' {
				depth++
			}
			if c == '}' {
				depth--
			}
			if depth == 0 {
				end = i
				break
			}
		}
		found = append(found, rest[:end])
		text = rest[end:]
	}
}

// findReferences walks an attribute's value. A name counts only where the stack has a resource of that address, so text
// that merely looks like one makes no edge.
func findReferences(r *Resource, path string, value any) []Reference {
	var found []Reference
	switch v := value.(type) {
	case string:
		for _, expr := range interpolations(v) {
			for _, a := range address.FindAllString(expr, -1) {
				if to := r.stack.byAddress[a]; to != nil && to != r {
					found = append(found, Reference{Attribute: path, To: to})
				}
			}
		}
	case []any:
		for _, item := range v {
			found = append(found, findReferences(r, path, item)...)
		}
	case map[string]any:
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		sort.Strings(keys)
		for _, key := range keys {
			below := key
			if path != "" {
				below = path + "." + key
			}
			found = append(found, findReferences(r, below, v[key])...)
		}
	}
	return found
}
