package verify

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/tree/treetest"
)

var now = time.Date(2026, time.November, 25, 12, 0, 0, 0, time.UTC)

// call is one request to AWS, whichever protocol it came by.
type call struct {
	operation string
	form      url.Values     // of the query protocol
	json      map[string]any // of the JSON protocols
	cbor      cbor.Map       // of RPC v2 CBOR
	path      string         // of the REST protocols
}

// reaction is an answer of AWS: a body, or an error of that code.
type reaction struct {
	body string
	code string
}

// server answers as AWS documents it: each operation in its service's protocol, from the table.
type server struct {
	*httptest.Server
	t         *testing.T
	reactions map[string]func(call) reaction

	lock  sync.Mutex
	calls []string
}

// newServer returns a server on which everything works, for the stack batbern-prod.
func newServer(t *testing.T) *server {
	s := &server{t: t, reactions: healthy()}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// restOperations are those that a path names.
func restOperation(path string) string {
	switch {
	case strings.HasPrefix(path, "/backup-vaults/") && strings.Contains(path, "/recovery-points"):
		return "ListRecoveryPointsByBackupVault"
	case strings.HasPrefix(path, "/backup-jobs"):
		return "ListBackupJobs"
	}
	return ""
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c := call{path: r.URL.Path}
	var protocol string
	switch target := r.Header.Get("X-Amz-Target"); {
	case target != "":
		protocol, c.operation = "json", target[strings.LastIndex(target, ".")+1:]
		json.Unmarshal(body, &c.json)
	case r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor":
		protocol, c.operation = "cbor", r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		if value, err := cbor.Decode(body); err == nil {
			c.cbor, _ = value.(cbor.Map)
		}
	case restOperation(r.URL.Path) != "":
		protocol, c.operation = "json", restOperation(r.URL.Path)
	default:
		protocol = "query"
		c.form, _ = url.ParseQuery(string(body))
		c.operation = c.form.Get("Action")
	}
	s.lock.Lock()
	s.calls = append(s.calls, c.operation)
	s.lock.Unlock()
	react, known := s.reactions[c.operation]
	if !known {
		s.t.Errorf("nothing is recorded for %s (%s %s)", c.operation, r.Method, r.URL)
		w.WriteHeader(http.StatusNotImplemented)
		return
	}
	write(w, protocol, c.operation, react(c))
}

// write writes the reaction in the protocol.
func write(w http.ResponseWriter, protocol, operation string, r reaction) {
	switch protocol {
	case "json":
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if r.code != "" {
			w.Header().Set("X-Amzn-Errortype", r.code)
			w.WriteHeader(http.StatusBadRequest)
			r.body = fmt.Sprintf(`{"__type":%q,"message":"as told by the test"}`, r.code)
		}
		io.WriteString(w, r.body)
	case "cbor":
		w.Header().Set("Content-Type", "application/cbor")
		w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
		if r.code != "" {
			w.WriteHeader(http.StatusBadRequest)
			r.body = string(cbor.Encode(cbor.Map{"__type": cbor.String(r.code), "message": cbor.String("as told by the test")}))
		}
		io.WriteString(w, r.body)
	default:
		w.Header().Set("Content-Type", "text/xml")
		if r.code != "" {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>as told by the test</Message></Error><RequestId>1</RequestId></ErrorResponse>`, r.code)
			return
		}
		fmt.Fprintf(w, "<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></%[1]sResponse>", operation, r.body)
	}
}

func says(body string) func(call) reaction {
	return func(call) reaction { return reaction{body: body} }
}
func refuses(code string) func(call) reaction {
	return func(call) reaction { return reaction{code: code} }
}

func epoch(t time.Time) string { return fmt.Sprint(t.Unix()) }
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func secret(rotated time.Time, enabled bool, stage string) func(call) reaction {
	return says(fmt.Sprintf(`{"ARN":"arn:aws:secretsmanager:eu-central-1:444455556666:secret:x","RotationEnabled":%t,"LastRotatedDate":%s,"VersionIdsToStages":{"1":[%q]}}`,
		enabled, epoch(rotated), stage))
}

func health(state, reason string) func(call) reaction {
	return says(`<TargetHealthDescriptions><member><Target><Id>10.0.0.1</Id><Port>8080</Port></Target><TargetHealth><State>` + state +
		`</State><Reason>` + reason + `</Reason></TargetHealth></member></TargetHealthDescriptions>`)
}

func tasks(status string, running, desired int) func(call) reaction {
	return func(c call) reaction {
		names, _ := c.json["services"].([]any)
		return reaction{body: fmt.Sprintf(`{"services":[{"serviceName":%q,"status":%q,"runningCount":%d,"desiredCount":%d}],"failures":[]}`,
			names[0], status, running, desired)}
	}
}

func certificate(status string, until time.Time) func(call) reaction {
	return says(fmt.Sprintf(`{"CertificateSummaryList":[{"CertificateArn":"arn:aws:acm:x","DomainName":"batbern.ch","Status":%q,"NotAfter":%s}]}`, status, epoch(until)))
}

func proxyTarget(health string) func(call) reaction {
	return says(`<Targets><member><RdsResourceId>batbern-prod-postgres</RdsResourceId><TargetHealth>` + health + `</TargetHealth></member></Targets>`)
}

func proxyAuth(mode string) func(call) reaction {
	return says(`<DBProxies><member><DBProxyName>batbern-prod-proxy</DBProxyName><Auth><member><Description>events</Description><IAMAuth>` + mode + `</IAMAuth></member></Auth></member></DBProxies>`)
}

// metrics answers GetMetricData with one sum for each metric that is asked for.
func metrics(sums map[string]float64) func(call) reaction {
	return func(c call) reaction {
		results := cbor.List{}
		queries, _ := c.cbor["MetricDataQueries"].(cbor.List)
		for _, one := range queries {
			query := one.(cbor.Map)
			name := string(query["MetricStat"].(cbor.Map)["Metric"].(cbor.Map)["MetricName"].(cbor.String))
			values := cbor.List{}
			if sum, has := sums[name]; has {
				values = cbor.List{cbor.Float64(sum)}
			}
			results = append(results, cbor.Map{"Id": query["Id"], "Values": values, "StatusCode": cbor.String("Complete")})
		}
		return reaction{body: string(cbor.Encode(cbor.Map{"MetricDataResults": results}))}
	}
}

// alarms answers DescribeAlarms with the state of each alarm, and leaves one out.
func alarms(state string, without string) func(call) reaction {
	return func(c call) reaction {
		found := cbor.List{}
		names, _ := c.cbor["AlarmNames"].(cbor.List)
		for _, name := range names {
			if string(name.(cbor.String)) != without {
				found = append(found, cbor.Map{"AlarmName": name, "StateValue": cbor.String(state)})
			}
		}
		return reaction{body: string(cbor.Encode(cbor.Map{"MetricAlarms": found}))}
	}
}

// address is the one that the golden stack subscribes.
var address = func() string {
	for _, subscription := range treetest.Golden(&testing.T{}, "batbern-prod").Parse().OfType("aws_sns_topic_subscription") {
		return subscription.String("endpoint")
	}
	panic("the golden stack subscribes nobody")
}()

func subscriptions(arn string) func(call) reaction {
	return says(`<Subscriptions><member><SubscriptionArn>` + arn + `</SubscriptionArn><Owner>444455556666</Owner><Protocol>email</Protocol><Endpoint>` + address + `</Endpoint></member></Subscriptions>`)
}

func instance(retention int, restorable time.Time) func(call) reaction {
	return says(fmt.Sprintf(`<DBInstances><DBInstance><DBInstanceIdentifier>batbern-prod-postgres</DBInstanceIdentifier><BackupRetentionPeriod>%d</BackupRetentionPeriod><LatestRestorableTime>%s</LatestRestorableTime></DBInstance></DBInstances>`,
		retention, stamp(restorable)))
}

func replica(status string, restorable time.Time) func(call) reaction {
	return says(fmt.Sprintf(`<DBInstanceAutomatedBackups><DBInstanceAutomatedBackup><Status>%s</Status><RestoreWindow><LatestTime>%s</LatestTime></RestoreWindow></DBInstanceAutomatedBackup></DBInstanceAutomatedBackups>`,
		status, stamp(restorable)))
}

func points(status string) func(call) reaction {
	return says(fmt.Sprintf(`{"RecoveryPoints":[{"Status":%q,"CreationDate":%s}]}`, status, epoch(now.Add(-8*time.Hour))))
}

func trailStatus(logging bool, fault string) func(call) reaction {
	return says(fmt.Sprintf(`{"IsLogging":%t,"LatestDeliveryError":%q}`, logging, fault))
}

const trails = `{"trailList":[{"Name":"organization","TrailARN":"arn:aws:cloudtrail:eu-central-1:111122223333:trail/organization","IsMultiRegionTrail":true}]}`

func quotaOf(value float64) func(call) reaction {
	return says(fmt.Sprintf(`{"Quota":{"ServiceCode":"fargate","Value":%g}}`, value))
}

func healthy() map[string]func(call) reaction {
	return map[string]func(call) reaction{
		"GetCallerIdentity":                  says(`<Account>444455556666</Account><Arn>arn:aws:iam::444455556666:user/x</Arn><UserId>x</UserId>`),
		"DescribeServices":                   tasks("ACTIVE", 2, 2),
		"DescribeTargetGroups":               says(`<TargetGroups><member><TargetGroupArn>arn:aws:elasticloadbalancing:x</TargetGroupArn></member></TargetGroups>`),
		"DescribeTargetHealth":               health("healthy", ""),
		"ListCertificates":                   certificate("ISSUED", now.Add(100*day)),
		"DescribeDBProxyTargets":             proxyTarget(`<State>AVAILABLE</State>`),
		"DescribeDBProxies":                  proxyAuth("REQUIRED"),
		"GetMetricData":                      metrics(map[string]float64{"ClientConnectionsSetupSucceeded": 12}),
		"DescribeSecret":                     secret(now.Add(-10*day), true, "AWSCURRENT"),
		"DescribeDBInstances":                instance(35, now.Add(-5*time.Minute)),
		"DescribeDBInstanceAutomatedBackups": replica("replicating", now.Add(-10*time.Minute)),
		"ListRecoveryPointsByBackupVault":    points("COMPLETED"),
		"ListBackupJobs":                     says(`{"BackupJobs":[]}`),
		"DescribeLogStreams":                 says(`{"logStreams":[{"logStreamName":"a","lastIngestionTime":` + fmt.Sprint(now.UnixMilli()) + `}]}`),
		"DescribeAlarms":                     alarms("OK", ""),
		"ListSubscriptionsByTopic":           subscriptions("arn:aws:sns:eu-central-1:444455556666:batbern-prod-critical:1"),
		"DescribeTrails":                     says(trails),
		"GetTrailStatus":                     trailStatus(true, ""),
		"GetServiceQuota":                    refuses("NoSuchResourceException"), // a new account has no value of its own
		"GetAWSDefaultServiceQuota":          quotaOf(100),
	}
}

// world is the production stack on the server, and a web that answers each request with the reply.
func (s *server) world(stack string, web func(*http.Request) *http.Response) *World {
	return &World{
		Stack: treetest.Golden(s.t, stack).Parse(),
		Quotas: []config.Quota{
			{Name: "Fargate On-Demand vCPU resource count", ServiceCode: "fargate", Code: "L-3032A538", Configured: 40},
			{Name: "EC2-VPC Elastic IPs", ServiceCode: "ec2", Code: "L-0263D0A3", Configured: 5},
		},
		AWS: aws.Config{
			Region: "eu-central-1", BaseEndpoint: aws.String(s.URL), RetryMaxAttempts: 1,
			Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
		},
		HTTP:   &http.Client{Transport: transport(web)},
		Now:    func() time.Time { return now },
		GitHub: "https://api.github.com",
	}
}

type transport func(*http.Request) *http.Response

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	response := t(r)
	if response == nil {
		return nil, fmt.Errorf("dial tcp: lookup %s: no such host", r.URL.Host)
	}
	response.Request = r
	return response, nil
}

func respond(code int, body string, headers ...string) *http.Response {
	recorder := httptest.NewRecorder()
	for i := 0; i+1 < len(headers); i += 2 {
		recorder.Header().Set(headers[i], headers[i+1])
	}
	recorder.WriteHeader(code)
	recorder.WriteString(body)
	return recorder.Result()
}

// works is a web on which everything answers: services with 401, sites through CloudFront, GitHub with old repositories.
func works(r *http.Request) *http.Response {
	switch {
	case r.URL.Host == "api.github.com":
		name := strings.TrimPrefix(r.URL.Path, "/repos/")
		return respond(200, fmt.Sprintf(`{"id":456789,"full_name":%q,"created_at":"2024-01-01T00:00:00Z","owner":{"id":123456}}`, name))
	case strings.HasPrefix(r.URL.Host, "api."):
		return respond(401, `{"error":"sign in"}`)
	}
	return respond(200, "<html>", "X-Amz-Cf-Id", "x")
}
