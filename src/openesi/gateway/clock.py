"""The meter's clock, seen from the host: how far apart they are, and which time tags to believe.

Readings carry the meter's time; the host's clock may be wrong by days and nobody corrects it. So a tag is
never compared with the host's date, only with the tags before it: the difference between meter and host (the
skew) changes slowly. A tag that jumps is kept aside until the next ones agree with it; then the meter was
set, and is believed.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_STEP_S = 900  # a tag that moves the skew by more is a damaged number until others say the same
CONFIRM_S = 120  # how long they must say so: believing a backward jump drops every later reading
CONFIRMATIONS = 3
WARN_SKEW_S = 40  # what NTP on the host and the utility's own synchronization keep to


@dataclass(frozen=True, slots=True)
class Judgement:
    """``believed``: store it. ``stepped``: the meter's clock was set, and tags after ``now`` were wrong."""

    believed: bool
    stepped: bool = False


class MeterClock:
    """Tracks meter time against host time; both in Unix seconds."""

    def __init__(self) -> None:
        self.skew_s: float | None = None
        self._candidate_s: float | None = None
        self._since = 0.0
        self._agreeing = 0

    def judge(self, time_s: int, now: float) -> Judgement:
        """Take the tag ``time_s``, received at host time ``now``."""
        skew = time_s - now
        if self.skew_s is None or abs(skew - self.skew_s) <= MAX_STEP_S:
            # A tag is always somewhat late (the meter's own refresh, the radio), so the largest skew of late
            # is the truest; it may sink only slowly.
            self.skew_s = skew if self.skew_s is None else max(skew, self.skew_s + (skew - self.skew_s) / 16)
            self._candidate_s = None
            return Judgement(believed=True)
        if self._candidate_s is None or abs(skew - self._candidate_s) > MAX_STEP_S:
            self._since, self._agreeing = now, 0
        self._candidate_s = skew
        self._agreeing += 1
        if self._agreeing < CONFIRMATIONS or now - self._since < CONFIRM_S:
            return Judgement(believed=False)
        self.skew_s, self._candidate_s = skew, None
        return Judgement(believed=True, stepped=True)

    def meter_now(self, now: float) -> float:
        """What the meter's clock shows at host time ``now``; the host's own time until a tag was seen."""
        return now + (self.skew_s or 0.0)
