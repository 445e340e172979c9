"""What a device remembers over a restart: events with what it drew and answered, defaults, waiting responses.

One small JSON file, written whole and atomically whenever any of this changes. Without it a device would roll
the dice again, answer twice, and forget what it was told while its server is away.
"""

from __future__ import annotations

import logging
import os
from collections import deque
from pathlib import Path

import msgspec

from openesi.client import der
from openesi.client.scheduler import MAX_EVENTS, Answer, Occurrence, Phase, Scheduler, Tracked
from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.sep2 import xml
from openesi.sep2.enums import ResponseStatus
from openesi.sep2.errors import DecodeError, EncodeError

log = logging.getLogger(__name__)

FORMAT = 1
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


class ProgramRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A program with its default control."""

    mrid: str
    primacy: int
    default: str | None


class AnswerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A response that waits."""

    mrid: str
    status: int
    at: int


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file. ``lfdi`` is whose memory it is."""

    format: int
    lfdi: str
    events: list[EventRecord]
    programs: list[ProgramRecord]
    waiting: list[AnswerRecord]


class Memory:
    """The file of one device."""

    def __init__(self, file: Path, lfdi: bytes) -> None:
        self._file, self._lfdi = file, lfdi.hex()
        self._written: bytes | None = None

    def recall(self, scheduler: Scheduler, waiting: deque[Answer]) -> tuple[der.Program, ...]:
        """Put back what was remembered; return the programs with their defaults.

        A file that cannot be used is set aside, and the device begins anew.
        """
        contents = self._load()
        if contents is None:
            return ()
        for record in contents.events[:MAX_EVENTS]:
            tracked = _to_tracked(record)
            scheduler.tracked[tracked.occurrence.mrid] = tracked
        for one in contents.waiting:
            tracked_event = scheduler.tracked.get(bytes.fromhex(one.mrid))
            if tracked_event is not None:
                waiting.append(Answer(tracked_event.occurrence, ResponseStatus(one.status), one.at))
        return tuple(_to_program(record) for record in contents.programs)

    def keep(self, scheduler: Scheduler, programs: tuple[der.Program, ...], waiting: deque[Answer]) -> bool:
        """Write what is to be remembered, if it changed. Raises LocalError if it cannot be written."""
        contents = Contents(
            format=FORMAT,
            lfdi=self._lfdi,
            events=[_to_record(tracked) for tracked in scheduler.tracked.values()],
            programs=[
                ProgramRecord(mrid=one.mrid.hex(), primacy=one.primacy, default=_to_text(one.default))
                for one in programs
            ],
            waiting=[
                AnswerRecord(mrid=one.occurrence.mrid.hex(), status=one.status, at=one.at) for one in waiting
            ],
        )
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
            for record in contents.events:
                _to_tracked(record)
            for program in contents.programs:
                _to_program(program)
        except (ValueError, DecodeError) as error:
            aside = self._file.with_suffix(".bad")
            self._file.replace(aside)
            log.warning("memory set aside file=%s reason=%s", aside, error)
            return None
        return contents


def _to_record(tracked: Tracked) -> EventRecord:
    one = tracked.occurrence
    return EventRecord(
        mrid=one.mrid.hex(),
        program=one.program.hex(),
        primacy=one.primacy,
        modes=sorted(one.modes),
        document=_to_text(one.event) or "",
        start=tracked.start,
        end=tracked.end,
        phase=tracked.phase.value,
        lost=sorted(tracked.lost),
        answered=sorted(tracked.answered),
        cancelled=tracked.cancelled,
        opted=tracked.opted,
        took_part=tracked.took_part,
    )


def _to_tracked(record: EventRecord) -> Tracked:
    """Return the event as it was. Raises DecodeError or ValueError for a record that makes no sense."""
    return Tracked(
        occurrence=Occurrence(
            mrid=bytes.fromhex(record.mrid),
            program=bytes.fromhex(record.program),
            primacy=record.primacy,
            modes=frozenset(record.modes),
            event=xml.parse_as(record.document.encode(), sep.Event),
        ),
        start=record.start,
        end=record.end,
        phase=Phase(record.phase),
        lost=set(record.lost),
        answered=set(record.answered),
        cancelled=record.cancelled,
        opted=None if record.opted is None else ResponseStatus(record.opted),
        took_part=record.took_part,
    )


def _to_program(record: ProgramRecord) -> der.Program:
    default = None
    if record.default is not None:
        default = xml.parse_as(record.default.encode(), sep.DefaultDERControl)
    return der.Program(mrid=bytes.fromhex(record.mrid), primacy=record.primacy, default=default)


def _to_text(document: sep.Sep | None) -> str | None:
    if document is None:
        return None
    try:
        return xml.serialize(document).decode()
    except EncodeError as error:
        raise LocalError(f"what the server sent cannot be remembered: {error}") from error
