"""What power was: a quarter of an hour as it came, two days by the minute, in memory of fixed size."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import msgspec
from msgspec.structs import astuple

RECENT_S = 900
KEPT_S = 48 * 3_600
MINUTE_S = 60
# One sample a second at most, and the seconds of rounding at both ends.
MAX_RECENT = RECENT_S + 2
MAX_MINUTES = KEPT_S // MINUTE_S + 1


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """Power at one time (s). None is a gap: nobody told. ``limit_w`` is None where no event limited."""

    at: float
    devices_w: float | None
    grid_w: float | None
    limit_w: float | None


class History:
    """Two rings of samples; the older ones make room."""

    def __init__(self) -> None:
        self._recent: deque[Sample] = deque(maxlen=MAX_RECENT)
        self._minutes: deque[Sample] = deque(maxlen=MAX_MINUTES)
        self._minute: list[Sample] = []

    @property
    def last(self) -> Sample | None:
        """The newest sample."""
        return self._recent[-1] if self._recent else None

    def add(self, sample: Sample) -> None:
        """Add a sample, or replace that of the same moment. An earlier one begins anew."""
        if self._recent and sample.at <= self._recent[-1].at:
            if self._recent[-1].at - sample.at < 1:  # the same moment, better known
                self._recent[-1] = self._minute[-1] = Sample(self._recent[-1].at, *astuple(sample)[1:])
                return
            for ring in (self._recent, self._minutes, self._minute):
                ring.clear()
        if self._minute and sample.at // MINUTE_S != self._minute[0].at // MINUTE_S:
            self._minutes.append(_mean(self._minute))
            self._minute.clear()
        if len(self._minute) < MINUTE_S:
            self._minute.append(sample)
        self._recent.append(sample)

    def recent(self, now: float) -> list[Sample]:
        """Return the samples of the last quarter of an hour."""
        return [sample for sample in self._recent if sample.at >= now - RECENT_S]

    def minutes(self, now: float, span_s: float = KEPT_S) -> list[Sample]:
        """Return means by the minute, the present minute as far as it has come; silent minutes are gaps."""
        return list(self._with_gaps(now - span_s))

    def _with_gaps(self, start: float) -> Iterator[Sample]:
        present = [_mean(self._minute)] if self._minute else []
        last: float | None = None
        for sample in (*self._minutes, *present):
            if sample.at < start:
                continue
            if last is not None and sample.at - last > MINUTE_S:
                yield Sample(last + MINUTE_S, None, None, None)
            last = sample.at
            yield sample


def _mean(samples: list[Sample]) -> Sample:
    limits = [sample.limit_w for sample in samples if sample.limit_w is not None]
    return Sample(
        samples[0].at // MINUTE_S * MINUTE_S,
        _average([sample.devices_w for sample in samples]),
        _average([sample.grid_w for sample in samples]),
        min(limits, default=None),
    )


def _average(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 1) if known else None
