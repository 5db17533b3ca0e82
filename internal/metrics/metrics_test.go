package metrics

import (
	"strings"
	"testing"
)

func TestTheListItself(t *testing.T) {
	known := documented()
	seen := map[string]bool{}
	for key, entries := range known.metrics {
		namespace, _, _ := strings.Cut(key, " ")
		seen[namespace] = true
		if known.sources[namespace].url == "" {
			t.Errorf("%s: no page is named for %s", key, namespace)
		}
		if len(entries) != 1 {
			t.Errorf("%s stands %d times", key, len(entries))
		}
		for _, statistic := range entries[0].statistics {
			if !strings.Contains(" Average Maximum Minimum SampleCount Sum p ", " "+statistic+" ") {
				t.Errorf("%s: %q is no statistic", key, statistic)
			}
		}
	}
	for namespace := range known.sources {
		if !seen[namespace] {
			t.Errorf("%s has a page and no metric", namespace)
		}
	}
}

// The alarms that never fired in BATbern's former infrastructure, and their likes.
func TestMetricsThatNobodyPublishesAreFound(t *testing.T) {
	const home = "eu-central-1"
	for name, test := range map[string]struct {
		use  Use
		want string // "" for a sound one
	}{
		"sound":                            {Use{"AWS/ECS", "CPUUtilization", "Average", []string{"ServiceName", "ClusterName"}, home}, ""},
		"sound percentile":                 {Use{"AWS/ApplicationELB", "TargetResponseTime", "p99.9", []string{"LoadBalancer"}, home}, ""},
		"disk of a service without disks":  {Use{"AWS/EBS", "VolumeUtilization", "Average", nil, home}, "AWS/EBS is not documented"},
		"a service without its cluster":    {Use{"AWS/ECS", "CPUUtilization", "Average", []string{"ServiceName"}, home}, "no dimensions"},
		"memory without its cluster":       {Use{"AWS/ECS", "MemoryUtilization", "Average", []string{"ServiceName"}, home}, "no dimensions"},
		"a cluster that is an instance":    {Use{"AWS/RDS", "CPUUtilization", "Average", []string{"DBClusterIdentifier"}, home}, "no dimensions"},
		"tasks counted where none are":     {Use{"AWS/ECS", "TaskCount", "Average", []string{"ClusterName"}, home}, "no metric TaskCount"},
		"running tasks in AWS/ECS":         {Use{"AWS/ECS", "RunningTaskCount", "Average", []string{"ClusterName", "ServiceName"}, home}, "no metric RunningTaskCount"},
		"billing outside of Virginia":      {Use{"AWS/Billing", "EstimatedCharges", "Maximum", []string{"Currency"}, home}, "us-east-1 alone"},
		"CloudFront outside of Virginia":   {Use{"AWS/CloudFront", "5xxErrorRate", "Average", []string{"DistributionId", "Region"}, home}, "us-east-1 alone"},
		"CloudFront without its region":    {Use{"AWS/CloudFront", "5xxErrorRate", "Average", []string{"DistributionId"}, "us-east-1"}, "no dimensions"},
		"traces as metrics":                {Use{"AWS/X-Ray", "ResponseTime", "Average", nil, home}, "AWS/X-Ray is not documented"},
		"an HTTP API by a REST API's name": {Use{"AWS/ApiGateway", "5XXError", "Sum", []string{"ApiName"}, home}, "no metric 5XXError"},
		"an API by name":                   {Use{"AWS/ApiGateway", "Count", "Sum", []string{"ApiName"}, home}, "no dimensions"},
		"hosts of a load balancer":         {Use{"AWS/ApplicationELB", "UnHealthyHostCount", "Maximum", []string{"LoadBalancer"}, home}, "no dimensions"},
		"the sum of a rate":                {Use{"AWS/CloudFront", "5xxErrorRate", "Sum", []string{"DistributionId", "Region"}, "us-east-1"}, "says nothing"},
		"an availability that counts":      {Use{"AWS/ApiGateway", "Count", "Average", []string{"ApiId"}, home}, "says nothing"},
		"a cache's group":                  {Use{"AWS/ElastiCache", "CPUUtilization", "Average", []string{"ReplicationGroupId"}, home}, "no dimensions"},
	} {
		t.Run(name, func(t *testing.T) {
			fault := test.use.Fault()
			if test.want == "" && fault != "" {
				t.Errorf("found %s", fault)
			}
			if !strings.Contains(fault, test.want) {
				t.Errorf("found %q, wanted %q", fault, test.want)
			}
		})
	}
}
