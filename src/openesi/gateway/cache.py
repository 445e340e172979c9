"""The circular cache: the last 48 hours of one series, by age and by number, newest over oldest.

A point is what the meter said: its own time tag, the raw integer, the scale it came with. Missing readings
are absent. 20 bytes a point; 43,200 points (48 h at one read every 4 s) take 0.9 MB.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from openesi.errors import LocalError
from openesi.gateway.fragments import Scale

CAPACITY = (
    43_200  # 48 h at the fastest possible rate; a source that sends faster overwrites its own oldest points
)
MAX_AGE_S = 48 * 3600
MAX_CAPACITY = 10 * CAPACITY  # what may be configured: 9 MB a series


@dataclass(frozen=True, slots=True)
class Point:
    """One reading: the meter's Unix second, the raw integer, the scale to W or Wh."""

    time_s: int
    raw: int
    scale: Scale

    @property
    def value(self) -> Fraction:
        """In W or Wh, exactly."""
        return self.scale.to_base_unit(self.raw)


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring points that share a scale, as parallel arrays.

    What the writers of large answers work on.
    """

    times_s: array[int]
    raws: array[int]
    scale: Scale


class Series:
    """Points in the order of the meter's clock, bounded by ``capacity`` and ``max_age_s``.

    Not thread-safe.
    """

    def __init__(self, *, capacity: int = CAPACITY, max_age_s: int = MAX_AGE_S) -> None:
        if not 1 <= capacity <= MAX_CAPACITY or max_age_s < 1:
            raise LocalError(
                f"a cache of {capacity} points and {max_age_s} s: choose 1 to {MAX_CAPACITY} points"
            )
        self.capacity = capacity
        self.max_age_s = max_age_s
        self._times = array("I")
        self._raws = array("q")
        self._multipliers = array("I")
        self._divisors = array("I")

    def __len__(self) -> int:
        return len(self._times)

    def insert(self, point: Point) -> bool:
        """Keep ``point`` and drop what is now too old or too many. False for one that is already there.

        Of two values for the same second the one that came last stays. A point older than the whole window is
        not kept (False).
        """
        if self._times and point.time_s <= self._times[-1] - self.max_age_s:
            return False
        at = bisect_left(self._times, point.time_s)
        if at < len(self._times) and self._times[at] == point.time_s:
            if self._at(at) == point:
                return False
            self._raws[at] = point.raw
            self._multipliers[at], self._divisors[at] = point.scale.multiplier, point.scale.divisor
            return True
        self._times.insert(at, point.time_s)
        self._raws.insert(at, point.raw)
        self._multipliers.insert(at, point.scale.multiplier)
        self._divisors.insert(at, point.scale.divisor)
        self.drop_before(self._times[-1] - self.max_age_s)
        self._drop(0, len(self._times) - self.capacity)
        return True

    def drop_before(self, time_s: int) -> None:
        """Forget every point tagged ``time_s`` or earlier."""
        self._drop(0, bisect_right(self._times, time_s))

    def drop_after(self, time_s: int) -> None:
        """Forget every point tagged later than ``time_s``.

        The clock that tagged them turned out to be wrong.
        """
        self._drop(bisect_right(self._times, time_s), len(self._times))

    def clear(self) -> None:
        """Forget everything."""
        self._drop(0, len(self._times))

    def newest(self) -> Point | None:
        """The point with the latest time tag."""
        return self._at(len(self._times) - 1) if self._times else None

    def oldest(self) -> Point | None:
        """The point with the earliest time tag."""
        return self._at(0) if self._times else None

    def count(self, start_s: int, end_s: int) -> int:
        """How many points have start_s <= time <= end_s."""
        return max(0, bisect_right(self._times, end_s) - bisect_left(self._times, start_s))

    def points(self, start_s: int, end_s: int, *, limit: int = MAX_CAPACITY) -> list[Point]:
        """The first ``limit`` points with start_s <= time <= end_s, oldest first."""
        first = bisect_left(self._times, start_s)
        return [self._at(i) for i in range(first, min(bisect_right(self._times, end_s), first + limit))]

    def runs(self, start_s: int, end_s: int) -> list[Run]:
        """The same points, cut where the scale changes (in practice: one run)."""
        return list(self._runs(bisect_left(self._times, start_s), bisect_right(self._times, end_s)))

    def _runs(self, first: int, end: int) -> Iterator[Run]:
        while first < end:
            multiplier, divisor = self._multipliers[first], self._divisors[first]
            stop = end
            if self._multipliers[first:end].count(multiplier) + self._divisors[first:end].count(
                divisor
            ) != 2 * (end - first):
                stop = first + 1
                while stop < end and (self._multipliers[stop], self._divisors[stop]) == (multiplier, divisor):
                    stop += 1
            yield Run(self._times[first:stop], self._raws[first:stop], Scale(multiplier, divisor))
            first = stop

    def _at(self, index: int) -> Point:
        scale = Scale(self._multipliers[index], self._divisors[index])
        return Point(self._times[index], self._raws[index], scale)

    def _drop(self, first: int, end: int) -> None:
        if end > first:
            for column in (self._times, self._raws, self._multipliers, self._divisors):
                del column[first:end]
