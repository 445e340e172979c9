"""The life of an event, as the server sees it: pure functions of the event and the time.

::

    SCHEDULED --start--> ACTIVE --end--> COMPLETED
        |                  |
        +-----cancel-------+--> CANCELLED (with or without randomization), kept until the end
        +-----replace------+--> SUPERSEDED, kept until the end

Intervals are half open. The server does not know what a client drew for its randomization, so an event counts
as active from the earliest effective start to the latest effective end (IEEE 2030.5-2018, 10.2.3.3).
COMPLETED is shown as a status only in the 2023 edition; in 2018 the event then leaves its list.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from openesi.sep2 import model as sep
from openesi.sep2 import schema
from openesi.sep2.enums import EventState, bits

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
    if status.currentStatus == EventState.ACTIVE and latest_end(event) <= now:
        event = with_status(event, EventState.COMPLETED, latest_end(event))
    return event


def is_over(event: sep.Event, now: int) -> bool:
    """Tell whether an event has no place in its list any more; how it ended stays in its status."""
    return event.EventStatus.currentStatus != EventState.SCHEDULED and latest_end(event) <= now


class Overlap(Enum):
    """How much of an event a stronger one takes over while both are scheduled."""

    NONE = 0
    PARTIAL = 1  # some of its controls or device categories: the event goes on for the rest
    FULL = 2


def overlap(weaker: sep.Event, stronger: sep.Event) -> Overlap:
    """Return how much of ``weaker`` the event ``stronger`` takes over, in time, controls and categories.

    Text messages and flow reservations supersede nothing: several may be active (10.2.3.3 d).
    """
    if earliest_start(weaker) >= latest_end(stronger) or earliest_start(stronger) >= latest_end(weaker):
        return Overlap.NONE
    return _overlap_of_kinds(_kind(weaker), _kind(stronger))


def is_stronger(event: sep.Event, other: sep.Event) -> bool:
    """Tell whether of two events of one program ``event`` wins: the later created, then the greater mRID."""
    return _strength(event) > _strength(other)


def settle(live: Mapping[str, sep.Event], now: int) -> dict[str, sep.Event]:
    """Return those of a program's scheduled and active events that other events change, as they become.

    An event that is wholly taken over is Superseded from the start of the stronger one (a weaker one that
    never began is Superseded then too); one that is taken over in part is marked potentiallySuperseded.
    ``live`` holds the events by any name; those that are over, cancelled or superseded take no part.
    """
    changed: dict[str, sep.Event] = {}
    claims = sorted(
        (_claim(name, event) for name, event in live.items() if _is_alive(event)),
        key=lambda claim: claim.start,
    )
    open_: list[_Claim] = []
    for claim in claims:
        if not claim.kind[0]:
            continue
        open_ = [other for other in open_ if other.end > claim.start]
        covered = False
        for other in list(open_):
            weak, strong = (other, claim) if claim.strength > other.strength else (claim, other)
            taken = _overlap_of_kinds(weak.kind, strong.kind)
            if taken is Overlap.NONE:
                continue
            event = changed.get(weak.name, live[weak.name])
            changed[weak.name] = _taken_over(event, live[strong.name], taken, now)
            if taken is Overlap.FULL and strong.end >= weak.end:
                # What the weaker one could take over, the stronger one takes over as well.
                if weak is other:
                    open_.remove(other)
                else:
                    covered = True
        if not covered:
            open_.append(claim)
    return {name: event for name, event in changed.items() if event != live[name]}


class _Claim(NamedTuple):
    """What settling asks of an event again and again, worked out once."""

    name: str
    start: int
    end: int
    kind: _Kind
    strength: tuple[int, int]


def _claim(name: str, event: sep.Event) -> _Claim:
    return _Claim(name, earliest_start(event), latest_end(event), _kind(event), _strength(event))


def _taken_over(event: sep.Event, stronger: sep.Event, taken: Overlap, now: int) -> sep.Event:
    status = event.EventStatus
    if status.currentStatus == EventState.SUPERSEDED:
        return event
    if taken is Overlap.FULL and earliest_start(stronger) <= now:
        at = max(earliest_start(stronger), stronger.creationTime)
        return with_status(event, EventState.SUPERSEDED, min(at, now))
    if taken is Overlap.FULL or status.potentiallySuperseded:
        return event
    flagged = sep.replace(status, potentiallySuperseded=True, potentiallySupersededTime=now)
    return sep.replace(event, EventStatus=flagged)


def _is_alive(event: sep.Event) -> bool:
    return event.EventStatus.currentStatus in (EventState.SCHEDULED, EventState.ACTIVE)


_Kind = tuple[frozenset[str], int | None]


def _kind(event: sep.Event) -> _Kind:
    """Return the controls an event sets, and the device categories it is for (None: all)."""
    category = getattr(event, "deviceCategory", None)
    categories = bits(category) if category is not None and any(category) else None
    if isinstance(event, sep.DERControl):
        return controls_of(event.DERControlBase), categories
    if isinstance(event, sep.EndDeviceControl | sep.TimeTariffInterval):
        return frozenset({type(event).__name__}), categories
    return frozenset(), categories


def controls_of(base: sep.DERControlBase) -> frozenset[str]:
    """Return the names of the modes that a control sets; rampTms is none."""
    return frozenset(name for name in _MODES if getattr(base, name) is not None)


_MODES = tuple(field.name for field in schema.fields(sep.DERControlBase) if field.name.startswith("opMod"))


def _overlap_of_kinds(weaker: _Kind, stronger: _Kind) -> Overlap:
    controls, categories = weaker
    by_controls, by_categories = stronger
    if not controls & by_controls:
        return Overlap.NONE
    every_category = True
    if by_categories is not None:
        if categories is None:
            every_category = False
        elif not categories & by_categories:
            return Overlap.NONE
        else:
            every_category = not categories & ~by_categories
    return Overlap.FULL if every_category and controls <= by_controls else Overlap.PARTIAL


def _strength(event: sep.Event) -> tuple[int, int]:
    return event.creationTime, int.from_bytes(event.mRID, "big")


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
