"""What a device remembers over a restart: events with what it drew and answered, programs, waiting responses.

One small JSON file, written whole and atomically whenever any of this changes. Without it a device would roll
the dice again, answer twice, and forget what it was told while its server is away.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from openesi.client import der
from openesi.client.scheduler import MAX_EVENTS, Answer, Occurrence, Phase, Scheduler, Tracked
from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.sep2 import xml
from openesi.sep2.editions import CSIP_AUS_13, IEEE_2018, IEEE_2023
from openesi.sep2.enums import ResponseStatus
from openesi.sep2.errors import DecodeError, EncodeError

log = logging.getLogger(__name__)

FORMAT = 2
EVERYTHING = replace(
    IEEE_2018, name="memory", tags=CSIP_AUS_13.tags | IEEE_2023.tags
)  # whatever a server of any edition said
MAX_FILE = 8 << 20  # octets; MAX_EVENTS documents of 1 kB are far less


class EventRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One ``Tracked`` event. Octets are in hexadecimal, ``document`` is XML."""

    mrid: str
    program: str
    primacy: int
    modes: list[str]
    document: str
    start: int
    end: int
    phase: str
    lost: list[str]
    answered: list[int]
    cancelled: bool
    opted: int | None
    took_part: bool
    overridden_s: int = 0
    overridden_at: int | None = None


class ProgramRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A program with its default control, and its curves by href."""

    mrid: str
    primacy: int
    default: str | None
    curves: dict[str, str]


class AnswerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A response that waits; ``events`` names the schedule whose event it answers."""

    events: str
    mrid: str
    status: int
    at: int
    overridden_s: int
    doubtful: bool


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file. ``lfdi`` is whose memory it is; ``events`` are by the name of their schedule."""

    format: int
    lfdi: str
    events: dict[str, list[EventRecord]]
    programs: list[ProgramRecord]
    waiting: list[AnswerRecord]
    log_events: int
    alarms: int


@dataclass(slots=True)
class Recollection:
    """What is kept: the schedules by name, programs, responses that wait; alarms, and how many were told.

    ``waiting`` and ``doubtful`` are the device's own; what is recalled is put into them.
    """

    schedulers: Mapping[str, Scheduler]
    waiting: deque[Answer]
    doubtful: set[tuple[bytes, int]]
    programs: tuple[der.Program, ...] = ()
    log_events: int = 0
    alarms: int = 0


class Memory:
    """The file of one device."""

    def __init__(self, file: Path, lfdi: bytes) -> None:
        self._file, self._lfdi = file, lfdi.hex()
        self._written: bytes | None = None
        # Documents with their text: this is asked for far more often than they change.
        self._texts: dict[int, tuple[sep.Sep, str]] = {}
        self._fresh: dict[int, tuple[sep.Sep, str]] = {}

    def recall(self, into: Recollection) -> None:
        """Put back what was remembered.

        A file that cannot be used is set aside, and the device begins anew.
        """
        contents = self._load()
        if contents is None:
            return
        for name, scheduler in into.schedulers.items():
            for record in contents.events.get(name, ())[:MAX_EVENTS]:
                tracked = _to_tracked(record)
                scheduler.tracked[tracked.occurrence.mrid] = tracked
        for one in contents.waiting:
            known = into.schedulers.get(one.events)
            event = known.tracked.get(bytes.fromhex(one.mrid)) if known is not None else None
            if event is not None:
                status = ResponseStatus(one.status)
                answer = Answer(event.occurrence, status, one.at, one.overridden_s)
                into.waiting.append(answer)
                if one.doubtful:
                    into.doubtful.add(answer.key)
        into.programs = tuple(_to_program(record) for record in contents.programs)
        into.log_events, into.alarms = contents.log_events, contents.alarms

    def keep(self, what: Recollection) -> bool:
        """Write what is to be remembered, if it changed. Raises LocalError if it cannot be written."""
        names = {mrid: name for name, scheduler in what.schedulers.items() for mrid in scheduler.tracked}
        contents = Contents(
            format=FORMAT,
            lfdi=self._lfdi,
            events={
                name: [self._to_record(tracked) for tracked in scheduler.tracked.values()]
                for name, scheduler in what.schedulers.items()
            },
            programs=[self._to_program_record(one) for one in what.programs],
            waiting=[
                AnswerRecord(
                    events=names.get(one.occurrence.mrid, ""),
                    mrid=one.occurrence.mrid.hex(),
                    status=one.status,
                    at=one.at,
                    overridden_s=one.overridden_s,
                    doubtful=one.key in what.doubtful,
                )
                for one in what.waiting
            ],
            log_events=what.log_events,
            alarms=what.alarms,
        )
        self._texts, self._fresh = self._fresh, {}
        data = msgspec.json.encode(contents)
        if data == self._written:
            return False
        temporary = self._file.with_suffix(".new")
        try:
            with temporary.open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(self._file)
        except OSError as error:
            raise LocalError(f"{self._file} cannot be written: {error.strerror}") from error
        self._written = data
        return True

    def _to_record(self, tracked: Tracked) -> EventRecord:
        one = tracked.occurrence
        return EventRecord(
            mrid=one.mrid.hex(),
            program=one.program.hex(),
            primacy=one.primacy,
            modes=sorted(one.modes),
            document=self._to_text(one.event),
            start=tracked.start,
            end=tracked.end,
            phase=tracked.phase.value,
            lost=sorted(tracked.lost),
            answered=sorted(tracked.answered),
            cancelled=tracked.cancelled,
            opted=tracked.opted,
            took_part=tracked.took_part,
            overridden_s=tracked.overridden_s,
            overridden_at=tracked.overridden_at,
        )

    def _to_program_record(self, program: der.Program) -> ProgramRecord:
        return ProgramRecord(
            mrid=program.mrid.hex(),
            primacy=program.primacy,
            default=None if program.default is None else self._to_text(program.default),
            curves={href: self._to_text(curve) for href, curve in program.curves.items()},
        )

    def _to_text(self, document: sep.Sep) -> str:
        known = self._texts.get(id(document))
        if known is None or known[0] is not document:
            try:
                known = (document, xml.serialize(document, EVERYTHING).decode())
            except EncodeError as error:
                raise LocalError(f"what the server sent cannot be remembered: {error}") from error
        self._fresh[id(document)] = known
        return known[1]

    def _load(self) -> Contents | None:
        try:
            with self._file.open("rb") as stream:
                data = stream.read(MAX_FILE + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LocalError(f"{self._file} cannot be read: {error.strerror}") from error
        try:
            contents = msgspec.json.decode(data, type=Contents)
            if contents.format != FORMAT or contents.lfdi != self._lfdi:
                raise ValueError("another format, or another device")
            for records in contents.events.values():
                for record in records:
                    _to_tracked(record)
            for program in contents.programs:
                _to_program(program)
        except (ValueError, DecodeError) as error:
            aside = self._file.with_suffix(".bad")
            self._file.replace(aside)
            log.warning("memory set aside file=%s reason=%s", aside, error)
            return None
        return contents


def _to_tracked(record: EventRecord) -> Tracked:
    """Return the event as it was. Raises DecodeError or ValueError for a record that makes no sense."""
    return Tracked(
        occurrence=Occurrence(
            mrid=bytes.fromhex(record.mrid),
            program=bytes.fromhex(record.program),
            primacy=record.primacy,
            modes=frozenset(record.modes),
            event=xml.parse_as(record.document.encode(), sep.Event, EVERYTHING),
        ),
        start=record.start,
        end=record.end,
        phase=Phase(record.phase),
        lost=set(record.lost),
        answered=set(record.answered),
        cancelled=record.cancelled,
        opted=None if record.opted is None else ResponseStatus(record.opted),
        took_part=record.took_part,
        overridden_s=record.overridden_s,
        overridden_at=record.overridden_at,
    )


def _to_program(record: ProgramRecord) -> der.Program:
    default = None
    if record.default is not None:
        default = xml.parse_as(record.default.encode(), sep.DefaultDERControl, EVERYTHING)
    curves = {
        href: xml.parse_as(text.encode(), sep.DERCurve, EVERYTHING) for href, text in record.curves.items()
    }
    return der.Program(
        mrid=bytes.fromhex(record.mrid), primacy=record.primacy, default=default, curves=curves
    )
