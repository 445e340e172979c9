"""One running server: store, application, wire and clock put together, and taken apart again in order."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from openesi.discovery import Advertiser, Announcement, Where, advertising
from openesi.errors import LocalError
from openesi.pki import Authority, check_chain
from openesi.pki.authority import NoAuthority
from openesi.sep2.identity import sfdi_from_lfdi
from openesi.server import operator
from openesi.server.application import Application
from openesi.server.functions.time import ClockWatch
from openesi.server.http import Limits
from openesi.server.notify import Notifier
from openesi.server.settings import Settings
from openesi.server.tls import CIPHERS, ProxySettings, ServerTLS, TLSSettings
from openesi.server.wire import Wire, serve
from openesi.store import Store, StoreError
from openesi.store.sqlite import SQLiteStore

log = logging.getLogger(__name__)

DRAIN_S = 5.0  # how long requests in flight may take when the server is told to stop
RETRY_S = 5.0  # after the database refused
LONGEST_SLEEP_S = 0.5  # others write to the same file, and the clock may be set while we sleep


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a server lives and listens.

    ``data`` holds certificates and, unless ``database`` names another file, the database; ``hosts`` are the
    addresses to listen on (None: all); ``proxy`` makes it speak plain HTTP to a proxy that ends TLS and hands
    the certificate over; ``extra_ca_files`` are trusted beside the own authority; ``names`` go into a new
    server certificate; ``discovery`` is where the server shows itself by multicast (None: nowhere).
    """

    data: Path
    hosts: tuple[str, ...] | None = None
    port: int = 8443
    database: Path | None = None
    allow_gcm: bool = False
    extra_ca_files: tuple[Path, ...] = ()
    proxy: ProxySettings | None = None
    names: tuple[str, ...] = ("localhost", "127.0.0.1", "::1")
    limits: Limits = field(default_factory=Limits)
    discovery: Where | None = None


@dataclass(slots=True)
class Service:
    """A server that runs: what the operator's side works with."""

    place: Place
    store: Store
    application: Application
    wire: Wire
    tls: ServerTLS | None
    authority: Authority
    clock: Callable[[], float]

    @property
    def settings(self) -> Settings:
        """The settings in force: those it was started with, and the rates that the operator set."""
        return self.application.settings

    @property
    def base_url(self) -> str:
        """Scheme, host and port that clients reach the server by."""
        host = self.place.hosts[0] if self.place.hosts else "localhost"
        scheme = "https" if self.tls is not None else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.wire.port}"

    @property
    def url(self) -> str:
        """Where clients find DeviceCapability."""
        return f"{self.base_url}/dcap"


def database_path(data: Path) -> Path:
    """Return where the database of a data directory is."""
    return data / "openesi.db"


def open_authority(place: Place) -> Authority:
    """Return the authority of a data directory; make it, and the server's certificate, if missing."""
    now = datetime.now(UTC)
    try:
        authority = Authority.open(place.data)
    except NoAuthority:
        authority = Authority.create(place.data, now=now)
    try:
        authority.server()
    except NoAuthority:
        authority.issue_server(place.names, now=now)
    return authority


@dataclass(frozen=True, slots=True)
class Door:
    """What worker processes share: the listening socket, and the TLS context with its ticket keys."""

    sock: socket.socket
    tls: ServerTLS | None


def open_door(place: Place) -> Door:
    """Listen, before any worker is forked. Raises LocalError if the port is taken."""
    sock = _listen(place)
    return Door(sock, None if place.proxy else _server_tls(place, open_authority(place)))


def _listen(place: Place) -> socket.socket:
    """Return one socket, for both families where no address is given: two would get two free ports."""
    host = place.hosts[0] if place.hosts else None
    dual_stack = host is None and socket.has_dualstack_ipv6()
    try:
        return socket.create_server(
            (host or "", place.port),
            family=socket.AF_INET6 if dual_stack or ":" in (host or "") else socket.AF_INET,
            dualstack_ipv6=dual_stack,
            backlog=1024,
        )
    except OSError as error:
        raise LocalError(f"cannot listen on port {place.port}: {error.strerror}; choose another") from error


@asynccontextmanager
async def running(
    place: Place,
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    door: Door | None = None,
) -> AsyncIterator[Service]:
    """Bring a server up and, at the end, down: requests in flight are finished, writes are on the disk.

    ``door`` is what workers share; without it the server listens by itself.
    Raises LocalError for files that cannot be used, OSError for a port that is taken.
    """
    place.data.mkdir(parents=True, exist_ok=True)
    authority = open_authority(place)
    started = int(clock())
    settings = replace(settings, lfdi=authority.server().lfdi, started=started, files=place.data / "files")
    store = SQLiteStore(place.database or database_path(place.data))
    try:
        await store.write(lambda tx: operator.set_up(tx, started, settings))
        application = Application(store, settings, clock=clock)
        tls = door.tls if door else None if place.proxy else _server_tls(place, authority)
        any_port = not place.hosts and place.port == 0 and place.proxy is None
        sock = door.sock if door else _listen(place) if any_port else None
        wire = await serve(
            application,
            host=None if sock else place.hosts,
            port=0 if sock else place.port,
            sock=sock,
            tls=tls,
            proxy=place.proxy,
            limits=place.limits,
            on_error=application.refuse,
        )
        service = Service(place, store, application, wire, tls, authority, clock)
        await _pin_new(service, set())  # before the first handshake
        notifier = Notifier(
            store, settings, context=notifying_context(authority), base_url=service.base_url, clock=clock
        )
        tasks = [
            asyncio.create_task(_keep_time(service), name="openesi-clock"),
            asyncio.create_task(notifier.run(), name="openesi-notifier"),
        ]
        gc.freeze()  # what is loaded now stays: ElementTree's garbage need not be sought among it
        try:
            async with _showing(service):
                yield service
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await wire.close(DRAIN_S)
    finally:
        await store.close()


def _server_tls(place: Place, authority: Authority) -> ServerTLS:
    server = authority.server()
    return ServerTLS(
        TLSSettings(
            server.cert,
            server.key,
            ca_files=(*authority.trusted_files(), *place.extra_ca_files),
            allow_gcm=place.allow_gcm,
            verify_chain=check_chain,
        )
    )


def _showing(service: Service) -> AbstractAsyncContextManager[Advertiser | None]:
    """Show the server on the network, if it shall be shown; behind a proxy nobody here knows its port."""
    where = service.place.discovery
    if where is None or service.tls is None:
        return nullcontext()
    announcement = Announcement(
        sfdi=sfdi_from_lfdi(service.settings.lfdi),
        port=service.wire.port,
        level=f"-{service.settings.edition.schema_id}",
    )

    async def registered(sfdi: int) -> bool:
        return await service.store.read(lambda reader: operator.find_by_sfdi(reader, sfdi)) is not None

    return advertising(announcement, registered, where)


def notifying_context(authority: Authority) -> ssl.SSLContext:
    """Return how we speak to receivers of notifications: as a client, with the server's own certificate.

    Their certificates are verified, but carry no host name (IEEE 2030.5-2018, 6.11).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.check_hostname = False
    own = authority.server()
    context.load_cert_chain(own.cert, own.key)
    for file in authority.trusted_files():
        context.load_verify_locations(file)
    return context


async def _keep_time(service: Service) -> None:
    """Switch events at their second, and trust newly pinned certificates, also while nobody asks."""
    known: set[bytes] = set()
    loop = asyncio.get_running_loop()
    watch = ClockWatch(service.clock(), loop.time())
    while True:
        try:
            step_s = watch.look(service.clock(), loop.time())
            if step_s:
                await service.application.note_clock_step(step_s)
            due = await service.application.tick()
            await _pin_new(service, known)
        except StoreError:
            log.exception("clock_failed retry_s=%.0f", RETRY_S)
            due = service.clock() + RETRY_S
        await asyncio.sleep(min(max(0.0, due - service.clock()), LONGEST_SLEEP_S))


async def _pin_new(service: Service, known: set[bytes]) -> None:
    if service.tls is None:
        return
    pinned = await service.store.read(lambda reader: reader.pinned())
    for certificate in set(pinned) - known:
        service.tls.pin(certificate)
    known.update(pinned)
