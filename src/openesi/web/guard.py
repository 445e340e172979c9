"""Who may talk to the operator's listener: browsers are kept from being tricked into it.

Three tricks are known. A page of another site sends a form or a ``fetch`` to this machine: its Origin, or
Sec-Fetch-Site, gives it away. A name that the attacker owns is pointed at this machine (DNS rebinding): its
Host is a name that is not ours. Our page is shown in somebody's frame: it refuses to be.
"""

from __future__ import annotations

import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openesi.web.answers import problem

READING = frozenset({"GET", "HEAD", "OPTIONS"})

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """ASGI middleware: refuses what a foreign page could have sent, and tells browsers to be strict."""

    def __init__(self, app: ASGIApp, names: frozenset[str]) -> None:
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_strictly(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        complaint = refusal(scope["method"], Headers(scope=scope), self._names)
        if complaint is not None:
            status, text = complaint
            await problem(status, text)(scope, receive, send_strictly)
            return
        await self._app(scope, receive, send_strictly)


def own_names() -> frozenset[str]:
    """Return the names under which this machine may be asked, beside its addresses."""
    name = socket.gethostname().lower()
    return frozenset({"localhost", name, f"{name}.local"})


def refusal(method: str, headers: Headers, names: frozenset[str]) -> tuple[int, str] | None:
    """Return the status and the reason for refusing a request; None if nothing speaks against it."""
    host = headers.get("host", "")
    if not _is_ours(host, names):
        return 421, f"this server is not {host[:100]!r}: ask it as localhost, or by its address or host name"
    if method in READING:
        return None
    site = headers.get("sec-fetch-site")
    if site is not None:  # what the browser itself says; it knows the origin also where a proxy hides it
        foreign = site not in ("same-origin", "none")
        return (403, "a page of another site may not change anything here") if foreign else None
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2].lower() != host.lower():
        return 403, "a page of another origin may not change anything here"
    return None


def _is_ours(host: str, names: frozenset[str]) -> bool:
    """Tell whether a Host header names us. An address always may: rebinding needs a name."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    try:
        ip_address(name)
    except ValueError:
        return name in names
    return True
