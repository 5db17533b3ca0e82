package event

import (
	"encoding/json"
	"strings"
	"testing"
)

var migrationExample = `{
	"cluster": "arn:aws:ecs:eu-central-1:123456789012:cluster/batbern-dev",
	"taskDefinition": "arn:aws:ecs:eu-central-1:123456789012:task-definition/batbern-dev-migration:7",
	"container": "flyway", "subnets": ["subnet-1"], "securityGroups": ["sg-1"],
	"image": "registry/flyway:` + strings.Repeat("a", 64) + `", "migrationsChecksum": "` + strings.Repeat("a", 64) + `",
	"logGroup": "/ecs/batbern-dev-migration", "logStreamPrefix": "migration"
}`

func TestMigration(t *testing.T) {
	var request Migration
	if err := json.Unmarshal([]byte(migrationExample), &request); err != nil {
		t.Fatal(err)
	}
	if err := request.Validate(); err != nil {
		t.Error(err)
	}
	misspelled := strings.Replace(migrationExample, "securityGroups", "securityGroup", 1)
	if err := json.Unmarshal([]byte(misspelled), &request); err == nil || !strings.Contains(err.Error(), "securityGroup") {
		t.Errorf("a misspelled key: got %v, want an error that names it", err)
	}
}
