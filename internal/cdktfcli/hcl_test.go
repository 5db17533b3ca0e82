package cdktfcli

import (
	"strings"
	"testing"
)

func TestRefuseHCL(t *testing.T) {
	for value, refused := range map[string]bool{"true": true, "1": true, "false": false, "": false} {
		t.Setenv("SYNTH_HCL_OUTPUT", value)
		err := RefuseHCL()
		if (err != nil) != refused {
			t.Errorf("%q: %v", value, err)
		}
		if refused && !strings.Contains(err.Error(), "Terraform reads the JSON") {
			t.Errorf("%q: no way out in %v", value, err)
		}
	}
}
