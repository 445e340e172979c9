"""Time: what the server's clock and zone say, worked out for every answer."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from openesi.sep2 import model as sep
from openesi.sep2.daylight import saving_at, saving_period, standard_offset
from openesi.sep2.resources import Match
from openesi.server.functions.base import Behaviour
from openesi.server.view import View

CLOCK_STEP_S = 2.0  # between two looks; less is slewing, or a busy machine


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
    saving = saving_at(now, zone)
    period = saving_period(now, zone)
    offset = standard_offset(now, zone)
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


BEHAVIOURS = {"Time": Behaviour(generate=time)}
