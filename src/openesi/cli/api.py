"""The operator's API from the command line: find the server, ask it, say what it answered."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer

from openesi.errors import LocalError, Refused, Unreachable
from openesi.web.whereabouts import TOKEN_FILE, find_running

TIMEOUT_S = 60.0  # ten thousand controls in one call take a few seconds, on a small machine more

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
    """Ask the API and return what it answers: None for nothing, text for XML, else the value of the JSON.

    Without ``api`` it is the server of ``data``, else the one that was started last.
    Raises Unreachable, Refused without the right token, or LocalError with the server's own words.
    """
    base, headers = server_of(api, data)
    try:
        response = httpx2.request(method, base + path, json=body, headers=headers, timeout=TIMEOUT_S)
    except httpx2.TransportError as error:
        raise Unreachable(
            f"No server answers at {base} ({error}). Start one with `openesi demo`, or say where with --api."
        ) from error
    if response.status_code == 204:
        return None
    if response.is_success and "xml" in response.headers.get("content-type", ""):
        return response.text
    try:
        answer = response.json()
    except ValueError:
        raise LocalError(f"{base} does not speak as OpenESI does (HTTP {response.status_code}).") from None
    if response.status_code == 401:
        raise Refused(f"{base} wants its operator's token: give it in OPENESI_TOKEN, or its --data DIR.")
    if response.is_error:
        raise LocalError(answer.get("error", f"HTTP {response.status_code}"))
    return answer


def server_of(api: str | None, data: Path | None) -> tuple[str, dict[str, str]]:
    """Return the URL of the API, and the header that carries the operator's token where it is known."""
    running = find_running(data)
    base = (api or (running.api if running else DEFAULT_API)).rstrip("/")
    files = [data / TOKEN_FILE] if data is not None else []
    if running is not None and running.api.rstrip("/") == base:
        files.append(running.token_file)
    token = os.environ.get("OPENESI_TOKEN") or next((found for one in files if (found := _read(one))), None)
    return base, {"Authorization": f"Bearer {token}"} if token else {}


def _read(file: Path) -> str | None:
    try:
        return file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):  # not ours to read: the server will say that it wants one
        return None
