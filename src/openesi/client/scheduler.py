"""Which event rules which mode when, and what is answered: pure rules, time passed in.

The client rules of IEEE 2030.5-2018, clause 10.2.3. One ``Scheduler`` serves one device. Events come in as
``Occurrence`` values, whatever their function set; a *mode* is what can be ruled by one event at a time: each
opMod of a DERControl is one, a whole EndDeviceControl is one. Phases of an event::

    SCHEDULED --start--> ACTIVE --end--> COMPLETED
        |                  |
        +------cancel------+--> CANCELLED
        +--lost all modes--+--> SUPERSEDED
        +--cannot be done--> REJECTED

No phase is ever left backwards: an event that lost a mode never gets it back, whatever becomes of the winner.
All times are the event server's, in seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from openesi.client.backoff import RandomSource
from openesi.sep2 import model as sep
from openesi.sep2.enums import EventState, ResponseStatus
from openesi.sep2.responses import is_asked_for

MAX_EVENTS = 400  # CSIP asks for 24 controls in 15 programs; a server could list a million
KEEP_S = 86_400  # how long the end of an event is remembered, so that it is not begun or answered again


class Phase(Enum):
    """How far an event has come at this client."""

    SCHEDULED = "scheduled"
    ACTIVE = "active"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"


LIVE = (Phase.SCHEDULED, Phase.ACTIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """An event as a scheduler sees it. ``problem`` is why this device cannot carry it out, if it cannot."""

    mrid: bytes
    program: bytes
    primacy: int
    modes: frozenset[str]
    event: sep.Event
    problem: ResponseStatus | None = None

    @property
    def start(self) -> int:
        """The start as specified, before any randomization."""
        return self.event.interval.start

    @property
    def end(self) -> int:
        """The end as specified (the first second that is not in the event)."""
        return self.event.interval.start + self.event.interval.duration

    def random_bound(self, name: str) -> int:
        """Return randomizeStart or randomizeDuration in s; absent is 0."""
        return getattr(self.event, name, None) or 0

    @property
    def rank(self) -> tuple[int, int, int]:
        """Sorts the winner first: lower primacy, then later created, then larger mRID."""
        return (self.primacy, -self.event.creationTime, -int.from_bytes(self.mrid))


@dataclass(frozen=True, slots=True)
class Answer:
    """A Response that the server asked for; ``at`` is when it came to pass.

    ``overridden_s`` is for how long the user had overridden the event by then, ``extras`` what else belongs
    into the Response, by name.
    """

    occurrence: Occurrence
    status: ResponseStatus
    at: int
    overridden_s: int = 0
    extras: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def key(self) -> tuple[bytes, int]:
        """What is said of which event: never said twice."""
        return (self.occurrence.mrid, int(self.status))


@dataclass(slots=True, kw_only=True)
class Tracked:
    """One event and what this client did about it. ``start`` and ``end`` are its own, randomized."""

    occurrence: Occurrence
    start: int
    end: int
    phase: Phase = Phase.SCHEDULED
    lost: set[str] = field(default_factory=set)
    answered: set[int] = field(default_factory=set)
    cancelled: bool = False  # and ends at ``end``
    opted: ResponseStatus | None = None
    took_part: bool = False
    overridden_s: int = 0  # how long the user did otherwise while it ran, and since when
    overridden_at: int | None = None

    @property
    def modes(self) -> frozenset[str]:
        """The modes it may still rule."""
        return self.occurrence.modes - self.lost

    @property
    def is_live(self) -> bool:
        """Whether it may still rule anything."""
        return self.phase in LIVE

    def is_told_by(self, one: Occurrence) -> bool:
        """Tell whether ``one`` says nothing new: the very document that is known, in the same program."""
        known = self.occurrence
        return one.event is known.event and one.primacy == known.primacy and one.program == known.program


@dataclass(frozen=True, slots=True)
class Window:
    """The time in which an event rules a mode: from ``start`` up to, not including, ``end``."""

    tracked: Tracked
    start: int
    end: int


class Scheduler:
    """Events of one device.

    ``superseded`` is the status that tells of an event displaced by one of another program: the standard's
    table offers 14, the conformance tests of single devices want 7.
    """

    def __init__(
        self,
        random: RandomSource,
        *,
        superseded: ResponseStatus = ResponseStatus.SUPERSEDED,
        missing_is_cancelled: bool = False,
    ) -> None:
        self._random = random
        self._superseded = superseded
        self.missing_is_cancelled = missing_is_cancelled
        self._windows: dict[str, list[Window]] | None = None
        self.tracked: dict[bytes, Tracked] = {}

    # --- what comes in ---------------------------------------------------------------------------------

    def update(
        self, occurrences: Iterable[Occurrence], now: int, *, assigned: frozenset[bytes] | None = None
    ) -> list[Answer]:
        """Take the events that the server lists now: all of them, or the call must not be made.

        ``assigned`` are the programs that this device still belongs to (None: those of the events). An event
        that is no longer listed goes on by the rules of 2018; with ``missing_is_cancelled`` (2023) it ends.
        Events of a program that is not assigned any more end in any case.
        """
        listed: dict[bytes, Occurrence] = {}
        for one in occurrences:
            known = listed.get(one.mrid)
            if known is None or one.rank < known.rank:
                listed[one.mrid] = one
        answers: list[Answer] = []
        self._forget(listed, now)
        for mrid, one in listed.items():
            tracked = self.tracked.get(mrid)
            if tracked is not None and tracked.is_live and not tracked.is_told_by(one):
                self._refresh(tracked, one, now, answers)
        for one in self._admitted(listed, now):
            self._receive(one, now, answers)
        for mrid, tracked in self.tracked.items():
            if tracked.is_live and mrid not in listed:
                gone = assigned is not None and tracked.occurrence.program not in assigned
                if gone or self.missing_is_cancelled:
                    self._end(tracked, Phase.CANCELLED, ResponseStatus.CANCELLED, now, answers)
        return answers + self.advance(now)

    def advance(self, now: int) -> list[Answer]:
        """Carry out what is due at ``now``: starts, ends, take-overs."""
        answers: list[Answer] = []
        while True:
            changed = self._supersede(now, answers)
            # Who ends makes way before the next begins.
            for tracked in sorted(self.tracked.values(), key=lambda one: one.phase is Phase.SCHEDULED):
                changed = self._step(tracked, now, answers) or changed
            if not changed:
                return answers
            self._windows = None

    def opt_out(self, mrid: bytes, now: int) -> list[Answer]:
        """Let the user refuse an event, before or while it runs.

        As the two below it raises KeyError for an event that is not known.
        """
        return self._opt(self.tracked[mrid], ResponseStatus.OPTED_OUT, now)

    def opt_in(self, mrid: bytes, now: int) -> list[Answer]:
        """Let the user return to an event after having refused it."""
        return self._opt(self.tracked[mrid], ResponseStatus.OPTED_IN, now)

    def acknowledge(self, mrid: bytes, now: int) -> list[Answer]:
        """Let the user confirm an event, a message for instance, also after its end."""
        answers: list[Answer] = []
        self._answer(self.tracked[mrid], ResponseStatus.ACKNOWLEDGED, now, answers)
        return answers

    # --- what is asked for -----------------------------------------------------------------------------

    def active(self, now: int) -> dict[str, Tracked]:
        """Return the event that rules each mode now. Modes that are not there follow their default."""
        return {
            mode: window.tracked
            for mode, windows in self._all_windows().items()
            for window in windows
            if window.start <= now < window.end
            and window.tracked.phase is Phase.ACTIVE
            and window.tracked.opted is not ResponseStatus.OPTED_OUT
        }

    def next_change(self, now: int) -> int | None:
        """Return when something changes by itself next, None if nothing will."""
        times = [
            at for windows in self._all_windows().values() for one in windows for at in (one.start, one.end)
        ]
        times += [tracked.end for tracked in self.tracked.values() if tracked.is_live]
        return min((at for at in times if at > now), default=None)

    def next_start(self, now: int) -> int | None:
        """Return when the next event starts: its status is to be looked at shortly before."""
        waiting = (one.start for one in self.tracked.values() if one.phase is Phase.SCHEDULED)
        return min((start for start in waiting if start > now), default=None)

    # --- receiving -------------------------------------------------------------------------------------

    def _receive(self, one: Occurrence, now: int, answers: list[Answer]) -> None:
        drawn_start = self._draw(one.random_bound("randomizeStart"))
        drawn_duration = self._draw(one.random_bound("randomizeDuration"))
        start = one.start + drawn_start
        end = start + max(0, one.event.interval.duration + drawn_duration)
        if start < now:  # late: start as soon as may be, and keep the end
            start = now + abs(drawn_start)
            end = max(start, one.end + drawn_duration)
        tracked = Tracked(occurrence=one, start=start, end=end)
        self.tracked[one.mrid] = tracked
        if one.end <= now or start >= one.end:
            tracked.phase = Phase.REJECTED
            if one.event.EventStatus.currentStatus in (EventState.SCHEDULED, EventState.ACTIVE):
                self._answer(tracked, ResponseStatus.REJECTED_EXPIRED, now, answers)
            return
        self._answer(tracked, ResponseStatus.RECEIVED, now, answers)
        if one.problem is not None:
            self._end(tracked, Phase.REJECTED, one.problem, now, answers)
        else:
            self._refresh(tracked, one, now, answers)

    def _refresh(self, tracked: Tracked, one: Occurrence, now: int, answers: list[Answer]) -> None:
        """Take what may change of an event: its status, and the rank of its program."""
        self._windows = None
        tracked.occurrence = one
        state = one.event.EventStatus.currentStatus
        if state == EventState.SUPERSEDED:
            self._end(tracked, Phase.SUPERSEDED, self._superseded, now, answers)
        elif state == EventState.CANCELLED or (
            state == EventState.CANCELLED_WITH_RANDOMIZATION and tracked.phase is Phase.SCHEDULED
        ):
            self._end(tracked, Phase.CANCELLED, ResponseStatus.CANCELLED, now, answers)
        elif state == EventState.CANCELLED_WITH_RANDOMIZATION and not tracked.cancelled:
            bound = max(abs(one.random_bound(name)) for name in ("randomizeStart", "randomizeDuration"))
            tracked.cancelled = True
            tracked.end = min(tracked.end, now + self._draw(bound))
        elif state == EventState.COMPLETED and tracked.phase is Phase.ACTIVE:  # since 2023
            self._finish(tracked, now, answers)

    def _draw(self, bound: int) -> int:
        """Draw whole seconds evenly from 0 to ``bound``, on the side of its sign."""
        drawn = self._random.randint(0, abs(bound)) if bound else 0
        return drawn if bound >= 0 else -drawn

    def _admitted(self, listed: dict[bytes, Occurrence], now: int) -> list[Occurrence]:
        """Return the events that are new and that there is room for: what is not over first, by start."""
        new = [one for mrid, one in listed.items() if mrid not in self.tracked]
        new.sort(key=lambda one: (one.end <= now, one.start, one.rank))
        return new[: max(0, MAX_EVENTS - len(self.tracked))]

    def _forget(self, listed: dict[bytes, Occurrence], now: int) -> None:
        """Forget what was over long ago; when it gets crowded, whatever is over and no longer listed."""
        crowded = len(self.tracked) + len(listed) > MAX_EVENTS
        for mrid, tracked in list(self.tracked.items()):
            long_ago = max(tracked.end, tracked.occurrence.end) + KEEP_S < now
            if not tracked.is_live and mrid not in listed and (long_ago or crowded):
                del self.tracked[mrid]

    # --- stepping --------------------------------------------------------------------------------------

    def _step(self, tracked: Tracked, now: int, answers: list[Answer]) -> bool:
        """Start or end an event that is due. Return whether it did."""
        if tracked.phase is Phase.SCHEDULED and tracked.start <= now:
            if self._end_of(tracked) <= now:
                self._finish(tracked, now, answers)
                return True
            tracked.phase = Phase.ACTIVE
            if tracked.opted is ResponseStatus.OPTED_OUT:
                tracked.overridden_at = tracked.start
            else:
                tracked.took_part = True
            self._answer(tracked, ResponseStatus.STARTED, now, answers)
            return True
        if tracked.phase is Phase.ACTIVE and self._end_of(tracked) <= now:
            self._finish(tracked, now, answers)
            return True
        return False

    def _finish(self, tracked: Tracked, now: int, answers: list[Answer]) -> None:
        if tracked.cancelled:
            self._end(tracked, Phase.CANCELLED, ResponseStatus.CANCELLED, now, answers)
            return
        _count_override(tracked, min(now, tracked.end))
        self._end(tracked, Phase.COMPLETED, _outcome(tracked), now, answers)

    def _end(
        self, tracked: Tracked, phase: Phase, status: ResponseStatus, now: int, answers: list[Answer]
    ) -> None:
        tracked.phase = phase
        self._windows = None
        self._answer(tracked, status, now, answers)

    def _opt(self, tracked: Tracked, choice: ResponseStatus, now: int) -> list[Answer]:
        answers: list[Answer] = []
        if tracked.is_live and tracked.opted is not choice:
            tracked.opted = choice
            if tracked.phase is Phase.ACTIVE:
                _count_override(tracked, now)
                tracked.overridden_at = now if choice is ResponseStatus.OPTED_OUT else None
            if choice is ResponseStatus.OPTED_IN and tracked.phase is Phase.ACTIVE:
                tracked.took_part = True
            self._answer(tracked, choice, now, answers)
        return answers

    def _answer(self, tracked: Tracked, status: ResponseStatus, now: int, answers: list[Answer]) -> None:
        """Add an answer, if it is asked for and was not given before."""
        required = tracked.occurrence.event.responseRequired
        if status in tracked.answered or not is_asked_for(status, int.from_bytes(required or b"")):
            return
        tracked.answered.add(status)
        answers.append(Answer(tracked.occurrence, status, now, tracked.overridden_s))

    # --- who wins --------------------------------------------------------------------------------------

    def _all_windows(self) -> dict[str, list[Window]]:
        if self._windows is None:
            by_mode: dict[str, list[Tracked]] = {}
            for tracked in self.tracked.values():
                if tracked.is_live:
                    for mode in tracked.modes:
                        by_mode.setdefault(mode, []).append(tracked)
            self._windows = {mode: list(_resolve(live)) for mode, live in by_mode.items()}
        return self._windows

    def _supersede(self, now: int, answers: list[Answer]) -> bool:
        """Take modes away from events that lost them by ``now``. Return whether any was."""
        changed = False
        for mode, windows in list(self._all_windows().items()):
            ruling = {id(window.tracked): window for window in windows}
            for tracked in self.tracked.values():
                if not tracked.is_live or mode not in tracked.modes:
                    continue
                window = ruling.get(id(tracked))
                taken_over = window is not None and window.end <= now and window.end < tracked.end
                if window is not None and not taken_over:
                    continue
                tracked.lost.add(mode)
                changed = True
                if tracked.modes:
                    continue
                if window is None or _overtaken(window, windows):
                    self._end(tracked, Phase.SUPERSEDED, self._superseded, now, answers)
                else:  # the next one began; this one ran to its end
                    self._finish(tracked, now, answers)
        return changed

    def _end_of(self, tracked: Tracked) -> int:
        """Return when the last of an event's modes ends."""
        ends = [
            window.end
            for mode in tracked.modes
            for window in self._all_windows().get(mode, ())
            if window.tracked is tracked
        ]
        return max(ends, default=tracked.end)


def _count_override(tracked: Tracked, now: int) -> None:
    if tracked.overridden_at is not None:
        tracked.overridden_s += max(0, now - tracked.overridden_at)
        tracked.overridden_at = None


def _outcome(tracked: Tracked) -> ResponseStatus:
    """Return what is said of an event that ran to its end, by what the user did meanwhile.

    The override of load control has a bound (overrideDuration): whoever overrides for longer took no part.
    """
    event = tracked.occurrence.event
    allowed = event.overrideDuration or 0 if isinstance(event, sep.EndDeviceControl) else None
    if not tracked.took_part or (allowed is not None and tracked.overridden_s > allowed):
        return ResponseStatus.COMPLETED_WITHOUT_PARTICIPATION
    if tracked.opted is None:
        return ResponseStatus.COMPLETED
    out = tracked.opted is ResponseStatus.OPTED_OUT
    return ResponseStatus.PARTIAL_OPT_OUT if out else ResponseStatus.PARTIAL_OPT_IN


def _overlap(one: Occurrence, other: Occurrence) -> bool:
    """Tell whether two events overlap as specified; what each client draws does not count."""
    return one.start < other.end and other.start < one.end


def _overtaken(window: Window, windows: list[Window]) -> bool:
    """Tell whether a window ends because an overlapping event takes over, not because a later one begins."""
    return any(
        other.start == window.end and _overlap(other.tracked.occurrence, window.tracked.occurrence)
        for other in windows
        if other is not window
    )


def _resolve(live: list[Tracked]) -> Iterator[Window]:
    """Yield when each event rules one mode; events that lost it to another yield nothing.

    The best ranked come first, each takes what it wants, and the next gets what is left: one that already
    runs until the winner starts, one that does not run yet nothing at all.
    """
    accepted: list[Window] = []
    starts: dict[int, int] = {}
    for each in live:
        starts[each.occurrence.start] = min(each.start, starts.get(each.occurrence.start, each.start))
    for tracked in sorted(live, key=lambda each: each.occurrence.rank):
        # Where another begins exactly at its specified end, it ends as that one starts: randomization makes
        # neither gap nor overlap between successive events (clause 10.2.3.3 o, p).
        follows = None if tracked.cancelled else starts.get(tracked.occurrence.end)
        start, end = tracked.start, tracked.end if follows is None else follows
        lost = False
        for winner in accepted:
            if not _overlap(tracked.occurrence, winner.tracked.occurrence):
                continue
            if tracked.phase is Phase.ACTIVE and tracked.start < winner.start:
                end = min(end, winner.start)
            else:
                lost = True
                break
        if not lost:
            accepted.append(Window(tracked, start, end))
    yield from _without_gaps_or_overlaps(accepted)


def _without_gaps_or_overlaps(windows: list[Window]) -> Iterator[Window]:
    """Cut windows whose drawn times run into the next; the events themselves do not overlap."""
    ordered = sorted(windows, key=lambda one: (one.start, one.tracked.occurrence.start))
    for place, window in enumerate(ordered):
        following = ordered[place + 1].start if place + 1 < len(ordered) else window.end
        yield Window(window.tracked, window.start, max(window.start, min(window.end, following)))
