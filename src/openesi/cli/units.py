"""Quantities as people write them: 2kW, 40%, 2m, in 10m."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

from openesi.errors import WrongUsage

_POWER = {"w": 1, "kw": 1_000, "mw": 1_000_000, "gw": 1_000_000_000}
_TIME = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400}
_QUANTITY = re.compile(r"\s*([+-]?[0-9]+(?:\.[0-9]+)?)\s*([A-Za-z%]*)\s*")
MAX_DURATION_S = 366 * 86_400
MAX_SCALED = 32_767  # ActivePower and ReactivePower have 16 bits


def parse_power(text: str) -> Decimal:
    """Read a power in W: 2000, 2kW, 0.5 MW. Raises WrongUsage."""
    number, unit = _split(text, "a power as 2kW or 1500W")
    if unit.lower() not in ("", *_POWER):
        raise WrongUsage(f"{text!r} is no power. Write it as 2kW or 1500W.")
    return number * _POWER.get(unit.lower(), 1)


def parse_limit(text: str) -> tuple[str, Decimal]:
    """Read a limit: ("percent", 40) for 40%, ("w", 2000) for 2kW. Raises WrongUsage."""
    number, unit = _split(text, "a limit as 2kW or 40%")
    if unit == "%":
        if not 0 <= number <= 100:
            raise WrongUsage(f"{text!r}: a limit in percent lies between 0% and 100%.")
        return "percent", number
    power_w = parse_power(text)
    if power_w < 0:
        raise WrongUsage(f"{text!r}: a limit cannot be negative.")
    return "w", power_w


def parse_share(text: str) -> Decimal:
    """Read a share in percent: 40%, 2.5 %. Raises WrongUsage."""
    number, unit = _split(text, "a share as 40%")
    if unit != "%" or not 0 <= number <= 100:
        raise WrongUsage(f"{text!r}: a share lies between 0% and 100%.")
    return number


def parse_temperature(text: str) -> tuple[Decimal, bool]:
    """Read a temperature in degrees Celsius, or with a sign by how many to move it: 26C, +2C, -4F.

    Returns the degrees, and whether they are to be added. Raises WrongUsage.
    """
    number, unit = _split(text, "a temperature as 26C or +2C")
    moves = text.strip().startswith(("+", "-"))
    if unit.lower() not in ("c", "f"):
        raise WrongUsage(f"{text!r} is no temperature. Write it as 26C, 78F, or +2C to move what is set.")
    if unit.lower() == "f":
        number = (number if moves else number - 32) * 5 / 9
    return number, moves


def active_power(power_w: Decimal) -> dict[str, int]:
    """Return a power as the standard counts it: 16 bits and the smallest power of ten that fits."""
    multiplier = 0
    while abs(round(power_w.scaleb(-multiplier))) > MAX_SCALED:
        multiplier += 1
    return {"multiplier": multiplier, "value": round(power_w.scaleb(-multiplier))}


def parse_duration(text: str) -> int:
    """Read a duration in s: 90, 90s, 2m, 1.5h, 1d. Raises WrongUsage."""
    number, unit = _split(text, "a duration as 90s, 2m or 1.5h")
    if unit.lower() not in ("", *_TIME):
        raise WrongUsage(f"{text!r} is no duration. Write it as 90s, 2m or 1.5h.")
    seconds = int(number * _TIME.get(unit.lower(), 1))
    if not 0 < seconds <= MAX_DURATION_S:
        raise WrongUsage(f"{text!r}: a duration is longer than nothing and at most a year.")
    return seconds


def parse_start(text: str, *, now: float) -> int:
    """Read when something starts, in s since 1970: now, in 10m, or ISO 8601. Raises WrongUsage."""
    if text.strip() == "now":
        return int(now)
    if text.strip().startswith("in "):
        return int(now) + parse_duration(text.strip()[3:])
    try:
        return int(datetime.fromisoformat(text.strip()).astimezone().timestamp())
    except ValueError:
        raise WrongUsage(f"{text!r} is no time. Write now, 'in 10m', or 2026-11-20T18:00+01:00.") from None


def format_power(power_w: float) -> str:
    """Write a power for people: W below 1 kW, else kW with one decimal."""
    return f"{power_w:.0f} W" if abs(power_w) < 1_000 else f"{power_w / 1_000:.1f} kW"


def format_duration(seconds: int) -> str:
    """Write a duration as ``parse_duration`` reads it, in the largest unit that fits: 90s, 2m, 1h."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _split(text: str, wanted: str) -> tuple[Decimal, str]:
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise WrongUsage(f"{text!r} is not {wanted}.")
    return Decimal(found[1]), found[2]
