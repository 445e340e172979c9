"""Notifications: what changed is told to those who subscribed, over mutual TLS, until they have it.

What is to be told is written in the transaction of the change; this only carries it out. One receiver is
spoken to at a time per host, so order holds for each subscription and a dead host delays no other. What is
sent is the resource as it stands when it is sent, as a GET by the subscriber would show it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import urlsplit

import httpx2

from openesi.sep2 import model as sep
from openesi.sep2 import resources
from openesi.sep2.enums import NotificationStatus, SubscriptionEncoding
from openesi.server import functions
from openesi.server.caller import find_caller
from openesi.server.encoding import EXI, XML, Encoding
from openesi.server.errors import Refusal
from openesi.server.functions.subscription import (
    conditions_met,
    is_ended,
    is_reachable,
    read_subscription,
    window_of,
)
from openesi.server.rates import kept_rates, with_rates
from openesi.server.settings import Settings
from openesi.server.view import View
from openesi.store import Errand, Reader, Store, StoreError, Transaction

log = logging.getLogger(__name__)

BACK_OFF_S = (10, 30, 100, 300, 300, 600, 1_800, 1_800, 3_600, 3_600)  # then the errand is parked
TIMEOUT_S = 10.0  # for one notification; a receiver that answers slowly must not hold the others
MAX_AT_ONCE = 64  # receivers spoken to at the same time
MAX_BATCH = 1_000  # errands looked at together
MAX_ANSWER = 64 << 10  # octets read of an answer, which has nothing to say
MAX_CONNECTIONS = 200  # kept alive; each subscriber's host may have one
LONGEST_SLEEP_S = 0.5  # other processes write to the same store


class _Verdict(Enum):
    TOLD = auto()
    UNWANTED = auto()  # the receiver does not know the subscription, or wants it no more
    FAILED = auto()  # try again later


@dataclass(frozen=True, slots=True)
class _Letter:
    """A notification ready to be sent; ``last`` ends the subscription."""

    target: str
    content_type: str
    body: bytes
    last: bool


class Notifier:
    """Carries out the errands of one store; run ``run`` as a task. ``base_url`` is the server's own."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        context: ssl.SSLContext,
        base_url: str,
        clock: Callable[[], float],
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._store = store
        self._timeout_s = timeout_s
        self._settings = settings
        self._base_url = base_url
        self._clock = clock
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._client = httpx2.AsyncClient(
            verify=context,
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=False,
            limits=httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS),
        )

    async def run(self) -> None:
        """Notify until cancelled."""
        try:
            while True:
                try:
                    await self.work()
                except StoreError:
                    log.exception("notifications_stopped retry_s=%.0f", BACK_OFF_S[0])
                    await asyncio.sleep(BACK_OFF_S[0])
                await asyncio.sleep(LONGEST_SLEEP_S)
        finally:
            await self.close()

    async def close(self) -> None:
        """Give up what is under way; it stays in the store."""
        for task in self._busy.values():
            task.cancel()
        await asyncio.gather(*self._busy.values(), return_exceptions=True)
        await self._client.aclose()

    async def work(self) -> list[asyncio.Task[None]]:
        """Start on every errand that is due, host by host. Return what is under way."""
        now = int(self._clock())
        errands = await self._store.read(
            lambda reader: [(_host(reader, one), one) for one in reader.errands(now, MAX_BATCH)]
        )
        by_host: dict[str, list[Errand]] = {}
        for host, errand in errands:
            by_host.setdefault(host, []).append(errand)
        for host, waiting in by_host.items():
            if host not in self._busy:
                task = asyncio.create_task(self._visit(waiting))
                self._busy[host] = task
                task.add_done_callback(lambda done, host=host: self._busy.pop(host, None))  # type: ignore[misc]
        return list(self._busy.values())

    async def _visit(self, errands: list[Errand]) -> None:
        """Tell one host everything that waits for it; stop at the first failure."""
        async with self._slots:
            for errand in errands:
                if not await self._carry_out(errand):
                    return

    async def _carry_out(self, errand: Errand) -> bool:
        """Carry out one errand and note how it went. Return whether the host may be spoken to again."""
        letter = await self._store.read(lambda reader: self._write(reader, errand))
        if letter is None:
            await self._store.write(lambda tx: _forget_change(tx, errand))
            return True
        verdict, reason = await self._send(letter)
        now = int(self._clock())
        every = self._settings.notify_every_s
        await self._store.write(lambda tx: _note(tx, errand, letter, verdict, reason, now=now, every_s=every))
        return verdict is not _Verdict.FAILED

    def _write(self, reader: Reader, errand: Errand) -> _Letter | None:
        """Return the notification as it is now, or None if there is nothing to tell any more."""
        row = reader.get(errand.subscription)
        owner = reader.get("/".join(errand.subscription.split("/")[:3]))
        if row is None or owner is None or owner.scope is None:
            return None
        subscription = read_subscription(row)
        settings = with_rates(self._settings, kept_rates(reader))
        caller = find_caller(reader, owner.scope, settings)
        path = subscription.subscribedResource
        match = resources.match(path)
        status, shown = NotificationStatus.DEFAULT, None
        if is_ended(row):
            status = NotificationStatus.CANCELLED
        elif match is None or caller.revoked:
            status = NotificationStatus.DELETED
        else:
            view = View(
                reader,
                now=self._clock(),
                caller=caller,
                settings=settings,
                special=functions.SPECIAL,
            )
            try:
                shown = view.document(match, path, window_of(subscription.limit))
            except Refusal:
                status = NotificationStatus.DELETED
        if shown is not None and not conditions_met(subscription, shown):
            return None
        is_list = match is not None and match.resource.item is not None
        notification = sep.Notification(
            subscribedResource=path,
            Resource=shown if is_list or subscription.limit else None,  # type: ignore[arg-type]
            status=status,
            subscriptionURI=self._base_url + errand.subscription,
        )
        media: Encoding = EXI if subscription.encoding == SubscriptionEncoding.EXI else XML
        return _Letter(
            subscription.notificationURI,
            media.content_type(caller.edition),
            media.encode(notification, caller.edition),
            last=status is not NotificationStatus.DEFAULT,
        )

    async def _send(self, letter: _Letter) -> tuple[_Verdict, str]:
        """POST one notification. Return what became of it, and why in words."""
        try:
            url, host = await self._resolved(letter.target)
            request = self._client.build_request(
                "POST",
                url,
                content=letter.body,
                headers={"Content-Type": letter.content_type, "Host": host},
                extensions={"sni_hostname": urlsplit(letter.target).hostname},
            )
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.send(request, stream=True)
                try:
                    await _discard(response)
                finally:
                    await response.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError, UnicodeError) as error:
            return _Verdict.FAILED, f"{type(error).__name__}: {error}"
        if response.is_success:
            return _Verdict.TOLD, ""
        retry = response.status_code >= 500 or response.status_code in (408, 429)
        return (_Verdict.FAILED if retry else _Verdict.UNWANTED), f"HTTP {response.status_code}"

    async def _resolved(self, target: str) -> tuple[str, str]:
        """Return the URL by address, so that what was checked is what is spoken to, and the Host header."""
        parts = urlsplit(target)
        port = parts.port or 443
        assert parts.hostname is not None
        found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        allow_local = self._settings.notify_local
        addresses = [str(one[4][0]) for one in found]
        allowed = [one for one in addresses if is_reachable(one, allow_local=allow_local)]
        if not allowed:
            raise OSError(f"{parts.hostname} is {', '.join(addresses)}, where notifications may not go")
        address = f"[{allowed[0]}]" if ":" in allowed[0] else allowed[0]
        query = f"?{parts.query}" if parts.query else ""
        return f"https://{address}:{port}{parts.path or '/'}{query}", parts.netloc


async def _discard(response: httpx2.Response) -> None:
    """Read a short answer, so that the connection can be used again; a long one is cut off."""
    read = 0
    async for piece in response.aiter_raw():
        read += len(piece)
        if read > MAX_ANSWER:
            return


def _host(reader: Reader, errand: Errand) -> str:
    row = reader.get(errand.subscription)
    return urlsplit(read_subscription(row).notificationURI).netloc if row else ""


def _forget_change(tx: Transaction, errand: Errand) -> None:
    if tx.get(errand.subscription) is None:
        tx.watch(errand.subscription, set())
    tx.settle_errand(errand, next_try=errand.next, done=True)


def _note(
    tx: Transaction,
    errand: Errand,
    letter: _Letter,
    verdict: _Verdict,
    reason: str,
    *,
    now: int,
    every_s: int,
) -> None:
    given_up = verdict is _Verdict.FAILED and errand.attempts >= len(BACK_OFF_S)
    if verdict is _Verdict.UNWANTED or (letter.last and (verdict is _Verdict.TOLD or given_up)):
        log.info("subscription_ended subscription=%s reason=%r", errand.subscription, reason or "deleted")
        tx.watch(errand.subscription, set())
        tx.delete(errand.subscription)
    elif verdict is _Verdict.TOLD:
        tx.settle_errand(errand, next_try=now + every_s, done=True)
    elif given_up:
        log.warning("notification_parked subscription=%s reason=%r", errand.subscription, reason)
        tx.settle_errand(errand, next_try=now, attempts=errand.attempts, parked=reason or "failed")
    else:
        wait_s = BACK_OFF_S[errand.attempts]
        log.info(
            "notification_failed subscription=%s retry_s=%d reason=%r", errand.subscription, wait_s, reason
        )
        tx.settle_errand(errand, next_try=now + wait_s, attempts=errand.attempts + 1)
