package migrationlint

import (
	"slices"
	"strings"
	"testing"
)

func TestEstimatesFollowTheTablesSize(t *testing.T) {
	for name, test := range map[string]struct {
		sql   string
		bytes int64
		want  string
	}{
		"small":                        {"CREATE INDEX i ON a (id);", 8192, "(8.0 KiB now, about a second or less)"},
		"large":                        {"CREATE INDEX i ON s.a (id);", 10 << 30, "(10.0 GiB now, about 81 seconds)"},
		"very large":                   {"ALTER TABLE ONLY a ALTER COLUMN id TYPE bigint;", 1 << 40, "(1.0 TiB now, about 139 minutes)"},
		"no pass over the table":       {"ALTER TABLE a RENAME COLUMN id TO number;", 1 << 40, ""},
		"another location's of a name": {"CREATE INDEX i ON b (id);", 1 << 40, ""},
	} {
		t.Run(name, func(t *testing.T) {
			target := Target{Sizes: map[string]int64{"s.a": test.bytes, "other.b": test.bytes}}
			findings, err := Check(tree(map[string]string{"s/V1__a.sql": test.sql}), nil, target)
			if err != nil || len(findings) != 1 || !findings[0].Warning {
				t.Fatalf("found %v, error %v", findings, err)
			}
			if estimated := strings.Contains(findings[0].Message, " now, about "); estimated != (test.want != "") ||
				!strings.HasSuffix(findings[0].Message, test.want) {
				t.Errorf("found %s, want %q", findings[0], test.want)
			}
		})
	}
}

func TestReleasedFilesHaveNoWarnings(t *testing.T) {
	files := tree(map[string]string{"s/V1__a.sql": "DROP TABLE a;"})
	lock := Lock{}
	if _, err := lock.Append(files); err != nil {
		t.Fatal(err)
	}
	if findings, err := Check(files, lock, Target{}); err != nil || len(findings) > 0 {
		t.Errorf("found %v, error %v", findings, err)
	}
}

func TestOrderIsFlyways(t *testing.T) {
	files := tree(map[string]string{
		"b/V10__a.sql": "SELECT 1;", "b/V9.1__b.sql": "SELECT 1;", "b/R__a.sql": "SELECT 1;", "b/V9__c.sql": "SELECT 1;",
		"b/beforeMigrate.sql": "SELECT 1;", "a/R__b.sql": "SELECT 1;",
	})
	order, err := Order(files)
	want := []string{"a/R__b.sql", "b/V9__c.sql", "b/V9.1__b.sql", "b/V10__a.sql", "b/R__a.sql"}
	if err != nil || !slices.Equal(order, want) {
		t.Errorf("order %v, error %v, want %v", order, err, want)
	}
	target := Target{Baseline: "platform", Shared: "shared_kernel"}
	paths := []string{"a/V1__a.sql", "shared_kernel/V1__a.sql", "platform/V1__a.sql"}
	slices.SortFunc(paths, func(a, b string) int { return CompareLocations(a, b, target) })
	if paths[0] != "platform/V1__a.sql" || paths[1] != "shared_kernel/V1__a.sql" {
		t.Errorf("locations in the order %v", paths)
	}
}
