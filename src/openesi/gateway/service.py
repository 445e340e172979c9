"""The gateway as a running thing.

One thread reads the meter, another answers the LAN. They share the record only.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from openesi.bounded_http import BoundedProtocol
from openesi.errors import LocalError
from openesi.gateway.api import GatewayApi
from openesi.gateway.archive import CacheFile
from openesi.gateway.auth import BasicAuth
from openesi.gateway.cache import Point
from openesi.gateway.events import Source
from openesi.gateway.record import MeterRecord, SeriesName
from openesi.gateway.report import Clocks
from openesi.gateway.users import UserStore

MAX_CONNECTIONS = 64  # a household's devices and a few pages; more are answered 503
MAX_HEAD_BYTES = 16_384  # of a request; browsers send under 2,000
KEEP_ALIVE_S = 30
ARCHIVE_EVERY_S = 30.0
MAX_UNSAVED = 20_000  # points that wait for a disk that takes nothing: 18 hours, then the oldest go

_EVERY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104, compared with, not bound to

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listener:
    """Where and how to answer. Without ``certificate`` it is plain HTTP, which is for loopback tests only."""

    host: str
    port: int
    users: UserStore
    certificate: tuple[Path, Path] | None
    green_button: bool = True


def read_clocks() -> Clocks:
    """The host's clocks now."""
    return Clocks(time.monotonic(), time.time())


class Acquisition:
    """The thread that reads the meter. Started on entry, ended on exit."""

    def __init__(self, source: Source, record: MeterRecord) -> None:
        self._source = source
        self._record = record
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="acquisition", daemon=True)
        self._at_end: list[Callable[[], object]] = []
        self.failure: Exception | None = None

    def __enter__(self) -> Acquisition:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(timeout=10)

    def on_end(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call ``callback`` in the reading thread when that ends; returns what takes it back."""
        self._at_end.append(callback)
        if self.failure is not None:
            callback()

        def forget() -> None:
            self._at_end.remove(callback)

        return forget

    def _run(self) -> None:
        try:
            self._source.run(self._record.report, self._stop)
        except Exception as error:  # noqa: BLE001, outermost: whoever watches ends the program with it
            self.failure = error
        finally:
            for callback in list(self._at_end):
                callback()


async def serve(
    listener: Listener,
    record: MeterRecord,
    *,
    acquisition: Acquisition,
    ready: Callable[[str], None],
    cache_file: Path | None = None,
    background: Callable[[], Any] | None = None,
) -> None:
    """Answer until SIGINT or SIGTERM. ``ready`` gets the URL when connections are taken.

    Raises LocalError if the port cannot be had, and whatever ended the acquisition thread.
    """
    api = GatewayApi(record, clocks=read_clocks, green_button=listener.green_button)
    shells: list[BasicAuth] = []

    def authentication(app: ASGIApp) -> BasicAuth:
        shells.append(BasicAuth(app, listener.users, monotonic=time.monotonic))
        return shells[0]

    app = api.app(Middleware(authentication))
    listening = _listen(listener.host, listener.port)
    server = _Server(_config(app, listener))
    async with AsyncExitStack() as stack:
        stack.callback(lambda: [*map(BasicAuth.close, shells)])
        stack.callback(listening.close)
        await stack.enter_async_context(_archive(cache_file, record))
        if background is not None:
            await stack.enter_async_context(_task(background()))
        # A supervisor starts the program again when the acquisition has died; half alive is worse.
        loop = asyncio.get_running_loop()
        stack.callback(acquisition.on_end(lambda: loop.call_soon_threadsafe(server.end)))
        scheme = "https" if listener.certificate else "http"
        host, port = listening.getsockname()[:2]
        shown = "localhost" if host in _EVERY_ADDRESS else host
        server.on_start = lambda: ready(f"{scheme}://{shown}:{port}")
        _end_on_signals(server)
        await server.serve([listening])
    if acquisition.failure is not None:
        raise acquisition.failure


class _Server(uvicorn.Server):
    on_start: Callable[[], None]

    def end(self) -> None:
        """Take no more connections and return from ``serve``."""
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours: uvicorn would pass them on, and the cache file would not be written."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.on_start()


def _end_on_signals(server: _Server) -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # whoever embeds the gateway in a thread ends it

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.end)


def _config(app: ASGIApp, listener: Listener) -> uvicorn.Config:
    certificate, key = listener.certificate or (None, None)
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=3,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio switches Nagle's algorithm off on what it accepts: 40 ms an answer.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise LocalError(
            f"cannot listen on {host} port {port} ({error.strerror}): choose another with --port"
        ) from error
    return listening


@asynccontextmanager
async def _task(work: Any) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def _archive(path: Path | None, record: MeterRecord) -> AsyncIterator[None]:
    """Restore the cache from ``path`` and keep it there.

    A disk that fails costs the file, not the gateway.
    """
    if path is None:
        yield
        return
    file = CacheFile(path)
    for name in SeriesName:
        record.restore(name, file.select(name))
    unsaved: deque[tuple[SeriesName, Point]] = deque(maxlen=MAX_UNSAVED)
    end = record.listen(lambda name, point: unsaved.append((name, point)))

    def save() -> None:
        batch = [unsaved.popleft() for _ in range(len(unsaved))]
        if batch:
            newest_s = max(point.time_s for _, point in batch)
            try:
                file.insert(batch, keep_from_s=newest_s - record.max_age_s)
            except OSError as error:
                _log.warning("%s", error)
                unsaved.extendleft(reversed(batch))

    async def save_regularly() -> None:
        while True:
            await asyncio.sleep(ARCHIVE_EVERY_S)
            await asyncio.to_thread(save)

    try:
        async with _task(save_regularly()):
            yield
    finally:
        end()
        save()
        file.close()
