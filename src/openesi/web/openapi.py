"""The API described for programs: an OpenAPI document made from the routes and the types of their bodies."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from openesi import __version__
from openesi.web.tree_openapi import describe_tree

REFERENCE = "#/components/schemas/{name}"


def describe(
    endpoints: Iterable[tuple[str, str, Callable[..., Any]]],
    *,
    bodies: Mapping[Callable[..., Any], Any],
    answers: Mapping[Callable[..., Any], Any],
    queries: Mapping[Callable[..., Any], Mapping[str, str]],
) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of (method, path, endpoint); docstrings begin with the summary.

    ``bodies`` and ``answers`` give the types that an endpoint takes and returns, where they are declared,
    ``queries`` the parameters of its query with their defaults. The resources of the tree are described each
    by itself as well.
    """
    types = list({**dict.fromkeys(bodies.values()), **dict.fromkeys(answers.values())})
    schemas, components = msgspec.json.schema_components(types, ref_template=REFERENCE)
    schema_of = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for method, path, endpoint in endpoints:
        operation = _operation(path, endpoint)
        if endpoint in bodies:
            operation["requestBody"] = {"required": True, "content": _json(schema_of[bodies[endpoint]])}
        if endpoint in answers:
            operation["responses"]["2XX"]["content"] = _json(schema_of[answers[endpoint]])
        operation["parameters"] += [_parameter(*one) for one in queries.get(endpoint, {}).items()]
        paths.setdefault(path.replace(":path", ""), {})[method.lower()] = operation
    tree_paths, tree_schemas = describe_tree()
    return {
        "openapi": "3.1.0",
        "info": {"title": "OpenESI operator's API", "version": __version__},
        "security": [{"token": []}],
        "paths": paths | tree_paths,
        "components": {
            "schemas": {**tree_schemas, **components},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(path: str, endpoint: Callable[..., Any]) -> dict[str, Any]:
    summary = (endpoint.__doc__ or "").partition("\n")[0].replace("``", "")
    names = re.findall(r"{(\w+)", path)
    error = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
    return {
        "operationId": endpoint.__name__,
        "summary": summary,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ],
        "responses": {
            "2XX": {"description": "Done."},
            "default": {"description": "What is wrong, in words.", "content": _json(error)},
        },
    }


def _parameter(name: str, default: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "string", "default": default}}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
