// Package configtest generates wrong and unusual configurations: for every field of a project, values that a person might
// write by mistake.
package configtest

import (
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strings"

	"github.com/batbern/infrastructure/config"
)

// Mutation is one field of a project and a value to try there.
type Mutation struct {
	// Path leads to the field by names of Go and indices: "Environments[0].Network.NatGateways".
	Path  string
	field reflect.Value
	value reflect.Value
}

// Apply sets the value and returns how to set the former one again.
func (m Mutation) Apply() (undo func()) {
	before := reflect.New(m.field.Type()).Elem()
	before.Set(m.field)
	m.field.Set(m.value)
	return func() { m.field.Set(before) }
}

func (m Mutation) String() string {
	text := fmt.Sprintf("%#v", m.value.Interface())
	if len(text) > 120 {
		text = text[:120] + "..."
	}
	return m.Path + " = " + text
}

// All are the mutations of every field of the project's base and environments, each to be applied by itself. Of the first
// environment every second is taken, of later ones, whose fields are the same, every ninth.
func All(project *config.Project) []Mutation {
	var all []Mutation
	walk("Base", reflect.ValueOf(&project.Base).Elem(), &all)
	for i := range project.Environments {
		var own []Mutation
		walk(fmt.Sprintf("Environments[%d]", i), reflect.ValueOf(&project.Environments[i]).Elem(), &own)
		for j, mutation := range own {
			if i == 0 && j%2 == 0 || j%9 == 0 {
				all = append(all, mutation)
			}
		}
	}
	return all
}

var shape = reflect.TypeFor[config.CacheShape]()

func walk(path string, field reflect.Value, all *[]Mutation) {
	try := func(values ...any) {
		for _, value := range values {
			*all = append(*all, Mutation{path, field, reflect.ValueOf(value).Convert(field.Type())})
		}
	}
	switch {
	case field.Type() == reflect.TypeFor[netip.Prefix]():
		try(netip.Prefix{}, netip.MustParsePrefix("10.99.0.0/16"), netip.MustParsePrefix("10.99.0.1/16"), netip.MustParsePrefix("8.8.8.0/24"))
		return
	case field.Type() == shape:
		*all = append(*all, Mutation{path, field, reflect.Zero(shape)})
		for _, value := range []config.CacheShape{config.SingleShard{}, config.SingleShard{StandBy: 6}, config.Sharded{Shards: 2, StandBy: 1}, config.Sharded{Shards: 91}} {
			*all = append(*all, Mutation{path, field, reflect.ValueOf(&value).Elem()})
		}
		return
	}
	switch field.Kind() {
	case reflect.String:
		try(texts(field.String())...)
	case reflect.Int:
		try(-1, 0, 1, 2, 29, 365, 5432, 65535, math.MaxInt32, math.MaxInt64)
	case reflect.Float64:
		try(-1.0, 0.0, 50.0, 99.9, 1e18, math.NaN(), math.Inf(1))
	case reflect.Bool:
		try(!field.Bool())
	case reflect.Struct:
		for i := range field.NumField() {
			if kind := field.Type().Field(i); kind.IsExported() {
				walk(path+"."+kind.Name, field.Field(i), all)
			}
		}
	case reflect.Pointer:
		*all = append(*all, Mutation{path, field, reflect.Zero(field.Type())}, Mutation{path, field, reflect.New(field.Type().Elem())})
		if !field.IsNil() {
			walk(path, field.Elem(), all)
		}
	case reflect.Slice:
		walkSlice(path, field, all)
	case reflect.Map:
		try := func(key, value any) {
			entries := reflect.MakeMap(field.Type())
			entries.SetMapIndex(reflect.ValueOf(key), reflect.ValueOf(value))
			*all = append(*all, Mutation{path, field, entries})
		}
		for _, text := range texts("SETTING") {
			try(text, "value")
			try("SETTING", text)
		}
	}
}

// walkSlice tries the list empty, with an entry of zero values, with its first entry twice, and each entry's fields.
func walkSlice(path string, field reflect.Value, all *[]Mutation) {
	zero := reflect.MakeSlice(field.Type(), 1, 1)
	*all = append(*all, Mutation{path, field, reflect.Zero(field.Type())}, Mutation{path, field, zero})
	if field.Len() > 0 {
		twice := reflect.AppendSlice(reflect.MakeSlice(field.Type(), 0, field.Len()+1), field)
		*all = append(*all, Mutation{path, field, reflect.Append(twice, field.Index(0))})
	}
	if field.Len() == 0 && field.Type().Elem().Kind() == reflect.String {
		for _, text := range texts("") {
			one := reflect.MakeSlice(field.Type(), 1, 1)
			one.Index(0).SetString(text.(string))
			*all = append(*all, Mutation{path, field, one})
		}
	}
	for i := range min(field.Len(), 2) { // entries of a list are of one kind
		walk(fmt.Sprintf("%s[%d]", path, i), field.Index(i), all)
	}
}

// texts are what a person may write by mistake, and changes of what stands there.
func texts(own string) []any {
	return []any{
		"", " ", "x", own + " ", own + "x", strings.ToUpper(own), "${path.module}", "%{ if true }", "$NAME", "a\nb", "\x00", "ümläut", "*", "/", "/*", "..", "../x",
		`"`, "'; --", "<x>", "null", "0", "-", "a--b", "a_b", "A", "https://example.com", "https://u:p@example.com", "arn:aws:iam::111122223333:role/x",
		"example.com", "eu-central-1", strings.Repeat("a", 70), strings.Repeat("a", 5000),
	}
}
