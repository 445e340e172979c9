"""``/meter/electricity/meta_data/kvp/KEY``.

One ``key=value`` each. Values are ESPI codes unless names are asked for.
"""

from __future__ import annotations

from openesi.gateway.events import Outcome
from openesi.gateway.greenbutton import (
    ELECTRICITY,
    FORWARD,
    KIND_POWER,
    NET,
    UOM_W,
    power_of_ten,
)
from openesi.gateway.record import MeterRecord, SeriesName

NAMES = {
    "Commodity": {ELECTRICITY: "electricity"},
    "Kind": {KIND_POWER: "power"},
    "FlowDirection": {FORWARD: "forward", NET: "net"},
    "PowerOfTen": {0: "none", -3: "milli"},
    "UnitsOfMeasurement": {UOM_W: "W"},
}
STATISTICS = ("QueriesTotal", "QueriesLost", "QueriesLate", "QueriesDuplicate", "QueriesAnswered")
KEYS = ("DateTimeInterval", *NAMES, *STATISTICS)
"""Every key there is, spelt as the seed spells them; then ours."""


def find_metadata(record: MeterRecord, key: str, now: float, *, names: bool = False) -> str | None:
    """The value of ``key``, or None if there is no such key or nothing is known yet."""
    if key in STATISTICS:
        return str(_statistic(record, key, now))
    bounds = record.bounds(SeriesName.POWER, now)
    if bounds is None or key not in KEYS:
        return None
    if key == "DateTimeInterval":
        return f"{bounds[0]},{bounds[1] - bounds[0]}"
    code = _code(record, key, now, bounds)
    return NAMES[key].get(code, str(code)) if names else str(code)


def _statistic(record: MeterRecord, key: str, now: float) -> int:
    statistics = record.snapshot(now).statistics
    return {
        "QueriesTotal": statistics.total(),
        "QueriesLost": statistics.count(Outcome.LOST),
        "QueriesLate": statistics.count(Outcome.LATE),
        "QueriesAnswered": statistics.count(Outcome.ANSWERED),
        "QueriesDuplicate": statistics.duplicates,
    }[key]


def _code(record: MeterRecord, key: str, now: float, bounds: tuple[int, int]) -> int:
    match key:
        case "Commodity":
            return ELECTRICITY
        case "Kind":
            return KIND_POWER
        case "FlowDirection":
            return NET if record.snapshot(now).export_seen else FORWARD
        case "PowerOfTen":
            return power_of_ten(record.points(SeriesName.POWER, bounds[0], bounds[0])[0].scale)
        case _:
            return UOM_W
