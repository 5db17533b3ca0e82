package stacks

import (
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/certificate"
	"github.com/batbern/infrastructure/constructs/cost"
	"github.com/batbern/infrastructure/constructs/edge"
	"github.com/batbern/infrastructure/constructs/encryption"
	"github.com/batbern/infrastructure/constructs/network"
	"github.com/batbern/infrastructure/constructs/observability"
	"github.com/batbern/infrastructure/constructs/secretwatch"
	"github.com/batbern/infrastructure/constructs/storage"
)

// addTopics makes the topics of the home region.
func addTopics(stack cdktf.TerraformStack, environment config.Environment, keyArn string) observability.TopicOutputs {
	return observability.Topics(stack, "topics", observability.TopicProps{
		Name:      environment.Stack(),
		AccountID: environment.Account.ID,
		Region:    environment.Account.Region,
		KeyArn:    keyArn,
		Emails:    environment.AlarmEmails,
		MailFrom:  environment.Observability.MailFrom,
	})
}

// virginiaTopics are the same where CloudFront's alarms are, with a key there.
func virginiaTopics(stack cdktf.TerraformStack, environment config.Environment, in clouds) observability.TopicOutputs {
	key := encryption.Key(stack, "virginia_messages", encryption.Props{
		Name:       environment.Stack(),
		AccountID:  environment.Account.ID,
		Region:     virginia,
		Protection: environment.Protection,
		Provider:   in.virginia,
	}, encryption.Messages)
	return observability.Topics(stack, "virginia_topics", observability.TopicProps{
		Name:      environment.Stack(),
		AccountID: environment.Account.ID,
		Region:    virginia,
		KeyArn:    key.Arn,
		Emails:    environment.AlarmEmails,
		MailFrom:  environment.Observability.MailFrom,
		Provider:  in.virginia,
	})
}

// watched is what an environment's alarms and dashboard are made from.
type watched struct {
	keys         encryption.Outputs
	topics       observability.TopicOutputs
	boundaryArn  string
	vpc          network.Outputs
	buckets      storage.Outputs
	data         data
	platform     platform
	certificates certificate.Outputs
	front        edge.Outputs
	secrets      secretwatch.Outputs
}

// addObservability watches what the stack made, and its cost.
func addObservability(stack cdktf.TerraformStack, project config.Project, environment config.Environment, all watched, in clouds) {
	made := observability.New(stack, "observability", observability.Props{
		Name:             environment.Stack(),
		Account:          environment.Account,
		Domains:          environment.Domains,
		Watch:            environment.Observability,
		Targets:          targets(environment, all),
		Repository:       project.Settings.GithubRepository,
		BudgetUsd:        environment.BudgetUsd(),
		Topics:           all.topics,
		VirginiaTopics:   virginiaTopics(stack, environment, in),
		Virginia:         in.virginia,
		LogsKeyArn:       all.keys.LogsKeyArn,
		Artefacts:        all.buckets.Logs,
		StorageKeyArn:    all.keys.StorageKeyArn,
		LogRetentionDays: environment.Compute.LogRetentionDays,
		BoundaryArn:      all.boundaryArn,
	})
	output(stack, "dashboard", made.DashboardName, "CloudWatch dashboard of the environment")
	if made.GrafanaEndpoint != "" {
		output(stack, "grafana", made.GrafanaEndpoint, "Address of the Grafana workspace")
	}
	cost.New(stack, "cost", cost.Props{
		Name:       environment.Stack(),
		AccountID:  environment.Account.ID,
		Kind:       environment.Account.Kind,
		BudgetUsd:  environment.BudgetUsd(),
		AnomalyUsd: environment.Observability.AnomalyUsd,
		Emails:     environment.AlarmEmails, // money is mailed everywhere, whatever severity alarms are mailed from
	})
}
