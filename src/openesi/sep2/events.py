"""The life of an event, as the server sees it: pure functions of the event and the time.

::

    SCHEDULED --start--> ACTIVE --end--> COMPLETED
        |                  |
        +-----cancel-------+--> CANCELLED (with or without randomization) --end--> COMPLETED
        +-----replace------+--> SUPERSEDED --end--> COMPLETED

Intervals are half open. The server does not know what a client drew for its randomization, so an event counts
as active from the earliest effective start to the latest effective end (IEEE 2030.5-2018, 10.2.3.3).
COMPLETED is shown as a status only in the 2023 edition; in 2018 the event then leaves its list.
"""

from __future__ import annotations

from openesi.sep2 import model as sep
from openesi.sep2.enums import EventState

_ENDING = frozenset(EventState) - {EventState.SCHEDULED, EventState.COMPLETED}


def earliest_start(event: sep.Event) -> int:
    """Return the first second (s since 1970) at which a client may start the event."""
    return event.interval.start + min(0, _random(event, "randomizeStart"))


def latest_end(event: sep.Event) -> int:
    """Return the second at which the last client has ended the event."""
    return (
        event.interval.start
        + max(0, _random(event, "randomizeStart"))
        + event.interval.duration
        + max(0, _random(event, "randomizeDuration"))
    )


def next_change(event: sep.Event) -> int | None:
    """Return when the status changes by itself, None if it never does again."""
    status = event.EventStatus.currentStatus
    if status == EventState.SCHEDULED:
        return earliest_start(event)
    return latest_end(event) if status in _ENDING else None


def advance(event: sep.Event, now: int) -> sep.Event:
    """Return the event as it stands at ``now``: every change that was due, dated when it was due."""
    status = event.EventStatus
    if status.currentStatus == EventState.SCHEDULED and earliest_start(event) <= now:
        event = with_status(event, EventState.ACTIVE, earliest_start(event))
        status = event.EventStatus
    if status.currentStatus in _ENDING and latest_end(event) <= now:
        event = with_status(event, EventState.COMPLETED, latest_end(event))
    return event


def begin(event: sep.Event, now: int) -> sep.Event:
    """Return a new event with the status it is born with: an event that starts now is never Scheduled."""
    born = with_status(event, EventState.SCHEDULED, now)
    return with_status(event, EventState.ACTIVE, now) if earliest_start(event) <= now else born


def cancel(event: sep.Event, now: int, *, randomized: bool = False, reason: str | None = None) -> sep.Event:
    """Return the event cancelled at ``now``; unchanged if it is over, cancelled or superseded already."""
    if event.EventStatus.currentStatus not in (EventState.SCHEDULED, EventState.ACTIVE):
        return event
    status = EventState.CANCELLED_WITH_RANDOMIZATION if randomized else EventState.CANCELLED
    cancelled = with_status(event, status, now)
    return sep.replace(cancelled, EventStatus=sep.replace(cancelled.EventStatus, reason=reason))


def with_status(event: sep.Event, status: EventState, at: int) -> sep.Event:
    """Return the event with another currentStatus since ``at``; its other flags stay."""
    return sep.replace(
        event, EventStatus=sep.replace(event.EventStatus, currentStatus=int(status), dateTime=at)
    )


def _random(event: sep.Event, name: str) -> int:
    return getattr(event, name, None) or 0
