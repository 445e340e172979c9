"""The receiving half of subscriptions: a small HTTPS server to which others POST Notifications.

IEEE 2030.5-2018, 8.7: the roles of TLS are turned round. Here the client listens with its own certificate,
and the server that notifies shows its own. The server's wire is made for thousands of strangers and is not
the client's to import; this one is made for a handful of servers, and refuses the rest.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import httptools

from openesi.client.errors import BadAnswer
from openesi.client.media import media_of
from openesi.client.tls import CIPHERS, CIPHERS_WITH_GCM, TLSSettings
from openesi.errors import LocalError, PeerError, WrongUsage
from openesi.sep2 import model as sep
from openesi.sep2.editions import IEEE_2018, Edition
from openesi.sep2.identity import format_lfdi, lfdi_from_certificate

log = logging.getLogger(__name__)

MAX_BODY: Final = 1 << 20  # octets; as much as a server takes of us
MAX_HEAD: Final = 8192  # octets; an endless header would fill the memory
MAX_CONNECTIONS: Final = 32  # a few servers, each with a few; strangers get no farther than the handshake
HANDSHAKE_S: Final = 10.0  # who connects and says nothing
GOODBYE_S: Final = 1.0  # for the other side to say goodbye when we hang up; Python would wait for 30
MESSAGE_S: Final = 30.0  # from the first octet of a request to its last
IDLE_S: Final = 1000.0  # servers keep their connection for the next change
_READ: Final = 16384


@dataclass(frozen=True, slots=True)
class Received:
    """A notification, the LFDI of who sent it, and the path it was sent to.

    ``notification.Resource`` is a typed resource, as a GET would have given it, or None.
    """

    notification: sep.Notification
    sender: bytes
    path: str


Take = Callable[[Received], Awaitable[bool]]
"""What a notification is handed to; False: this subscription is not known, or not wanted any more.

The sender has its answer when this returns, and sends nothing more on the connection until then.
"""


@dataclass(slots=True)
class Counters:
    """What came in."""

    connections: int = 0
    refused_connections: int = 0  # of those whose certificate is another's, or too many at once
    taken: int = 0
    unwanted: int = 0
    bad: int = 0  # requests that are no notification
    failed: int = 0  # exceptions of whom they were handed to


@asynccontextmanager
async def listening(
    tls: TLSSettings, take: Take, *, host: str = "::", port: int = 0, edition: Edition = IEEE_2018
) -> AsyncIterator[Listener]:
    """Listen for notifications on ``host`` and ``port`` (0: a free one).

    ``tls`` is as for requests: own certificate and key, the CAs of senders. Give ``server_lfdi`` too: without
    it every certificate of these CAs is heard, other devices' as well, and ``take`` must look at ``sender``.
    Raises LocalError for files that cannot be used, OSError for a port that is taken.
    """
    listener = Listener(tls.server_lfdi, take, edition)
    server = await asyncio.start_server(
        listener.serve,
        host,
        port,
        ssl=_listening_context(tls),
        ssl_handshake_timeout=HANDSHAKE_S,
        ssl_shutdown_timeout=GOODBYE_S,
        limit=_READ,
    )
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        await listener.close()
        await server.wait_closed()


@dataclass(slots=True, eq=False)
class Listener:
    """What listens; made by ``listening``."""

    server_lfdi: bytes | None
    take: Take
    edition: Edition
    port: int = 0
    counters: Counters = field(default_factory=Counters)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.counters.connections += 1
        try:
            sender = self._sender(writer)
            if sender is None:
                self.counters.refused_connections += 1
                return
            await _Conversation(self, reader, writer, sender).run()
        except (OSError, TimeoutError):
            log.debug("sender_gone peer=%s", writer.get_extra_info("peername"))
        except asyncio.CancelledError:
            log.debug("listener_closed peer=%s", writer.get_extra_info("peername"))
        finally:
            self._tasks.discard(task)
            writer.close()

    async def close(self) -> None:
        """Hang up on everybody."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def answer(self, request: _Request, sender: bytes) -> HTTPStatus:
        """Take one request and return the status that answers it: 201, or 400 if it is not wanted."""
        if request.method != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED
        try:
            body = bytes(request.body)
            document, _ = media_of(request.content_type, body).decode(body, self.edition)
            if not isinstance(document, sep.Notification):
                raise BadAnswer(f"a {type(document).__name__} is no Notification")
            wanted = await self.take(Received(document, sender, request.path))
        except PeerError as error:
            self.counters.bad += 1
            log.info("notification_refused sender=%s reason=%r", format_lfdi(sender), str(error))
            return HTTPStatus.BAD_REQUEST
        except Exception:
            self.counters.failed += 1
            log.exception("notification_failed sender=%s", format_lfdi(sender))
            return HTTPStatus.INTERNAL_SERVER_ERROR  # the sender keeps it and comes again
        if wanted:
            self.counters.taken += 1
            return HTTPStatus.CREATED
        self.counters.unwanted += 1
        return HTTPStatus.BAD_REQUEST

    def _sender(self, writer: asyncio.StreamWriter) -> bytes | None:
        """Return the LFDI of who connected; None if it is another, or one too many."""
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        sender = lfdi_from_certificate(certificate)
        if self.server_lfdi is not None and sender != self.server_lfdi:
            log.warning("sender_refused lfdi=%s", format_lfdi(sender))
            return None
        return sender if len(self._tasks) <= MAX_CONNECTIONS else None


@dataclass(slots=True, eq=False)
class _Conversation:
    """Requests of one sender, one after the other."""

    listener: Listener
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    sender: bytes

    async def run(self) -> None:
        requests = _Requests()
        while True:
            waits_s = MESSAGE_S if requests.octets else IDLE_S
            async with asyncio.timeout(waits_s):
                data = await self.reader.read(_READ)
            if not data:
                return
            refused = requests.feed(data)
            if refused is not None:
                self.listener.counters.bad += 1
                await self._send(refused, last=True)
                return
            for request in requests.take():
                status = await self.listener.answer(request, self.sender)
                await self._send(status, last=not request.keep_alive)
                if not request.keep_alive:
                    return

    async def _send(self, status: HTTPStatus, *, last: bool) -> None:
        allow = "Allow: POST\r\n" if status is HTTPStatus.METHOD_NOT_ALLOWED else ""
        close = "Connection: close\r\n" if last else ""
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\n{allow}{close}Content-Length: 0\r\n\r\n"
        self.writer.write(head.encode())
        async with asyncio.timeout(MESSAGE_S):
            await self.writer.drain()


@dataclass(slots=True)
class _Request:
    method: str = ""
    path: str = ""
    content_type: str | None = None
    body: bytearray = field(default_factory=bytearray)
    keep_alive: bool = True


class _Requests:
    """HTTP/1.1 requests out of octets: llhttp reads, this bounds. No I/O."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._current = _Request()
        self._complete: list[_Request] = []
        self._head = 0
        self.octets = 0  # of the request under way

    def feed(self, data: bytes) -> HTTPStatus | None:
        """Read octets; return the status that ends the conversation, or None."""
        self.octets += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            return HTTPStatus.BAD_REQUEST
        except httptools.HttpParserUpgrade:
            return HTTPStatus.BAD_REQUEST
        if self._head > MAX_HEAD or self.octets > MAX_HEAD + MAX_BODY:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        return None

    def take(self) -> list[_Request]:
        """Return the requests that are complete."""
        complete, self._complete = self._complete, []
        return complete

    def on_message_begin(self) -> None:
        self._current, self._head = _Request(), 0

    def on_url(self, url: bytes) -> None:
        self._head += len(url)
        self._current.path += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += len(name) + len(value)
        if name.lower() == b"content-type":
            self._current.content_type = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._current.body += body

    def on_message_complete(self) -> None:
        self._current.method = self._parser.get_method().decode("latin-1")
        self._current.keep_alive = self._parser.should_keep_alive()
        self._complete.append(self._current)
        self.octets = 0


def _listening_context(tls: TLSSettings) -> ssl.SSLContext:
    """Return how we are spoken to: TLS 1.2, our certificate, and nobody without one."""
    if tls.cert is None or not tls.ca:
        raise WrongUsage("To be notified give the own certificate and key, and --ca with the senders' CA.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS_WITH_GCM if tls.allow_gcm else CIPHERS)
    context.set_ecdh_curve("prime256v1")
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_cert_chain(tls.cert, tls.key)
        for file in tls.ca:
            context.load_verify_locations(cafile=file)
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(str(file) for file in (tls.cert, tls.key or tls.cert, *tls.ca))
        raise LocalError(f"cannot use one of {files}: {error}. They must hold PEM.") from error
    return context
