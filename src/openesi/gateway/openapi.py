"""Every route of the gateway in one table, and the OpenAPI document made from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from openesi import __version__
from openesi.gateway.metadata import KEYS
from openesi.gateway.record import SeriesName

READINGS: Final = "/meter/electricity/interval_reading"


@dataclass(frozen=True, slots=True)
class ApiRoute:
    """One operation: its paths (optional parts written out), who answers it, and what it is."""

    handler: str
    paths: tuple[str, ...]
    summary: str
    media: str
    query: tuple[tuple[str, str], ...] = ()


_WINDOW: Final = (
    ("start", "first Unix second wanted"),
    ("end", "last Unix second wanted"),
    ("since", "only readings newer than this Unix second"),
    ("flow", "net gives Green Button power as one signed reading, not one for each direction"),
    ("series", "power (W, default), energy or energy_received (Wh registers); CSV only"),
)
ROUTES: Final = (
    ApiRoute(
        "readings",
        (f"{READINGS}/{{form}}", f"{READINGS}/{{form}}/", f"{READINGS}/{{form}}/{{seconds}}"),
        "Readings as csv (value,time) or gb (Green Button): the current one, the last seconds, or all",
        "text/csv",
        _WINDOW,
    ),
    ApiRoute(
        "metadata",
        ("/meter/electricity/meta_data/kvp/{key}",),
        "One fact about the power series or the statistics, as key=value",
        "text/plain",
        (("names", "1 gives words instead of ESPI codes"),),
    ),
    ApiRoute(
        "status", ("/meter/electricity/status",), "State of meter, radio, line and cache", "application/json"
    ),
    ApiRoute(
        "quality",
        ("/meter/electricity/quality",),
        "Gaps, energy check and statistics, without any load data",
        "application/json",
    ),
    ApiRoute("stream", ("/meter/electricity/stream",), "New readings as they come", "text/event-stream"),
    ApiRoute("metrics", ("/metrics",), "Prometheus metrics", "text/plain"),
    ApiRoute("openapi", ("/openapi.json",), "This document", "application/json"),
    ApiRoute("page", ("/",), "The display", "text/html"),
)
_PARAMETERS: Final = {
    "form": ["csv", "gb"],
    "key": list(KEYS),
    "seconds": None,  # a number, or "all"
}


def to_document(*, green_button: bool = True) -> dict[str, object]:
    """The OpenAPI 3.1 description of the gateway."""
    paths: dict[str, object] = {}
    for route in ROUTES:
        for path in route.paths:
            if not path.endswith("/") or path == "/":
                paths[path] = {"get": _operation(route, path, green_button=green_button)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "OpenESI meter gateway",
            "version": __version__,
            "description": "Read-only access to the last 48 hours of a smart meter.",
        },
        "security": [{"basic": []}],
        "components": {"securitySchemes": {"basic": {"type": "http", "scheme": "basic"}}},
        "paths": paths,
    }


def _operation(route: ApiRoute, path: str, *, green_button: bool) -> dict[str, object]:
    parameters: list[dict[str, object]] = []
    for name, choices in _PARAMETERS.items():
        if f"{{{name}}}" in path:
            if name == "form" and not green_button:
                choices = ["csv"]
            schema: dict[str, object] = {"type": "string"}
            schema |= {"enum": choices} if choices else {"pattern": "^([0-9]{1,10}|all)$"}
            parameters.append({"name": name, "in": "path", "required": True, "schema": schema})
    for name, text in route.query:
        schema = {"type": "integer", "minimum": 0, "maximum": 0xFFFF_FFFF}
        if name == "flow":
            schema = {"type": "string", "enum": ["net"]}
        if name == "series":
            schema = {"type": "string", "enum": [series.value for series in SeriesName]}
        parameters.append({"name": name, "in": "query", "description": text, "schema": schema})
    return {
        "operationId": route.handler if "{seconds}" not in path else f"{route.handler}_of",
        "summary": route.summary,
        "parameters": parameters,
        "responses": {
            "200": {"description": "found", "content": {route.media: {}}},
            "400": {"description": "a parameter is not understood"},
            "401": {"description": "user name and password are wanted"},
            "403": {"description": "this user may see the quality report only"},
            "404": {"description": "data not found", "content": {"text/plain": {}}},
        },
    }
