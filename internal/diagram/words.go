package diagram

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/batbern/infrastructure/internal/tree"
)

// last is the last part of a path.
func last(path string) string { return path[strings.LastIndex(path, "/")+1:] }

// named is what a resource is called where no attribute says it: the last part of its path that is more than a kind of
// thing, "content" of "storage/content/bucket".
func named(r *tree.Resource) string {
	parts := strings.Split(r.Label(), "/")
	for i := len(parts) - 1; i > 0; i-- {
		if !slices.Contains([]string{"bucket", "function", "service", "distribution", "api", "group", "instance", "task"}, parts[i]) {
			return parts[i]
		}
	}
	return parts[0]
}

// spelled are the words that no rule writes right.
var spelled = map[string]string{"vpc": "VPC", "api": "API", "s3": "S3", "dynamodb": "DynamoDB", "dns": "DNS", "rds": "RDS", "cdn": "CDN"}

// title makes an ID readable: "load_balancer" is "Load balancer", "vpc-link" is "VPC link".
func title(id string) string {
	words := strings.Fields(strings.NewReplacer("_", " ", "-", " ").Replace(id))
	for i, w := range words {
		if right, ok := spelled[w]; ok {
			words[i] = right
		} else if i == 0 {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, " ")
}

// count writes a number of things: "1 zone", "2 repositories".
func count(n int, what string) string {
	if n != 1 {
		what = plural(what)
	}
	return fmt.Sprintf("%d %s", n, what)
}

func plural(what string) string {
	switch {
	case strings.HasSuffix(what, "y") && !strings.HasSuffix(what, "ay") && !strings.HasSuffix(what, "ey"):
		return what[:len(what)-1] + "ies"
	case strings.HasSuffix(what, "s"):
		return what + "es"
	}
	return what + "s"
}

// text is a value that is plain text, or else the other: what only Terraform knows cannot be shown.
func text(value any, otherwise string) string {
	if s, ok := value.(string); ok && s != "" && !strings.Contains(s, "${") {
		return s
	}
	return otherwise
}

func first(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// items lists members by name.
func items(members []*tree.Resource) []item {
	var found []item
	for _, m := range members {
		found = append(found, item{title: strings.ReplaceAll(named(m), "_", " ")})
	}
	slices.SortFunc(found, func(a, b item) int { return strings.Compare(a.title, b.title) })
	return found
}

// amount is a number with its unit, "" where it is missing or known only to Terraform.
func amount(r *tree.Resource, attribute, unit string) string {
	n, err := r.Number(attribute, -1)
	if err != nil || n < 0 {
		return ""
	}
	return strings.TrimSpace(plain(n) + " " + unit)
}

// cacheNodes counts the nodes of a replication group: shards times their copies, or the clusters of one without shards.
func cacheNodes(m *tree.Resource) string {
	if n, err := m.Number("num_cache_clusters", 0); err == nil && n > 0 {
		return count(int(n), "node")
	}
	shards, err := m.Number("num_node_groups", 0)
	if err != nil || shards == 0 {
		return ""
	}
	return count(int(shards), "shard")
}

func when[T any](condition bool, yes, no T) T {
	if condition {
		return yes
	}
	return no
}

// join sets the parts that say something behind each other.
func join(parts ...string) string {
	var said []string
	for _, p := range parts {
		if p != "" {
			said = append(said, p)
		}
	}
	return strings.Join(said, ", ")
}

func plain(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

func sortedKeys(m map[string]int) []string { return slices.Sorted(maps.Keys(m)) }
