package cost_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/batbern/infrastructure/config"
	"github.com/batbern/infrastructure/internal/cost"
	"github.com/batbern/infrastructure/internal/tree/treetest"
)

type attrs = treetest.Attrs

func sheet(t *testing.T) *cost.Sheet {
	t.Helper()
	s, err := cost.CheckedIn()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func costOf(t *testing.T, environment string) config.Cost {
	t.Helper()
	c, err := config.CostOf(environment)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// estimate prices a stack as the environment that its name says.
func estimate(t *testing.T, stack *treetest.Stack) cost.Estimate {
	t.Helper()
	parsed := stack.Parse()
	e, err := cost.Of(parsed, costOf(t, parsed.Environment()), sheet(t))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// only prices a stack of the given resource and of what else it needs.
func only(t *testing.T, typ string, a attrs, more ...func(*treetest.Stack)) cost.Estimate {
	t.Helper()
	s := treetest.New("batbern-prod")
	for _, add := range more {
		add(s)
	}
	s.Add(typ, "it/it", a)
	return estimate(t, s)
}

// items sums the lines of an estimate by item.
func items(e cost.Estimate) map[string]float64 {
	sums := map[string]float64{}
	for _, l := range e.Lines {
		sums[l.Item] += l.Usd
	}
	return sums
}

func near(a, b float64) bool { return math.Abs(a-b) < 0.005 }

func TestEachKindIsPricedByItsSheetRow(t *testing.T) {
	a := costOf(t, "prod").Assumptions
	subnets := []any{"subnet-1", "subnet-2", "subnet-3"}
	for _, c := range []struct {
		name, typ string
		attrs     attrs
		want      map[string]float64 // item to usd
	}{
		{"NAT gateway", "aws_nat_gateway", attrs{}, map[string]float64{"NAT gateway": 730 * 0.052, "data through NAT": a.NatGb * 0.052}},
		{"elastic address", "aws_eip", attrs{}, map[string]float64{"public IPv4 address": 730 * 0.005}},
		{"interface endpoint, by zone", "aws_vpc_endpoint", attrs{"vpc_endpoint_type": "Interface", "subnet_ids": subnets},
			map[string]float64{"interface endpoint": 3 * 730 * 0.012, "data through endpoint": a.EndpointGb * 0.01}},
		{"gateway endpoint is free", "aws_vpc_endpoint", attrs{"vpc_endpoint_type": "Gateway"}, map[string]float64{}},
		{"RDS single-AZ", "aws_db_instance", attrs{"engine": "postgres", "instance_class": "db.t4g.micro", "storage_type": "gp3", "allocated_storage": 20},
			map[string]float64{"instance db.t4g.micro single-AZ": 730 * 0.019, "storage gp3": 20 * 0.137}},
		{"RDS Multi-AZ covers the standby", "aws_db_instance", attrs{"engine": "postgres", "instance_class": "db.t4g.medium", "storage_type": "gp3", "allocated_storage": 20, "multi_az": true},
			map[string]float64{"instance db.t4g.medium multi-AZ": 730 * 0.149, "storage gp3": 20 * 0.274}},
		{"RDS extras", "aws_db_instance", attrs{"engine": "postgres", "instance_class": "db.m7g.xlarge", "storage_type": "gp3", "allocated_storage": 400, "iops": 13000,
			"backup_retention_period": 7, "manage_master_user_password": true, "performance_insights_enabled": true, "performance_insights_retention_period": 465, "monitoring_interval": 15},
			map[string]float64{"instance db.m7g.xlarge single-AZ": 730 * 0.401, "storage gp3": 400 * 0.137, "provisioned IOPS": 1000 * 0.024,
				"backups beyond the free amount": 0, "secret of the master user": 0.40, "Performance Insights retention": 4 * 3.5,
				"Enhanced Monitoring": a.EnhancedMonitoringKb * 730 * 240 / 1e6 * 0.63}},
		{"Valkey nodes", "aws_elasticache_replication_group", attrs{"engine": "valkey", "node_type": "cache.t4g.micro", "num_cache_clusters": 2},
			map[string]float64{"valkey nodes cache.t4g.micro": 2 * 730 * 0.0144}},
		{"Redis shards with replicas", "aws_elasticache_replication_group", attrs{"engine": "redis", "node_type": "cache.t4g.small", "num_node_groups": 3, "replicas_per_node_group": 1},
			map[string]float64{"redis nodes cache.t4g.small": 6 * 730 * 0.036}},
		{"internal ALB", "aws_lb", attrs{"internal": true, "subnets": subnets}, map[string]float64{"Application Load Balancer": 730 * 0.027, "capacity units": a.AlbCapacityUnits * 730 * 0.008}},
		{"public ALB has addresses", "aws_lb", attrs{"subnets": subnets}, map[string]float64{"Application Load Balancer": 730 * 0.027, "capacity units": a.AlbCapacityUnits * 730 * 0.008,
			"public IPv4 addresses": 3 * 730 * 0.005}},
		{"HTTP API", "aws_apigatewayv2_api", attrs{"protocol_type": "HTTP"}, map[string]float64{"API requests": a.ApiRequestsMillion * 1.20}},
		{"VPC link", "aws_apigatewayv2_vpc_link", attrs{}, map[string]float64{"VPC link": 0}},
		{"CloudFront", "aws_cloudfront_distribution", attrs{"default_cache_behavior": attrs{}}, map[string]float64{"traffic to viewers": a.CloudFrontGb * 0.085, "HTTPS requests": a.CloudFrontRequestsMillion * 100 * 0.012}},
		{"WAF in us-east-1", "aws_wafv2_web_acl", attrs{"provider": "aws.virginia", "scope": "REGIONAL", "rule": []any{attrs{"name": "a"}, attrs{"name": "b"}}},
			map[string]float64{"web ACL": 5, "rules": 2, "inspected requests": a.ApiRequestsMillion * 0.60}},
		{"hosted zone", "aws_route53_zone", attrs{}, map[string]float64{"hosted zone": 0.50, "DNS queries": a.DnsQueriesMillion * 0.40}},
		{"Cloud Map namespace is a zone", "aws_service_discovery_private_dns_namespace", attrs{}, map[string]float64{"hosted zone": 0.50, "DNS queries": a.DnsQueriesMillion * 0.40}},
		{"health check with options", "aws_route53_health_check", attrs{"type": "HTTPS", "measure_latency": true, "request_interval": 10}, map[string]float64{"health check": 0.50, "health check options": 3}},
		{"bucket", "aws_s3_bucket", attrs{}, map[string]float64{"storage": a.BucketGb * 0.0245, "writes": a.BucketWritesMillion * 1000 * 0.0054, "reads": a.BucketReadsMillion * 1000 * 0.00043}},
		{"KMS key", "aws_kms_key", attrs{}, map[string]float64{"key": 1, "key requests": a.KeyRequestsMillion * 100 * 0.03}},
		{"KMS key that rotates", "aws_kms_key", attrs{"enable_key_rotation": true}, map[string]float64{"key": 1, "rotated key material": a.KeyRotationsBilled, "key requests": a.KeyRequestsMillion * 100 * 0.03}},
		{"secret with a replica", "aws_secretsmanager_secret", attrs{"replica": []any{attrs{"region": "eu-west-1"}}},
			map[string]float64{"secret": 0.40, "replica in eu-west-1": 0.40, "secret calls": a.SecretCallsThousand / 10 * 0.05}},
		{"standard parameter is free", "aws_ssm_parameter", attrs{"type": "String"}, map[string]float64{}},
		{"advanced parameter", "aws_ssm_parameter", attrs{"tier": "Advanced"}, map[string]float64{"advanced parameter": 0.05}},
		{"log group", "aws_cloudwatch_log_group", attrs{"retention_in_days": 60}, map[string]float64{"log ingestion": a.LogGb * 0.63, "log storage": a.LogGb * 2 * 0.15 * 0.0324}},
		{"log group that its instance pays for", "aws_cloudwatch_log_group", attrs{"name": "RDSOSMetrics", "retention_in_days": 30}, map[string]float64{"log storage": a.LogGb * 0.15 * 0.0324}},
		{"alarm", "aws_cloudwatch_metric_alarm", attrs{"metric_name": "x", "period": 60}, map[string]float64{"alarm": 0.10}},
		{"alarm of high resolution", "aws_cloudwatch_metric_alarm", attrs{"metric_name": "x", "period": 10}, map[string]float64{"alarm, high resolution": 0.30}},
		{"alarm on an anomaly band", "aws_cloudwatch_metric_alarm", attrs{"threshold_metric_id": "band", "metric_query": []any{attrs{"id": "m", "metric": attrs{"period": 300}}, attrs{"id": "band", "expression": "x"}}},
			map[string]float64{"alarm": 0.30}},
		{"composite alarm", "aws_cloudwatch_composite_alarm", attrs{}, map[string]float64{"composite alarm": 0.50}},
		{"dashboard", "aws_cloudwatch_dashboard", attrs{}, map[string]float64{"dashboard": 3}},
		{"canary", "aws_synthetics_canary", attrs{"schedule": attrs{"expression": "rate(1 hour)"}}, map[string]float64{"canary runs": 730 * 0.0016}},
		{"X-Ray", "aws_xray_group", attrs{}, map[string]float64{"traces": a.TracesMillion * 5}},
		{"Grafana", "aws_grafana_workspace", attrs{}, map[string]float64{"Grafana editors": a.GrafanaEditors * 9}},
		{"topic", "aws_sns_topic", attrs{}, map[string]float64{"publishes": a.NotificationsThousand / 1000 * 0.50, "e-mails": a.NotificationsThousand / 100 * 2}},
		{"function on ARM", "aws_lambda_function", attrs{"architectures": []any{"arm64"}, "memory_size": 256}, map[string]float64{
			"function calls": a.FunctionCallsThousand / 1000 * 0.20, "function duration": a.FunctionCallsThousand * a.FunctionMilliseconds * 0.25 * 0.0000133334}},
		{"repository", "aws_ecr_repository", attrs{}, map[string]float64{"image storage": a.RegistryGb * 0.10}},
		{"flow log to S3", "aws_flow_log", attrs{"log_destination_type": "s3"}, map[string]float64{"flow log to S3": a.FlowLogGb * 0.315}},
		{"Backup plan", "aws_backup_plan", attrs{"rule": []any{attrs{}}}, map[string]float64{"database backups": a.BackupDatabaseGb * 0.103, "bucket backups": a.BackupBucketGb * 0.06}},
		{"event bus", "aws_cloudwatch_event_bus", attrs{}, map[string]float64{"custom events": a.CustomEventsMillion}},
		{"Config", "aws_config_configuration_recorder", attrs{}, map[string]float64{"configuration items": a.ConfigItems * 0.003}},
		{"GuardDuty", "aws_guardduty_detector", attrs{}, map[string]float64{"analysed events": a.GuardDutyEventsMillion * 4.6, "analysed logs": a.GuardDutyGb * 1.15}},
		{"Security Hub", "aws_securityhub_standards_subscription", attrs{}, map[string]float64{"security checks": a.SecurityChecks * 0.001}},
		{"trail of management events is free", "aws_cloudtrail", attrs{}, map[string]float64{}},
		{"trail of data events", "aws_cloudtrail", attrs{"event_selector": []any{attrs{"data_resource": []any{attrs{"type": "AWS::S3::Object"}}}}}, map[string]float64{"data events": a.TrailDataEventsMillion * 10 * 0.10}},
		{"budget is free", "aws_budgets_budget", attrs{}, map[string]float64{}},
		{"budget action", "aws_budgets_budget_action", attrs{}, map[string]float64{"budget action": 730.0 / 24 * 0.10}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := items(only(t, c.typ, c.attrs))
			for item, usd := range c.want {
				if sum, ok := got[item]; !ok || math.Abs(sum-usd) > 1e-6 {
					t.Errorf("%s costs %v (billed: %v), want %v", item, sum, ok, usd)
				}
			}
			for item := range got {
				if _, ok := c.want[item]; !ok {
					t.Errorf("%s is billed %v, want nothing", item, got[item])
				}
			}
		})
	}
}

// fargate is a service of 4 tasks of half a vCPU and 1 GB.
func fargate(t *testing.T, service attrs, more func(s *treetest.Stack, service string)) map[string]float64 {
	t.Helper()
	s := treetest.New("batbern-prod")
	task := s.Add("aws_ecs_task_definition", "compute/task", attrs{"cpu": "512", "memory": "1024", "runtime_platform": attrs{"cpu_architecture": "ARM64"}})
	all := attrs{"name": "api", "task_definition": treetest.Ref(task, "arn"), "desired_count": 4}
	for key, value := range service {
		all[key] = value
	}
	at := s.Add("aws_ecs_service", "compute/service", all)
	if more != nil {
		more(s, at)
	}
	return items(estimate(t, s))
}

func TestFargate(t *testing.T) {
	strategy := func(entries ...any) attrs { return attrs{"capacity_provider_strategy": entries} }
	onDemand := func(tasks float64) float64 { return tasks * 0.5 * 730 * 0.03725 }
	spot := func(tasks float64) float64 { return tasks * 0.5 * 730 * 0.01123664 }
	for _, c := range []struct {
		name           string
		service        attrs
		more           func(*treetest.Stack, string)
		onDemand, spot float64
	}{
		{"without a strategy all is on demand", attrs{}, nil, onDemand(4), 0},
		{"all on Spot", strategy(attrs{"capacity_provider": "FARGATE_SPOT", "weight": 1}), nil, 0, spot(4)},
		{"base first, the rest by weight", strategy(attrs{"capacity_provider": "FARGATE", "base": 1, "weight": 1}, attrs{"capacity_provider": "FARGATE_SPOT", "weight": 2}), nil, onDemand(2), spot(2)},
		{"a base of Spot", strategy(attrs{"capacity_provider": "FARGATE", "weight": 1}, attrs{"capacity_provider": "FARGATE_SPOT", "base": 2}), nil, onDemand(2), spot(2)},
		{"the scaling target's minimum counts", attrs{}, func(s *treetest.Stack, service string) {
			s.Add("aws_appautoscaling_target", "compute/scaling", attrs{"min_capacity": 2, "resource_id": "service/x/" + treetest.Ref(service, "name")})
		}, onDemand(2), 0},
		{"the scaling target by name", attrs{}, func(s *treetest.Stack, _ string) {
			s.Add("aws_appautoscaling_target", "compute/scaling", attrs{"min_capacity": 1, "resource_id": "service/batbern-prod/api"})
			s.Add("aws_appautoscaling_target", "compute/other", attrs{"min_capacity": 9, "resource_id": "service/batbern-prod/other-api"})
		}, onDemand(1), 0},
		{"the cluster's default strategy", attrs{"cluster": "${aws_ecs_cluster.c.arn}"}, func(s *treetest.Stack, _ string) {
			s.Add("aws_ecs_cluster", "c", attrs{})
			s.Add("aws_ecs_cluster_capacity_providers", "p", attrs{"cluster_name": "${aws_ecs_cluster.c.name}", "default_capacity_provider_strategy": attrs{"capacity_provider": "FARGATE_SPOT", "weight": 1}})
		}, 0, spot(4)},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := fargate(t, c.service, c.more)
			if !near(got["Fargate vCPU on demand"], c.onDemand) || !near(got["Fargate vCPU Spot"], c.spot) {
				t.Errorf("vCPU costs %.2f on demand and %.2f on Spot, want %.2f and %.2f", got["Fargate vCPU on demand"], got["Fargate vCPU Spot"], c.onDemand, c.spot)
			}
		})
	}
}

func TestPipelinesTaskCountsNotThePlaceholder(t *testing.T) {
	s := treetest.New("batbern-prod")
	task := func(name, cpu, memory string) string {
		return s.Add("aws_ecs_task_definition", "compute/api/"+name, attrs{"cpu": cpu, "memory": memory, "runtime_platform": attrs{"cpu_architecture": "ARM64"}})
	}
	placeholder := task("placeholder", "256", "512")
	task("template", "1024", "2048")
	s.Add("aws_ecs_task_definition", "compute/other/template", attrs{"cpu": "4096", "memory": "8192"}) // another's, run by hand
	s.Add("aws_ecs_service", "compute/api/service", attrs{"task_definition": treetest.Ref(placeholder, "arn"), "desired_count": 1,
		"lifecycle": attrs{"ignore_changes": []any{"desired_count", "task_definition"}}})
	got := items(estimate(t, s))
	if want := 730 * 0.03725; !near(got["Fargate vCPU on demand"], want) {
		t.Errorf("vCPU costs %.2f, want %.2f: the template's size", got["Fargate vCPU on demand"], want)
	}
	if want := 4 * 0.04656; !near(got["Fargate vCPU one-shot"], want) {
		t.Errorf("one-shot vCPU costs %.2f, want %.2f: the other task's only", got["Fargate vCPU one-shot"], want)
	}
}

func TestProxyIsBilledByTheInstanceBehindIt(t *testing.T) {
	for class, cpus := range map[string]float64{"db.t4g.micro": 2, "db.m7g.large": 2, "db.t4g.xlarge": 4} {
		got := items(only(t, "aws_db_proxy", attrs{"name": "p"}, func(s *treetest.Stack) {
			db := s.Add("aws_db_instance", "database/instance", attrs{"engine": "postgres", "instance_class": class, "storage_type": "gp3", "allocated_storage": 20})
			s.Add("aws_db_proxy_target", "database/target", attrs{"db_proxy_name": "${aws_db_proxy.it_it_" + hashOf(t, "it/it") + ".name}", "db_instance_identifier": treetest.Ref(db, "identifier")})
		}))
		if want := cpus * 730 * 0.018; !near(got["RDS Proxy"], want) {
			t.Errorf("proxy before %s costs %.2f, want %.2f", class, got["RDS Proxy"], want)
		}
	}
}

// hashOf is the suffix that a path's logical ID gets.
func hashOf(t *testing.T, path string) string {
	t.Helper()
	address := treetest.New("x").Add("aws_x", path, attrs{})
	return address[strings.LastIndex(address, "_")+1:]
}

func TestTwiceAsManyCostTwiceAsMuch(t *testing.T) {
	for _, typ := range []string{"aws_nat_gateway", "aws_eip", "aws_vpc_endpoint", "aws_lb", "aws_cloudfront_distribution", "aws_wafv2_web_acl", "aws_kms_key",
		"aws_secretsmanager_secret", "aws_s3_bucket", "aws_cloudwatch_log_group", "aws_cloudwatch_metric_alarm", "aws_cloudwatch_dashboard", "aws_synthetics_canary",
		"aws_lambda_function", "aws_db_instance", "aws_elasticache_replication_group", "aws_backup_plan", "aws_ecs_service"} {
		t.Run(typ, func(t *testing.T) {
			once := estimate(t, treetest.Golden(t, "batbern-prod"))
			twice := treetest.Golden(t, "batbern-prod")
			for _, r := range twice.Parse().OfType(typ) {
				twice.Set(r.Address(), "count", 2)
			}
			sum := func(e cost.Estimate) (usd float64) {
				for _, l := range e.Lines {
					if l.Type == typ {
						usd += l.Usd
					}
				}
				return usd
			}
			if before, after := sum(once), sum(estimate(t, twice)); before == 0 || !near(after, 2*before) {
				t.Errorf("%.2f becomes %.2f, want twice as much", before, after)
			}
		})
	}
	t.Run("tasks of a service", func(t *testing.T) {
		one, two := fargate(t, attrs{"desired_count": 1}, nil), fargate(t, attrs{"desired_count": 2}, nil)
		for item, usd := range one {
			if !near(two[item], 2*usd) {
				t.Errorf("%s: %.2f becomes %.2f", item, usd, two[item])
			}
		}
	})
	t.Run("hours", func(t *testing.T) {
		c := costOf(t, "prod")
		c.Assumptions.TaskHoursPerMonth = 365
		half, err := cost.Of(treetest.Golden(t, "batbern-prod").Parse(), c, sheet(t))
		if err != nil {
			t.Fatal(err)
		}
		whole := items(estimate(t, treetest.Golden(t, "batbern-prod")))["Fargate vCPU on demand"]
		if got := items(half)["Fargate vCPU on demand"]; !near(2*got, whole) {
			t.Errorf("half the hours cost %.2f, the whole month %.2f", got, whole)
		}
	})
}

func TestTracesAreBilledOnce(t *testing.T) {
	e := only(t, "aws_xray_group", attrs{}, func(s *treetest.Stack) {
		s.Add("aws_xray_group", "more/group", attrs{})
		s.Add("aws_xray_sampling_rule", "more/rule", attrs{})
	})
	if len(e.Lines) != 1 {
		t.Errorf("%d lines for the traces of one environment: %v", len(e.Lines), e.Lines)
	}
}

// A policy masks the groups of its own region: two policies bill no group twice.
func TestMaskingIsBilledByRegion(t *testing.T) {
	a := costOf(t, "prod").Assumptions
	mask := attrs{"policy_type": "DATA_PROTECTION_POLICY", "provider": "aws.virginia"}
	e := only(t, "aws_cloudwatch_log_account_policy", mask, func(s *treetest.Stack) {
		s.Add("aws_cloudwatch_log_account_policy", "home/mask", attrs{"policy_type": "DATA_PROTECTION_POLICY"})
		s.Add("aws_cloudwatch_log_group", "home/one", attrs{"retention_in_days": 30})
		s.Add("aws_cloudwatch_log_group", "home/two", attrs{"retention_in_days": 30})
		s.Add("aws_cloudwatch_log_group", "edge/firewall", attrs{"retention_in_days": 30, "provider": "aws.virginia"})
	})
	if found, want := items(e)["data protection scan"], 3*a.LogGb*0.12; math.Abs(found-want) > 1e-9 {
		t.Errorf("found %g USD, wanted %g for three groups", found, want)
	}
	alone := only(t, "aws_cloudwatch_log_account_policy", mask)
	if len(alone.Lines) != 0 {
		t.Errorf("nothing is masked, and it costs %v", alone.Lines)
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name, typ string
		attrs     attrs
		says      []string
	}{
		{"unknown type", "aws_sagemaker_endpoint", attrs{}, []string{"aws_sagemaker_endpoint.it_it", "batbern-prod/it/it", "neither priced nor known to be free", "internal/cost"}},
		{"unpriced class", "aws_db_instance", attrs{"engine": "postgres", "instance_class": "db.x2g.16xlarge", "storage_type": "gp3"}, []string{"rds.db.x2g.16xlarge.single", "prices.csv"}},
		{"other engine", "aws_db_instance", attrs{"engine": "mysql", "instance_class": "db.t4g.micro", "storage_type": "gp3"}, []string{"mysql", "postgres"}},
		{"unknown number", "aws_elasticache_replication_group", attrs{"engine": "valkey", "node_type": "cache.t4g.micro", "num_cache_clusters": "${var.nodes}"}, []string{"num_cache_clusters", "${var.nodes}", "literal"}},
		{"gateway load balancer", "aws_lb", attrs{"load_balancer_type": "gateway"}, []string{"gateway", "network"}},
		{"WAF group that costs extra", "aws_wafv2_web_acl", attrs{"rule": []any{attrs{"statement": attrs{"managed_rule_group_statement": attrs{"name": "AWSManagedRulesBotControlRuleSet"}}}}}, []string{"AWSManagedRulesBotControlRuleSet"}},
		{"service without a task", "aws_ecs_service", attrs{"task_definition": "arn:aws:ecs:x"}, []string{"task_definition"}},
		{"proxy without an instance", "aws_db_proxy", attrs{}, []string{"aws_db_proxy_target"}},
		{"nonsense schedule", "aws_synthetics_canary", attrs{"schedule": attrs{"expression": "often"}}, []string{"schedule.expression", "often", "rate("}},
		{"WebSocket API", "aws_apigatewayv2_api", attrs{"protocol_type": "WEBSOCKET"}, []string{"WEBSOCKET", "HTTP"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := treetest.New("batbern-prod")
			s.Add(c.typ, "it/it", c.attrs)
			_, err := cost.Of(s.Parse(), costOf(t, "prod"), sheet(t))
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range c.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
	t.Run("all at once", func(t *testing.T) {
		s := treetest.New("batbern-prod")
		s.Add("aws_one", "a", attrs{})
		s.Add("aws_two", "b", attrs{})
		_, err := cost.Of(s.Parse(), costOf(t, "prod"), sheet(t))
		if err == nil || !strings.Contains(err.Error(), "aws_one") || !strings.Contains(err.Error(), "aws_two") {
			t.Errorf("error is %v, want both types", err)
		}
	})
}

func TestBudget(t *testing.T) {
	e := estimate(t, treetest.Golden(t, "batbern-prod"))
	if err := e.CheckBudget(); err != nil {
		t.Error(err)
	}
	e.BudgetUsd = 100
	err := e.CheckBudget()
	if err == nil {
		t.Fatal("an estimate above its budget passes")
	}
	for _, part := range []string{"prod", "100.00", fmt.Sprintf("%.2f", e.Total()), "network", "MonthlyBudgetUsd"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	e.BudgetUsd = 0
	if e.CheckBudget() == nil {
		t.Error("an environment without a budget passes")
	}
}

func TestSums(t *testing.T) {
	e := estimate(t, treetest.Golden(t, "batbern-prod"))
	var byConcern, assumed float64
	for _, c := range e.Concerns() {
		byConcern += e.Concern(c)
	}
	for _, l := range e.Lines {
		if math.Abs(l.Usd-l.Quantity*l.Price.Usd) > 1e-9 {
			t.Errorf("%s %s: %v is not %v times %v", l.Address, l.Item, l.Usd, l.Quantity, l.Price.Usd)
		}
		if l.Price.Confidence == cost.Assumption {
			assumed += l.Usd
		}
		if l.Basis == "" || l.Concern == "" || l.Resource == "" {
			t.Errorf("line %+v does not say where it comes from", l)
		}
	}
	if math.Abs(byConcern-e.Total()) > 1e-6 || math.Abs(assumed-e.OnAssumedPrices()) > 1e-6 || assumed == 0 || assumed >= e.Total() {
		t.Errorf("total %v, by concern %v, on assumed prices %v (want %v)", e.Total(), byConcern, e.OnAssumedPrices(), assumed)
	}
	if e.OnAssumedUsage() <= 0 || e.OnAssumedUsage() >= e.Total() {
		t.Errorf("on assumed use %v of %v", e.OnAssumedUsage(), e.Total())
	}
}

func TestRegionsHaveTheirOwnPrices(t *testing.T) {
	home := only(t, "aws_cloudwatch_log_group", attrs{"retention_in_days": 30})
	virginia := only(t, "aws_cloudwatch_log_group", attrs{"retention_in_days": 30, "provider": "aws.virginia"})
	if home.Lines[0].Price.Usd != 0.63 || virginia.Lines[0].Price.Usd != 0.50 {
		t.Errorf("a GB of logs costs %v at home and %v in us-east-1", home.Lines[0].Price.Usd, virginia.Lines[0].Price.Usd)
	}
	ireland := only(t, "aws_backup_plan", attrs{"rule": []any{attrs{"copy_action": []any{attrs{"destination_vault_arn": "${aws_backup_vault.v.arn}"}}}}}, func(s *treetest.Stack) {
		s.Add("aws_backup_vault", "v", attrs{"provider": "aws.recovery"})
	})
	i := slices.IndexFunc(ireland.Lines, func(l cost.Line) bool { return l.Item == "database backups in eu-west-1" })
	if i < 0 || ireland.Lines[i].Price.Confidence != cost.Assumption || !strings.Contains(ireland.Lines[i].Price.Note, "eu-central-1") {
		t.Errorf("backups in eu-west-1 must stand on the home region's price as an assumption: %+v", ireland.Lines)
	}
}
