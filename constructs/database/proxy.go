package database

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/dbproxy"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/dbproxydefaulttargetgroup"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/dbproxytarget"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrole"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/iamrolepolicy"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/network"
	"github.com/batbern/infrastructure/constructs/policy"
)

// pool is RDS Proxy as others need it.
type pool struct {
	name, endpoint, resourceID string
}

func proxyName(props Props) string { return props.Name + "-proxy" }

func proxy(scope constructs.Construct, props Props, main postgres, logs logs, users map[string]secret,
	passwords []cdktf.ITerraformDependable) pool {
	groups := jsii.Strings(props.Vpc.SecurityGroupID(network.Proxy))
	roleArn, roleReady := proxyRole(scope, props, users)

	var auth []*dbproxy.DbProxyAuth
	for _, user := range serviceUsers(props.Services) {
		auth = append(auth, &dbproxy.DbProxyAuth{
			AuthScheme:             jsii.String("SECRETS"),
			IamAuth:                jsii.String("REQUIRED"), // clients come with a token of IAM, never with the password
			ClientPasswordAuthType: jsii.String("POSTGRES_SCRAM_SHA_256"),
			SecretArn:              jsii.String(users[user].arn),
			Description:            jsii.String(user),
		})
	}
	made := dbproxy.NewDbProxy(scope, jsii.String("proxy"), &dbproxy.DbProxyConfig{
		Name:              jsii.String(proxyName(props)),
		EngineFamily:      jsii.String("POSTGRESQL"),
		RequireTls:        jsii.Bool(true),  // RDS.43
		DebugLogging:      jsii.Bool(false), // it would log statements with their values
		IdleClientTimeout: jsii.Number(1800),
		RoleArn:           jsii.String(roleArn),
		// In all zones: another list of subnets would replace the proxy, and every service would lose its database for
		// minutes (AWS, "ModifyDBProxy" has no subnets).
		VpcSubnetIds:        jsii.Strings(props.Vpc.AllSubnetIDs(config.Isolated)...),
		VpcSecurityGroupIds: groups,
		Auth:                &auth,
		// the log group has to outlive the proxy, which would make it again: the next apply would find it there already
		DependsOn: &[]cdktf.ITerraformDependable{roleReady, logs.proxy},
	})
	targets := dbproxydefaulttargetgroup.NewDbProxyDefaultTargetGroup(scope, jsii.String("proxy_targets"), &dbproxydefaulttargetgroup.DbProxyDefaultTargetGroupConfig{
		DbProxyName: made.Name(),
		ConnectionPoolConfig: &dbproxydefaulttargetgroup.DbProxyDefaultTargetGroupConnectionPoolConfig{
			MaxConnectionsPercent:     jsii.Number(props.Database.ProxyConnectionsPercent),
			MaxIdleConnectionsPercent: jsii.Number(props.Database.ProxyConnectionsPercent / 2),
			ConnectionBorrowTimeout:   jsii.Number(20), // shorter than API Gateway waits, so that the service still answers
		},
	})
	dbproxytarget.NewDbProxyTarget(scope, jsii.String("proxy_target"), &dbproxytarget.DbProxyTargetConfig{
		DbProxyName:          made.Name(),
		TargetGroupName:      targets.Name(),
		DbInstanceIdentifier: jsii.String(main.id),
		DependsOn:            &passwords, // a target without passwords is unavailable
	})
	// arn:aws:rds:REGION:ACCOUNT:db-proxy:prx-...; a local, because the expression has quotes, which the JSON of
	// policies cannot hold
	id := cdktf.NewTerraformLocal(scope, jsii.String("proxy_id"), cdktf.Fn_Element(cdktf.Fn_Split(jsii.String(":"), made.Arn()), jsii.Number(6)))
	return pool{name: *made.Name(), endpoint: *made.Endpoint(), resourceID: *id.AsString()}
}

// proxyRole reads exactly the services' secrets, and decrypts with exactly their key, through Secrets Manager.
func proxyRole(scope constructs.Construct, props Props, users map[string]secret) (arn string, ready cdktf.ITerraformDependable) {
	var arns []string
	for _, user := range serviceUsers(props.Services) {
		arns = append(arns, users[user].arn)
	}
	role := iamrole.NewIamRole(scope, jsii.String("proxy_role"), &iamrole.IamRoleConfig{
		Name:                jsii.String(proxyName(props)),
		Description:         jsii.String("RDS Proxy of " + props.Name + " reads the services' database passwords"),
		AssumeRolePolicy:    jsii.String(policy.TrustService("rds.amazonaws.com", props.Account.ID, "").JSON()),
		PermissionsBoundary: jsii.String(props.BoundaryArn),
	})
	rights := iamrolepolicy.NewIamRolePolicy(scope, jsii.String("proxy_rights"), &iamrolepolicy.IamRolePolicyConfig{
		Name: jsii.String("read-secrets"),
		Role: role.Id(),
		Policy: jsii.String(policy.Document{Statements: []policy.Statement{
			{Sid: "ReadSecrets", Effect: policy.Allow, Actions: []string{"secretsmanager:GetSecretValue"}, Resources: arns},
			decrypt(props),
		}}.JSON()),
	})
	return *role.Arn(), rights
}

// decrypt allows the use of the secrets' key through Secrets Manager alone.
func decrypt(props Props, further ...string) policy.Statement {
	return policy.Statement{
		Sid: "DecryptSecrets", Effect: policy.Allow, Actions: append([]string{"kms:Decrypt"}, further...), Resources: []string{props.Keys.SecretsKeyArn},
		Conditions: policy.Conditions{"StringEquals": {"kms:ViaService": policy.ViaServices(props.Account.Region, "secretsmanager")}},
	}
}
