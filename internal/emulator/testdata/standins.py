"""standins.py ENDPOINT: uses the stand-ins of server.py through boto3, and fails where AWS would answer otherwise."""

import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def client(service):
    return boto3.client(
        service,
        endpoint_url=sys.argv[1],
        region_name="eu-central-1",
        aws_access_key_id="emulator",
        aws_secret_access_key="emulator",
        config=Config(retries={"max_attempts": 1}),
    )


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return
    raise AssertionError(f"{call} is not refused")


def tags_of_a_scalable_target():
    scaling = client("application-autoscaling")
    target = dict(ServiceNamespace="ecs", ResourceId="service/c/s", ScalableDimension="ecs:service:DesiredCount")
    client("ecs").create_cluster(clusterName="c")
    client("ecs").create_service(
        cluster="c", serviceName="s", taskDefinition=task_definition(), availabilityZoneRebalancing="ENABLED"
    )
    answer = scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2, Tags={"Project": "batbern"})
    assert scaling.list_tags_for_resource(ResourceARN=answer["ScalableTargetARN"])["Tags"] == {"Project": "batbern"}


def task_definition():
    return client("ecs").register_task_definition(
        family="f", containerDefinitions=[{"name": "a", "image": "b", "memory": 128}]
    )["taskDefinition"]["taskDefinitionArn"]


def arguments_of_an_ecs_service():
    service = client("ecs").describe_services(cluster="c", services=["s"])["services"][0]
    assert service["availabilityZoneRebalancing"] == "ENABLED", service
    client("ecs").update_service(
        cluster="c", service="s", availabilityZoneRebalancing="DISABLED", enableExecuteCommand=True
    )
    service = client("ecs").describe_services(cluster="c", services=["s"])["services"][0]
    assert service["availabilityZoneRebalancing"] == "DISABLED" and service["enableExecuteCommand"], service


def proxy_that_is_modified():
    ec2, rds = client("ec2"), client("rds")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    rds.create_db_proxy(
        DBProxyName="p",
        EngineFamily="POSTGRESQL",
        Auth=[],
        RoleArn="arn:aws:iam::123456789012:role/proxy",
        VpcSubnetIds=[subnet],
    )
    auth = [
        {
            "AuthScheme": "SECRETS",
            "SecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:x",
            "IAMAuth": "REQUIRED",
        }
    ]
    rds.modify_db_proxy(DBProxyName="p", Auth=auth, RequireTLS=True)
    proxy = rds.describe_db_proxies(DBProxyName="p")["DBProxies"][0]
    assert proxy["Auth"][0]["SecretArn"] == auth[0]["SecretArn"] and proxy["RequireTLS"], proxy
    refused("DBProxyNotFoundFault", rds.modify_db_proxy, DBProxyName="none", RequireTLS=True)


def two_databases():
    rds = client("rds")
    ids = {
        rds.create_db_instance(
            DBInstanceIdentifier=name,
            DBInstanceClass="db.t4g.micro",
            Engine="postgres",
            AllocatedStorage=20,
            MasterUsername="operator",
            MasterUserPassword="not-secret",
            EngineLifecycleSupport="open-source-rds-extended-support-disabled",
        )["DBInstance"]["DbiResourceId"]
        for name in ("one", "two")
    }
    assert len(ids) == 2, ids
    for key in ids:
        found = rds.describe_db_instances(Filters=[{"Name": "dbi-resource-id", "Values": [key]}])["DBInstances"]
        assert len(found) == 1 and found[0]["DbiResourceId"] == key, found
        assert found[0]["EngineLifecycleSupport"] == "open-source-rds-extended-support-disabled", found


def rotation_before_the_first_value():
    secrets = client("secretsmanager")
    secrets.create_secret(Name="s")
    secrets.rotate_secret(
        SecretId="s",
        RotationLambdaARN="arn:aws:lambda:eu-central-1:123456789012:function:f",
        RotationRules={"AutomaticallyAfterDays": 30, "Duration": "3h"},
        RotateImmediately=False,
    )
    secret = secrets.describe_secret(SecretId="s")
    assert secret["RotationEnabled"] and secret["RotationRules"] == {"AutomaticallyAfterDays": 30, "Duration": "3h"}, (
        secret
    )


def restore_testing():
    backup = client("backup")
    backup.create_restore_testing_plan(
        RestoreTestingPlan={
            "RestoreTestingPlanName": "plan",
            "ScheduleExpression": "cron(0 5 ? * 1 *)",
            "RecoveryPointSelection": {
                "Algorithm": "LATEST_WITHIN_WINDOW",
                "IncludeVaults": ["*"],
                "RecoveryPointTypes": ["SNAPSHOT"],
            },
        },
        Tags={"Project": "batbern"},
    )
    plan = backup.get_restore_testing_plan(RestoreTestingPlanName="plan")["RestoreTestingPlan"]
    assert backup.list_tags(ResourceArn=plan["RestoreTestingPlanArn"])["Tags"] == {"Project": "batbern"}
    backup.create_restore_testing_selection(
        RestoreTestingPlanName="plan",
        RestoreTestingSelection={
            "RestoreTestingSelectionName": "databases",
            "ProtectedResourceType": "RDS",
            "IamRoleArn": "arn:aws:iam::123456789012:role/restore",
            "ProtectedResourceArns": ["*"],
        },
    )
    selection = backup.get_restore_testing_selection(
        RestoreTestingPlanName="plan", RestoreTestingSelectionName="databases"
    )
    assert selection["RestoreTestingSelection"]["ProtectedResourceArns"] == ["*"], selection
    backup.delete_restore_testing_plan(RestoreTestingPlanName="plan")
    refused("ResourceNotFoundException", backup.get_restore_testing_plan, RestoreTestingPlanName="plan")


def documents_of_a_bucket():
    s3 = client("s3")
    s3.create_bucket(Bucket="bucket-of-tests", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    rules = [
        {
            "ID": "old",
            "Status": "Enabled",
            "Filter": {"ObjectSizeGreaterThan": 1000},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30, "NewerNoncurrentVersions": 3},
        }
    ]
    s3.put_bucket_lifecycle_configuration(Bucket="bucket-of-tests", LifecycleConfiguration={"Rules": rules})
    assert s3.get_bucket_lifecycle_configuration(Bucket="bucket-of-tests")["Rules"] == rules
    s3.delete_bucket_lifecycle(Bucket="bucket-of-tests")
    refused("NoSuchLifecycleConfiguration", s3.get_bucket_lifecycle_configuration, Bucket="bucket-of-tests")


def description_of_a_rule():
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 1,
                "ToPort": 2,
                "UserIdGroupPairs": [{"GroupId": group, "Description": "from itself"}],
            }
        ],
    )
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    assert "from itself" in [rule.get("Description") for rule in rules], rules
    ec2.authorize_security_group_egress(
        GroupId=group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "PrefixListIds": [{"PrefixListId": "pl-1", "Description": "to files"}],
            }
        ],
    )
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    assert "to files" in [rule.get("Description") for rule in rules], rules


def owner_of_buckets():
    s3 = client("s3")
    s3.create_bucket(Bucket="bucket-of-owner", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    assert s3.list_buckets()["Owner"]["ID"] == s3.get_bucket_acl(Bucket="bucket-of-owner")["Owner"]["ID"]


def alarms_of_a_deployment_group():
    codedeploy = client("codedeploy")
    codedeploy.create_application(applicationName="a", computePlatform="ECS")
    alarms = {"enabled": True, "alarms": [{"name": "errors"}]}
    codedeploy.create_deployment_group(
        applicationName="a",
        deploymentGroupName="g",
        serviceRoleArn="arn:aws:iam::123456789012:role/deploy",
        alarmConfiguration=alarms,
    )
    group = codedeploy.get_deployment_group(applicationName="a", deploymentGroupName="g")["deploymentGroupInfo"]
    assert group["alarmConfiguration"] == alarms, group


def domain_without_client_certificates():
    gateway = client("apigatewayv2")
    configuration = {"CertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/c", "EndpointType": "REGIONAL"}
    gateway.create_domain_name(DomainName="api.example.com", DomainNameConfigurations=[configuration])
    domain = gateway.get_domain_name(DomainName="api.example.com")
    assert domain["DomainNameConfigurations"][0]["DomainNameStatus"] == "AVAILABLE", domain
    assert "MutualTlsAuthentication" not in domain, domain


def life_of_a_canary():
    synthetics = client("synthetics")
    created = synthetics.create_canary(
        Name="visit",
        Code={"Handler": "visit.handler", "ZipFile": b"zip"},
        ArtifactS3Location="s3://logs/canaries/",
        ExecutionRoleArn="arn:aws:iam::123456789012:role/canary",
        Schedule={"Expression": "rate(15 minutes)"},
        RunConfig={"TimeoutInSeconds": 60, "EnvironmentVariables": {"URL": "x"}},
        RuntimeVersion="syn-nodejs-puppeteer-15.0",
        Tags={"Project": "batbern"},
    )["Canary"]
    assert created["Status"]["State"] == "READY" and created["ArtifactS3Location"] == "logs/canaries/", created
    synthetics.start_canary(Name="visit")
    synthetics.update_canary(Name="visit", Schedule={"Expression": "rate(5 minutes)"})
    held = synthetics.get_canary(Name="visit")["Canary"]
    assert held["Status"]["State"] == "RUNNING" and held["Schedule"]["Expression"] == "rate(5 minutes)", held
    assert held["RunConfig"]["TimeoutInSeconds"] == 60 and held["Code"]["Handler"] == "visit.handler", held
    assert held["Tags"] == {"Project": "batbern"} and held["Timeline"]["Created"].year > 2000, held
    synthetics.delete_canary(Name="visit")
    refused("ResourceNotFoundException", synthetics.get_canary, Name="visit")


def endpoints_of_a_replication_group():
    cache = client("elasticache")
    cache.create_replication_group(
        ReplicationGroupId="cache",
        ReplicationGroupDescription="d",
        Engine="redis",
        EngineVersion="7.1",
        CacheNodeType="cache.t4g.micro",
        NumCacheClusters=2,
        AutomaticFailoverEnabled=True,
        AtRestEncryptionEnabled=True,
        UserGroupIds=["users"],
        SecurityGroupIds=["sg-1"],
        Tags=[{"Key": "Project", "Value": "batbern"}],
    )
    group = cache.describe_replication_groups(ReplicationGroupId="cache")["ReplicationGroups"][0]
    assert group["AutomaticFailover"] == "enabled" and len(group["MemberClusters"]) == 2, group
    node = group["NodeGroups"][0]
    assert node["PrimaryEndpoint"]["Address"] != node["ReaderEndpoint"]["Address"], node
    cluster = cache.describe_cache_clusters(CacheClusterId=group["MemberClusters"][0])["CacheClusters"][0]
    assert cluster["EngineVersion"] == "7.1" and cluster["AtRestEncryptionEnabled"], cluster
    assert cluster["SecurityGroups"][0]["SecurityGroupId"] == "sg-1", cluster
    cache.modify_replication_group(ReplicationGroupId="cache", SnapshotWindow="01:00-02:00", UserGroupIdsToAdd=["more"])
    group = cache.describe_replication_groups(ReplicationGroupId="cache")["ReplicationGroups"][0]
    assert group["SnapshotWindow"] == "01:00-02:00" and group["UserGroupIds"] == ["users", "more"], group
    assert cache.list_tags_for_resource(ResourceName=group["ARN"])["TagList"][0]["Value"] == "batbern"
    cache.delete_replication_group(ReplicationGroupId="cache")
    refused("ReplicationGroupNotFoundFault", cache.describe_replication_groups, ReplicationGroupId="cache")


def pull_through_cache():
    ecr = client("ecr")
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="public", upstreamRegistryUrl="public.ecr.aws")
    rule = ecr.describe_pull_through_cache_rules(ecrRepositoryPrefixes=["public"])["pullThroughCacheRules"][0]
    assert rule["upstreamRegistryUrl"] == "public.ecr.aws", rule
    ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="public")
    refused(
        "PullThroughCacheRuleNotFoundException",
        ecr.describe_pull_through_cache_rules,
        ecrRepositoryPrefixes=["public"],
    )


def template_of_repositories():
    ecr = client("ecr")
    ecr.create_repository_creation_template(
        prefix="public", appliedFor=["PULL_THROUGH_CACHE"], imageTagMutability="IMMUTABLE"
    )
    template = ecr.describe_repository_creation_templates(prefixes=["public"])["repositoryCreationTemplates"][0]
    assert template["imageTagMutability"] == "IMMUTABLE" and template["appliedFor"] == ["PULL_THROUGH_CACHE"], template
    ecr.delete_repository_creation_template(prefix="public")
    refused("TemplateNotFoundException", ecr.describe_repository_creation_templates, prefixes=["public"])


for test in (
    tags_of_a_scalable_target,
    arguments_of_an_ecs_service,
    proxy_that_is_modified,
    two_databases,
    rotation_before_the_first_value,
    restore_testing,
    documents_of_a_bucket,
    description_of_a_rule,
    owner_of_buckets,
    alarms_of_a_deployment_group,
    domain_without_client_certificates,
    life_of_a_canary,
    endpoints_of_a_replication_group,
    pull_through_cache,
    template_of_repositories,
):
    test()
    print(test.__name__, "ok")
