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
        )["DBInstance"]["DbiResourceId"]
        for name in ("one", "two")
    }
    assert len(ids) == 2, ids
    for key in ids:
        found = rds.describe_db_instances(Filters=[{"Name": "dbi-resource-id", "Values": [key]}])["DBInstances"]
        assert len(found) == 1 and found[0]["DbiResourceId"] == key, found


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


for test in (
    tags_of_a_scalable_target,
    arguments_of_an_ecs_service,
    proxy_that_is_modified,
    two_databases,
    rotation_before_the_first_value,
    restore_testing,
    documents_of_a_bucket,
    description_of_a_rule,
):
    test()
    print(test.__name__, "ok")
