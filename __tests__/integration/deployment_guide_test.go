package integration_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
)

// block is a fenced block of shell in a document.
type block struct {
	account bool // needs an AWS account
	text    string
}

var fence = regexp.MustCompile("(?ms)^ *```sh( account)?\n(.*?)^ *```$")

func shellBlocks(text string) []block {
	var blocks []block
	for _, match := range fence.FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, block{account: match[1] != "", text: match[2]})
	}
	return blocks
}

// docs/deployment.md: what runs without an account is run, and what needs one is compared with what there is: commands and
// arguments of the AWS CLI with AWS's API models, ours with the tool's help, outputs, stacks, targets and settings.
func TestDeploymentGuide(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", "deployment.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := shellBlocks(string(text))
	if all := strings.Count(string(text), "```sh"); len(blocks) != all || all < 10 {
		t.Fatalf("%d blocks of shell were read of %d", len(blocks), all)
	}
	for _, b := range blocks {
		if !b.account {
			command := exec.Command("bash", "-euo", "pipefail", "-c", b.text)
			command.Dir = root
			command.Env = append(os.Environ(), "CDKTF_OUTDIR="+filepath.Join(t.TempDir(), "cdktf.out"))
			if out, err := command.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", b.text, err, out)
			}
			continue
		}
		for _, fault := range accountFaults(t, root, b.text) {
			t.Errorf("%s\nin\n%s", fault, b.text)
		}
	}
	t.Run("planted: each kind of command that is wrong", func(t *testing.T) {
		for planted, word := range map[string]string{
			"if then":                                                "syntax",
			"aws cloudfront move-alias --alias x":                    "move-alias",
			"aws s3api create-bucket --name x":                       "--name",
			"aws s3 sync dist s3://b --remove":                       "--remove",
			"make deploi ENV=dev":                                    "deploi",
			"npx cdktf deploy batbern-test":                          "batbern-test",
			"terraform output zone_servers":                          "zone_servers",
			"export BATBERN_BACKNED=s3":                              "BATBERN_BACKNED",
			"go run ./cmd/batbern domain compare --before a --new b": "--before",
		} {
			if faults := accountFaults(t, root, planted+"\n"); !strings.Contains(strings.Join(faults, "\n"), word) {
				t.Errorf("%q gives %v, want %s", planted, faults, word)
			}
		}
	})
}

var (
	placeholder = regexp.MustCompile(`<[a-z][^>]*>`)
	awsCommand  = regexp.MustCompile(`\baws ([a-z0-9-]+) ([a-z0-9-]+)([^|)\n]*)`)
	option      = regexp.MustCompile(`(?:^|\s)(--[a-z][a-z0-9-]*)`)
	ownCommand  = regexp.MustCompile(`go run \./cmd/batbern ([a-z]+(?: [a-z]+)?)([^|)\n]*)`)
	makeTarget  = regexp.MustCompile(`(?m)^\s*make ([a-z-]+)`)
	stackName   = regexp.MustCompile(`batbern-(?:base|[a-z]+)\b`)
	readOutput  = regexp.MustCompile(`terraform output (?:-raw )?([a-z_]+)`)
	ourVariable = regexp.MustCompile(`BATBERN_[A-Z_]+`)
)

// accountFaults are what is wrong with commands that cannot be run here.
func accountFaults(t *testing.T, root, text string) (faults []string) {
	t.Helper()
	text = placeholder.ReplaceAllString(strings.ReplaceAll(text, "\\\n", " "), "placeholder")
	if out, err := exec.Command("bash", "-n", "-c", text).CombinedOutput(); err != nil {
		return []string{"syntax: " + string(out)}
	}
	for _, match := range awsCommand.FindAllStringSubmatch(text, -1) {
		faults = append(faults, awsFaults(t, root, match[1], match[2], options(match[3]))...)
	}
	for _, match := range ownCommand.FindAllStringSubmatch(text, -1) {
		command := exec.Command("go", append([]string{"run", "./cmd/batbern"}, append(strings.Fields(match[1]), "--help")...)...)
		command.Dir = root
		help, err := command.CombinedOutput()
		if err != nil {
			faults = append(faults, match[0]+": "+string(help))
		}
		for _, name := range options(match[2]) {
			if !strings.Contains(string(help), name) {
				faults = append(faults, match[0]+" has no "+name)
			}
		}
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range makeTarget.FindAllStringSubmatch(text, -1) {
		if !strings.Contains(string(makefile), "\n"+match[1]+":") {
			faults = append(faults, "make has no target "+match[1])
		}
	}
	project := testkit.Project(t)
	for _, name := range stackName.FindAllString(text, -1) {
		if !slices.Contains(append(project.Stacks(), "batbern-state"), name) { // the state's bucket, not a stack
			faults = append(faults, "there is no stack "+name)
		}
	}
	outputs := testkit.StackNamed(t, "batbern-base").Outputs()
	for _, match := range readOutput.FindAllStringSubmatch(text, -1) {
		if outputs[match[1]] == nil {
			faults = append(faults, "the base has no output "+match[1])
		}
	}
	for _, name := range ourVariable.FindAllString(text, -1) {
		if !slices.ContainsFunc(config.Variables(), func(v config.Variable) bool { return v.Name == name }) {
			faults = append(faults, "there is no setting "+name)
		}
	}
	return faults
}

func options(text string) []string {
	var names []string
	for _, match := range option.FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	return names
}

// customCommands are commands that the AWS CLI has beside the API's operations, or with other options, and those of their
// options that the guide may use. AWS CLI Command Reference: https://docs.aws.amazon.com/cli/latest/reference/s3/sync.html
var customCommands = map[string][]string{
	"cloudfront create-invalidation": {"--distribution-id", "--paths"}, // --paths is the CLI's own
	"ecr get-login-password":         {"--region"},
	"s3 sync":                        {"--delete", "--dryrun", "--exclude", "--include"},
}

// awsFaults asks AWS's API models, which the AWS CLI makes its commands of.
func awsFaults(t *testing.T, root, service, operation string, names []string) []string {
	t.Helper()
	const script = `
import json, sys
import botocore.session
from botocore import xform_name
service, operation, *options = sys.argv[1:]
model = botocore.session.get_session().get_service_model({"s3api": "s3"}.get(service, service))
operations = {xform_name(n).replace("_", "-"): n for n in model.operation_names}
faults = []
if operation not in operations:
    faults.append("aws %s has no command %s" % (service, operation))
else:
    shape = model.operation_model(operations[operation]).input_shape
    known = {xform_name(m).replace("_", "-") for m in shape.members} | {"query", "output", "region", "cli-input-json"}
    faults += ["aws %s %s has no %s" % (service, operation, o) for o in options if o[2:] not in known]
print(json.dumps(faults))
`
	if options, found := customCommands[service+" "+operation]; found {
		var faults []string
		for _, name := range names {
			if !slices.Contains(options, name) {
				faults = append(faults, fmt.Sprintf("aws %s %s has no %s", service, operation, name))
			}
		}
		return faults
	}
	python, err := filepath.Abs(filepath.Join(root, ".venv", "bin", "python"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(python); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("AWS's API models are missing: run make setup")
		}
		t.Skip("AWS's API models are missing: run make setup")
	}
	out, err := exec.Command(python, append([]string{"-c", script, service, operation}, names...)...).CombinedOutput()
	if err != nil {
		return []string{string(out)}
	}
	var faults []string
	if err := json.Unmarshal(out, &faults); err != nil {
		t.Fatal(err)
	}
	return faults
}
