"""The state of the gateway for people and programs.

Status, quality, Prometheus metrics. Values in, text out.
"""

from __future__ import annotations

from dataclasses import dataclass

from openesi import __version__
from openesi.gateway.clock import WARN_SKEW_S
from openesi.gateway.commands import SCHEDULES_OFF
from openesi.gateway.events import LinkState, Outcome, Quantity
from openesi.gateway.fragments import JoinStatus
from openesi.gateway.quality import Verdict
from openesi.gateway.record import MeterRecord, SeriesName, Snapshot

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Clocks:
    """``monotonic_s`` orders events; ``wall_s`` is the host's idea of Unix time and is only ever reported."""

    monotonic_s: float
    wall_s: float


def to_status(record: MeterRecord, clocks: Clocks) -> Json:
    """Everything an owner may want to know; the install code and link key are not in it."""
    seen = record.snapshot(clocks.monotonic_s)
    current = record.current(SeriesName.POWER, clocks.monotonic_s)
    energy = record.current(SeriesName.ENERGY, clocks.monotonic_s)
    received = record.current(SeriesName.ENERGY_RECEIVED, clocks.monotonic_s)
    newest = record.bounds(SeriesName.POWER, clocks.monotonic_s)
    meter_now = seen.meter_now_s
    return {
        "version": __version__,
        "power_w": None if current is None else float(current.value),
        "energy_delivered_wh": None if energy is None else float(energy.value),
        "energy_received_wh": None if received is None else float(received.value),
        "time": None if newest is None else newest[1],
        "age_s": None if newest is None or meter_now is None else max(0, round(meter_now - newest[1])),
        "interval_s": seen.interval_s,
        "energy_interval_s": seen.energy_interval_s,
        "cache": {"max_age_s": record.max_age_s, **{name.value: n for name, n in seen.points.items()}},
        "meter": None if seen.network is None else seen.network.meter_mac_id,
        **_health(seen, clocks),
    }


def to_quality(record: MeterRecord, clocks: Clocks) -> Json:
    """How well the radio network works, with nothing in it that tells what the household does."""
    seen = record.snapshot(clocks.monotonic_s)
    gaps = [*seen.gaps, *([seen.open_gap] if seen.open_gap is not None else [])]
    return {
        "version": __version__,
        "gaps": [{"start": gap.start_s, "length_s": gap.length_s} for gap in gaps],
        "gap_longer_than_s": seen.gap_threshold_s,
        "energy_check": [
            {
                "start": window.start_s,
                "end": window.end_s,
                "residual_wh": window.residual_wh,
                "verdict": window.verdict.value,
            }
            for window in seen.windows
        ],
        **_health(seen, clocks),
    }


def render_metrics(record: MeterRecord, clocks: Clocks, *, with_load: bool) -> str:
    """Prometheus text format 0.0.4; without ``with_load`` nothing about power or energy."""
    seen = record.snapshot(clocks.monotonic_s)
    lines = _Metrics()
    lines.gauge("link_up", "Whether the line to the dongle is open", int(seen.link is LinkState.OPEN))
    status = JoinStatus.UNKNOWN if seen.network is None else seen.network.status
    lines.gauge(
        "meter_connected", "Whether the dongle is joined to the meter", int(status is JoinStatus.CONNECTED)
    )
    if seen.network is not None and seen.network.link_strength_percent is not None:
        lines.gauge("link_strength_ratio", "Radio link, 0 to 1", seen.network.link_strength_percent / 100)
    if seen.meter_now_s is not None:
        lines.gauge(
            "clock_skew_seconds", "Meter clock less host clock", round(seen.meter_now_s - clocks.wall_s, 1)
        )
    for quantity in Quantity:
        for outcome in Outcome:
            count = seen.statistics.count(outcome, quantity)
            labels = f'{{quantity="{quantity.value}",outcome="{outcome.value}"}}'
            lines.counter("queries_total", "Reads that were due, by what became of them", count, labels)
    for name, text in (
        ("duplicates", "Readings that the meter had not refreshed"),
        ("untagged", "Readings without a time tag, not stored"),
        ("disbelieved", "Readings whose time tag jumped, not stored"),
        ("damaged", "Fragments that came broken"),
        ("foreign", "Price or message data that came unasked"),
        ("reconnects", "How often the line was opened again"),
    ):
        lines.counter(f"{name}_total", text, getattr(seen.statistics, name))
    lines.gauge("gaps", "Gaps in the cached 48 hours", len(seen.gaps))
    dropouts = sum(window.verdict is Verdict.DROPOUT for window in seen.windows)
    lines.gauge("energy_dropouts", "Windows in which power and energy disagree", dropouts)
    for series, n in seen.points.items():
        lines.gauge("cache_points", "Points in the cache", n, f'{{series="{series.value}"}}')
    if with_load:
        _add_load(lines, record, clocks)
    return "".join(lines.lines)


def _add_load(lines: _Metrics, record: MeterRecord, clocks: Clocks) -> None:
    for name, metric, text in (
        (SeriesName.POWER, "power_watts", "Power now, import positive; absent when unknown"),
        (SeriesName.ENERGY, "energy_delivered_watthours", "Register of energy delivered to the home"),
        (
            SeriesName.ENERGY_RECEIVED,
            "energy_received_watthours",
            "Register of energy received from the home",
        ),
    ):
        point = record.current(name, clocks.monotonic_s)
        if point is not None:
            lines.gauge(metric, text, float(point.value))


def _health(seen: Snapshot, clocks: Clocks) -> Json:
    """What status and quality have in common: line, radio, statistics, clock, proof of reading only."""
    network, statistics = seen.network, seen.statistics
    skew = None if seen.meter_now_s is None else round(seen.meter_now_s - clocks.wall_s, 1)
    return {
        "source": seen.source,
        "link": {
            "state": seen.link.value,
            "reason": seen.link_reason,
            "since_s": None if seen.link_since is None else round(clocks.monotonic_s - seen.link_since),
        },
        "radio": {
            "status": None if network is None else network.status.wire,
            "words": JoinStatus.UNKNOWN.words if network is None else network.status.words,
            "link_strength_percent": None if network is None else network.link_strength_percent,
            "channel": None if network is None else network.channel,
        },
        "dongle": None
        if seen.device is None
        else {
            "mac": seen.device.device_mac_id,
            "model": seen.device.model_id,
            "manufacturer": seen.device.manufacturer,
            "firmware": seen.device.fw_version,
        },
        "queries": {
            "total": statistics.total(),
            **{outcome.value: statistics.count(outcome) for outcome in Outcome},
            "duplicate": statistics.duplicates,
            "untagged": statistics.untagged,
            "disbelieved": statistics.disbelieved,
            "damaged": statistics.damaged,
            "foreign": statistics.foreign,
            "reconnects": statistics.reconnects,
        },
        "clock_skew_s": skew,
        "clock_ok": None if skew is None else abs(skew) <= WARN_SKEW_S,
        "read_only": {
            # None until the dongle has read the schedule back.
            f"{event}_polling_off": None if event not in seen.schedules else not seen.schedules[event].enabled
            for event in SCHEDULES_OFF
        },
    }


class _Metrics:
    """Collects lines of the text format; HELP and TYPE once a name."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._known: set[str] = set()

    def gauge(self, name: str, text: str, value: float, labels: str = "") -> None:
        self._add(name, text, "gauge", value, labels)

    def counter(self, name: str, text: str, value: float, labels: str = "") -> None:
        self._add(name, text, "counter", value, labels)

    def _add(self, name: str, text: str, kind: str, value: float, labels: str) -> None:
        name = f"openesi_gateway_{name}"
        if name not in self._known:
            self._known.add(name)
            self.lines.append(f"# HELP {name} {text}\n# TYPE {name} {kind}\n")
        self.lines.append(f"{name}{labels} {value}\n")
