"""What is still to be told to subscribers, for the operator: who cannot be reached, why, and what to do."""

from __future__ import annotations

import msgspec

from openesi.errors import LocalError
from openesi.server.functions.subscription import read_subscription
from openesi.store import Errand, Reader, Transaction

MAX_SHOWN = 1_000  # of each kind; a server may have a million subscriptions
_ALWAYS = 2**62  # a time (s) by which everything is due


class NotParked(LocalError):
    """No notification of this subscription was given up."""


class Waiting(msgspec.Struct, frozen=True):
    """A notification that is not had yet. ``next`` is in s since 1970; ``parked`` is why it was given up."""

    subscription: str
    resource: str
    target: str
    attempts: int
    next: int | None
    parked: str | None


class Outbox(msgspec.Struct, frozen=True):
    """Notifications that are tried again by themselves, and those that are not."""

    pending: list[Waiting]
    parked: list[Waiting]


def show(reader: Reader) -> Outbox:
    """Return what waits, at most 1,000 of each kind, the longest waiting first."""
    return Outbox(
        [_waiting(reader, one) for one in reader.errands(_ALWAYS, MAX_SHOWN)],
        [_waiting(reader, one) for one in reader.parked(MAX_SHOWN)],
    )


def retry(tx: Transaction, subscription: str, *, now: int) -> None:
    """Try a notification that was given up again, at once and from the beginning. Raises NotParked."""
    tx.settle_errand(_parked(tx, subscription), next_try=now)


def forget(tx: Transaction, subscription: str) -> None:
    """Drop a notification that was given up; the subscription hears of the next change. Raises NotParked."""
    tx.settle_errand(_parked(tx, subscription), next_try=0, done=True)


def _parked(reader: Reader, subscription: str) -> Errand:
    for errand in reader.parked(MAX_SHOWN):
        if errand.subscription == subscription:
            return errand
    raise NotParked(
        f"no notification of {subscription[:100]} was given up: GET /api/notifications lists them"
    )


def _waiting(reader: Reader, errand: Errand) -> Waiting:
    row = reader.get(errand.subscription)
    subscription = read_subscription(row) if row is not None else None
    return Waiting(
        errand.subscription,
        subscription.subscribedResource if subscription else "",
        subscription.notificationURI if subscription else "",
        errand.attempts,
        None if errand.parked else errand.next,
        errand.parked,
    )
