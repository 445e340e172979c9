"""HTTP Basic authentication in front of everything: an ASGI shell around the API."""

from __future__ import annotations

import asyncio
import base64
import binascii
import ipaddress
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from openesi.gateway.users import (
    MAX_PASSWORD,
    Ration,
    User,
    UserStore,
    Verified,
    hash_password,
    verify_password,
)

# password checks in line; each costs a fifth of a second, so more would only keep the owner waiting
MAX_WAITING = 8
MAX_HEADER = 1024  # a name of 32 and a password of 128 characters need less, also in base64


class BasicAuth:
    """Lets a request through with ``scope["user"]`` set, or answers 401, 403 (wrong role), 429 or 503."""

    def __init__(self, app: ASGIApp, users: UserStore, *, monotonic: Callable[[], float]) -> None:
        self._app = app
        self._users = users
        self._now = monotonic
        self._verified = Verified()
        self._ration = Ration()
        # One thread: hashing passwords may take a core's fifth of a second, but never all cores.
        self._hasher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="passwords")
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        verdict = await self._judge(scope)
        if isinstance(verdict, User):
            scope["user"] = verdict
            await self._app(scope, receive, send)
        else:
            await verdict(scope, receive, send)

    def close(self) -> None:
        """End the hashing thread."""
        self._hasher.shutdown(wait=False, cancel_futures=True)

    async def _judge(self, scope: Scope) -> User | PlainTextResponse:
        credentials = decode_basic(dict(scope["headers"]).get(b"authorization", b""))
        if credentials is None:
            return _unauthorized("Give a user name and password.")
        name, password = credentials
        user, now = self._users.find(name), self._now()
        if user is not None and self._verified.remembers(user, password, now):
            return user
        who = _network_of(scope)
        wait_s = self._ration.wait_s(who, now)
        if wait_s > 0:
            return _later(429, "Too many wrong passwords from this address.", wait_s)
        if self._waiting >= MAX_WAITING:
            return _later(503, "Too many log-ins at once.", 2)
        # A name that is not there costs as much time as a wrong password, so that names cannot be tried out.
        stored = _decoy_hash() if user is None else user.hash
        if await self._verify(password, stored) and user is not None:
            self._verified.remember(user, password, self._now())
            self._ration.forgive(who)
            return user
        self._ration.fail(who, self._now())
        return _unauthorized("Wrong user name or password.")

    async def _verify(self, password: str, stored: str) -> bool:
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._hasher, verify_password, password, stored)
        finally:
            self._waiting -= 1


@cache
def _decoy_hash() -> str:
    return hash_password("nobody has this password")


def decode_basic(header: bytes) -> tuple[str, str] | None:
    """Name and password of an Authorization header (RFC 7617, UTF-8), or None if it has none."""
    scheme, _, encoded = header[:MAX_HEADER].partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if colon and len(password) <= MAX_PASSWORD else None


def _network_of(scope: Scope) -> str:
    """Whose guesses are counted together: an IPv4 address, or the /64 that one IPv6 host can use all of."""
    client = scope.get("client")
    try:
        address = ipaddress.ip_address(client[0] if client else "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _unauthorized(text: str) -> PlainTextResponse:
    challenge = {"WWW-Authenticate": 'Basic realm="OpenESI gateway", charset="UTF-8"'}
    return PlainTextResponse(text + "\n", 401, challenge)


def _later(status: int, text: str, wait_s: float) -> PlainTextResponse:
    seconds = max(1, round(wait_s))
    return PlainTextResponse(f"{text} Try again in {seconds} s.\n", status, {"Retry-After": str(seconds)})
