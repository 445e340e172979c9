"""What is known about the meter: the caches, the statistics, the state of the line. Everything that answers
reads this.

One thread reports events, any number of others read. Times called ``now`` are monotonic seconds; times in the
data are the meter's Unix seconds.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import Enum

from openesi.gateway.cache import CAPACITY, MAX_AGE_S, Point, Run, Series
from openesi.gateway.clock import MeterClock
from openesi.gateway.events import (
    Damaged,
    EnergyRead,
    Event,
    ForeignData,
    LinkChanged,
    LinkState,
    Outcome,
    PowerRead,
    Quantity,
    QueriesClosed,
    ScheduleProof,
)
from openesi.gateway.fragments import DeviceInfo, JoinStatus, NetworkStatus
from openesi.gateway.quality import EnergyCheck, EnergyWindow, Gap, GapFinder, RegisterReading

FRESH_S = 60  # a "current" reading is younger than this, or than three intervals
INTEGRATION_MARGIN_S = 900  # how far beyond a window its neighbouring power readings are looked for


class SeriesName(Enum):
    """The cached series."""

    POWER = "power"  # W, import positive
    ENERGY = "energy"  # Wh delivered to the home, register
    ENERGY_RECEIVED = "energy_received"  # Wh received from the home, register


@dataclass(slots=True)
class Statistics:
    """Counts since the start of the program. ``total`` counts the reads that were due."""

    outcomes: Counter[tuple[Quantity, Outcome]] = field(default_factory=Counter)
    duplicates: int = 0  # readings whose time tag and value were already there: the meter had not refreshed
    untagged: int = 0  # readings without the meter's time: not stored
    disbelieved: int = 0  # readings whose time tag jumped: not stored until others agreed
    damaged: int = 0  # fragments that came broken
    foreign: int = 0  # price or message fragments that came unasked
    reconnects: int = 0

    def count(self, outcome: Outcome, quantity: Quantity | None = None) -> int:
        """How many reads ended so."""
        return sum(
            n for (q, o), n in self.outcomes.items() if o is outcome and (quantity is None or q is quantity)
        )

    def total(self, quantity: Quantity | None = None) -> int:
        """How many reads were due and have ended."""
        return sum(n for (q, _), n in self.outcomes.items() if quantity is None or q is quantity)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of source, line and meter at one moment, for reports."""

    source: str
    interval_s: int
    energy_interval_s: int
    link: LinkState
    link_reason: str
    link_since: float | None
    device: DeviceInfo | None
    network: NetworkStatus | None
    schedules: dict[str, ScheduleProof]
    statistics: Statistics
    meter_now_s: float | None
    points: dict[SeriesName, int]
    gaps: tuple[Gap, ...]
    open_gap: Gap | None
    gap_threshold_s: float
    windows: tuple[EnergyWindow, ...]
    export_seen: bool


class MeterRecord:
    """Thread-safe. ``source`` names where the data come from; the intervals are for the reports."""

    def __init__(
        self,
        source: str,
        *,
        interval_s: int = 4,
        energy_interval_s: int = 60,
        capacity: int = CAPACITY,
        max_age_s: int = MAX_AGE_S,
    ) -> None:
        self.source = source
        self.interval_s = interval_s
        self.energy_interval_s = energy_interval_s
        self.max_age_s = max_age_s
        self._lock = threading.Lock()
        self._series = {name: Series(capacity=capacity, max_age_s=max_age_s) for name in SeriesName}
        self._clock = MeterClock()
        self._gaps = GapFinder(interval_s)
        self._check = EnergyCheck()
        self._statistics = Statistics()
        self._link, self._link_reason = LinkState.CLOSED, "not opened yet"
        self._link_since: float | None = None
        self._device: DeviceInfo | None = None
        self._network: NetworkStatus | None = None
        self._schedules: dict[str, ScheduleProof] = {}
        self._export_seen = False
        self._listeners: list[Callable[[SeriesName, Point], None]] = []

    # what sources do

    def report(self, events: Iterable[Event], now: float) -> None:
        """Take what a source saw at monotonic time ``now``."""
        with self._lock:
            stored = [pair for event in events for pair in self._take(event, now)]
            listeners = list(self._listeners)
        for name, point in stored:
            for listener in listeners:
                listener(name, point)

    def restore(self, name: SeriesName, points: Iterable[Point]) -> None:
        """Put back what an earlier run had kept, oldest first; without effect on statistics and listeners."""
        with self._lock:
            for point in points:
                self._series[name].insert(point)
                if name is SeriesName.POWER:
                    self._gaps.take(point.time_s)
                    self._export_seen |= point.raw < 0

    def forget(self) -> None:
        """Drop all readings."""
        with self._lock:
            for series in self._series.values():
                series.clear()

    # what readers do

    def listen(self, listener: Callable[[SeriesName, Point], None]) -> Callable[[], None]:
        """Call ``listener`` in the reporting thread for each new point.

        Returns what ends it. It must not raise.
        """
        with self._lock:
            self._listeners.append(listener)

        def end() -> None:
            with self._lock:
                self._listeners.remove(listener)

        return end

    def meter_now(self, now: float) -> float | None:
        """What the meter's clock shows, None until it was seen."""
        with self._lock:
            return self._meter_now(now)

    def current(self, name: SeriesName, now: float) -> Point | None:
        """The newest point, if it is fresh (see FRESH_S); never an old one passed off as current."""
        with self._lock:
            newest, meter_now = self._series[name].newest(), self._meter_now(now)
            if newest is None or meter_now is None:
                return None
            interval_s = self.interval_s if name is SeriesName.POWER else self.energy_interval_s
            return newest if meter_now - newest.time_s <= max(FRESH_S, 3 * interval_s) else None

    def bounds(self, name: SeriesName, now: float) -> tuple[int, int] | None:
        """The first and last time tag that may be served, None for an empty cache."""
        with self._lock:
            series, meter_now = self._series[name], self._meter_now(now)
            if meter_now is not None:
                series.drop_before(int(meter_now) - self.max_age_s - 1)
            oldest, newest = series.oldest(), series.newest()
            return (oldest.time_s, newest.time_s) if oldest is not None and newest is not None else None

    def count(self, name: SeriesName, start_s: int, end_s: int) -> int:
        """How many points lie in start_s..end_s."""
        with self._lock:
            return self._series[name].count(start_s, end_s)

    def points(self, name: SeriesName, start_s: int, end_s: int, *, limit: int = CAPACITY) -> list[Point]:
        """The first ``limit`` points in start_s..end_s."""
        with self._lock:
            return self._series[name].points(start_s, end_s, limit=limit)

    def runs(self, name: SeriesName, start_s: int, end_s: int) -> list[Run]:
        """The points in start_s..end_s as arrays, copied."""
        with self._lock:
            return self._series[name].runs(start_s, end_s)

    def snapshot(self, now: float) -> Snapshot:
        """Everything but the readings."""
        with self._lock:
            meter_now = self._meter_now(now)
            statistics = replace(self._statistics, outcomes=Counter(self._statistics.outcomes))
            return Snapshot(
                source=self.source,
                interval_s=self.interval_s,
                energy_interval_s=self.energy_interval_s,
                link=self._link,
                link_reason=self._link_reason,
                link_since=self._link_since,
                device=self._device,
                network=self._network,
                schedules=dict(self._schedules),
                statistics=statistics,
                meter_now_s=meter_now,
                points={name: len(series) for name, series in self._series.items()},
                gaps=tuple(self._gaps.gaps),
                open_gap=None if meter_now is None else self._gaps.open_gap(meter_now),
                gap_threshold_s=self._gaps.threshold_s,
                windows=tuple(self._check.windows),
                export_seen=self._export_seen,
            )

    # how events are taken, under the lock

    def _meter_now(self, now: float) -> float | None:
        return None if self._clock.skew_s is None else self._clock.meter_now(now)

    def _take(self, event: Event, now: float) -> list[tuple[SeriesName, Point]]:
        match event:
            case PowerRead():
                return self._take_power(event, now)
            case EnergyRead():
                return self._take_energy(event, now)
            case QueriesClosed():
                self._statistics.outcomes[event.quantity, event.outcome] += event.count
            case LinkChanged():
                self._take_link(event, now)
            case ScheduleProof():
                self._schedules[event.event] = event
            case Damaged():
                self._statistics.damaged += event.count
            case ForeignData():
                self._statistics.foreign += 1
            case DeviceInfo():
                self._device = replace(event, install_code="")  # who has it may register the dongle elsewhere
            case NetworkStatus():
                self._network = event
        return []

    def _take_link(self, event: LinkChanged, now: float) -> None:
        if event.state is LinkState.OPEN and self._link is LinkState.CLOSED:
            self._statistics.reconnects += 1 if self._link_since is not None else 0
        self._link, self._link_reason, self._link_since = event.state, event.reason, now
        if event.state is LinkState.CLOSED and self._network is not None:
            self._network = replace(self._network, status=JoinStatus.UNKNOWN, link_strength_percent=None)

    def _believe(self, time_s: int, now: float) -> bool:
        judgement = self._clock.judge(time_s, now)
        if not judgement.believed:
            self._statistics.disbelieved += 1
        elif judgement.stepped:
            for series in self._series.values():
                series.drop_after(time_s)
        return judgement.believed

    def _insert(self, name: SeriesName, point: Point) -> list[tuple[SeriesName, Point]]:
        if not self._series[name].insert(point):
            self._statistics.duplicates += name is not SeriesName.ENERGY_RECEIVED
            return []
        return [(name, point)]

    def _take_power(self, read: PowerRead, now: float) -> list[tuple[SeriesName, Point]]:
        if read.time_s is None:
            self._statistics.untagged += 1
            return []
        if not self._believe(read.time_s, now):
            return []
        stored = self._insert(SeriesName.POWER, Point(read.time_s, read.raw, read.scale))
        if stored:
            self._gaps.take(read.time_s)
            self._export_seen |= read.raw < 0
        return stored

    def _take_energy(self, read: EnergyRead, now: float) -> list[tuple[SeriesName, Point]]:
        if read.time_s is None:
            self._statistics.untagged += 1
            return []
        if not self._believe(read.time_s, now):
            return []
        stored: list[tuple[SeriesName, Point]] = []
        for name, raw in ((SeriesName.ENERGY, read.delivered), (SeriesName.ENERGY_RECEIVED, read.received)):
            if raw is not None:
                stored += self._insert(name, Point(read.time_s, raw, read.scale))
        if stored and read.delivered is not None:
            self._compare(read.time_s, read)
        return stored

    def _compare(self, time_s: int, read: EnergyRead) -> None:
        net = (read.delivered or 0) - (read.received or 0)
        step_wh = float(read.scale.to_base_unit(1))
        window = self._check.take(RegisterReading(time_s, float(read.scale.to_base_unit(net)), step_wh))
        if window is not None:
            start, end = window
            first, last = start.time_s - INTEGRATION_MARGIN_S, end.time_s + INTEGRATION_MARGIN_S
            self._check.compare(start, end, self._series[SeriesName.POWER].runs(first, last))
