"""HTTP/1.1 requests out of octets, no I/O: llhttp reads the syntax, this adds what it leaves to its user.

That is: Host, the forms of a target, methods, lengths, limits on everything, and who asks behind a proxy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

import httptools

from openesi.errors import PeerError
from openesi.server.message import Peer, Request

RECORD_OCTETS = 16384
"""The most that one TLS record carries, and that is fed at a time."""

_NAMES = {  # as clients write them; any other spelling costs a little more
    spelling.encode(): name.lower()
    for name in ("Host", "Date", "Accept", "Content-Type", "Content-Length", "User-Agent", "Connection")
    for spelling in (name, name.lower())
}
_SLASH = ord("/")
_METHODS = {m.encode(): m for m in ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH")}
_WITH_BODY = frozenset({"PUT", "POST", "PATCH"})
_HOST = re.compile(r"(?:[\w.~!$&'()*+;=%-]+|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?", re.ASCII)
_ABSOLUTE = re.compile(r"https?://([^/?]*)(.*)", re.IGNORECASE)
_TOKEN = rb"[\w!#$%&'*+.^`|~-]"
_UNKNOWN_METHOD = re.compile(
    rb"(?<!%b)(?!(?:%b) )%b{1,32} [!-~]{1,255} HTTP/1\.[01]\r\n" % (_TOKEN, b"|".join(_METHODS), _TOKEN),
    re.ASCII,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Every bound of the wire. Deadlines are absolute: a client that drips octets does not move them."""

    body_octets: int = 1 << 20  # a certified device could fill the memory with one POST
    head_octets: int = 8192  # ... or with one endless header
    headers: int = 64  # ... or with very many short ones, which cost more than their octets
    target_octets: int = 255  # longest URI of IEEE 2030.5-2018, 4.5; targets become keys of caches
    pipeline_depth: int = 32  # requests read ahead of the one being answered, or one body_octets of them
    output_octets: int = 65536  # answers to a client that asks and never reads; then answering stops
    connections: int = 20_000  # anybody, even without a certificate: file descriptors and 30 kB each
    handshaking: int = 1000  # anybody: of the above, those without identity; the oldest gives way
    connections_per_lfdi: int = 64  # one faulty device; the longest idle gives way. Aggregators need some
    handshake_s: float = 10.0  # anybody who connects and says nothing
    head_s: float = 10.0  # from the first octet of a request to the end of its headers
    body_s: float = 60.0  # from there to its last octet: 1 MiB at 140 kbit/s
    write_s: float = 60.0  # a client that does not take its answer
    idle_s: float = 1000.0  # longer than a poll every 900 s: some devices never connect again once closed
    linger_s: float = 2.0  # how long the other side may take to hang up after us


class Reading(Enum):
    """Where in the stream of requests the next octet belongs."""

    BETWEEN = auto()
    HEAD = auto()
    BODY = auto()
    ENDED = auto()
    """The last request, or one that is refused, has been read; the rest is thrown away."""


_BETWEEN, _HEAD, _BODY, _ENDED = Reading  # an attribute of an Enum costs more than a global


class Receiver(Protocol):
    """Whom a RequestReader tells what it read."""

    def identify(self, headers: dict[str, str]) -> Peer:
        """Return who sent these headers, if the connection does not say; raise PeerError to refuse them."""

    def take(self, request: Request, last: bool) -> None:
        """Answer the request, or queue it; ``last`` if the connection closes after its answer."""

    def refuse(self, status: int, text: str, request: Request) -> None:
        """Answer ``status``, after the requests before, and close."""


class RequestReader:
    """The requests of one connection: feed it octets as they come; it calls its receiver."""

    def __init__(self, limits: Limits, receiver: Receiver, peer: Peer | None) -> None:
        """``peer`` sent all requests of this connection; if None, the receiver identifies each."""
        self.reading = _BETWEEN
        self.moved = False
        """Set when ``reading`` enters HEAD or BODY; whoever keeps the deadlines clears it."""
        self.owes_continue = False
        """The client waits for 100 Continue, and its request has passed the limits."""
        self._limits = limits
        self._receiver = receiver
        self._peer = peer
        self._parser = httptools.HttpRequestParser(self)
        self._host: str | None = None  # the last one found good
        self._feeding_octets = 0
        self._fed_octets = 0  # no head that is being read can be larger than this
        self._url = b""
        self._headers = _NO_HEADERS
        self._request = _NO_REQUEST
        self._body = bytearray()  # not a list: a chunk of two octets would cost sixty

    def feed(self, data: bytes) -> None:
        """Take the next octets of the connection: whole requests, or any part of them."""
        if self.reading is _ENDED:
            return
        self._feeding_octets = octets = len(data)
        self._fed_octets = self._fed_octets + octets if self.reading is _HEAD else octets
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise  # our own mistake, not the client's
        except httptools.HttpParserUpgrade:
            pass  # answered as if Upgrade had not been asked for, as the last request
        except httptools.HttpParserInvalidMethodError:
            sane = _UNKNOWN_METHOD.search(data)
            self.refuse(*((501, "unknown method") if sane else (400, "the request line is not HTTP")))
        except httptools.HttpParserError as error:
            self.refuse(400, f"not HTTP/1.1: {error}")
        # Requests before this one may have a share in what was fed: as much as one record.
        if self.reading is _HEAD and self._fed_octets > self._limits.head_octets + RECORD_OCTETS:
            self.refuse(431, "the headers are too large")

    def refuse(self, status: int, text: str) -> None:
        """Have the present request answered with ``status`` and read no further."""
        if self.reading is not _ENDED:
            self.reading = _ENDED
            self._receiver.refuse(status, text, self._request_so_far())

    def end(self) -> None:
        """Read no further; requests already taken are still answered."""
        self.reading = _ENDED

    def close(self) -> None:
        """Let go of the parser, which holds on to this object. Nothing may be fed after it."""
        self.reading = _ENDED
        del self._parser

    # What httptools calls. A request costs some ten microseconds in all, so what is rare comes last.

    def on_message_begin(self) -> None:
        """A first octet came."""
        if self.reading is not _ENDED:
            self.reading = _HEAD
            self.moved = True
            self._url = b""
            self._headers = {}

    def on_url(self, url: bytes) -> None:
        """A piece of the target came."""
        self._url += url
        if len(self._url) > self._limits.target_octets:
            self.refuse(414, f"the target is longer than {self._limits.target_octets} octets")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer, is complete."""
        if self.reading is _HEAD:  # trailers mean nothing here
            key = _NAMES.get(name) or name.lower().decode("latin-1")
            headers = self._headers
            if key in headers:
                headers[key] += ", " + value.decode("latin-1")
            else:
                headers[key] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The body, if any, comes next: the last moment to refuse it."""
        if self.reading is _ENDED:
            return
        self._request = request = self._request_so_far()
        try:
            self._check(request)
            if self._peer is None:
                request.peer = self._receiver.identify(self._headers)
        except PeerError as error:
            self.refuse(error.status, str(error))
            return
        self.reading = _BODY
        self.moved = True

    def on_body(self, piece: bytes) -> None:
        """A piece of the body came."""
        if self.reading is _BODY:
            self._body += piece
            self.owes_continue = False
            if len(self._body) > self._limits.body_octets:
                self.refuse(413, f"the body is larger than {self._limits.body_octets} octets")

    def on_message_complete(self) -> None:
        """The request is complete."""
        if self.reading is _ENDED:
            return
        request, parser = self._request, self._parser
        if self._body:
            request.body = bytes(self._body)
            self._body = bytearray()
        self.owes_continue = False
        last = not parser.should_keep_alive()
        if last or "connection" in self._headers:  # only 1.1 stays open without a word
            version = parser.get_http_version()
            if version not in ("1.0", "1.1"):
                self.refuse(505, f"HTTP/{version} is not spoken here")
                return
            # An HTTP/1.0 client would have to be told that its connection is kept; it is not worth it.
            last = last or parser.should_upgrade() or version == "1.0"
        self.reading = _ENDED if last else _BETWEEN
        self._request, self._headers = _NO_REQUEST, _NO_HEADERS  # an idle connection keeps nothing
        self._url = b""
        self._fed_octets = self._feeding_octets  # the next head may be in the rest of what is being fed
        self._receiver.take(request, last)

    # Private.

    def _request_so_far(self) -> Request:
        target = self._url.decode("latin-1")
        path, _, query = target.partition("?")
        # Until it has read a target, the parser names the method of the request before.
        method = _METHODS.get(self._parser.get_method(), "") if target else ""
        return Request(method, target, path, query, self._headers, b"", self._peer or _NOBODY)

    def _check(self, request: Request) -> None:
        """Raise PeerError for a head that llhttp lets through and we do not."""
        headers, limits = self._headers, self._limits
        if len(headers) > limits.headers:
            raise PeerError(f"more than {limits.headers} headers", status=431)
        if self._fed_octets > limits.head_octets:
            octets = sum(len(name) + len(value) for name, value in headers.items())
            if octets > limits.head_octets:
                raise PeerError("the headers are too large", status=431)
        if not request.method:
            raise PeerError("unknown method", status=501)
        if self._host is None or headers.get("host") != self._host:  # a device sends the same every time
            self._check_host()
        url = self._url
        if b"#" in url or not url.isascii():
            raise PeerError("the target has a fragment, or octets that must be percent-encoded")
        if url[0] != _SLASH and url != b"*":
            self._reduce(request)
        if (
            request.method in _WITH_BODY
            or "content-length" in headers
            or "transfer-encoding" in headers
            or "expect" in headers
        ):
            self._check_body(request)

    def _check_host(self) -> None:
        host = self._headers.get("host")
        if host is None:
            if self._parser.get_http_version() != "1.0":
                raise PeerError("no Host header")
        elif not _HOST.fullmatch(host):
            raise PeerError("not one valid Host header")  # two of them are joined by a comma
        else:
            self._host = host

    def _reduce(self, request: Request) -> None:
        """Turn an absolute-form target into path and query. Its authority replaces Host (RFC 9112, 3.2.2)."""
        absolute = _ABSOLUTE.fullmatch(request.target)
        if absolute is None or not _HOST.fullmatch(absolute[1]):
            raise PeerError("the target is neither a path nor a URI")
        self._headers["host"] = absolute[1]
        rest = absolute[2]
        request.target = rest if rest.startswith("/") else "/" + rest
        request.path, _, request.query = request.target.partition("?")

    def _check_body(self, request: Request) -> None:
        headers, parser = self._headers, self._parser
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if coding is None and length is None and request.method in _WITH_BODY:
            raise PeerError(f"{request.method} needs Content-Length", status=411)
        if coding is not None and coding.lower() != "chunked":
            raise PeerError("the only transfer coding here is chunked", status=501)
        if coding is not None and parser.get_http_version() == "1.0":
            raise PeerError("HTTP/1.0 has no transfer codings")
        octets = int(length or 0)
        if octets > self._limits.body_octets:
            raise PeerError(f"the body is larger than {self._limits.body_octets} octets", status=413)
        if parser.should_upgrade() and (coding is not None or octets):
            raise PeerError("Upgrade together with a body")  # llhttp would take the body for the new protocol
        expect = headers.get("expect")
        if expect is not None and expect.lower() != "100-continue":
            raise PeerError("the only expectation here is 100-continue", status=417)
        self.owes_continue = expect is not None and (coding is not None or octets > 0)


_NOBODY = Peer(None, None, None, False, "")
_NO_HEADERS: dict[str, str] = {}
_NO_REQUEST = Request("", "", "", "", _NO_HEADERS, b"", _NOBODY)
