"""What the wire and the application say to each other: a request, its answer, and who asks.

Nothing here knows of sockets. ``wire.py`` makes requests and sends responses; an ASGI adapter or a test can
do the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol

import msgspec

from openesi.errors import LocalError

# Statuses that have no body and therefore no Content-Length (RFC 9110, 8.6).
BODILESS_STATUSES = frozenset({204, 304})

_STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}


class Peer(msgspec.Struct, frozen=True):
    """Who is at the other end: made once per connection, after its handshake, and shared by its requests."""

    lfdi: bytes | None
    """LFDI, 20 octets (IEEE 2030.5-2018, 6.3.4); None if no certificate was presented."""
    sfdi: int | None
    """SFDI with its check digit (6.3.3); None if and only if ``lfdi`` is."""
    certificate: bytes | None
    """The leaf certificate in DER; None without one, or when a proxy hands over only its hash."""
    self_signed: bool
    """True if the certificate was issued by itself (AuthType 0x4 rather than 0x8)."""
    address: str
    """Network address of the TCP peer; behind a proxy that of the proxy."""


class Request(msgspec.Struct, gc=False):
    """One request, complete: its body has been read within the limits.

    ``target`` is path and query exactly as sent (an absolute-form target is reduced to them; percent-escapes
    are not decoded). Header names are lower case; the values of a repeated header are joined with a comma.
    """

    method: str
    target: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    peer: Peer


class Source(Protocol):
    """A body that is too large to be held at once: read piece by piece while it is sent."""

    octets: int
    """How many there are."""
    left: int
    """How many of them are still to be read."""

    def read(self, most: int) -> bytes:
        """Return the next octets, at most so many; none while ``left`` says otherwise: it broke off."""

    def close(self) -> None:
        """Let go of it; more than once does no harm."""


@dataclass(slots=True, eq=False)
class Response:
    """One answer, a value: its head is rendered once, when it is made, and may be sent many times.

    The wire adds ``Date`` and ``Connection``, and leaves the body out for HEAD. ``Content-Length`` is added
    here, to everything but 204 and 304. Raises LocalError for what cannot be sent: a body with these two, a
    line break in a header, letters outside ASCII there.
    """

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str | None = None
    source: Source | None = None
    """Sent in place of ``body``, once; whoever has the response closes it."""
    head: bytes = field(init=False, repr=False)
    """Status line and headers, each line ended, without Date, Connection and the closing empty line."""

    def __post_init__(self) -> None:
        lines = [_STATUS_LINES.get(self.status) or f"HTTP/1.1 {self.status} \r\n".encode()]
        if self.content_type is not None:
            lines.append(_header_line("Content-Type", self.content_type))
        lines.extend(_header_line(name, value) for name, value in self.headers)
        if self.status not in BODILESS_STATUSES:
            octets = len(self.body) if self.source is None else self.source.octets
            lines.append(b"Content-Length: %d\r\n" % octets)
        elif self.body:
            raise LocalError(f"a {self.status} has no body; choose 200, or leave the body out")
        self.head = b"".join(lines)

    def close(self) -> None:
        """Let go of what was to be sent."""
        if self.source is not None:
            self.source.close()


Application = Callable[[Request], Response | Awaitable[Response]]
"""What answers requests. A plain Response is sent at once; an awaitable becomes a task."""

ErrorHook = Callable[[int, str, Request], Response]
"""Answers what the wire refuses: the status, the reason in words, and as much of the request as was read."""


def _header_line(name: str, value: str) -> bytes:
    text = f"{name}: {value}"
    if not text.isascii() or not text.isprintable():
        raise LocalError(f"header {name!r} has a line break or a letter outside ASCII; encode it first")
    return text.encode("ascii") + b"\r\n"
