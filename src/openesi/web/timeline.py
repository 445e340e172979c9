"""Events and what devices said about them: the timeline as the page shows it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Set
from typing import Any

import msgspec

from openesi.sep2 import events, identity, responses
from openesi.sep2 import model as sep
from openesi.sep2.enums import EventState, ResponseStatus
from openesi.server import groups, operator
from openesi.server.documents import read_document
from openesi.server.functions.der import scaled
from openesi.server.operator import HUNDRED_PERCENT
from openesi.store import ASSIGNED, PUBLIC, Reader, Row
from openesi.web.roster import MAX_MEMBERS, Share

SHOWN = 50  # events on the page, and programs
MAX_SCANNED = 5_000  # ended events that are looked through once, when the server starts
MAX_RESPONSES = 50_000  # responses that are counted; the newest of each device and event count
RESPONSE_TYPES = ("Response", *(kind.__name__ for kind in responses.BODY.values()))

# Where the parts of a response's key stand: LFDI, mRID of the event, status, createdDateTime.
_LFDI, _SUBJECT, _STATUS, _CREATED = slice(0, 20), slice(20, 36), 36, slice(37, 45)

_CONTROL = re.compile(r"/derp/\d+/derc/\d+")

ENDED = frozenset({"cancelled", "cancelled_with_randomization", "superseded", "completed"})


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How many devices sent which response about an event; ``silent``: how many could have, and sent none."""

    received: int = 0
    started: int = 0
    completed: int = 0
    opted_out: int = 0
    cancelled: int = 0
    superseded: int = 0
    rejected: int = 0
    other: int = 0
    silent: int | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One DERControl. Times are s since 1970; ``ended`` is when it really ended, if it has."""

    href: str
    program: str
    mrid: str
    description: str | None
    status: str
    primacy: int
    start: int
    duration: int
    ended: int | None
    control: dict[str, Any]
    limit_percent: float | None
    limit_w: float | None
    responses: Tally


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """One DERProgram and what applies in it while no event does."""

    href: str
    mrid: str
    description: str | None
    primacy: int
    default: dict[str, Any]
    default_limit_percent: float | None


class Responses:
    """Which device sent which statuses about which event."""

    def __init__(self) -> None:
        self._by_event: dict[bytes, dict[bytes, dict[int, int]]] = {}
        self._count = 0

    def refresh(self, reader: Reader, changed: set[str] | None) -> bool:
        """Read again what changed (None: everything). Return whether anything did."""
        if changed is None:
            self._by_event.clear()
            self._count = 0
            rows = (row for kind in RESPONSE_TYPES for row in reader.of_type(kind, limit=MAX_RESPONSES))
        else:
            places = [path for path in changed if path.startswith("/rsps/") and path.count("/") == 4]
            rows = (row for path in places if (row := reader.get(path)) is not None)
        return self._note(rows)

    def of(self, mrid: bytes) -> dict[bytes, dict[int, int]]:
        """Return the statuses that each device (LFDI) has sent about an event, and when (s) last."""
        return self._by_event.get(mrid, {})

    def _note(self, rows: Iterable[Row]) -> bool:
        noted = False
        for row in rows:
            if row.key is None or len(row.key) <= _STATUS:
                continue
            while self._count >= MAX_RESPONSES:  # a fleet that answers every event: the oldest event goes
                self._count -= len(self._by_event.pop(next(iter(self._by_event))))
            senders = self._by_event.setdefault(row.key[_SUBJECT], {})
            self._count += row.key[_LFDI] not in senders
            created = int.from_bytes(row.key[_CREATED], "big", signed=True)
            senders.setdefault(row.key[_LFDI], {})[row.key[_STATUS]] = created
            noted = True
        return noted


class Timeline:
    """Programs, their events that are not over, and those that ended last."""

    def __init__(self) -> None:
        self._live: dict[str, tuple[str, int, sep.DERControl]] = {}
        self._ended: dict[str, tuple[str, int, sep.DERControl]] = {}
        self.programs: list[Program] = []
        self.responses = Responses()
        self._devices: dict[str, frozenset[str] | None] = {}

    def refresh(self, reader: Reader, changed: set[str] | None) -> bool:
        """Read again what changed (None: everything). Return whether anything did."""
        answered = self.responses.refresh(reader, changed)
        if changed is None:
            self._ended = dict(sorted(_ended(reader), key=lambda one: one[1][2].interval.start)[-SHOWN:])
        elif not any(path.startswith("/derp") for path in changed):
            moved = any(path.startswith("/fsa") or path.endswith("/fsa") for path in changed)
            if moved:
                self._read_members(reader)
            return answered or moved
        found = _shown_programs(reader)
        self.programs = _described(reader, found)
        before, self._live = self._live, dict(_live(reader, found))
        for href, (program_href, primacy, old) in before.items():
            if href not in self._live and reader.get(href) is not None:
                self._ended[href] = (program_href, primacy, _over(old))
        for href in _short_lived(changed or (), self._live.keys() | self._ended.keys()):
            row = reader.get(href)
            if row is not None and row.state == EventState.COMPLETED:
                program_href = href.rpartition("/derc/")[0]
                primacy = next((one.primacy for one in self.programs if one.href == program_href), 0)
                self._ended[href] = (program_href, primacy, read_document(row, sep.DERControl))
        while len(self._ended) > SHOWN:
            del self._ended[next(iter(self._ended))]
        self._read_members(reader)
        return True

    def _read_members(self, reader: Reader) -> None:
        programs = {program for program, _, _ in (self._ended | self._live).values()}
        self._devices = {program: devices_of(reader, program) for program in programs}

    def events(self, share: Callable[[frozenset[str] | None], Share]) -> list[Event]:
        """Return events: those in force, those to come, those that ended (the last first).

        ``share`` says what the devices are together that a program is for (None: all).
        """
        known = sorted((self._ended | self._live).items(), key=lambda one: _order(one[1][2]))
        return [
            summarize(
                href, program, primacy, control, self.responses, share=share(self._devices.get(program))
            )
            for href, (program, primacy, control) in known[:SHOWN]
        ]

    def limit_w(self, max_w: float) -> float | None:
        """Return the limit in force for all devices, in W: of the strongest program that has one."""
        active = [
            (primacy, -control.creationTime, limit)
            for program, primacy, control in self._live.values()
            if self._devices.get(program) is None
            and control.EventStatus.currentStatus == EventState.ACTIVE
            and (limit := _limit_w(control.DERControlBase, max_w)) is not None
        ]
        return min(active)[2] if active else None


def devices_of(reader: Reader, program: str) -> frozenset[str] | None:
    """Return the devices that a program is for, as many as are told apart; None: all."""
    return groups.assigned_devices(reader, program, limit=MAX_MEMBERS + 1)


def read_programs(reader: Reader) -> list[Program]:
    """Return the programs, the strongest first."""
    return _described(reader, operator.programs(reader))


def _shown_programs(reader: Reader) -> list[tuple[str, sep.DERProgram]]:
    """Return as many programs as a page shows; those for everybody before those of single devices."""
    rows = [row for scope in (PUBLIC, ASSIGNED) for row in reader.page("/derp", scope=scope, limit=SHOWN)]
    shown = sorted(rows[:SHOWN], key=lambda row: row.sort)
    return [(row.path, read_document(row, sep.DERProgram)) for row in shown]


def _described(reader: Reader, programs: list[tuple[str, sep.DERProgram]]) -> list[Program]:
    found = []
    for path, program in programs:
        row = reader.get(f"{path}/dderc")
        default = read_document(row, sep.DefaultDERControl).DERControlBase if row else sep.DERControlBase()
        found.append(
            Program(
                href=path,
                mrid=identity.format_mrid(program.mRID),
                description=program.description,
                primacy=program.primacy,
                default=modes(default),
                default_limit_percent=_percent(default),
            )
        )
    return found


def summarize(
    href: str,
    program: str,
    primacy: int,
    control: sep.DERControl,
    responses: Responses,
    *,
    share: Share,
) -> Event:
    """Return an event as the page and the API show it; ``share`` is that of the devices it is for."""
    status = EventState(control.EventStatus.currentStatus).name.lower()
    planned_end = control.interval.start + control.interval.duration
    ended = min(control.EventStatus.dateTime, planned_end) if status in ENDED else None
    expected = share.devices if control.responseRequired and any(control.responseRequired) else None
    return Event(
        href=href,
        program=program,
        mrid=identity.format_mrid(control.mRID),
        description=control.description,
        status=status,
        primacy=primacy,
        start=control.interval.start,
        duration=control.interval.duration,
        ended=planned_end if status == "completed" else ended,
        control=modes(control.DERControlBase),
        limit_percent=_percent(control.DERControlBase),
        limit_w=_limit_w(control.DERControlBase, share.max_w),
        responses=tally(responses.of(control.mRID.rjust(16, b"\x00")), expected),
    )


def tally(sent: dict[bytes, dict[int, int]], expected: int | None) -> Tally:
    """Count devices by what they sent; ``expected`` is how many should (None: nobody has to)."""
    groups = {name: frozenset(statuses) for name, statuses in _GROUPS.items()}
    counts = {name: sum(not group.isdisjoint(one) for one in sent.values()) for name, group in groups.items()}
    return Tally(**counts, silent=None if expected is None else max(0, expected - len(sent)))


_GROUPS: dict[str, tuple[ResponseStatus, ...]] = {
    "received": (ResponseStatus.RECEIVED,),
    "started": (ResponseStatus.STARTED,),
    "completed": (
        ResponseStatus.COMPLETED,
        ResponseStatus.PARTIAL_OPT_OUT,
        ResponseStatus.PARTIAL_OPT_IN,
        ResponseStatus.COMPLETED_WITHOUT_PARTICIPATION,
    ),
    "opted_out": (ResponseStatus.OPTED_OUT,),
    "cancelled": (ResponseStatus.CANCELLED,),
    "superseded": (
        ResponseStatus.SUPERSEDED,
        ResponseStatus.ABORTED_FOR_OTHER_SERVER,
        ResponseStatus.ABORTED_FOR_OTHER_PROGRAM,
    ),
    "rejected": (
        ResponseStatus.REJECTED_NOT_APPLICABLE,
        ResponseStatus.REJECTED_INVALID,
        ResponseStatus.REJECTED_EXPIRED,
    ),
    "other": (ResponseStatus.OPTED_IN, ResponseStatus.ACKNOWLEDGED, ResponseStatus.CANNOT_DISPLAY),
}


def modes(base: sep.DERControlBase) -> dict[str, object]:
    """Return the modes that a control sets, in the standard's terms."""
    values: dict[str, Any] = msgspec.to_builtins(base)
    return {name: value for name, value in values.items() if value is not None}


def _percent(base: sep.DERControlBase) -> float | None:
    return None if base.opModMaxLimW is None else base.opModMaxLimW / 100


def _limit_w(base: sep.DERControlBase, max_w: float) -> float | None:
    """Return the most that the devices may give in W; None if the control does not limit, or who knows."""
    if base.opModEnergize is False or base.opModConnect is False:
        return 0.0
    if base.opModGenLimW is not None:
        return float(scaled(base.opModGenLimW))
    if base.opModMaxLimW is None or max_w <= 0:
        return None
    return round(base.opModMaxLimW * max_w / HUNDRED_PERCENT, 1)


def _order(control: sep.DERControl) -> tuple[int, int]:
    status, start = control.EventStatus.currentStatus, control.interval.start
    if status in (EventState.ACTIVE, EventState.SCHEDULED):
        return (0 if status == EventState.ACTIVE else 1), start
    return 2, -start


def _live(
    reader: Reader, programs: list[tuple[str, sep.DERProgram]]
) -> Iterable[tuple[str, tuple[str, int, sep.DERControl]]]:
    for path, program in programs:
        for state in EventState:
            for row in reader.page(f"{path}/derc", state=state, limit=SHOWN):
                yield row.path, (path, program.primacy, read_document(row, sep.DERControl))


def _ended(reader: Reader) -> Iterable[tuple[str, tuple[str, int, sep.DERControl]]]:
    primacies = {path: program.primacy for path, program in operator.programs(reader)}
    rows = [
        row for row in reader.of_type("DERControl", limit=MAX_SCANNED) if row.state == EventState.COMPLETED
    ]
    for row in sorted(rows, key=lambda row: row.due or 0)[-SHOWN:]:
        program = row.path.rpartition("/derc/")[0]
        yield row.path, (program, primacies.get(program, 0), read_document(row, sep.DERControl))


def _short_lived(changed: Iterable[str], known: Set[str]) -> list[str]:
    """Return events that came and went between two looks, as many as are shown."""
    found = [path for path in changed if path not in known and _CONTROL.fullmatch(path)]
    return found[:SHOWN]


def _over(control: sep.DERControl) -> sep.DERControl:
    """Return a control that has left its list as it ended: cancelled ones stay cancelled."""
    if control.EventStatus.currentStatus in (EventState.SCHEDULED, EventState.ACTIVE):
        ended = events.with_status(control, EventState.COMPLETED, events.latest_end(control))
        assert isinstance(ended, sep.DERControl)
        return ended
    return control
