// Package edgejs holds the text of CloudFront functions to what their runtime knows. JavaScript runtime 2.0 is ECMAScript
// 5.1 with single features of later editions; CloudFront compiles a function when it is published and answers every
// request with 503 where it uses another one. Node.js, which knows all of them, finds none of these faults.
package edgejs

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/parser"
	"github.com/dop251/goja/token"
)

// Page is AWS's list of the runtime's features. What it does not name is refused.
const Page = "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-javascript-runtime-20.html"

// Fault is a feature that the runtime does not have.
type Fault struct {
	// File is the name that Check was given; Line and Column begin with 1.
	File         string
	Line, Column int
	// Feature is what was found, "for-of".
	Feature string
}

func (f Fault) Error() string {
	return fmt.Sprintf("%s:%d:%d: found %s; allowed: what CloudFront's JavaScript runtime 2.0 supports, %s", f.File, f.Line, f.Column, f.Feature, Page)
}

// Check returns an error that joins a [Fault] for each feature in the source that runtime 2.0 does not have: statements,
// expressions, literals, flags and constructs of regular expressions, globals, functions of built-in objects, and methods
// that are built in everywhere else. The name of the file stands in the faults.
//
// A method is known by its name alone: one that shares it with a method of the runtime passes. Execution in njs, the
// engine that CloudFront's runtime is built on, is the test beside this one.
func Check(name, source string) error {
	program, err := parser.ParseFile(nil, name, source, 0, parser.WithDisableSourceMaps)
	if err != nil {
		return syntaxFault(name, err)
	}
	c := checker{name: name, source: source, declared: map[string]bool{}}
	c.each(reflect.ValueOf(program.Body), nil, c.declare)
	c.each(reflect.ValueOf(program.Body), nil, c.judge)
	slices.SortStableFunc(c.faults, func(a, b Fault) int { return (a.Line-b.Line)*10_000 + a.Column - b.Column })
	var all []error
	for _, fault := range slices.Compact(c.faults) {
		all = append(all, fault)
	}
	return errors.Join(all...)
}

func syntaxFault(name string, err error) error {
	var list parser.ErrorList
	if !errors.As(err, &list) || len(list) == 0 {
		return err
	}
	// the parser's further errors follow from the first
	first := list[0]
	return Fault{File: name, Line: first.Position.Line, Column: first.Position.Column, Feature: "a syntax error or a newer syntax (" + first.Message + ")"}
}

type checker struct {
	name, source string
	declared     map[string]bool
	faults       []Fault
}

func (c *checker) fault(at file.Idx, format string, values ...any) {
	before := c.source[:min(max(int(at)-1, 0), len(c.source))]
	line := strings.Count(before, "\n") + 1
	c.faults = append(c.faults, Fault{c.name, line, len(before) - strings.LastIndex(before, "\n"), fmt.Sprintf(format, values...)})
}

// repeated are fields that hold what other fields hold as well.
var repeated = []string{"DeclarationList", "File"}

// each calls visit for the nodes below a value, with the nodes around each.
func (c *checker) each(value reflect.Value, around []ast.Node, visit func(node ast.Node, around []ast.Node)) {
	switch value.Kind() {
	case reflect.Interface, reflect.Pointer:
		if value.IsNil() || value.Type() == reflect.TypeFor[*big.Int]() {
			return
		}
		c.each(value.Elem(), around, visit)
	case reflect.Slice:
		for i := range value.Len() {
			c.each(value.Index(i), around, visit)
		}
	case reflect.Struct:
		if value.CanAddr() {
			if node, ok := value.Addr().Interface().(ast.Node); ok {
				visit(node, around)
				around = append(slices.Clip(around), node)
			}
		}
		for i := range value.NumField() {
			if field := value.Type().Field(i); field.IsExported() && !slices.Contains(repeated, field.Name) {
				c.each(value.Field(i), around, visit)
			}
		}
	}
}

// declare collects the names that the source itself declares, in any scope.
func (c *checker) declare(node ast.Node, _ []ast.Node) {
	add := func(target ast.Node) {
		if identifier, ok := target.(*ast.Identifier); ok && identifier != nil {
			c.declared[identifier.Name.String()] = true
		}
	}
	switch n := node.(type) {
	case *ast.Binding:
		add(n.Target)
	case *ast.FunctionLiteral:
		add(n.Name)
	case *ast.CatchStatement:
		add(n.Parameter)
	case *ast.ForDeclaration:
		add(n.Target)
	case *ast.ParameterList:
		add(n.Rest)
	case *ast.LabelledStatement:
		add(n.Label)
	}
}

// refused are nodes that no edition before ECMAScript 6 has and the runtime has not either.
var refused = map[reflect.Type]string{
	reflect.TypeFor[*ast.ForOfStatement]():       "for-of",
	reflect.TypeFor[*ast.ClassLiteral]():         "class",
	reflect.TypeFor[*ast.OptionalChain]():        "optional chaining (?.)",
	reflect.TypeFor[*ast.SpreadElement]():        "spread (...)",
	reflect.TypeFor[*ast.ArrayPattern]():         "destructuring of an array",
	reflect.TypeFor[*ast.ObjectPattern]():        "destructuring of an object",
	reflect.TypeFor[*ast.PropertyShort]():        "a property without its value ({name})",
	reflect.TypeFor[*ast.YieldExpression]():      "yield",
	reflect.TypeFor[*ast.SuperExpression]():      "super",
	reflect.TypeFor[*ast.WithStatement]():        "with, which strict mode forbids",
	reflect.TypeFor[*ast.DebuggerStatement]():    "debugger",
	reflect.TypeFor[*ast.PrivateDotExpression](): "a private field",
}

// judge reports what is wrong with a node itself.
func (c *checker) judge(node ast.Node, around []ast.Node) {
	if feature, known := refused[reflect.TypeOf(node)]; known {
		c.fault(node.Idx0(), "%s", feature)
	}
	switch n := node.(type) {
	case *ast.AssignExpression:
		// a compound assignment holds the operator without its "="
		c.operator(n.Left.Idx1(), n.Operator, "=")
	case *ast.BinaryExpression:
		if n.Operator == token.COALESCE {
			c.operator(n.Left.Idx1(), n.Operator, "")
		}
	case *ast.FunctionLiteral:
		if n.Generator {
			c.fault(n.Idx0(), "a generator function")
		}
		c.closure(n.Idx0(), n.Async, around)
	case *ast.ArrowFunctionLiteral:
		c.closure(n.Idx0(), n.Async, around)
	case *ast.ParameterList:
		for _, parameter := range n.List {
			if parameter.Initializer != nil {
				c.fault(parameter.Target.Idx0(), "a default value of a parameter")
			}
		}
	case *ast.PropertyKeyed:
		c.property(n)
	case *ast.CatchStatement:
		if n.Parameter == nil {
			c.fault(n.Catch, "catch without a parameter")
		}
	case *ast.NumberLiteral:
		if _, is := n.Value.(*big.Int); is {
			c.fault(n.Idx, "a BigInt")
		}
	case *ast.StringLiteral:
		if strings.Contains(strings.ReplaceAll(n.Literal, `\\`, ""), `\u{`) {
			c.fault(n.Idx, `an escape \u{...}; write it as \uXXXX`)
		}
	case *ast.TemplateLiteral:
		if n.Tag != nil {
			c.fault(n.OpenQuote, "a tagged template")
		}
	case *ast.RegExpLiteral:
		for _, feature := range patternFaults(n.Pattern, n.Flags) {
			c.fault(n.Idx, "%s in a regular expression", feature)
		}
	case *ast.MetaProperty:
		c.fault(n.Meta.Idx, "new.target")
	case *ast.AwaitExpression:
		c.await(n, around)
	case *ast.Identifier:
		c.identifier(n, around)
	case *ast.DotExpression:
		c.member(n, around)
	}
}

// operator refuses the operators of ECMAScript 2020 and 2021.
func (c *checker) operator(at file.Idx, operator token.Token, suffix string) {
	if slices.Contains([]token.Token{token.COALESCE, token.LOGICAL_AND, token.LOGICAL_OR}, operator) {
		c.fault(at, "the operator %s%s", operator, suffix)
	}
}

// closure refuses async functions within others: "async arguments and closures are not supported".
func (c *checker) closure(at file.Idx, async bool, around []ast.Node) {
	for _, outer := range around {
		switch outer.(type) {
		case *ast.FunctionLiteral, *ast.ArrowFunctionLiteral:
			if async {
				c.fault(at, "an async function within another function")
				return
			}
		case *ast.CallExpression:
			if async {
				c.fault(at, "an async function as an argument")
				return
			}
		}
	}
}

func (c *checker) await(n *ast.AwaitExpression, around []ast.Node) {
	for i := len(around) - 1; i >= 0; i-- {
		switch outer := around[i].(type) {
		case *ast.CallExpression:
			for _, argument := range outer.ArgumentList {
				if argument.Idx0() <= n.Idx0() && n.Idx1() <= argument.Idx1() {
					c.fault(n.Await, "await within an argument")
					return
				}
			}
		case *ast.FunctionLiteral, *ast.ArrowFunctionLiteral:
			return
		}
	}
}

func (c *checker) property(n *ast.PropertyKeyed) {
	switch {
	case n.Computed:
		c.fault(n.Key.Idx0(), "a computed name of a property")
	case n.Kind == ast.PropertyKindMethod:
		c.fault(n.Key.Idx0(), "a method written without function")
	}
}

// identifier refuses names that neither the source declares nor the runtime has.
func (c *checker) identifier(n *ast.Identifier, around []ast.Node) {
	if len(around) > 0 {
		switch parent := around[len(around)-1].(type) {
		case *ast.DotExpression:
			if &parent.Identifier == n {
				return
			}
		case *ast.BranchStatement, *ast.MetaProperty, *ast.PropertyShort:
			return
		case *ast.PrivateIdentifier:
			return
		}
	}
	if name := n.Name.String(); !c.declared[name] && !globals[name] {
		c.fault(n.Idx, "the global %s", name)
	}
}

// member refuses functions of built-in objects that the page does not list, and methods of newer editions.
func (c *checker) member(n *ast.DotExpression, around []ast.Node) {
	name := n.Identifier.Name.String()
	if object, ok := n.Left.(*ast.Identifier); ok && !c.declared[object.Name.String()] {
		if allowed, known := members[object.Name.String()]; known {
			if !slices.Contains(allowed, name) {
				c.fault(n.Left.Idx0(), "%s.%s", object.Name, name)
			}
			return
		}
	}
	if call, ok := last(around).(*ast.CallExpression); ok && call.Callee == ast.Expression(n) && slices.Contains(newerMethods, name) {
		c.fault(n.Identifier.Idx, "the method %s()", name)
	}
}

func last(nodes []ast.Node) ast.Node {
	if len(nodes) == 0 {
		return nil
	}
	return nodes[len(nodes)-1]
}

// patternFaults are the parts of a regular expression that ECMAScript 5.1 does not have, but for named groups and the flag
// y, which the page lists.
func patternFaults(pattern, flags string) []string {
	var found []string
	for _, flag := range flags {
		if !strings.ContainsRune("gimy", flag) {
			found = append(found, fmt.Sprintf("the flag %c", flag))
		}
	}
	class := false
	for i := 0; i < len(pattern); i++ {
		rest := pattern[i:]
		switch {
		case strings.HasPrefix(rest, `\p{`), strings.HasPrefix(rest, `\P{`):
			found = append(found, `a Unicode property (\p{...})`)
			i++
		case strings.HasPrefix(rest, `\u{`):
			found = append(found, `an escape \u{...}`)
			i++
		case rest[0] == '\\':
			i++
		case class:
			class = rest[0] != ']'
		case rest[0] == '[':
			class = true
		case strings.HasPrefix(rest, "(?<=") || strings.HasPrefix(rest, "(?<!"):
			found = append(found, "a lookbehind")
		case strings.HasPrefix(rest, "(?<"): // a named group
		case strings.HasPrefix(rest, "(?") && len(rest) > 2 && !strings.ContainsRune(":=!", rune(rest[2])):
			found = append(found, "a modifier ("+rest[:3]+")")
		}
	}
	return found
}
