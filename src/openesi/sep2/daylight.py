"""Daylight saving of a time zone, as Time of IEEE 2030.5 and of Zigbee tell it: one period, and offsets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

SLOT_S = 900  # clocks change at whole quarters of an hour; the search for the change is kept for one


def saving_period(now: int, zone: ZoneInfo) -> tuple[int, int, int]:
    """Return start, end (s since 1970, UTC) and offset (s) of the period that covers ``now`` or comes next.

    All are 0 where there is none.
    """
    return _saving_period(now - now % SLOT_S, zone)


def saving_at(instant: int, zone: ZoneInfo) -> int:
    """Return by how much clocks are ahead of standard time at an instant, in s."""
    return _seconds(_local(instant, zone).dst())


def standard_offset(instant: int, zone: ZoneInfo) -> int:
    """Return the offset of standard time from UTC at an instant, in s; east is positive."""
    local = _local(instant, zone)
    return _seconds(local.utcoffset()) - _seconds(local.dst())


@lru_cache(maxsize=64)
def _saving_period(now: int, zone: ZoneInfo) -> tuple[int, int, int]:
    in_force = saving_at(now, zone)
    if in_force:
        start = _change(now, zone, step=-1)
        end = _change(now, zone, step=1)
        return (start, end, in_force) if start is not None and end is not None else (0, 0, 0)
    start = _change(now, zone, step=1)
    if start is None:
        return 0, 0, 0
    end = _change(start, zone, step=1)
    return (start, end, saving_at(start, zone)) if end is not None else (0, 0, 0)


def _change(now: int, zone: ZoneInfo, *, step: int) -> int | None:
    """Return the nearest instant after (step 1) or at or before (step -1) ``now`` when saving changes."""
    here, saving = now, saving_at(now, zone)
    for _ in range(400):
        there = here + step * 86_400
        if saving_at(there, zone) != saving:
            low, high = sorted((here, there))
            return _bisect(low, high, zone)
        here = there
    return None


def _bisect(low: int, high: int, zone: ZoneInfo) -> int:
    before = saving_at(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if saving_at(middle, zone) == before else (low, middle)
    return high


def _local(instant: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(instant, UTC).astimezone(zone)


def _seconds(delta: timedelta | None) -> int:
    return int(delta.total_seconds()) if delta else 0
