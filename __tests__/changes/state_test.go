package changes_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	tfjson "github.com/hashicorp/terraform-json"
	"github.com/zclconf/go-cty/cty"
)

// state is a Terraform state file, version 4, of a stack that was never applied: arguments are those of a plan, and what
// AWS would answer is invented.
type state struct {
	attributes map[string]map[string]any // by address
	outputs    map[string]any
}

const mostPlans = 6 // until a stack's state agrees with its configuration

// settle plans the stack until its plan is empty, each time taking what the plan shows into the state, as an apply would.
func (s *stage) settle(t testing.TB, name string, body document) {
	t.Helper()
	folder := filepath.Join(s.folder, name)
	writeConfiguration(t, folder, unprotected(t, body))
	if _, err := s.runIn(folder, "init", "-input=false", "-no-color"); err != nil {
		t.Fatal(err)
	}
	s.readSchemas(t, name, body)
	made := state{attributes: map[string]map[string]any{}, outputs: map[string]any{}}
	var open string
	for range mostPlans {
		plan, err := s.planIn(folder)
		if err != nil {
			t.Fatal(err)
		}
		changed := made.take(t, plan, s.schemas, body)
		made.write(t, s, name, body)
		if changed == 0 {
			writeConfiguration(t, folder, body)
			s.settled[name] = body
			return
		}
		open = tableOf(plan)
	}
	t.Fatalf("%s: still not settled after %d plans:\n%s", name, mostPlans, open)
}

// unprotected is the configuration without prevent_destroy. What a plan first invents for an argument it replaces by the
// real value in the next one, and for some arguments that is a replacement.
func unprotected(t testing.TB, body document) document {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	var free document
	if err := json.Unmarshal(text, &free); err != nil {
		t.Fatal(err)
	}
	for _, instances := range object(free["resource"]) {
		for _, resource := range object(instances) {
			delete(object(object(resource)["lifecycle"]), "prevent_destroy")
		}
	}
	return free
}

// take does what the plan says and returns how many resources it changed.
func (s *state) take(t testing.TB, plan *tfjson.Plan, schemas map[string]*tfjson.Schema, body document) (changed int) {
	t.Helper()
	referred := attributesNamed(body)
	for _, resource := range plan.ResourceChanges {
		if resource.Mode != tfjson.ManagedResourceMode || resource.Change.Actions.NoOp() {
			continue
		}
		changed++
		schema := schemas[resource.Type]
		if schema == nil {
			t.Fatalf("%s has no schema", resource.Type)
		}
		invent := inventor{address: resource.Address, referred: referred}
		configured := object(object(body["resource"])[resource.Type])[resource.Name]
		s.attributes[resource.Address] = object(invent.block(schema.Block, merging{
			after: resource.Change.After, unknown: resource.Change.AfterUnknown, before: map[string]any(s.attributes[resource.Address]), configured: configured,
		}))
	}
	for _, attributes := range s.attributes {
		for name := range attributes {
			attributes[name] = s.resolve(attributes[name])
		}
	}
	for name, output := range plan.OutputChanges {
		if output.After != nil {
			s.outputs[name] = output.After
		}
	}
	return changed
}

// merging is one value from four sides.
type merging struct {
	after, unknown, before any // of the plan, and of the state before it
	configured             any // the expression in the configuration; nil where there is none
}

func (m merging) field(name string) merging {
	configured := object(m.configured)[name]
	return merging{object(m.after)[name], object(m.unknown)[name], object(m.before)[name], configured}
}

func (m merging) item(n int) merging {
	configured := at(m.configured, n)
	if block, single := m.configured.(map[string]any); single && n == 0 {
		configured = block // JSON configuration allows one block without a list
	}
	return merging{at(m.after, n), at(m.unknown, n), at(m.before, n), configured}
}

func at(list any, n int) any {
	if items, _ := list.([]any); n < len(items) {
		return items[n]
	}
	return nil
}

// pending is an argument whose expression refers to what was not known at the plan.
type pending struct {
	expression any
	otherwise  any // where the expression is more than references
}

// inventor makes up what is known only after an apply.
type inventor struct {
	address  string
	referred map[string]bool // "address.attribute" that expressions name
}

// block merges a block: what the plan knows, else what the state has, else something invented.
func (i inventor) block(schema *tfjson.SchemaBlock, m merging) any {
	merged := map[string]any{}
	for name, attribute := range schema.Attributes {
		optional := name != "id" && attribute.Optional && attribute.Computed && !i.referred[i.address+"."+name]
		merged[name] = i.value(name, attributeType(attribute), m.field(name), optional)
	}
	for name, nested := range schema.NestedBlocks {
		field := m.field(name)
		single := nested.NestingMode == tfjson.SchemaNestingModeSingle || nested.NestingMode == tfjson.SchemaNestingModeGroup
		switch {
		case single && field.after == nil:
			merged[name] = nil
		case single:
			merged[name] = i.block(nested.Block, field)
		case field.unknown == true && field.before != nil:
			merged[name] = field.before
		case field.unknown == true:
			merged[name] = []any{}
		default:
			blocks := []any{}
			known, _ := field.after.([]any)
			for n := range known {
				blocks = append(blocks, i.block(nested.Block, field.item(n)))
			}
			merged[name] = blocks
		}
	}
	return merged
}

func attributeType(attribute *tfjson.SchemaAttribute) cty.Type {
	nested := attribute.AttributeNestedType
	if nested == nil {
		return attribute.AttributeType
	}
	fields := map[string]cty.Type{}
	for name, inner := range nested.Attributes {
		fields[name] = attributeType(inner)
	}
	switch nested.NestingMode {
	case tfjson.SchemaNestingModeList, tfjson.SchemaNestingModeSet:
		return cty.List(cty.Object(fields))
	case tfjson.SchemaNestingModeMap:
		return cty.Map(cty.Object(fields))
	}
	return cty.Object(fields)
}

// value merges an attribute. Of an optional one that nobody sets or names, nothing is invented.
func (i inventor) value(name string, typ cty.Type, m merging, optional bool) any {
	if typ == cty.DynamicPseudoType {
		return i.dynamic(m)
	}
	switch {
	case m.unknown == true && m.before != nil:
		return m.before
	case m.unknown == true && m.configured != nil:
		return pending{m.configured, i.invent(name, typ)}
	case m.unknown == true && optional:
		return empty(typ)
	case m.unknown == true:
		return i.invent(name, typ)
	case m.after == nil:
		return nil
	case typ.IsObjectType():
		merged := map[string]any{}
		for field, inner := range typ.AttributeTypes() {
			merged[field] = i.value(field, inner, m.field(field), false)
		}
		return merged
	case typ.IsListType() || typ.IsSetType():
		merged := []any{}
		items, _ := m.after.([]any)
		for n := range items {
			merged = append(merged, i.value(name, typ.ElementType(), m.item(n), false))
		}
		return merged
	case typ.IsMapType():
		merged := map[string]any{}
		for key := range object(m.after) {
			merged[key] = i.value(key, typ.ElementType(), m.field(key), false)
		}
		return merged
	}
	return m.after
}

// empty is what the provider keeps for an argument that is not set.
func empty(typ cty.Type) any {
	switch {
	case typ == cty.Number:
		return 0
	case typ == cty.Bool:
		return false
	case typ.IsListType() || typ.IsSetType():
		return []any{}
	case typ.IsMapType():
		return map[string]any{}
	case typ.IsObjectType():
		return nil
	}
	return ""
}

// dynamic is an attribute of any type: the state names the value's type beside it.
func (i inventor) dynamic(m merging) any {
	if m.after == nil && m.unknown != true {
		return nil
	}
	value := m.after
	if value == nil || mentions(m.unknown) {
		value = i.invent("value", cty.String)
	}
	return map[string]any{"value": value, "type": typeOf(value)}
}

// mentions reports whether anything in a plan's tree of unknown values is unknown.
func mentions(unknown any) bool {
	switch v := unknown.(type) {
	case bool:
		return v
	case []any:
		return slices.ContainsFunc(v, mentions)
	case map[string]any:
		for _, item := range v {
			if mentions(item) {
				return true
			}
		}
	}
	return false
}

var (
	simple      = regexp.MustCompile(`\$\{((?:aws_[a-z0-9_]+|terraform_data)\.[A-Za-z0-9_-]+)\.([a-z0-9_]+)\}`)
	onlyOne     = regexp.MustCompile(`^` + simple.String() + `$`)
	oneNamed    = regexp.MustCompile(`\b((?:aws_[a-z0-9_]+|terraform_data)\.[A-Za-z0-9_-]+\.[a-z0-9_]+)`)
	unsupported = "${"
)

// attributesNamed are all "address.attribute" that the configuration's expressions name.
func attributesNamed(body document) map[string]bool {
	text, _ := json.Marshal(body)
	named := map[string]bool{}
	for _, match := range oneNamed.FindAllStringSubmatch(string(text), -1) {
		named[match[1]] = true
	}
	return named
}

// resolve replaces what is pending by the values that its expression refers to.
func (s *state) resolve(value any) any {
	switch v := value.(type) {
	case pending:
		if resolved, known := s.evaluate(v.expression); known {
			return resolved
		}
		return v.otherwise
	case []any:
		for n := range v {
			v[n] = s.resolve(v[n])
		}
	case map[string]any:
		for key := range v {
			v[key] = s.resolve(v[key])
		}
	}
	return value
}

// evaluate evaluates an expression of references to attributes; false for anything more.
func (s *state) evaluate(expression any) (any, bool) {
	switch v := expression.(type) {
	case string:
		if match := onlyOne.FindStringSubmatch(v); match != nil {
			return s.lookup(match[1], match[2])
		}
		all := true
		text := simple.ReplaceAllStringFunc(v, func(found string) string {
			match := simple.FindStringSubmatch(found)
			value, known := s.lookup(match[1], match[2])
			all = all && known
			return fmt.Sprint(value)
		})
		return text, all && !strings.Contains(text, unsupported)
	case []any:
		var items []any
		for _, item := range v {
			value, known := s.evaluate(item)
			if !known {
				return nil, false
			}
			items = append(items, value)
		}
		return items, true
	case map[string]any:
		fields := map[string]any{}
		for key, item := range v {
			value, known := s.evaluate(item)
			if !known {
				return nil, false
			}
			fields[key] = value
		}
		return fields, true
	}
	return expression, true
}

func (s *state) lookup(address, attribute string) (any, bool) {
	value := s.attributes[address][attribute]
	if waiting, is := value.(pending); is {
		value = s.resolve(waiting)
		s.attributes[address][attribute] = value
	}
	return value, value != nil
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// invent makes a value that the provider's own checks accept where another resource's argument refers to it.
func (i inventor) invent(name string, typ cty.Type) any {
	slug := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(i.address), "-"), "-")
	if len(slug) > 50 {
		slug = slug[len(slug)-50:]
	}
	switch {
	case typ == cty.Number:
		return 1
	case typ == cty.Bool:
		return false
	case typ.IsObjectType():
		made := map[string]any{}
		for field, inner := range typ.AttributeTypes() {
			made[field] = i.invent(field, inner)
		}
		return made
	case typ.IsListType() || typ.IsSetType():
		if typ.ElementType().IsPrimitiveType() {
			return []any{}
		}
		return []any{i.invent(name, typ.ElementType())}
	case typ.IsMapType():
		return map[string]any{}
	case name == "delivery_destination_type":
		return "S3"
	case strings.HasSuffix(name, "zone_id"):
		return fmt.Sprintf("Z%X", sha256.Sum256([]byte(i.address)))[:20] // at most 32 characters
	case name == "resource_record_type":
		return "CNAME"
	case name == "arn" || strings.HasSuffix(name, "_arn"):
		return "arn:aws:invented:eu-central-1:111122223333:" + slug + "/" + name
	}
	return slug + "-" + name
}

var reference = regexp.MustCompile(`\b((?:aws_[a-z0-9_]+|terraform_data|local)\.[A-Za-z0-9_-]+)`)

// references are the addresses that a part of the configuration names.
func references(value any) []string {
	text, _ := json.Marshal(value)
	var found []string
	for _, match := range reference.FindAllStringSubmatch(string(text), -1) {
		found = append(found, match[1])
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// graph is who depends on whom in a stack's configuration, and which resources are created before they are destroyed.
type graph struct {
	direct      map[string][]string
	createFirst map[string]bool
	providers   map[string]string
}

func newGraph(body document) graph {
	g := graph{direct: map[string][]string{}, createFirst: map[string]bool{}, providers: map[string]string{}}
	for name, value := range object(body["locals"]) {
		g.direct["local."+name] = references(value)
	}
	for typ, instances := range object(body["resource"]) {
		for id, resource := range object(instances) {
			fields := map[string]any{}
			for name, value := range object(resource) {
				if name != "//" && name != "lifecycle" && name != "provider" {
					fields[name] = value
				}
			}
			address := typ + "." + id
			g.direct[address] = references(fields)
			g.createFirst[address] = object(object(resource)["lifecycle"])["create_before_destroy"] == true
			_, alias, _ := strings.Cut(fmt.Sprint(object(resource)["provider"]), ".")
			g.providers[address] = alias
		}
	}
	// Terraform extends create_before_destroy to everything that such a resource depends on
	for address, first := range g.createFirst {
		if first {
			for _, needed := range g.all(address) {
				g.createFirst[needed] = true
			}
		}
	}
	return g
}

// all are the resources that the address depends on, directly or through others.
func (g graph) all(address string) []string {
	seen := map[string]bool{}
	var visit func(string)
	visit = func(from string) {
		for _, to := range g.direct[from] {
			if _, known := g.direct[to]; known && !seen[to] {
				seen[to] = true
				visit(to)
			}
		}
	}
	visit(address)
	delete(seen, address)
	return slices.DeleteFunc(sorted(seen), func(found string) bool { return strings.HasPrefix(found, "local.") })
}

// write writes the state file.
func (s *state) write(t testing.TB, to *stage, name string, body document) {
	t.Helper()
	g := newGraph(body)
	resources := []any{}
	for _, address := range sorted(s.attributes) {
		typ, id, _ := strings.Cut(address, ".")
		provider := `provider["` + to.registry() + `/hashicorp/aws"]`
		if typ == "terraform_data" {
			provider = `provider["terraform.io/builtin/terraform"]`
		} else if alias := g.providers[address]; alias != "" {
			provider += "." + alias
		}
		instance := map[string]any{
			"schema_version": to.schemas[typ].Version, "attributes": s.attributes[address], "sensitive_attributes": sensitive(to.schemas[typ].Block, s.attributes[address], nil),
			"dependencies": g.all(address),
		}
		if g.createFirst[address] {
			instance["create_before_destroy"] = true
		}
		resources = append(resources, map[string]any{"mode": "managed", "type": typ, "name": id, "provider": provider, "instances": []any{instance}})
	}
	outputs := map[string]any{}
	for output, value := range s.outputs {
		outputs[output] = map[string]any{"value": value, "type": typeOf(value)}
	}
	text, err := json.MarshalIndent(map[string]any{
		"version": 4, "terraform_version": "1.10.0", "serial": 1, "lineage": "stage-" + name, "outputs": outputs, "resources": resources,
	}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to.stateFile(name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// sensitive are the paths of the values that the schema calls sensitive: without them a plan shows an update of each.
func sensitive(block *tfjson.SchemaBlock, attributes any, above []any) []any {
	paths := []any{}
	below := func(steps ...any) []any { return slices.Concat(above, steps) }
	for _, name := range sorted(block.Attributes) {
		if block.Attributes[name].Sensitive {
			paths = append(paths, below(map[string]any{"type": "get_attr", "value": name}))
		}
	}
	for _, name := range sorted(block.NestedBlocks) {
		nested := block.NestedBlocks[name]
		if nested.NestingMode != tfjson.SchemaNestingModeList {
			continue // no set of this provider holds anything sensitive that the stacks use
		}
		items, _ := object(attributes)[name].([]any)
		for n, item := range items {
			index := map[string]any{"type": "index", "value": map[string]any{"value": n, "type": "number"}}
			paths = append(paths, sensitive(nested.Block, item, below(map[string]any{"type": "get_attr", "value": name}, index))...)
		}
	}
	return paths
}

// typeOf is the type of an output's value, in the state's notation.
func typeOf(value any) any {
	switch v := value.(type) {
	case bool:
		return "bool"
	case float64:
		return "number"
	case []any:
		types := []any{}
		for _, item := range v {
			types = append(types, typeOf(item))
		}
		return []any{"tuple", types}
	case map[string]any:
		types := map[string]any{}
		for key, item := range v {
			types[key] = typeOf(item)
		}
		return []any{"object", types}
	}
	return "string"
}

// registry is where the engine says that the provider comes from.
func (s *stage) registry() string { return "registry.terraform.io" }
