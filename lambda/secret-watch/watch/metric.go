package watch

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// emit writes a secret's metrics as a line of CloudWatch's embedded metric format: the log is their only way out, and
// needs no right and no call.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func (f *Function) emit(secret string, values map[string]float64) error {
	type metric struct{ Name string }
	type directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []metric
	}
	var metrics []metric
	line := map[string]any{"Secret": secret}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		metrics = append(metrics, metric{name})
		line[name] = values[name]
	}
	line["_aws"] = struct {
		Timestamp         int64 // milliseconds since 1970
		CloudWatchMetrics []directive
	}{f.Now().UnixMilli(), []directive{{Namespace, [][]string{{"Secret"}}, metrics}}}
	if err := json.NewEncoder(f.Metrics).Encode(line); err != nil {
		return fmt.Errorf("write its metrics: %w", err)
	}
	return nil
}
