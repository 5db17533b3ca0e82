package verify

import (
	"regexp"
	"strings"

	"github.com/batbern/infrastructure/internal/tree"
)

var reference = regexp.MustCompile(`\$\{([a-z0-9_]+\.[A-Za-z0-9_-]+)\.([a-z_]+)\}`)

// literal returns an attribute with references to other attributes replaced by their literal values. Without a literal,
// because only AWS knows the value, ok is false.
func literal(r *tree.Resource, attribute string) (text string, ok bool) {
	return resolve(r, r.String(attribute), 0)
}

// names are the computed attributes that may be replaced by a configured one. AWS, "DescribeServices": the cluster's short
// name will do for its ARN. The id of a bucket is its name (provider 5.100, aws_s3_bucket).
var names = map[string]string{"aws_s3_bucket.id": "bucket", "aws_ecs_cluster.arn": "name", "aws_ecs_cluster.id": "name"}

// deepest bounds a chain of references, as from a replication's bucket to its versioning to the bucket.
const deepest = 5

func resolve(r *tree.Resource, text string, depth int) (string, bool) {
	ok := text != "" && depth < deepest
	resolved := reference.ReplaceAllStringFunc(text, func(found string) string {
		parts := reference.FindStringSubmatch(found)
		to := r.Stack().Find(parts[1])
		if to == nil || !ok {
			return found
		}
		attribute := parts[2]
		if name, same := names[to.Type+"."+attribute]; same {
			attribute = name
		}
		value, known := resolve(to, to.String(attribute), depth+1)
		if !known {
			ok = false
			return found
		}
		return value
	})
	return resolved, ok && !strings.Contains(resolved, "${")
}

// account returns the account that the stack's main provider is allowed to work in, or "" if it names none.
func account(s *tree.Stack) string {
	providers, _ := s.Body["provider"].(map[string]any)
	settings, _ := providers["aws"].([]any)
	for _, one := range settings {
		provider, _ := one.(map[string]any)
		if _, aliased := provider["alias"]; aliased {
			continue
		}
		if allowed, _ := provider["allowed_account_ids"].([]any); len(allowed) == 1 {
			id, _ := allowed[0].(string)
			return id
		}
	}
	return ""
}

// texts returns the strings of a list attribute.
func texts(list []any) []string {
	var found []string
	for _, one := range list {
		if text, ok := one.(string); ok {
			found = append(found, text)
		}
	}
	return found
}
