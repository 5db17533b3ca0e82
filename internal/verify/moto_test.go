package verify

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/batbern/infrastructure/internal/mototest"
	"github.com/batbern/infrastructure/internal/tree/treetest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	mototest.Stop()
	os.Exit(code)
}

// The emulator answers where it implements a call: each check first without the resource, then with it.
func TestOnTheEmulator(t *testing.T) {
	moto := mototest.Shared(t)
	moto.Reset(t)
	ctx := context.Background()
	stack := treetest.New("batbern-dev")
	stack.Add("aws_secretsmanager_secret", "database/secret", treetest.Attrs{"name": "batbern-dev/a"})
	stack.Add("aws_cloudwatch_log_group", "api/log", treetest.Attrs{"name": "/batbern-dev/api"})
	topic := stack.Add("aws_sns_topic", "topics/critical", treetest.Attrs{"name": "batbern-dev-critical"})
	stack.Add("aws_sns_topic_subscription", "topics/mail", treetest.Attrs{"topic_arn": treetest.Ref(topic, "arn"), "endpoint": "a@example.com", "protocol": "email"})
	stack.Add("aws_acm_certificate", "certificate", treetest.Attrs{"domain_name": "dev.batbern.ch"})
	cluster := stack.Add("aws_ecs_cluster", "cluster/cluster", treetest.Attrs{"name": "batbern-dev"})
	stack.Add("aws_ecs_service", "services/events/service", treetest.Attrs{"name": "events", "cluster": treetest.Ref(cluster, "arn"), "desired_count": 1})
	parsed := stack.Parse()
	parsed.Body["provider"] = map[string]any{"aws": []any{map[string]any{"allowed_account_ids": []any{mototest.AccountID}}}}
	w := &World{Stack: parsed, AWS: moto.Config(), Now: time.Now}

	expect := func(id string, status Status, says string) {
		t.Helper()
		for _, check := range Checks() {
			if check.ID != id {
				continue
			}
			if got := check.run(ctx, w); got.Status != status || !strings.Contains(got.Seen, says) {
				t.Errorf("%s: want %s with %q, got %+v", id, status, says, got)
			}
		}
	}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := Account(ctx, w); err != nil {
		t.Error(err)
	}

	expect("secrets-valued", Failed, "ResourceNotFoundException")
	secrets := secretsmanager.NewFromConfig(w.AWS)
	must(secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("batbern-dev/a")}))
	expect("secrets-valued", Failed, "has no value")
	must(secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: aws.String("batbern-dev/a"), SecretString: aws.String("x")}))
	expect("secrets-valued", Passed, "1 secrets have a value")

	expect("logs", Failed, "/batbern-dev/api does not exist")
	events := logs.NewFromConfig(w.AWS)
	group, stream := aws.String("/batbern-dev/api"), aws.String("a")
	must(events.CreateLogGroup(ctx, &logs.CreateLogGroupInput{LogGroupName: group}))
	expect("logs", Failed, "/batbern-dev/api never received an event")
	must(events.CreateLogStream(ctx, &logs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream}))
	must(events.PutLogEvents(ctx, &logs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream,
		LogEvents: []logtypes.InputLogEvent{{Message: aws.String("x"), Timestamp: aws.Int64(time.Now().UnixMilli())}}}))
	expect("logs", Passed, "1 receive")

	topics := sns.NewFromConfig(w.AWS)
	created, err := topics.CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("batbern-dev-critical")})
	must(created, err)
	expect("subscriptions", Failed, "a@example.com on batbern-dev-critical: does not exist")
	must(topics.Subscribe(ctx, &sns.SubscribeInput{TopicArn: created.TopicArn, Protocol: aws.String("email"), Endpoint: aws.String("a@example.com")}))
	expect("subscriptions", Passed, "1 subscriptions confirmed") // moto confirms at once

	expect("certificates", Failed, "dev.batbern.ch in eu-central-1 does not exist")
	must(acm.NewFromConfig(w.AWS).RequestCertificate(ctx, &acm.RequestCertificateInput{DomainName: aws.String("dev.batbern.ch"), ValidationMethod: "DNS"}))
	expect("certificates", Failed, "dev.batbern.ch in eu-central-1 is PENDING_VALIDATION")

	expect("tasks", Failed, "ClusterNotFoundException")
	must(ecs.NewFromConfig(w.AWS).CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("batbern-dev")}))
	expect("tasks", Failed, "events does not exist")
}
