package observability

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchquerydefinition"
)

// logs masks personal data in the logs of both regions and saves the queries that answer most questions.
func logs(scope constructs.Construct, constructID string, props Props) {
	scope = constructs.NewConstruct(scope, jsii.String(constructID))
	if props.Watch.MaskPersonalData {
		mask(scope, "masking", nil, props)
		mask(scope, "masking_virginia", props.Virginia, props) // the firewall and functions at the edge log there
	}
	for _, query := range savedQueries {
		var groups []string
		for _, group := range props.Targets.LogGroups {
			if group.Kind == query.kind {
				groups = append(groups, group.Name)
			}
		}
		number := 1
		for some := range slices.Chunk(groups, groupsAQuery) {
			id, name := query.id, props.Name+"/"+query.name
			if number > 1 {
				id, name = fmt.Sprintf("%s_%d", id, number), fmt.Sprintf("%s %d", name, number)
			}
			cloudwatchquerydefinition.NewCloudwatchQueryDefinition(scope, jsii.String(id), &cloudwatchquerydefinition.CloudwatchQueryDefinitionConfig{
				Name:          jsii.String(name),
				QueryString:   jsii.String(strings.Join(query.lines, "\n| ")),
				LogGroupNames: jsii.Strings(some...),
			})
			number++
		}
	}
}

// groupsAQuery is how many log groups one query of CloudWatch Logs Insights accepts.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
const groupsAQuery = 50

// savedQuery is one of Logs Insights, over all groups of a kind.
type savedQuery struct {
	id, name string
	kind     LogKind
	lines    []string
}

var savedQueries = []savedQuery{
	{"service_errors", "services/errors", ServiceLog, []string{
		`fields @timestamp, @logStream, @message`, `filter @message like /ERROR|Exception/`, `sort @timestamp desc`, `limit 100`,
	}},
	{"service_errors_by_minute", "services/errors by minute", ServiceLog, []string{
		`filter @message like /ERROR/`, `stats count(*) as errors by bin(1m), @log`, `sort errors desc`,
	}},
	{"service_starts", "services/starts", ServiceLog, []string{
		`fields @timestamp, @log`, `filter @message like /Started .* in .* seconds/`, `parse @message "in * seconds" as seconds`,
		`stats avg(seconds), max(seconds), count(*) by @log`,
	}},
	{"api_errors", "api/errors by route", ApiLog, []string{
		`filter status >= 500`, `stats count(*) as errors by routeKey, path, status`, `sort errors desc`,
	}},
	{"api_slow", "api/slowest", ApiLog, []string{
		`fields @timestamp, routeKey, path, status, latency, integrationLatency`, `sort latency desc`, `limit 50`,
	}},
	{"api_callers", "api/callers with most requests", ApiLog, []string{
		`stats count(*) as requests by sourceIp`, `sort requests desc`, `limit 25`,
	}},
	{"postgres_slow", "database/slow statements", PostgresLog, []string{
		`fields @timestamp, @message`, `filter @message like /duration:/`, `parse @message "duration: * ms" as milliseconds`,
		`sort milliseconds desc`, `limit 50`,
	}},
	{"postgres_errors", "database/errors", PostgresLog, []string{
		`fields @timestamp, @message`, `filter @message like /ERROR|FATAL|PANIC/`, `sort @timestamp desc`, `limit 100`,
	}},
	{"rejected", "network/rejected connections", RejectedLog, []string{
		// the fields of the flow logs in their order, see constructs/network
		`parse @message "* * * * * * * * * * * *" as version, account, vpc, subnet, zone, interface, source, destination, sourcePort, port, protocol, rest`,
		`stats count(*) as rejected by source, destination, port`, `sort rejected desc`, `limit 50`,
	}},
	{"function_errors", "functions/errors", FunctionLog, []string{
		`fields @timestamp, @log, @message`, `filter level = "ERROR" or @message like /Task timed out|panic/`, `sort @timestamp desc`, `limit 100`,
	}},
}
