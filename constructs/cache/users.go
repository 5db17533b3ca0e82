package cache

import (
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/elasticacheuser"
	"github.com/cdktf/cdktf-provider-aws-go/aws/v19/elasticacheusergroup"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
)

// users are the cache's users: one for each service, all in one group.
type users struct {
	groupID     *string
	arns, names map[string]string
}

// newUsers makes the users. Nobody has a password: services sign in with a token that IAM signs, for a quarter of an hour
// at a time.
//
// The user "default" may do everything without a password in a group that leaves it as it is. Here one takes its place
// that is off and may do nothing.
// https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Clusters.RBAC.html
func newUsers(scope constructs.Construct, id string, props Props) users {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	made := users{arns: map[string]string{}, names: map[string]string{}}
	var ids []*string
	for _, service := range props.Services {
		user := serviceUser(scope, service, props)
		ids = append(ids, user.UserId())
		made.arns[service.Name] = *user.Arn()
		made.names[service.Name] = userID(service, props)
	}
	ids = append(ids, powerlessDefault(scope, props).UserId())
	made.groupID = elasticacheusergroup.NewElasticacheUserGroup(scope, jsii.String("group"), &elasticacheusergroup.ElasticacheUserGroupConfig{
		Engine:      jsii.String(userEngine),
		UserGroupId: jsii.String(props.groupID()),
		UserIds:     &ids,
	}).UserGroupId()
	return made
}

// userEngine is what users and their group are made for, whatever the cache's engine: Valkey takes groups of Redis users,
// but not the other way round, so a change of the cache's engine replaces no user. In capitals, because not every 5.x
// provider takes it in small letters; those that do see no difference.
const userEngine = "REDIS"

// userID is id and name at once, which IAM users must have the same. It is unique in the account and region.
func userID(service config.Service, props Props) string { return props.Name + "-" + service.Name }

func serviceUser(scope constructs.Construct, service config.Service, props Props) elasticacheuser.ElasticacheUser {
	return elasticacheuser.NewElasticacheUser(scope, jsii.String(service.Name), &elasticacheuser.ElasticacheUserConfig{
		Engine:             jsii.String(userEngine),
		UserId:             jsii.String(userID(service, props)),
		UserName:           jsii.String(userID(service, props)),
		AuthenticationMode: &elasticacheuser.ElasticacheUserAuthenticationMode{Type: jsii.String("iam")},
		AccessString:       jsii.String(accessString(service.Name)),
		// ElastiCache refuses to delete a user that belongs to a group. With create_before_destroy Terraform updates
		// the group before it deletes the user (https://github.com/hashicorp/terraform-provider-aws/issues/43281).
		Lifecycle: &cdktf.TerraformResourceLifecycle{CreateBeforeDestroy: jsii.Bool(true)},
	})
}

// accessString is what a service may do, in Valkey's words (https://valkey.io/topics/acl): read and write its own keys,
// publish and subscribe on its own channels, and find its way in a cluster. It may not empty the cache, list all keys or
// look into others' connections.
func accessString(service string) string {
	return "on ~" + service + ":* &" + service + ":* -@all" +
		" +@connection +@read +@write +@transaction +@scripting +@pubsub -@dangerous" +
		" +info +cluster|nodes +cluster|shards +cluster|slots"
}

func powerlessDefault(scope constructs.Construct, props Props) elasticacheuser.ElasticacheUser {
	return elasticacheuser.NewElasticacheUser(scope, jsii.String("default"), &elasticacheuser.ElasticacheUserConfig{
		Engine:   jsii.String(userEngine),
		UserId:   jsii.String(props.Name + "-default"),
		UserName: jsii.String("default"),
		// not as an authentication_mode, which AWS reports in other words: no plan would ever be empty
		// https://github.com/hashicorp/terraform-provider-aws/issues/33877
		NoPasswordRequired: jsii.Bool(true),
		AccessString:       jsii.String("off -@all"),
		Lifecycle:          &cdktf.TerraformResourceLifecycle{CreateBeforeDestroy: jsii.Bool(true)},
	})
}
