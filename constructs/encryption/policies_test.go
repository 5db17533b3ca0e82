package encryption_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/constructs/encryption"
	"github.com/batbern/infrastructure/constructs/policy"
	"github.com/batbern/infrastructure/internal/policytest"
)

const account = "222233334444"

var (
	props = encryption.Props{Name: "batbern-dev", AccountID: account, Region: "eu-central-1"}
	all   = []encryption.Class{encryption.Data, encryption.Secrets, encryption.Storage, encryption.Logs, encryption.Messages, encryption.Images}
)

// Whatever the class: nobody outside the account, nobody without a condition who can read, no right to everything.
func TestKeyPolicies(t *testing.T) {
	for _, class := range all {
		t.Run(string(class), func(t *testing.T) {
			document := encryption.KeyPolicy(class, props)
			for _, fault := range faults(document) {
				t.Error(fault)
			}
			if size := len(document.JSON()); size > 32*1024 {
				t.Errorf("the policy has %d bytes; KMS takes 32 KiB", size)
			}
		})
	}
	for name, planted := range map[string]policy.Statement{
		"everyone":          {Sid: "X", Effect: policy.Allow, Actions: []string{"kms:DescribeKey"}, Principals: policy.Principals{Everyone: true}},
		"another account":   {Sid: "X", Effect: policy.Allow, Actions: []string{"kms:DescribeKey"}, Principals: policy.Principals{AWS: []string{policy.Root("999999999999")}}},
		"everything":        {Sid: "X", Effect: policy.Allow, Actions: []string{"kms:*"}, Principals: policy.Principals{AWS: []string{policy.Root(account)}}},
		"reads by anything": {Sid: "X", Effect: policy.Allow, Actions: []string{"kms:Decrypt"}, Principals: policy.Principals{AWS: []string{policy.Root(account)}}},
		"a service of all accounts": {Sid: "X", Effect: policy.Allow, Actions: []string{"kms:GenerateDataKey"},
			Principals: policy.Principals{Services: []string{"sns.amazonaws.com"}}},
		"outside a session": {Sid: "X", Effect: policy.Allow, Actions: []string{"kms:Decrypt"}, Principals: policy.Principals{AWS: []string{policy.Root(account)}},
			Conditions: policy.Conditions{"Null": {encryption.SessionContext: {"true"}}}},
		"a grant by a wildcard": {Sid: "X", Effect: policy.Allow, Actions: []string{"kms:Create*"}, Principals: policy.Principals{AWS: []string{policy.Root(account)}}},
		"a grant to anybody": {Sid: "X", Effect: policy.Allow, Actions: []string{"kms:CreateGrant"}, Principals: policy.Principals{AWS: []string{policy.Root(account)}},
			Conditions: policy.Conditions{"StringEquals": {"kms:ViaService": {"rds.eu-central-1.amazonaws.com"}}}},
	} {
		t.Run("planted: "+name, func(t *testing.T) {
			if len(faults(policy.Document{Statements: []policy.Statement{planted}})) == 0 {
				t.Error("not caught")
			}
		})
	}
}

// faults judges a key policy by its statements alone.
func faults(document policy.Document) []string {
	var found []string
	for _, s := range document.Statements {
		fault := func(text string) { found = append(found, s.Sid+": "+text) }
		if s.Effect != policy.Allow {
			continue
		}
		if s.Principals.Everyone {
			fault("everyone is allowed")
		}
		for _, principal := range s.Principals.AWS {
			if principal != policy.Root(account) {
				fault("allows " + principal)
			}
		}
		if len(s.Principals.Services) > 0 && !strings.Contains(policy.Document{Statements: []policy.Statement{s}}.JSON(), account) {
			fault("a service may act for other accounts")
		}
		narrowed := len(s.Conditions["StringEquals"]["kms:ViaService"]) > 0 || len(s.Principals.Services) > 0 ||
			slices.Equal(s.Conditions["Null"][encryption.SessionContext], []string{"false"})
		for _, action := range s.Actions {
			reads := slices.ContainsFunc([]string{"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncrypt"}, func(prefix string) bool { return strings.HasPrefix(action, prefix) })
			switch {
			case action == "kms:*":
				fault("allows everything")
			case reads && !narrowed:
				fault(action + " without kms:ViaService")
			case policytest.MatchesAction([]string{action}, "kms:CreateGrant") && len(s.Conditions["Bool"]["kms:GrantIsForAWSResource"]) == 0 &&
				len(s.Conditions["ForAllValues:StringEquals"]["kms:GrantOperations"]) == 0:
				fault("grants to anybody")
			}
		}
	}
	return found
}

func TestWhoMayUseAKey(t *testing.T) {
	for _, test := range []struct {
		class     encryption.Class
		statement string
		want      string // what the statement's JSON holds
	}{
		{encryption.Data, "UseThroughServices", `"kms:ViaService":["backup.eu-central-1.amazonaws.com","dax.eu-central-1.amazonaws.com","elasticache.eu-central-1.amazonaws.com","rds.eu-central-1.amazonaws.com"]`},
		{encryption.Data, "EncryptTaskStorage", `"kms:EncryptionContext:aws:ecs:clusterName":"batbern-dev"`},
		{encryption.Data, "GrantTaskStorage", `"ForAllValues:StringEquals":{"kms:GrantOperations":"Decrypt"}`},
		{encryption.Secrets, "UseThroughServices", `"secretsmanager.eu-central-1.amazonaws.com"`},
		{encryption.Secrets, "GrantToServices", `"kms:GrantIsForAWSResource":"true"`},
		{encryption.Storage, "UseThroughServices", `"kms:ViaService":"s3.eu-central-1.amazonaws.com"`},
		{encryption.Logs, "EncryptLogGroups", `"ArnLike":{"kms:EncryptionContext:aws:logs:arn":"arn:aws:logs:eu-central-1:222233334444:log-group:*"}`},
		{encryption.Logs, "EncryptExecSessions", `"Null":{"kms:EncryptionContext:aws:ssm:SessionId":"false"}`},
		{encryption.Logs, "EncryptLogGroups", `"Service":"logs.eu-central-1.amazonaws.com"`},
		{encryption.Messages, "PublishForAccount", `["budgets.amazonaws.com","cloudwatch.amazonaws.com","costalerts.amazonaws.com"]`},
		{encryption.Messages, "PublishForAccount", `"aws:SourceAccount":"222233334444"`},
		{encryption.Messages, "PublishToTopics", `["backup.amazonaws.com","events.amazonaws.com","events.rds.amazonaws.com"]`},
		{encryption.Messages, "PublishToTopics", `{"ArnLike":{"kms:EncryptionContext:aws:sns:topicArn":"arn:aws:sns:eu-central-1:222233334444:*"}}`},
		{encryption.Images, "GrantToServices", `"kms:ViaService":"ecr.eu-central-1.amazonaws.com"`},
	} {
		t.Run(string(test.class)+" "+test.statement, func(t *testing.T) {
			for _, s := range encryption.KeyPolicy(test.class, props).Statements {
				if s.Sid != test.statement {
					continue
				}
				if text := (policy.Document{Statements: []policy.Statement{s}}).JSON(); !strings.Contains(text, test.want) {
					t.Errorf("%s\nhas no %s", text, test.want)
				}
				return
			}
			t.Error("there is no such statement")
		})
	}
}

func TestStorageKeyPolicyNamesDistributionsExactly(t *testing.T) {
	storage := encryption.StoragePolicyProps{AccountID: account, Region: "eu-central-1"}
	if text := encryption.StorageKeyPolicy(storage).JSON(); strings.Contains(text, "cloudfront") {
		t.Errorf("without distributions CloudFront may do nothing: %s", text)
	}
	storage.DistributionArns = []string{"arn:aws:cloudfront::222233334444:distribution/E2", "arn:aws:cloudfront::222233334444:distribution/E1"}
	want := `{"StringEquals":{"aws:SourceArn":["arn:aws:cloudfront::222233334444:distribution/E1","arn:aws:cloudfront::222233334444:distribution/E2"]}}`
	if text := encryption.StorageKeyPolicy(storage).JSON(); !strings.Contains(text, want) {
		t.Errorf("%s\nhas no %s", text, want)
	}
}
