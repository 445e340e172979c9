"""How the operator's listener answers: JSON, and errors that say what to do."""

from __future__ import annotations

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response


def answer(value: object, status: int = 200) -> Response:
    """Return a value as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def problem(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    """Return what went wrong, for people and programs."""
    response = answer({"error": text}, status)
    response.headers.update(headers or {})
    return response


async def answer_http_error(request: Request, error: Exception) -> Response:
    """Return what Starlette or an endpoint refused."""
    assert isinstance(error, HTTPException)
    text = error.detail
    if error.status_code == 404 and text == "Not Found":
        text = f"there is nothing at {request.url.path[:200]}"
    if error.status_code == 405:
        text = f"{request.method} is not for {request.url.path[:200]}"
    return problem(error.status_code, text, dict(error.headers or {}))


async def answer_fault(request: Request, error: Exception) -> Response:
    """Return a mistake of ours; the log has the traceback."""
    del request
    return problem(500, f"a mistake in the server ({type(error).__name__}): its log has the details")
