"""Points as they change: a history of those that are asked for, and a stream of them.

A device is followed from the first time that somebody asks for its points. What is kept is bounded by number,
whoever asks: the device that nobody asked for longest makes room.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass, field

import msgspec

from openesi.errors import PeerError
from openesi.server import own_program
from openesi.store import Reader, Row, list_tag
from openesi.sunspec.values import Value
from openesi.web.point_source import Place, place_of, read_all, usage_points

MAX_FOLLOWED = 1_000  # devices; the history of one is at most some 100 kB
MAX_CHANGES = 1_000  # of one device, all its points together
MAX_LISTENERS = 200  # a VOLTTRON with a driver for each device; each costs one waiting task
HEARTBEAT_S = 10.0

_DEVICE = re.compile(r"/edev/\d+")
_USAGE_POINT = re.compile(r"/upt/\d+")
_PROGRAM = re.compile(r"(/derp/\d+)/derc(?:/|$)")


class TooManyListeners(PeerError):
    """MAX_LISTENERS listen already."""

    def __init__(self) -> None:
        super().__init__(f"{MAX_LISTENERS} programs follow points already: end some of them", status=503)


class Change(msgspec.Struct, frozen=True, array_like=True):
    """One point took another value. ``at`` is when the server had it (s since 1970)."""

    at: float
    name: str
    value: Value


@dataclass(slots=True)
class _Followed:
    device: str
    lfdi: bytes
    values: dict[str, Value] = field(default_factory=dict)
    sources: frozenset[str] = frozenset()
    changes: deque[Change] = field(default_factory=lambda: deque(maxlen=MAX_CHANGES))
    counted: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class PointBoard:
    """The points that are followed. ``refresh`` keeps them up; everything else only looks."""

    def __init__(self) -> None:
        self._followed: OrderedDict[str, _Followed] = OrderedDict()
        self._listeners = 0

    def follow(self, reader: Reader, place: Place, now: float) -> None:
        """Begin to follow a device, or put off the time at which it makes room."""
        device = place.row.path
        known = self._followed.get(device)
        if known is None or known.lfdi != place.lfdi:
            known = self._followed[device] = _Followed(device, place.lfdi)
            self._update(reader, known, now)
        self._followed.move_to_end(device)
        while len(self._followed) > MAX_FOLLOWED:
            _, gone = self._followed.popitem(last=False)
            gone.changed.set()

    def refresh(self, reader: Reader, changed: set[str] | None, now: float) -> None:
        """Read again what changed (None: everything)."""
        if changed is None:
            touched: Iterable[str] = list(self._followed)
        else:
            touched = self._touched(changed)
        for device in touched:
            self._update(reader, self._followed[device], now)

    def touch(self, reader: Reader, row: Row | None, now: float) -> None:
        """Read a device (None: all) again: its table has changed."""
        for device in [row.path] if row is not None else list(self._followed):
            if device in self._followed:
                self._update(reader, self._followed[device], now)

    def history(self, place: Place, *, name: str | None = None, since: float = 0.0) -> list[Change]:
        """Return the changes of a followed device, oldest first."""
        known = self._followed.get(place.row.path)
        changes = known.changes if known is not None else ()
        return [one for one in changes if one.at >= since and name in (None, one.name)]

    async def listen(self, device: str) -> AsyncGenerator[tuple[str, dict[str, Value]]]:
        """Yield a snapshot of a followed device, then patches, and beats while nothing changes.

        Who is too far behind gets a snapshot again. Raises TooManyListeners at once.
        """
        if self._listeners >= MAX_LISTENERS:
            raise TooManyListeners
        self._listeners += 1
        try:
            seen: int | None = None
            while (known := self._followed.get(device)) is not None:
                counted = known.counted
                if seen is None or counted - seen > len(known.changes):
                    yield "snapshot", dict(known.values)
                elif counted > seen:
                    latest = list(known.changes)[seen - counted :]
                    yield "patch", {one.name: one.value for one in latest}
                else:
                    yield "beat", {}
                seen = counted
                if known.counted == seen:
                    known.changed.clear()
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(known.changed.wait(), HEARTBEAT_S)
        finally:
            self._listeners -= 1

    def _touched(self, changed: set[str]) -> list[str]:
        places = {
            found[found.re.groups]
            for path in changed
            for pattern in (_DEVICE, _USAGE_POINT, _PROGRAM)
            if (found := pattern.match(path)) is not None
        }
        places |= changed  # lists announce themselves whole
        return [one.device for one in self._followed.values() if not places.isdisjoint(one.sources)]

    def _update(self, reader: Reader, known: _Followed, now: float) -> None:
        row = reader.get(known.device)
        if row is None or row.key != known.lfdi:  # gone; another may have taken its place
            del self._followed[known.device]
            known.changed.set()
            return
        place = place_of(reader, row)
        values = read_all(reader, place)
        known.sources = _sources(reader, place)
        changes = [
            Change(round(now, 3), name, value)
            for name, value in values.items()
            if known.values.get(name) != value
        ]
        known.values = values
        known.changes.extend(changes)
        known.counted += len(changes)
        known.changed.set()


def _sources(reader: Reader, place: Place) -> frozenset[str]:
    """Return the paths and lists whose change is a change of a device's points."""
    program = own_program.find(reader, place.row)
    mirrored = list_tag("/upt", place.row.scope or place.lfdi)
    own = [program] if program is not None else []
    return frozenset([place.row.path, mirrored, *usage_points(reader, place), *own])
