"""server.py PORT: moto's server on loopback, with what it lacks and the AWS provider needs.

A stand-in answers an operation that moto does not implement, or corrects what moto loses between a request and a later
read. It keeps what it was sent, and knows no rules of AWS: judge.py holds the requests against AWS's models.
"""

import base64
import collections
import copy
import inspect
import io
import json
import re
import sys
import threading
import time
import traceback
import uuid

from moto.backends import get_backend
from moto.core.exceptions import ServiceException
from moto.core.serialize import XFormedAttributePicker, get_serializer_class
from moto.core.utils import get_service_model
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.s3.models import OWNER as BUCKET_OWNER
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

import wire

ACCOUNT = "123456789012"
STANDINS = {}
# What stand-ins keep: kind of thing, then region, then its id.
KEPT = collections.defaultdict(lambda: collections.defaultdict(dict))
LOCK = threading.RLock()


def standin(service, *operations):
    def register(answer):
        for operation in operations:
            STANDINS[service, operation] = answer
        return answer

    return register


class Refusal(ServiceException):
    """An error of AWS's, which a stand-in answers. A class of this program: moto takes the service from the module."""


class Answer:
    """What moto answered."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def good(self):
        return self.status < 300

    def json(self):
        return json.loads(self.body)

    def with_json(self, document):
        return Answer(self.status, self.headers, json.dumps(document).encode())

    def with_text(self, text):
        return Answer(self.status, self.headers, text.encode())


class Server:
    """The WSGI application: stand-ins before moto."""

    def __init__(self, moto):
        self.moto = moto
        self.signing_names = {get_service_model(service).signing_name for service, _ in STANDINS}

    def __call__(self, environ, start_response):
        # Read whole: a request that is left unread resets its connection, and the answer with it.
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if environ.get("PATH_INFO") == "/moto-api/reset":
            KEPT.clear()
        try:
            answer = self.answer(environ, body)
        except NotImplementedError as missing:
            answer = Answer(501, [("Content-Type", "text/plain")], f"moto: {missing}".encode())
        except Exception:
            # A fault of a stand-in must show as what it is.
            traceback.print_exc()
            answer = Answer(500, [("Content-Type", "text/plain")], traceback.format_exc().encode())
        headers = [
            (name, value) for name, value in answer.headers if name.lower() not in ("content-length", "connection")
        ]
        if environ["REQUEST_METHOD"] == "HEAD":
            headers = answer.headers
        else:
            headers.append(("Content-Length", str(len(answer.body))))
        start_response(f"{answer.status} status", headers)
        return [answer.body]

    def answer(self, environ, body):
        def forward(changed_body=None, path=None):
            return self.forward(environ, body if changed_body is None else changed_body, path)

        signed = wire.CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        if not signed or signed[3] not in self.signing_names:
            return forward()
        path = environ.get("REQUEST_URI") or environ["PATH_INFO"]
        record = {
            "method": environ["REQUEST_METHOD"],
            "path": re.sub(r"^https?://[^/]*", "", path),
            "headers": request_headers(environ),
            "body": base64.b64encode(body),
        }
        try:
            call, _, _ = wire.identify(record)
        except wire.NotDecoded:
            return forward()
        service, operation = call.service.service_name, call.operation.name
        if (service, operation) not in STANDINS:
            return forward()
        call = wire.decode(record)
        with LOCK:
            try:
                result = STANDINS[service, operation](call, forward)
            except ServiceException as refusal:
                result = refusal
        return result if isinstance(result, Answer) else serialized(service, operation, call, record, result)

    def forward(self, environ, body, path):
        environ = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        if path is not None:
            environ.update(PATH_INFO=path, RAW_URI=path, REQUEST_URI=path)
        started = {}

        def start_response(status, headers, _=None):
            started.update(status=int(status.split()[0]), headers=headers)
            return lambda _: None

        chunks = self.moto(environ, start_response)
        try:
            text = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        return Answer(started["status"], started["headers"], text)


def request_headers(environ):
    headers = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")}
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    return headers


def serialized(service, operation, call, record, result):
    model = get_service_model(service)
    protocol = model.metadata["protocol"]
    if "x-amz-target" in record["headers"]:
        protocol = "json"
    elif record["headers"]["content-type"].startswith("application/x-www-form-urlencoded") and protocol != "ec2":
        protocol = "query"
    # moto's own objects have attributes in snake case
    serializer = get_serializer_class(service, protocol)(
        model.operation_model(operation), value_picker=XFormedAttributePicker()
    )
    response = serializer.serialize(result)
    body = response["body"]
    return Answer(
        response["status_code"],
        [(name, str(value)) for name, value in response["headers"].items()],
        body if isinstance(body, bytes) else body.encode(),
    )


def arn(service, call, resource, region=None):
    return f"arn:aws:{service}:{call.region if region is None else region}:{ACCOUNT}:{resource}"


def moto_backend(service, call):
    return get_backend(service)[ACCOUNT][call.region]


def overlay(thing, params, attributes):
    """Sets moto's attributes to the parameters that were sent."""
    for member, attribute in attributes.items():
        if member in params:
            setattr(thing, attribute, params[member])


def remember(kind, call, key, members):
    """Keeps those members of a request that moto does not give back."""
    held = kept(kind, call).setdefault(key, {})
    held.update({member: call.params[member] for member in members if member in call.params})
    return held


def kept(kind, call):
    return KEPT[kind][call.region]


def find(kind, call, key, error):
    try:
        return kept(kind, call)[key]
    except KeyError:
        raise Refusal(error, f"{key} does not exist") from None


def tags_of(call, member="Tags"):
    """The tags of a request as a map, from a list of pairs or a map."""
    tags = call.params.get(member) or {}
    if isinstance(tags, list):
        return {tag.get("Key", tag.get("key")): tag.get("Value", tag.get("value", "")) for tag in tags}
    return dict(tags)


def pairs(tags):
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def now():
    return int(time.time())


TAGS = "tags"


def keep_tags(call, resource_arn, tags):
    KEPT[TAGS][""][resource_arn] = dict(tags)


def tagging(service, list_operation, arn_member, answer):
    """Tags of what a stand-in keeps; those of moto's own resources stay with moto."""

    def ours(call):
        return KEPT[TAGS][""].get(call.params[arn_member])

    @standin(service, list_operation)
    def list_tags(call, forward):
        return forward() if ours(call) is None else answer(ours(call))

    @standin(service, "TagResource")
    def tag(call, forward):
        if ours(call) is None:
            return forward()
        for member in ("Tags", "tags", "ResourceTags"):
            ours(call).update(tags_of(call, member))
        return {}

    @standin(service, "UntagResource")
    def untag(call, forward):
        if ours(call) is None:
            return forward()
        for member in ("TagKeys", "tagKeys", "TagKeyList", "ResourceTagKeys"):
            for key in call.params.get(member, []):
                ours(call).pop(key, None)
        return {}


tagging("application-autoscaling", "ListTagsForResource", "ResourceARN", lambda tags: {"Tags": tags})
tagging("xray", "ListTagsForResource", "ResourceARN", lambda tags: {"Tags": pairs(tags)})
tagging("ce", "ListTagsForResource", "ResourceArn", lambda tags: {"ResourceTags": pairs(tags)})
tagging("accessanalyzer", "ListTagsForResource", "resourceArn", lambda tags: {"tags": tags})
tagging("budgets", "ListTagsForResource", "ResourceARN", lambda tags: {"ResourceTags": pairs(tags)})
tagging("grafana", "ListTagsForResource", "resourceArn", lambda tags: {"tags": tags})


# --- Application Auto Scaling: moto gives no tags back.


@standin("application-autoscaling", "RegisterScalableTarget")
def register_scalable_target(call, forward):
    answer = forward()
    if answer.good:
        target = answer.json()["ScalableTargetARN"]
        KEPT[TAGS][""].setdefault(target, {}).update(tags_of(call))
    return answer


# --- API Gateway v2: moto returns neither a domain name's status, for which the provider waits, nor its target, and an
# empty mutual TLS authentication where there is none.


@standin("apigatewayv2", "CreateDomainName", "GetDomainName", "UpdateDomainName")
def domain_name_with_status(call, forward):
    answer = forward()
    if not answer.good:
        return answer
    document = answer.json()
    if not document.get("mutualTlsAuthentication"):
        document.pop("mutualTlsAuthentication", None)
    for configuration in document.get("domainNameConfigurations") or []:
        configuration["domainNameStatus"] = "AVAILABLE"
        configuration["apiGatewayDomainName"] = (
            f"d-{document['domainName'].replace('.', '-')}.execute-api.{call.region}.amazonaws.com"
        )
        configuration["hostedZoneId"] = "Z1U9ULNL0V5AJ3"
    return answer.with_json(document)


# --- AWS Backup


@standin("backup", "ListTags")
def backup_tags(call, forward):
    tags = KEPT[TAGS][""].get(call.params["ResourceArn"])
    if tags is not None:
        return {"Tags": tags}
    # moto reads the ARN from a path with a slash at its end, which AWS's SDK for Go does not send
    return forward(path="/tags/" + call.params["ResourceArn"] + "/")


def part_of_vault(kind, put, get, delete):
    """Something that a vault has one of."""

    @standin("backup", put)
    def put_it(call, _):
        kept(kind, call)[call.params["BackupVaultName"]] = call.params
        return {}

    @standin("backup", get)
    def get_it(call, _):
        name = call.params["BackupVaultName"]
        found = find(kind, call, name, "ResourceNotFoundException")
        return {**found, "BackupVaultArn": arn("backup", call, f"backup-vault:{name}")}

    @standin("backup", delete)
    def delete_it(call, _):
        kept(kind, call).pop(call.params["BackupVaultName"], None)
        return {}


part_of_vault(
    "vault notifications",
    "PutBackupVaultNotifications",
    "GetBackupVaultNotifications",
    "DeleteBackupVaultNotifications",
)
part_of_vault(
    "vault policy", "PutBackupVaultAccessPolicy", "GetBackupVaultAccessPolicy", "DeleteBackupVaultAccessPolicy"
)


@standin("backup", "CreateBackupSelection")
def create_backup_selection(call, _):
    selection = {
        "BackupPlanId": call.params["BackupPlanId"],
        "SelectionId": str(uuid.uuid4()),
        "CreationDate": now(),
        "BackupSelection": call.params["BackupSelection"],
    }
    kept("backup selection", call)[selection["SelectionId"]] = selection
    return selection


@standin("backup", "GetBackupSelection")
def get_backup_selection(call, _):
    return find("backup selection", call, call.params["SelectionId"], "ResourceNotFoundException")


@standin("backup", "DeleteBackupSelection")
def delete_backup_selection(call, _):
    kept("backup selection", call).pop(call.params["SelectionId"], None)
    return {}


@standin("backup", "CreateRestoreTestingPlan", "UpdateRestoreTestingPlan")
def put_restore_testing_plan(call, _):
    plan = call.params["RestoreTestingPlan"]
    name = call.params.get("RestoreTestingPlanName") or plan["RestoreTestingPlanName"]
    held = kept("restore testing plan", call).setdefault(
        name,
        {
            "RestoreTestingPlanName": name,
            "CreationTime": now(),
            "RestoreTestingPlanArn": arn("backup", call, f"restore-testing-plan:{name}-{uuid.uuid4()}"),
        },
    )
    held.update(plan)
    if call.operation.name.startswith("Create"):
        keep_tags(call, held["RestoreTestingPlanArn"], tags_of(call))
    return held


@standin("backup", "GetRestoreTestingPlan")
def get_restore_testing_plan(call, _):
    return {
        "RestoreTestingPlan": find(
            "restore testing plan", call, call.params["RestoreTestingPlanName"], "ResourceNotFoundException"
        )
    }


@standin("backup", "DeleteRestoreTestingPlan")
def delete_restore_testing_plan(call, _):
    kept("restore testing plan", call).pop(call.params["RestoreTestingPlanName"], None)
    return {}


@standin("backup", "CreateRestoreTestingSelection", "UpdateRestoreTestingSelection")
def put_restore_testing_selection(call, _):
    plan, selection = call.params["RestoreTestingPlanName"], call.params["RestoreTestingSelection"]
    name = call.params.get("RestoreTestingSelectionName") or selection["RestoreTestingSelectionName"]
    plan_arn = find("restore testing plan", call, plan, "ResourceNotFoundException")["RestoreTestingPlanArn"]
    held = kept("restore testing selection", call).setdefault(
        (plan, name),
        {
            "RestoreTestingPlanName": plan,
            "RestoreTestingSelectionName": name,
            "CreationTime": now(),
            "RestoreTestingPlanArn": plan_arn,
        },
    )
    held.update(selection)
    return held


@standin("backup", "GetRestoreTestingSelection")
def get_restore_testing_selection(call, _):
    key = call.params["RestoreTestingPlanName"], call.params["RestoreTestingSelectionName"]
    return {"RestoreTestingSelection": find("restore testing selection", call, key, "ResourceNotFoundException")}


@standin("backup", "DeleteRestoreTestingSelection")
def delete_restore_testing_selection(call, _):
    kept("restore testing selection", call).pop(
        (call.params["RestoreTestingPlanName"], call.params["RestoreTestingSelectionName"]), None
    )
    return {}


# --- Budgets: moto forgets who is told.


def same_notification(notification):
    return json.dumps({key: value for key, value in notification.items() if key != "NotificationState"}, sort_keys=True)


@standin("budgets", "CreateBudget")
def create_budget(call, forward):
    answer = forward()
    if answer.good:
        for entry in call.params.get("NotificationsWithSubscribers", []):
            key = call.params["Budget"]["BudgetName"], same_notification(entry["Notification"])
            KEPT["budget subscribers"][""][key] = entry["Subscribers"]
        budget = arn("budgets", call, f"budget/{call.params['Budget']['BudgetName']}", region="")
        keep_tags(call, budget, tags_of(call, "ResourceTags"))
    return answer


@standin("budgets", "CreateNotification")
def create_notification(call, forward):
    answer = forward()
    if answer.good:
        key = call.params["BudgetName"], same_notification(call.params["Notification"])
        KEPT["budget subscribers"][""][key] = call.params["Subscribers"]
    return answer


@standin("budgets", "DescribeSubscribersForNotification")
def describe_subscribers(call, _):
    key = call.params["BudgetName"], same_notification(call.params["Notification"])
    return {"Subscribers": KEPT["budget subscribers"][""].get(key, [])}


# --- Cost Explorer


def anomaly(kind, id_member, create, get, get_filter, get_result, update, delete, error):
    @standin("ce", create)
    def create_it(call, _):
        thing = copy.deepcopy(next(value for member, value in call.params.items() if member != "ResourceTags"))
        thing[id_member] = arn("ce", call, f"{kind}/{uuid.uuid4()}", region="")
        if kind == "anomalysubscription":
            thing["AccountId"] = ACCOUNT
        kept(kind, call)[thing[id_member]] = thing
        keep_tags(call, thing[id_member], tags_of(call, "ResourceTags"))
        return {id_member: thing[id_member]}

    @standin("ce", get)
    def get_them(call, _):
        wanted = call.params.get(get_filter)
        return {get_result: [thing for key, thing in kept(kind, call).items() if not wanted or key in wanted]}

    @standin("ce", update)
    def update_it(call, _):
        find(kind, call, call.params[id_member], error).update(call.params)
        return {id_member: call.params[id_member]}

    @standin("ce", delete)
    def delete_it(call, _):
        kept(kind, call).pop(call.params[id_member], None)
        return {}


anomaly(
    "anomalymonitor",
    "MonitorArn",
    "CreateAnomalyMonitor",
    "GetAnomalyMonitors",
    "MonitorArnList",
    "AnomalyMonitors",
    "UpdateAnomalyMonitor",
    "DeleteAnomalyMonitor",
    "UnknownMonitorException",
)
anomaly(
    "anomalysubscription",
    "SubscriptionArn",
    "CreateAnomalySubscription",
    "GetAnomalySubscriptions",
    "SubscriptionArnList",
    "AnomalySubscriptions",
    "UpdateAnomalySubscription",
    "DeleteAnomalySubscription",
    "UnknownSubscriptionException",
)


@standin("ce", "UpdateCostAllocationTagsStatus")
def update_cost_allocation_tags(call, _):
    for entry in call.params["CostAllocationTagsStatus"]:
        KEPT["cost allocation tag"][""][entry["TagKey"]] = entry["Status"]
    return {"Errors": []}


@standin("ce", "ListCostAllocationTags")
def list_cost_allocation_tags(call, _):
    wanted = call.params.get("TagKeys")
    return {
        "CostAllocationTags": [
            {"TagKey": key, "Status": status, "Type": "UserDefined"}
            for key, status in KEPT["cost allocation tag"][""].items()
            if not wanted or key in wanted
        ]
    }


# --- CloudFront


@standin("cloudfront", "CreateFunction")
def create_function(call, _):
    name = call.params["Name"]
    function = {
        "Name": name,
        "Status": "UNASSOCIATED",
        "FunctionConfig": call.params["FunctionConfig"],
        "Code": call.params["FunctionCode"],
        "FunctionMetadata": {
            "FunctionARN": arn("cloudfront", call, f"function/{name}", region=""),
            "Stage": "DEVELOPMENT",
            "CreatedTime": now(),
            "LastModifiedTime": now(),
        },
        "ETag": uuid.uuid4().hex,
        "live": None,
    }
    KEPT["cloudfront function"][""][name] = function
    return {"FunctionSummary": function, "ETag": function["ETag"], "Location": name}


def cloudfront_function(call):
    function = KEPT["cloudfront function"][""].get(call.params["Name"])
    if function is None or (call.params.get("Stage") == "LIVE" and not function["live"]):
        raise Refusal("NoSuchFunctionExists", "The function does not exist.")
    if call.params.get("Stage") == "LIVE":
        return {**function["live"], "FunctionMetadata": {**function["FunctionMetadata"], "Stage": "LIVE"}}
    return function


@standin("cloudfront", "DescribeFunction")
def describe_function(call, _):
    function = cloudfront_function(call)
    return {"FunctionSummary": function, "ETag": function["ETag"]}


@standin("cloudfront", "GetFunction")
def get_function(call, _):
    function = cloudfront_function(call)
    return {
        "FunctionCode": base64.b64decode(function["Code"]),
        "ETag": function["ETag"],
        "ContentType": "application/octet-stream",
    }


@standin("cloudfront", "UpdateFunction")
def update_function(call, _):
    function = cloudfront_function(call)
    function.update(
        FunctionConfig=call.params["FunctionConfig"], Code=call.params["FunctionCode"], ETag=uuid.uuid4().hex
    )
    return {"FunctionSummary": function, "ETag": function["ETag"]}


@standin("cloudfront", "PublishFunction")
def publish_function(call, _):
    function = cloudfront_function(call)
    function["live"] = copy.deepcopy(function)
    return {"FunctionSummary": function}


@standin("cloudfront", "DeleteFunction")
def delete_function(call, _):
    KEPT["cloudfront function"][""].pop(call.params["Name"], None)
    return {}


# moto keeps part of a distribution's configuration only, and finds no group of origins.


@standin("cloudfront", "CreateDistributionWithTags", "CreateDistribution")
def create_distribution(call, _):
    with_tags = call.params.get("DistributionConfigWithTags")
    configuration = with_tags["DistributionConfig"] if with_tags else call.params["DistributionConfig"]
    # AWS answers with these lists also where they are empty
    configuration = {
        **{name: {"Quantity": 0} for name in ("Aliases", "OriginGroups", "CacheBehaviors", "CustomErrorResponses")},
        **configuration,
    }
    key = "E" + uuid.uuid4().hex[:13].upper()
    distribution = {
        "Id": key,
        "ARN": arn("cloudfront", call, f"distribution/{key}", region=""),
        "Status": "Deployed",
        "LastModifiedTime": now(),
        "InProgressInvalidationBatches": 0,
        "DomainName": f"{key.lower()}.cloudfront.net",
        "DistributionConfig": configuration,
        "ActiveTrustedSigners": {"Enabled": False, "Quantity": 0},
        "ActiveTrustedKeyGroups": {"Enabled": False, "Quantity": 0},
        "ETag": uuid.uuid4().hex,
    }
    KEPT["distribution"][""][key] = distribution
    keep_tags(
        call,
        distribution["ARN"],
        {tag["Key"]: tag.get("Value", "") for tag in with_tags["Tags"].get("Items", [])} if with_tags else {},
    )
    return {"Distribution": distribution, "ETag": distribution["ETag"], "Location": key}


def distribution(call):
    found = KEPT["distribution"][""].get(call.params["Id"])
    if found is None:
        raise Refusal("NoSuchDistribution", "The distribution does not exist.")
    return found


@standin("cloudfront", "GetDistribution", "GetDistributionConfig")
def get_distribution(call, _):
    found = distribution(call)
    return {"Distribution": found, "DistributionConfig": found["DistributionConfig"], "ETag": found["ETag"]}


@standin("cloudfront", "UpdateDistribution")
def update_distribution(call, _):
    found = distribution(call)
    found["DistributionConfig"] = {**found["DistributionConfig"], **call.params["DistributionConfig"]}
    found.update(ETag=uuid.uuid4().hex, LastModifiedTime=now())
    return {"Distribution": found, "ETag": found["ETag"]}


@standin("cloudfront", "DeleteDistribution")
def delete_distribution(call, _):
    del KEPT["distribution"][""][distribution(call)["Id"]]
    return {}


@standin("cloudfront", "ListTagsForResource", "TagResource", "UntagResource")
def cloudfront_tags(call, forward):
    tags = KEPT[TAGS][""].get(call.params["Resource"])
    if tags is None:
        return forward()
    tags.update({tag["Key"]: tag.get("Value", "") for tag in call.params.get("Tags", {}).get("Items", [])})
    for key in call.params.get("TagKeys", {}).get("Items", []):
        tags.pop(key, None)
    return {"Tags": {"Items": pairs(tags)}}


def cloudfront_policy(member, create, get, update, delete, error):
    """A policy of CloudFront: an id, a configuration and an ETag."""

    @standin("cloudfront", create)
    def create_it(call, _):
        policy = {
            "Id": str(uuid.uuid4()),
            "LastModifiedTime": now(),
            member + "Config": call.params[member + "Config"],
            "ETag": uuid.uuid4().hex,
        }
        KEPT[member][""][policy["Id"]] = policy
        return {member: policy, "ETag": policy["ETag"], "Location": policy["Id"]}

    @standin("cloudfront", get)
    def get_it(call, forward):
        policy = KEPT[member][""].get(call.params["Id"])
        if policy is None:
            answer = forward()
            if answer.good:
                return answer
            raise Refusal(error, "The policy does not exist.")
        return {member: policy, "ETag": policy["ETag"]}

    @standin("cloudfront", update)
    def update_it(call, forward):
        policy = get_it(call, forward)[member]
        policy.update({member + "Config": call.params[member + "Config"], "ETag": uuid.uuid4().hex})
        return {member: policy, "ETag": policy["ETag"]}

    @standin("cloudfront", delete)
    def delete_it(call, _):
        KEPT[member][""].pop(call.params["Id"], None)
        return {}


cloudfront_policy(
    "ResponseHeadersPolicy",
    "CreateResponseHeadersPolicy",
    "GetResponseHeadersPolicy",
    "UpdateResponseHeadersPolicy",
    "DeleteResponseHeadersPolicy",
    "NoSuchResponseHeadersPolicy",
)


@standin("cloudfront", "CreateMonitoringSubscription")
def create_monitoring_subscription(call, _):
    KEPT["monitoring subscription"][""][call.params["DistributionId"]] = call.params["MonitoringSubscription"]
    return {"MonitoringSubscription": call.params["MonitoringSubscription"]}


@standin("cloudfront", "GetMonitoringSubscription")
def get_monitoring_subscription(call, _):
    found = KEPT["monitoring subscription"][""].get(call.params["DistributionId"])
    if found is None:
        raise Refusal("NoSuchMonitoringSubscription", "The distribution has no monitoring subscription.")
    return {"MonitoringSubscription": found}


@standin("cloudfront", "DeleteMonitoringSubscription")
def delete_monitoring_subscription(call, _):
    KEPT["monitoring subscription"][""].pop(call.params["DistributionId"], None)
    return {}


# --- CloudWatch: composite alarms


@standin("cloudwatch", "PutCompositeAlarm")
def put_composite_alarm(call, _):
    name = call.params["AlarmName"]
    alarm = {"ActionsEnabled": True, **call.params, "AlarmArn": arn("cloudwatch", call, f"alarm:{name}")}
    alarm.pop("Tags", None)
    kept("composite alarm", call)[name] = alarm
    KEPT[TAGS][""].setdefault(alarm["AlarmArn"], tags_of(call))
    return {}


@standin("cloudwatch", "DescribeAlarms")
def describe_alarms(call, forward):
    alarms = kept("composite alarm", call)
    if "CompositeAlarm" not in call.params.get("AlarmTypes", []):
        return forward()
    wanted = call.params.get("AlarmNames")
    return {
        "CompositeAlarms": [alarm for name, alarm in alarms.items() if not wanted or name in wanted],
        "MetricAlarms": [],
    }


@standin("cloudwatch", "DeleteAlarms")
def delete_alarms(call, forward):
    ours = [name for name in call.params["AlarmNames"] if kept("composite alarm", call).pop(name, None)]
    return {} if len(ours) == len(call.params["AlarmNames"]) else forward()


tagging("cloudwatch", "ListTagsForResource", "ResourceARN", lambda tags: {"Tags": pairs(tags)})


# --- CloudWatch Logs


@standin("logs", "PutAccountPolicy")
def put_account_policy(call, _):
    policy = {"scope": "ALL", **call.params, "accountId": ACCOUNT, "lastUpdatedTime": now() * 1000}
    kept("account policy", call)[call.params["policyType"], call.params["policyName"]] = policy
    return {"accountPolicy": policy}


@standin("logs", "DescribeAccountPolicies")
def describe_account_policies(call, _):
    name = call.params.get("policyName")
    return {
        "accountPolicies": [
            policy
            for key, policy in kept("account policy", call).items()
            if key[0] == call.params["policyType"] and name in (None, key[1])
        ]
    }


@standin("logs", "DeleteAccountPolicy")
def delete_account_policy(call, _):
    kept("account policy", call).pop((call.params["policyType"], call.params["policyName"]), None)
    return {}


@standin("logs", "PutQueryDefinition")
def put_query_definition(call, _):
    key = call.params.get("queryDefinitionId") or str(uuid.uuid4())
    kept("query definition", call)[key] = {**call.params, "queryDefinitionId": key, "lastModified": now() * 1000}
    return {"queryDefinitionId": key}


@standin("logs", "DescribeQueryDefinitions")
def describe_query_definitions(call, _):
    prefix = call.params.get("queryDefinitionNamePrefix", "")
    return {
        "queryDefinitions": [
            query for query in kept("query definition", call).values() if query["name"].startswith(prefix)
        ]
    }


@standin("logs", "DeleteQueryDefinition")
def delete_query_definition(call, _):
    return {"success": kept("query definition", call).pop(call.params["queryDefinitionId"], None) is not None}


# --- CodeDeploy: moto answers with a time as text, and forgets a deployment group's alarms.


@standin("codedeploy", "GetApplication")
def get_application(_, forward):
    answer = forward()
    if not answer.good:
        return answer
    document = answer.json()
    document["application"]["createTime"] = now()
    return answer.with_json(document)


@standin("codedeploy", "CreateDeploymentGroup", "UpdateDeploymentGroup", "GetDeploymentGroup")
def deployment_group(call, forward):
    answer = forward()
    if not answer.good:
        return answer
    name = call.params.get("deploymentGroupName") or call.params["currentDeploymentGroupName"]
    held = remember("deployment group", call, (call.params["applicationName"], name), ["alarmConfiguration"])
    if call.operation.name != "GetDeploymentGroup":
        return answer
    document = answer.json()
    document["deploymentGroupInfo"].update(held)
    return answer.with_json(document)


# --- RDS


@standin("rds", "StartDBInstanceAutomatedBackupsReplication")
def start_backups_replication(call, _):
    source = call.params["SourceDBInstanceArn"]
    key = arn("rds", call, f"auto-backup:ab-{uuid.uuid4().hex[:26]}")
    backup = {
        "DBInstanceAutomatedBackupsArn": key,
        "DBInstanceArn": source,
        "Status": "replicating",
        "Region": source.split(":")[3],
        "BackupRetentionPeriod": call.params.get("BackupRetentionPeriod", 7),
        "KmsKeyId": call.params.get("KmsKeyId"),
    }
    kept("automated backup", call)[key] = backup
    return {"DBInstanceAutomatedBackup": backup}


@standin("rds", "DescribeDBInstanceAutomatedBackups")
def describe_automated_backups(call, _):
    wanted = call.params.get("DBInstanceAutomatedBackupsArn")
    found = [backup for key, backup in kept("automated backup", call).items() if wanted in (None, key)]
    if wanted and not found:
        raise Refusal("DBInstanceAutomatedBackupNotFound", "The backup does not exist.")
    return {"DBInstanceAutomatedBackups": found}


@standin("rds", "StopDBInstanceAutomatedBackupsReplication")
def stop_backups_replication(call, _):
    for key, backup in list(kept("automated backup", call).items()):
        if backup["DBInstanceArn"] == call.params["SourceDBInstanceArn"]:
            return {"DBInstanceAutomatedBackup": kept("automated backup", call).pop(key)}
    raise Refusal("DBInstanceAutomatedBackupNotFound", "The backup does not exist.")


@standin("rds", "CreateDBInstance", "CreateDBInstanceReadReplica", "ModifyDBInstance")
def database_instance(call, forward):
    """moto gives every instance the same resource id, by which the provider reads them, and forgets monitoring."""
    answer = forward()
    if answer.good:
        database = moto_backend("rds", call).databases[call.params["DBInstanceIdentifier"]]
        text = answer.body.decode()
        if not call.operation.name.startswith("Modify"):
            everyones = database.dbi_resource_id
            database.dbi_resource_id = "db-" + uuid.uuid4().hex[:26].upper()
            text = text.replace(everyones, database.dbi_resource_id)
        overlay(
            database,
            call.params,
            {
                "EnablePerformanceInsights": "performance_insights_enabled",
                "PerformanceInsightsKMSKeyId": "performance_insights_kms_key_id",
                "PerformanceInsightsRetentionPeriod": "performance_insights_retention_period",
                "DatabaseInsightsMode": "database_insights_mode",
                "MonitoringRoleArn": "monitoring_role_arn",
                "MonitoringInterval": "monitoring_interval",
                "EngineLifecycleSupport": "engine_lifecycle_support",
            },
        )
        return answer.with_text(text)
    return answer


@standin("rds", "ModifyDBProxy")
def modify_proxy(call, _):
    proxy = moto_backend("rds", call).db_proxies.get(call.params["DBProxyName"])
    if proxy is None:
        raise Refusal("DBProxyNotFoundFault", "The proxy does not exist.")
    overlay(
        proxy,
        call.params,
        {
            "Auth": "auth",
            "RequireTLS": "require_tls",
            "IdleClientTimeout": "idle_client_timeout",
            "DebugLogging": "debug_logging",
            "RoleArn": "role_arn",
            "SecurityGroups": "vpc_security_group_ids",
        },
    )
    return {"DBProxy": proxy}


@standin("rds", "DescribeDBParameters")
def describe_parameters(call, _):
    group = moto_backend("rds", call).db_parameter_groups.get(call.params["DBParameterGroupName"])
    if group is None:
        raise Refusal("DBParameterGroupNotFoundFault", "The parameter group does not exist.")
    return {"Parameters": [{**parameter, "Source": "user"} for parameter in group.parameters.values()]}


# --- EC2: moto forgets the file format of flow logs, and descriptions of rules that name a group or a prefix list.


@standin("ec2", "CreateFlowLogs")
def create_flow_logs(call, forward):
    answer = forward()
    for key in re.findall(r">(fl-[0-9a-f]+)<", answer.body.decode()):
        overlay(moto_backend("ec2", call).flow_logs[key], call.params, {"DestinationOptions": "destination_options"})
    return answer


def keep_rule_descriptions():
    create = SecurityGroupRule.__init__
    signature = inspect.signature(create)

    def create_with_description(rule, *arguments, **named):
        create(rule, *arguments, **named)
        sent = signature.bind(rule, *arguments, **named).arguments
        rule.prefix_list_description = (sent.get("prefix_list_id") or {}).get("Description")

    def description(rule):
        return (
            rule.ip_range.get("Description")
            or rule.source_group.get("Description")
            or getattr(rule, "prefix_list_description", None)
        )

    SecurityGroupRule.__init__ = create_with_description
    SecurityGroupRule.description = property(description)


keep_rule_descriptions()


# --- S3: moto loses parts of these documents of a bucket.


def bucket_document(member, put, get, delete, result):
    @standin("s3", put)
    def put_it(call, forward):
        answer = forward()
        if answer.good:
            KEPT[member][""][call.params["Bucket"]] = call.params[member]
        return answer

    @standin("s3", get)
    def get_it(call, forward):
        answer = forward()
        document = KEPT[member][""].get(call.params["Bucket"])
        return result(document) if answer.good and document is not None else answer

    if delete:

        @standin("s3", delete)
        def delete_it(call, forward):
            KEPT[member][""].pop(call.params["Bucket"], None)
            return forward()


bucket_document(
    "LifecycleConfiguration",
    "PutBucketLifecycleConfiguration",
    "GetBucketLifecycleConfiguration",
    "DeleteBucketLifecycle",
    lambda document: {"TransitionDefaultMinimumObjectSize": "all_storage_classes_128K", **document},
)
bucket_document("BucketLoggingStatus", "PutBucketLogging", "GetBucketLogging", None, lambda document: document)
bucket_document(
    "NotificationConfiguration",
    "PutBucketNotificationConfiguration",
    "GetBucketNotificationConfiguration",
    None,
    lambda document: document,
)
bucket_document(
    "ReplicationConfiguration",
    "PutBucketReplication",
    "GetBucketReplication",
    "DeleteBucketReplication",
    lambda document: {"ReplicationConfiguration": document},
)


@standin("s3", "ListBuckets")
def list_buckets(_, forward):
    """moto names another owner of all buckets than in a bucket's list of access."""
    answer = forward()
    return answer.with_text(answer.body.decode().replace("bcaf1ffd86f41161ca5fb16fd081034f", BUCKET_OWNER))


@standin("s3", "DeleteBucket")
def delete_bucket(call, forward):
    answer = forward()
    if answer.good:
        for member in (
            "LifecycleConfiguration",
            "BucketLoggingStatus",
            "NotificationConfiguration",
            "ReplicationConfiguration",
        ):
            KEPT[member][""].pop(call.params["Bucket"], None)
    return answer


# --- ElastiCache: parameter and user groups


@standin("elasticache", "CreateCacheParameterGroup")
def create_cache_parameter_group(call, _):
    name = call.params["CacheParameterGroupName"]
    group = {**call.params, "ARN": arn("elasticache", call, f"parametergroup:{name}"), "IsGlobal": False}
    kept("cache parameter group", call)[name] = {"group": group, "parameters": {}}
    keep_tags(call, group["ARN"], tags_of(call))
    return {"CacheParameterGroup": group}


@standin("elasticache", "DescribeCacheParameterGroups")
def describe_cache_parameter_groups(call, _):
    name = call.params.get("CacheParameterGroupName")
    if name is None:
        return {"CacheParameterGroups": [held["group"] for held in kept("cache parameter group", call).values()]}
    return {"CacheParameterGroups": [find("cache parameter group", call, name, "CacheParameterGroupNotFound")["group"]]}


@standin("elasticache", "ModifyCacheParameterGroup", "ResetCacheParameterGroup")
def modify_cache_parameter_group(call, _):
    held = find("cache parameter group", call, call.params["CacheParameterGroupName"], "CacheParameterGroupNotFound")
    for parameter in call.params.get("ParameterNameValues", []):
        if call.operation.name.startswith("Reset"):
            held["parameters"].pop(parameter["ParameterName"], None)
        else:
            held["parameters"][parameter["ParameterName"]] = parameter["ParameterValue"]
    return {"CacheParameterGroupName": call.params["CacheParameterGroupName"]}


@standin("elasticache", "DescribeCacheParameters")
def describe_cache_parameters(call, _):
    held = find("cache parameter group", call, call.params["CacheParameterGroupName"], "CacheParameterGroupNotFound")
    return {
        "Parameters": [
            {"ParameterName": name, "ParameterValue": value, "Source": "user", "IsModifiable": True}
            for name, value in held["parameters"].items()
        ]
    }


@standin("elasticache", "DeleteCacheParameterGroup")
def delete_cache_parameter_group(call, _):
    kept("cache parameter group", call).pop(call.params["CacheParameterGroupName"], None)
    return {}


@standin("elasticache", "CreateUserGroup")
def create_user_group(call, _):
    name = call.params["UserGroupId"]
    group = {
        "UserGroupId": name,
        "Status": "active",
        "Engine": call.params["Engine"],
        "UserIds": call.params.get("UserIds", []),
        "ARN": arn("elasticache", call, f"usergroup:{name}"),
        "MinimumEngineVersion": "6.0",
    }
    kept("user group", call)[name] = group
    keep_tags(call, group["ARN"], tags_of(call))
    return group


@standin("elasticache", "DescribeUserGroups")
def describe_user_groups(call, _):
    name = call.params.get("UserGroupId")
    groups = kept("user group", call)
    return {
        "UserGroups": list(groups.values())
        if name is None
        else [find("user group", call, name, "UserGroupNotFoundFault")]
    }


@standin("elasticache", "ModifyUserGroup")
def modify_user_group(call, _):
    group = find("user group", call, call.params["UserGroupId"], "UserGroupNotFoundFault")
    removed = call.params.get("UserIdsToRemove", [])
    group["UserIds"] = [user for user in group["UserIds"] if user not in removed] + call.params.get("UserIdsToAdd", [])
    return group


@standin("elasticache", "DeleteUserGroup")
def delete_user_group(call, _):
    group = find("user group", call, call.params["UserGroupId"], "UserGroupNotFoundFault")
    del kept("user group", call)[group["UserGroupId"]]
    return {**group, "Status": "deleting"}


tagging("elasticache", "ListTagsForResource", "ResourceName", lambda tags: {"TagList": pairs(tags)})


# --- ElastiCache: moto makes replication groups without a reader endpoint and without their member clusters.


def replication_group(call):
    return find("replication group", call, call.params["ReplicationGroupId"], "ReplicationGroupNotFoundFault")


def configure_replication_group(held, params):
    """Keeps what the group and its clusters were sent, and derives what AWS answers in other words."""
    held["sent"].update(params)
    sent = held["sent"]
    held.update(
        {
            "Description": sent.get("ReplicationGroupDescription"),
            "AutomaticFailover": "enabled" if sent.get("AutomaticFailoverEnabled") else "disabled",
            "MultiAZ": "enabled" if sent.get("MultiAZEnabled") else "disabled",
            "LogDeliveryConfigurations": [
                {**configuration, "Status": "active"} for configuration in sent.get("LogDeliveryConfigurations", [])
            ],
            **{member: sent.get(member) for member in REPLICATION_GROUP_MEMBERS},
        }
    )
    removed = params.get("UserGroupIdsToRemove", [])
    held["UserGroupIds"] = [group for group in held["UserGroupIds"] if group not in removed]
    held["UserGroupIds"] += params.get("UserGroupIdsToAdd", [])


REPLICATION_GROUP_MEMBERS = (
    "AtRestEncryptionEnabled",
    "AutoMinorVersionUpgrade",
    "CacheNodeType",
    "Engine",
    "KmsKeyId",
    "SnapshotRetentionLimit",
    "SnapshotWindow",
    "TransitEncryptionEnabled",
    "TransitEncryptionMode",
)


@standin("elasticache", "CreateReplicationGroup")
def create_replication_group(call, _):
    name = call.params["ReplicationGroupId"]
    if name in kept("replication group", call):
        raise Refusal("ReplicationGroupAlreadyExists", f"{name} exists already")
    clusters = [f"{name}-{number:03}" for number in range(1, call.params.get("NumCacheClusters", 1) + 1)]
    port = call.params.get("Port", 6379)
    held = {
        "sent": {},
        "ReplicationGroupId": name,
        "ARN": arn("elasticache", call, f"replicationgroup:{name}"),
        "Status": "available",
        "MemberClusters": clusters,
        "NodeGroups": [
            {
                "NodeGroupId": "0001",
                "Status": "available",
                "PrimaryEndpoint": {"Address": f"master.{name}.cache.invalid", "Port": port},
                "ReaderEndpoint": {"Address": f"replica.{name}.cache.invalid", "Port": port},
                "NodeGroupMembers": [
                    {"CacheClusterId": cluster, "CacheNodeId": "0001", "CurrentRole": "replica" if number else "primary"}
                    for number, cluster in enumerate(clusters)
                ],
            }
        ],
        "ClusterEnabled": False,
        "ClusterMode": "disabled",
        "AuthTokenEnabled": False,
        "UserGroupIds": call.params.get("UserGroupIds", []),
    }
    configure_replication_group(held, call.params)
    kept("replication group", call)[name] = held
    keep_tags(call, held["ARN"], tags_of(call))
    return {"ReplicationGroup": held}


@standin("elasticache", "DescribeReplicationGroups")
def describe_replication_groups(call, _):
    if "ReplicationGroupId" not in call.params:
        return {"ReplicationGroups": list(kept("replication group", call).values())}
    return {"ReplicationGroups": [replication_group(call)]}


@standin("elasticache", "ModifyReplicationGroup")
def modify_replication_group(call, _):
    configure_replication_group(replication_group(call), call.params)
    return {"ReplicationGroup": replication_group(call)}


@standin("elasticache", "DeleteReplicationGroup")
def delete_replication_group(call, _):
    held = replication_group(call)
    del kept("replication group", call)[held["ReplicationGroupId"]]
    return {"ReplicationGroup": {**held, "Status": "deleting"}}


@standin("elasticache", "DescribeCacheClusters")
def describe_cache_clusters(call, forward):
    name = call.params.get("CacheClusterId")
    for group in kept("replication group", call).values():
        if name in group["MemberClusters"]:
            return {"CacheClusters": [member_cluster(call, name, group)]}
    return forward()


def member_cluster(call, name, group):
    sent = group["sent"]
    topic = sent.get("NotificationTopicArn")
    return {
        "CacheClusterId": name,
        "CacheClusterStatus": "available",
        "ReplicationGroupId": group["ReplicationGroupId"],
        "Engine": sent.get("Engine"),
        "EngineVersion": sent.get("EngineVersion"),
        "CacheNodeType": sent.get("CacheNodeType"),
        "CacheSubnetGroupName": sent.get("CacheSubnetGroupName"),
        "NumCacheNodes": 1,
        "PreferredMaintenanceWindow": sent.get("PreferredMaintenanceWindow"),
        "AutoMinorVersionUpgrade": sent.get("AutoMinorVersionUpgrade", True),
        "CacheParameterGroup": {
            "CacheParameterGroupName": sent.get("CacheParameterGroupName"),
            "ParameterApplyStatus": "in-sync",
        },
        "SecurityGroups": [
            {"SecurityGroupId": security_group, "Status": "active"} for security_group in sent.get("SecurityGroupIds", [])
        ],
        "NotificationConfiguration": {"TopicArn": topic, "TopicStatus": "active"} if topic else None,
        "AtRestEncryptionEnabled": sent.get("AtRestEncryptionEnabled", False),
        "TransitEncryptionEnabled": sent.get("TransitEncryptionEnabled", False),
        "TransitEncryptionMode": sent.get("TransitEncryptionMode"),
        "NetworkType": sent.get("NetworkType", "ipv4"),
        "IpDiscovery": sent.get("IpDiscovery", "ipv4"),
        "ARN": arn("elasticache", call, f"cluster:{name}"),
    }


# --- ECR: pull-through cache rules


def cache_rule(call):
    return find(
        "pull through cache rule", call, call.params["ecrRepositoryPrefix"], "PullThroughCacheRuleNotFoundException"
    )


@standin("ecr", "CreatePullThroughCacheRule")
def create_cache_rule(call, _):
    prefix = call.params["ecrRepositoryPrefix"]
    if prefix in kept("pull through cache rule", call):
        raise Refusal("PullThroughCacheRuleAlreadyExistsException", f"{prefix} exists already")
    kept("pull through cache rule", call)[prefix] = {
        "registryId": ACCOUNT,
        "createdAt": now(),
        **call.params,
    }
    return cache_rule(call)


@standin("ecr", "DescribePullThroughCacheRules")
def describe_cache_rules(call, _):
    rules, wanted = kept("pull through cache rule", call), call.params.get("ecrRepositoryPrefixes")
    for prefix in wanted or []:
        find("pull through cache rule", call, prefix, "PullThroughCacheRuleNotFoundException")
    return {"pullThroughCacheRules": [rule for prefix, rule in rules.items() if not wanted or prefix in wanted]}


@standin("ecr", "UpdatePullThroughCacheRule")
def update_cache_rule(call, _):
    cache_rule(call).update(call.params)
    return cache_rule(call)


@standin("ecr", "DeletePullThroughCacheRule")
def delete_cache_rule(call, _):
    rule = cache_rule(call)
    del kept("pull through cache rule", call)[rule["ecrRepositoryPrefix"]]
    return rule


# --- ECR: templates of the repositories that a pull-through cache creates


def creation_template(call):
    return find("creation template", call, call.params["prefix"], "TemplateNotFoundException")


@standin("ecr", "CreateRepositoryCreationTemplate")
def create_creation_template(call, _):
    prefix = call.params["prefix"]
    if prefix in kept("creation template", call):
        raise Refusal("TemplateAlreadyExistsException", f"{prefix} exists already")
    kept("creation template", call)[prefix] = {
        "imageTagMutability": "MUTABLE",
        "encryptionConfiguration": {"encryptionType": "AES256"},
        "createdAt": now(),
        "updatedAt": now(),
        **call.params,
    }
    return {"registryId": ACCOUNT, "repositoryCreationTemplate": creation_template(call)}


@standin("ecr", "DescribeRepositoryCreationTemplates")
def describe_creation_templates(call, _):
    templates, wanted = kept("creation template", call), call.params.get("prefixes")
    for prefix in wanted or []:
        find("creation template", call, prefix, "TemplateNotFoundException")
    found = [template for prefix, template in templates.items() if not wanted or prefix in wanted]
    return {"registryId": ACCOUNT, "repositoryCreationTemplates": found}


@standin("ecr", "UpdateRepositoryCreationTemplate")
def update_creation_template(call, _):
    creation_template(call).update(call.params, updatedAt=now())
    return {"registryId": ACCOUNT, "repositoryCreationTemplate": creation_template(call)}


@standin("ecr", "DeleteRepositoryCreationTemplate")
def delete_creation_template(call, _):
    template = creation_template(call)
    del kept("creation template", call)[template["prefix"]]
    return {"registryId": ACCOUNT, "repositoryCreationTemplate": template}


# --- Secrets Manager: moto cannot rotate what has no value yet, and keeps one rule of a rotation only.


@standin("secretsmanager", "RotateSecret")
def rotate_secret(call, forward):
    secret = moto_backend("secretsmanager", call).secrets[call.params["SecretId"]]
    KEPT["rotation rules"][call.region][secret.arn] = call.params.get("RotationRules", {})
    if secret.versions:
        return forward()
    secret.rotation_requested = secret.rotation_enabled = True
    overlay(secret, call.params, {"RotationLambdaARN": "rotation_lambda_arn"})
    return {"ARN": secret.arn, "Name": secret.name}


@standin("secretsmanager", "DescribeSecret")
def describe_secret(call, forward):
    answer = forward()
    if answer.good:
        document = answer.json()
        rules = kept("rotation rules", call).get(document["ARN"])
        if document.get("RotationEnabled") and rules is not None:
            return answer.with_json({**document, "RotationRules": rules})
    return answer


# --- ECS: moto forgets some arguments of a service.

SERVICE_ARGUMENTS = [
    "availabilityZoneRebalancing",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "healthCheckGracePeriodSeconds",
    "capacityProviderStrategy",
    "deploymentController",
    "propagateTags",
]


def last(name):
    return name.rpartition("/")[2]


@standin("ecs", "CreateService", "UpdateService", "DescribeServices", "DeleteService")
def ecs_service(call, forward):
    cluster = last(call.params.get("cluster", "default"))
    name = call.params.get("serviceName") or call.params.get("service")
    answer = forward()
    if not answer.good:
        return answer
    if name:
        held = remember("ecs service", call, (cluster, last(name)), SERVICE_ARGUMENTS)
        if call.operation.name == "CreateService":
            held.clear()
            remember("ecs service", call, (cluster, name), SERVICE_ARGUMENTS)
    document = answer.json()
    for service in [document["service"]] if "service" in document else document.get("services", []):
        service.update(kept("ecs service", call).get((cluster, service["serviceName"]), {}))
    return answer.with_json(document)


# --- KMS: moto forgets the period of the rotation.


@standin("kms", "EnableKeyRotation", "GetKeyRotationStatus")
def key_rotation(call, forward):
    key = last(call.params["KeyId"])
    answer = forward()
    if not answer.good:
        return answer
    held = remember("key rotation", call, key, ["RotationPeriodInDays"])
    if call.operation.name == "EnableKeyRotation":
        return answer
    document = answer.json()
    if document.get("KeyRotationEnabled"):
        document.update({"RotationPeriodInDays": 365, **held})
    return answer.with_json(document)


# --- Lambda: moto forgets some arguments of a function.

FUNCTION_ARGUMENTS = ["DeadLetterConfig", "KMSKeyArn", "LoggingConfig"]


@standin(
    "lambda",
    "CreateFunction",
    "UpdateFunctionConfiguration",
    "GetFunction",
    "GetFunctionConfiguration",
    "UpdateFunctionCode",
)
def lambda_function(call, forward):
    name = call.params["FunctionName"]
    name = name.split(":function:")[1].split(":")[0] if ":function:" in name else name
    if call.operation.name == "CreateFunction":
        kept("lambda function", call).pop(name, None)
    answer = forward()
    if not answer.good:
        return answer
    held = remember("lambda function", call, name, FUNCTION_ARGUMENTS)
    document = answer.json()
    document.get("Configuration", document).update(held)
    return answer.with_json(document)


# --- Route 53: moto wants the ARN of a log group with :* at its end, which AWS and the provider do not use.


@standin("route53", "CreateQueryLoggingConfig")
def create_query_logging_config(call, forward):
    log_group = call.params["CloudWatchLogsLogGroupArn"]
    body = (
        '<CreateQueryLoggingConfigRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/">'
        f"<HostedZoneId>{call.params['HostedZoneId']}</HostedZoneId>"
        f"<CloudWatchLogsLogGroupArn>{log_group}:*</CloudWatchLogsLogGroupArn></CreateQueryLoggingConfigRequest>"
    )
    return without_star(forward(body.encode()))


@standin("route53", "GetQueryLoggingConfig", "ListQueryLoggingConfigs")
def get_query_logging_config(_, forward):
    return without_star(forward())


def without_star(answer):
    return answer.with_text(
        answer.body.decode().replace(":*</CloudWatchLogsLogGroupArn>", "</CloudWatchLogsLogGroupArn>")
    )


# --- X-Ray


@standin("xray", "PutEncryptionConfig")
def put_encryption_config(call, _):
    kept("xray encryption", call)[""] = {**call.params, "Status": "ACTIVE"}
    return {"EncryptionConfig": kept("xray encryption", call)[""]}


@standin("xray", "GetEncryptionConfig")
def get_encryption_config(call, _):
    return {"EncryptionConfig": kept("xray encryption", call).get("", {"Type": "NONE", "Status": "ACTIVE"})}


@standin("xray", "CreateGroup")
def create_group(call, _):
    group = {key: value for key, value in call.params.items() if key != "Tags"}
    group["GroupARN"] = arn("xray", call, f"group/{group['GroupName']}/{uuid.uuid4().hex.upper()}")
    kept("xray group", call)[group["GroupARN"]] = group
    keep_tags(call, group["GroupARN"], tags_of(call))
    return {"Group": group}


def xray_group(call):
    for key, group in kept("xray group", call).items():
        if key == call.params.get("GroupARN") or group["GroupName"] == call.params.get("GroupName"):
            return group
    raise Refusal("InvalidRequestException", "Group not found")


@standin("xray", "GetGroup")
def get_group(call, _):
    return {"Group": xray_group(call)}


@standin("xray", "UpdateGroup")
def update_group(call, _):
    group = xray_group(call)
    group.update(
        {key: value for key, value in call.params.items() if key in ("FilterExpression", "InsightsConfiguration")}
    )
    return {"Group": group}


@standin("xray", "DeleteGroup")
def delete_group(call, _):
    del kept("xray group", call)[xray_group(call)["GroupARN"]]
    return {}


@standin("xray", "CreateSamplingRule")
def create_sampling_rule(call, _):
    rule = dict(call.params["SamplingRule"])
    rule["RuleARN"] = arn("xray", call, f"sampling-rule/{rule['RuleName']}")
    record = {"SamplingRule": rule, "CreatedAt": now(), "ModifiedAt": now()}
    kept("sampling rule", call)[rule["RuleName"]] = record
    keep_tags(call, rule["RuleARN"], tags_of(call))
    return {"SamplingRuleRecord": record}


@standin("xray", "GetSamplingRules")
def get_sampling_rules(call, _):
    return {"SamplingRuleRecords": list(kept("sampling rule", call).values())}


@standin("xray", "UpdateSamplingRule")
def update_sampling_rule(call, _):
    update = call.params["SamplingRuleUpdate"]
    record = find(
        "sampling rule", call, update.get("RuleName") or update["RuleARN"].rpartition("/")[2], "InvalidRequestException"
    )
    record["SamplingRule"].update(update)
    return {"SamplingRuleRecord": record}


@standin("xray", "DeleteSamplingRule")
def delete_sampling_rule(call, _):
    name = call.params.get("RuleName") or call.params["RuleARN"].rpartition("/")[2]
    return {"SamplingRuleRecord": kept("sampling rule", call).pop(name, None)}


# --- IAM Access Analyzer


@standin("accessanalyzer", "CreateAnalyzer")
def create_analyzer(call, _):
    name = call.params["analyzerName"]
    analyzer = {
        "name": name,
        "arn": arn("access-analyzer", call, f"analyzer/{name}"),
        "type": call.params["type"],
        "status": "ACTIVE",
        "createdAt": now(),
        "configuration": call.params.get("configuration"),
        "tags": tags_of(call, "tags"),
    }
    kept("analyzer", call)[name] = analyzer
    keep_tags(call, analyzer["arn"], analyzer["tags"])
    return {"arn": analyzer["arn"]}


@standin("accessanalyzer", "GetAnalyzer")
def get_analyzer(call, _):
    analyzer = find("analyzer", call, call.params["analyzerName"], "ResourceNotFoundException")
    return {"analyzer": {**analyzer, "tags": KEPT[TAGS][""][analyzer["arn"]]}}


@standin("accessanalyzer", "DeleteAnalyzer")
def delete_analyzer(call, _):
    kept("analyzer", call).pop(call.params["analyzerName"], None)
    return {}


# --- Synthetics: moto answers with times as text, and cannot start, stop, update or delete a canary.


def canary(call):
    return find("canary", call, call.params["Name"], "ResourceNotFoundException")


def configure_canary(held, params):
    held.update({member: value for member, value in params.items() if member not in ("Code", "RunConfig", "Tags")})
    held["ArtifactS3Location"] = held["ArtifactS3Location"].removeprefix("s3://")  # AWS answers without the scheme
    if "Code" in params:
        held["Code"] = {
            "Handler": params["Code"].get("Handler"),
            "SourceLocationArn": held["EngineArn"].replace(":function:", ":layer:") + ":1",
        }
    if "RunConfig" in params:
        # AWS does not answer with the environment variables
        members = {key: value for key, value in params["RunConfig"].items() if key != "EnvironmentVariables"}
        held["RunConfig"] = {"MemoryInMB": 1000, "ActiveTracing": False, **members}
    held["Timeline"]["LastModified"] = now()


@standin("synthetics", "CreateCanary")
def create_canary(call, _):
    name = call.params["Name"]
    if name in kept("canary", call):
        raise Refusal("ConflictException", f"{name} exists already")
    held = {
        "Id": str(uuid.uuid4()),
        "EngineArn": arn("lambda", call, f"function:cwsyn-{name}-{uuid.uuid4()}"),
        "Status": {"State": "READY"},
        "Timeline": {"Created": now()},
        "Tags": tags_of(call),
    }
    configure_canary(held, call.params)
    kept("canary", call)[name] = held
    keep_tags(call, arn("synthetics", call, f"canary:{name}"), held["Tags"])
    return {"Canary": held}


@standin("synthetics", "GetCanary")
def get_canary(call, _):
    tags = KEPT[TAGS][""].get(arn("synthetics", call, f"canary:{call.params['Name']}"))
    return {"Canary": {**canary(call), "Tags": tags}}


@standin("synthetics", "UpdateCanary")
def update_canary(call, _):
    configure_canary(canary(call), call.params)
    return {}


@standin("synthetics", "StartCanary", "StopCanary")
def start_canary(call, _):
    canary(call)["Status"]["State"] = "RUNNING" if call.operation.name == "StartCanary" else "STOPPED"
    return {}


@standin("synthetics", "DeleteCanary")
def delete_canary(call, _):
    canary(call)
    del kept("canary", call)[call.params["Name"]]
    return {}


tagging("synthetics", "ListTagsForResource", "ResourceArn", lambda tags: {"Tags": tags})


# --- Amazon Managed Grafana


@standin("grafana", "CreateWorkspace")
def create_workspace(call, _):
    key = "g-" + uuid.uuid4().hex[:10]
    workspace = {
        "id": key,
        "name": call.params.get("workspaceName"),
        "description": call.params.get("workspaceDescription"),
        "dataSources": call.params.get("workspaceDataSources", []),
        "notificationDestinations": call.params.get("workspaceNotificationDestinations", []),
        "organizationalUnits": call.params.get("workspaceOrganizationalUnits", []),
        "permissionType": call.params["permissionType"],
        "accountAccessType": call.params["accountAccessType"],
        "workspaceRoleArn": call.params.get("workspaceRoleArn"),
        "grafanaVersion": call.params.get("grafanaVersion", "10.4"),
        "endpoint": f"{key}.grafana-workspace.{call.region}.amazonaws.com",
        "status": "ACTIVE",
        "created": now(),
        "modified": now(),
        "authentication": {"providers": call.params["authenticationProviders"]},
        "stackSetName": call.params.get("stackSetName"),
        "networkAccessControl": call.params.get("networkAccessControl"),
        "vpcConfiguration": call.params.get("vpcConfiguration"),
        "configuration": call.params.get("configuration", "{}"),
        "tags": tags_of(call, "tags"),
    }
    kept("workspace", call)[key] = workspace
    keep_tags(call, arn("grafana", call, f"/workspaces/{key}"), workspace["tags"])
    return {"workspace": workspace}


@standin("grafana", "DescribeWorkspace")
def describe_workspace(call, _):
    return {"workspace": find("workspace", call, call.params["workspaceId"], "ResourceNotFoundException")}


@standin("grafana", "DescribeWorkspaceConfiguration")
def describe_workspace_configuration(call, _):
    workspace = find("workspace", call, call.params["workspaceId"], "ResourceNotFoundException")
    return {"configuration": workspace["configuration"], "grafanaVersion": workspace["grafanaVersion"]}


@standin("grafana", "DeleteWorkspace")
def delete_workspace(call, _):
    workspace = find("workspace", call, call.params["workspaceId"], "ResourceNotFoundException")
    del kept("workspace", call)[workspace["id"]]
    return {"workspace": {**workspace, "status": "DELETING"}}


def main():
    MotoRequestHandler.protocol_version = "HTTP/1.1"  # keeps connections open
    run_simple(
        "127.0.0.1",
        int(sys.argv[1]),
        Server(DomainDispatcherApplication(create_backend_app)),
        threaded=True,
        request_handler=MotoRequestHandler,
    )


if __name__ == "__main__":
    main()
