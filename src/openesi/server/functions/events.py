"""Events of every kind, as the server keeps them: switching in time, superseding, forgetting.

What lies in time and is no event (billing periods, credits) switches by the same clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from msgspec.structs import replace

from openesi.sep2 import events, spans, xml
from openesi.sep2 import model as sep
from openesi.sep2.enums import EventState
from openesi.server.documents import STORED, make_row, read_document
from openesi.store import Row, Transaction

MAX_DUE = 1_000  # events switched in one transaction; more wait for the next
MAX_LIVE = 20_000  # events of one program that are looked at together; an operator may send them in bulk


ALIVE = (EventState.SCHEDULED, EventState.ACTIVE)
KEPT_READ = 5_000  # events kept as read, 3 kB each


Turn = Callable[[Transaction, Row, int], None]
"""What happens to a row whose time has come."""


def switch(tx: Transaction, now: int, turns: Mapping[str, Turn]) -> None:
    """Bring what is due to its present status; forget events that ended long ago.

    ``turns`` says for what is no event, by its type, what happens when its time comes.
    """
    begun = set()
    for row in tx.due(now, MAX_DUE):
        turn = turns.get(row.type)
        if turn is not None:
            turn(tx, row, now)
            continue
        if row.state == EventState.COMPLETED:
            tx.delete(row.path)
            continue
        event = events.advance(_read_event(row.body), now)
        if event.EventStatus.currentStatus == EventState.ACTIVE and row.listing is not None:
            begun.add(row.listing)
        write_event(tx, row, event, over=events.is_over(event, now))
    for listing in begun:
        settle(tx, listing, now)


def turn(tx: Transaction, row: Row, now: int) -> None:
    """Bring what lies in time and is no event to where it stands."""
    span = spans.span_of(read_document(row, sep.Sep))
    state, due = spans.state_at(span, now) if span is not None else (None, None)
    tx.put(replace(row, state=state, due=due))


def settle(tx: Transaction, listing: str, now: int) -> None:
    """Supersede, or mark, the events of a list that others take over."""
    rows = {row.path: row for row in tx.in_states(listing, ALIVE, MAX_LIVE)}
    if len(rows) < 2:
        return
    live = {path: _read_event(row.body) for path, row in rows.items()}
    for path, event in events.settle(live, now).items():
        write_event(tx, rows[path], event)


@lru_cache(maxsize=KEPT_READ)
def _read_event(body: bytes) -> sep.Event:
    """Return the event of a row; each new event is held against all others, so they are read often."""
    return xml.parse_as(body, sep.Event, STORED)


def write_event(tx: Transaction, row: Row, event: sep.Event, *, over: bool = False) -> None:
    """Write an event over its row; one that is over leaves its list.

    Nothing but its status changes in the life of an event, so its place in the list stays.
    """
    made = make_row(row.path, event, key=row.key, over=over)
    if over:
        tx.put(replace(made, scope=row.scope))
    else:
        tx.update(replace(row, body=made.body, state=made.state, due=made.due))
