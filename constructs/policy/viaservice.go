package policy

import (
	"fmt"
	"slices"
)

// viaNames are the names by which KMS knows the services that these stacks use keys through. ElastiCache comes under two:
// its at-rest encryption is built on DAX's, and AWS requires both names in a condition.
//
// AWS, "AWS KMS condition keys", kms:ViaService, table "Services that support the kms:ViaService condition key":
// https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
//
// The services' own pages, each with a policy of that name:
//   - backup: https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html
//   - ecr: https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
//   - elasticache: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/at-rest-encryption.html
//   - rds, Performance Insights included:
//     https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PerfInsights.access-control.cmk-policy.html
//   - s3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
//   - secretsmanager: https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
//   - sns: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
//   - ssm: https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
//   - xray: https://docs.aws.amazon.com/xray/latest/devguide/xray-console-encryption.html
var viaNames = map[string][]string{
	"backup":         {"backup"},
	"ecr":            {"ecr"},
	"elasticache":    {"dax", "elasticache"},
	"rds":            {"rds"},
	"s3":             {"s3"},
	"secretsmanager": {"secretsmanager"},
	"sns":            {"sns"},
	"ssm":            {"ssm"},
	"xray":           {"xray"},
}

// ViaServices are the values of kms:ViaService for services in a region, sorted; the region "*" is for StringLike. It
// panics for a service that is not in the table: a name that KMS does not know would lock the service out.
func ViaServices(region string, services ...string) []string {
	var values []string
	for _, service := range services {
		names, known := viaNames[service]
		if !known {
			panic(fmt.Errorf("policy: kms:ViaService for %q: look the name up in AWS's table and add it to viaNames", service))
		}
		for _, name := range names {
			values = append(values, fmt.Sprintf("%s.%s.amazonaws.com", name, region))
		}
	}
	slices.Sort(values)
	return slices.Compact(values)
}
