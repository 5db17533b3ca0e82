package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Migration is the input of the function migration-runner: which task runs the migrations, and where. The command
// "batbern migrate" reads the same value from a parameter of the environment.
type Migration struct {
	Cluster        string   `json:"cluster"`        // ARN or name of the ECS cluster
	TaskDefinition string   `json:"taskDefinition"` // ARN of the task definition with its revision
	Container      string   `json:"container"`      // the container whose exit code counts, e.g. "flyway"
	Subnets        []string `json:"subnets"`
	SecurityGroups []string `json:"securityGroups"`
	AssignPublicIP bool     `json:"assignPublicIp,omitempty"` // only for subnets without NAT and endpoints

	// Command replaces the image's command, "migrate": ["repair", "event_management"], ["plan"]. Empty in a deployment.
	Command []string `json:"command,omitempty"`

	// What is to be applied. A change of either is a new migration, and the same values are the same migration.
	Image              string `json:"image"`              // by digest, or by a tag that is a checksum and never moves
	MigrationsChecksum string `json:"migrationsChecksum"` // migrations.Checksum()

	// Where the container logs (awslogs driver), to name the stream in an error.
	LogGroup        string `json:"logGroup"`
	LogStreamPrefix string `json:"logStreamPrefix"`
}

var (
	taskDefinitionARN = regexp.MustCompile(`^arn:[a-z-]+:ecs:[a-z0-9-]+:\d{12}:task-definition/[A-Za-z0-9_-]+:\d+$`)
	pinnedImage       = regexp.MustCompile(`^[^@\s]+(?:@sha256:|:)[0-9a-f]{64}$`)
	checksum          = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// UnmarshalJSON refuses unknown keys, except the one that aws_lambda_invocation adds with lifecycle_scope CRUD.
func (r *Migration) UnmarshalJSON(content []byte) error {
	type plain Migration
	var parsed struct {
		plain
		Terraform json.RawMessage `json:"tf"`
	}
	if err := strict(content, &parsed); err != nil {
		return err
	}
	*r = Migration(parsed.plain)
	return nil
}

// Validate returns all faults of a request at once.
func (r Migration) Validate() error {
	var faults []error
	fault := func(wrong bool, field, value, allowed string) {
		if wrong {
			faults = append(faults, fmt.Errorf("%s is %q; %s", field, value, allowed))
		}
	}
	fault(r.Cluster == "", "cluster", r.Cluster, "give the cluster's ARN or name")
	fault(!taskDefinitionARN.MatchString(r.TaskDefinition), "taskDefinition", r.TaskDefinition,
		"give the ARN with its revision, as in arn:aws:ecs:eu-central-1:123456789012:task-definition/flyway:7")
	fault(r.Container == "", "container", r.Container, "give the name of the container that runs Flyway")
	fault(!allNamed(r.Subnets), "subnets", strings.Join(r.Subnets, ", "), "give at least one subnet and no empty one")
	fault(!allNamed(r.SecurityGroups), "securityGroups", strings.Join(r.SecurityGroups, ", "),
		"give at least one security group and no empty one")
	fault(!pinnedImage.MatchString(r.Image), "image", r.Image, "give REPOSITORY@sha256:DIGEST, or REPOSITORY:CHECKSUM, each of 64 hexadecimal digits")
	fault(!checksum.MatchString(r.MigrationsChecksum), "migrationsChecksum", r.MigrationsChecksum, "give 64 hexadecimal digits")
	fault(r.LogGroup == "", "logGroup", r.LogGroup, "give the container's log group")
	fault(r.LogStreamPrefix == "", "logStreamPrefix", r.LogStreamPrefix, "give the awslogs-stream-prefix of the container")
	if len(faults) > 0 {
		return fmt.Errorf("the request of the migration is wrong: %w", errors.Join(faults...))
	}
	return nil
}

func allNamed(ids []string) bool {
	for _, id := range ids {
		if id == "" {
			return false
		}
	}
	return len(ids) > 0
}
