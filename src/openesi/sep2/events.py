"""The life of events of every kind, as the server sees it: pure functions of the event and the time.

::

    SCHEDULED --start--> ACTIVE --end--> COMPLETED
        |                  |
        +-----cancel-------+--> CANCELLED (with or without randomization), kept until the end
        +-----replace------+--> SUPERSEDED, kept until the end

``LIFE`` is this picture as a table, ``KINDS`` what one kind of event does otherwise than another. Nothing
ever goes back: not when the clock is set back, not when what superseded an event ends or is cancelled.

Intervals are half open. The server does not know what a client drew for its randomization, so an event counts
as active from the earliest effective start to the latest effective end (IEEE 2030.5-2018, 10.2.3.3).
COMPLETED is shown as a status only in the 2023 edition; in 2018 the event then leaves its list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import NamedTuple

from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.sep2 import schema
from openesi.sep2.enums import EventState, bits

DENIAL_SHOWN_S = 86_400  # a denial has no duration; clients look at their answers at least once a day


def earliest_start(event: sep.Event) -> int:
    """Return the first second (s since 1970) at which a client may start the event."""
    return event.interval.start + min(0, _random(event, "randomizeStart"))


def specified_end(event: sep.Event) -> int:
    """Return the end of the scheduled period (s), without randomization; who sees it later ignores it."""
    return event.interval.start + event.interval.duration


def latest_end(event: sep.Event) -> int:
    """Return the second at which the last client has ended the event."""
    return (
        event.interval.start
        + max(0, _random(event, "randomizeStart"))
        + event.interval.duration
        + max(0, _random(event, "randomizeDuration"))
    )


def shown_until(event: sep.Event) -> int:
    """Return the second at which the event has no place in its list any more."""
    if event.interval.duration == 0:
        return max(latest_end(event), event.creationTime + DENIAL_SHOWN_S)
    return latest_end(event)


# --- what all kinds have in common --------------------------------------------------------------------------


class Stage(NamedTuple):
    """What a status means: until when (s) an event has it by itself, and what it becomes then.

    ``is_alive``: it may still be cancelled, superseded, and supersede others.
    """

    is_alive: bool
    until: Callable[[sep.Event], int] | None
    then: EventState | None = None


LIFE: dict[EventState, Stage] = {
    EventState.SCHEDULED: Stage(True, earliest_start, EventState.ACTIVE),
    EventState.ACTIVE: Stage(True, shown_until, EventState.COMPLETED),
    EventState.CANCELLED: Stage(False, shown_until),
    EventState.CANCELLED_WITH_RANDOMIZATION: Stage(False, shown_until),
    EventState.SUPERSEDED: Stage(False, shown_until),
    EventState.COMPLETED: Stage(False, None),
}


def stage_of(event: sep.Event) -> Stage:
    """Return what the status of an event means."""
    return LIFE[EventState(event.EventStatus.currentStatus)]


def is_alive(event: sep.Event) -> bool:
    """Tell whether an event is scheduled or active."""
    return stage_of(event).is_alive


def next_change(event: sep.Event) -> int | None:
    """Return when the event changes status, or leaves its list, by itself; None if it never does again."""
    until = stage_of(event).until
    return None if until is None else until(event)


def advance(event: sep.Event, now: int) -> sep.Event:
    """Return the event as it stands at ``now``: every change that was due, dated when it was due."""
    while True:
        stage = stage_of(event)
        if stage.then is None or stage.until is None or stage.until(event) > now:
            return event
        event = with_status(event, stage.then, stage.until(event))


def is_over(event: sep.Event, now: int) -> bool:
    """Tell whether an event has no place in its list any more; how it ended stays in its status."""
    return event.EventStatus.currentStatus != EventState.SCHEDULED and shown_until(event) <= now


def begin(event: sep.Event, now: int) -> sep.Event:
    """Return a new event with the status it is born with: an event that starts now is never Scheduled."""
    born = with_status(event, EventState.SCHEDULED, now)
    return with_status(event, EventState.ACTIVE, now) if earliest_start(event) <= now else born


def cancel(event: sep.Event, now: int, *, randomized: bool = False, reason: str | None = None) -> sep.Event:
    """Return the event cancelled at ``now``; unchanged if it is over, cancelled or superseded already.

    Raises LocalError if it is to end with randomization and its kind has none (10.2.3.1).
    """
    if randomized and not isinstance(event, sep.RandomizableEvent):
        raise LocalError(f"a {type(event).__name__} has no randomization: cancel it without")
    if not is_alive(event):
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


# --- what the kinds do otherwise ----------------------------------------------------------------------------


class Kind(NamedTuple):
    """How one kind of event differs from the others.

    ``claims`` names what an event asks to decide: of two events of one list that claim the same at the same
    time, for the same device categories, the stronger supersedes the other. ``longest_s`` bounds its time.
    ``at_once``: a stronger event takes the place of weaker ones when it is made, whenever they would begin.
    ``denies``: it may have no duration, and so deny what was asked for.
    """

    claims: Callable[[sep.Event], frozenset[str]]
    longest_s: int = (1 << 32) - 1  # UInt32
    at_once: bool = False
    denies: bool = False


def controls_of(base: sep.DERControlBase) -> frozenset[str]:
    """Return the names of the modes that a control sets; rampTms is none."""
    return frozenset(name for name in _MODES if getattr(base, name) is not None)


_MODES = tuple(field.name for field in schema.fields(sep.DERControlBase) if field.name.startswith("opMod"))


def _modes(event: sep.Event) -> frozenset[str]:
    assert isinstance(event, sep.DERControl)
    return controls_of(event.DERControlBase)


def _the_whole(event: sep.Event) -> frozenset[str]:
    return frozenset((type(event).__name__,))


def _subject(event: sep.Event) -> frozenset[str]:
    assert isinstance(event, sep.FlowReservationResponse)
    return frozenset((event.subject.hex().lstrip("0"),))


def _nothing(event: sep.Event) -> frozenset[str]:
    return frozenset()


# IEEE 2030.5-2018: 10.2.3.3 d and t for DERControl, 10.3 for the bound of a day, 10.5 for prices, 10.9 for
# flow reservations; several text messages may be active.
KINDS: dict[type[sep.Event], Kind] = {
    sep.DERControl: Kind(_modes),
    sep.EndDeviceControl: Kind(_the_whole, longest_s=86_400),
    sep.TimeTariffInterval: Kind(_the_whole),
    sep.TextMessage: Kind(_nothing),
    sep.FlowReservationResponse: Kind(_subject, at_once=True, denies=True),
}


@cache
def kind_of(cls: type[sep.Event]) -> Kind:
    """Return the line of ``KINDS`` for a class; the bare types that no event has claim nothing."""
    return next((kind for known, kind in KINDS.items() if issubclass(cls, known)), Kind(_nothing))


# --- supersession -------------------------------------------------------------------------------------------


class Overlap(Enum):
    """How much of an event a stronger one takes over while both are scheduled."""

    NONE = 0
    PARTIAL = 1  # some of its controls or device categories: the event goes on for the rest
    FULL = 2


def overlap(weaker: sep.Event, stronger: sep.Event) -> Overlap:
    """Return how much of ``weaker`` the event ``stronger`` takes over, in time, controls and categories.

    Text messages supersede nothing: several may be active (10.2.3.3 d).
    """
    if not _meet(_span(weaker), _span(stronger)) and not kind_of(type(weaker)).at_once:
        return Overlap.NONE
    return _overlap_of_claims(_claimed(weaker), _claimed(stronger))


def _span(event: sep.Event) -> tuple[int, int]:
    """Return the scheduled period, without randomization: by it events overlap, or follow each other.

    So one that is randomized past its end does not give way to the one that follows; clients see to it that
    there is neither gap nor overlap (10.2.3.3 o, p).
    """
    return event.interval.start, specified_end(event)


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def is_stronger(event: sep.Event, other: sep.Event) -> bool:
    """Tell whether of two events of one program ``event`` wins: the later created, then the greater mRID."""
    return _strength(event) > _strength(other)


def settle(live: Mapping[str, sep.Event], now: int) -> dict[str, sep.Event]:
    """Return those of a list's scheduled and active events that other events change, as they become.

    An event that is wholly taken over is Superseded from the start of the stronger one, also if it never
    began; one that is taken over in part is marked potentiallySuperseded. An event that is superseded itself
    before it begins takes over nothing. However late this is asked, each event comes out with the status that
    it would have if it had been asked at every second. ``live`` holds the events by any name; others than
    scheduled and active take no part.
    """
    claims = [_claim(name, event, now) for name, event in live.items() if is_alive(event)]
    changes = _Changes(live, now)
    _settle_by_time([claim for claim in claims if not claim.at_once], changes)
    _settle_at_once([claim for claim in claims if claim.at_once], changes)
    return {name: event for name, event in changes.made.items() if event != live[name]}


class _Claim(NamedTuple):
    """What settling asks of an event again and again, worked out once.

    ``start`` and ``end`` are those of its scheduled period; ``since`` is when it begins to take over what it
    claims, its earliest start, or its creation if that was later; at ``last`` it is over.
    """

    name: str
    start: int
    end: int
    since: int
    last: int
    claimed: _Claimed
    strength: tuple[int, int]
    at_once: bool


def _claim(name: str, event: sep.Event, now: int) -> _Claim:
    at_once = kind_of(type(event)).at_once
    created = min(event.creationTime, now)  # it is there, whatever its maker's clock said
    since = created if at_once else max(earliest_start(event), created)
    last = latest_end(event)
    return _Claim(name, *_span(event), since, last, _claimed(event), _strength(event), at_once)


class _Changes:
    """What settling made of events at one time (s)."""

    def __init__(self, live: Mapping[str, sep.Event], now: int) -> None:
        self.now = now
        self.made: dict[str, sep.Event] = {}
        self._live = live

    def take_over(self, weak: _Claim, strong: _Claim, taken: Overlap) -> None:
        """Supersede or mark what ``strong`` takes over."""
        event = self.made.get(weak.name, self._live[weak.name])
        if event.EventStatus.currentStatus == EventState.SUPERSEDED:
            return
        if taken is Overlap.PARTIAL:
            self.made[weak.name] = self._marked(event, strong)
        elif strong.since <= self.now:
            self.made[weak.name] = with_status(event, EventState.SUPERSEDED, strong.since)

    def _marked(self, event: sep.Event, strong: _Claim) -> sep.Event:
        """Mark an event; anew for each one made later, so that clients look for those again."""
        status = event.EventStatus
        before, created = status.potentiallySupersededTime, min(strong.strength[0], self.now)
        if status.potentiallySuperseded and (before is None or before >= created):
            return event
        at = created if status.potentiallySuperseded else self.now
        marked = sep.replace(status, potentiallySuperseded=True, potentiallySupersededTime=at)
        return sep.replace(event, EventStatus=marked)


def _settle_by_time(claims: list[_Claim], changes: _Changes) -> None:
    """Let events take over from others in the order in which they begin, the stronger first."""
    now = changes.now
    open_: list[_Claim] = []  # those that began and whose time may reach to what comes next
    for claim in sorted(claims, key=lambda claim: (claim.since, -claim.strength[0], -claim.strength[1])):
        if not claim.claimed[0]:
            continue
        open_ = [other for other in open_ if other.last > claim.since]
        begins, stays = True, True
        for other in open_:
            if other.strength < claim.strength or not _meet(claim[1:3], other[1:3]):
                continue
            taken = _overlap_of_claims(claim.claimed, other.claimed)
            if taken is not Overlap.NONE:
                changes.take_over(claim, other, taken)
            if taken is Overlap.FULL:
                begins = begins and other.since > now
                stays = stays and not _outlasts(other, claim)
        if begins:
            open_ = [other for other in open_ if not _gives_way(other, claim, changes)]
        if begins and stays:
            open_.append(claim)


def _gives_way(weak: _Claim, strong: _Claim, changes: _Changes) -> bool:
    """Let a stronger event take over what it can; tell whether the weaker one has no more say in anything."""
    if weak.strength > strong.strength or not _meet(weak[1:3], strong[1:3]):
        return False
    taken = _overlap_of_claims(weak.claimed, strong.claimed)
    if taken is not Overlap.NONE:
        changes.take_over(weak, strong, taken)
    if taken is not Overlap.FULL or not _outlasts(strong, weak):
        return False
    return strong.since <= changes.now or weak.since > changes.now


def _outlasts(strong: _Claim, weak: _Claim) -> bool:
    """Tell whether a stronger event meets whatever comes later and meets the weaker one."""
    return strong.end >= weak.end and strong.start <= strong.since


def _settle_at_once(claims: list[_Claim], changes: _Changes) -> None:
    strongest: dict[frozenset[str], _Claim] = {}
    for claim in sorted(claims, key=lambda claim: claim.strength, reverse=True):
        best = strongest.setdefault(claim.claimed[0], claim)
        if best is not claim:
            changes.take_over(claim, best, Overlap.FULL)


_Claimed = tuple[frozenset[str], int | None]


def _claimed(event: sep.Event) -> _Claimed:
    """Return what an event claims, and the device categories it is for (None: all)."""
    category = getattr(event, "deviceCategory", None)
    categories = bits(category) if category is not None and any(category) else None
    return kind_of(type(event)).claims(event), categories


def _overlap_of_claims(weaker: _Claimed, stronger: _Claimed) -> Overlap:
    claims, categories = weaker
    by_claims, by_categories = stronger
    if not claims & by_claims:
        return Overlap.NONE
    every_category = True
    if by_categories is not None:
        if categories is None:
            every_category = False
        elif not categories & by_categories:
            return Overlap.NONE
        else:
            every_category = not categories & ~by_categories
    return Overlap.FULL if every_category and claims <= by_claims else Overlap.PARTIAL


def _strength(event: sep.Event) -> tuple[int, int]:
    return event.creationTime, int.from_bytes(event.mRID, "big")
