package observability

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatcheventrule"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/cloudwatcheventtarget"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/text"
)

// Event is something that AWS tells of by EventBridge, and that a person should read.
type Event struct {
	ID, Runbook string
	Severity    config.Severity
	Summary     string
	// Pattern is what EventBridge compares events with.
	Pattern map[string]any
	// Details are parts of the event that the mail shows, by name; a JSON path each. When and where it happened need not
	// be among them, unless the region is told elsewhere than in the envelope.
	Details map[string]string
	// Virginia says that the event is heard in us-east-1: the rule lives there and calls a topic there.
	Virginia bool
}

// Events are those of the environment: what no metric shows.
func Events(cluster string, targets Targets) []Event {
	events := healthEvents()
	if len(targets.Services) > 0 {
		events = append(events, taskEvents(cluster)...)
		events = append(events, deploymentEvents()...)
	}
	if len(targets.Databases) > 0 {
		events = append(events, Event{
			// what RDS's own subscription of the instance leaves out
			ID: "database", Runbook: "event-database", Severity: config.Warning, Summary: "RDS tells of a restore, a replica or a matter of security",
			Pattern: map[string]any{"source": []string{"aws.rds"}, "detail-type": []string{"RDS DB Instance Event"},
				"detail": map[string]any{"EventCategories": []string{"read replica", "restoration", "security", "security patching"}}},
			Details: map[string]string{"database": "$.detail.SourceIdentifier", "event": "$.detail.EventID", "message": "$.detail.Message"},
		})
	}
	if slices.ContainsFunc(targets.Secrets, func(s Secret) bool { return !s.External }) {
		events = append(events, Event{
			// EventBridge hears of it only in an account with a CloudTrail trail, the organization's for example; the alarms on
			// the function and on overdue secrets need none
			ID: "secret_rotation", Runbook: "event-secret-rotation", Severity: config.Warning, Summary: "A secret's rotation failed",
			Pattern: map[string]any{"source": []string{"aws.secretsmanager"}, "detail-type": []string{"AWS Service Event via CloudTrail"},
				"detail": map[string]any{"eventName": []string{"RotationAbandoned", "RotationFailed"}}},
			Details: map[string]string{"event": "$.detail.eventName", "secret": "$.detail.additionalEventData.SecretId"},
		})
	}
	if len(targets.Vaults) > 0 {
		events = append(events, backupEvents()...)
	}
	return events
}

// healthEvents are AWS's own news. It tells each region's in the region, and those of services that know none (IAM, Route
// 53, CloudFront) in us-east-1 alone.
// https://docs.aws.amazon.com/health/latest/ug/choosing-a-region.html
func healthEvents() []Event {
	home := Event{
		ID: "health", Runbook: "event-health", Severity: config.Warning, Summary: "AWS announces an outage or a change",
		Pattern: map[string]any{"source": []string{"aws.health"}, "detail-type": []string{"AWS Health Event"}},
		Details: map[string]string{"service": "$.detail.service", "event": "$.detail.eventTypeCode", "category": "$.detail.eventTypeCategory",
			"status": "$.detail.statusCode", "began": "$.detail.startTime", "description": "$.detail.eventDescription[0].latestDescription",
			"region": "$.detail.eventRegion"},
	}
	global := home
	global.ID, global.Virginia = "health_virginia", true
	return []Event{home, global}
}

// backupEvents are of jobs that failed. Failed copies are the vault's own to tell.
func backupEvents() []Event {
	job := func(id, kind, summary, state string, details map[string]string) Event {
		details["state"], details["message"], details["resource"] = "$.detail."+state, "$.detail.statusMessage", "$.detail.resourceType"
		return Event{ID: id, Runbook: "event-backup-job", Severity: config.Warning, Summary: summary, Details: details,
			Pattern: map[string]any{"source": []string{"aws.backup"}, "detail-type": []string{kind},
				"detail": map[string]any{state: []string{"ABORTED", "EXPIRED", "FAILED"}}}}
	}
	return []Event{
		job("backup_job", "Backup Job State Change", "A backup failed", "state",
			map[string]string{"job": "$.detail.backupJobId", "vault": "$.detail.backupVaultName"}),
		job("restore_job", "Restore Job State Change", "A restore, or the rehearsal of one, failed", "status",
			map[string]string{"job": "$.detail.restoreJobId"}),
	}
}

func taskEvents(cluster string) []Event {
	stopped := func(id, summary string, severity config.Severity, detail map[string]any) Event {
		detail["group"] = []any{map[string]string{"prefix": "service:"}} // a migration speaks for itself
		detail["lastStatus"], detail["clusterArn"] = []string{"STOPPED"}, []any{map[string]string{"suffix": ":cluster/" + cluster}}
		return Event{ID: id, Runbook: "event-" + slug(id), Severity: severity, Summary: summary,
			Pattern: map[string]any{"source": []string{"aws.ecs"}, "detail-type": []string{"ECS Task State Change"}, "detail": detail},
			Details: map[string]string{"service": "$.detail.group", "task": "$.detail.taskArn", "reason": "$.detail.stoppedReason"}}
	}
	const killed, terminated = 137, 143
	exit := func(codes any) map[string]any { return map[string]any{"exitCode": codes} }
	return []Event{
		// a task that is scaled in is killed as well, but for another reason
		stopped("task_memory", "A task was killed: its memory was full, or it did not stop in time", config.Warning,
			map[string]any{"stopCode": []string{"EssentialContainerExited"}, "containers": exit([]int{killed})}),
		stopped("task_failed", "A task ended by itself", config.Warning, map[string]any{
			"stopCode": []string{"EssentialContainerExited"}, "containers": exit([]any{map[string]any{"anything-but": []int{0, killed, terminated}}}),
		}),
		stopped("task_not_started", "A task could not be started", config.Warning, map[string]any{"stopCode": []string{"TaskFailedToStart"}}),
	}
}

func deploymentEvents() []Event {
	return []Event{
		{
			ID: "deployment_failed", Runbook: "event-deployment", Severity: config.Warning, Summary: "A rollout failed and went back",
			Pattern: map[string]any{"source": []string{"aws.ecs"}, "detail-type": []string{"ECS Deployment State Change"},
				"detail": map[string]any{"eventName": []string{"SERVICE_DEPLOYMENT_FAILED"}}},
			Details: map[string]string{"service": "$.resources[0]", "deployment": "$.detail.deploymentId", "reason": "$.detail.reason"},
		},
		{
			ID: "codedeploy_failed", Runbook: "event-deployment", Severity: config.Warning, Summary: "A rollout failed and went back",
			Pattern: map[string]any{"source": []string{"aws.codedeploy"}, "detail-type": []string{"CodeDeploy Deployment State-change Notification"},
				"detail": map[string]any{"state": []string{"FAILURE", "STOP"}}},
			Details: map[string]string{"service": "$.detail.deploymentGroup", "deployment": "$.detail.deploymentId", "state": "$.detail.state"},
		},
		{
			ID: "placement_failed", Runbook: "event-placement", Severity: config.Warning, Summary: "ECS finds no place for a task",
			Pattern: map[string]any{"source": []string{"aws.ecs"}, "detail-type": []string{"ECS Service Action"},
				"detail": map[string]any{"eventName": []string{"SERVICE_TASK_CONFIGURATION_FAILURE", "SERVICE_TASK_PLACEMENT_FAILURE", "SERVICE_TASK_START_IMPAIRED"}}},
			Details: map[string]string{"service": "$.resources[0]", "event": "$.detail.eventName", "reason": "$.detail.reason"},
		},
	}
}

// ruleName is the name of the event's rule.
func (e Event) ruleName(name string) string { return name + "-" + slug(e.ID) }

// events sends them to the topics, in words.
func events(scope constructs.Construct, constructID string, props Props) {
	scope = constructs.NewConstruct(scope, jsii.String(constructID))
	for _, event := range Events(props.Name, props.Targets) {
		provider, topics := props.place(event.Virginia)
		rule := cloudwatcheventrule.NewCloudwatchEventRule(scope, jsii.String(event.ID), &cloudwatcheventrule.CloudwatchEventRuleConfig{
			Name:         jsii.String(event.ruleName(props.Name)),
			Description:  jsii.String(event.Summary),
			EventPattern: jsii.String(text.JSON(event.Pattern)),
			Provider:     provider,
		})
		cloudwatcheventtarget.NewCloudwatchEventTarget(scope, jsii.String(event.ID+"_target"), &cloudwatcheventtarget.CloudwatchEventTargetConfig{
			Rule:             rule.Name(),
			TargetId:         jsii.String("topic"),
			Arn:              jsii.String(topics.Arn(event.Severity)),
			InputTransformer: event.Mail(props.Name, props.Account.ID, props.Repository),
			Provider:         provider,
		})
	}
}

// Mail turns the event's JSON into a text for people, in the environment of that AWS name and account. Repository is where
// the runbook is, "owner/name" on GitHub.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
func (e Event) Mail(name, account, repository string) *cloudwatcheventtarget.CloudwatchEventTargetInputTransformer {
	return &cloudwatcheventtarget.CloudwatchEventTargetInputTransformer{
		InputPaths: pointers(e.paths()), InputTemplate: jsii.String(e.message(name, account, repository)),
	}
}

// paths are the parts of the event that the mail shows, when and where it happened among them.
func (e Event) paths() map[string]string {
	paths := map[string]string{"time": "$.time", "region": "$.region"}
	maps.Copy(paths, e.Details)
	return paths
}

// message is a mail's text: what, when, where, what to do. EventBridge wants each line in quotes.
func (e Event) message(name, account, repository string) string {
	lines := []string{fmt.Sprintf("%s (%s)", e.Summary, name)}
	for _, detail := range slices.Sorted(maps.Keys(e.Details)) {
		if detail != "region" {
			lines = append(lines, fmt.Sprintf("%s: <%s>", strings.ReplaceAll(detail, "_", " "), detail))
		}
	}
	lines = append(lines, "when: <time>", fmt.Sprintf("where: <region>, account %s", account), "What to do: "+RunbookLink(repository, e.Runbook))
	return `"` + strings.Join(lines, "\"\n\"") + `"`
}
