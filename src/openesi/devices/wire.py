"""HTTP/1.1 over mutual TLS for fleets: what ``openesi.client.http`` does, at a fraction of its cost.

One device does not feel what the layers of httpcore2 cost (pool, h11, anyio). Of ten thousand in one process
they took four fifths of the CPU; ``bench/fleet.py`` measures both. So a fleet puts ``ssl.SSLObject`` between
two memory buffers and llhttp behind it, as the server's wire does. Trust, bounds and errors are the same as
there. One connection for each device; it is resumed, where the server gives tickets, after it was closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Protocol, cast
from urllib.parse import urlsplit

import httptools

from openesi.client.errors import BadAnswer, Refused, Unreachable
from openesi.client.http import CONNECT_S, MAX_BODY, REPEATABLE, TOTAL_S, Answer, refused
from openesi.errors import OpenESIError

CHUNK = 1 << 16  # octets read at once
MAX_HEAD = 1 << 16  # octets of headers; a server could send them without end
MAX_HANDSHAKES = 64  # at a time: after an outage thousands of devices come back, and each waits 10 s


class Observer(Protocol):
    """Sees what the wires of a fleet go through."""

    def connected(self, seconds: float, *, resumed: bool) -> None:
        """Take note of a handshake."""
        ...

    def answered(self, method: str, status: int, seconds: float) -> None:
        """Take note of an answer, and of the seconds since its request was written."""
        ...

    def failed(self, method: str, error: OpenESIError) -> None:
        """Take note that none came."""
        ...


class Broken(Exception):
    """The connection ended; ``reason`` is for people."""


class Wire:
    """The connection of one device. ``context`` makes its TLS context when it is first needed.

    ``handshakes`` is shared by the wires of a fleet: so many of them connect at a time.
    """

    def __init__(
        self, context: Callable[[], ssl.SSLContext], observer: Observer, handshakes: asyncio.Semaphore
    ) -> None:
        self._make_context = context
        self._context: ssl.SSLContext | None = None
        self._observer = observer
        self._handshakes = handshakes
        self._connection: _Connection | None = None
        self._session: ssl.SSLSession | None = None

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send one request (no HEAD) and return the whole answer; errors as those of ``Transport.send``."""
        try:
            answer = await self._send(method, url, headers, body)
        except OpenESIError as error:
            self._observer.failed(method, error)
            raise
        return answer

    async def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise BadAnswer(f"{url[:120]} is no https address")
        lines = [f"{method} {parts.path or '/'}{'?' if parts.query else ''}{parts.query} HTTP/1.1"]
        lines.append(f"Host: {parts.netloc}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body or method in ("PUT", "POST"):
            lines.append(f"Content-Length: {len(body)}")
        request = "\r\n".join((*lines, "", "")).encode("latin-1") + body
        repeats = 1
        while True:
            was_idle = self._is_connected(parts.netloc)
            try:
                return await self._exchange(method, url, parts.netloc, request)
            except Broken as error:
                # A server may close an idle connection at any time, also while the request is on its way.
                if method not in REPEATABLE or (not was_idle and not repeats):
                    raise Unreachable(f"{parts.netloc[:100]} {error}") from error
                repeats -= not was_idle

    async def close(self) -> None:
        """Say goodbye and hang up."""
        if self._connection is not None:
            self._connection.close()

    async def _exchange(self, method: str, url: str, place: str, request: bytes) -> Answer:
        if not self._is_connected(place):
            await self.close()
            if self._connection is not None:
                self._session = self._connection.tls.session or self._session
                self._connection = None
            async with self._handshakes:
                self._connection = await self._connect(place)
        connection = self._connection
        assert connection is not None
        began = time.perf_counter()
        try:
            async with asyncio.timeout(TOTAL_S):
                answer = await connection.exchange(request)
        except BaseException as error:
            connection.abort()  # whatever comes late on it would answer the wrong question
            if isinstance(error, TimeoutError):
                raise Unreachable(f"{place[:100]} does not answer in time") from error
            raise
        self._observer.answered(method, answer.status, time.perf_counter() - began)
        if not answer.keeps_alive:
            connection.close()
        return Answer(answer.status, answer.headers, b"".join(answer.body), url)

    def _is_connected(self, place: str) -> bool:
        known = self._connection
        return known is not None and not known.is_closed and known.place == place

    async def _connect(self, place: str) -> _Connection:
        """Connect and shake hands. Raises Unreachable or Refused."""
        parts = urlsplit(f"//{place}")
        host = parts.hostname or ""
        if self._context is None:
            self._context = self._make_context()
        connection = _Connection(self._context, place, host, self._session)
        loop, began = asyncio.get_running_loop(), time.perf_counter()
        try:
            async with asyncio.timeout(CONNECT_S):
                await loop.create_connection(lambda: connection, host, parts.port or 443)
        except TimeoutError:
            raise Unreachable(f"{place[:100]} does not answer in time") from None
        except OSError as error:
            reason = error.strerror or "no address of it lets us in"
            raise Unreachable(f"no server answers at {place[:100]}: {reason}") from error
        try:
            async with asyncio.timeout(CONNECT_S):
                await connection.secured
        except TimeoutError:
            connection.abort()
            raise Unreachable(f"{place[:100]} does not answer in time") from None
        except ssl.SSLError as error:
            self._session = None  # the next attempt shows its certificate
            raise refused(error, place[:100]) from error
        except Broken as error:
            self._session = None
            raise Refused(
                f"the server at {place[:100]} closes the connection during the TLS handshake"
            ) from error
        except BaseException:
            connection.abort()
            raise
        self._observer.connected(time.perf_counter() - began, resumed=connection.tls.session_reused is True)
        return connection


class Incoming:
    """One answer as it comes in, octets in pieces of any size; ``is_whole`` when nothing is missing."""

    __slots__ = (
        "_head_octets",
        "_parser",
        "body",
        "body_octets",
        "headers",
        "is_whole",
        "keeps_alive",
        "status",
    )

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._head_octets = 0
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body: list[bytes] = []
        self.body_octets = 0
        self.is_whole = False
        self.keeps_alive = True

    def feed(self, octets: bytes) -> None:
        """Read on. Raises Broken for what is not HTTP, BadAnswer for what is too long."""
        if self.is_whole:
            raise Broken("sends more than it was asked for")
        try:
            self._parser.feed_data(octets)
        except httptools.HttpParserError as error:
            if self.is_whole:  # the answer is there; what follows it nobody asked for
                self.keeps_alive = False
                return
            raise Broken(f"breaks off, or does not speak HTTP: {error}") from error
        if self.body_octets > MAX_BODY:
            raise BadAnswer(f"the server answers more than {MAX_BODY} octets")
        if self._head_octets > MAX_HEAD:
            raise BadAnswer(f"the server sends more than {MAX_HEAD} octets of headers")

    def end(self) -> None:
        """Take the end of the connection: it may be the end of a body without a length. Raises Broken."""
        without_length = not self.headers.keys() & {"content-length", "transfer-encoding"}
        if not (self.status and without_length):
            raise Broken("closed the connection")
        self.is_whole, self.keeps_alive = True, False

    def on_message_begin(self) -> None:
        """Refuse a second answer."""
        if self.is_whole:
            raise Broken("sends more than it was asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._head_octets += len(name) + len(value)
        if self._head_octets <= MAX_HEAD:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Take the status."""
        self.status = self._parser.get_status_code()
        self.keeps_alive = self._parser.should_keep_alive()

    def on_body(self, octets: bytes) -> None:
        """Take a piece of the body."""
        self.body_octets += len(octets)
        if self.body_octets <= MAX_BODY:
            self.body.append(octets)

    def on_message_complete(self) -> None:
        """See that the answer is whole."""
        if self.status < 200:  # an interim answer; the one that counts follows
            self.status, self.headers = 0, {}
        else:
            self.is_whole = True


class _Connection(asyncio.Protocol):
    """TLS between two memory buffers. ``secured`` is done when the handshake is."""

    __slots__ = ("_done", "_in", "_out", "_response", "_transport", "is_closed", "place", "secured", "tls")

    def __init__(
        self, context: ssl.SSLContext, place: str, host: str, session: ssl.SSLSession | None
    ) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_hostname=host, session=session)
        self.place = place
        self.is_closed = False
        self.secured: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._response: Incoming | None = None
        self._done: asyncio.Future[Incoming] | None = None

    async def exchange(self, request: bytes) -> Incoming:
        """Write a request and return its answer. Raises Broken or BadAnswer."""
        self._response = Incoming()
        self._done = asyncio.get_running_loop().create_future()
        view = memoryview(request)
        try:
            while view:
                view = view[self.tls.write(view) :]
        except ssl.SSLError as error:
            raise Broken(f"broke: {error.reason}") from error
        self._flush()
        try:
            return await self._done
        finally:
            self._response = self._done = None

    def close(self) -> None:
        """Send close_notify and hang up."""
        if self._transport is not None and not self.is_closed and self.secured.done():
            with contextlib.suppress(ssl.SSLError):  # the other side's goodbye is not waited for
                self.tls.unwrap()
            self._flush()
            self._transport.close()
        self.is_closed = True

    def abort(self) -> None:
        """Hang up without a word."""
        self.is_closed = True
        if self._transport is not None:
            self._transport.abort()

    # --- what the event loop calls -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._shake()

    def data_received(self, data: bytes) -> None:
        if self.is_closed:
            return
        self._in.write(data)
        if not self.secured.done():
            self._shake()
            if not self.secured.done():
                return
        try:
            while plain := self.tls.read(CHUNK):
                self._take(plain)
            self._lose(Broken("closed the connection"))
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLZeroReturnError:
            self._lose(Broken("closed the connection"))
        except ssl.SSLError as error:
            self._lose(Broken(f"broke: {error.reason}"))
        except (Broken, BadAnswer) as error:
            self._lose(error)

    def connection_lost(self, error: Exception | None) -> None:
        self._lose(Broken("closed the connection"))

    # --- inside ------------------------------------------------------------------------------------------

    def _shake(self) -> None:
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except ssl.SSLError as error:
            self._flush()  # the alert
            self._lose(error)
            return
        self._flush()
        if not self.secured.done():
            self.secured.set_result(None)

    def _take(self, plain: bytes) -> None:
        response, done = self._response, self._done
        if response is None or done is None:
            raise Broken("sends what nobody asked for")
        response.feed(plain)
        if response.is_whole and not done.done():
            done.set_result(response)

    def _lose(self, error: Exception) -> None:
        """Fail whoever waits, and hang up."""
        self.is_closed = True
        response, done = self._response, self._done
        if not self.secured.done():
            self.secured.set_exception(error)
            self.secured.exception()  # nobody waits for it if connecting was cancelled
        elif response is not None and done is not None and not done.done():
            try:
                if isinstance(error, Broken):
                    response.end()
                    done.set_result(response)
                else:
                    done.set_exception(error)
            except Broken:
                done.set_exception(error)
        if self._transport is not None:
            self._transport.close()

    def _flush(self) -> None:
        if self._out.pending and self._transport is not None:
            self._transport.write(self._out.read())
