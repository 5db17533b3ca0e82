// Package database makes an environment's PostgreSQL: the instance in the isolated subnets, RDS Proxy before it, a login
// for each service with a password that nobody ever sees, and the functions that make and rotate those.
//
// Services sign in at the proxy by IAM; the proxy signs in with the users' secrets. Flyway, the rotation and operators
// reach the instance itself.
package database

import (
	"slices"

	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/encryption"
	"github.com/batbern/infrastructure/constructs/network"
)

// Props says what the database is made of. Values from config are already validated.
type Props struct {
	Name       string // prefix of AWS names, e.g. "batbern-dev"
	Account    config.Account
	Database   config.Database
	Protection config.Protection
	// Services are whose logins there are: those with a DatabaseUser, in any order.
	Services []config.Service

	Vpc         network.Outputs
	Keys        encryption.Outputs
	BoundaryArn string
	// EventTopicArn hears of RDS's events (RDS.20 to RDS.22).
	EventTopicArn string
}

// Outputs are what other constructs may use.
type Outputs struct {
	InstanceID, InstanceArn string
	// Endpoint and Port are the instance's own, for what passes the proxy by.
	Endpoint string
	Port     int
	// SubnetGroup is the instance's, for copies that are restored beside it.
	SubnetGroup string
	// ReplicaID and ReplicaEndpoint are the read replica's, "" without one.
	ReplicaID, ReplicaEndpoint string

	ProxyName string
	// ProxyEndpoint listens on [network.ProxyPort].
	ProxyEndpoint string
	// ProxyResourceID is the "prx-..." that IAM knows the proxy by.
	ProxyResourceID string

	// MigratorSecretArn is the secret that Flyway's task reads, as JSON with the keys username and password.
	MigratorSecretArn string
	// SecretArns are all users' secrets, by user.
	SecretArns map[string]string
	// RotationFunction and BootstrapFunction are the functions' names, for alarms.
	RotationFunction, BootstrapFunction string
	// LogGroups are the logs made here, by what writes them.
	LogGroups map[string]string
	// Ready is what has to be done before anybody signs in: logins made, first passwords set.
	Ready []cdktf.ITerraformDependable
}

// New makes the database.
func New(scope constructs.Construct, id string, props Props) Outputs {
	scope = constructs.NewConstruct(scope, jsii.String(id))
	logs := logGroups(scope, props)
	main := instance(scope, props, logs)

	users := secrets(scope, props)
	if props.Database.ReadReplica {
		main.masterSecretArn = users[config.DatabaseAdmin].arn
	}
	maker, turner := bootstrapFunction(scope, props, main, users), rotationFunction(scope, props, main, users)
	master := takeOver(scope, props, main, maker, turner, users)
	if props.Database.ReadReplica {
		main.replica = readReplica(scope, props, main, master)
		main.parameterGroups = append(main.parameterGroups, main.replica.parameterGroup)
	}
	events(scope, props, main)
	made := bootstrap(scope, props, main, maker, users, master)
	passwords := rotation(scope, props, maker, turner, users, made)

	pool := proxy(scope, props, main, logs, users, passwords)
	out := Outputs{
		InstanceID: main.id, InstanceArn: main.arn, Endpoint: main.endpoint, Port: props.Database.Port, SubnetGroup: main.subnetGroup,
		ReplicaID: main.replica.id, ReplicaEndpoint: main.replica.endpoint,
		ProxyName: pool.name, ProxyEndpoint: pool.endpoint, ProxyResourceID: pool.resourceID,
		MigratorSecretArn: users[config.DatabaseMigrator].arn,
		SecretArns:        map[string]string{},
		RotationFunction:  turner.Name, BootstrapFunction: maker.Name,
		LogGroups: logs.names(),
		Ready:     passwords,
	}
	for user, secret := range users {
		out.SecretArns[user] = secret.arn
	}
	return out
}

// serviceUsers are the services' logins, sorted.
func serviceUsers(services []config.Service) []string {
	var users []string
	for _, service := range services {
		if service.DatabaseUser != "" {
			users = append(users, service.DatabaseUser)
		}
	}
	return slices.Sorted(slices.Values(users))
}
