package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/batbern/infrastructure/lambda/event"
)

// token is the idempotency token of the n-th attempt at this request. Everything that RunTask is told goes into it,
// because ECS refuses a known token with other parameters. A token has at most 64 characters: the length of SHA-256.
func token(request event.Migration, attempt int) string {
	encoded, err := json.Marshal(struct {
		event.Migration
		Attempt int
	}{request, attempt})
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
