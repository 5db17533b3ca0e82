package verify

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// failures are the answers that say no: for each check, what changes against a world in which everything works, and
// what the check must say of it.
var failures = map[string][]struct {
	name      string
	reactions map[string]func(call) reaction
	web       func(*http.Request) *http.Response
	says      string
}{
	"api": {
		{name: "unreachable service", web: func(*http.Request) *http.Response { return respond(503, `{"message":"Service Unavailable"}`) }, says: "event-management answers 503"},
		{name: "desync mode", web: func(*http.Request) *http.Response { return respond(400, "") }, says: "api-gateway answers 400"},
		{name: "no route", web: func(*http.Request) *http.Response { return respond(404, `{"message":"Not Found"}`) }, says: "api-gateway is not reached: 404"},
		{name: "no rule", web: func(*http.Request) *http.Response { return respond(404, `{"message":"not found"}`) }, says: "api-gateway is not reached: 404"},
		{name: "no name", web: func(*http.Request) *http.Response { return nil }, says: "no such host"},
	},
	"site": {
		{name: "no frontend", web: func(*http.Request) *http.Response { return respond(403, "", "X-Amz-Cf-Id", "x") }, says: "www.batbern.ch answers 403"},
		{name: "another server", web: func(*http.Request) *http.Response { return respond(200, "parked") }, says: "www.batbern.ch answers 200, but not through CloudFront"},
		{name: "no name", web: func(*http.Request) *http.Response { return nil }, says: "cdn.batbern.ch does not answer"},
		{name: "function fault", web: func(*http.Request) *http.Response { return respond(503, "", "X-Amz-Cf-Id", "x") }, says: "cdn.batbern.ch answers 503"},
	},
	"tasks": {
		{name: "too few", reactions: reactions("DescribeServices", tasks("ACTIVE", 1, 2)), says: "api-gateway runs 1 of 2 tasks"},
		{name: "removed", reactions: reactions("DescribeServices", tasks("INACTIVE", 0, 0)), says: "api-gateway is INACTIVE"},
		{name: "absent", reactions: reactions("DescribeServices", says(`{"services":[],"failures":[{"reason":"MISSING"}]}`)), says: "api-gateway does not exist"},
		{name: "no cluster", reactions: reactions("DescribeServices", refuses("ClusterNotFoundException")), says: "ClusterNotFoundException"},
	},
	"targets": {
		{name: "unhealthy", reactions: reactions("DescribeTargetHealth", health("unhealthy", "Target.Timeout")), says: "api_gateway has no healthy target (Target.Timeout)"},
		{name: "empty", reactions: reactions("DescribeTargetHealth", says("<TargetHealthDescriptions/>")), says: "api_gateway has no target"},
	},
	"certificates": {
		{name: "pending", reactions: reactions("ListCertificates", certificate("PENDING_VALIDATION", now.Add(99*day))), says: "batbern.ch in eu-central-1 is PENDING_VALIDATION"},
		{name: "expiring", reactions: reactions("ListCertificates", certificate("ISSUED", now.Add(9*day))), says: "ISSUED, until 2026-12-04"},
		{name: "absent", reactions: reactions("ListCertificates", says(`{"CertificateSummaryList":[]}`)), says: "batbern.ch in us-east-1 does not exist"},
	},
	"proxy-targets": {
		{name: "role not trusted", reactions: reactions("DescribeDBProxyTargets", proxyTarget(`<State>UNAVAILABLE</State><Reason>AUTH_FAILURE</Reason><Description>no secret</Description>`)), says: "UNAVAILABLE AUTH_FAILURE no secret"},
		{name: "none", reactions: reactions("DescribeDBProxyTargets", says("<Targets/>")), says: "batbern-prod-proxy has no target"},
		{name: "no proxy", reactions: reactions("DescribeDBProxyTargets", refuses("DBProxyNotFoundFault")), says: "DBProxyNotFoundFault"},
	},
	"proxy-login": {
		{name: "nobody", reactions: reactions("GetMetricData", metrics(nil)), says: "accepted no connection"},
		{name: "refused", reactions: reactions("GetMetricData", metrics(map[string]float64{"ClientConnectionsSetupSucceeded": 1, "ClientConnectionsSetupFailedAuth": 7})), says: "refused 7 logins"},
		{name: "passwords", reactions: reactions("DescribeDBProxies", proxyAuth("DISABLED")), says: "accepts a password for events"},
	},
	"secrets-rotated": {
		{name: "late", reactions: reactions("DescribeSecret", secret(now.Add(-40*day), true, "AWSCURRENT")), says: "was last rotated on 2026-10-16"},
		{name: "off", reactions: reactions("DescribeSecret", secret(now, false, "AWSCURRENT")), says: "is not rotated"},
		{name: "never", reactions: reactions("DescribeSecret", says(`{"RotationEnabled":true}`)), says: "was never rotated"},
	},
	"secrets-valued": {
		{name: "pending only", reactions: reactions("DescribeSecret", secret(now, true, "AWSPENDING")), says: "has no value"},
		{name: "absent", reactions: reactions("DescribeSecret", refuses("ResourceNotFoundException")), says: "ResourceNotFoundException"},
	},
	"database-backup": {
		{name: "old", reactions: reactions("DescribeDBInstances", instance(35, now.Add(-3*time.Hour))), says: "restorable to 2026-11-25T09:00:00Z only"},
		{name: "off", reactions: reactions("DescribeDBInstances", instance(0, now)), says: "keeps no backups"},
	},
	"database-replica": {
		{name: "stopped", reactions: reactions("DescribeDBInstanceAutomatedBackups", replica("retained", now)), says: "is retained in eu-west-1"},
		{name: "old", reactions: reactions("DescribeDBInstanceAutomatedBackups", replica("replicating", now.Add(-day))), says: "to 2026-11-24T12:00:00Z only"},
		{name: "absent", reactions: reactions("DescribeDBInstanceAutomatedBackups", says("<DBInstanceAutomatedBackups/>")), says: "has no backup in eu-west-1"},
	},
	"backup-points": {
		{name: "none", reactions: reactions("ListRecoveryPointsByBackupVault", says(`{"RecoveryPoints":[]}`)), says: "batbern-prod in eu-west-1 has no recovery point of the last 36 hours"},
		{name: "partial", reactions: reactions("ListRecoveryPointsByBackupVault", points("PARTIAL")), says: "has no recovery point"},
	},
	"backup-jobs": {
		{name: "role not trusted", reactions: reactions("ListBackupJobs", says(`{"BackupJobs":[{"ResourceType":"RDS","StatusMessage":"Access Denied trying to call AWS Backup service"}]}`)), says: "RDS: Access Denied"},
	},
	"replication": {
		{name: "role not trusted", reactions: reactions("GetMetricData", metrics(map[string]float64{"OperationsFailedReplication": 3})), says: "rule all: 3 objects failed"},
	},
	"logs": {
		{name: "silent", reactions: reactions("DescribeLogStreams", says(`{"logStreams":[]}`)), says: "/aws/vendedlogs/batbern-prod/api never received an event"},
		{name: "absent", reactions: reactions("DescribeLogStreams", refuses("ResourceNotFoundException")), says: "does not exist"},
	},
	"alarms": {
		{name: "no data", reactions: reactions("DescribeAlarms", alarms("INSUFFICIENT_DATA", "")), says: "batbern-prod-api-main-5xx has no data"},
		{name: "absent", reactions: reactions("DescribeAlarms", alarms("OK", "batbern-prod-api-main-5xx")), says: "batbern-prod-api-main-5xx does not exist"},
	},
	"subscriptions": {
		{name: "pending", reactions: reactions("ListSubscriptionsByTopic", subscriptions("PendingConfirmation")), says: address + " on batbern-prod-critical: PendingConfirmation"},
		{name: "absent", reactions: reactions("ListSubscriptionsByTopic", says("<Subscriptions/>")), says: "does not exist"},
	},
	"trail": {
		{name: "none", reactions: reactions("DescribeTrails", says(`{"trailList":[]}`)), says: "there is no trail"},
		{name: "stopped", reactions: reactions("GetTrailStatus", trailStatus(false, "")), says: "organization is not logging"},
		{name: "bucket refuses", reactions: reactions("GetTrailStatus", trailStatus(true, "AccessDenied")), says: "AccessDenied"},
	},
	"quotas": {
		{name: "default", reactions: reactions("GetAWSDefaultServiceQuota", quotaOf(6)), says: "(L-3032A538): the configuration counts on 40, AWS allows 6"},
		{name: "own", reactions: reactions("GetServiceQuota", quotaOf(1)), says: "Elastic IPs (L-0263D0A3): the configuration counts on 5, AWS allows 1"},
	},
	"github-subjects": {
		{name: "created since", web: github(`{"id":1,"full_name":"%s","created_at":"2026-09-01T00:00:00Z","owner":{"id":2}}`), says: "has an immutable subject, but its names are trusted"},
		{name: "created between", web: github(`{"id":1,"full_name":"%s","created_at":"2026-07-01T00:00:00Z","owner":{"id":2}}`), says: "either form is possible"},
		{name: "renamed", web: github(`{"id":1,"full_name":"other/%s","created_at":"2024-09-01T00:00:00Z","owner":{"id":2}}`), says: "its subject is immutable"},
		{name: "absent", web: func(*http.Request) *http.Response { return respond(404, "{}") }, says: "does not exist"},
	},
}

func reactions(operation string, react func(call) reaction) map[string]func(call) reaction {
	return map[string]func(call) reaction{operation: react}
}

func github(answer string) func(*http.Request) *http.Response {
	return func(r *http.Request) *http.Response {
		return respond(200, fmt.Sprintf(answer, strings.TrimPrefix(r.URL.Path, "/repos/")))
	}
}

// stackOf is the stack that a check is tested on.
func stackOf(check Check) string {
	if check.ID == "github-subjects" {
		return "batbern-base"
	}
	return "batbern-prod"
}

func TestEveryCheckPassesAndFails(t *testing.T) {
	for _, check := range Checks() {
		t.Run(check.ID, func(t *testing.T) {
			s := newServer(t)
			w := s.world(stackOf(check), works)
			if !check.applies(w.Stack) {
				t.Fatalf("does not apply to %s", w.Stack.Name)
			}
			if got := check.run(context.Background(), w); got.Status != Passed || got.Seen == "" || got.Do != "" {
				t.Errorf("a world in which everything works: %+v", got)
			}
			if len(failures[check.ID]) == 0 {
				t.Error("nothing says no to this check")
			}
			for _, no := range failures[check.ID] {
				s := newServer(t)
				for operation, react := range no.reactions {
					s.reactions[operation] = react
				}
				web := works
				if no.web != nil {
					web = no.web
				}
				got := check.run(context.Background(), s.world(stackOf(check), web))
				if got.Status != Failed || !strings.Contains(got.Seen, no.says) || got.Do == "" {
					t.Errorf("%s: want failed with %q, got %+v", no.name, no.says, got)
				}
			}
		})
	}
}

// services are the prefixes of IAM actions by the SDK's service ids.
var services = map[string]string{
	"ACM": "acm", "Backup": "backup", "CloudTrail": "cloudtrail", "CloudWatch": "cloudwatch", "CloudWatch Logs": "logs", "ECS": "ecs",
	"Elastic Load Balancing v2": "elasticloadbalancing", "RDS": "rds", "Secrets Manager": "secretsmanager",
	"Service Quotas": "servicequotas", "SNS": "sns",
}

// Each check calls what its permissions name, and nothing else; all of it reads.
func TestPermissionsAreTheCalls(t *testing.T) {
	for _, check := range Checks() {
		var actions []string
		s := newServer(t)
		w := s.world(stackOf(check), works)
		w.AWS.APIOptions = append(w.AWS.APIOptions, func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("record", func(
				ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
			) (middleware.InitializeOutput, middleware.Metadata, error) {
				actions = append(actions, services[awsmiddleware.GetServiceID(ctx)]+":"+awsmiddleware.GetOperationName(ctx))
				return next.HandleInitialize(ctx, in)
			}), middleware.After)
		})
		check.run(context.Background(), w)
		called := slices.Compact(slices.Sorted(slices.Values(actions)))
		if named := slices.Sorted(slices.Values(check.Permissions)); !slices.Equal(called, named) {
			t.Errorf("%s calls %v, but names %v", check.ID, called, named)
		}
		for _, action := range called {
			_, operation, _ := strings.Cut(action, ":")
			if !strings.HasPrefix(operation, "Describe") && !strings.HasPrefix(operation, "List") && !strings.HasPrefix(operation, "Get") ||
				operation == "GetSecretValue" {
				t.Errorf("%s calls %s, which is not read-only or reads a secret", check.ID, action)
			}
		}
	}
}

// What cannot be asked is one line with its remedy, and no statement about the platform.
func TestWhatCannotBeAsked(t *testing.T) {
	for code, want := range map[string]string{
		"AccessDeniedException": "not permitted (AccessDeniedException): grant ", "AccessDenied": "grant ", "UnauthorizedOperation": "grant ",
		"AuthorizationError": "grant ", "ExpiredTokenException": "sign in again", "ExpiredToken": "sign in again",
		"ThrottlingException": "wait a minute", "Throttling": "wait a minute", "InternalFailure": "AWS refused (InternalFailure)",
	} {
		for _, check := range Checks() {
			if len(check.Permissions) == 0 {
				continue
			}
			s := newServer(t)
			for operation := range s.reactions {
				s.reactions[operation] = refuses(code)
			}
			got := check.run(context.Background(), s.world(stackOf(check), works))
			if got.Status != Unknown || !strings.Contains(got.Seen, want) || strings.Contains(got.Seen, "\n") || got.Do == "" {
				t.Errorf("%s: %s: %+v", code, check.ID, got)
			}
			if strings.HasSuffix(want, "grant ") && !strings.Contains(got.Seen, check.Permissions[0]) {
				t.Errorf("%s: %s does not name %s: %s", code, check.ID, check.Permissions[0], got.Seen)
			}
		}
	}
	s := newServer(t)
	w := s.world("batbern-base", func(*http.Request) *http.Response { return respond(403, "rate limit") })
	results, err := Run(context.Background(), w)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range results {
		if got.Check == "github-subjects" && (got.Status != Unknown || !strings.Contains(got.Seen, "GITHUB_TOKEN")) {
			t.Errorf("%+v", got)
		}
	}
}

func TestAccount(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*server, *World)
		want   string
	}{
		"right":          {func(*server, *World) {}, ""},
		"another's":      {func(s *server, _ *World) { s.reactions["GetCallerIdentity"] = says("<Account>999988887777</Account>") }, "for account 999988887777, but batbern-prod is in account 444455556666"},
		"no credentials": {func(_ *server, w *World) { w.AWS.Credentials = nil }, "there are no AWS credentials"},
		"expired":        {func(s *server, _ *World) { s.reactions["GetCallerIdentity"] = refuses("ExpiredToken") }, "sign in again"},
		"no region":      {func(_ *server, w *World) { w.AWS.Region = "" }, "has no literal region"},
		"no network":     {func(_ *server, w *World) { w.AWS.BaseEndpoint = aws.String("http://127.0.0.1:1") }, "does not answer"},
	} {
		s := newServer(t)
		w := s.world("batbern-prod", works)
		c.change(s, w)
		err := Account(context.Background(), w)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestEveryStackIsVerified(t *testing.T) {
	for stack, least := range map[string]int{"batbern-base": 2, "batbern-dev": 12, "batbern-staging": 15, "batbern-prod": 19} {
		s := newServer(t)
		results, err := Run(context.Background(), s.world(stack, works))
		if err != nil || len(results) < least {
			t.Errorf("%s: %d checks, %v", stack, len(results), err)
		}
		for _, got := range results {
			if got.Status == Unknown { // a name that is not literal would end here
				t.Errorf("%s: %+v", stack, got)
			}
		}
	}
}

func TestInterruptedRunHasNoResults(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if results, err := Run(ctx, newServer(t).world("batbern-prod", works)); err == nil || results != nil {
		t.Errorf("%v, %v", results, err)
	}
}

func TestTableFits80Columns(t *testing.T) {
	s := newServer(t)
	for operation := range s.reactions {
		s.reactions[operation] = refuses("AccessDeniedException")
	}
	results, err := Run(context.Background(), s.world("batbern-prod", works))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Write(&out, results); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > reportWidth {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
	flat := strings.Join(strings.Fields(strings.NewReplacer("│", " ").Replace(out.String())), " ")
	for _, check := range Checks() {
		if check.applies(s.world("batbern-prod", works).Stack) && !strings.Contains(flat, check.ID+":") {
			t.Errorf("%s is not in the table", check.ID)
		}
	}
}

func TestDocumentHoldsEveryCheck(t *testing.T) {
	text, err := os.ReadFile("../../docs/verify.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(string(text), Markdown()) {
		t.Errorf("docs/verify.md must end with this table:\n%s", Markdown())
	}
}

// A trusted subject with numeric ids passes where they are the repository's, and fails where they are another's.
func TestImmutableSubjects(t *testing.T) {
	for ids, want := range map[string]Status{"repo:BATbern@123456/infrastructure@456789": Passed, "repo:BATbern@123456/infrastructure@1": Failed} {
		w := newServer(t).world("batbern-base", works)
		for _, role := range w.Stack.OfType("aws_iam_role") {
			policy := role.String("assume_role_policy")
			role.Attrs["assume_role_policy"] = strings.ReplaceAll(policy, "repo:BATbern/infrastructure:", ids+":")
		}
		got, err := askSubjects(context.Background(), w)
		if err != nil || (len(got.faults) == 0) != (want == Passed) || want == Passed && !strings.Contains(got.seen, "1 immutable") {
			t.Errorf("%s: %+v, %v", ids, got, err)
		}
	}
}
