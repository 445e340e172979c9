"""Green Button: the readings as an Atom feed of ESPI resources, written piece by piece.

Facts: NAESB REQ.21 (ESPI) 4.0 and the Green Button Alliance's function blocks 1, 4, 5, 6 (and 8 with export).
A feed holds one usage point with two or three meter readings: energy per interval from the register (Wh,
delta) and power as read (W, instantaneous). Identifiers are name-based (UUID version 5), blocks are cut at
full hours of Unix time, so the same hour has the same id in every download.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, UUID, uuid5
from xml.sax.saxutils import escape

from openesi.gateway.cache import Run
from openesi.gateway.fragments import Scale

ATOM = "http://www.w3.org/2005/Atom"
ESPI = "http://naesb.org/espi"
BLOCK_S = 3600
ROOT = "/espi/1_1/resource"

# Codes of ESPI 4.0.
ELECTRICITY = 1
KIND_ENERGY, KIND_POWER = 12, 37
UOM_W, UOM_WH = 38, 72
FORWARD, NET, REVERSE = 1, 4, 19
DELTA_DATA, INSTANTANEOUS = 4, 12
QUALITY_RAW = 14

_Sides = tuple[bool, ...]  # which answers to "is it negative" are wanted
_IMPORT: _Sides = (False,)
_EXPORT: _Sides = (True,)
_EITHER: _Sides = (False, True)

Runs = Callable[[int, int], list[Run]]
"""Gives the points of a series with start_s <= time <= end_s."""


@dataclass(frozen=True, slots=True)
class ReadingKind:
    """One meter reading of the feed: its place, its name and its ESPI codes."""

    number: int
    title: str
    accumulation: int
    flow: int
    kind: int
    uom: int
    interval_s: int


@dataclass(frozen=True, slots=True)
class Feed:
    """What a feed is made of. Series are asked for hour by hour, so a large feed needs little memory."""

    meter: str  # the meter's MAC id: what the identifiers are made from
    updated_s: int
    start_s: int
    end_s: int
    interval_s: int
    energy_interval_s: int
    export: bool  # power was negative at times, and the received register is of interest
    net: bool  # power as one signed reading (flow 4), which some readers do not know, not as two (1 and 19)
    power: Runs
    energy: Runs
    energy_received: Runs

    def render(self) -> Iterator[str]:
        """The document in pieces of at most one hour of readings."""
        yield self._head()
        yield self._entry(f"{ROOT}/UsagePoint/1", "usage point", _USAGE_POINT, _related())
        yield self._entry(f"{ROOT}/LocalTimeParameters/1", "time", _UTC)
        delivered = ReadingKind(
            1, "Energy delivered", DELTA_DATA, FORWARD, KIND_ENERGY, UOM_WH, self.energy_interval_s
        )
        power = ReadingKind(2, "Power", INSTANTANEOUS, FORWARD, KIND_POWER, UOM_W, self.interval_s)
        yield from self._meter_reading(delivered, self._deltas(self.energy))
        if self.export and self.net:
            yield from self._meter_reading(replace(power, flow=NET), self._samples(_EITHER))
        else:
            yield from self._meter_reading(power, self._samples(_IMPORT))
        if self.export:
            received = replace(delivered, number=3, title="Energy received", flow=REVERSE)
            yield from self._meter_reading(received, self._deltas(self.energy_received))
        if self.export and not self.net:
            exported = replace(power, number=4, title="Power exported", flow=REVERSE)
            yield from self._meter_reading(exported, self._samples(_EXPORT))
        yield "</feed>\n"

    # one meter reading

    def _meter_reading(self, kind: ReadingKind, blocks: Iterator[_Block]) -> Iterator[str]:
        first = next(blocks, None)
        if first is None:  # a meter reading without a block is not allowed
            return
        path = f"{ROOT}/UsagePoint/1/MeterReading/{kind.number}"
        reading_type = f"{ROOT}/ReadingType/{kind.number}"
        related = (
            f'<link rel="related" href="{path}/IntervalBlock"/><link rel="related" href="{reading_type}"/>'
        )
        power_of_ten = first.power_of_ten
        yield self._entry(path, kind.title, "<MeterReading/>", related)
        yield self._entry(reading_type, kind.title, _render_type(kind, power_of_ten))
        yield self._block(path, kind, first, power_of_ten)
        for block in blocks:
            yield self._block(path, kind, block, power_of_ten)

    def _samples(self, sides: _Sides) -> Iterator[_Block]:
        """Power as read: import, export as positive numbers, or both signed."""
        sign = -1 if sides == _EXPORT else 1
        for hour_s in self._hours():
            rows = [
                (time_s, self.interval_s, sign * raw, run.scale)
                for run in self.power(max(hour_s, self.start_s), min(hour_s + BLOCK_S - 1, self.end_s))
                for time_s, raw in zip(run.times_s, run.raws, strict=True)
                if (raw < 0) in sides
            ]
            if rows:
                yield _Block(hour_s, rows)

    def _deltas(self, runs: Runs) -> Iterator[_Block]:
        """Energy between each register reading and the next: nothing is interpolated."""
        before: tuple[int, int, Scale] | None = None
        for hour_s in self._hours():
            rows = []
            for run in runs(max(hour_s, self.start_s), min(hour_s + BLOCK_S - 1, self.end_s)):
                for time_s, raw in zip(run.times_s, run.raws, strict=True):
                    if before is not None and before[2] == run.scale and raw >= before[1]:
                        rows.append((before[0], time_s - before[0], raw - before[1], run.scale))
                    before = (time_s, raw, run.scale)
            if rows:
                # A delta belongs to the hour in which it ends, so the block may begin a little before it.
                yield _Block(hour_s, rows)

    def _hours(self) -> Iterator[int]:
        return iter(range(self.start_s - self.start_s % BLOCK_S, self.end_s + 1, BLOCK_S))

    # XML

    def _head(self) -> str:
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="{ATOM}">'
            f"<id>{self._uuid('feed').urn}</id><title>Green Button readings</title>"
            f"<updated>{_time(self.updated_s)}</updated>"
            f'<link rel="self" href="{ROOT}/Batch/Subscription/1"/>\n'
        )

    def _entry(self, path: str, title: str, content: str, links: str = "") -> str:
        # Atom wants a "published" time; when the resource could first have been read is not known.
        stamp = _time(self.updated_s)
        name, _, rest = content.partition(">")
        opening = name.rstrip("/") + f' xmlns="{ESPI}"' + ("/>" if name.endswith("/") else ">")
        return (
            f"<entry><id>{self._uuid(path).urn}</id><title>{escape(title)}</title>"
            f'<published>{stamp}</published><updated>{stamp}</updated><link rel="self" href="{path}"/>'
            f'<link rel="up" href="{path.rpartition("/")[0]}"/>{links}'
            f"<content>{opening}{rest}</content></entry>\n"
        )

    def _block(self, path: str, kind: ReadingKind, block: _Block, power_of_ten: int) -> str:
        number = block.hour_s // BLOCK_S
        return self._entry(f"{path}/IntervalBlock/{number}", kind.title, block.render(power_of_ten))

    def _uuid(self, name: str) -> UUID:
        return uuid5(uuid5(NAMESPACE_URL, "urn:openesi:gateway"), f"{self.meter} {name}")


@dataclass(frozen=True, slots=True)
class _Block:
    """Readings of one hour: (start, duration, raw, scale)."""

    hour_s: int
    rows: list[tuple[int, int, int, Scale]]

    @property
    def power_of_ten(self) -> int:
        return power_of_ten(self.rows[0][3])

    def render(self, exponent: int) -> str:
        start_s = self.rows[0][0]
        end_s = self.rows[-1][0] + self.rows[-1][1]
        thousandths = 1000 if exponent == -3 else 1
        parts = [
            f"<IntervalBlock><interval><duration>{end_s - start_s}</duration>"
            f"<start>{start_s}</start></interval>"
        ]
        known, numerator, factor, rest = None, 0, 0, 0
        for time_s, duration_s, raw, scale in self.rows:
            if scale is not known:
                known, numerator = scale, scale.multiplier * 1000 * thousandths
                factor, rest = divmod(numerator, scale.divisor)
            value = raw * factor if rest == 0 else round(raw * numerator / scale.divisor)
            parts.append(
                f"<IntervalReading><timePeriod><duration>{duration_s}</duration><start>{time_s}</start>"
                f"</timePeriod><value>{value}</value></IntervalReading>"
            )
        parts.append("</IntervalBlock>")
        return "".join(parts)


def power_of_ten(scale: Scale) -> int:
    """ESPI's powerOfTenMultiplier: 0 when the meter's step is whole watts, else -3 (milliwatts)."""
    return 0 if scale.multiplier * 1000 % scale.divisor == 0 else -3


def _render_type(kind: ReadingKind, exponent: int) -> str:
    return (
        f"<ReadingType><accumulationBehaviour>{kind.accumulation}</accumulationBehaviour>"
        f"<commodity>{ELECTRICITY}</commodity><dataQualifier>12</dataQualifier>"
        f"<defaultQuality>{QUALITY_RAW}</defaultQuality><flowDirection>{kind.flow}</flowDirection>"
        f"<intervalLength>{kind.interval_s}</intervalLength><kind>{kind.kind}</kind><phase>769</phase>"
        f"<powerOfTenMultiplier>{exponent}</powerOfTenMultiplier><timeAttribute>0</timeAttribute>"
        f"<uom>{kind.uom}</uom></ReadingType>"
    )


def _related() -> str:
    return (
        f'<link rel="related" href="{ROOT}/UsagePoint/1/MeterReading"/>'
        f'<link rel="related" href="{ROOT}/LocalTimeParameters/1"/>'
    )


def _time(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_USAGE_POINT = (
    "<UsagePoint><roleFlags>0000</roleFlags><ServiceCategory><kind>0</kind></ServiceCategory>"
    "<status>1</status></UsagePoint>"
)
# All times in the feed are UTC and stay so; a rule of all ones is "no daylight saving".
_UTC = (
    "<LocalTimeParameters><dstEndRule>FFFFFFFF</dstEndRule><dstOffset>0</dstOffset>"
    "<dstStartRule>FFFFFFFF</dstStartRule><tzOffset>0</tzOffset></LocalTimeParameters>"
)
