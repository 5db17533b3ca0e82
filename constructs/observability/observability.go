package observability

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/storage"
)

// Props says what is watched, how, and who is told.
type Props struct {
	Name    string // prefix of AWS names, e.g. "batbern-dev"
	Account config.Account
	Domains config.Domains
	Watch   config.Observability
	Targets Targets
	// Repository is "owner/name" on GitHub, where alarms link to the runbook.
	Repository string
	// BudgetUsd is the month's, which the dashboard compares with; 0 for none.
	BudgetUsd float64

	Topics TopicOutputs
	// VirginiaTopics are the same in us-east-1, and Virginia the provider there: CloudFront publishes its metrics there
	// alone, and an alarm calls topics of its own region alone.
	VirginiaTopics TopicOutputs
	Virginia       cdktf.TerraformProvider

	// LogsKeyArn encrypts the canaries' logs and the traces.
	LogsKeyArn string
	// Artefacts keeps what canaries saw, under [CanaryPrefix], encrypted with StorageKeyArn whatever the bucket's own way.
	Artefacts     storage.Bucket
	StorageKeyArn string

	LogRetentionDays int
	BoundaryArn      string
}

// Outputs are the names of what was made.
type Outputs struct {
	DashboardName string
	// GrafanaEndpoint is the workspace's address, "" without one.
	GrafanaEndpoint string
}

// New watches the environment. It comes last in a stack: it names what the others made.
func New(scope constructs.Construct, id string, props Props) Outputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	props.Targets.Canaries = props.visits()
	sounding := alarms(scope, "alarms", props)
	tracing(scope, "tracing", props)
	logs(scope, "logs", props)
	canaries(scope, "canaries", props)
	events(scope, "events", props)
	return Outputs{
		DashboardName:   dashboard(scope, "dashboard", sounding, props),
		GrafanaEndpoint: grafana(scope, "grafana", props),
	}
}
