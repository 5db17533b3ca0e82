package permissions

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
)

// question is a check with the role that it is about.
type question struct {
	Role string `json:"role"`
	check
	call Call
}

// key is the same for questions with the same answer.
func (q question) key() string {
	text, _ := json.Marshal(q) // strings and lists of them always marshal
	return string(text)
}

// answer is the simulator's.
type answer struct {
	Allowed  bool   `json:"allowed"`
	Resource string `json:"resource"`
	Reason   string `json:"reason"`
}

//go:embed simulate.js
var simulator string

// simulate answers all questions in one run of Node.js. The simulator is found in node_modules of the folder.
func simulate(ctx context.Context, root string, roles map[string]Role, questions []question) ([]answer, error) {
	input, err := json.Marshal(map[string]any{"roles": roles, "questions": questions})
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(ctx, "node", "-e", simulator)
	command.Dir, command.Stdin = root, bytes.NewReader(input)
	var out, faults bytes.Buffer
	command.Stdout, command.Stderr = &out, &faults
	if err := command.Run(); err != nil {
		if strings.Contains(faults.String(), "Cannot find module") {
			return nil, fmt.Errorf("the IAM simulator is not installed in %s: run make setup", root)
		}
		return nil, fmt.Errorf("the IAM simulator failed: %w\n%s", err, faults.String())
	}
	var answers []answer
	if err := json.Unmarshal(out.Bytes(), &answers); err != nil {
		return nil, fmt.Errorf("the IAM simulator's answer cannot be read: %w", err)
	}
	if len(answers) != len(questions) {
		return nil, fmt.Errorf("the IAM simulator answered %d of %d questions", len(answers), len(questions))
	}
	return answers, nil
}
