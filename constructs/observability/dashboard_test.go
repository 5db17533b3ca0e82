package observability

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/metrics"
)

// shown is a dashboard's body as CloudWatch reads it.
type shown struct {
	Widgets []struct {
		Type                string
		X, Y, Width, Height int
		Properties          struct {
			Title, Region, Markdown string
			Metrics                 [][]any
			Alarms                  []string
		}
	}
}

func show(t *testing.T, view View) shown {
	t.Helper()
	var body shown
	if err := json.Unmarshal([]byte(Dashboard(view)), &body); err != nil {
		t.Fatal(err)
	}
	return body
}

// metricFaults are metrics of a widget that nobody publishes, and expressions on what is not there.
func metricFaults(region string, entries [][]any) []string {
	var faults []string
	ids := map[string]bool{}
	for _, entry := range entries {
		options, _ := entry[len(entry)-1].(map[string]any)
		if expression, is := options["expression"].(string); is {
			for _, name := range namesInExpressions.FindAllString(expression, -1) {
				if !ids[name] {
					faults = append(faults, fmt.Sprintf("%q names %s, which comes later or never", expression, name))
				}
			}
		} else {
			use := metrics.Use{Namespace: fmt.Sprint(entry[0]), Metric: fmt.Sprint(entry[1]), Statistic: fmt.Sprint(options["stat"]), Region: region}
			for i := 2; i < len(entry)-1; i += 2 {
				use.Dimensions = append(use.Dimensions, fmt.Sprint(entry[i]))
				if entry[i+1] == "" {
					faults = append(faults, fmt.Sprintf("dimension %s is empty", entry[i]))
				}
			}
			if fault := use.Fault(); fault != "" {
				faults = append(faults, fault)
			}
		}
		if id, is := options["id"].(string); is {
			if ids[id] {
				faults = append(faults, "id "+id+" twice")
			}
			ids[id] = true
		}
	}
	return faults
}

func TestDashboard(t *testing.T) {
	view := View{Name: "batbern-dev", Account: "222233334444", Region: "eu-central-1", Targets: everything, Watch: closely, BudgetUsd: 250, Repository: "BATbern/infrastructure",
		AlarmArns: []string{"arn:aws:cloudwatch:eu-central-1:222233334444:alarm:x"}}
	body := show(t, view)

	t.Run("every metric is one that AWS publishes", func(t *testing.T) {
		for _, widget := range body.Widgets {
			for _, fault := range metricFaults(widget.Properties.Region, widget.Properties.Metrics) {
				t.Errorf("%s: %s", widget.Properties.Title, fault)
			}
		}
	})
	t.Run("nothing overlaps or stands outside", func(t *testing.T) {
		taken := map[[2]int]string{}
		for _, widget := range body.Widgets {
			name := widget.Properties.Title + widget.Properties.Markdown
			if widget.X < 0 || widget.X+widget.Width > columns || widget.Height < 1 || widget.Width < 1 {
				t.Errorf("%s: at %d, %d wide, %d high", name, widget.X, widget.Width, widget.Height)
			}
			for x := widget.X; x < widget.X+widget.Width; x++ {
				for y := widget.Y; y < widget.Y+widget.Height; y++ {
					if other := taken[[2]int{x, y}]; other != "" {
						t.Fatalf("%s lies on %s", name, other)
					}
					taken[[2]int{x, y}] = name
				}
			}
		}
	})
	t.Run("it has a row for each concern", func(t *testing.T) {
		text := Dashboard(view)
		for _, row := range []string{"What is promised", "Traffic", "Services", "Database", "Cache", "Edge", "Functions and backups", "Cost"} {
			if !strings.Contains(text, "## "+row) {
				t.Errorf("no row %q", row)
			}
		}
	})
	t.Run("without targets there is the bill alone", func(t *testing.T) {
		bare := show(t, View{Name: "x", Account: "222233334444", Region: "eu-central-1"})
		var titles []string
		for _, widget := range bare.Widgets {
			if widget.Type == "metric" {
				titles = append(titles, widget.Properties.Title)
			}
		}
		if len(titles) != 1 || !strings.HasPrefix(titles[0], "Bill") {
			t.Errorf("found %v", titles)
		}
	})
	t.Run("the same bytes twice", func(t *testing.T) {
		if first, second := Dashboard(view), Dashboard(view); first != second {
			t.Error("two runs differ")
		}
	})
	t.Run("planted: a metric of X-Ray, an API by name", func(t *testing.T) {
		for _, planted := range [][]any{
			{"AWS/X-Ray", "TracedRequests", map[string]any{"stat": "Sum"}},
			{"AWS/ApiGateway", "Count", "ApiName", "batbern", map[string]any{"stat": "Sum"}},
			{map[string]any{"expression": "nobody * 2"}},
		} {
			if len(metricFaults("eu-central-1", [][]any{planted})) == 0 {
				t.Errorf("%v was not found", planted)
			}
		}
	})
}
