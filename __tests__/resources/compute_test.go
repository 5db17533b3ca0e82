package resources_test

import (
	"testing"

	"github.com/hashicorp/terraform-cdk-go/cdktf"

	"github.com/batbern/infrastructure/__tests__/testkit"
	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/constructs/api"
	"github.com/batbern/infrastructure/constructs/compute"
	"github.com/batbern/infrastructure/constructs/loadbalancer"
	"github.com/batbern/infrastructure/constructs/network"
	"github.com/batbern/infrastructure/constructs/storage"
)

// platform synthesizes network, cluster, load balancer, services and API of one environment, as its stack composes them.
func platform(t *testing.T, environment config.Environment) *testkit.Stack {
	t.Helper()
	const key = "arn:aws:kms:eu-central-1:222233334444:key/"
	return testkit.Construct(t, func(stack cdktf.TerraformStack) {
		name := environment.Stack()
		var ports []int
		repositories := map[string]compute.Repository{}
		for _, service := range environment.Services {
			ports = append(ports, service.Port)
			repositories[service.Name] = compute.Repository{
				URL: "111122223333.dkr.ecr.eu-central-1.amazonaws.com/" + service.Name,
				Arn: "arn:aws:ecr:eu-central-1:111122223333:repository/" + service.Name,
			}
		}
		secrets := map[string]string{}
		for _, secret := range environment.ExternalSecrets {
			secrets[secret] = "arn:aws:secretsmanager:eu-central-1:222233334444:secret:" + secret + "-AbCdEf"
		}
		vpc := network.New(stack, "network", network.Props{
			Name: name, Account: environment.Account, Network: environment.Network, DatabasePort: environment.Database.Port, ServicePorts: ports,
			BoundaryArn: "arn:aws:iam::222233334444:policy/boundary", LogsKeyArn: key + "logs", FlowLogsBucketArn: "arn:aws:s3:::logs",
		})
		balancer := loadbalancer.New(stack, "load_balancer", loadbalancer.Props{
			Name: name, Host: environment.Domains.Api(), Services: environment.Services, BlueGreen: environment.Compute.Rollout.BlueGreen(),
			Protection: environment.Protection, Vpc: vpc, CertificateArn: "arn:aws:acm:eu-central-1:222233334444:certificate/c", LogBucket: "logs", LogPrefix: "load-balancer",
		})
		cluster := compute.NewCluster(stack, "cluster", compute.ClusterProps{
			Name: name, Compute: environment.Compute, Vpc: vpc, DataKeyArn: key + "data", LogsKeyArn: key + "logs",
		})
		compute.NewServices(stack, "services", compute.ServicesProps{
			Name: name, Environment: string(environment.Name), Account: environment.Account, Compute: environment.Compute,
			Services: environment.Services, Vpc: vpc, Cluster: cluster, LoadBalancer: balancer, Repositories: repositories,
			Database:   &compute.DatabaseAccess{ProxyResourceID: "prx-0123456789abcdef0", Endpoint: "proxy.example", Port: 5432, Name: "batbern"},
			Buckets:    map[string]storage.Bucket{"content": {Name: "content-bucket", Arn: "arn:aws:s3:::content-bucket"}, "imports": {Name: "imports-bucket", Arn: "arn:aws:s3:::imports-bucket"}},
			SecretArns: secrets, LogsKeyArn: key + "logs", SecretsKeyArn: key + "secrets", StorageKeyArn: key + "storage",
			BoundaryArn: "arn:aws:iam::222233334444:policy/boundary", AlarmTopicArn: "arn:aws:sns:eu-central-1:222233334444:alarms",
		})
		api.New(stack, "api", api.Props{
			Name: name, Api: environment.Api, Domains: environment.Domains, Vpc: vpc, ListenerArn: balancer.ListenerArn,
			CertificateArn: "arn:aws:acm:eu-central-1:222233334444:certificate/c", LogsKeyArn: key + "logs",
		})
	})
}

func TestSmoke(t *testing.T) {
	for _, e := range testkit.Project(t).Environments {
		s := platform(t, e)
		t.Log(e.Name, len(s.All()))
		if e.Name != "staging" {
			t.Log(s.JSON)
		}
	}
}
