"""Discovery on real sockets: a server's ``advertising``, and ``browse`` for those who look for one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from typing import Any, Final, cast

from openesi.discovery.browser import Browser, Found, merge
from openesi.discovery.dns import Message
from openesi.discovery.links import (
    Interface,
    group_address,
    groups,
    interfaces,
    open_asking,
    open_group,
)
from openesi.discovery.names import LOCAL, PORT, SITE, Address, Announcement
from openesi.discovery.responder import Counters, Outgoing, Responder
from openesi.errors import LocalError

log = logging.getLogger(__name__)

RESCAN_S: Final = 10.0  # interfaces come, go and change their addresses
MAX_LOOKUPS: Final = 32  # questions for a device under way; further ones are dropped and counted
MAX_DELAYED: Final = 64  # answers that wait for their moment
ASK_AGAIN_S: Final = (1.0, 2.0, 4.0, 8.0)  # packets get lost; a site must not be flooded
DOMAINS: Final = (SITE, LOCAL)

Registered = Callable[[int], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where a server shows itself. Empty ``interfaces``: all; ``hosts`` None: with all their addresses."""

    interfaces: tuple[str, ...] = ()
    domains: tuple[str, ...] = DOMAINS
    hosts: frozenset[Address] | None = None


@asynccontextmanager
async def advertising(
    announcement: Announcement, registered: Registered, where: Where | None = None
) -> AsyncIterator[Advertiser]:
    """Show a server on the network, and say goodbye at the end.

    ``registered`` tells whether an SFDI has an EndDevice. A machine without a network is no error: links are
    looked for again every 10 s.
    """
    advertiser = Advertiser(announcement, registered, where or Where())
    await advertiser.rescan()
    task = asyncio.create_task(advertiser.watch(), name="openesi-discovery")
    try:
        yield advertiser
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await advertiser.close()


class Advertiser:
    """All links of one server; made by ``advertising``."""

    def __init__(self, announcement: Announcement, registered: Registered, where: Where) -> None:
        self._announcement, self._registered, self._where = announcement, registered, where
        self._links: dict[tuple[Interface, str], _Link] = {}
        self._gone = Counters()  # of links that were closed

    def counters(self) -> Counters:
        """Return what came in, over all links."""
        every = [self._gone, *(link.responder.counters for link in self._links.values())]
        return Counters(**{one.name: sum(getattr(c, one.name) for c in every) for one in fields(Counters)})

    def links(self) -> list[tuple[str, str]]:
        """Return interface and domain of every link."""
        return [(interface.name, domain) for interface, domain in self._links]

    async def watch(self) -> None:
        """Follow the interfaces until cancelled."""
        while True:
            await asyncio.sleep(RESCAN_S)
            try:
                await self.rescan()
            except OSError as error:
                log.warning("interfaces_unknown retry_s=%.0f reason=%s", RESCAN_S, error)

    async def rescan(self) -> None:
        """Open links that are new, close those that are gone."""
        there = {
            (interface, domain)
            for interface in interfaces(self._where.interfaces)
            for domain in self._where.domains
            if interface.addresses_for(domain, self._where.hosts)
        }
        for key in self._links.keys() - there:
            self._close_link(key)
        for interface, domain in there - self._links.keys():
            responder = Responder(
                self._announcement, domain, interface.addresses_for(domain, self._where.hosts)
            )
            link = _Link(interface, responder, self._registered)
            if await link.open():
                self._links[interface, domain] = link

    async def close(self) -> None:
        """Say goodbye on every link."""
        for key in tuple(self._links):
            self._close_link(key)
        await asyncio.sleep(0)  # lets the transports report their end

    def _close_link(self, key: tuple[Interface, str]) -> None:
        link = self._links.pop(key)
        counted = link.responder.counters
        for one in fields(Counters):
            setattr(self._gone, one.name, getattr(self._gone, one.name) + getattr(counted, one.name))
        link.close()


@dataclass(slots=True, eq=False)
class _Link:
    """One domain on one interface: its responder, and a socket for each group."""

    interface: Interface
    responder: Responder
    registered: Registered
    _sockets: list[_Socket] = field(default_factory=list)
    _timer: asyncio.TimerHandle | None = None
    _delayed: set[asyncio.TimerHandle] = field(default_factory=set)
    _lookups: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self) -> bool:
        loop = asyncio.get_running_loop()
        for group in groups(self.responder.domain, self.interface):
            try:
                sock = open_group(group, self.interface)
            except OSError as error:
                log.debug("group_not_joined group=%s on=%s reason=%s", group, self.interface.name, error)
                continue
            sink = _Socket(self, group_address(group, self.interface))
            await loop.create_datagram_endpoint(lambda sink=sink: sink, sock=sock)  # type: ignore[misc]
            self._sockets.append(sink)
        if self._sockets:
            self._advance()
        return bool(self._sockets)

    def close(self) -> None:
        for packet in self.responder.close():
            self._tell_all(packet)
        for handle in (self._timer, *self._delayed):
            if handle is not None:
                handle.cancel()
        for task in self._lookups:
            task.cancel()
        for sink in self._sockets:
            sink.transport.close()

    def receive(self, sink: _Socket, packet: bytes, source: tuple[Any, ...]) -> None:
        message = self.responder.read(packet)
        if message is None:
            return
        asked = self.responder.asked_sfdis(message)
        if not asked:
            self._answer(sink, message, source, frozenset())
        elif len(self._lookups) < MAX_LOOKUPS:
            task = asyncio.create_task(self._look_up(sink, message, source, asked))
            self._lookups.add(task)
            task.add_done_callback(self._lookups.discard)
        else:
            self.responder.counters.flooded += 1

    async def _look_up(
        self, sink: _Socket, message: Message, source: tuple[Any, ...], asked: frozenset[int]
    ) -> None:
        try:
            known = frozenset([sfdi for sfdi in asked if await self.registered(sfdi)])
        except LocalError as error:  # the store; who asks will ask again
            log.warning("device_not_looked_up reason=%s", error)
            return
        self._answer(sink, message, source, known)

    def _answer(
        self, sink: _Socket, message: Message, source: tuple[Any, ...], known: frozenset[int]
    ) -> None:
        now = asyncio.get_running_loop().time()
        group = sink.group[0]
        for outgoing in self.responder.answer(
            message, now=now, port=source[1], registered=known, group=group
        ):
            self._send(sink, outgoing, source)
        self._advance()

    def _send(self, sink: _Socket, outgoing: Outgoing, source: tuple[Any, ...]) -> None:
        to = source if outgoing.to_asker else sink.group
        if not outgoing.after_s:
            sink.send(outgoing.packet, to)
            return
        if len(self._delayed) >= MAX_DELAYED:
            self.responder.counters.flooded += 1
            return

        def send_now() -> None:
            self._delayed.discard(handle)
            sink.send(outgoing.packet, to)

        handle = asyncio.get_running_loop().call_later(outgoing.after_s, send_now)
        self._delayed.add(handle)

    def _advance(self) -> None:
        """Tell what is due, and come back when more is."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        packets, due = self.responder.step(loop.time())
        for packet in packets:
            self._tell_all(packet)
        if due is not None:
            self._timer = loop.call_at(due, self._advance)

    def _tell_all(self, packet: bytes) -> None:
        for sink in self._sockets:
            sink.send(packet, sink.group)


class _Socket(asyncio.DatagramProtocol):
    """One group on one interface."""

    transport: asyncio.DatagramTransport

    def __init__(self, link: _Link, group: tuple[Any, ...]) -> None:
        self._link, self.group = link, group

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._link.receive(self, data, addr)

    def error_received(self, exc: Exception) -> None:
        log.debug("packet_not_sent to=%s reason=%s", self.group[0], exc)

    def send(self, packet: bytes, to: tuple[Any, ...]) -> None:
        if not self.transport.is_closing():
            self.transport.sendto(packet, to)


async def browse(
    wanted: str | int | None = None,
    *,
    timeout_s: float = 3.0,
    interface_names: Sequence[str] = (),
    domains: Sequence[str] = DOMAINS,
    enough: int | None = None,
) -> list[Found]:
    """Return the servers that answer: all, those with a subtype (``derp``), or a device's own (its SFDI).

    Asks by xmDNS and mDNS on all interfaces, or those named; ends early once ``enough`` have answered.
    On a large site ask for a subtype: asking for all makes every server answer.
    """
    search = _Search(asyncio.Event(), enough)
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as stack:
        for interface in interfaces(interface_names):
            for domain in domains:
                browser = Browser(wanted, domain)
                search.browsers.append(browser)
                for group in groups(domain, interface):
                    await search.listen(stack, loop, browser, group, interface)
        end = loop.time() + timeout_s
        for pause_s in (*ASK_AGAIN_S, timeout_s):
            search.ask()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(end, loop.time() + pause_s)):
                    await search.done.wait()
            if search.done.is_set() or loop.time() >= end:
                break
    await asyncio.sleep(0)  # lets the transports report their end
    return search.found()


@dataclass(slots=True, eq=False)
class _Search:
    done: asyncio.Event
    enough: int | None
    browsers: list[Browser] = field(default_factory=list)
    _asking: list[_Asker] = field(default_factory=list)

    async def listen(
        self,
        stack: contextlib.ExitStack,
        loop: asyncio.AbstractEventLoop,
        browser: Browser,
        group: str,
        interface: Interface,
    ) -> None:
        """Open a port of our own to ask from, and the group's, where some answer although asked not to."""
        to = group_address(group, interface)
        for opened, asks in ((open_asking, True), (open_group, False)):
            try:
                sock: socket.socket = opened(group, interface)
            except OSError as error:
                log.debug("group_not_joined group=%s on=%s reason=%s", group, interface.name, error)
                continue
            asker = _Asker(self, browser, interface, to)
            transport, _ = await loop.create_datagram_endpoint(lambda asker=asker: asker, sock=sock)  # type: ignore[misc]
            stack.callback(transport.close)
            if asks:
                self._asking.append(asker)

    def ask(self) -> None:
        """Send every question."""
        for asker in self._asking:
            asker.ask()

    def found(self) -> list[Found]:
        """Return whoever answered so far."""
        return merge([one for browser in self.browsers for one in browser.found()])

    def check(self) -> None:
        """End the search when there is enough."""
        if self.enough is not None and len(self.found()) >= self.enough:
            self.done.set()


class _Asker(asyncio.DatagramProtocol):
    transport: asyncio.DatagramTransport

    def __init__(self, search: _Search, browser: Browser, interface: Interface, to: tuple[Any, ...]) -> None:
        self._search, self._browser, self._interface, self._to = search, browser, interface, to

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if addr[1] == PORT:  # RFC 6762, 6: answers from elsewhere are nobody's
            self._browser.collect(data, interface=self._interface.name)
            self._search.check()

    def error_received(self, exc: Exception) -> None:
        log.debug("question_not_sent to=%s reason=%s", self._to[0], exc)

    def ask(self) -> None:
        self.transport.sendto(self._browser.query(), self._to)
