"""The tree described for programs: every resource with its own path and the standard's names and bounds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from openesi.sep2 import resources
from openesi.sep2.json import describe, known_fields
from openesi.sep2.model._declare import Sep
from openesi.sep2.resources import RESOURCES, Resource
from openesi.server.tree import DECIDED, children_of, is_written_by_operator

PREFIX = "/api/resources"
_REFERENCE = "#/components/schemas/{}"
_ERROR = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
_PROBLEM = {"description": "What is wrong, in words.", "content": {"application/json": {"schema": _ERROR}}}
_MANY = {  # what is answered to an array
    "type": "object",
    "properties": {"created": {"type": "integer"}, "hrefs": {"type": "array", "items": {"type": "string"}}},
    "required": ["created", "hrefs"],
}

Schema = dict[str, Any]


@cache
def describe_tree() -> tuple[dict[str, Schema], dict[str, Schema]]:
    """Return the OpenAPI paths of all resources, and the schemas that they refer to."""
    paths: dict[str, Schema] = {}
    schemas: dict[str, Schema] = {}
    for resource in RESOURCES:
        path = _numbered(resource.path)
        if path not in paths:
            paths[path] = dict(_operations(resource, schemas))
    return paths, schemas


def _operations(resource: Resource, schemas: dict[str, Schema]) -> Iterator[tuple[str, Schema]]:
    shown = _served(resource.model, schemas)
    yield "get", _operation("show", resource, shown)
    if not is_written_by_operator(resource):
        return
    member = resources.member_of(resource)
    if resource.item is None:
        given = _given(resource, schemas)
        yield "put", _operation("put", resource, shown, body=given)
        yield "patch", _operation("change", resource, shown, body={"type": "object"})
        yield "delete", _operation("remove", resource, {"type": "object"})
    elif member is not None:
        given = _given(member, schemas)
        body = {"oneOf": [given, {"type": "array", "items": given}]}
        added = {"anyOf": [_served(member.model, schemas), _MANY]}
        yield "post", _operation("add", member, added, body=body)


def _operation(verb: str, resource: Resource, shown: Schema, *, body: Schema | None = None) -> Schema:
    names = [f"n{number}" for number in range(1, resource.path.count("{}") + 1)]
    if verb == "add":
        names = names[:-1]
    described: Schema = {
        "operationId": f"{verb}_{resource.name}",
        "summary": f"{verb.capitalize()} {resource.name}.",
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "integer", "minimum": 0}}
            for name in names
        ],
        "responses": {
            "2XX": {"description": "What is served.", "content": {"application/json": {"schema": shown}}},
            "default": _PROBLEM,
        },
    }
    if body is not None:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return described


def _served(cls: type[Sep], schemas: dict[str, Schema]) -> Schema:
    """Return the reference to a type of the standard; describe it and all that it holds."""
    name = cls.__name__
    if name not in schemas:
        schemas[name] = {}  # types hold each other
        schemas[name] = describe(cls, lambda held: str(_served(held, schemas)["$ref"]))
    return {"$ref": _REFERENCE.format(name)}


def _given(resource: Resource, schemas: dict[str, Schema]) -> Schema:
    """Return the reference to what the operator gives of a resource, with what may stand below it."""
    name = f"Given{resource.name}"
    if name in schemas:
        return {"$ref": _REFERENCE.format(name)}
    schemas[name] = {}
    described = describe(resource.model, lambda held: str(_served(held, schemas)["$ref"]))
    needed = [
        field.name
        for field in known_fields(resource.model).values()
        if field.minimum and field.extension is None and field.name not in DECIDED
        and not field.name.endswith("Link")
    ]  # fmt: skip
    described.pop("required", None)
    if needed:
        described["required"] = needed
    for child, target, _ in children_of(resource):
        member = resources.member_of(target)
        if target.item is None:
            described["properties"][child] = _given(target, schemas)
        elif member is not None:
            described["properties"][child] = {"type": "array", "items": _given(member, schemas)}
    schemas[name] = described
    return {"$ref": _REFERENCE.format(name)}


def _numbered(path: str) -> str:
    """Return the path with a name for each identifier: /derp/{n1}/derc/{n2}."""
    pieces = path.split("{}")
    return PREFIX + "".join(
        piece + (f"{{n{number}}}" if number < len(pieces) else "") for number, piece in enumerate(pieces, 1)
    )
