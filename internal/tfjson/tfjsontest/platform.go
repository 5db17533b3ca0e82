package tfjsontest

import "fmt"

// Size is how large a sample platform is.
type Size struct {
	MultiAz     bool
	Nats        int
	Services    []string
	Tasks       int
	SpotWeight  int // of 100; the rest is on demand
	Class       string
	Cache       bool
	CacheNodes  int
	Endpoints   []string
	Canaries    bool
	Grafana     bool
	CrossRegion bool
}

var sixServices = []string{"api-gateway", "attendee-experience", "company-user", "event-management", "partner-coordination", "speaker-coordination"}

// Dev is a small environment.
func Dev() *Stack {
	return Platform("batbern-dev", Size{Nats: 1, Services: sixServices, Tasks: 1, SpotWeight: 100, Class: "db.t4g.micro"})
}

// Staging is a rehearsal of production.
func Staging() *Stack {
	return Platform("batbern-staging", Size{Nats: 1, Services: sixServices, Tasks: 1, SpotWeight: 70, Class: "db.t4g.small", Cache: true, CacheNodes: 1})
}

// Prod is a whole environment.
func Prod() *Stack {
	return Platform("batbern-prod", Size{
		MultiAz: true, Nats: 2, Services: sixServices, Tasks: 2, Class: "db.t4g.medium", Cache: true, CacheNodes: 2,
		Endpoints: []string{"ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm", "ec2"}, Canaries: true, Grafana: true, CrossRegion: true,
	})
}

// Base is the shared account.
func Base() *Stack {
	s := New("batbern-base")
	s.Add("aws_route53_zone", "dns/zone", Attrs{"name": "batbern.ch"})
	for _, name := range append([]string{"flyway"}, sixServices...) {
		s.Add("aws_ecr_repository", "registry/"+name, Attrs{"name": "batbern/" + name})
	}
	github := s.Add("aws_iam_openid_connect_provider", "delivery/github", Attrs{"url": "https://token.actions.githubusercontent.com"})
	for _, env := range []string{"dev", "staging", "prod"} {
		s.Add("aws_iam_role", "delivery/"+env+"/plan", Attrs{"name": "batbern-" + env + "-plan", "assume_role_policy": Ref(github, "arn")})
		s.Add("aws_iam_role", "delivery/"+env+"/apply", Attrs{"name": "batbern-" + env + "-apply", "assume_role_policy": Ref(github, "arn")})
		s.Add("aws_iam_role", "dns/"+env, Attrs{"name": "batbern-" + env + "-dns"})
	}
	s.Add("aws_kms_key", "registry/key", Attrs{"enable_key_rotation": true})
	s.Add("aws_cloudtrail", "baseline/trail", Attrs{"name": "management"})
	return s
}

// Platform is an environment of every chargeable kind, with the paths and references that cdktf writes.
func Platform(name string, size Size) *Stack {
	p := &platform{Stack: New(name, "batbern-base"), size: size, zones: []string{"a", "b"}}
	p.secrets()
	p.network()
	p.rotation()
	p.storage()
	p.database()
	p.cache()
	p.compute()
	p.edge()
	p.backup()
	p.observability()
	return p.Stack
}

type platform struct {
	*Stack
	size  Size
	zones []string

	vpc           string
	subnets       map[string][]string // tier to addresses
	groups        map[string]string   // security groups
	keys          map[string]string
	db, proxy     string
	clusterAt     string
	services      []string
	alb, listener string
	buckets       map[string]string
	vault         string
	topic         string
}

func ids(addresses []string) []any {
	var refs []any
	for _, a := range addresses {
		refs = append(refs, Ref(a, "id"))
	}
	return refs
}

func (p *platform) network() {
	p.vpc = p.Add("aws_vpc", "network/vpc", Attrs{"cidr_block": "10.30.0.0/16", "tags": Attrs{"Name": p.Name}})
	p.Add("aws_internet_gateway", "network/internet", Attrs{"vpc_id": Ref(p.vpc, "id")})
	p.subnets = map[string][]string{}
	for i, tier := range []string{"public", "private", "isolated"} {
		for j, zone := range p.zones {
			at := p.Add("aws_subnet", "network/subnet_"+tier+"_"+zone, Attrs{"vpc_id": Ref(p.vpc, "id"), "availability_zone": "eu-central-1" + zone,
				"cidr_block": fmt.Sprintf("10.30.%d.0/24", 16*i+j), "tags": Attrs{"Name": p.Name + "-" + tier + "-" + zone, "Tier": tier}})
			p.subnets[tier] = append(p.subnets[tier], at)
		}
	}
	for _, zone := range p.zones[:p.size.Nats] {
		address := p.Add("aws_eip", "network/nat_"+zone+"_address", Attrs{"domain": "vpc"})
		p.Add("aws_nat_gateway", "network/nat_"+zone, Attrs{"allocation_id": Ref(address, "id"), "subnet_id": Ref(p.subnets["public"][0], "id")})
	}
	p.groups = map[string]string{}
	for _, tier := range []string{"link", "load_balancer", "service", "migration", "function", "proxy", "database", "cache", "endpoint"} {
		p.groups[tier] = p.Add("aws_security_group", "network/security_group_"+tier, Attrs{"name_prefix": p.Name + "-" + tier, "vpc_id": Ref(p.vpc, "id"), "tags": Attrs{"Name": p.Name + "-" + tier}})
	}
	for _, f := range []struct {
		from, to string
		port     int
	}{
		{"link", "load_balancer", 443}, {"load_balancer", "service", 8080}, {"service", "service", 8080}, {"service", "proxy", 5432},
		{"proxy", "database", 5432}, {"migration", "database", 5432}, {"function", "database", 5432}, {"service", "cache", 6379},
		{"service", "endpoint", 443}, {"function", "endpoint", 443}, {"migration", "endpoint", 443},
	} {
		if f.to == "endpoint" && len(p.size.Endpoints) == 0 || f.to == "cache" && !p.size.Cache {
			continue
		}
		p.Add("aws_vpc_security_group_ingress_rule", "network/"+f.from+"_to_"+f.to, Attrs{"security_group_id": Ref(p.groups[f.to], "id"),
			"referenced_security_group_id": Ref(p.groups[f.from], "id"), "from_port": f.port, "to_port": f.port, "ip_protocol": "tcp"})
	}
	s3 := p.Add("aws_vpc_endpoint", "network/s3", Attrs{"vpc_id": Ref(p.vpc, "id"), "service_name": "com.amazonaws.eu-central-1.s3", "vpc_endpoint_type": "Gateway"})
	for _, service := range p.size.Endpoints {
		p.Add("aws_vpc_endpoint", "network/endpoint_"+service, Attrs{"vpc_id": Ref(p.vpc, "id"), "service_name": "com.amazonaws.eu-central-1." + service,
			"vpc_endpoint_type": "Interface", "subnet_ids": ids(p.subnets["private"]), "security_group_ids": []any{Ref(p.groups["endpoint"], "id")}})
	}
	for _, from := range []string{"service", "migration", "function"} {
		p.Add("aws_vpc_security_group_egress_rule", "network/"+from+"_to_internet", Attrs{"security_group_id": Ref(p.groups[from], "id"),
			"cidr_ipv4": "0.0.0.0/0", "from_port": 443, "to_port": 443, "ip_protocol": "tcp"})
	}
	p.Add("aws_vpc_security_group_egress_rule", "network/service_to_s3", Attrs{"security_group_id": Ref(p.groups["service"], "id"),
		"prefix_list_id": Ref(s3, "prefix_list_id"), "from_port": 443, "to_port": 443, "ip_protocol": "tcp"})
	dynamodb := p.Add("aws_vpc_endpoint", "network/dynamodb", Attrs{"vpc_id": Ref(p.vpc, "id"), "service_name": "com.amazonaws.eu-central-1.dynamodb", "vpc_endpoint_type": "Gateway"})
	p.Add("aws_vpc_security_group_egress_rule", "network/service_to_dynamodb", Attrs{"security_group_id": Ref(p.groups["service"], "id"),
		"prefix_list_id": Ref(dynamodb, "prefix_list_id"), "from_port": 443, "to_port": 443, "ip_protocol": "tcp"})
	p.Add("aws_vpc_security_group_egress_rule", "network/migration_to_s3", Attrs{"security_group_id": Ref(p.groups["migration"], "id"),
		"prefix_list_id": Ref(s3, "prefix_list_id"), "from_port": 443, "to_port": 443, "ip_protocol": "tcp"})
	logs := p.logGroup("network/flow_logs")
	p.Add("aws_flow_log", "network/flow_log", Attrs{"log_destination_type": "s3", "vpc_id": Ref(p.vpc, "id")})
	p.Add("aws_flow_log", "network/rejected", Attrs{"log_destination": Ref(logs, "arn"), "vpc_id": Ref(p.vpc, "id")})
}

func (p *platform) secrets() {
	p.keys = map[string]string{}
	for _, class := range []string{"database", "storage", "logs", "secrets", "backup", "messages"} {
		p.keys[class] = p.Add("aws_kms_key", "secrets/key_"+class, Attrs{"enable_key_rotation": true})
		p.Add("aws_kms_alias", "secrets/alias_"+class, Attrs{"target_key_id": Ref(p.keys[class], "id")})
	}
	for _, service := range p.size.Services {
		p.Add("aws_secretsmanager_secret", "secrets/"+service, Attrs{"name": p.Name + "/database/" + service, "kms_key_id": Ref(p.keys["secrets"], "arn")})
	}
}

func (p *platform) rotation() {
	p.Add("aws_lambda_function", "secrets/rotation/function", Attrs{"function_name": p.Name + "-rotation", "architectures": []any{"arm64"}, "memory_size": 256,
		"vpc_config": Attrs{"subnet_ids": ids(p.subnets["private"]), "security_group_ids": []any{Ref(p.groups["function"], "id")}}})
	p.logGroup("secrets/rotation/logs")
}

func (p *platform) logGroup(path string) string {
	return p.Add("aws_cloudwatch_log_group", path, Attrs{"name": "/" + p.Name + "/" + path, "retention_in_days": 30, "kms_key_id": Ref(p.keys["logs"], "arn")})
}

func (p *platform) storage() {
	p.buckets = map[string]string{}
	for _, name := range []string{"content", "frontend", "logs"} {
		p.buckets[name] = p.Add("aws_s3_bucket", "storage/"+name, Attrs{"bucket": p.Name + "-" + name})
		p.Add("aws_s3_bucket_versioning", "storage/"+name+"_versioning", Attrs{"bucket": Ref(p.buckets[name], "id")})
	}
	if p.size.CrossRegion {
		for _, name := range []string{"content", "frontend"} {
			copied := p.Add("aws_s3_bucket", "storage_copy/"+name+"/bucket", Attrs{"bucket": p.Name + "-" + name + "-copy", "provider": "aws.recovery"})
			p.buckets[name+"_copy"] = copied
			p.Add("aws_s3_bucket_replication_configuration", "storage/"+name+"_replication", Attrs{"bucket": Ref(p.buckets[name], "id"),
				"rule": []any{Attrs{"destination": Attrs{"bucket": Ref(copied, "arn")}}}})
		}
	}
}

func (p *platform) database() {
	group := p.Add("aws_db_subnet_group", "database/subnets", Attrs{"subnet_ids": ids(p.subnets["isolated"])})
	p.db = p.Add("aws_db_instance", "database/instance", Attrs{"identifier": p.Name, "engine": "postgres", "engine_version": "15", "instance_class": p.size.Class,
		"allocated_storage": 20, "storage_type": "gp3", "multi_az": p.size.MultiAz, "backup_retention_period": 14, "monitoring_interval": 60,
		"manage_master_user_password": true, "performance_insights_enabled": true, "performance_insights_retention_period": 7,
		"db_subnet_group_name": Ref(group, "name"), "vpc_security_group_ids": []any{Ref(p.groups["database"], "id")}})
	p.proxy = p.Add("aws_db_proxy", "database/proxy", Attrs{"name": p.Name, "vpc_subnet_ids": ids(p.subnets["isolated"]), "vpc_security_group_ids": []any{Ref(p.groups["proxy"], "id")}})
	p.Add("aws_db_proxy_target", "database/proxy_target", Attrs{"db_proxy_name": Ref(p.proxy, "name"), "db_instance_identifier": Ref(p.db, "identifier")})
	p.Add("aws_ecs_task_definition", "migration/task", Attrs{"family": p.Name + "-flyway", "cpu": "256", "memory": "512",
		"runtime_platform": Attrs{"cpu_architecture": "ARM64"}, "container_definitions": `[{"name":"flyway"}]`})
	p.logGroup("migration/logs")
	if p.size.CrossRegion {
		p.Add("aws_db_instance_automated_backups_replication", "database/backups_copy", Attrs{"provider": "aws.recovery", "source_db_instance_arn": Ref(p.db, "arn")})
	}
}

func (p *platform) cache() {
	if !p.size.Cache {
		return
	}
	group := p.Add("aws_elasticache_subnet_group", "cache/subnets", Attrs{"subnet_ids": ids(p.subnets["isolated"])})
	p.Add("aws_elasticache_replication_group", "cache/group", Attrs{"engine": "valkey", "engine_version": "8.0", "node_type": "cache.t4g.micro",
		"num_cache_clusters": p.size.CacheNodes, "subnet_group_name": Ref(group, "name"), "security_group_ids": []any{Ref(p.groups["cache"], "id")}, "snapshot_retention_limit": 1})
}

func (p *platform) compute() {
	insights := "enabled"
	if p.size.MultiAz {
		insights = "enhanced"
	}
	p.clusterAt = p.Add("aws_ecs_cluster", "compute/cluster", Attrs{"name": p.Name, "setting": []any{Attrs{"name": "containerInsights", "value": insights}}})
	p.Add("aws_ecs_cluster_capacity_providers", "compute/capacity", Attrs{"cluster_name": Ref(p.clusterAt, "name"), "capacity_providers": []any{"FARGATE", "FARGATE_SPOT"}})
	p.Add("aws_service_discovery_private_dns_namespace", "compute/namespace", Attrs{"name": p.Name + ".internal", "vpc": Ref(p.vpc, "id")})
	p.alb = p.Add("aws_lb", "compute/load_balancer", Attrs{"name": p.Name, "internal": true, "load_balancer_type": "application",
		"subnets": ids(p.subnets["private"]), "security_groups": []any{Ref(p.groups["load_balancer"], "id")}})
	p.listener = p.Add("aws_lb_listener", "compute/listener", Attrs{"load_balancer_arn": Ref(p.alb, "arn"), "port": 443})
	for _, name := range p.size.Services {
		at := "compute/" + name
		logs := p.logGroup(at + "/logs")
		targets := p.Add("aws_lb_target_group", at+"/targets", Attrs{"port": 8080, "vpc_id": Ref(p.vpc, "id")})
		p.Add("aws_lb_listener_rule", at+"/rule", Attrs{"listener_arn": Ref(p.listener, "arn"), "action": []any{Attrs{"target_group_arn": Ref(targets, "arn")}}})
		task := p.Add("aws_ecs_task_definition", at+"/task", Attrs{"family": p.Name + "-" + name, "cpu": "256", "memory": "1024", "runtime_platform": Attrs{"cpu_architecture": "ARM64"},
			"container_definitions": fmt.Sprintf(`[{"name":%q,"logConfiguration":{"options":{"awslogs-group":"%s"}}},{"name":"otel"}]`, name, Ref(logs, "name"))})
		strategy := []any{Attrs{"capacity_provider": "FARGATE", "weight": 100 - p.size.SpotWeight}}
		if p.size.SpotWeight > 0 {
			strategy = append(strategy, Attrs{"capacity_provider": "FARGATE_SPOT", "weight": p.size.SpotWeight})
		}
		service := p.Add("aws_ecs_service", at+"/service", Attrs{"name": name, "cluster": Ref(p.clusterAt, "arn"), "task_definition": Ref(task, "arn"), "desired_count": p.size.Tasks,
			"capacity_provider_strategy": strategy, "load_balancer": []any{Attrs{"target_group_arn": Ref(targets, "arn"), "container_port": 8080}},
			"network_configuration": Attrs{"subnets": ids(p.subnets["private"]), "security_groups": []any{Ref(p.groups["service"], "id")}}})
		p.services = append(p.services, service)
		p.Add("aws_appautoscaling_target", at+"/scaling", Attrs{"min_capacity": p.size.Tasks, "max_capacity": 6,
			"resource_id": "service/" + Ref(p.clusterAt, "name") + "/" + Ref(service, "name")})
	}
}

func (p *platform) edge() {
	acl := p.Add("aws_wafv2_web_acl", "edge/web_acl", Attrs{"scope": "CLOUDFRONT", "provider": "aws.virginia", "rule": []any{
		Attrs{"name": "common", "statement": Attrs{"managed_rule_group_statement": Attrs{"name": "AWSManagedRulesCommonRuleSet"}}},
		Attrs{"name": "known_bad", "statement": Attrs{"managed_rule_group_statement": Attrs{"name": "AWSManagedRulesKnownBadInputsRuleSet"}}},
		Attrs{"name": "rate", "statement": Attrs{"rate_based_statement": Attrs{"limit": 2000}}},
	}})
	for site, bucket := range map[string]string{"www": "frontend", "cdn": "content"} {
		certificate := p.Add("aws_acm_certificate", "edge/certificate_"+site, Attrs{"domain_name": site + ".batbern.ch", "provider": "aws.virginia"})
		origins := []any{Attrs{"origin_id": bucket, "domain_name": Ref(p.buckets[bucket], "bucket_regional_domain_name")}}
		if copied := p.buckets[bucket+"_copy"]; copied != "" {
			origins = append(origins, Attrs{"origin_id": bucket + "_copy", "domain_name": Ref(copied, "bucket_regional_domain_name")})
		}
		d := p.Add("aws_cloudfront_distribution", "edge/"+site, Attrs{"aliases": []any{site + ".batbern.ch"}, "web_acl_id": Ref(acl, "arn"),
			"origin":                 origins,
			"default_cache_behavior": Attrs{"target_origin_id": bucket, "function_association": []any{Attrs{"event_type": "viewer-request"}}},
			"viewer_certificate":     Attrs{"acm_certificate_arn": Ref(certificate, "arn")}})
		p.Add("aws_cloudfront_monitoring_subscription", "edge/"+site+"_metrics", Attrs{"distribution_id": Ref(d, "id")})
	}
	api := p.Add("aws_apigatewayv2_api", "api/api", Attrs{"name": p.Name, "protocol_type": "HTTP"})
	link := p.Add("aws_apigatewayv2_vpc_link", "api/link", Attrs{"subnet_ids": ids(p.subnets["private"]), "security_group_ids": []any{Ref(p.groups["link"], "id")}})
	p.Add("aws_apigatewayv2_integration", "api/integration", Attrs{"api_id": Ref(api, "id"), "connection_id": Ref(link, "id"), "integration_uri": Ref(p.listener, "arn")})
	domain := p.Add("aws_apigatewayv2_domain_name", "api/domain", Attrs{"domain_name": "api.batbern.ch"})
	p.Add("aws_apigatewayv2_api_mapping", "api/mapping", Attrs{"api_id": Ref(api, "id"), "domain_name": Ref(domain, "id")})
	p.logGroup("api/access_logs")
}

func (p *platform) backup() {
	p.vault = p.Add("aws_backup_vault", "backup/vault", Attrs{"name": p.Name})
	rule := Attrs{"schedule": "cron(0 3 * * ? *)", "target_vault_name": Ref(p.vault, "name")}
	if p.size.CrossRegion {
		copied := p.Add("aws_backup_vault", "backup/copy_vault", Attrs{"name": p.Name + "-copy", "provider": "aws.recovery"})
		rule["copy_action"] = []any{Attrs{"destination_vault_arn": Ref(copied, "arn")}}
		test := p.Add("aws_backup_restore_testing_plan", "backup/restore_test", Attrs{"schedule_expression": "cron(0 5 1 * ? *)"})
		p.Add("aws_backup_restore_testing_selection", "backup/restore_database", Attrs{"restore_testing_plan_name": Ref(test, "name")})
	}
	plan := p.Add("aws_backup_plan", "backup/plan", Attrs{"rule": []any{rule}})
	p.Add("aws_backup_selection", "backup/selection", Attrs{"plan_id": Ref(plan, "id"), "resources": []any{Ref(p.db, "arn"), Ref(p.buckets["content"], "arn")}})
}

func (p *platform) observability() {
	p.topic = p.Add("aws_sns_topic", "observability/critical", Attrs{"name": p.Name + "-critical"})
	p.Add("aws_sns_topic", "observability/warning", Attrs{"name": p.Name + "-warning"})
	actions := []any{Ref(p.topic, "arn")}
	for _, name := range p.size.Services {
		for _, metric := range []string{"CPUUtilization", "MemoryUtilization", "RunningTaskCount"} {
			p.Add("aws_cloudwatch_metric_alarm", "observability/"+name+"/"+metric, Attrs{"metric_name": metric, "period": 60, "alarm_actions": actions})
		}
	}
	p.Add("aws_cloudwatch_metric_alarm", "observability/slo/burn", Attrs{"alarm_actions": actions, "metric_query": []any{
		Attrs{"id": "ratio", "expression": "errors / all"},
		Attrs{"id": "errors", "metric": Attrs{"metric_name": "5xx", "period": 300}}, Attrs{"id": "all", "metric": Attrs{"metric_name": "Count", "period": 300}}}})
	p.Add("aws_cloudwatch_composite_alarm", "observability/down", Attrs{"alarm_name": "down", "alarm_actions": actions})
	p.Add("aws_cloudwatch_dashboard", "observability/dashboard", Attrs{"dashboard_name": p.Name})
	p.Add("aws_xray_group", "observability/traces", Attrs{"group_name": p.Name})
	p.Add("aws_xray_sampling_rule", "observability/sampling", Attrs{"rule_name": p.Name})
	p.Add("aws_cloudwatch_log_metric_filter", "observability/migration_failures", Attrs{"metric_transformation": Attrs{"name": "failures"}})
	p.Add("aws_budgets_budget", "observability/budget", Attrs{"limit_amount": "100"})
	if p.size.Canaries {
		p.Add("aws_synthetics_canary", "observability/canary", Attrs{"name": "site", "schedule": Attrs{"expression": "rate(15 minutes)"}})
	}
	if p.size.Grafana {
		p.Add("aws_grafana_workspace", "observability/grafana", Attrs{"name": p.Name})
	}
}
