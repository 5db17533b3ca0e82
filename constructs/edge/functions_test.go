package edge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/edgejs"
	"github.com/batbern/infrastructure/internal/edgejs/njstest"
)

// run executes a function's text over events in Node.js, in strict mode and with nothing of Node.js in its reach, and in
// njs, the engine that CloudFront's runtime is built on. Both have to return the same.
func run(t *testing.T, code string, events []map[string]any) []map[string]any {
	t.Helper()
	found := inNode(t, code, events)
	t.Run("njs", func(t *testing.T) {
		if difference := cmp.Diff(found, inNjs(t, code, events)); difference != "" {
			t.Errorf("njs returns something else than Node.js:\n%s", difference)
		}
	})
	return found
}

func inNode(t *testing.T, code string, events []map[string]any) []map[string]any {
	t.Helper()
	const driver = `
const vm = require('vm');
const input = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const context = vm.createContext(Object.create(null), { codeGeneration: { strings: false, wasm: false } });
vm.runInContext("'use strict';\n" + input.code + '\nthis.handler = handler;', context);
const results = input.events.map((event) => {
    context.event = JSON.stringify(event);
    return JSON.parse(vm.runInContext('JSON.stringify(handler(JSON.parse(event)))', context, { timeout: 1000 }));
});
process.stdout.write(JSON.stringify(results));`
	node := exec.Command("node", "-e", driver)
	node.Stdin = strings.NewReader(encoded(t, map[string]any{"code": code, "events": events}))
	return results(t, node)
}

func inNjs(t *testing.T, code string, events []map[string]any) []map[string]any {
	t.Helper()
	program := njstest.Program(t)
	file := filepath.Join(t.TempDir(), "function.js")
	// njs prints 2048 characters at most, so each result has a line of its own
	text := code + "\nprint('['); JSON.parse(" + encoded(t, encoded(t, events)) +
		").forEach((event, i) => { if (i > 0) { print(','); } print(JSON.stringify(handler(event))); }); print(']');\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return results(t, exec.Command(program, file))
}

func encoded(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// results are what a command prints, as JSON.
func results(t *testing.T, command *exec.Cmd) []map[string]any {
	t.Helper()
	var complaints strings.Builder
	command.Stderr = &complaints
	output, err := command.Output()
	var found []map[string]any
	// njs prints the value of the last statement, too
	if err != nil || json.NewDecoder(bytes.NewReader(output)).Decode(&found) != nil {
		t.Fatalf("the function failed in %s: %v\n%s%s", command.Path, err, complaints.String(), output)
	}
	return found
}

func production(t *testing.T) config.Environment {
	t.Helper()
	project, err := config.LoadProject(nil)
	if err != nil {
		t.Fatal(err)
	}
	environment, err := project.Environment(config.Prod)
	if err != nil {
		t.Fatal(err)
	}
	return environment
}

func requestCode(t *testing.T, environment config.Environment) string {
	t.Helper()
	code, err := RequestFunction(environment.Domains, environment.Edge.Redirects)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// visit is one request and what is expected of it: a path to ask the bucket for, or a place to go to.
type visit struct {
	host, uri string
	query     map[string]any
	serves    string
	goes      string
}

func visitAll(t *testing.T, code string, visits []visit) {
	t.Helper()
	var events []map[string]any
	for _, visit := range visits {
		query := visit.query
		if query == nil {
			query = map[string]any{}
		}
		events = append(events, map[string]any{
			"version": "1.0",
			"context": map[string]any{"eventType": "viewer-request"},
			"request": map[string]any{
				"method": "GET", "uri": visit.uri, "querystring": query, "cookies": map[string]any{},
				"headers": map[string]any{"host": map[string]any{"value": visit.host}},
			},
		})
	}
	for i, result := range run(t, code, events) {
		visit := visits[i]
		t.Run(visit.host+visit.uri, func(t *testing.T) {
			headers, _ := result["headers"].(map[string]any)
			location, _ := headers["location"].(map[string]any)
			switch {
			case visit.goes != "":
				if result["statusCode"] != 301.0 || location["value"] != visit.goes {
					t.Errorf("found %v to %v, wanted 301 to %s", result["statusCode"], location["value"], visit.goes)
				}
				if headers["cache-control"] == nil {
					t.Error("the redirect has no age: browsers would keep it for ever")
				}
			case result["statusCode"] != nil:
				t.Errorf("found a redirect to %v, wanted %s to be served", location["value"], visit.serves)
			case result["uri"] != visit.serves:
				t.Errorf("found %v, wanted %s", result["uri"], visit.serves)
			}
		})
	}
}

func TestRequestFunction(t *testing.T) {
	const www = "www.batbern.ch"
	value := func(text string) map[string]any { return map[string]any{"value": text} }
	visitAll(t, requestCode(t, production(t)), []visit{
		// pages are the router's
		{host: www, uri: "/", serves: "/index.html"},
		{host: www, uri: "/archive", serves: "/index.html"},
		{host: www, uri: "/archive/BATbern56", serves: "/index.html"},
		{host: www, uri: "/organizer/events/BATbern57/edit/", serves: "/index.html"},
		{host: www, uri: "/speakers/thomas.goetz", serves: "/index.html"},
		{host: www, uri: "/v1.2", serves: "/index.html"},
		{host: www, uri: "/search", query: map[string]any{"q": value("cloud")}, serves: "/index.html"},
		// files are files, even those that are missing
		{host: www, uri: "/index.html", serves: "/index.html"},
		{host: www, uri: "/favicon.ico", serves: "/favicon.ico"},
		{host: www, uri: "/robots.txt", serves: "/robots.txt"},
		{host: www, uri: "/.well-known/security.txt", serves: "/.well-known/security.txt"},
		{host: www, uri: "/assets/index-4f3a.js", serves: "/assets/index-4f3a.js"},
		{host: www, uri: "/assets/gone-0000.css", serves: "/assets/gone-0000.css"},
		{host: www, uri: "/assets/no-extension", serves: "/assets/no-extension"},
		{host: www, uri: "/logo.SVG", serves: "/logo.SVG"},
		{host: www, uri: "/INDEX.HTML", serves: "/INDEX.HTML"},
		{host: www, uri: "/wp-login.php", serves: "/wp-login.php"},
		{host: www, uri: "/fonts/gone.ttf", serves: "/fonts/gone.ttf"},
		{host: www, uri: "/.well-known/apple-app-site-association", serves: "/.well-known/apple-app-site-association"},
		{host: www, uri: "/.well-known/acme-challenge/a-token", serves: "/.well-known/acme-challenge/a-token"},
		{host: www, uri: "/.env", serves: "/.env"},
		{host: www, uri: "/.git/config", serves: "/.git/config"},
		{host: www, uri: "/../assets/x", serves: "/../assets/x"}, // a key like any other, which is not there
		{host: www, uri: "/%2e%2e/secret.txt", serves: "/%2e%2e/secret.txt"},
		// one host
		{host: "WWW.BATbern.ch", uri: "/", serves: "/index.html"},
		{host: "batbern.ch", uri: "/", goes: "https://www.batbern.ch/"},
		{host: "batbern.ch", uri: "/archive/BATbern56", goes: "https://www.batbern.ch/archive/BATbern56"},
		{host: "batbern.ch", uri: "/assets/index-4f3a.js", goes: "https://www.batbern.ch/assets/index-4f3a.js"},
		{host: "d111111abcdef8.cloudfront.net", uri: "/", goes: "https://www.batbern.ch/"},
		{host: "batbern.ch", uri: "/search", query: map[string]any{
			"q":    value("a%20b"),
			"tag":  map[string]any{"value": "x", "multiValue": []any{value("x"), value("y")}},
			"flag": value(""),
		}, goes: "https://www.batbern.ch/search?flag&q=a%20b&tag=x&tag=y"},
		// no way out to another site
		{host: "batbern.ch", uri: "//evil.example/", goes: "https://www.batbern.ch//evil.example/"},
		{host: www, uri: "//evil.example/", serves: "/index.html"},
		{host: "batbern.ch", uri: "/\\evil.example", goes: "https://www.batbern.ch/\\evil.example"},
		{host: "batbern.ch", uri: "/@evil.example", goes: "https://www.batbern.ch/@evil.example"},
		{host: www, uri: "/archiv//evil.example", goes: "https://cdn.batbern.ch/archiv//evil.example"},
		{host: "evil.example", uri: "/", goes: "https://www.batbern.ch/"},
		{host: www, uri: "/event//evil.example", goes: "https://www.batbern.ch/archive/BATbern/evil.example"},
		// former addresses go to their place at once, whatever the host and the case
		{host: "batbern.ch", uri: "/kontakt.html", goes: "https://www.batbern.ch/about"},
		{host: www, uri: "/Archiv.html", goes: "https://www.batbern.ch/archive"},
		{host: www, uri: "/KONTAKT", goes: "https://www.batbern.ch/about"},
		{host: www, uri: "/kontakt/", goes: "https://www.batbern.ch/about"},
		{host: www, uri: "/event", goes: "https://www.batbern.ch/archive"},
		{host: www, uri: "/event/", goes: "https://www.batbern.ch/archive"},
		{host: "batbern.ch", uri: "/verein", query: map[string]any{"from": value("a%26b"), "x": value("1")}, goes: "https://www.batbern.ch/about?from=a%26b&x=1"},
		{host: www, uri: "/event/56", query: map[string]any{"utm": value("x")}, goes: "https://www.batbern.ch/archive/BATbern56?utm=x"},
		{host: www, uri: "/ARCHIV/45/BATbern45_SBB_Legacy_WSJF.pdf", goes: "https://cdn.batbern.ch/archiv/45/BATbern45_SBB_Legacy_WSJF.pdf"},
		{host: www, uri: "/archiv/20/$&$1.m4v", goes: "https://cdn.batbern.ch/archiv/20/$&$1.m4v"},
		// near misses
		{host: www, uri: "/events/56", serves: "/index.html"},
		{host: www, uri: "/archiv", serves: "/index.html"},
		{host: www, uri: "/kontakt.html.bak", serves: "/index.html"},
		{host: www, uri: "/kontakt//", serves: "/index.html"},
		{host: www, uri: "/%6bontakt", serves: "/index.html"}, // nobody links to it
	})
}

// Every address of the former websites leads to where the list says, in every environment (CR3).
func TestFormerAddresses(t *testing.T) {
	project, err := config.LoadProject(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, environment := range project.Environments {
		var visits []visit
		for _, redirect := range environment.Edge.Redirects {
			host := environment.Domains.Www()
			if redirect.Content {
				host = environment.Domains.Cdn()
			}
			from, pattern := strings.CutSuffix(redirect.From, "*")
			to, carries := strings.CutSuffix(redirect.To, "*")
			rest := ""
			if pattern {
				rest = "57/Talk%20about.pdf"
			}
			goes := "https://" + host + to
			if carries {
				goes += rest
			}
			visits = append(visits, visit{host: environment.Domains.Www(), uri: from + rest, goes: goes})
		}
		if len(visits) == 0 {
			t.Fatalf("%s has no former addresses", environment.Name)
		}
		t.Run(string(environment.Name), func(t *testing.T) { visitAll(t, requestCode(t, environment), visits) })
	}
}

// The longest pattern wins, whatever the order of the list.
func TestPatternsOfDifferentLength(t *testing.T) {
	domains := config.Domains{Zone: "batbern.ch", Root: "batbern.ch"}
	redirects := []config.Redirect{{From: "/a/*", To: "/short/*"}, {From: "/a/b/*", To: "/long/*"}, {From: "/a/b/c", To: "/whole"}}
	for i := range redirects {
		turned := append(append([]config.Redirect{}, redirects[i:]...), redirects[:i]...)
		code, err := RequestFunction(domains, turned)
		if err != nil {
			t.Fatal(err)
		}
		visitAll(t, code, []visit{
			{host: domains.Www(), uri: "/a/x", goes: "https://www.batbern.ch/short/x"},
			{host: domains.Www(), uri: "/a/b/x", goes: "https://www.batbern.ch/long/x"},
			{host: domains.Www(), uri: "/a/b/c", goes: "https://www.batbern.ch/whole"},
		})
	}
}

// While another distribution holds www, ours shows its pages under its own domain name: a redirect would lead to the other.
func TestHeldNameIsNoPlaceToGoTo(t *testing.T) {
	domains := config.Domains{Zone: "batbern.ch", Root: "batbern.ch", Held: []string{"www.batbern.ch"}}
	code, err := RequestFunction(domains, nil)
	if err != nil {
		t.Fatal(err)
	}
	visitAll(t, code, []visit{
		{host: "d111111abcdef8.cloudfront.net", uri: "/", serves: "/index.html"},
		{host: "d111111abcdef8.cloudfront.net", uri: "/assets/index-4f3a.js", serves: "/assets/index-4f3a.js"},
	})
	domains.Held = []string{"batbern.ch"}
	if code, err = RequestFunction(domains, nil); err != nil {
		t.Fatal(err)
	}
	visitAll(t, code, []visit{{host: "d111111abcdef8.cloudfront.net", uri: "/", goes: "https://www.batbern.ch/"}})
}

// What was asked goes along: behind the target's own query, before its fragment.
func TestQueriesGoAlong(t *testing.T) {
	domains := config.Domains{Zone: "batbern.ch", Root: "batbern.ch"}
	code, err := RequestFunction(domains, []config.Redirect{{From: "/a", To: "/x?tab=1"}, {From: "/b", To: "/x#part"}, {From: "/c", To: "/x?tab=1#part"}})
	if err != nil {
		t.Fatal(err)
	}
	query := map[string]any{"q": map[string]any{"value": "1"}}
	visitAll(t, code, []visit{
		{host: domains.Www(), uri: "/a", goes: "https://www.batbern.ch/x?tab=1"},
		{host: domains.Www(), uri: "/a", query: query, goes: "https://www.batbern.ch/x?tab=1&q=1"},
		{host: domains.Www(), uri: "/b", goes: "https://www.batbern.ch/x#part"},
		{host: domains.Www(), uri: "/b", query: query, goes: "https://www.batbern.ch/x?q=1#part"},
		{host: domains.Www(), uri: "/c", query: query, goes: "https://www.batbern.ch/x?tab=1&q=1#part"},
	})
}

// A function that writes a log makes a group in us-east-1 that is kept for ever and has no key.
func TestFunctionsAtTheEdgeWriteNoLog(t *testing.T) {
	for name, code := range map[string]string{"request": requestCode(t, production(t)), "asset": assetFunction} {
		if strings.Contains(code, "console") {
			t.Errorf("%s writes a log", name)
		}
	}
}

// A file that this construct does not use yet is held to the runtime too. request.js finds its settings before it.
func TestFunctionsAreWrittenForTheirRuntime(t *testing.T) {
	files, err := filepath.Glob("functions/*.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %d functions: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := edgejs.Check(file, "var settings; "+string(text)); err != nil {
			t.Error(err)
		}
	}
}

// A newer feature in a function fails the synthesis, with the line of the file.
func TestNewerFeaturesFailTheSynthesis(t *testing.T) {
	before := requestFunction
	defer func() { requestFunction = before }()
	requestFunction += "\nfunction last(xs) {\n    return xs?.at(-1);\n}\n"
	environment := production(t)
	_, err := RequestFunction(environment.Domains, environment.Edge.Redirects)
	line := strings.Count(before, "\n") + 3
	if wanted := fmt.Sprintf("constructs/edge/functions/request.js:%d:12: found optional chaining", line); err == nil || !strings.Contains(err.Error(), wanted) {
		t.Errorf("found %v, wanted %s", err, wanted)
	}
}

func TestAssetFunction(t *testing.T) {
	events := []map[string]any{}
	statuses := []int{200, 206, 304, 403, 404, 500}
	for _, status := range statuses {
		events = append(events, map[string]any{
			"context":  map[string]any{"eventType": "viewer-response"},
			"response": map[string]any{"statusCode": status, "headers": map[string]any{}},
		})
	}
	for i, response := range run(t, assetFunction, events) {
		headers := response["headers"].(map[string]any)
		kept := headers["cache-control"] != nil
		if wanted := statuses[i] < 400; kept != wanted {
			t.Errorf("status %d: found %v", statuses[i], headers)
		}
	}
}

func TestFunctionsFitIntoCloudFront(t *testing.T) {
	environment := production(t)
	for name, code := range map[string]string{"request": requestCode(t, environment), "asset": assetFunction} {
		if len(code) > largestFunction {
			t.Errorf("%s has %d bytes, CloudFront takes %d", name, len(code), largestFunction)
		}
	}
	var many []config.Redirect
	for i := range 500 {
		many = append(many, config.Redirect{From: fmt.Sprintf("/former/%d.html", i), To: "/"})
	}
	_, err := RequestFunction(environment.Domains, many)
	if err == nil || !strings.Contains(err.Error(), "with 500 redirects; allowed: 10240") {
		t.Errorf("found %v, wanted the size and the limit", err)
	}
}
