"""Time: what the server's clock and zone say, worked out for every answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from openesi.sep2 import model as sep
from openesi.sep2.resources import Match
from openesi.server.functions.base import Behaviour
from openesi.server.view import View

CLOCK_STEP_S = 2.0  # between two looks; less is slewing, or a busy machine
SLOT_S = 900  # clocks change at whole quarters of an hour; the search for the change is kept for one


class ClockWatch:
    """Tells when somebody set the clock, by a second one that nobody can set."""

    def __init__(self, wall: float, steady: float) -> None:
        self._wall, self._steady = wall, steady

    def look(self, wall: float, steady: float) -> float:
        """Return by how much (s) the clock was set since the last look, 0 where it was not."""
        step_s = (wall - self._wall) - (steady - self._steady)
        self._wall, self._steady = wall, steady
        return step_s if abs(step_s) >= CLOCK_STEP_S else 0.0


def time(view: View, match: Match, path: str) -> sep.Time:
    """Return the time now. The answer holds until the next second."""
    del match, path
    now = int(view.now)
    view.until = min(view.until, now + 1)
    return time_at(
        now,
        ZoneInfo(view.settings.timezone),
        quality=view.settings.time_quality,
        poll_rate=view.settings.poll_rate("Time"),
    )


def time_at(now: int, zone: ZoneInfo, *, quality: int, poll_rate: int) -> sep.Time:
    """Return Time at ``now`` (s since 1970, UTC) in a zone.

    The pair of daylight saving instants covers now, or is the next one; both are 0 where there is none
    (IEEE 2030.5-2018, type Time).
    """
    local = datetime.fromtimestamp(now, zone)
    saving = _saving(local)
    period = _saving_period(now - now % SLOT_S, zone)
    offset = _seconds(local.utcoffset()) - saving
    return sep.Time(
        currentTime=now,
        dstEndTime=period[1],
        dstOffset=period[2],
        dstStartTime=period[0],
        localTime=now + offset + saving,
        quality=quality,
        tzOffset=offset,
        pollRate=poll_rate,
    )


@lru_cache(maxsize=64)
def _saving_period(now: int, zone: ZoneInfo) -> tuple[int, int, int]:
    """Return start, end (UTC) and offset of the daylight saving period that covers ``now`` or comes next."""
    in_force = _saving_at(now, zone)
    if in_force:
        start = _change(now, zone, step=-1)
        end = _change(now, zone, step=1)
        return (start, end, in_force) if start is not None and end is not None else (0, 0, 0)
    start = _change(now, zone, step=1)
    if start is None:
        return 0, 0, 0
    end = _change(start, zone, step=1)
    return (start, end, _saving_at(start, zone)) if end is not None else (0, 0, 0)


def _change(now: int, zone: ZoneInfo, *, step: int) -> int | None:
    """Return the nearest instant after (step 1) or at or before (step -1) ``now`` when saving changes."""
    here, saving = now, _saving_at(now, zone)
    for _ in range(400):
        there = here + step * 86_400
        if _saving_at(there, zone) != saving:
            low, high = sorted((here, there))
            return _bisect(low, high, zone)
        here = there
    return None


def _bisect(low: int, high: int, zone: ZoneInfo) -> int:
    before = _saving_at(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _saving_at(middle, zone) == before else (low, middle)
    return high


def _saving_at(instant: int, zone: ZoneInfo) -> int:
    return _saving(datetime.fromtimestamp(instant, UTC).astimezone(zone))


def _saving(local: datetime) -> int:
    return _seconds(local.dst())


def _seconds(delta: timedelta | None) -> int:
    return int(delta.total_seconds()) if delta else 0


BEHAVIOURS = {"Time": Behaviour(generate=time)}
