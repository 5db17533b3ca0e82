package network

import (
	"cmp"
	"fmt"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/policy"
)

// everyone is the only principal that gateway endpoints take; conditions narrow it.
// https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
var everyone = policy.Principals{Everyone: true}

// ownPrincipals are callers with this account's credentials, whoever they are.
func ownPrincipals(account config.Account) policy.Conditions {
	return policy.Conditions{"StringEquals": {"aws:PrincipalAccount": {account.ID}}}
}

// s3EndpointPolicy lets this account reach its own buckets, and everybody the bucket from which ECR hands out layers
// of images: those come by links that ECR signed, not this account.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-minimum-s3-perms
func s3EndpointPolicy(account config.Account) string {
	own := ownPrincipals(account)
	own["StringEquals"]["aws:ResourceAccount"] = []string{account.ID}
	return policy.Document{Statements: []policy.Statement{
		{
			Sid: "OwnBuckets", Effect: policy.Allow, Principals: everyone, Actions: []string{"s3:*"},
			Resources: []string{"arn:aws:s3:::*"}, Conditions: own,
		},
		{
			Sid: "ImageLayers", Effect: policy.Allow, Principals: everyone, Actions: []string{"s3:GetObject"},
			Resources: []string{fmt.Sprintf("arn:aws:s3:::prod-%s-starport-layer-bucket/*", account.Region)},
		},
	}}.JSON()
}

// dynamoDBEndpointPolicy lets this account reach its own tables in this region.
func dynamoDBEndpointPolicy(account config.Account) string {
	return policy.Document{Statements: []policy.Statement{{
		Sid: "OwnTables", Effect: policy.Allow, Principals: everyone, Actions: []string{"dynamodb:*"},
		Resources:  []string{fmt.Sprintf("arn:aws:dynamodb:%s:%s:table/*", account.Region, account.ID)},
		Conditions: ownPrincipals(account),
	}}}.JSON()
}

// apiPrefixes are IAM's names of services whose endpoints are called otherwise.
var apiPrefixes = map[string]string{"ecr.api": "ecr", "ecr.dkr": "ecr", "monitoring": "cloudwatch"}

// interfaceEndpointPolicy keeps out credentials of other accounts: with them, data could leave through the endpoint.
// Resources stay open, because the images are the base account's; roles bound them.
func interfaceEndpointPolicy(service string, account config.Account) string {
	return policy.Document{Statements: []policy.Statement{{
		Sid: "OwnAccount", Effect: policy.Allow, Principals: everyone, Actions: []string{cmp.Or(apiPrefixes[service], service) + ":*"},
		Resources: []string{"*"}, Conditions: ownPrincipals(account),
	}}}.JSON()
}

// flowLogTrust lets flow logs of this account and region, and nothing else, take the role.
func flowLogTrust(account config.Account) string {
	return policy.TrustService("vpc-flow-logs.amazonaws.com", account.ID,
		fmt.Sprintf("arn:aws:ec2:%s:%s:vpc-flow-log/*", account.Region, account.ID)).JSON()
}

// flowLogWriting is what flow logs need to write into the one log group. They look for it among all groups.
// https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
func flowLogWriting(props Props) string {
	group := fmt.Sprintf("arn:aws:logs:%s:%s:log-group:%s", props.Account.Region, props.Account.ID, rejectedLogGroup(props))
	return policy.Document{Statements: []policy.Statement{
		{
			Sid: "WriteRejected", Effect: policy.Allow,
			Actions:   []string{"logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"},
			Resources: []string{group, group + ":*"},
		},
		// IAM knows no resource for it
		{Sid: "FindGroup", Effect: policy.Allow, Actions: []string{"logs:DescribeLogGroups"}, Resources: []string{"*"}},
	}}.JSON()
}
