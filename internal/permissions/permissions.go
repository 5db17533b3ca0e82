// Package permissions judges recorded AWS requests against the policies of the pipeline role that would make them.
//
// A recording (see the wire format of the emulator's relay) is decoded into calls. Each call becomes the checks that IAM
// would make: the action itself, the tags that it sets, the roles that it passes, and the dependent actions of AWS's service
// authorization reference. The role follows from the stack, the phase and the provider. An IAM simulator,
// @cloud-copilot/iam-simulate, evaluates each check: identity policies, permissions boundary, conditions and resource.
//
// What the emulator does not ask of a caller is not on the wire. What AWS services do with the permissions of their caller
// is judged only as far as the service authorization reference lists it.
package permissions

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/batbern/infrastructure/internal/wire"
)

// Call is one decoded request.
type Call struct {
	Stack string `json:"stack"`
	// Phase is what Terraform did: apply, plan, update, destroy or unimplemented.
	Phase string `json:"phase"`
	// Service is botocore's name of the service, Signing the one in the signature, which is IAM's in most cases.
	Service   string `json:"service"`
	Signing   string `json:"signing"`
	Region    string `json:"region"`
	Operation string `json:"operation"`
	// Key is the access key: "emulator" for the default provider of the stack, "emulator-<alias>" for the others.
	Key string `json:"key"`
	// Address is the resource's, as far as the values of the request tell.
	Address string         `json:"address"`
	Params  map[string]any `json:"params"`
	File    string         `json:"file"`
	Line    int            `json:"line"`
	// Problem says why a request could not be decoded.
	Problem string `json:"problem"`
	// Method is of the HTTP request.
	Method string `json:"-"`
}

// Refusal is a request that the pipeline's role may not make, or that cannot be judged.
type Refusal struct {
	Role, Action, Resource string
	// Address is of the Terraform resource; empty where it is not known.
	Address string
	Call    Call
	// Reason says which policy denies, or that none allows.
	Reason string
}

// String returns the refusal as one line for people.
func (r Refusal) String() string {
	address := r.Address
	if address == "" {
		address = "no resource found"
	}
	return fmt.Sprintf(
		"%s may not %s on %s for %s (%s %s, %s:%d): %s",
		r.Role,
		r.Action,
		r.Resource,
		address,
		r.Call.Phase,
		r.Call.Operation,
		filepath.Base(r.Call.File),
		r.Call.Line,
		r.Reason,
	)
}

// Verdict is what Judge found.
type Verdict struct {
	// Calls is how many requests were judged, Checks how many different checks IAM would make for them.
	Calls, Checks int
	// Administrators counts the requests that only an administrator makes: the first apply of boundaries and deploy roles.
	Administrators int
	// Skipped counts requests that need no permission, by reason.
	Skipped  map[string]int
	Refusals []Refusal
}

// Decode reads recordings with the program of package wire that decodes requests. It runs python,
// which needs botocore. The resources files are synthesized stacks or states, from which calls get their address.
func Decode(ctx context.Context, python string, resources, recordings []string) ([]Call, error) {
	folder, err := os.MkdirTemp("", "batbern-permissions-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	if err := wire.Unpack(folder); err != nil {
		return nil, err
	}
	arguments := []string{filepath.Join(folder, "judge.py"), "--decode"}
	for _, file := range resources {
		arguments = append(arguments, "--resources", file)
	}
	command := exec.CommandContext(ctx, python, append(arguments, recordings...)...)
	var out, faults bytes.Buffer
	command.Stdout, command.Stderr = &out, &faults
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf(
			"the recordings cannot be decoded: %w; `make setup` installs what it needs\n%s",
			err,
			faults.String(),
		)
	}
	calls, err := parseCalls(&out)
	if err != nil {
		return nil, err
	}
	return calls, addMethods(calls)
}

func parseCalls(from io.Reader) ([]Call, error) {
	var calls []Call
	for decoder := json.NewDecoder(from); ; {
		var call Call
		if err := decoder.Decode(&call); err == io.EOF {
			return calls, nil
		} else if err != nil {
			return nil, fmt.Errorf("a decoded request cannot be read: %w", err)
		}
		calls = append(calls, call)
	}
}

// addMethods takes the methods from the recordings: they are the actions of API Gateway.
func addMethods(calls []Call) error {
	type request struct{ Method string }
	files := map[string][]request{}
	for i, call := range calls {
		if _, read := files[call.File]; !read {
			text, err := os.ReadFile(call.File)
			if err != nil {
				return err
			}
			lines := bufio.NewScanner(bytes.NewReader(text))
			lines.Buffer(nil, len(text)+1)
			for lines.Scan() {
				var found request
				if err := json.Unmarshal(lines.Bytes(), &found); err != nil {
					return fmt.Errorf("%s: %w", call.File, err)
				}
				files[call.File] = append(files[call.File], found)
			}
		}
		if found := files[call.File]; call.Line >= 1 && call.Line <= len(found) {
			calls[i].Method = found[call.Line-1].Method
		}
	}
	return nil
}

// Judge evaluates the calls. root is the project's folder, where npm has installed the simulator. The error says that
// judging itself failed; what a role may not do is in the verdict.
func Judge(ctx context.Context, root string, project Project, calls []Call) (Verdict, error) {
	verdict := Verdict{Skipped: map[string]int{}}
	var questions []question
	asked := map[string]int{}
	for _, call := range calls {
		if call.Service == "" {
			// proxies are opened and probes are made without a signature
			verdict.Skipped[call.Problem]++
			continue
		}
		if reason, free := withoutPermission[call.Service+":"+call.Operation]; free {
			verdict.Skipped[reason]++
			continue
		}
		if project.byAdministrator(call) {
			verdict.Administrators++
			continue
		}
		verdict.Calls++
		role, err := project.roleFor(call)
		if err != nil {
			return Verdict{}, err
		}
		checks, err := project.checks(call, role)
		if err != nil {
			verdict.Refusals = append(verdict.Refusals, Refusal{Role: role.Name, Action: call.Service + ":" + call.Operation,
				Resource: "an unknown resource", Address: call.Address, Call: call, Reason: err.Error()})
			continue
		}
		for _, check := range checks {
			next := question{Role: role.Name, check: check, call: call}
			if key := next.key(); asked[key] == 0 {
				asked[key]++
				questions = append(questions, next)
			}
		}
	}
	verdict.Checks = len(questions)
	answers, err := simulate(ctx, root, project.roles(questions), questions)
	if err != nil {
		return Verdict{}, err
	}
	for i, answer := range answers {
		if answer.Allowed {
			continue
		}
		verdict.Refusals = append(
			verdict.Refusals,
			Refusal{Role: questions[i].Role, Action: questions[i].Action, Resource: answer.Resource,
				Address: questions[i].call.Address, Call: questions[i].call, Reason: answer.Reason},
		)
	}
	return verdict, nil
}

// withoutPermission are requests that need none, or that do not reach AWS, with the reason.
var withoutPermission = map[string]string{
	"sts:GetCallerIdentity": "needs no permission",
	// the emulator's endpoint makes the provider ask IAM for the account first; on AWS it asks STS
	"iam:GetUser": "asked of emulators only",
}

// mutates says whether an operation changes something, by its verb.
func mutates(operation string) bool {
	return !slices.ContainsFunc(
		[]string{"Get", "Describe", "List", "Head", "BatchGet"},
		func(verb string) bool { return strings.HasPrefix(operation, verb) },
	)
}
