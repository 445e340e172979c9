"""The operator's API from the command line: find the server, ask it, say what it answered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer

from openesi.errors import LocalError, Unreachable
from openesi.web.whereabouts import find_running

TIMEOUT_S = 10.0

ApiUrl = Annotated[
    str | None,
    typer.Option(
        "--api", envvar="OPENESI_API", metavar="URL", help="The server's page, as http://127.0.0.1:8080."
    ),
]
RunningData = Annotated[
    Path | None,
    typer.Option("--data", envvar="OPENESI_DATA", metavar="DIR", help="The running server's data directory."),
]
DEFAULT_API = "http://127.0.0.1:8080"


def ask(method: str, path: str, *, api: str | None, data: Path | None = None, body: object = None) -> Any:
    """Ask the API and return what it answers (None for nothing).

    Without ``api`` it is the server of ``data``, else the one that was started last.
    Raises Unreachable, or LocalError with the server's own words.
    """
    base = (api or find_running(data) or DEFAULT_API).rstrip("/")
    try:
        response = httpx2.request(method, base + path, json=body, timeout=TIMEOUT_S)
    except httpx2.TransportError as error:
        raise Unreachable(
            f"No server answers at {base} ({error}). Start one with `openesi demo`, or say where with --api."
        ) from error
    if response.status_code == 204:
        return None
    try:
        answer = response.json()
    except ValueError:
        raise LocalError(f"{base} does not speak as OpenESI does (HTTP {response.status_code}).") from None
    if response.is_error:
        raise LocalError(answer.get("error", f"HTTP {response.status_code}"))
    return answer
