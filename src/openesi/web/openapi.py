"""The API described for programs: an OpenAPI document made from the routes and the types of their bodies."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from openesi import __version__

REFERENCE = "#/components/schemas/{name}"


def describe(
    endpoints: Iterable[tuple[str, str, Callable[..., Any]]],
    *,
    bodies: Mapping[Callable[..., Any], Any],
    answers: Mapping[Callable[..., Any], Any],
) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of (method, path, endpoint); docstrings begin with the summary.

    ``bodies`` and ``answers`` give the types that an endpoint takes and returns, where they are declared.
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
        paths.setdefault(path.replace(":path", ""), {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "OpenESI operator's API", "version": __version__},
        "paths": paths,
        "components": {"schemas": components},
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


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
