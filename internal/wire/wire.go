// Package wire records the AWS requests of a Terraform run, and holds them against AWS's own API models.
//
// # Recordings
//
// A recording is a file of JSON lines, one for each request, in the order in which the answers were complete. `make
// local` writes .local/wire/<stack>.<phase>.jsonl, readable by its owner only, and begins the file again with each
// run of that phase. The phases are apply, plan (the second plan), unimplemented (what the emulator lacks, sent to be
// judged), and destroy. The fields are those of [Record]:
//
//	time     RFC 3339, when the answer was complete
//	stack    the stack's name, for example batbern-dev
//	phase    the phase, as in the file's name
//	method   the HTTP method
//	path     path and query as sent, still percent-encoded
//	host     the Host header; S3 Control puts the account id in front of it
//	headers  names in lower case. authorization holds Credential=<key>/<date>/<region>/<signing name>/aws4_request;
//	         x-amz-target names the operation of JSON services. The key is "emulator" for a stack's default provider and
//	         "emulator-<alias>" for its others.
//	body     the request's body in base64
//	status   the answer's HTTP status
//	answer   the first 4,096 bytes of the answer as text
//
// A recording holds everything that Terraform sends, secrets included. It stays on this machine.
//
// # Judging
//
// [Judge] runs a Python program over recordings, in the emulator's virtual environment, whose botocore carries AWS's
// API models. It finds unknown members, missing required members, wrong types, and values outside an enumeration, a
// length, a range or a pattern. A model knows syntax only: whether the account may make the request, and whether the
// values make sense together, is not judged.
package wire

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// answerLimit is how much of an answer a recording keeps, in bytes.
const answerLimit = 4096

// Record is one request and its answer. The package comment describes the fields.
type Record struct {
	Time    time.Time         `json:"time"`
	Stack   string            `json:"stack"`
	Phase   string            `json:"phase"`
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Host    string            `json:"host"`
	Headers map[string]string `json:"headers"`
	Body    []byte            `json:"body"`
	Status  int               `json:"status"`
	Answer  string            `json:"answer"`
}

// Recorder writes records into the file of the current stack and phase. The zero value records nothing.
type Recorder struct {
	folder string

	mu           sync.Mutex
	file         *os.File
	stack, phase string
	err          error
}

// NewRecorder returns a recorder that writes into the folder, once Begin has named a stack and a phase.
func NewRecorder(folder string) *Recorder { return &Recorder{folder: folder} }

// File is where the requests of a stack's phase are recorded.
func File(folder, stack, phase string) string {
	return filepath.Join(folder, stack+"."+phase+".jsonl")
}

// Begin ends the current recording and begins the one of that stack and phase, in an empty file.
func (r *Recorder) Begin(stack, phase string) error {
	if err := r.Close(); err != nil {
		return err
	}
	if err := os.MkdirAll(r.folder, 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(File(r.folder, stack, phase), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.file, r.stack, r.phase = file, stack, phase
	return nil
}

// Add writes one record, of whose answer it keeps the beginning. Before Begin and after Close it writes nothing. The
// first failure is returned by Close.
func (r *Recorder) Add(record Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return
	}
	record.Time, record.Stack, record.Phase = time.Now().UTC(), r.stack, r.phase
	record.Answer = strings.ToValidUTF8(record.Answer[:min(len(record.Answer), answerLimit)], "\uFFFD")
	if err := json.NewEncoder(r.file).Encode(record); err != nil && r.err == nil {
		r.err = err
	}
}

// Close ends the current recording, if there is one.
func (r *Recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return nil
	}
	err := errors.Join(r.err, r.file.Close())
	r.file, r.err = nil, nil
	return err
}

// Programs are the Python programs: wire.py decodes requests, judge.py judges them.
//
//go:embed python/*.py
var Programs embed.FS

// Unpack writes the Python programs into the folder.
func Unpack(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	for _, name := range []string{"wire.py", "judge.py"} {
		text, err := Programs.ReadFile("python/" + name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Violation is something in a request that AWS's API model refuses.
type Violation struct {
	File      string `json:"file"`
	Line      int    `json:"line"`
	Stack     string `json:"stack"`
	Phase     string `json:"phase"`
	Service   string `json:"service"`
	Operation string `json:"operation"`
	// Address is of the resource that the request is about, as far as its values tell; empty where they do not.
	Address string `json:"address"`
	// Path is the member: Tags[].Key. Problem says what is wrong with its value.
	Path    string `json:"path"`
	Problem string `json:"problem"`
	Value   string `json:"value"`
}

// String returns the violation as one line for people.
func (v Violation) String() string {
	address := v.Address
	if address == "" {
		address = "no resource found"
	}
	text := fmt.Sprintf("%s: %s: %s %s: %s: %s", v.Stack, address, v.Service, v.Operation, v.Path, v.Problem)
	if v.Service == "" {
		text = fmt.Sprintf("%s: %s: %s", v.Stack, v.Phase, v.Problem)
	}
	if v.Value != "" {
		text += fmt.Sprintf(": %q", v.Value)
	}
	return text
}

// Verdict is what Judge found in recordings.
type Verdict struct {
	// Requests is how many requests were judged, Operations of how many operations.
	Requests   int `json:"requests"`
	Operations int `json:"operations"`
	// Violations are in the order of the requests.
	Violations []Violation `json:"-"`
	// UnreadablePatterns are patterns of the models that Python cannot compile: values are not held against them.
	UnreadablePatterns []string `json:"unreadablePatterns"`
}

// Judge holds recordings against AWS's API models. It runs python, which needs botocore and regex; the resources
// files are synthesized stacks (cdk.tf.json) or states, from which violations get the resource's address.
func Judge(ctx context.Context, python string, resources, recordings []string) (Verdict, error) {
	folder, err := os.MkdirTemp("", "batbern-wire-")
	if err != nil {
		return Verdict{}, err
	}
	defer os.RemoveAll(folder)
	if err := Unpack(folder); err != nil {
		return Verdict{}, err
	}
	arguments := []string{filepath.Join(folder, "judge.py")}
	for _, file := range resources {
		arguments = append(arguments, "--resources", file)
	}
	command := exec.CommandContext(ctx, python, append(arguments, recordings...)...)
	var out, faults bytes.Buffer
	command.Stdout, command.Stderr = &out, &faults
	if err := command.Run(); err != nil {
		return Verdict{}, fmt.Errorf("the requests cannot be judged: %w; `make setup` installs what it needs\n%s", err, lastLine(faults.String()))
	}
	return parse(&out)
}

// parse reads the program's lines: violations, and the totals at the end.
func parse(from io.Reader) (Verdict, error) {
	var verdict Verdict
	ended := false
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			Violation
			Requests *int `json:"requests"`
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return Verdict{}, fmt.Errorf("the judging program wrote %q: %w", lines.Text(), err)
		}
		if line.Requests == nil {
			verdict.Violations = append(verdict.Violations, line.Violation)
			continue
		}
		if err := json.Unmarshal(lines.Bytes(), &verdict); err != nil {
			return Verdict{}, err
		}
		ended = true
	}
	if err := lines.Err(); err != nil {
		return Verdict{}, err
	}
	if !ended {
		return Verdict{}, errors.New("the judging program ended without its totals")
	}
	return verdict, nil
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
