package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestViaServices(t *testing.T) {
	found := ViaServices("eu-central-1", "rds", "elasticache", "backup", "rds")
	wanted := []string{"backup.eu-central-1.amazonaws.com", "dax.eu-central-1.amazonaws.com",
		"elasticache.eu-central-1.amazonaws.com", "rds.eu-central-1.amazonaws.com"}
	if !slices.Equal(found, wanted) {
		t.Errorf("found %v, wanted %v", found, wanted)
	}
	if found := ViaServices("*", "s3"); !slices.Equal(found, []string{"s3.*.amazonaws.com"}) {
		t.Errorf("found %v", found)
	}
	defer func() {
		if said := fmt.Sprint(recover()); !strings.Contains(said, `"elasticcache"`) {
			t.Errorf("a misspelt service: %s", said)
		}
	}()
	ViaServices("eu-central-1", "elasticcache")
}
