"""Controls that stand for a value: one at a time in a program, the newest in place of those before it.

Which controls of a program these are, the caller says; the operator's own events stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable

from openesi.sep2 import events
from openesi.sep2 import model as sep
from openesi.sep2.enums import EventState
from openesi.server import operator
from openesi.server.documents import read_document
from openesi.server.functions.events import write_event
from openesi.server.settings import Settings
from openesi.store import Reader, Row, Transaction

KEPT_OVER = 20  # who sets a value, or takes it back, every second must not fill the list that a device reads
MAX_LOOKED_AT = 500  # events of one program

IsOurs = Callable[[sep.DERControl], bool]


def in_force(reader: Reader, program: str, is_ours: IsOurs) -> tuple[str, sep.DERControl] | None:
    """Return path and document of the newest active control that ``is_ours``."""
    active = _ours(reader, program, EventState.ACTIVE, is_ours)
    return max(active, key=lambda one: one[1].creationTime, default=None)


def replace_control(
    tx: Transaction,
    program: str,
    order: operator.ControlOrder,
    *,
    is_ours: IsOurs,
    now: int,
    settings: Settings,
) -> Row:
    """Send a control in place of those before it that ``is_ours``, also within the same second."""
    for state in (EventState.SCHEDULED, EventState.ACTIVE):
        for path, control in _ours(tx, program, state, is_ours):
            row = tx.get(path)
            assert row is not None
            write_event(tx, row, events.with_status(control, EventState.SUPERSEDED, now))
    row = operator.send_control(tx, program, order, now=now, settings=settings)
    for state in (EventState.SUPERSEDED, EventState.CANCELLED):
        over = sorted(_ours(tx, program, state, is_ours), key=lambda one: one[1].creationTime)
        for path, _ in over[:-KEPT_OVER]:
            tx.delete(path)
    return row


def cancel_all(tx: Transaction, program: str, *, is_ours: IsOurs, now: int) -> int:
    """Cancel the controls that ``is_ours``; return how many there were."""
    found = [
        path
        for state in (EventState.SCHEDULED, EventState.ACTIVE)
        for path, _ in _ours(tx, program, state, is_ours)
    ]
    for path in found:
        operator.cancel_event(tx, path, now=now)
    return len(found)


def _ours(
    reader: Reader, program: str, state: EventState, is_ours: IsOurs
) -> list[tuple[str, sep.DERControl]]:
    rows = reader.page(f"{program}/derc", state=state, limit=MAX_LOOKED_AT)
    controls = ((row.path, read_document(row, sep.DERControl)) for row in rows)
    return [(path, control) for path, control in controls if is_ours(control)]
