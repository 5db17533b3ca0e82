package observability

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchlogaccountpolicy"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatchquerydefinition"
	"github.com/hashicorp/terraform-cdk-go/cdktf"
)

// logs keeps personal data in logs from whoever needs not see it, and saves the queries that answer most questions.
func logs(scope constructs.Construct, constructID string, props Props) {
	scope = constructs.NewConstruct(scope, jsii.String(constructID))
	if props.Watch.MaskPersonalData {
		mask(scope, "masking", nil, props)
		mask(scope, "masking_virginia", props.Virginia, props) // where the firewall and functions at the edge write
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

// mask is of the account in a region, not of a group: the next log group is covered too.
func mask(scope constructs.Construct, id string, provider cdktf.TerraformProvider, props Props) {
	cloudwatchlogaccountpolicy.NewCloudwatchLogAccountPolicy(scope, jsii.String(id), &cloudwatchlogaccountpolicy.CloudwatchLogAccountPolicyConfig{
		PolicyName:     jsii.String(props.Name + "-masking"),
		PolicyType:     jsii.String("DATA_PROTECTION_POLICY"),
		Scope:          jsii.String("ALL"),
		PolicyDocument: jsii.String(MaskingPolicy(props.Name)),
		Provider:       provider,
	})
}

// groupsAQuery is how many log groups CloudWatch Logs Insights takes in one query.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
const groupsAQuery = 50

// MaskingPolicy hides personal data and credentials in all log groups of the account. Who has logs:Unmask may still see
// them, metric filters do, and nothing of what is stored changes.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch-logs-data-protection-policies.html
func MaskingPolicy(name string) string {
	// AWS knows no Swiss identifiers: these are ours
	own := []map[string]string{
		{"Name": "AhvNumber", "Regex": `756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}`},
		{"Name": "SwissPhoneNumber", "Regex": `(\+41|0041)[ .]?[0-9]{2}[ .]?[0-9]{3}[ .]?[0-9]{2}[ .]?[0-9]{2}`},
	}
	identifiers := []string{"AhvNumber", "SwissPhoneNumber"}
	for _, known := range []string{"AwsSecretKey", "BankAccountNumber-DE", "CreditCardNumber", "EmailAddress", "OpenSshPrivateKey"} {
		identifiers = append(identifiers, "arn:aws:dataprotection::aws:data-identifier/"+known)
	}
	return encode(map[string]any{
		"Name":        name + "-masking",
		"Description": "Personal data and credentials are hidden from who may not unmask them",
		"Version":     "2021-06-01",
		"Configuration": map[string]any{
			"CustomDataIdentifier": own,
		},
		"Statement": []map[string]any{
			// AWS takes the two as a pair: what is audited, and that it is masked
			{"Sid": "audit", "DataIdentifier": identifiers, "Operation": map[string]any{"Audit": map[string]any{"FindingsDestination": map[string]any{}}}},
			{"Sid": "mask", "DataIdentifier": identifiers, "Operation": map[string]any{"Deidentify": map[string]any{"MaskConfig": map[string]any{}}}},
		},
	})
}

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
