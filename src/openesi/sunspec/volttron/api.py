"""The points of a server's devices, asked for over its operator's API; blocking, as greenlets want it."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2

from openesi.errors import LocalError, Unreachable
from openesi.sunspec.table import Table, parse_rows
from openesi.sunspec.values import Semantics

DEFAULT_URL = "http://127.0.0.1:8080"
TIMEOUT_S = 10.0


class PointServer:
    """One server. Every call raises LocalError with the server's words, Unreachable if it does not answer.

    Raises ValueError for a token file that cannot be read.

    ``url`` is where its page is, ``token`` the operator's token, or ``token_file`` a file that holds it:
    without it a server lets nobody set anything. The environment may have them, too: OPENESI_API,
    OPENESI_TOKEN.
    """

    def __init__(
        self, url: str | None = None, *, token: str | None = None, token_file: str | None = None
    ) -> None:
        self.url = (url or os.environ.get("OPENESI_API") or DEFAULT_URL).rstrip("/")
        if token is None and token_file is not None:
            token = _read_token(token_file)
        token = token or os.environ.get("OPENESI_TOKEN")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        for name in ("httpcore2", "httpx2"):  # a line for each request would fill VOLTTRON's log
            logging.getLogger(name).setLevel(logging.WARNING)
        self._http = httpx2.Client(base_url=self.url, headers=headers, timeout=TIMEOUT_S, trust_env=False)

    def get_points(self, sfdi: str) -> dict[str, Any]:
        """Return all points of a device by name; None where it has not told."""
        values: dict[str, Any] = self._ask("GET", f"/api/points/{_quoted(sfdi)}")["values"]
        return values

    def get_point(self, sfdi: str, name: str) -> Any:
        """Return one point."""
        return self._ask("GET", f"/api/points/{_quoted(sfdi)}/{_quoted(name)}")["value"]

    def set_point(self, sfdi: str, name: str, value: float, *, duration_s: int | None = None) -> Any:
        """Set a point; return what it is then."""
        body = {"value": value} | ({} if duration_s is None else {"duration_s": duration_s})
        return self._ask("PUT", f"/api/points/{_quoted(sfdi)}/{_quoted(name)}", body)["value"]

    def revert_point(self, sfdi: str, name: str) -> None:
        """Take back what was set."""
        self._ask("DELETE", f"/api/points/{_quoted(sfdi)}/{_quoted(name)}")

    def revert_all(self, sfdi: str) -> None:
        """Take back everything that was set at a device."""
        self._ask("DELETE", f"/api/points/{_quoted(sfdi)}")

    def get_table(self, sfdi: str) -> Table:
        """Return the points that a device has there."""
        return parse_rows(self._ask("GET", f"/api/points-config/{_quoted(sfdi)}")["rows"], mend=False)

    def config_points(
        self, sfdi: str, rows: Sequence[Mapping[str, Any]] | None, *, semantics: Semantics | None = None
    ) -> None:
        """Give a device a table of points; None: the packaged one."""
        body = {"rows": rows} | ({} if semantics is None else {"semantics": semantics.value})
        self._ask("PUT", f"/api/points-config/{_quoted(sfdi)}", body)

    def close(self) -> None:
        """Let go of the connection. Nothing can be asked any more."""
        self._http.close()

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        try:
            response = self._http.request(method, path, json=body)
        except httpx2.TransportError as error:
            raise Unreachable(f"no OpenESI server answers at {self.url} ({error})") from error
        try:
            answer = response.json()
        except ValueError:
            raise LocalError(
                f"{self.url} does not speak as OpenESI does (HTTP {response.status_code})"
            ) from None
        if response.is_error:
            raise LocalError(str(answer.get("error", f"HTTP {response.status_code}")))
        return answer


def _read_token(file: str) -> str:
    try:
        return Path(file).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"token_file {file} cannot be read: {error}") from error


def _quoted(segment: str) -> str:
    return quote(segment, safe="")
