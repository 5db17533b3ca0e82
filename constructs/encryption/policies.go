package encryption

import (
	"fmt"

	"github.com/batbern/infrastructure/constructs/policy"
)

// Class is a kind of data that has a key of its own. It stands in the key's alias and construct ID.
type Class string

// The classes. An environment has all but Images, which the base has.
const (
	Data     Class = "data"
	Secrets  Class = "secrets"
	Storage  Class = "storage"
	Logs     Class = "logs"
	Messages Class = "messages"
	Images   Class = "images" // ECR repositories
)

func (c Class) contents() string {
	return map[Class]string{
		Data:     "databases, caches and the disks of tasks",
		Secrets:  "secrets and parameters",
		Storage:  "files in S3",
		Logs:     "logs",
		Messages: "topics",
		Images:   "container images",
	}[c]
}

// KeyPolicy is the policy of a key of the class. Storage's is [StorageKeyPolicy]'s, without any distribution.
func KeyPolicy(class Class, props Props) policy.Document {
	account, region := props.AccountID, props.Region
	statements := []policy.Statement{administration(account)}
	switch class {
	case Data:
		services := policy.ViaServices(region, "backup", "elasticache", "rds")
		statements = append(statements, use(account, services), grants(account, services))
		statements = append(statements, fargate(account, props.Name)...)
	case Secrets:
		// rds: an instance that manages its master password makes the secret and a grant on its key
		services := policy.ViaServices(region, "rds", "secretsmanager", "ssm")
		statements = append(statements, use(account, services), grants(account, services))
	case Storage:
		return StorageKeyPolicy(StoragePolicyProps{AccountID: account, Region: region})
	case Logs:
		// X-Ray keeps traces under the same key, with the rights of whoever sends and reads them
		traces := policy.ViaServices(region, "xray")
		statements = append(statements, logs(account, region), sessions(account), use(account, traces), grants(account, traces))
	case Messages:
		statements = append(statements, use(account, policy.ViaServices(region, "sns")))
		statements = append(statements, publishers(account, region)...)
	case Images:
		services := policy.ViaServices(region, "ecr")
		statements = append(statements, use(account, services), grants(account, services))
	}
	return policy.Document{Statements: statements}
}

// StorageKeyPolicy lets roles of the account use the key through S3, and the named CloudFront distributions read with it.
// Logs need none of it: their buckets are encrypted by S3's own key.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html
func StorageKeyPolicy(props StoragePolicyProps) policy.Document {
	statements := []policy.Statement{
		administration(props.AccountID),
		use(props.AccountID, policy.ViaServices(props.Region, "s3")),
	}
	if len(props.DistributionArns) > 0 {
		statements = append(statements, policy.Statement{
			Sid:        "ReadByDistributions",
			Effect:     policy.Allow,
			Principals: policy.Principals{Services: []string{"cloudfront.amazonaws.com"}},
			Actions:    []string{"kms:Decrypt"},
			Resources:  thisKey,
			Conditions: policy.Conditions{"StringEquals": {"aws:SourceArn": props.DistributionArns}},
		})
	}
	return policy.Document{Statements: statements}
}

// thisKey: in a key's policy "*" means the key itself.
var thisKey = []string{"*"}

// administration leaves the key's management to the account's IAM policies. It holds no right to encrypt or decrypt.
func administration(account string) policy.Statement {
	return policy.Statement{
		Sid:        "Administration",
		Effect:     policy.Allow,
		Principals: policy.Principals{AWS: []string{policy.Root(account)}},
		Actions: []string{
			// no kms:CreateGrant: a grant is a right to decrypt, see grants
			"kms:CancelKeyDeletion", "kms:CreateAlias", "kms:Delete*", "kms:Describe*", "kms:Disable*", "kms:Enable*", "kms:Get*", "kms:List*",
			"kms:Put*", "kms:Revoke*", "kms:RotateKeyOnDemand", "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:Update*",
		},
		Resources: thisKey,
	}
}

// use lets principals of the account, as far as their IAM policies allow, encrypt and decrypt through the services.
func use(account string, services []string) policy.Statement {
	return policy.Statement{
		Sid:        "UseThroughServices",
		Effect:     policy.Allow,
		Principals: policy.Principals{AWS: []string{policy.Root(account)}},
		Actions:    []string{"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"},
		Resources:  thisKey,
		Conditions: policy.Conditions{"StringEquals": {"kms:CallerAccount": {account}, "kms:ViaService": services}},
	}
}

// grants lets the services hand the key on to their own machines: a database decrypts when nobody calls.
func grants(account string, services []string) policy.Statement {
	return policy.Statement{
		Sid:        "GrantToServices",
		Effect:     policy.Allow,
		Principals: policy.Principals{AWS: []string{policy.Root(account)}},
		Actions:    []string{"kms:CreateGrant"},
		Resources:  thisKey,
		Conditions: policy.Conditions{
			"Bool":         {"kms:GrantIsForAWSResource": {"true"}},
			"StringEquals": {"kms:CallerAccount": {account}, "kms:ViaService": services},
		},
	}
}

// fargate encrypts the ephemeral storage of the cluster's tasks.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-create-storage-key.html
func fargate(account, cluster string) []policy.Statement {
	encrypt := policy.Statement{
		Sid:        "EncryptTaskStorage",
		Effect:     policy.Allow,
		Principals: policy.Principals{Services: []string{"fargate.amazonaws.com"}},
		Actions:    []string{"kms:GenerateDataKeyWithoutPlaintext"},
		Resources:  thisKey,
		Conditions: policy.Conditions{"StringEquals": ofCluster(account, cluster)},
	}
	grant := encrypt
	grant.Sid, grant.Actions = "GrantTaskStorage", []string{"kms:CreateGrant"}
	grant.Conditions = policy.Conditions{
		"StringEquals":              ofCluster(account, cluster),
		"ForAllValues:StringEquals": {"kms:GrantOperations": {"Decrypt"}},
	}
	return []policy.Statement{encrypt, grant}
}

func ofCluster(account, cluster string) map[string][]string {
	return map[string][]string{
		"kms:EncryptionContext:aws:ecs:clusterAccount": {account},
		"kms:EncryptionContext:aws:ecs:clusterName":    {cluster},
	}
}

// logs lets CloudWatch Logs encrypt the account's log groups in the region, and nothing else.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
func logs(account, region string) policy.Statement {
	return policy.Statement{
		Sid:        "EncryptLogGroups",
		Effect:     policy.Allow,
		Principals: policy.Principals{Services: []string{fmt.Sprintf("logs.%s.amazonaws.com", region)}},
		Actions:    []string{"kms:Decrypt", "kms:Describe*", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"},
		Resources:  thisKey,
		Conditions: policy.Conditions{"ArnLike": {
			"kms:EncryptionContext:aws:logs:arn": {fmt.Sprintf("arn:aws:logs:%s:%s:log-group:*", region, account)},
		}},
	}
}

// sessions lets principals of the account, as far as their IAM policies allow, encrypt the sessions that they open in a
// task by ECS Exec: the operator's client makes a data key and the agent in the task decrypts it. Neither goes through a
// service, and both name the session.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html
func sessions(account string) policy.Statement {
	return policy.Statement{
		Sid:        "EncryptExecSessions",
		Effect:     policy.Allow,
		Principals: policy.Principals{AWS: []string{policy.Root(account)}},
		Actions:    []string{"kms:Decrypt", "kms:GenerateDataKey"},
		Resources:  thisKey,
		Conditions: policy.Conditions{
			"Null":         {SessionContext: {"false"}},
			"StringEquals": {"kms:CallerAccount": {account}},
		},
	}
}

// SessionContext is the condition key that is there when a key is used for a session of ECS Exec.
const SessionContext = "kms:EncryptionContext:aws:ssm:SessionId"

// publishers lets AWS services send to the account's encrypted topics.
//
// SNS names the topic in the encryption context of every call, so it limits every service. Those that are documented to
// send aws:SourceAccount to KMS are held to it as well; EventBridge, AWS Backup and RDS's events are not documented to
// send it, and a condition on it would lose their messages without a word.
// https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html#compatibility-with-aws-services
func publishers(account, region string) []policy.Statement {
	publish := func(sid string, equals map[string][]string, services ...string) policy.Statement {
		statement := policy.Statement{
			Sid:        sid,
			Effect:     policy.Allow,
			Principals: policy.Principals{Services: services},
			Actions:    []string{"kms:Decrypt", "kms:GenerateDataKey*"},
			Resources:  thisKey,
			Conditions: policy.Conditions{"ArnLike": {"kms:EncryptionContext:aws:sns:topicArn": {fmt.Sprintf("arn:aws:sns:%s:%s:*", region, account)}}},
		}
		if equals != nil {
			statement.Conditions["StringEquals"] = equals
		}
		return statement
	}
	return []policy.Statement{
		publish("PublishForAccount", map[string][]string{"aws:SourceAccount": {account}},
			"budgets.amazonaws.com", "cloudwatch.amazonaws.com", "costalerts.amazonaws.com"),
		publish("PublishToTopics", nil, "backup.amazonaws.com", "events.amazonaws.com", "events.rds.amazonaws.com"),
	}
}
