package block

import (
	"github.com/batbern/infrastructure/constructs/policy"
)

// WriteLogs allows writing to the streams of log groups.
func WriteLogs(logGroupArns ...string) policy.Statement {
	streams := make([]string, len(logGroupArns))
	for i, arn := range logGroupArns {
		streams[i] = arn + ":*"
	}
	return policy.Statement{
		Sid: "WriteLogs", Effect: policy.Allow, Resources: streams,
		Actions: []string{"logs:CreateLogStream", "logs:PutLogEvents"},
	}
}

// SignInToRegistry allows signing in to ECR. AWS defines no resource for this action.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
func SignInToRegistry() policy.Statement {
	return policy.Statement{
		Sid: "SignInToRegistry", Effect: policy.Allow, Resources: []string{"*"},
		Actions: []string{"ecr:GetAuthorizationToken"},
	}
}

// PullImages allows pulling images from repositories.
func PullImages(repositoryArns ...string) policy.Statement {
	return policy.Statement{
		Sid: "PullImages", Effect: policy.Allow, Resources: repositoryArns,
		Actions: []string{"ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
	}
}

// ReadSecrets allows reading the values of secrets.
func ReadSecrets(secretArns ...string) policy.Statement {
	return policy.Statement{
		Sid: "ReadSecrets", Effect: policy.Allow, Resources: secretArns,
		Actions: []string{"secretsmanager:GetSecretValue"},
	}
}

// UseKey allows the use of a KMS key through one AWS service in one region, for example "secretsmanager".
// https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
func UseKey(sid, keyArn, service, region string, actions ...string) policy.Statement {
	return policy.Statement{
		Sid: sid, Effect: policy.Allow, Actions: actions, Resources: []string{keyArn},
		Conditions: policy.Conditions{"StringEquals": {"kms:ViaService": {service + "." + region + ".amazonaws.com"}}},
	}
}

// PassRoles allows passing roles to one AWS service, for example "ecs-tasks.amazonaws.com", and to no other.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
func PassRoles(service string, roleArns ...string) policy.Statement {
	return policy.Statement{
		Sid: "PassRoles", Effect: policy.Allow, Actions: []string{"iam:PassRole"}, Resources: roleArns,
		Conditions: policy.Conditions{"StringEquals": {"iam:PassedToService": {service}}},
	}
}
