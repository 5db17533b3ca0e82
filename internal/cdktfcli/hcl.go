package cdktfcli

import (
	"errors"
	"os"
)

// RefuseHCL returns an error where the CLI was called as `cdktf synth --hcl`. cdktf 0.21.0 does not escape quotes in text
// that holds a reference, for example in IAM policies (escapeQuotes in lib/hcl/render.js), so Terraform cannot parse what
// it writes (ADR 1).
func RefuseHCL() error {
	switch os.Getenv("SYNTH_HCL_OUTPUT") { // set by the CLI, read by lib/app.js
	case "true", "1":
		return errors.New("cdktf cannot write these stacks as HCL: it does not escape the quotes of policies, and Terraform refuses " +
			"the result. Leave out --hcl: Terraform reads the JSON without cdktf (docs/decisions/0001-cdktf-although-archived.md)")
	}
	return nil
}
