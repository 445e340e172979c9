"""What comes in over the operator's API: bodies read within their bounds, and the query."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request

from openesi.server.operator import MAX_LISTED

MAX_BODY = 64 << 10  # an operator's request is small; a mistaken upload is not
BODY_S = 60.0  # whoever reaches the port may begin a body: of POST /api/login
MAX_BULK = 64 << 20  # ten thousand controls in one call take 5 MB
MAX_VALUES = 4_000_000  # in it: 64 MB of [[],[],... would take a GB and 4 s in which no device is answered

Body = TypeVar("Body", bound=msgspec.Struct)


async def read_body(request: Request, kind: type[Body]) -> Body:
    """Read a JSON body as ``kind``. Raises HTTPException (408, 413, 415, 422)."""
    try:
        async with asyncio.timeout(BODY_S):
            data = await _read(request, MAX_BODY)
    except TimeoutError:
        raise HTTPException(408, f"the body did not come within {BODY_S:.0f} s") from None
    body: Body = _decoded(data, kind)
    return body


async def read_json(request: Request) -> Any:
    """Read a JSON body of any shape. Raises HTTPException (413, 415, 422)."""
    data = await _read(request, MAX_BULK)
    if data.count(b",") > MAX_VALUES:  # each stands before a value, or in a text
        raise HTTPException(413, f"at most {MAX_VALUES} values in one body: send it in parts")
    return _decoded(data, Any)


def read_query(request: Request, allowed: Mapping[str, str]) -> dict[str, str]:
    """Return the query with defaults. A parameter that is not known is refused: a slip must not be obeyed."""
    for name in request.query_params:
        if name not in allowed:
            known = ", ".join(allowed) or "none"
            raise HTTPException(422, f"there is no parameter {name[:40]!r} here; there are: {known}")
    return {name: request.query_params.get(name, default) for name, default in allowed.items()}


def read_flag(values: Mapping[str, str], name: str) -> bool:
    """Return a parameter that is true or false. Raises HTTPException (422)."""
    if values[name] not in ("true", "false"):
        raise HTTPException(422, f"{name} is true or false")
    return values[name] == "true"


def read_number(values: Mapping[str, str], name: str, *, most: int) -> int:
    """Return a parameter that is a number from 0. Raises HTTPException (422)."""
    text = values[name]
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and int(text) <= most):
        raise HTTPException(422, f"{name} is a number from 0 to {most}")
    return int(text)


def paging(request: Request) -> tuple[int, int]:
    """Return ``start`` and ``limit`` of the query. Raises HTTPException (422)."""
    values = {name: request.query_params.get(name, default) for name, default in _PAGING.items()}
    return read_number(values, "start", most=10**12), read_number(values, "limit", most=MAX_LISTED)


_PAGING = {"start": "0", "limit": "1000"}


def _decoded(data: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise HTTPException(422, _in_words(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HTTPException(422, f"the body is no JSON: {error}") from None


def _in_words(problem: str) -> str:
    """Return what msgspec says is wrong, with the name of the field first: "start: expected int, got str"."""
    what, _, place = problem.replace("`", "").partition(" - at $.")
    return f"{place}: {what[:1].lower()}{what[1:]}" if place else what


async def _read(request: Request, most: int) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "send application/json")
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > most:
            raise HTTPException(413, f"at most {most} octets")
        pieces.append(piece)
    return b"".join(pieces)
