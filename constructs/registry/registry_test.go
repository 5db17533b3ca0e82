package registry_test

import (
	"encoding/json"
	"testing"

	"github.com/batbern/infrastructure/constructs/registry"
)

func TestPullPolicy(t *testing.T) {
	want := `{"Version":"2012-10-17","Statement":[{"Sid":"PullByEnvironments","Effect":"Allow",` +
		`"Principal":{"AWS":["arn:aws:iam::222233334444:root","arn:aws:iam::333344445555:root"]},` +
		`"Action":["ecr:BatchCheckLayerAvailability","ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]}]}`
	if got := registry.PullPolicy([]string{"333344445555", "222233334444"}).JSON(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestLifecycleCountsReleasesApart(t *testing.T) {
	var policy struct {
		Rules []struct {
			RulePriority int
			Selection    struct {
				TagStatus, CountType string
				TagPatternList       []string
				CountNumber          int
			}
		}
	}
	if err := json.Unmarshal([]byte(registry.Lifecycle(30)), &policy); err != nil {
		t.Fatal(err)
	}
	priorities := map[string]int{}
	for _, rule := range policy.Rules {
		selection := rule.Selection
		switch selection.TagStatus {
		case "untagged":
			if selection.CountType != "sinceImagePushed" || selection.CountNumber != 7 {
				t.Errorf("untagged images: %+v", selection)
			}
		case "tagged":
			if selection.CountType != "imageCountMoreThan" || selection.CountNumber != 30 {
				t.Errorf("%v: %+v", selection.TagPatternList, selection)
			}
			priorities[selection.TagPatternList[0]] = rule.RulePriority
		default:
			t.Errorf("images with tag status %q", selection.TagStatus)
		}
	}
	if priorities["v*"] == 0 || priorities["v*"] >= priorities["*"] {
		t.Errorf("releases have to be matched before others: %v", priorities)
	}
}
