"""Reads a recorded AWS request with AWS's own API models, which botocore carries."""

import base64
import functools
import json
import re
import urllib.parse
import xml.etree.ElementTree as ElementTree

import botocore.session

SESSION = botocore.session.get_session()

# Signing names that several services share, and those that are not a service's name in botocore.
SERVICES_BY_SIGNING_NAME = {
    "apigateway": ["apigatewayv2", "apigateway"],
    "aps": ["amp"],
    "elasticloadbalancing": ["elbv2"],
    "email": ["sesv2"],
    "es": ["opensearch"],
    "monitoring": ["cloudwatch"],
    "s3": ["s3", "s3control"],
    "tagging": ["resourcegroupstaggingapi"],
}

# Deprecated operations with the same address as the operation that replaced them.
SHADOWED_OPERATIONS = {
    "GetBucketLifecycle",
    "GetBucketNotification",
    "InvokeAsync",
    "PutBucketLifecycle",
    "PutBucketNotification",
}

CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/([^/]*)/([^/]+)/aws4_request")


class NotDecoded(Exception):
    """A request that no operation of the models fits."""


class Call:
    """One request as an operation with parameters, named as the model names them."""

    def __init__(self, service, operation, region, access_key):
        self.service, self.operation, self.region, self.access_key = service, operation, region, access_key
        self.params = {}
        self.unknown = []  # paths of what was sent and is in no model


@functools.cache
def model(name):
    return SESSION.get_service_model(name)


@functools.cache
def services(signing_name):
    """The botocore services that requests with this signing name may belong to."""
    if signing_name in SERVICES_BY_SIGNING_NAME:
        return SERVICES_BY_SIGNING_NAME[signing_name]
    available = SESSION.get_available_services()
    if signing_name in available:
        return [signing_name]
    return [name for name in available if signing_name in (model(name).signing_name, model(name).endpoint_prefix)]


@functools.cache
def rest_operations(service_name):
    """The service's operations with the pattern of their path, the most specific first."""
    service, found = model(service_name), []
    for name in service.operation_names:
        if name in SHADOWED_OPERATIONS:
            continue
        operation = service.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        pattern = re.sub(
            r"\\\{(\w+)(\\\+)?\\\}",
            lambda label: f"(?P<{label[1]}>{'.+' if label[2] else '[^/]+'})",
            re.escape(path.rstrip("/")),
        )
        required = urllib.parse.parse_qs(query, keep_blank_values=True)
        members = operation.input_shape.members if operation.input_shape else {}
        required_query, required_headers = (
            {
                members[member].serialization.get("name", member)
                for member in (operation.input_shape.required_members if operation.input_shape else [])
                if members[member].serialization.get("location") == location
            }
            for location in ("querystring", "header")
        )
        literal = len(re.sub(r"\{[^}]*\}", "", path)) + 10 * len(required) + len(required_query)
        found.append((literal, operation, re.compile(pattern + "/?"), required, required_query, required_headers))
    return sorted(found, key=lambda entry: -entry[0])


def identify(record):
    """The call of a request with the values of its path. The parameters are not read."""
    credential = CREDENTIAL.search(record["headers"].get("authorization", ""))
    path, _, query = record["path"].partition("?")
    query = urllib.parse.parse_qs(query, keep_blank_values=True)
    if not credential:
        raise NotDecoded(f"unsigned request {record['method']} {path}")
    access_key, region, signing_name = credential.groups()
    headers, asked = record["headers"], ""
    if "x-amz-target" in headers:
        asked = headers["x-amz-target"].rpartition(".")[2]
    elif headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form = urllib.parse.parse_qs(base64.b64decode(record["body"]).decode("utf8", "replace"))
        asked = form.get("Action", [""])[0]
    names = services(signing_name)
    if path.startswith("/v20180820/"):
        names = ["s3control"]
    for name in names:
        service = model(name)
        if asked and asked in service.operation_names:
            return Call(service, service.operation_model(asked), region, access_key), {}, query
        if asked:
            continue
        for _, operation, pattern, required, required_query, required_headers in rest_operations(name):
            label = pattern.fullmatch(path)
            if (
                label
                and operation.http["method"] == record["method"]
                and all(key in query and value in ([""], query[key]) for key, value in required.items())
                and required_query <= query.keys()
                and (name != "s3" or all(header.lower() in headers for header in required_headers))
            ):
                return Call(service, operation, region, access_key), label.groupdict(), query
    raise NotDecoded(f"no operation of {signing_name} fits {asked or record['method'] + ' ' + path}")


def decode(record):
    """The call that a recorded request makes. NotDecoded where no operation fits."""
    call, labels, query = identify(record)
    shape, body = call.operation.input_shape, base64.b64decode(record["body"])
    if shape is None:
        return call
    reader = Reader(call)
    if "x-amz-target" in record["headers"]:
        call.params = reader.json(shape, json.loads(body or b"{}"), "")
    elif record["headers"].get("content-type", "").startswith("application/x-www-form-urlencoded"):
        tree = form_tree(body)
        tree.pop("Action", None), tree.pop("Version", None)
        call.params = reader.form(shape, tree, "", call.service.metadata["protocol"] == "ec2")
    else:
        reader.rest(shape, labels, query, record["headers"], body)
    return call


def form_tree(body):
    tree = {}
    for key, value in urllib.parse.parse_qsl(body.decode("utf8"), keep_blank_values=True):
        *parents, last = key.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return tree


def wire_name(shape, member):
    return shape.serialization.get("name", member)


class Reader:
    """Reads values by their shapes, and notes in the call what the shapes do not know."""

    def __init__(self, call):
        self.call = call

    def scalar(self, shape, text):
        """A number or truth value that was sent as text; text that is none stays text, for the judge to refuse."""
        try:
            if shape.type_name in ("integer", "long"):
                return int(text)
            if shape.type_name in ("float", "double"):
                return float(text)
        except ValueError:
            return text
        if shape.type_name == "boolean" and text in ("true", "false"):
            return text == "true"
        return text

    def json(self, shape, value, path):
        if shape.type_name == "structure" and isinstance(value, dict) and not getattr(shape, "is_document_type", False):
            members = {wire_name(sub, member): (member, sub) for member, sub in shape.members.items()}
            read = {}
            for name, item in value.items():
                if item is None:
                    continue
                if name not in members:
                    self.call.unknown.append(f"{path}.{name}")
                    continue
                member, sub = members[name]
                read[member] = self.json(sub, item, f"{path}.{member}")
            return read
        if shape.type_name == "list" and isinstance(value, list):
            return [self.json(shape.member, item, path + "[]") for item in value]
        if shape.type_name == "map" and isinstance(value, dict):
            return {key: self.json(shape.value, item, path + "{}") for key, item in value.items()}
        return value

    def form(self, shape, tree, path, ec2):
        if shape.type_name == "structure":
            if not isinstance(tree, dict):
                return tree
            members = {}
            for member, sub in shape.members.items():
                name = sub.serialization.get("queryName")
                if not name:
                    name = wire_name(sub, member)
                    if ec2:
                        name = name[0].upper() + name[1:]
                    elif sub.type_name == "list" and sub.serialization.get("flattened"):
                        name = sub.member.serialization.get("name", name)
                members[name] = (member, sub)
            read = {}
            for name, item in tree.items():
                if name not in members:
                    self.call.unknown.append(f"{path}.{name}")
                    continue
                member, sub = members[name]
                read[member] = self.form(sub, item, f"{path}.{member}", ec2)
            return read
        if shape.type_name == "list":
            if not isinstance(tree, dict):
                return [] if tree == "" else tree
            if not ec2 and not shape.serialization.get("flattened"):
                tree = self.only(tree, shape.member.serialization.get("name", "member"), path)
            return [self.form(shape.member, tree[key], path + "[]", ec2) for key in sorted(tree, key=as_number)]
        if shape.type_name == "map":
            if not isinstance(tree, dict):
                return tree
            if not shape.serialization.get("flattened"):
                tree = self.only(tree, "entry", path)
            key_name, value_name = wire_name(shape.key, "key"), wire_name(shape.value, "value")
            return {
                tree[n][key_name]: self.form(shape.value, tree[n].get(value_name, ""), path + "{}", ec2)
                for n in sorted(tree, key=as_number)
            }
        return self.scalar(shape, tree) if isinstance(tree, str) else tree

    def only(self, tree, name, path):
        self.call.unknown.extend(f"{path}.{key}" for key in tree if key != name)
        inner = tree.get(name, {})
        return inner if isinstance(inner, dict) else {}

    def xml(self, shape, node, path):
        if shape.type_name == "structure":
            members, attributes = {}, {}
            for member, sub in shape.members.items():
                target = attributes if sub.serialization.get("xmlAttribute") else members
                name = wire_name(sub, member)
                if sub.type_name == "list" and sub.serialization.get("flattened"):
                    name = sub.member.serialization.get("name", name)
                target[name] = (member, sub)
            read = {}
            for key, text in node.attrib.items():
                for name, (member, _) in attributes.items():
                    if tag(key) == name.rpartition(":")[2]:
                        read[member] = text
            for child in node:
                if tag(child.tag) not in members:
                    self.call.unknown.append(f"{path}.{tag(child.tag)}")
                    continue
                member, sub = members[tag(child.tag)]
                if sub.type_name == "list" and sub.serialization.get("flattened"):
                    read.setdefault(member, []).append(self.xml(sub.member, child, f"{path}.{member}[]"))
                else:
                    read[member] = self.xml(sub, child, f"{path}.{member}")
            return read
        if shape.type_name == "list":
            return [self.xml(shape.member, child, path + "[]") for child in node]
        if shape.type_name == "map":
            return {child[0].text or "": self.xml(shape.value, child[1], path + "{}") for child in node}
        return self.scalar(shape, node.text or "")

    def rest(self, shape, labels, query, headers, body):
        params, in_body, known_query = self.call.params, {}, set()
        for member, sub in shape.members.items():
            location, name = sub.serialization.get("location"), wire_name(sub, member)
            if location == "uri" and labels.get(name) is not None:
                params[member] = self.scalar(sub, urllib.parse.unquote(labels[name]))
            elif location == "querystring":
                known_query.add(name)
                if sub.type_name == "map":
                    params[member] = {key: values[0] for key, values in query.items()}
                    known_query.update(query)
                elif name in query and sub.type_name == "list":
                    params[member] = [self.scalar(sub.member, value) for value in query[name]]
                elif name in query:
                    params[member] = self.scalar(sub, query[name][0])
            elif location == "header" and name.lower() in headers:
                text = headers[name.lower()]
                params[member] = text.split(",") if sub.type_name == "list" else self.scalar(sub, text)
            elif location == "headers":
                found = {key: text for key, text in headers.items() if key.startswith(name.lower())}
                if found:
                    params[member] = found
            elif location is None:
                in_body[member] = sub
        literal_query = urllib.parse.parse_qs(
            self.call.operation.http["requestUri"].partition("?")[2], keep_blank_values=True
        )
        ignored = {"x-id", "Action", "Version"}  # the SDK's own mark of the operation
        self.call.unknown.extend(f".?{key}" for key in query if key not in known_query | literal_query.keys() | ignored)
        if not body:
            return
        payload = shape.serialization.get("payload")
        if payload and shape.members[payload].type_name not in ("structure", "list", "map"):
            sub = shape.members[payload]
            params[payload] = body if sub.type_name == "blob" else body.decode("utf8", "replace")
        elif "xml" in self.call.service.metadata["protocol"]:
            root = ElementTree.fromstring(body)
            if payload:
                params[payload] = self.xml(shape.members[payload], root, "." + payload)
            else:
                params.update(self.xml(Members(in_body), root, ""))
        else:
            document = json.loads(body)
            if payload:
                params[payload] = self.json(shape.members[payload], document, "." + payload)
            else:
                params.update(self.json(Members(in_body), document, ""))


class Members:
    """The members of a structure that are sent in the body."""

    type_name, is_document_type = "structure", False

    def __init__(self, members):
        self.members = members


def tag(name):
    return name.rpartition("}")[2]


def as_number(text):
    return int(text) if text.isdigit() else 0
