package policy

import "fmt"

// ServiceRole says how AWS documents the trust policy of a role that one of its services assumes.
type ServiceRole struct {
	// SourceConditions are true where AWS documents aws:SourceAccount and aws:SourceArn in that trust policy. A service
	// that does not send the keys could never assume a role that asks for them, and the role fails only when it is used.
	SourceConditions bool
	// Page is where AWS shows the trust policy, with the conditions or without.
	Page string
}

// ServiceRoles are the services that assume roles of ours, by service principal. Trust policies have the confused-deputy
// conditions only where the service's own page shows them; a general recommendation is not enough.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
var ServiceRoles = map[string]ServiceRole{
	// "IAM service roles" shows no conditions. "Cross-service confused deputy prevention" has them for the policies of
	// topics and keys only.
	"backup.amazonaws.com": {Page: "https://docs.aws.amazon.com/aws-backup/latest/devguide/iam-service-roles.html"},
	"codedeploy.amazonaws.com": {
		SourceConditions: true,
		Page:             "https://docs.aws.amazon.com/codedeploy/latest/userguide/security_confused_deputy.html",
	},
	"ecs-tasks.amazonaws.com": {
		SourceConditions: true,
		Page:             "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html",
	},
	"grafana.amazonaws.com": {
		SourceConditions: true,
		Page:             "https://docs.aws.amazon.com/grafana/latest/userguide/cross-service-confused-deputy-prevention.html",
	},
	// An execution role: "Defining Lambda function permissions" shows no conditions. Canaries run as functions.
	"lambda.amazonaws.com": {Page: "https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html"},
	"monitoring.rds.amazonaws.com": {
		SourceConditions: true,
		Page:             "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.Enabling.html",
	},
	// RDS Proxy. RDS documents conditions for the audit and the monitoring role, not for this one.
	"rds.amazonaws.com": {Page: "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-iam-setup.html"},
	// Replication.
	"s3.amazonaws.com": {
		Page: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html",
	},
	"vpc-flow-logs.amazonaws.com": {
		SourceConditions: true,
		Page:             "https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html",
	},
}

// TrustService lets an AWS service assume a role. Where AWS documents it for the service (see [ServiceRoles]), only for
// resources of the account, and for those that match sourceArn ("*" and "?" are wildcards in it).
//
// It panics for a service that is not in the table, for a sourceArn where the service documents no conditions, and for
// none where it does: each is a mistake in the code.
func TrustService(service, accountID, sourceArn string) Document {
	role, known := ServiceRoles[service]
	switch {
	case !known:
		panic(fmt.Errorf("trust of %s: add it to policy.ServiceRoles with the AWS page that shows its trust policy", service))
	case role.SourceConditions != (sourceArn != ""):
		panic(fmt.Errorf("trust of %s: source ARN %q, but conditions are documented: %v, see %s",
			service, sourceArn, role.SourceConditions, role.Page))
	}
	statement := Statement{
		Sid:        "TrustService",
		Effect:     Allow,
		Principals: Principals{Services: []string{service}},
		Actions:    []string{"sts:AssumeRole"},
	}
	if role.SourceConditions {
		statement.Conditions = Conditions{
			"StringEquals": {"aws:SourceAccount": {accountID}},
			"ArnLike":      {"aws:SourceArn": {sourceArn}},
		}
	}
	return Document{Statements: []Statement{statement}}
}
