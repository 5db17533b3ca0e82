package cost

// freeTypes maps resource types that cost nothing by themselves to the reason.
var freeTypes = byType(map[string][]string{
	"networking that AWS does not bill": {
		"aws_vpc_dhcp_options", "aws_vpc_dhcp_options_association", "aws_subnet", "aws_route", "aws_route_table",
		"aws_route_table_association", "aws_default_route_table", "aws_internet_gateway", "aws_egress_only_internet_gateway",
		"aws_network_acl", "aws_network_acl_rule", "aws_network_acl_association", "aws_default_network_acl",
		"aws_security_group", "aws_security_group_rule", "aws_vpc_security_group_ingress_rule",
		"aws_vpc_security_group_egress_rule", "aws_default_security_group", "aws_vpc_endpoint_policy",
		"aws_vpc_endpoint_route_table_association", "aws_vpc_endpoint_security_group_association",
		"aws_ec2_managed_prefix_list", "aws_ec2_managed_prefix_list_entry", "aws_ec2_instance_connect_endpoint",
		"aws_vpc_block_public_access_options", "aws_vpc_block_public_access_exclusion", "aws_vpc_ipv4_cidr_block_association",
		"aws_route53_resolver_query_log_config_association", "aws_route53_resolver_query_log_config",
	},
	"IAM is free": {
		"aws_iam_role", "aws_iam_role_policy", "aws_iam_policy", "aws_iam_role_policy_attachment", "aws_iam_policy_attachment",
		"aws_iam_role_policies_exclusive", "aws_iam_role_policy_attachments_exclusive", "aws_iam_openid_connect_provider",
		"aws_iam_account_password_policy", "aws_iam_account_alias", "aws_iam_service_linked_role", "aws_iam_instance_profile",
		"aws_iam_user", "aws_iam_group", "aws_iam_security_token_service_preferences", "aws_iam_organizations_features",
	},
	"a setting or part of a resource that is priced": {
		"aws_kms_alias", "aws_kms_key_policy", "aws_kms_grant", "aws_secretsmanager_secret_policy",
		"aws_secretsmanager_secret_rotation", "aws_secretsmanager_secret_version", "aws_db_subnet_group",
		"aws_db_parameter_group", "aws_db_option_group", "aws_db_event_subscription", "aws_db_proxy_default_target_group",
		"aws_db_proxy_target", "aws_db_instance_role_association", "aws_rds_certificate", "aws_elasticache_subnet_group",
		"aws_elasticache_parameter_group", "aws_elasticache_user", "aws_elasticache_user_group",
		"aws_elasticache_user_group_association", "aws_lb_listener", "aws_lb_listener_rule", "aws_lb_listener_certificate",
		"aws_lb_target_group", "aws_lb_target_group_attachment", "aws_lambda_permission", "aws_lambda_invocation", "aws_lambda_alias",
		"aws_lambda_event_source_mapping", "aws_lambda_function_event_invoke_config", "aws_lambda_layer_version",
		"aws_lambda_layer_version_permission", "aws_lambda_code_signing_config", "aws_signer_signing_profile",
		"aws_ecs_cluster_capacity_providers", "aws_ecs_account_setting_default", "aws_ecs_capacity_provider", "aws_ecs_tag",
		"aws_ecr_lifecycle_policy", "aws_ecr_repository_policy", "aws_ecr_registry_policy",
		"aws_ecr_replication_configuration", "aws_ecr_pull_through_cache_rule", "aws_ecr_repository_creation_template",
		"aws_ecr_account_setting", "aws_sns_topic_policy", "aws_sns_topic_data_protection_policy",
		"aws_sns_topic_subscription", "aws_sqs_queue_policy", "aws_sqs_queue_redrive_policy",
		"aws_sqs_queue_redrive_allow_policy", "aws_backup_selection", "aws_backup_vault", "aws_backup_vault_policy",
		"aws_backup_vault_lock_configuration", "aws_backup_vault_notifications", "aws_backup_region_settings",
		"aws_backup_global_settings", "aws_backup_restore_testing_selection", "aws_grafana_role_association",
		"aws_grafana_workspace_saml_configuration", "aws_grafana_license_association", "aws_synthetics_group",
		"aws_synthetics_group_association", "aws_cloudwatch_log_stream", "aws_cloudwatch_log_resource_policy",
		"aws_cloudwatch_query_definition", "aws_cloudwatch_log_delivery_source", "aws_cloudwatch_log_delivery_destination",
		"aws_cloudwatch_log_delivery_destination_policy", "aws_cloudwatch_event_target", "aws_cloudwatch_event_permission",
		"aws_cloudwatch_event_bus_policy", "aws_scheduler_schedule_group", "aws_config_delivery_channel",
		"aws_config_configuration_recorder_status", "aws_config_retention_configuration",
		"aws_securityhub_account", "aws_securityhub_standards_control", "aws_inspector2_enabler",
	},
	"bucket settings are free, what the bucket holds is priced with it": {
		"aws_s3_bucket_acl", "aws_s3_bucket_cors_configuration", "aws_s3_bucket_lifecycle_configuration",
		"aws_s3_bucket_logging", "aws_s3_bucket_notification", "aws_s3_bucket_object_lock_configuration",
		"aws_s3_bucket_ownership_controls", "aws_s3_bucket_policy", "aws_s3_bucket_public_access_block",
		"aws_s3_bucket_server_side_encryption_configuration", "aws_s3_bucket_versioning",
		"aws_s3_bucket_website_configuration", "aws_s3_account_public_access_block", "aws_s3_object",
		"aws_s3_bucket_request_payment_configuration", "aws_s3_bucket_intelligent_tiering_configuration",
	},
	"CloudFront bills traffic with the distribution": {
		"aws_cloudfront_cache_policy", "aws_cloudfront_origin_request_policy", "aws_cloudfront_response_headers_policy",
		"aws_cloudfront_origin_access_control", "aws_cloudfront_function", "aws_cloudfront_public_key",
		"aws_cloudfront_key_group", "aws_cloudfront_vpc_origin", "aws_cloudfront_realtime_log_config",
		"aws_cloudfront_key_value_store", "aws_cloudfront_origin_access_identity",
	},
	"API Gateway bills requests with the API": {
		"aws_apigatewayv2_stage", "aws_apigatewayv2_route", "aws_apigatewayv2_integration", "aws_apigatewayv2_deployment",
		"aws_apigatewayv2_authorizer", "aws_apigatewayv2_domain_name", "aws_apigatewayv2_api_mapping",
		"aws_apigatewayv2_route_response", "aws_api_gateway_account",
	},
	"WAF bills the web ACL, its rules and its requests": {
		"aws_wafv2_web_acl_association", "aws_wafv2_web_acl_logging_configuration", "aws_wafv2_ip_set",
		"aws_wafv2_regex_pattern_set",
	},
	"public certificates for AWS services are free": {"aws_acm_certificate", "aws_acm_certificate_validation"},
	"records and DNSSEC are free, zones are priced": {
		"aws_route53_record", "aws_route53_hosted_zone_dnssec", "aws_route53_key_signing_key", "aws_route53_query_log",
		"aws_route53_zone_association", "aws_route53_vpc_association_authorization",
	},
	"Cloud Map is free for services that ECS registers": {
		"aws_service_discovery_service", "aws_service_discovery_http_namespace",
	},
	"scaling actions are free, the tasks are priced with the service": {
		"aws_appautoscaling_target", "aws_appautoscaling_policy", "aws_appautoscaling_scheduled_action",
	},
	"CodeDeploy is free for ECS and Lambda":     {"aws_codedeploy_app", "aws_codedeploy_deployment_group", "aws_codedeploy_deployment_config"},
	"rules for events of AWS services are free": {"aws_cloudwatch_event_rule"},
	"cost management without reports and actions is free": {
		"aws_budgets_budget", "aws_ce_anomaly_monitor", "aws_ce_anomaly_subscription", "aws_ce_cost_allocation_tag",
		"aws_ce_cost_category",
	},
	"account settings are free": {
		"aws_ebs_encryption_by_default", "aws_ebs_default_kms_key", "aws_ebs_snapshot_block_public_access",
		"aws_ec2_image_block_public_access", "aws_ec2_instance_metadata_defaults", "aws_ssm_service_setting",
		"aws_account_alternate_contact", "aws_account_region", "aws_notifications_notification_configuration",
		"aws_resourcegroups_group", "aws_ssm_document", "aws_chatbot_slack_channel_configuration",
		"aws_accessanalyzer_archive_rule",
	},
	"made by Terraform alone": {"terraform_data", "null_resource", "random_id", "time_static", "time_sleep", "time_rotating"},
})

func byType(byReason map[string][]string) map[string]string {
	reasons := map[string]string{}
	for reason, types := range byReason {
		for _, t := range types {
			reasons[t] = reason
		}
	}
	return reasons
}
