"""Being told of changes instead of asking again and again (IEEE 2030.5-2018, clause 8.7).

A notification is a reason to look, nothing more: what it says is read from the server, so that nobody else's
word is obeyed and a lost one loses nothing. What is subscribed to is asked for more rarely only once the
server has shown that its notifications arrive, and as usual again as soon as one did not come.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from openesi.client import links
from openesi.client.backoff import MOST_EVENT_POLL_S
from openesi.client.duties import Shared
from openesi.client.errors import AccessRefused, AnswerError, NotThere
from openesi.client.notifications import Received
from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.sep2.enums import NotificationStatus, Subscribable, SubscriptionEncoding

log = logging.getLogger(__name__)

HEARTBEAT_S = MOST_EVENT_POLL_S  # what is subscribed to is looked at so often all the same
RENEW_S = 20 * 3600.0  # within 24 h, and not more than once an hour (clause 8.7.3.4)
RETRY_S = 3600.0  # after a subscription was refused or ended by the server
MAX_SUBSCRIPTIONS = 60  # 15 programs with controls and defaults; a server could link any number of lists
LIMIT = 1  # members in a notification: they are read from the server anyway


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Where a device listens for notifications. ``host`` is its name or address as the server reaches it.

    Without ``host`` it is the address from which the server is reached; port 0 is any free one, ``bind`` the
    address to listen on.
    """

    host: str = ""
    port: int = 0
    bind: str | None = None


@dataclass(slots=True)
class _Held:
    """A subscription at the server: where it is, and since when (local time, s)."""

    href: str
    since: float


@dataclass(slots=True)
class Subscriptions:
    """Subscribes to what the other duties read, and wakes them when it changes."""

    uri: str
    name: str = "subscriptions"
    arrives: bool = False  # notifications do: the server has shown it
    _held: dict[str, _Held] = field(default_factory=dict)  # by resource
    _asking: str | None = None  # its first notification may come before the answer does
    _rest_until: dict[str, float] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)  # of which it was told since they were last read
    _list: str | None = None  # whose contents are known

    async def turn(self, shared: Shared) -> float:
        """Subscribe to what is read and can be subscribed to; renew; end what nobody reads any more."""
        own = shared.end_device
        if own is None or own.SubscriptionListLink is None:
            self._held.clear()
            return MOST_EVENT_POLL_S
        href = own.SubscriptionListLink.href
        if self._list != href:
            await self._look(shared, href)
            self._list = href
        now = shared.local()
        wanted = self._wanted(shared, now)
        for resource in [one for one in self._held if one not in wanted]:
            await self._end(shared, self._held.pop(resource).href)
        for resource in wanted:
            held = self._held.get(resource)
            if held is None:
                await self._subscribe(shared, href, resource)
            elif now - held.since >= RENEW_S:
                await self._renew(shared, held, resource)
        due = [held.since + RENEW_S for held in self._held.values()]
        due += [at for at in self._rest_until.values() if at > now]
        return max(1.0, min(due, default=now + RETRY_S) - now)

    def look_again(self) -> None:
        """Compare with the server's list next time: it was away."""
        self._list = None

    def covers(self, reads: Mapping[str, sep.Sep]) -> bool:
        """Tell whether notifications can be relied on for all of these resources."""
        return self.arrives and bool(reads) and all(href in self._held for href in reads)

    def compare(self, before: Mapping[str, sep.Sep], after: Mapping[str, sep.Sep]) -> bool:
        """Tell whether something changed that was not told: then there is no relying on notifications.

        What only links to what changed is not told itself.
        """
        told, self._told = self._told, self._told - after.keys()
        for href, document in after.items():
            if href not in self._held or href in told or before.get(href, document) == document:
                continue
            if self.arrives and links.without_counts(before[href]) != links.without_counts(document):
                log.warning("a change was not notified href=%s", href)
                self.arrives = False
                return True
        return False

    def take(self, received: Received, shared: Shared) -> bool:
        """Take a notification; False if nothing of ours is subscribed to it."""
        notification = received.notification
        if urlsplit(self.uri).path != received.path or received.sender not in shared.esi.server_lfdis:
            return False
        resource = _resource(shared, notification.subscribedResource)
        if resource not in self._held and resource != self._asking:
            return False
        if notification.status == NotificationStatus.DEFAULT:
            self.arrives = True
        else:
            log.info("subscription ended href=%s status=%d", resource, notification.status)
            self._held.pop(resource, None)
            self._rest_until[resource] = shared.local() + RETRY_S
            shared.hasten |= {"capability", "end device"}  # what moved is found from the top
        self._told.add(resource)
        shared.hasten |= {name for name, reads in shared.reads.items() if resource in reads}
        return True

    def _wanted(self, shared: Shared, now: float) -> list[str]:
        found = {
            href
            for reads in shared.reads.values()
            for href, document in reads.items()
            if href.startswith("/") and _is_subscribable(document)
        }
        self._rest_until = {one: at for one, at in self._rest_until.items() if at > now and one in found}
        return sorted(one for one in found if one not in self._rest_until)[:MAX_SUBSCRIPTIONS]

    async def _look(self, shared: Shared, href: str) -> None:
        """Find what is subscribed to at the server already; end what leads to where nobody listens now."""
        listed = await shared.esi.fetch_list(href, sep.SubscriptionList)
        known = {_resource(shared, one.subscribedResource): one for one in listed.Subscription}
        self._held = {resource: held for resource, held in self._held.items() if resource in known}
        for resource, one in known.items():
            if one.href is None or urlsplit(one.notificationURI).path != urlsplit(self.uri).path:
                continue
            if one.notificationURI == self.uri:
                self._held.setdefault(resource, _Held(one.href, shared.local()))
            else:
                await self._end(shared, one.href)

    async def _subscribe(self, shared: Shared, href: str, resource: str) -> None:
        self._asking = resource
        try:
            location = await shared.esi.post(href, self._document(shared, resource))
        except (AnswerError, AccessRefused) as error:
            if isinstance(error, AnswerError) and error.is_temporary:
                raise
            log.info("no subscription href=%s reason=%s", resource, error)
            self._rest_until[resource] = shared.local() + RETRY_S
            return
        finally:
            self._asking = None
        if location is None:
            self._list = None  # the list tells where it is
            self._rest_until[resource] = shared.local() + RETRY_S
        else:
            self._held[resource] = _Held(location, shared.local())

    async def _renew(self, shared: Shared, held: _Held, resource: str) -> None:
        try:
            await shared.esi.put(held.href, self._document(shared, resource))
            held.since = shared.local()
        except NotThere:
            del self._held[resource]
            self._rest_until[resource] = shared.local() + 1.0  # made again, and not in the same breath

    async def _end(self, shared: Shared, href: str) -> None:
        try:
            await shared.esi.delete(href)
        except AnswerError as error:
            log.info("subscription not ended href=%s reason=%s", href, error)

    def _document(self, shared: Shared, resource: str) -> sep.Subscription:
        return sep.Subscription(
            subscribedResource=resource,
            encoding=SubscriptionEncoding.XML,
            level=f"+{shared.esi.edition.schema_id}",
            limit=LIMIT,
            notificationURI=self.uri,
        )


def _is_subscribable(document: sep.Sep) -> bool:
    return getattr(document, "subscribable", None) in (Subscribable.UNCONDITIONAL, Subscribable.BOTH)


def _resource(shared: Shared, href: str) -> str:
    """Return the path of a subscribed resource as other duties name it."""
    url = links.resolve(shared.esi.url, href).partition("?")[0]
    return url.removeprefix(shared.esi.origin)


def uri_of(notify: Notify, address: str, port: int, lfdi: bytes) -> str:
    """Return where a server is to send notifications for the device of this LFDI.

    The path stays the same over restarts, so that old subscriptions are known again.
    """
    host = notify.host or address
    return f"https://{f'[{host}]' if ':' in host else host}:{port}/ntfy/{lfdi.hex()[:16]}"


def own_address(server: str) -> str:
    """Return the address of ours that faces a server (its URL). Nothing is sent. Raises LocalError."""
    parts = urlsplit(server)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as asking:
            asking.connect(address)
            return str(asking.getsockname()[0])
    except OSError as error:
        raise LocalError(f"no way leads to {parts.hostname}, which is to notify us: {error}") from error


def all_addresses(address: str) -> str:
    """Return what listens on all addresses of the family of one."""
    return "::" if ":" in address else "0.0.0.0"  # noqa: S104 (mutual TLS, and one sender)
