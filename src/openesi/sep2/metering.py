"""What a reading must look like, given its ReadingType: tiers, blocks, and what has a history at all.

Sources: IEEE 2030.5-2018, 10.4, and the annotations of ReadingType and ReadingBase.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from openesi.sep2 import model as sep
from openesi.sep2.enums import AccumulationBehaviour, QualityFlag, bits

MAX_TIER, MAX_BLOCK = 15, 16  # types TOUType and ConsumptionBlockType; 0 is the total

_KNOWN_QUALITY = int(QualityFlag(sum(QualityFlag)))


def problems(kind: sep.ReadingType, reading: sep.ReadingBase) -> Iterator[str]:
    """Yield what in a reading does not fit its type."""
    tiers, blocks = kind.numberOfTouTiers or 0, kind.numberOfConsumptionBlocks or 0
    yield from _counted("touTier", reading.touTier, tiers, MAX_TIER)
    yield from _counted("consumptionBlock", reading.consumptionBlock, blocks, MAX_BLOCK)


def quality_problems(reading: sep.ReadingBase) -> Iterator[str]:
    """Yield what in a reading's qualityFlags means nothing yet. What devices say there is kept as it is."""
    if reading.qualityFlags is not None and bits(reading.qualityFlags) & ~_KNOWN_QUALITY:
        yield f"qualityFlags {reading.qualityFlags.hex()} has bits that are reserved"


def type_problems(kind: sep.ReadingType) -> Iterator[str]:
    """Yield what a reading type says against the standard."""
    for name, most in (("numberOfTouTiers", MAX_TIER), ("numberOfConsumptionBlocks", MAX_BLOCK)):
        value = getattr(kind, name)
        if value is not None and value > most:
            yield f"{name} {value} is more than {most}"
    if kind.tieredConsumptionBlocks and not (kind.numberOfTouTiers and kind.numberOfConsumptionBlocks):
        yield "tieredConsumptionBlocks comes with tiers and blocks only"
    if kind.subIntervalLength and kind.intervalLength and kind.intervalLength % kind.subIntervalLength:
        yield "intervalLength is no multiple of subIntervalLength"


def set_problems(kind: sep.ReadingType, readings: Iterable[sep.ReadingBase]) -> Iterator[str]:
    """Yield what is wrong with the readings of one set together: a tier and block has one total."""
    if not is_split(kind):
        return
    seen = set()
    for reading in readings:
        place = (
            reading.touTier, reading.consumptionBlock, getattr(reading, "localID", None), reading.timePeriod
        )  # fmt: skip
        if place in seen:
            yield f"touTier {reading.touTier}, consumptionBlock {reading.consumptionBlock} comes twice"
            return
        seen.add(place)


def is_split(kind: sep.ReadingType) -> bool:
    """Tell whether readings of a type count by tier or by block."""
    return bool(kind.numberOfTouTiers or kind.numberOfConsumptionBlocks)


def has_history(kind: sep.ReadingType) -> bool:
    """Tell whether readings of a type come in sets: an instantaneous value has no history of its own."""
    return kind.accumulationBehaviour != AccumulationBehaviour.INSTANTANEOUS or bool(kind.intervalLength)


def has_latest(kind: sep.ReadingType) -> bool:
    """Tell whether readings of a type have a present value: what is counted interval by interval has none."""
    return not (kind.intervalLength and kind.accumulationBehaviour == AccumulationBehaviour.DELTA_DATA)


def _counted(name: str, value: int | None, count: int, most: int) -> Iterator[str]:
    if value is None:
        if count:
            yield f"{name} is required: its type has {count}"
    elif value > most:
        yield f"{name} {value} is reserved"
    elif value > count:
        yield f"{name} {value} is beyond the {count} of its type"
