// Package metrics knows which metrics AWS documents that it publishes: for the services of this project, by namespace,
// name, statistic and set of dimensions, and in which region. CloudWatch takes an alarm on a metric that nobody
// publishes without a word, and the alarm never fires; this list is what finds such an alarm before it is deployed.
//
// metrics.csv is written by hand from the pages that sources.csv names. A metric that is missing there is added with
// the page open.
package metrics

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Use is a metric as an alarm or a dashboard uses it.
type Use struct {
	Namespace, Metric, Statistic string
	// Dimensions are their names. CloudWatch keeps a metric for each set of dimensions: one that is missing, or one too
	// many, names a metric that does not exist.
	Dimensions []string
	// Region is where it is looked for.
	Region string
}

// Fault says what is wrong with the use, and what AWS documents; "" where nothing is.
func (u Use) Fault() string {
	known := documented()
	source, published := known.sources[u.Namespace]
	if !published {
		return fmt.Sprintf("namespace %s is not documented; there are %s", u.Namespace, strings.Join(slices.Sorted(maps.Keys(known.sources)), ", "))
	}
	entries := known.metrics[u.Namespace+" "+u.Metric]
	if len(entries) == 0 {
		return fmt.Sprintf("%s publishes no metric %s, see %s", u.Namespace, u.Metric, source.url)
	}
	if source.region != "" && u.Region != source.region {
		return fmt.Sprintf("%s is published in %s alone, not in %s, see %s", u.Namespace, source.region, u.Region, source.url)
	}
	entry := entries[0]
	set := strings.Join(slices.Sorted(slices.Values(u.Dimensions)), "+")
	if !slices.Contains(entry.dimensions, set) {
		return fmt.Sprintf("%s %s has no dimensions %q, but %s, see %s", u.Namespace, u.Metric, set, strings.Join(entry.dimensions, " or "), source.url)
	}
	statistic := percentile.ReplaceAllString(u.Statistic, "p")
	if !slices.Contains(entry.statistics, statistic) {
		return fmt.Sprintf("%s %s: the statistic %s says nothing there, but %s, see %s", u.Namespace, u.Metric, u.Statistic, strings.Join(entry.statistics, ", "), source.url)
	}
	return ""
}

// percentile is "p95" or "p99.9".
var percentile = regexp.MustCompile(`^p[0-9]{1,2}(\.[0-9]+)?$`)

type source struct{ region, url string }

type entry struct{ statistics, dimensions []string }

type list struct {
	sources map[string]source
	metrics map[string][]entry // by namespace and metric
}

//go:embed metrics.csv
var metricsCSV string

//go:embed sources.csv
var sourcesCSV string

var documented = sync.OnceValue(func() list {
	known := list{sources: map[string]source{}, metrics: map[string][]entry{}}
	for _, row := range rows(sourcesCSV) {
		known.sources[row[0]] = source{region: row[1], url: row[2]}
	}
	for _, row := range rows(metricsCSV) {
		var sets []string
		for set := range strings.SplitSeq(row[3], ";") {
			sets = append(sets, strings.Join(slices.Sorted(strings.SplitSeq(set, "+")), "+"))
		}
		key := row[0] + " " + row[1]
		known.metrics[key] = append(known.metrics[key], entry{statistics: strings.Fields(row[2]), dimensions: sets})
	}
	return known
})

// rows are a table's without its head. The tables are part of the program: one that cannot be read is a mistake in it.
func rows(text string) [][]string {
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		panic(fmt.Errorf("metrics: the list of metrics cannot be read: %w", err))
	}
	return all[1:]
}
