"""Subscriptions: who is to be told when a resource changes (IEEE 2030.5-2018, 8.7)."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

import msgspec

from openesi.sep2 import lists, resources
from openesi.sep2 import model as sep
from openesi.sep2.enums import Subscribable, SubscriptionEncoding
from openesi.sep2.errors import ReasonCode
from openesi.sep2.resources import Match
from openesi.server.documents import make_row, read_document
from openesi.server.errors import Refusal, not_found
from openesi.server.functions.base import Behaviour, Change, Outcome, insert_member
from openesi.server.view import View, devices_of, subscribable
from openesi.store import Row, Transaction

MAX_SUBSCRIPTIONS = 200  # of one EndDevice; each change may cost one notification for each of them
MAX_URI = 255  # octets, as every URI of the standard
_HINT = "openesi serve --notify-local allows it"
_HOST_NAME = re.compile(r"(?!.{254})[\w-]{1,63}(?:\.[\w-]{1,63})*\.?", re.ASCII)  # what can be looked up


def _post(change: Change, subscription: sep.Subscription) -> Outcome:
    """Subscribe; the same wish again renews it under the same Location."""
    tags, subscription = _checked(change, subscription)
    key = f"{subscription.subscribedResource} {subscription.notificationURI}".encode()
    known = change.tx.find(change.path, key)
    if known is None:
        most = _most(change)
        if change.tx.count(change.path) >= most:
            raise Refusal(400, f"no more than {most} subscriptions in one list", reason=ReasonCode.LIMIT)
        row = insert_member(change.tx, change.path, subscription, key=key)
    else:
        row = _overwrite(change, known, subscription, key)
    change.tx.watch(row.path, tags)
    return Outcome(201 if known is None else 204, row.path)


def _most(change: Change) -> int:
    """Return how many subscriptions a list may hold: an aggregator's own has those of all it speaks for."""
    device = change.tx.get(change.path.removesuffix("/sub"))
    is_own = device is not None and device.key == change.caller.lfdi
    return MAX_SUBSCRIPTIONS * (devices_of(change.tx, change.caller.lfdi) if is_own else 1)


def _put(change: Change, subscription: sep.Subscription) -> Outcome:
    row = change.tx.get(change.path)
    if row is None or is_ended(row):
        raise not_found(change.path)
    tags, subscription = _checked(change, subscription)
    key = f"{subscription.subscribedResource} {subscription.notificationURI}".encode()
    change.tx.watch(_overwrite(change, row, subscription, key).path, tags)
    return Outcome(204)


def _delete(change: Change) -> Outcome:
    change.tx.watch(change.path, set())
    change.tx.delete(change.path)
    return Outcome(204)


def _end(tx: Transaction, row: Row) -> bool:
    """Have the subscriber told that the operator ended it (8.7.2, status 1); then the notifier removes it."""
    if is_ended(row):
        return False
    tx.watch(row.path, {row.path})
    tx.put(msgspec.structs.replace(row, listing=None))
    return True


def is_ended(row: Row) -> bool:
    """Tell whether the operator ended a subscription, and its subscriber does not know yet."""
    return row.listing is None


def _overwrite(change: Change, old: Row, subscription: sep.Subscription, key: bytes) -> Row:
    row = make_row(old.path, subscription, listing=old.listing, key=key)
    change.tx.put(row)
    return row


def _checked(change: Change, subscription: sep.Subscription) -> tuple[set[str], sep.Subscription]:
    """Return what to watch, and the subscription as it is kept. Raises Refusal."""
    path = _split(subscription.subscribedResource, "subscribedResource").path
    match = resources.match(path)
    if match is None:
        raise Refusal(404, f"subscribedResource {path[:MAX_URI]!r} is nothing here")
    view = change.view
    view.check_access(match, path)
    _check_subscribable(match, subscription, change.caller.edition.tags)
    view.document(match, path, window_of(subscription.limit))  # what one may not see is not there
    if subscription.encoding not in set(SubscriptionEncoding):
        raise Refusal(400, f"encoding {subscription.encoding} is neither XML (0) nor EXI (1)")
    check_target(subscription.notificationURI, allow_local=change.settings.notify_local)
    return view.watched(match.resource, path), sep.replace(subscription, subscribedResource=path)


def window_of(limit: int) -> lists.Window:
    """Return the members of a list that a notification carries."""
    return lists.Window(limit=min(limit, lists.MAX_LIMIT))


def _check_subscribable(match: Match, subscription: sep.Subscription, tags: frozenset[str]) -> None:
    allowed = subscribable(match.resource, tags)
    if subscription.Condition is not None and allowed != Subscribable.BOTH:
        raise Refusal(
            400,
            f"{match.resource.name} takes no conditions",
            reason=ReasonCode.CONDITIONAL_SUBSCRIPTION,
        )
    if allowed == Subscribable.NO:
        raise Refusal(400, f"{match.resource.name} cannot be subscribed to")


def check_target(uri: str, *, allow_local: bool) -> None:
    """Refuse a notification URI that is no place a client may send us to.

    Only https, and no address of this machine or link, or the server could be used to reach what strangers
    cannot. Names are looked at again when they are resolved, at each delivery.
    """
    parts = _split(uri, "notificationURI")
    if parts.scheme != "https" or not parts.hostname or len(uri) > MAX_URI or parts.username is not None:
        raise Refusal(400, "notificationURI must be https://HOST[:PORT]/PATH")
    try:
        valid = parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise Refusal(400, "notificationURI has no port from 1 to 65535")
    if parts.hostname == "localhost" and not allow_local:
        raise Refusal(400, f"notificationURI leads to this machine; {_HINT}")
    if not _is_address(parts.hostname) and not _HOST_NAME.fullmatch(parts.hostname):
        raise Refusal(400, f"notificationURI names no host: {parts.hostname!r}")
    if _is_address(parts.hostname) and not is_reachable(parts.hostname, allow_local=allow_local):
        raise Refusal(400, f"notificationURI leads to {parts.hostname}, no place for strangers; {_HINT}")


def _split(uri: str, what: str) -> SplitResult:
    """Take a URI apart. Raises Refusal where it is none."""
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise Refusal(400, f"{what} is no URI: {error}") from None
    if not uri.isascii():
        raise Refusal(400, f"{what} has characters that must be percent-encoded")
    return parts


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_reachable(address: str, *, allow_local: bool) -> bool:
    """Tell whether notifications may go to an address: not loopback, link-local, multicast or none at all."""
    parsed = ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    if mapped.is_multicast or mapped.is_unspecified or mapped.is_reserved:
        return False
    return allow_local or not (mapped.is_loopback or mapped.is_link_local)


def conditions_met(subscription: sep.Subscription, document: sep.Sep) -> bool:
    """Tell whether a change is worth telling: a Reading that left the range its subscriber gave."""
    condition = subscription.Condition
    if condition is None or not isinstance(document, sep.Reading) or document.value is None:
        return True
    return not condition.lowerThreshold <= document.value <= condition.upperThreshold


def read_subscription(row: Row) -> sep.Subscription:
    """Return the subscription of a row."""
    return read_document(row, sep.Subscription)


def _is_linked(view: View, path: str, count: int) -> bool:
    """Tell whether subscriptions are shown: an Australian aggregator subscribes at its own EndDevice for all.

    It is shown no other list to do so: the test client of CSIP-AUS allows just one.
    """
    caller = view.caller
    if count or caller is None or not caller.aggregator or "csip-aus-1.2" not in caller.edition.tags:
        return True
    row = view.row(path.removesuffix("/sub"))
    return row is None or row.key == caller.lfdi


BEHAVIOURS = {
    "SubscriptionList": Behaviour(linked=_is_linked, post=_post),
    "Subscription": Behaviour(put=_put, delete=_delete, removed=_end),
}
