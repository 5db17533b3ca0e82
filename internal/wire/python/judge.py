"""judge.py [--decode] [--resources FILE]... RECORDING...: holds recorded AWS requests against AWS's API models.

Writes one JSON object for each violation, and last one with totals. The package comment of internal/wire describes
RECORDING and its fields. --resources names a synthesized stack (cdk.tf.json) or a state, from which violations learn
the address of the resource. With --decode it writes each request decoded instead, and judges none.
"""

import argparse
import base64
import collections
import functools
import json
import math
import re
import sys

import regex

import wire


class Judge:
    """Collects what the model of one operation refuses in the parameters of one request."""

    def __init__(self):
        self.found = []

    def refuse(self, path, problem, value="", sensitive=False):
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        self.found.append((path.lstrip("."), problem, "(sensitive)" if sensitive else text[:100]))

    def value(self, shape, value, path):
        kind, sensitive = shape.type_name, bool(shape.metadata.get("sensitive"))
        if getattr(shape, "is_document_type", False) or kind == "timestamp":
            return
        if kind == "structure" and isinstance(value, dict):
            for member in shape.required_members:
                if member not in value:
                    self.refuse(f"{path}.{member}", "required member is missing")
            for member, item in value.items():
                self.value(shape.members[member], item, f"{path}.{member}")
        elif kind == "list" and isinstance(value, list):
            self.bounds(shape, len(value), " items", path, value, sensitive)
            for item in value:
                self.value(shape.member, item, path + "[]")
        elif kind == "map" and isinstance(value, dict):
            self.bounds(shape, len(value), " entries", path, value, sensitive)
            for key, item in value.items():
                self.value(shape.key, key, path + "{key}")
                self.value(shape.value, item, path + "{}")
        elif kind in ("string", "character") and isinstance(value, str):
            self.string(shape, value, path, sensitive)
        elif (
            kind in ("integer", "long", "float", "double")
            and isinstance(value, (int, float))
            and not isinstance(value, bool)
        ):
            self.bounds(shape, value, "", path, value, sensitive)
        elif kind == "blob":
            length = len(value) if isinstance(value, bytes) else len(base64.b64decode(value))
            self.bounds(shape, length, " bytes", path, "", sensitive)
        elif kind == "boolean" and isinstance(value, bool):
            pass
        elif kind == "string" and shape.serialization.get("jsonvalue"):
            pass
        else:
            self.refuse(path, f"is not of type {kind}", value, sensitive)

    def string(self, shape, value, path, sensitive):
        if shape.enum and value not in shape.enum:
            self.refuse(
                path,
                "is not one of " + ", ".join(shape.enum[:12]) + (", ..." if len(shape.enum) > 12 else ""),
                value,
                sensitive,
            )
        self.bounds(shape, len(value), " characters", path, value, sensitive)
        pattern = shape.metadata.get("pattern")
        if pattern and not matches(pattern, value):
            self.refuse(path, f"does not match the pattern {pattern[:100]}", value, sensitive)

    def bounds(self, shape, number, unit, path, value, sensitive):
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if (low is not None and number < low) or (high is not None and number > high):
            limit = f"at most {high}" if low is None else f"at least {low}" if high is None else f"{low} to {high}"
            self.refuse(path, f"{number}{unit}, allowed: {limit}", value, sensitive)


@functools.cache
def compiled(pattern):
    # The models write all characters outside the basic plane as a pair of surrogates, which Python has not.
    return regex.compile(
        pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF").replace(
            r"\ud800\udc00-\udbff\udfff", r"\U00010000-\U0010FFFF"
        )
    )


UNREADABLE_PATTERNS = set()


def matches(pattern, value):
    """AWS matches the whole value, unless the pattern says where it begins and leaves its end open."""
    try:
        expression = compiled(pattern)
    except regex.error:
        UNREADABLE_PATTERNS.add(pattern)
        return True
    open_ended = pattern.startswith("^") and not pattern.endswith("$")
    return bool(expression.search(value) if open_ended else expression.fullmatch(value))


def judge(call):
    found = Judge()
    for path in call.unknown:
        found.refuse(path, "no such member")
    if call.operation.input_shape is not None:
        found.value(call.operation.input_shape, call.params, "")
    return found.found


class Resources:
    """Finds the resource that a request is about: the one whose arguments have most in common with its parameters."""

    def __init__(self, files):
        self.leaves = {}
        for file in files:
            with open(file) as text:
                document = json.load(text)
            if isinstance(document.get("resource"), dict):
                for typ, instances in document["resource"].items():
                    for name, body in instances.items():
                        self.add(f"{typ}.{name}", body)
            for resource in document.get("resources", []):
                if resource.get("mode") == "managed":
                    for instance in resource["instances"]:
                        self.add(f"{resource['type']}.{resource['name']}", instance.get("attributes"))
        frequency = collections.Counter(leaf for leaves in self.leaves.values() for leaf in leaves)
        self.weight = {leaf: math.log(1 + len(self.leaves) / count) for leaf, count in frequency.items()}

    def add(self, address, value):
        self.leaves.setdefault(address, set()).update(leaf_texts(value))

    def address(self, call):
        sent = {leaf for leaf in leaf_texts(call.params) if leaf in self.weight}
        operation = words(call.operation.name)
        best, best_score = "", 0.0
        for address, leaves in self.leaves.items():
            common = sum(self.weight[leaf] for leaf in sent & leaves)
            if not common:
                continue
            kind = words(address.partition(".")[0])
            alike = len(operation & kind) / len(operation | kind)
            all_leaves = sum(self.weight[leaf] for leaf in leaves)
            score = common * (0.2 + alike) + common / all_leaves
            if score > best_score:
                best, best_score = address, score
        return best


VERBS = {
    "aws",
    "create",
    "put",
    "update",
    "modify",
    "set",
    "delete",
    "get",
    "describe",
    "list",
    "add",
    "register",
    "tag",
}


def words(name):
    """The nouns of an operation or of a resource type, in the singular."""
    split = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)
    return {word.lower().removesuffix("s") for word in split} - VERBS


def leaf_texts(value):
    if isinstance(value, dict):
        for key, item in value.items():
            if key != "//":
                yield from leaf_texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaf_texts(item)
    elif isinstance(value, str) and len(value) > 2:
        yield value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield str(value)


def records(files):
    for file in files:
        with open(file) as lines:
            for number, line in enumerate(lines, 1):
                yield file, number, json.loads(line)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--decode", action="store_true")
    arguments.add_argument("--resources", action="append", default=[])
    arguments.add_argument("recordings", nargs="+")
    arguments = arguments.parse_args()
    resources = Resources(arguments.resources)
    requests, operations, violations = 0, set(), 0
    for file, number, record in records(arguments.recordings):
        where = {"file": file, "line": number, "stack": record.get("stack", ""), "phase": record.get("phase", "")}
        requests += 1
        try:
            call = wire.decode(record)
        except (wire.NotDecoded, ValueError, wire.ElementTree.ParseError) as error:
            violations += 1
            write(
                {
                    **where,
                    "service": "",
                    "operation": "",
                    "address": "",
                    "path": "",
                    "problem": f"not decoded: {error}",
                    "value": "",
                }
            )
            continue
        name = {"service": call.service.service_name, "operation": call.operation.name}
        operations.add((name["service"], name["operation"]))
        if arguments.decode:
            write(
                {
                    **where,
                    **name,
                    "signing": call.service.signing_name,
                    "region": call.region,
                    "key": call.access_key,
                    "address": resources.address(call),
                    "status": record["status"],
                    "params": call.params,
                }
            )
            continue
        for path, problem, value in judge(call):
            violations += 1
            write(
                {**where, **name, "address": resources.address(call), "path": path, "problem": problem, "value": value}
            )
    if not arguments.decode:
        write(
            {
                "requests": requests,
                "operations": len(operations),
                "violations": violations,
                "unreadablePatterns": sorted(UNREADABLE_PATTERNS),
            }
        )


def write(document):
    json.dump(document, sys.stdout, default=lambda value: base64.b64encode(value).decode())
    sys.stdout.write("\n")


main()
