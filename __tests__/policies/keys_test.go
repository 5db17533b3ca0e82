package policies_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/__tests__/testkit"
)

// viaService is one name as KMS knows services.
var viaService = regexp.MustCompile(`^([a-z0-9]+)\.([a-z0-9-]+|\*)\.amazonaws\.com$`)

// viaServiceFaults judge the values of one condition on kms:ViaService.
//
// AWS, "AWS KMS condition keys", kms:ViaService: for Amazon ElastiCache "include both condition key values in the
// condition": dax.AWS_region.amazonaws.com and elasticache.AWS_region.amazonaws.com.
func viaServiceFaults(values []string) []string {
	var faults []string
	for _, value := range values {
		parts := viaService.FindStringSubmatch(value)
		if parts == nil {
			faults = append(faults, fmt.Sprintf("%q is no name of a service in a region", value))
			continue
		}
		partner := map[string]string{"elasticache": "dax", "dax": "elasticache"}[parts[1]]
		if partner != "" && !slices.Contains(values, fmt.Sprintf("%s.%s.amazonaws.com", partner, parts[2])) {
			faults = append(faults, fmt.Sprintf("%s without %s", value, partner))
		}
	}
	return faults
}

// viaServices are the values of every condition on kms:ViaService inside a value; policies are JSON inside of text.
func viaServices(value any) [][]string {
	var found [][]string
	switch v := value.(type) {
	case map[string]any:
		for key, item := range v {
			if key != "kms:ViaService" {
				found = append(found, viaServices(item)...)
				continue
			}
			var values []string
			switch names := item.(type) {
			case string:
				values = []string{names}
			case []any:
				for _, name := range names {
					values = append(values, fmt.Sprint(name))
				}
			}
			found = append(found, values)
		}
	case []any:
		for _, item := range v {
			found = append(found, viaServices(item)...)
		}
	case string:
		var inner any
		if strings.HasPrefix(v, "{") && json.Unmarshal([]byte(v), &inner) == nil {
			found = viaServices(inner)
		}
	}
	return found
}

func TestKeysAreReachedThroughNamesThatKMSKnows(t *testing.T) {
	judged, caches := 0, 0
	for _, stack := range testkit.Stacks(t) {
		for _, resource := range stack.All() {
			for _, values := range viaServices(resource.Body) {
				judged++
				for _, fault := range viaServiceFaults(values) {
					t.Errorf("%s: %s: kms:ViaService: %s", stack.Name, resource.Address(), fault)
				}
				if strings.Contains(strings.Join(values, " "), "dax.") {
					caches++
				}
			}
		}
	}
	if judged < 50 || caches < 6 { // the data key's two statements and the apply role's, in each environment
		t.Errorf("only %d conditions were judged, %d of them for ElastiCache", judged, caches)
	}
	for planted, values := range map[string][]string{
		"elasticache alone":   {"rds.eu-central-1.amazonaws.com", "elasticache.eu-central-1.amazonaws.com"},
		"dax of another one":  {"dax.eu-west-1.amazonaws.com", "elasticache.eu-central-1.amazonaws.com"},
		"a service principal": {"rds.amazonaws.com"},
		"nothing":             {""},
	} {
		if len(viaServiceFaults(values)) == 0 {
			t.Errorf("planted: %s was not found", planted)
		}
	}
}
