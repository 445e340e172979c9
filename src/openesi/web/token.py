"""The operator's token: made at the first start, asked of everyone who wants to change something.

On this machine reading is free, so that the page opens by itself; from other machines nothing is. A program
sends ``Authorization: Bearer TOKEN``; a browser is given a cookie for it once (``POST /api/login``).
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
from ipaddress import ip_address
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from openesi.errors import LocalError
from openesi.web.answers import problem
from openesi.web.whereabouts import TOKEN_FILE

COOKIE = "openesi_operator"
COOKIE_S = 90 * 86_400
MAX_COOKIES = 16 << 10  # characters; a browser sends those of all that runs on this machine
TOKEN_OCTETS = 32
OPEN = ("/static/", "/-/health")  # what a page needs before it can ask for the token
LOGIN = "/api/login"
LOGIN_PAGE = (Path(__file__).parent / "templates" / "login.html").read_text("utf-8")
READING = frozenset({"GET", "HEAD", "OPTIONS"})


def open_token(data: Path) -> str:
    """Return the token of a data directory; make it, for its owner's eyes only, if there is none.

    Raises LocalError for a file that cannot be read or holds no token.
    """
    path = data / TOKEN_FILE
    try:
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(TOKEN_OCTETS) + "\n")
        token = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise LocalError(f"the operator's token {path} cannot be used: {error}") from error
    if len(token) < TOKEN_OCTETS:
        raise LocalError(f"{path} holds no token: remove it, and the next start makes a new one")
    return token


class TokenGuard:
    """ASGI middleware: lets through who shows the token, and who only reads on this machine."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 401."""
        if scope["type"] != "http" or self._token is None or self._may(scope, self._token):
            await self._app(scope, receive, send)
            return
        if scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", ""):
            await HTMLResponse(LOGIN_PAGE, 401, {"Cache-Control": "no-store"})(scope, receive, send)
            return
        text = (
            "the operator's token is needed: send it as 'Authorization: Bearer TOKEN'; "
            f"the server keeps it in {TOKEN_FILE} in its data directory"
        )
        await problem(401, text, {"WWW-Authenticate": "Bearer"})(scope, receive, send)

    @staticmethod
    def _may(scope: Scope, token: str) -> bool:
        path, method = scope["path"], scope["method"]
        if path == LOGIN or (method in READING and path.startswith(OPEN)):
            return True
        if shows(Headers(scope=scope), token):
            return True
        return method in READING and _is_local(scope)


def log_in(given: str, token: str | None) -> Response:
    """Answer with the cookie for a browser that knows the token; 403 for one that does not."""
    if token is not None and not same(given, token):
        return problem(
            403, f"this is not the token: the server keeps it in {TOKEN_FILE} in its data directory"
        )
    response = Response(status_code=204)
    if token is not None:
        response.set_cookie(COOKIE, token, httponly=True, samesite="strict", max_age=COOKIE_S)
    return response


def shows(headers: Headers, token: str) -> bool:
    """Tell whether a request carries the token, as a bearer or as our cookie."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and same(given.strip(), token):
        return True
    cookies = cookie_parser(headers.get("cookie", "")[:MAX_COOKIES])
    return COOKIE in cookies and same(cookies[COOKIE], token)


def same(given: str, token: str) -> bool:
    """Compare in a time that tells nothing."""
    return hmac.compare_digest(given.encode(), token.encode())


def _is_local(scope: Scope) -> bool:
    """Tell whether the request came over loopback, by the address it came to: a proxy asks from elsewhere."""
    client, server = scope.get("client"), scope.get("server")
    try:
        return all(end is not None and _is_loopback(end[0]) for end in (client, server))
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    address = ip_address(host)
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback  # on :: 127.0.0.1 comes so
