"""Timelines of events, told in a few words each and played second by second against the scheduler.

A story is what a server says and when; the outcome is what the device obeys and answers. Times are seconds
from the beginning.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Any

from openesi.client import der
from openesi.client.scheduler import Answer, Scheduler
from openesi.sep2 import model as sep
from openesi.sep2.enums import DeviceCategory, EventState, ResponseStatus

BEGINNING = 1_800_000_000
MINUTE = 60
SUPPORTED = frozenset(der.MODES)

SY, SP = "SY", "SP"
GROUPS = ("SUBTX", "SUBST", "FEEDER", "SEGMENT", "TFA")  # between the two, as in the conformance tests
# The service point is stronger than the system, and whatever is nearer is stronger.
PRIMACY = {name: 89 - place for place, name in enumerate((SY, *GROUPS, SP))}
MRIDS = {name: bytes(15) + bytes((number,)) for number, name in enumerate(PRIMACY, 1)}


def mrid_of(name: str) -> bytes:
    return name.encode().rjust(16, b"\x01")


@dataclass(frozen=True, kw_only=True)
class Told:
    """A control as the server lists it from ``known`` on (until ``gone``), with its status over time."""

    name: str
    program: str
    start: int
    duration: int
    modes: dict[str, Any]
    known: int = 0
    gone: int | None = None
    created: int | None = None
    cancelled: int | None = None
    cancelled_state: EventState = EventState.CANCELLED
    random_start: int | None = None
    random_duration: int | None = None
    required: int = 0x07
    category: DeviceCategory | None = None

    def at(self, time: int) -> sep.DERControl | None:
        if time < self.known or (self.gone is not None and time >= self.gone):
            return None
        state = EventState.ACTIVE if time >= self.start else EventState.SCHEDULED
        if self.cancelled is not None and time >= self.cancelled:
            state = self.cancelled_state
        return sep.DERControl(
            mRID=mrid_of(self.name),
            responseRequired=bytes((self.required,)),
            replyTo="/rsps/1/rsp",
            creationTime=BEGINNING + (self.known if self.created is None else self.created),
            EventStatus=sep.EventStatus(currentStatus=state, dateTime=0, potentiallySuperseded=False),
            interval=sep.DateTimeInterval(duration=self.duration, start=BEGINNING + self.start),
            randomizeStart=self.random_start,
            randomizeDuration=self.random_duration,
            DERControlBase=sep.DERControlBase(**self.modes),
            deviceCategory=self.category.to_bytes(4) if self.category else None,
        )


@dataclass(frozen=True, kw_only=True)
class Story:
    """What happens. ``defaults`` by program; ``poll`` is how often the device asks (s).

    ``moved`` gives other programs from a time on, ``primacy`` other primacies.
    """

    name: str
    controls: tuple[Told, ...] = ()
    defaults: dict[str, dict[str, Any]] = field(default_factory=dict)
    programs: tuple[str, ...] = (SY, SP)
    poll: int = 1
    length: int = 12 * MINUTE
    seed: int = 1
    primacy: dict[int, dict[str, int]] = field(default_factory=dict)
    missing_is_cancelled: bool = False
    moved: dict[int, tuple[str, ...]] = field(default_factory=dict)
    curves: dict[str, sep.DERCurve] = field(default_factory=dict)
    superseded: ResponseStatus = ResponseStatus.SUPERSEDED


@dataclass
class Outcome:
    """What came of it: answers as (time, control, status), and the base obeyed at each change."""

    answers: list[tuple[int, str, int]] = field(default_factory=list)
    obeyed: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    curves: list[tuple[int, dict[str, sep.DERCurve]]] = field(default_factory=list)

    def statuses(self, name: str) -> list[int]:
        return [status for _, answered, status in self.answers if answered == name]


def play(story: Story, scheduler: Scheduler | None = None) -> Outcome:
    """Play a story from its beginning to its end."""
    scheduler = scheduler or Scheduler(
        random.Random(story.seed),
        superseded=story.superseded,
        missing_is_cancelled=story.missing_is_cancelled,
    )
    outcome = Outcome()
    programs: tuple[der.Program, ...] = ()
    for time in range(story.length):
        now = BEGINNING + time
        answers = scheduler.advance(now)
        if time % story.poll == 0:
            programs = told(story, time)
            found = der.occurrences(
                programs, supported=SUPPORTED, category=DeviceCategory.PHOTOVOLTAIC_WITH_STORAGE
            )
            assigned = frozenset(program.mrid for program in programs)
            answers += scheduler.update(found, now, assigned=assigned)
        outcome.answers += [_answered(answer) for answer in answers]
        orders = der.orders(scheduler, programs, now, supported=SUPPORTED)
        base, curves = orders.base, dict(orders.curves)
        if curves != (outcome.curves[-1][1] if outcome.curves else {}):
            outcome.curves.append((time, curves))
        obeyed = {mode: getattr(base, mode) for mode in sorted(der.modes_of(base))}
        if not outcome.obeyed or outcome.obeyed[-1][1] != obeyed:
            outcome.obeyed.append((time, obeyed))
    return outcome


def told(story: Story, time: int) -> tuple[der.Program, ...]:
    """Return what the server shows at a time."""
    primacy, programs = dict(PRIMACY), story.programs
    for moved, names in story.moved.items():
        programs = names if time >= moved else programs
    for changed, values in story.primacy.items():
        if time >= changed:
            primacy |= values
    return tuple(
        der.Program(
            mrid=MRIDS[name],
            primacy=primacy[name],
            default=_default(story.defaults.get(name)),
            curves=story.curves,
            controls=tuple(
                control
                for each in story.controls
                if each.program == name and (control := each.at(time)) is not None
            ),
        )
        for name in programs
    )


def _default(modes: dict[str, Any] | None) -> sep.DefaultDERControl | None:
    if modes is None:
        return None
    return sep.DefaultDERControl(mRID=bytes(16), DERControlBase=sep.DERControlBase(**modes))


def _answered(answer: Answer) -> tuple[int, str, int]:
    name = answer.occurrence.mrid.lstrip(b"\x01").decode()
    return answer.at - BEGINNING, name, int(answer.status)


__all__ = ["GROUPS", "MINUTE", "SP", "SY", "Outcome", "Story", "Told", "play", "replace"]
