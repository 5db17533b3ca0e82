package edgejs_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/edgejs"
	"github.com/batbern/infrastructure/internal/edgejs/njstest"
)

// planted are features that runtime 2.0 does not have, and the words that name each.
var planted = []struct{ code, wanted string }{
	{"for (const x of [1]) { x; }", "for-of"},
	{"async function g(xs) { for await (const x of xs) { x; } }", "a syntax error or a newer syntax"},
	{`/(?<=a)b/.test("ab");`, "a lookbehind"},
	{`/(?<!a)b/.test("ab");`, "a lookbehind"},
	{`/[(?<=](?<!a)/.test("ab");`, "a lookbehind"},
	{`/\p{L}/.test("a");`, "a Unicode property"},
	{`/a/u.test("a");`, "the flag u"},
	{`/a/s.test("a");`, "the flag s"},
	{`/a/d.test("a");`, "the flag d"},
	{"var o = {}; o?.a;", "optional chaining"},
	{"var o = {}; o.f?.();", "optional chaining"},
	{"var o = []; o?.[0];", "optional chaining"},
	{"var a = null ?? 1;", "the operator ??"},
	{"var a; a ??= 1;", "the operator ??="},
	{"var a; a ||= 1;", "the operator ||="},
	{"var a; a &&= 1;", "the operator &&="},
	{"class A {}", "class"},
	{"var A = class { f() {} };", "class"},
	{"var { a } = { a: 1 };", "destructuring of an object"},
	{"var [a] = [1];", "destructuring of an array"},
	{"function f({ a }) { return a; }", "destructuring of an object"},
	{"let a, b; [a, b] = [1, 2];", "destructuring of an array"},
	{"function f(a = 1) { return a; }", "a default value of a parameter"},
	{"var f = (a = 1) => a;", "a default value of a parameter"},
	{"var a = [...[1]];", "spread"},
	{"var a = { ...{} };", "spread"},
	{"Math.max(...[1]);", "spread"},
	{"function* g() { yield 1; }", "a generator function"},
	{"var n = 1n;", "a BigInt"},
	{"var a = 1; var o = { a };", "a property without its value"},
	{"var o = { f() {} };", "a method written without function"},
	{`var k = "a"; var o = { [k]: 1 };`, "a computed name of a property"},
	{"try { f(); } catch { }  function f() {}", "catch without a parameter"},
	{"var s = new Set();", "the global Set"},
	{"var s = new Map();", "the global Map"},
	{"var s = new WeakMap();", "the global WeakMap"},
	{"var u = new URL('https://a');", "the global URL"},
	{"var u = new URLSearchParams('');", "the global URLSearchParams"},
	{"setTimeout(() => 1, 1);", "the global setTimeout"},
	{"fetch('https://a');", "the global fetch"},
	{"structuredClone({});", "the global structuredClone"},
	{"eval('1');", "the global eval"},
	{"new Function('return 1');", "the global Function"},
	{"process.env.A;", "the global process"},
	{"Object.fromEntries([]);", "Object.fromEntries"},
	{"Object.hasOwn({}, 'a');", "Object.hasOwn"},
	{"Array.from([1]);", "Array.from"},
	{"console.error('a');", "console.error"},
	{"Promise.withResolvers();", "Promise.withResolvers"},
	{"[1].flat();", "the method flat()"},
	{"[1].flatMap((x) => x);", "the method flatMap()"},
	{"[1].at(-1);", "the method at()"},
	{"'a'.at(-1);", "the method at()"},
	{"'a'.matchAll(/a/g);", "the method matchAll()"},
	{"[1].findLast((x) => x);", "the method findLast()"},
	{"[1].entries();", "the method entries()"},
	{"'a'.localeCompare('b');", "the method localeCompare()"},
	{`var s = "\u{1F600}";`, `an escape \u{...}`},
	{"function tag() {} tag`a`;", "a tagged template"},
	{"function F() { return new.target; }", "new.target"},
	{"function f() { debugger; }", "debugger"},
	{"async function f() { g(await h()); } function g() {} async function h() {}", "await within an argument"},
	{"function f() { return async () => 1; }", "an async function within another function"},
	{"var a = ;", "a syntax error"},
	{"import cf from 'cloudfront';", "a syntax error or a newer syntax"},
}

func TestRefuses(t *testing.T) {
	for _, plant := range planted {
		t.Run(plant.code, func(t *testing.T) {
			err := edgejs.Check("request.js", "// a comment\n\n  "+plant.code+"\n")
			if err == nil {
				t.Fatal("accepted")
			}
			message := err.Error()
			if !strings.Contains(message, "found "+plant.wanted) || !strings.Contains(message, edgejs.Page) {
				t.Errorf("found %q, wanted it to name %q and AWS's page", message, plant.wanted)
			}
			if !strings.HasPrefix(message, "request.js:3:") {
				t.Errorf("found %q, wanted file and line", message)
			}
		})
	}
}

// Each fault is told, with its place.
func TestTellsAllFaults(t *testing.T) {
	err := edgejs.Check("a.js", "for (const x of [1]) {\n    x?.y;\n}\n")
	var fault edgejs.Fault
	if !errors.As(err, &fault) || fault.Line != 1 || fault.Column != 1 {
		t.Errorf("found %+v", fault)
	}
	if lines := strings.Split(fmt.Sprint(err), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[1], "a.js:2:5: ") {
		t.Errorf("found %q", lines)
	}
}

// known uses all statements, literals and functions that AWS's page lists and this project might want.
const known = `
const settings = { host: 'a', get b() { return 1; }, 'c-d': [1, 2, ] };
var pattern = /^(?<year>[0-9]{4})-(?:x|y)(?=z)(?!q)[(?<=]\/\\p{2}$/gim;
let count = 2 ** 3;
function rest(...values) { return values.length; }
var arrow = (a) => a + 1;
async function later(value) { const waited = await Promise.resolve(value); return waited; }
function handler(event) {
    outer: for (let i = 0; i < 3; i++) { for (var k in settings) { if (k === 'host') { continue outer; } else { break outer; } } }
    do { count--; } while (count > 0);
    while (count < 0) { count += 1; }
    switch (count) { case 0: break; default: throw new Error('x'); }
    try { decodeURIComponent('%'); } catch (e) { count = e instanceof URIError ? 1 : 0; } finally { count &= 1; }
    var text = ` + "`a ${ settings.host } ${ `b` }`" + `;
    Object.keys(event).forEach((name) => { delete event[name].x; });
    return typeof text === 'string' && 'a'.padStart(3).startsWith(' ') && [1].includes(1) && !isNaN(Number.parseInt('1'))
        && JSON.stringify(Object.assign({}, { a: rest(1, 2), b: arrow(1) })) !== '' && Object.prototype.hasOwnProperty.call(settings, 'host')
        && void 0 === undefined && "\u00e9\n".length > 0 && new RegExp('a').test('a') && String.fromCharCode(65) === 'A' && pattern.source !== '';
}
`

func TestAccepts(t *testing.T) {
	if err := edgejs.Check("known.js", known); err != nil {
		t.Error(err)
	}
	for _, listed := range []string{"'a'.replaceAll('a', 'b');", "var n = 1_000;", "var r = /a/y;", "btoa('a'); atob('YQ==');", "Object.entries({}); Object.values({});"} {
		if err := edgejs.Check("listed.js", listed); err != nil {
			t.Errorf("%s: %v", listed, err)
		}
	}
}

// njs is the engine that CloudFront's runtime is built on. What is accepted here runs there; most of what is planted does
// not, and what does (AWS's page is the stricter of the two) is refused by name above.
func TestNjsAgrees(t *testing.T) {
	program := njstest.Program(t)
	file := filepath.Join(t.TempDir(), "known.js")
	if err := os.WriteFile(file, []byte(known+"if (!handler({ a: {} })) { throw new Error('wrong'); }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command(program, file).CombinedOutput(); err != nil || strings.Contains(string(output), "Error") {
		t.Errorf("njs refuses what is accepted here: %v\n%s", err, output)
	}
	refused := 0
	for _, plant := range planted {
		if output, err := exec.Command(program, "-c", plant.code).CombinedOutput(); err != nil || strings.Contains(string(output), "Error") {
			refused++
		}
	}
	if refused < len(planted)/2 {
		t.Errorf("njs refused %d of %d planted features: is it the engine it claims to be?", refused, len(planted))
	}
}
