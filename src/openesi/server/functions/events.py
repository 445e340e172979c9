"""Events of every kind, as the server keeps them: switching in time, superseding, forgetting.

What lies in time and is no event (billing periods, credits) switches by the same clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from openesi.errors import LocalError
from openesi.sep2 import events, resources, spans, xml
from openesi.sep2 import model as sep
from openesi.sep2.enums import EventState
from openesi.server.documents import STORED, make_row, new_mrid, read_document
from openesi.server.functions.base import Offer
from openesi.server.settings import Settings
from openesi.store import Row, Transaction

MAX_DUE = 1_000  # events switched in one transaction; more wait for the next
MAX_LIVE = 20_000  # events of one program that are looked at together; an operator may send them in bulk
ALIVE = (EventState.SCHEDULED, EventState.ACTIVE)
KEPT_READ = 5_000  # events kept as read, 3 kB each

FIRST_RESPONSES = "/rsps/1/rsp"  # where answers go unless the operator says otherwise


def complete(offer: Offer, event: sep.Event) -> sep.Event:
    """Return an operator's new event as it is born: its status, and where it is answered if at all.

    Raises LocalError if it would be over already, or its answers could go nowhere.
    """
    status = event.EventStatus.currentStatus
    if status not in set(EventState) - {EventState.COMPLETED}:
        raise LocalError(f"currentStatus {status} is none that an event begins with: leave EventStatus out")
    required = event.responseRequired
    if required and any(required):
        event = sep.replace(event, replyTo=_checked_reply_to(offer, event.replyTo or FIRST_RESPONSES))
    elif event.replyTo is not None:
        event = sep.replace(event, replyTo=None)
    if event.EventStatus.dateTime > offer.now:
        raise LocalError(
            "EventStatus/dateTime is when a status began, not one to come: leave EventStatus out"
        )
    expect_future(event, offer.now)
    if not events.is_alive(event):  # written down as it was elsewhere
        return event
    return events.begin(event, offer.now)


def newborn(settings: Settings, now: int) -> dict[str, Any]:
    """Return the fields with which every event begins that the server makes itself."""
    required = settings.response_required
    return {
        "mRID": new_mrid(settings.mrid_pen),
        "version": 0,
        "creationTime": now,
        "EventStatus": unborn(now),
        "replyTo": FIRST_RESPONSES if required else None,
        "responseRequired": bytes((required,)),
    }


def unborn(now: int) -> sep.EventStatus:
    """Return the status of an event that is not in its list yet."""
    return sep.EventStatus(currentStatus=EventState.SCHEDULED, dateTime=now, potentiallySuperseded=False)


def expect_future(event: sep.Event, now: int) -> None:
    """Raise LocalError for a new event that is over: devices ignore one that they first see then (254)."""
    if event.interval.duration and events.specified_end(event) <= now:
        raise LocalError("it would be over before it begins: its end lies in the past")


def _is_elsewhere(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.hostname)


def _checked_reply_to(offer: Offer, reply_to: str) -> str:
    """Return where answers go: a ResponseList of ours, or of another server."""
    if not reply_to.startswith("/"):
        if not _is_elsewhere(reply_to):
            raise LocalError(f"replyTo {reply_to} is no path here, and no https:// of another server")
        return reply_to
    found = resources.match(reply_to)
    if found is None or found.resource.name != "ResponseList":
        raise LocalError(f"replyTo {reply_to} is no list of responses, as {FIRST_RESPONSES} is")
    if offer.tx.get(reply_to.rpartition("/")[0]) is None:
        raise LocalError(f"replyTo {reply_to}: there is no such ResponseSet")
    return reply_to


REALIGNED = ("BillingPeriod", "BillingReadingSet", "SupplyInterruptionOverride")
MAX_REALIGNED = 100_000  # of each of these; it is a rare thing to do

Turn = Callable[[Transaction, Row, int], None]
"""What happens to a row whose time has come."""


def switch(tx: Transaction, now: int, turns: Mapping[str, Turn]) -> None:
    """Bring what is due to its present status; forget events that ended long ago.

    ``turns`` says for what is no event, by its type, what happens when its time comes. What superseded what
    is found out before anything is over: so it comes out the same after an outage, or a clock that was set
    forward, as if somebody had looked at every second.
    """
    due = tx.due(now, MAX_DUE)
    starting = {
        row.listing
        for row in due
        if row.state == EventState.SCHEDULED and row.listing is not None and row.type not in turns
    }
    settled = {path: row for listing in sorted(starting) for path, row in settle(tx, listing, now).items()}
    for row in due:
        turn = turns.get(row.type)
        if turn is not None:
            turn(tx, row, now)
            continue
        if row.state == EventState.COMPLETED:
            tx.delete(row.path)
            continue
        row = settled.get(row.path, row)
        event = events.advance(read_event(row.body), now)
        write_event(tx, row, event, over=events.is_over(event, now))


def turn(tx: Transaction, row: Row, now: int) -> None:
    """Bring what lies in time and is no event to where it stands."""
    span = spans.span_of(read_document(row, sep.Sep))
    state, due = spans.state_at(span, now) if span is not None else (None, None)
    tx.put(replace(row, state=state, due=due))


def realign(tx: Transaction, now: int, turns: Mapping[str, Turn]) -> None:
    """Bring what lies in time to where it stands after the clock was set back: what had begun has not yet.

    Credits that were added, and plans that were carried out, stay: they happened.
    """
    for name in REALIGNED:
        for row in tx.of_type(name, limit=MAX_REALIGNED):
            span = spans.span_of(read_document(row, sep.Sep))
            if span is not None and spans.state_at(span, now) != (row.state, row.due):
                turns[name](tx, row, now)


def settle(tx: Transaction, listing: str, now: int) -> dict[str, Row]:
    """Supersede, or mark, the events of a list that others take over; return their new rows by path."""
    rows = {row.path: row for row in tx.in_states(listing, ALIVE, MAX_LIVE)}
    if len(rows) < 2:
        return {}
    live = {path: read_event(row.body) for path, row in rows.items()}
    changed = events.settle(live, now)
    return {path: write_event(tx, rows[path], event) for path, event in changed.items()}


@lru_cache(maxsize=KEPT_READ)
def read_event(body: bytes) -> sep.Event:
    """Return the event of a row; each new event is held against all others, so they are read often."""
    return xml.parse_as(body, sep.Event, STORED)


def write_event(tx: Transaction, row: Row, event: sep.Event, *, over: bool = False) -> Row:
    """Write an event over its row; one that is over leaves its list. Return the new row.

    Nothing but its status changes in the life of an event, so its place in the list stays.
    """
    made = make_row(row.path, event, key=row.key, over=over)
    if over:
        made = replace(made, scope=row.scope)
        tx.put(made)
    else:
        made = replace(row, body=made.body, state=made.state, due=made.due)
        tx.update(made)
    return made
