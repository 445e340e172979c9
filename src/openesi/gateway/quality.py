"""Dropouts, seen two ways: gaps in the meter's time tags, and power that does not add up to the energy
register.

The report holds times, lengths and differences only. No power, no energy: it can be shown to whoever looks
after the radio network without telling them what the household does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from statistics import median

from openesi.gateway.cache import Run

WINDOW_S = 900  # power is compared with energy over a quarter of an hour ...
COARSE_WINDOW_S = 3600  # ... or an hour, when the register counts in steps of 100 Wh or more
COARSE_STEP_WH = 100.0
STEPS_ALLOWED = 2.0  # a difference of two register steps is rounding at both ends
FLOOR_WH = 8.0  # what sampling alone leaves: half an interval at each of two 7 kW steps
SHARE_ALLOWED = 0.01  # of the energy: meters filter power before they report it
MAX_WINDOWS = 200  # 48 h of quarters of an hour
MAX_GAPS = 1000  # a link that fails every other minute for 48 h; older ones make room
GAP_FACTOR = 2.5  # a gap is this many times the usual spacing of the time tags
SPACINGS = 31  # how many spacings the usual one is the median of


class Verdict(Enum):
    """What the comparison of one window says."""

    COMPLETE = "complete"
    DROPOUT = "dropout"
    NO_POWER_DATA = "no power data"


@dataclass(frozen=True, slots=True)
class Gap:
    """No reading between two time tags, in the meter's Unix seconds."""

    start_s: int
    end_s: int

    @property
    def length_s(self) -> int:
        """From the last reading before to the first one after."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class EnergyWindow:
    """One comparison. ``residual_wh`` is register minus integrated power, None without power data on both
    sides.
    """

    start_s: int
    end_s: int
    residual_wh: float | None
    verdict: Verdict


class GapFinder:
    """Finds gaps in a stream of time tags."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._last_s: int | None = None
        self._spacings: deque[int] = deque(maxlen=SPACINGS)
        self.gaps: deque[Gap] = deque(maxlen=MAX_GAPS)

    @property
    def threshold_s(self) -> float:
        """Longer than this without a new time tag is a gap.

        Follows meters that refresh slower than they are read.
        """
        usual = median(self._spacings) if self._spacings else self._interval_s
        return GAP_FACTOR * max(usual, self._interval_s)

    def take(self, time_s: int) -> None:
        """A new reading, tagged ``time_s``."""
        if self._last_s is not None and time_s > self._last_s:
            spacing = time_s - self._last_s
            if spacing > self.threshold_s:
                self.gaps.append(Gap(self._last_s, time_s))
            self._spacings.append(spacing)
        self._last_s = time_s

    def open_gap(self, meter_now_s: float) -> Gap | None:
        """The gap that has not ended yet."""
        if self._last_s is None or meter_now_s - self._last_s <= self.threshold_s:
            return None
        return Gap(self._last_s, int(meter_now_s))


@dataclass(frozen=True, slots=True)
class RegisterReading:
    """Net energy of the meter (delivered less received) in Wh, and the step in which its register counts."""

    time_s: int
    net_wh: float
    step_wh: float


class EnergyCheck:
    """Compares integrated power with the energy register, window after window."""

    def __init__(self) -> None:
        self._start: RegisterReading | None = None
        self._last: RegisterReading | None = None
        self.windows: deque[EnergyWindow] = deque(maxlen=MAX_WINDOWS)

    def take(self, reading: RegisterReading) -> tuple[RegisterReading, RegisterReading] | None:
        """A new register reading; returns the ends of a window that is now to be compared (see ``compare``).

        A window ends at a register reading that power readings have already passed: the one before the
        newest.
        """
        start, last = self._start, self._last
        if last is not None and reading.time_s <= last.time_s:
            return None
        self._last = reading
        if start is None or last is None:
            self._start = reading
            return None
        window_s = COARSE_WINDOW_S if last.step_wh >= COARSE_STEP_WH else WINDOW_S
        if last.time_s - start.time_s < window_s:
            return None
        self._start = last
        return start, last

    def compare(self, start: RegisterReading, end: RegisterReading, power: Iterable[Run]) -> EnergyWindow:
        """Judge one window; ``power`` must reach a little beyond both of its ends."""
        energy_wh = end.net_wh - start.net_wh
        integrated_wh = integrate_wh(power, start.time_s, end.time_s)
        if integrated_wh is None:
            window = EnergyWindow(start.time_s, end.time_s, None, Verdict.NO_POWER_DATA)
        else:
            residual_wh = energy_wh - integrated_wh
            allowed_wh = max(STEPS_ALLOWED * end.step_wh, FLOOR_WH, SHARE_ALLOWED * abs(energy_wh))
            verdict = Verdict.DROPOUT if abs(residual_wh) > allowed_wh else Verdict.COMPLETE
            window = EnergyWindow(start.time_s, end.time_s, round(residual_wh, 1), verdict)
        self.windows.append(window)
        return window


def integrate_wh(power: Iterable[Run], start_s: int, end_s: int) -> float | None:
    """The energy between two times by the trapezoid rule; None if no reading lies at or beyond either end."""
    total_ws = 0.0
    before: tuple[int, float] | None = None
    for run in power:
        watts_per_unit = run.scale.multiplier * 1000 / run.scale.divisor
        for time_s, raw in zip(run.times_s, run.raws, strict=True):
            watts = raw * watts_per_unit
            if before is not None and time_s > start_s and before[0] < end_s:
                total_ws += _trapezoid(before, (time_s, watts), start_s, end_s)
            elif before is None and time_s > start_s:
                return None
            before = (time_s, watts)
    if before is None or before[0] < end_s:
        return None
    return total_ws / 3600


def _trapezoid(left: tuple[int, float], right: tuple[int, float], start_s: int, end_s: int) -> float:
    """The area under the line from ``left`` to ``right``, within start_s..end_s."""
    (t0, w0), (t1, w1) = left, right
    slope = (w1 - w0) / (t1 - t0)
    a, b = max(t0, start_s), min(t1, end_s)
    return (b - a) * (w0 + slope * (a - t0) + w0 + slope * (b - t0)) / 2
