package wire_test

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/internal/mototest"
	"github.com/batbern/infrastructure/internal/wire"
)

const stack = `{"resource": {
	"aws_iam_role": {"task": {"name": "batbern-dev-api-task", "assume_role_policy": "{}"}},
	"aws_iam_policy": {"task": {"name": "batbern-dev-api-policy"}},
	"aws_ecs_service": {"api": {"name": "batbern-dev-api", "launch_type": "FARGATE"}},
	"aws_kms_key": {"data": {"description": "BATbern's data"}},
	"aws_lambda_function": {"rotation": {"function_name": "batbern-dev-rotation", "handler": "bootstrap"}},
	"aws_cloudfront_function": {"rewrite": {"name": "batbern-dev-rewrite", "runtime": "cloudfront-js-2.0"}},
	"aws_xray_sampling_rule": {"health": {"rule_name": "batbern-dev-health", "priority": 100}}
}}`

// request is a recorded request of a service.
func request(service, method, path string, headers map[string]string, body string) wire.Record {
	all := map[string]string{
		"authorization": "AWS4-HMAC-SHA256 Credential=emulator/20260101/eu-central-1/" + service + "/aws4_request, SignedHeaders=host, Signature=0",
	}
	for name, value := range headers {
		all[name] = value
	}
	return wire.Record{Method: method, Path: path, Host: "127.0.0.1", Headers: all, Body: []byte(body), Status: 200}
}

func form(service string, values url.Values) wire.Record {
	return request(service, "POST", "/", map[string]string{"content-type": "application/x-www-form-urlencoded; charset=utf-8"}, values.Encode())
}

func target(service, operation, body string) wire.Record {
	return request(service, "POST", "/", map[string]string{"x-amz-target": operation, "content-type": "application/x-amz-json-1.1"}, body)
}

func role(changes ...string) wire.Record {
	values := url.Values{"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {"batbern-dev-api-task"}, "AssumeRolePolicyDocument": {"{}"}}
	for i := 0; i < len(changes); i += 2 {
		if values.Set(changes[i], changes[i+1]); changes[i+1] == "" {
			values.Del(changes[i])
		}
	}
	return form("iam", values)
}

func cloudfrontFunction(config string) wire.Record {
	return request("cloudfront", "POST", "/2020-05-31/function", nil, `<CreateFunctionRequest xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/">`+
		`<FunctionCode>Y29kZQ==</FunctionCode><FunctionConfig>`+config+`</FunctionConfig><Name>batbern-dev-rewrite</Name></CreateFunctionRequest>`)
}

func judge(t *testing.T, records ...wire.Record) wire.Verdict {
	t.Helper()
	python, folder := mototest.Python(t), t.TempDir()
	recorder := wire.NewRecorder(folder)
	if err := recorder.Begin("batbern-dev", "apply"); err != nil {
		t.Fatal(err)
	}
	for _, record := range records {
		recorder.Add(record)
	}
	if err := recorder.Close(); err != nil {
		t.Fatal(err)
	}
	resources := filepath.Join(folder, "cdk.tf.json")
	if err := os.WriteFile(resources, []byte(stack), 0o600); err != nil {
		t.Fatal(err)
	}
	verdict, err := wire.Judge(t.Context(), python, []string{resources}, []string{wire.File(folder, "batbern-dev", "apply")})
	if err != nil {
		t.Fatal(err)
	}
	return verdict
}

// What AWS accepts is not refused, whatever the protocol: query, EC2's query, JSON, REST with JSON, REST with XML.
func TestConformingRequests(t *testing.T) {
	verdict := judge(t,
		role("Tags.member.1.Key", "Project", "Tags.member.1.Value", "batbern"),
		form("ec2", url.Values{"Action": {"CreateVpc"}, "CidrBlock": {"10.0.0.0/16"}, "TagSpecification.1.ResourceType": {"vpc"},
			"TagSpecification.1.Tag.1.Key": {"a"}, "TagSpecification.1.Tag.1.Value": {"b"}}),
		form("elasticloadbalancing", url.Values{"Action": {"ModifyTargetGroupAttributes"}, "TargetGroupArn": {"arn:x"},
			"Attributes.member.1.Key": {"a"}, "Attributes.member.1.Value": {"b"}}),
		form("sns", url.Values{"Action": {"CreateTopic"}, "Name": {"x"}, "Attributes.entry.1.key": {"KmsMasterKeyId"}, "Attributes.entry.1.value": {"y"}}),
		target("ecs", "AmazonEC2ContainerServiceV20141113.CreateService", `{"serviceName": "batbern-dev-api", "launchType": "FARGATE"}`),
		request("lambda", "POST", "/2015-03-31/functions", nil, `{"FunctionName": "batbern-dev-rotation", "Role": "arn:aws:iam::123456789012:role/x",
			"Code": {"S3Bucket": "bucket", "S3Key": "key"}, "Runtime": "provided.al2023"}`),
		request("lambda", "GET", "/2015-03-31/functions/batbern-dev-rotation?Qualifier=1", nil, ""),
		request("s3", "PUT", "/bucket?versioning", nil, `<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>`),
		request("s3", "GET", "/bucket?lifecycle&x-id=GetBucketLifecycleConfiguration", nil, ""),
		cloudfrontFunction("<Comment>c</Comment><Runtime>cloudfront-js-2.0</Runtime>"),
	)
	for _, violation := range verdict.Violations {
		t.Error(violation)
	}
	if verdict.Requests != 10 || verdict.Operations != 10 {
		t.Errorf("%d requests of %d operations were judged, want 10 of 10", verdict.Requests, verdict.Operations)
	}
}

// Each kind of violation, in each protocol where it can occur, is found for its reason and names the resource.
func TestPlantedViolations(t *testing.T) {
	const create = "AmazonEC2ContainerServiceV20141113.CreateService"
	planted := []struct {
		name    string
		record  wire.Record
		address string
		path    string
		problem string
	}{
		{"name too long", role("RoleName", "batbern-dev-api-task"+strings.Repeat("x", 45), "AssumeRolePolicyDocument", `{"a":"batbern-dev-api-task"}`, "Description", "batbern-dev-api-task"),
			"aws_iam_role.task", "RoleName", "65 characters, allowed: 1 to 64"},
		{"pattern", role("RoleName", "batbern dev/api", "Description", "batbern-dev-api-task"), "aws_iam_role.task", "RoleName", "does not match the pattern"},
		{"missing member, query", role("AssumeRolePolicyDocument", ""), "aws_iam_role.task", "AssumeRolePolicyDocument", "required member is missing"},
		{"unknown member, query", role("Pathh", "/x/"), "aws_iam_role.task", "Pathh", "no such member"},
		{"unknown member, nested", role("Tags.member.1.Key", "a", "Tags.member.1.Value", "b", "Tags.member.1.Size", "c"), "aws_iam_role.task", "Tags[].Size", "no such member"},
		{"range", role("MaxSessionDuration", "60"), "aws_iam_role.task", "MaxSessionDuration", "60, allowed: 3600 to 43200"},
		{"no number", role("MaxSessionDuration", "long"), "aws_iam_role.task", "MaxSessionDuration", "is not of type integer"},
		{"enumeration, json", target("ecs", create, `{"serviceName": "batbern-dev-api", "launchType": "FARGAT"}`), "aws_ecs_service.api", "launchType", "is not one of"},
		{"missing member, json", target("ecs", create, `{"launchType": "FARGATE"}`), "aws_ecs_service.api", "serviceName", "required member is missing"},
		{"unknown member, json", target("ecs", create, `{"serviceName": "batbern-dev-api", "zones": 3}`), "aws_ecs_service.api", "zones", "no such member"},
		{"list too long", target("kms", "TrentService.CreateGrant", `{"KeyId": "BATbern's data", "GranteePrincipal": "x", "Operations": ["Fly"]}`), "aws_kms_key.data", "Operations[]", "is not one of"},
		{"missing member, rest-json", request("lambda", "POST", "/2015-03-31/functions", nil, `{"FunctionName": "batbern-dev-rotation", "Code": {}}`),
			"aws_lambda_function.rotation", "Role", "required member is missing"},
		{"pattern, rest-json", request("lambda", "POST", "/2015-03-31/functions", nil,
			`{"FunctionName": "batbern-dev-rotation", "Code": {}, "Role": "arn:aws:iam::1:role/x", "Handler": "boot strap"}`), "aws_lambda_function.rotation", "Role", "does not match the pattern"},
		{"unknown query parameter", request("lambda", "GET", "/2015-03-31/functions/batbern-dev-rotation?Color=red", nil, ""), "aws_lambda_function.rotation", "?Color", "no such member"},
		{"enumeration, rest-xml", cloudfrontFunction("<Comment>c</Comment><Runtime>cloudfront-js-9.0</Runtime>"), "aws_cloudfront_function.rewrite", "FunctionConfig.Runtime", "is not one of"},
		{"missing member, rest-xml", cloudfrontFunction("<Runtime>cloudfront-js-2.0</Runtime>"), "aws_cloudfront_function.rewrite", "FunctionConfig.Comment", "required member is missing"},
		{"unknown member, rest-xml", cloudfrontFunction("<Comment>c</Comment><Runtime>cloudfront-js-2.0</Runtime><Speed>1</Speed>"),
			"aws_cloudfront_function.rewrite", "FunctionConfig.Speed", "no such member"},
		{"not implemented by the emulator", request("xray", "POST", "/CreateSamplingRule", nil, `{"SamplingRule": {"RuleName": "batbern-dev-health", "ResourceARN": "*", "Priority": 100000,
			"FixedRate": 0.1, "ReservoirSize": 1, "ServiceName": "*", "ServiceType": "*", "Host": "*", "HTTPMethod": "*", "URLPath": "*", "Version": 1}}`),
			"aws_xray_sampling_rule.health", "SamplingRule.Priority", "100000, allowed: 1 to 9999"},
	}
	var records []wire.Record
	for _, planted := range planted {
		records = append(records, planted.record)
	}
	verdict := judge(t, records...) // all at once: botocore takes seconds to load
	for i, planted := range planted {
		t.Run(planted.name, func(t *testing.T) {
			for _, violation := range verdict.Violations {
				if violation.Line == i+1 && violation.Path == planted.path && strings.Contains(violation.Problem, planted.problem) {
					if violation.Address != planted.address {
						t.Errorf("it is said of %q, want %q", violation.Address, planted.address)
					}
					if line := violation.String(); !strings.Contains(line, planted.address+": ") || !strings.Contains(line, planted.path) {
						t.Errorf("the message is %q", line)
					}
					return
				}
			}
			t.Errorf("%s: %s was not found in %v", planted.path, planted.problem, verdict.Violations)
		})
	}
}

// A request that fits no operation is refused too: nothing passes because it was not understood.
func TestRequestsOfNoOperation(t *testing.T) {
	unsigned := role()
	delete(unsigned.Headers, "authorization")
	verdict := judge(t,
		form("iam", url.Values{"Action": {"InventRole"}}),
		request("lambda", "POST", "/2015-03-31/inventions", nil, "{}"),
		request("nothing", "GET", "/", nil, ""),
		target("ecs", "AmazonEC2ContainerServiceV20141113.CreateService", `{"broken`),
		unsigned,
	)
	if len(verdict.Violations) != 5 {
		t.Fatalf("%d violations, want 5: %v", len(verdict.Violations), verdict.Violations)
	}
	for _, violation := range verdict.Violations {
		if !strings.Contains(violation.Problem, "not decoded") {
			t.Error(violation)
		}
	}
}

// A sensitive value is not repeated in a message.
func TestSensitiveValuesAreNotPrinted(t *testing.T) {
	secret := strings.Repeat("s3cr3t", 20000)
	body, err := json.Marshal(map[string]string{"Name": "x", "SecretString": secret})
	if err != nil {
		t.Fatal(err)
	}
	verdict := judge(t, target("secretsmanager", "secretsmanager.CreateSecret", string(body)))
	if len(verdict.Violations) == 0 || strings.Contains(verdict.Violations[0].String(), "s3cr3t") {
		t.Errorf("%v", verdict.Violations)
	}
}

func TestJudgeWithoutPython(t *testing.T) {
	_, err := wire.Judge(t.Context(), filepath.Join(t.TempDir(), "python"), nil, nil)
	if err == nil || !strings.Contains(err.Error(), "make setup") {
		t.Errorf("%v", err)
	}
}
