"""The server's time, kept beside our own clock, which is never set (IEEE 2030.5-2018, clause 9.2)."""

from __future__ import annotations

from enum import Enum

EARLIEST = 1_577_836_800  # 2020: a server that says less has lost its clock
LATEST = 4_102_444_800  # 2100
RESOLUTION_S = 1.0  # Time counts whole seconds; a smaller difference tells nothing
SLEW_S = 60.0  # up to here time waits rather than go back, so that nothing happens twice
LONG_TRIP_S = 5.0  # an answer that took longer says little of when it was written


class Sample(Enum):
    """What became of the time a server told."""

    KEPT = "the clock was right already"
    ADJUSTED = "the clock was set"
    REFUSED = "no time that can be"
    VAGUE = "it took too long on its way"


class ServerClock:
    """Turns seconds of a local clock into the server's seconds since 1970.

    The local clock must never go back (``time.monotonic``); its zero does not matter. Until the server has
    told its time, ``fallback`` is what the local clock's zero is believed to be.
    """

    def __init__(self, *, fallback: float = 0.0) -> None:
        self.is_set = False
        self.offset_s = fallback
        self._reached = float("-inf")

    def at(self, now: float) -> float:
        """Return the server's time at the local time ``now``. It steps back only by more than SLEW_S."""
        time = now + self.offset_s
        if self._reached - SLEW_S < time < self._reached:
            return self._reached
        self._reached = time
        return time

    def accept(self, server_time: int, *, sent: float, received: float) -> Sample:
        """Take the time a server told between the local times ``sent`` and ``received``."""
        if not EARLIEST <= server_time <= LATEST:
            return Sample.REFUSED
        if self.is_set and received - sent > LONG_TRIP_S:
            return Sample.VAGUE
        # Written half way, and half a second after the full second on average.
        offset_s = server_time + RESOLUTION_S / 2 - (sent + received) / 2
        if self.is_set and abs(offset_s - self.offset_s) <= RESOLUTION_S:
            return Sample.KEPT
        self.is_set, self.offset_s = True, offset_s
        return Sample.ADJUSTED
