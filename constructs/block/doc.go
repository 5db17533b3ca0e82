// Package block holds the building blocks that every construct may use: roles, log groups, secrets, functions, task
// definitions and the policy statements that several constructs need.
//
// A block makes what is easy to forget mandatory: a role needs a permissions boundary, a log group a key and a
// retention. A block whose props lack a mandatory value panics with an error that names the block and the field; that
// is a mistake in the code, not in the configuration, and it ends the synthesis.
package block

import (
	"errors"
	"fmt"
)

// field is a mandatory field and whether it is set.
type field struct {
	name string
	set  bool
}

// require panics where a mandatory field is not set.
func require(block, name string, fields ...field) {
	var faults []error
	for _, f := range fields {
		if !f.set {
			faults = append(faults, fmt.Errorf("%s %q: %s is required", block, name, f.name))
		}
	}
	if err := errors.Join(faults...); err != nil {
		panic(err)
	}
}
