"""The modes of a DERControl as people write them: ``opModExpLimW=1.5kW``, ``opModFixedW=-50%``.

How a value is read follows from the type that the standard gives the mode.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from openesi.cli import units
from openesi.errors import WrongUsage
from openesi.sep2 import model as sep
from openesi.sep2.enums import DERUnitRef
from openesi.sep2.json import known_fields


def parse_modes(texts: list[str]) -> dict[str, Any]:
    """Return a DERControlBase as JSON of ``MODE=VALUE`` texts. Raises WrongUsage."""
    return dict(_parse_mode(text) for text in texts)


def _parse_mode(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    known = known_fields(sep.DERControlBase)
    field = next((one for one in known.values() if one.name.lower() == name.strip().lower()), None)
    if not equals or field is None:
        raise WrongUsage(f"{text!r} is no MODE=VALUE. There are: {', '.join(known)}.")
    if value.strip().startswith("{"):
        return field.name, _as_json(value, text)
    reader = _READERS.get(field.type_name)
    if reader is None:
        raise WrongUsage(f"{text!r}: write the {field.type_name} as JSON, {{...}}.")
    return field.name, reader(value.strip(), text)


def _as_json(value: str, text: str) -> Any:
    try:
        return json.loads(value)
    except ValueError as error:
        raise WrongUsage(f"{text!r} is no JSON: {error}.") from None


def _as_switch(value: str, text: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise WrongUsage(f"{text!r}: write true or false.")
    return value.lower() == "true"


def _as_hundredths(value: str, text: str) -> int:
    """Read a percentage as PerCent counts it: hundredths of a percent."""
    return int(_number(value.removesuffix("%"), text, "a share as 40%") * 100)


def _as_power(value: str, text: str) -> dict[str, int]:
    """Read a power, active or reactive, with the smallest power of ten that fits 16 bits."""
    unit = next((one for one in ("Mvar", "kvar", "var") if value.lower().endswith(one.lower())), None)
    if unit is not None:
        value = value[: -len(unit)] + {"Mvar": "MW", "kvar": "kW", "var": "W"}[unit]
    return units.active_power(units.parse_power(value))


def _as_power_factor(value: str, text: str) -> dict[str, Any]:
    """Read ``0.95`` (injecting vars, over-excited) or ``0.95 under``."""
    number, _, side = value.partition(" ")
    factor = _number(number, text, "a power factor as 0.95 or '0.95 under'")
    if not 0 < factor <= 1 or side.strip() not in ("", "over", "under"):
        raise WrongUsage(f"{text!r}: write a power factor as 0.95, '0.95 over' or '0.95 under' (excited).")
    return {
        "displacement": int(factor * 1_000),
        "excitation": side.strip() == "under",
        "multiplier": -3,
    }


def _as_var(value: str, text: str) -> dict[str, int]:
    return {"refType": DERUnitRef.setMaxVar, "value": _as_hundredths(value, text)}


def _as_curve(value: str, text: str) -> dict[str, str]:
    if not value.startswith("/derp/"):
        raise WrongUsage(f"{text!r}: name the curve by its href, as /derp/1/dc/1.")
    return {"href": value}


def _as_ramp(value: str, text: str) -> int:
    """Read seconds as the standard counts them here: hundredths."""
    return int(_number(value.removesuffix("s"), text, "seconds as 2.5s") * 100)


def _number(value: str, text: str, wanted: str) -> Decimal:
    try:
        return Decimal(value)
    except InvalidOperation:
        raise WrongUsage(f"{text!r}: write {wanted}.") from None


_READERS: dict[str, Callable[[str, str], Any]] = {
    "boolean": _as_switch,
    "PerCent": _as_hundredths,
    "SignedPerCent": _as_hundredths,
    "ActivePower": _as_power,
    "ReactivePower": _as_power,
    "PowerFactorWithExcitation": _as_power_factor,
    "FixedVar": _as_var,
    "DERCurveLink": _as_curve,
    "UInt16": _as_ramp,
}
