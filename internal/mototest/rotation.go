package mototest

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

const (
	rotationName = "rotation"
	// emptyArchive is a zip archive without files. Nobody runs it.
	emptyArchive = "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="
	trustPolicy  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
)

// BeginRotation does to a secret what Secrets Manager does before it calls a rotation function: the token becomes a
// version labelled AWSPENDING, without a value, or with the current one where the rotation is only to be tested
// (RotateImmediately=false). The function's steps are left to the test.
func (s *Server) BeginRotation(t testing.TB, secretID, token string, immediately bool) {
	t.Helper()
	s.functionOnce.Do(func() { s.createFunction(t) })
	_, err := secretsmanager.NewFromConfig(s.Config()).RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{
		SecretId:           &secretID,
		ClientRequestToken: &token,
		RotateImmediately:  &immediately,
		RotationLambdaARN:  aws.String("arn:aws:lambda:" + Region + ":" + AccountID + ":function:" + rotationName),
		RotationRules:      &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// createFunction makes a function that moto calls and that does nothing. It is made over plain HTTP: two requests are
// not worth two more SDK packages, and moto looks at no signature.
func (s *Server) createFunction(t testing.TB) {
	t.Helper()
	s.send(t, "iam", "/", "application/x-www-form-urlencoded", url.Values{
		"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {rotationName},
		"AssumeRolePolicyDocument": {trustPolicy},
	}.Encode())
	s.send(t, "lambda", "/2015-03-31/functions", "application/json", fmt.Sprintf(`{"FunctionName":%q,
		"Role":"arn:aws:iam::%s:role/%s","Runtime":"provided.al2023","Handler":"bootstrap","Code":{"ZipFile":%q}}`,
		rotationName, AccountID, rotationName, emptyArchive))
}

// send makes one request.
func (s *Server) send(t testing.TB, service, path, contentType, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+AccessKeyID+"/20260101/"+Region+"/"+service+
		"/aws4_request, SignedHeaders=host, Signature=0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode/100 != 2 {
		answer, _ := io.ReadAll(response.Body)
		t.Fatalf("%s answered %s: %s", path, response.Status, answer)
	}
}
