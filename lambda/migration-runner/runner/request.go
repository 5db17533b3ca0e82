package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/batbern/infrastructure/lambda/event"
)

// token is the idempotency token of the n-th attempt at this request. Everything that RunTask receives goes into it,
// because ECS refuses a known token with other parameters. A token has at most 64 characters: the length of SHA-256.
func token(request event.Migration, once string, attempt int) string {
	encoded, err := json.Marshal(struct {
		event.Migration
		Once    string
		Attempt int
	}{request, once, attempt})
	if err != nil {
		panic(fmt.Sprintf("strings and booleans become JSON: %v", err))
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])
}

// logStream is where the container of a task logs: prefix, container and the last part of the task's ARN.
func logStream(request event.Migration, taskARN string) string {
	return request.LogStreamPrefix + "/" + request.Container + "/" + taskARN[strings.LastIndex(taskARN, "/")+1:]
}

// overrides replaces the image's command where the request has one.
func overrides(request event.Migration) *types.TaskOverride {
	if len(request.Command) == 0 {
		return nil
	}
	return &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{
		Name: aws.String(request.Container), Command: request.Command,
	}}}
}
