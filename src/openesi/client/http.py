"""HTTP/1.1 over mutual TLS, one request at a time: octets out, an ``Answer`` in, errors by family.

httpcore2 is the engine of httpx2. It takes our SSLContext and keeps connections alive. The layer above it is
left out: what that adds (cookies, redirects of its own, proxies from the environment, default headers) the
standard discourages or rules otherwise, and it would cost as much time again for each request.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

import httpcore2

from openesi.client.errors import BadAnswer, NoAnswer, Refused, Unreachable
from openesi.sep2.identity import lfdi_from_certificate

log = logging.getLogger(__name__)

MAX_BODY = 1 << 20  # octets; a server could send without end
CONNECT_S = 10.0  # TCP, and as long again for TLS
READ_S = 30.0  # between two octets
TOTAL_S = 60.0  # a server could send one octet every 29 s
MAX_CONNECTIONS = 4  # to servers that documents refer to; each link may name another

# What may be sent again when the connection broke before an answer came: the result is the same.
REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered. Names of ``headers`` are in lower case; ``url`` is where it came from."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


class Sender(Protocol):
    """What a client sends its requests with. ``Transport`` is one."""

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send one request and return the whole answer; errors as those of ``Transport.send``."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class Transport:
    """Connections of one client. ``server_lfdis`` are those of the servers that answered first."""

    def __init__(self, context: ssl.SSLContext | None, *, read_s: float = READ_S) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            max_connections=MAX_CONNECTIONS,
            keepalive_expiry=None,  # as long as the server likes: a handshake costs more than a poll
        )
        self.server_lfdis: set[bytes] = set()
        self._timeout = {"connect": CONNECT_S, "read": read_s, "write": read_s, "pool": CONNECT_S}

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send one request and return the whole answer.

        Raises:
            Unreachable: nobody answers there. NoAnswer: no whole answer came, or not in time.
            Refused: the TLS handshake failed.
            BadAnswer: what came back is not HTTP, or too long.

        """
        try:
            return await self._send(method, url, headers, body)
        except (httpcore2.NetworkError, httpcore2.RemoteProtocolError) as error:
            if method not in REPEATABLE or isinstance(error, httpcore2.ConnectError):
                raise _translated(error, url) from error
        # A server may close an idle connection at any time, also while the request is on its way.
        try:
            return await self._send(method, url, headers, body)
        except (httpcore2.NetworkError, httpcore2.RemoteProtocolError) as error:
            raise _translated(error, url) from error

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()

    async def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        all_headers = {"Host": urlsplit(url).netloc, **headers}
        if body or method in ("PUT", "POST"):
            all_headers["Content-Length"] = str(len(body))
        try:
            async with (
                asyncio.timeout(TOTAL_S),
                self._pool.stream(
                    method,
                    url,
                    headers=[(name.encode(), value.encode()) for name, value in all_headers.items()],
                    content=body or None,
                    extensions={"timeout": self._timeout},
                ) as response,
            ):
                if len(self.server_lfdis) < MAX_CONNECTIONS:
                    self._note_server(response)
                content = await _read(response, url, method)
                return Answer(response.status, _text_headers(response), content, url)
        except (httpcore2.ConnectTimeout, httpcore2.PoolTimeout) as error:
            raise Unreachable(f"{_place(url)} does not answer in time") from error
        except (httpcore2.TimeoutException, TimeoutError) as error:
            raise NoAnswer(f"{_place(url)} does not answer in time") from error
        except httpcore2.UnsupportedProtocol as error:
            raise BadAnswer(f"{url[:120]} is no https address") from error

    def _note_server(self, response: httpcore2.Response) -> None:
        stream = response.extensions.get("network_stream")
        tls = stream.get_extra_info("ssl_object") if stream is not None else None
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        if certificate:
            self.server_lfdis.add(lfdi_from_certificate(certificate))


async def _read(response: httpcore2.Response, url: str, method: str) -> bytes:
    pieces, size = [], 0
    try:
        async for piece in response.aiter_stream():
            size += len(piece)
            if size > MAX_BODY:
                raise BadAnswer(f"{url} answers more than {MAX_BODY} octets")
            pieces.append(piece)
    except (httpcore2.NetworkError, httpcore2.RemoteProtocolError, httpcore2.ReadTimeout):
        if method in ("GET", "HEAD") or response.status >= 300:
            raise
        return b""  # it is done, says the status: nobody needs the body of that
    return b"".join(pieces)


def _text_headers(response: httpcore2.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


def _translated(error: Exception, url: str) -> Exception:
    """Return the error of ours that stands for one of the library's."""
    place = _place(url)
    cause = error.args[0] if error.args else None  # the pool drops __cause__ on the way
    if isinstance(cause, ssl.SSLError):
        return refused(cause, place)
    if isinstance(error, httpcore2.ConnectError):
        if isinstance(cause, OSError):
            return Unreachable(
                f"no server answers at {place}: {cause.strerror or 'no address of it lets us in'}"
            )
        return Refused(f"the server at {place} closes the connection during the TLS handshake")
    if isinstance(error, httpcore2.RemoteProtocolError):
        return NoAnswer(f"{place} breaks off, or does not speak HTTP: {error}")
    return NoAnswer(f"the connection to {place} broke")


def refused(error: ssl.SSLError, place: str) -> Refused:
    """Return the error of ours that stands for a TLS handshake that failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = getattr(error, "verify_message", "") or error.args[-1]
        return Refused(
            f"the server at {place} is not trusted: {reason}. "
            "Give the CA of its certificate with --ca, or its LFDI with --server-lfdi."
        )
    return Refused(
        f"the server at {place} refuses the TLS handshake: {error.reason or error}. Give a certificate "
        "with --cert and --key whose CA the server trusts, or that it has pinned."
    )


def _place(url: str) -> str:
    return urlsplit(url).netloc[:100]
