"""The device-facing wire: HTTP/1.1 over TLS on asyncio, from the first octet of a connection to the last.

One ``asyncio.Protocol`` on plain TCP, an ``ssl.SSLObject`` between two memory BIOs, and llhttp as the parser:
that sends TLS alerts to refused clients, knows the peer before its first request, holds an idle device in
30 kB, and gives every wait a deadline. What answers say is the application's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import socket
import ssl
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from email.utils import formatdate
from functools import partial
from typing import Any, cast

from openesi.errors import LocalError, PeerError
from openesi.server.http import RECORD_OCTETS, Limits, Reading, RequestReader
from openesi.server.message import Application, ErrorHook, Peer, Request, Response, Source
from openesi.server.tls import BAD_CERTIFICATE_RECORD, ProxySettings, ServerTLS, TLSSettings, UntrustedPeer

log = logging.getLogger(__name__)

_BETWEEN, _HEAD, _BODY, _ENDED = Reading

_Waiting = tuple[Request, Response | None, bool]
"""A request that waits for its turn, its answer if it was refused, and whether it is the last."""

_PIECE_OCTETS = 65536  # of a body that is read while it is sent; the transport holds as much again
_LINES_PER_MINUTE = 60  # log lines of one kind: bad peers must not fill the disk
_TRACES_MAX = 256  # causes whose traceback was logged: an application may fail at random


@dataclass(slots=True)
class Statistics:
    """What the wire counted since it was opened."""

    connections: int = 0
    handshakes_full: int = 0
    handshakes_resumed: int = 0
    handshakes_failed: int = 0
    requests: int = 0  # handed to the application
    refused: int = 0  # answered by the wire itself
    overdue: int = 0  # deadlines that passed, idle ones included
    failed: int = 0  # exceptions of the application


async def serve(
    application: Application,
    *,
    host: str | Sequence[str] | None = None,
    port: int = 0,
    sock: socket.socket | None = None,
    tls: TLSSettings | ServerTLS | None = None,
    proxy: ProxySettings | None = None,
    limits: Limits | None = None,
    on_error: ErrorHook | None = None,
    redirect_http: bool = True,
) -> Wire:
    """Listen on ``host`` and ``port``, or on ``sock`` (inherited by workers), and ask ``application``.

    Exactly one of ``tls`` and ``proxy`` says where identity comes from; a ServerTLS may be shared by forked
    workers. ``on_error`` makes the answers to what the wire refuses. ``redirect_http`` answers plain HTTP on
    the TLS port with a 301 rather than a 400. Raises LocalError, or OSError if the port is taken.
    """
    if (tls is None) == (proxy is None):
        raise LocalError("a listener takes identities from `tls` or from `proxy`; give exactly one of them")
    if isinstance(tls, TLSSettings):
        tls = ServerTLS(tls)
    wire = Wire(application, tls, proxy, limits or Limits(), on_error or _bare_error, redirect_http)
    where: dict[str, Any] = {"host": host, "port": port} if sock is None else {"sock": sock}
    wire.server = await wire.loop.create_server(partial(_Connection, wire), backlog=1024, **where)
    return wire


class Wire:
    """One listener and its connections; made by ``serve``."""

    server: asyncio.Server

    def __init__(
        self,
        application: Application,
        tls: ServerTLS | None,
        proxy: ProxySettings | None,
        limits: Limits,
        on_error: ErrorHook,
        redirect_http: bool,
    ) -> None:
        self.application, self.on_error = application, on_error
        self.tls, self.proxy, self.limits, self.redirect_http = tls, proxy, limits, redirect_http
        self.statistics = Statistics()
        self.draining = False
        self.loop = asyncio.get_running_loop()
        self.connections: set[_Connection] = set()
        self.handshaking: dict[_Connection, None] = {}  # in order of arrival
        self.by_lfdi: dict[bytes, list[_Connection]] = {}
        self.tasks: set[asyncio.Future[Response]] = set()
        self._empty = asyncio.Event()
        self._lines: Counter[str] = Counter()
        self._traces: set[tuple[type, str, int]] = set()
        self._tick()

    @property
    def port(self) -> int:
        """The TCP port of the (first) address that is listened on."""
        return cast(int, self.server.sockets[0].getsockname()[1])

    async def close(self, grace_s: float) -> None:
        """Stop listening, close idle connections, let requests in flight finish for ``grace_s`` seconds."""
        self.server.close()
        self.draining = True
        for connection in tuple(self.connections):
            connection.drain()
        if self.connections or self.tasks:
            try:
                await asyncio.wait_for(self._empty.wait(), grace_s)
            except TimeoutError:
                left = len(self.connections), len(self.tasks)
                log.warning("drain_overdue connections=%d requests=%d", *left)
        self._timer.cancel()
        for connection in tuple(self.connections):
            connection.abort()
        late = tuple(self.tasks)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        await asyncio.sleep(0)  # lets the transports report their end
        await self.server.wait_closed()

    def wake_close(self) -> None:
        """Let ``close`` go on once the last connection and the last request are gone."""
        if self.draining and not self.connections and not self.tasks:
            self._empty.set()

    def sweep(self, now: float) -> None:
        """Cut whoever is overdue at loop time ``now``. Runs by itself every second."""
        for connection in [c for c in self.connections if c.deadline <= now]:
            self.statistics.overdue += 1
            connection.expire()

    def complain(self, event: str, address: str, reason: object) -> None:
        """Log what a peer did wrong, a bounded number of times a minute."""
        self._lines[event] += 1
        if self._lines[event] <= _LINES_PER_MINUTE:
            log.warning("%s peer=%s reason=%r", event, address, str(reason))

    def failure(self, request: Request, error: BaseException) -> Response:
        """Answer for an application that raised: as a PeerError says, or 500 and one traceback per cause."""
        if isinstance(error, PeerError):
            return self.on_error(error.status, str(error), request)
        self.statistics.failed += 1
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = (trace.tb_frame.f_code.co_filename, trace.tb_lineno) if trace is not None else ("", 0)
        cause = (type(error), *where)
        new = cause not in self._traces and len(self._traces) < _TRACES_MAX
        if new:
            self._traces.add(cause)
        event = "request_failed method=%s target=%s error=%r"
        log.error(event, request.method, request.target, error, exc_info=error if new else None)
        return self.on_error(500, "the server failed; its log says why", request)

    def _tick(self) -> None:
        """On every full second: the Date of answers, the deadlines; every minute: the count of log lines."""
        wall = time.time()
        self.tail = f"Date: {formatdate(wall, usegmt=True)}\r\n\r\n".encode()
        self.last_tail = b"Connection: close\r\n" + self.tail
        now = self.loop.time()
        self.idle_deadline = now + self.limits.idle_s + 1  # near enough for a second, and nothing to compute
        self.sweep(now)
        if int(wall) % 60 == 0:
            for event, lines in self._lines.items():
                if lines > _LINES_PER_MINUTE:
                    log.warning("lines_left_out event=%s lines=%d", event, lines - _LINES_PER_MINUTE)
            self._lines.clear()
        self._timer = self.loop.call_later(1.001 - wall % 1, self._tick)


class _Connection(asyncio.Protocol):
    """One client: its TLS session, the request being read, the requests that wait for their turn."""

    def __init__(self, wire: Wire) -> None:
        self.deadline = math.inf
        self._wire = wire
        self._tls: ssl.SSLObject | None = None
        self._reader: RequestReader | None = None  # None during the handshake, and after we hung up
        self._waiting: list[_Waiting] = []  # an empty deque would take ten times the room
        self._waiting_octets = 0
        self._task: asyncio.Future[Response] | None = None
        self._source: Source | None = None  # what is being sent piece by piece
        self._pumping = False  # its next piece is due
        self._out: list[bytes] = []
        self._out_octets = 0
        self._unwritable = False  # the transport's buffer is full
        self._held = False  # we stopped reading
        self._greeted = False  # a first octet came
        self._misdirected = False  # plain HTTP on the TLS port
        self._parted = False  # the other side said goodbye
        self._hung_up = False

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        wire = self._wire
        self._transport = cast(asyncio.Transport, transport)
        self._address = str((transport.get_extra_info("peername") or ("",))[0])
        self._peer = Peer(None, None, None, False, self._address)
        wire.statistics.connections += 1
        if len(wire.connections) >= wire.limits.connections:
            wire.complain("connection_refused", self._address, "too many connections")
            self.abort()
            return
        wire.connections.add(self)
        if wire.tls is None:
            self._reader = RequestReader(wire.limits, self, None)
            self._settle()
            return
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = wire.tls.accept(self._incoming, self._outgoing)
        self.deadline = wire.loop.time() + wire.limits.handshake_s
        wire.handshaking[self] = None
        if len(wire.handshaking) > wire.limits.handshaking:
            oldest = next(iter(wire.handshaking))
            wire.complain("handshake_cut", oldest._address, "too many handshakes at a time")
            oldest.abort()

    def data_received(self, data: bytes) -> None:
        reader, tls = self._reader, self._tls
        if reader is not None:
            if tls is not None:
                self._read_records(tls, reader, data)
            else:
                reader.feed(data)
        elif not self._hung_up:
            self._shake_hands(data)
        self._settle()

    def eof_received(self) -> bool:
        if self._reader is None:
            return False
        self._reader.end()
        self._parted = True
        return self._is_busy()  # True keeps our half open for the answers

    def pause_writing(self) -> None:
        self._unwritable = True
        self.deadline = self._wire.loop.time() + self._wire.limits.write_s

    def resume_writing(self) -> None:
        self._unwritable = False
        self._advance()

    def connection_lost(self, exc: Exception | None) -> None:
        wire = self._wire
        wire.connections.discard(self)
        wire.handshaking.pop(self, None)
        same = wire.by_lfdi.get(self._peer.lfdi or b"")
        if same is not None and self in same:
            same.remove(self)
            if not same:
                del wire.by_lfdi[self._peer.lfdi or b""]
        self._forget()
        self._tls = None
        wire.wake_close()

    # What the wire calls.

    def drain(self) -> None:
        """Go, unless there is something to finish first."""
        if self._reader is None:
            self._transport.close() if self._hung_up else self.abort()
        elif not self._is_busy() and self._reader.reading is _BETWEEN:
            self._hang_up()
            self._transport.close()

    def expire(self) -> None:
        """The deadline has passed: answer 408 to half a request, otherwise close."""
        reader = self._reader
        if reader is None or self._unwritable:
            if not self._hung_up:
                what = "handshake" if reader is None else "reading of an answer"
                self._wire.complain("peer_too_slow", self._address, what)
            self.abort()
        elif reader.reading in (_HEAD, _BODY):
            reader.refuse(408, "the rest of the request did not come in time")
            self._settle()
        else:
            self._hang_up()

    def abort(self) -> None:
        """Drop the connection, without a word."""
        self._forget()
        self._transport.abort()

    # What the reader calls.

    def identify(self, headers: dict[str, str]) -> Peer:
        proxy = self._wire.proxy
        assert proxy is not None
        return proxy.identify(headers.get(proxy.header), self._address)

    def take(self, request: Request, last: bool) -> None:
        if self._task is not None or self._waiting or self._unwritable or self._source is not None:
            self._waiting.append((request, None, last))
            self._waiting_octets += len(request.body)
        else:
            self._answer(request, last)

    def refuse(self, status: int, text: str, request: Request) -> None:
        wire = self._wire
        wire.statistics.refused += 1
        wire.complain("request_refused", self._address, f"{status} {text}")
        request.peer = self._peer
        response = wire.on_error(status, text, request)
        if self._is_busy() or self._unwritable:
            self._waiting.append((request, response, True))
        else:
            self._respond(request, response, True)

    # TLS.

    def _shake_hands(self, data: bytes) -> None:
        """Go on with the handshake; when it is complete and the peer accepted, begin to read requests."""
        wire, tls = self._wire, self._tls
        assert tls is not None
        assert wire.tls is not None
        greeted, self._greeted = self._greeted, True
        if not greeted and data[:1].isalpha():
            # A TLS record begins with a control character: this is HTTP that lost its way. Without identity
            # it keeps its place among those who shake hands, and can send no body.
            self._misdirected, self._tls = True, None
            self._reader = RequestReader(replace(wire.limits, body_octets=0), self, self._peer)
            self._reader.feed(data)
            return
        self._incoming.write(data)
        try:
            tls.do_handshake()
            self._peer = wire.tls.identify(tls, self._address)
        except ssl.SSLWantReadError:
            self._transport.write(self._outgoing.read())
            return
        except ssl.SSLError as error:
            wire.statistics.handshakes_failed += 1
            self._hang_up_tls(error, "handshake_refused")
            return
        except UntrustedPeer as error:
            wire.statistics.handshakes_failed += 1
            wire.complain("certificate_refused", self._address, error)
            self._outgoing.read()  # the flight that would have completed the handshake
            self._transport.write(BAD_CERTIFICATE_RECORD)
            self._tls = None
            self._hang_up()
            return
        if tls.session_reused:
            wire.statistics.handshakes_resumed += 1
        else:
            wire.statistics.handshakes_full += 1
            self._transport.write(self._outgoing.read())
        del wire.handshaking[self]
        if self._make_room():
            self._reader = RequestReader(wire.limits, self, self._peer)
            self._read_records(tls, self._reader, b"")

    def _make_room(self) -> bool:
        """Keep the number of connections of one LFDI within its limit; return False if this one had to go."""
        wire, lfdi = self._wire, self._peer.lfdi
        if lfdi is None:
            return True
        same = wire.by_lfdi.setdefault(lfdi, [])
        same.append(self)
        if len(same) <= wire.limits.connections_per_lfdi:
            return True
        idle = [c for c in same if c is not self and not c._is_busy() and not c._hung_up]
        leaving = min(idle, key=lambda c: c.deadline, default=self)
        wire.complain("connection_closed", leaving._address, f"too many of LFDI {lfdi.hex()}")
        leaving._hang_up()
        return leaving is not self

    def _read_records(self, tls: ssl.SSLObject, reader: RequestReader, data: bytes) -> None:
        """Take what came from the network; hand all whole records to the reader, until the queue is full."""
        if len(data) > RECORD_OCTETS:  # a BIO keeps for good the room it once needed: not more than this
            for start in range(0, len(data), RECORD_OCTETS):
                self._read_records(tls, reader, data[start : start + RECORD_OCTETS])
            return
        incoming = self._incoming
        incoming.write(data)
        try:
            # One read takes one record. To ask first is cheaper than the exception if there is none.
            while incoming.pending and not self._is_full():
                plain = tls.read(RECORD_OCTETS)
                if not plain:  # close_notify
                    reader.end()
                    self._parted = True
                    break
                reader.feed(plain)
        except ssl.SSLWantReadError:  # half a record; or a wish to renegotiate, which OpenSSL declined
            self._transport.write(self._outgoing.read())
        except ssl.SSLError as error:
            self._hang_up_tls(error, "tls_failed")

    def _hang_up_tls(self, error: ssl.SSLError, event: str) -> None:
        """Send the alert that OpenSSL wrote, and nothing more."""
        reason = getattr(error, "verify_message", None) or error.reason or error
        self._wire.complain(event, self._address, reason)
        self._transport.write(self._outgoing.read())
        self._tls = None
        self._hang_up()

    # Answers.

    def _answer(self, request: Request, last: bool) -> None:
        wire = self._wire
        wire.statistics.requests += 1
        try:
            result = self._redirect(request) if self._misdirected else wire.application(request)
            if not isinstance(result, Response):
                self._task = task = asyncio.ensure_future(result)
                wire.tasks.add(task)
                task.add_done_callback(partial(self._finish, request, last))
                return
        except Exception as error:  # noqa: BLE001  the application ends here; failure() logs and counts it
            result = wire.failure(request, error)
        self._respond(request, result, last or self._misdirected)

    def _finish(self, request: Request, last: bool, task: asyncio.Future[Response]) -> None:
        wire = self._wire
        self._task = None
        wire.tasks.discard(task)
        wire.wake_close()
        if task.cancelled():
            self.abort()
            return
        error = task.exception()
        response = wire.failure(request, error) if error is not None else task.result()
        if self._hung_up:
            response.close()
        else:
            self._respond(request, response, last)
            self._advance()

    def _respond(self, request: Request, response: Response, last: bool) -> None:
        wire = self._wire
        if last or wire.draining:
            tail = wire.last_tail
            self._waiting.clear()
            if self._reader is not None:
                self._reader.end()
        else:
            tail = wire.tail
        data = response.head + tail
        if request.method != "HEAD":
            data += response.body
            self._source = response.source
        else:
            response.close()
        self._out.append(data)
        self._out_octets += len(data)
        if self._out_octets > wire.limits.output_octets:
            self._flush()

    def _redirect(self, request: Request) -> Response:
        host = request.headers.get("host")
        if host is None or not self._wire.redirect_http:
            return self._wire.on_error(400, "this port speaks TLS: use https", request)
        return Response(301, headers=(("Location", f"https://{host}{request.target}"),))

    def _flush(self) -> None:
        data = b"".join(self._out)
        self._out.clear()
        self._out_octets = 0
        tls = self._tls
        if tls is None:
            self._transport.write(data)
            return
        outgoing = self._outgoing
        if len(data) <= RECORD_OCTETS:
            tls.write(data)
            self._transport.write(outgoing.read())
        else:
            records = []
            view = memoryview(data)
            for start in range(0, len(data), RECORD_OCTETS):
                tls.write(view[start : start + RECORD_OCTETS])
                records.append(outgoing.read())
            self._transport.write(b"".join(records))

    def _pump(self) -> None:
        """Send the next piece of a body that is read while it is sent; others have their turn in between."""
        self._pumping = False
        source = self._source
        if source is None or self._unwritable:
            return
        piece = source.read(_PIECE_OCTETS)
        if piece:
            self._out.append(piece)
            self._flush()
        if source.left == 0:
            self._source = None
            source.close()
            self._advance()
        elif piece:
            self._settle()
        else:
            self._wire.complain("body_cut_short", self._address, "it is shorter than it was said to be")
            self.abort()

    # The state between two events.

    def _is_busy(self) -> bool:
        return self._task is not None or bool(self._waiting) or self._source is not None

    def _is_full(self) -> bool:
        limits = self._wire.limits
        many = len(self._waiting) >= limits.pipeline_depth or self._waiting_octets > limits.body_octets
        return self._unwritable or many

    def _advance(self) -> None:
        """Answer what waits, as far as it goes; then read on if reading was held."""
        waiting = self._waiting
        while waiting and self._task is None and self._source is None and not self._unwritable:
            request, response, last = waiting.pop(0)
            self._waiting_octets -= len(request.body)
            if response is None:
                self._answer(request, last)
            else:
                self._respond(request, response, last)
        if self._reader is not None and self._held and not self._is_full():
            self._held = False
            self._reader.moved = True  # the client is not to blame for the time that reading was held
            self._transport.resume_reading()
            if self._tls is not None:
                self._read_records(self._tls, self._reader, b"")
        self._settle()

    def _settle(self) -> None:
        """Send what is answered, hang up after the last answer, set the deadline of what is waited for."""
        if self._out:
            self._flush()
        reader = self._reader
        if reader is None:
            return
        wire = self._wire
        busy = self._task is not None or bool(self._waiting) or self._source is not None
        if self._source is not None and not self._unwritable and not self._pumping:
            self._pumping = True
            wire.loop.call_soon(self._pump)
        reading = reader.reading
        if reading is _BETWEEN and not busy and not self._unwritable:
            self.deadline = wire.idle_deadline
            return
        if reader.owes_continue and not busy:
            reader.owes_continue = False
            self._out.append(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._flush()
        if reading is _ENDED and not busy:
            self._hang_up()
        elif self._unwritable:
            self._hold()  # the deadline was set by pause_writing
        elif self._is_full():
            self._hold()
            self.deadline = math.inf
        elif reading is _BETWEEN or reading is _ENDED:
            self.deadline = math.inf
        elif reader.moved:
            reader.moved = False
            limits = wire.limits
            self.deadline = wire.loop.time() + (limits.head_s if reading is _HEAD else limits.body_s)

    def _hold(self) -> None:
        if not self._held:
            self._held = True
            self._transport.pause_reading()

    def _hang_up(self) -> None:
        """Say goodbye and wait for the other side to do so: a close at once may cost it our last answer."""
        if self._hung_up:
            return
        transport, limits = self._transport, self._wire.limits
        if self._tls is not None:
            with contextlib.suppress(ssl.SSLError):  # "want read": the other side has not said goodbye
                self._tls.unwrap()
            transport.write(self._outgoing.read())
        self._forget()
        if self._parted:
            transport.close()
        elif not transport.is_closing():
            with contextlib.suppress(OSError):  # the other side is gone, and we are about to hear of it
                transport.write_eof()
            if self._held:
                transport.resume_reading()
        patience_s = limits.write_s if transport.get_write_buffer_size() else limits.linger_s
        self.deadline = self._wire.loop.time() + patience_s

    def _forget(self) -> None:
        """Let go of all that was said; nothing is read or answered from now on."""
        self._hung_up = True
        self._waiting.clear()
        if self._source is not None:
            self._source.close()
            self._source = None
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _bare_error(status: int, text: str, request: Request) -> Response:
    return Response(status)
