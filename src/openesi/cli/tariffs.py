"""Prices as people write them, laid out over days in the standard's terms. Pure: the time is passed in.

A rate is a price, for certain hours of certain days if it says so, with steps where more use costs more::

    0.31/kWh
    16:00-21:00 0.45/kWh
    sat-sun 00:00-24:00 0.20/kWh
    0.20/kWh >100kWh 0.30/kWh >500kWh 0.45/kWh

Where several rates are for the same moment the one that was given last counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from openesi.errors import WrongUsage
from openesi.sep2.enums import (
    AccumulationBehaviour,
    Commodity,
    CostKind,
    FlowDirection,
    Kind,
    ServiceKind,
    Uom,
)

DAY_S = 86_400
MAX_DAYS = 370
MAX_STEPS = 16  # consumption blocks of the standard
MAX_TIERS = 15
MULTIPLIER = -5  # prices are told in hundred-thousandths unless they need more digits
MIN_MULTIPLIER = -9
INT32 = 2**31 - 1
UINT48 = 2**48 - 1

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNITS = {
    "wh": (Uom.WATT_HOURS, 0),
    "kwh": (Uom.WATT_HOURS, 3),
    "mwh": (Uom.WATT_HOURS, 6),
    "m3": (Uom.CUBIC_METRES, 0),
    "therm": (Uom.THERMS, 0),
    "mj": (Uom.JOULES, 6),
    "l": (Uom.LITRES, 0),
}
COMMODITIES = {
    "electricity": (Commodity.ELECTRICITY_SECONDARY, ServiceKind.ELECTRICITY),
    "gas": (Commodity.NATURAL_GAS, ServiceKind.GAS),
    "water": (Commodity.POTABLE_WATER, ServiceKind.WATER),
    "heat": (Commodity.HEATING_FLUID, ServiceKind.HEAT),
}
# ISO 4217
CURRENCIES = {
    "AED": 784, "ARS": 32, "AUD": 36, "BGN": 975, "BRL": 986, "CAD": 124, "CHF": 756, "CLP": 152,
    "CNY": 156, "COP": 170, "CZK": 203, "DKK": 208, "EGP": 818, "EUR": 978, "GBP": 826, "HKD": 344,
    "HUF": 348, "IDR": 360, "ILS": 376, "INR": 356, "ISK": 352, "JPY": 392, "KES": 404, "KRW": 410,
    "MXN": 484, "MYR": 458, "NGN": 566, "NOK": 578, "NZD": 554, "PHP": 608, "PLN": 985, "RON": 946,
    "SAR": 682, "SEK": 752, "SGD": 702, "THB": 764, "TRY": 949, "TWD": 901, "UAH": 980, "USD": 840,
    "VND": 704, "ZAR": 710,
}  # fmt: skip

_PRICE = re.compile(r"([+-]?[0-9]+(?:\.[0-9]+)?)/([A-Za-z0-9]+)")
_HOURS = re.compile(r"([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})")
_AMOUNT = re.compile(r">([0-9]+)([A-Za-z0-9]+)")


class Rate(NamedTuple):
    """A price: on which weekdays (0 is Monday), from and until which second of the day, and its steps.

    A step is the use above which it counts, in ``unit``, and its price.
    """

    days: frozenset[int]
    start_s: int
    end_s: int
    steps: tuple[tuple[int, Decimal], ...]
    unit: str


class Slot(NamedTuple):
    """When one rate holds without a break (s since 1970)."""

    start: int
    duration: int
    steps: tuple[tuple[int, Decimal], ...]


class Terms(NamedTuple):
    """What a tariff's prices are counted in: the power of ten they are told in, tiers by their steps."""

    multiplier: int
    tiers: dict[tuple[tuple[int, Decimal], ...], int]


# --- reading ------------------------------------------------------------------------------------------------


def parse_rate(text: str) -> Rate:
    """Read a rate. Raises WrongUsage."""
    words = text.split()
    days, hours = frozenset(range(7)), (0, DAY_S)
    if words and (found := _days(words[0])) is not None:
        days = found
        words = words[1:]
    if words and (match := _HOURS.fullmatch(words[0])):
        first, first_min, last, last_min = map(int, match.groups())
        hours = (first * 3_600 + first_min * 60, last * 3_600 + last_min * 60)
        if max(first_min, last_min) > 59 or not hours[0] < hours[1] <= DAY_S:
            raise WrongUsage(
                f"{words[0]!r}: hours run from 00:00 to 24:00, and end after they start. "
                "Write 21:00-24:00 and 00:00-06:00 for a night."
            )
        words = words[1:]
    steps, unit = _steps(words, text)
    return Rate(days, *hours, steps, unit)


def _days(word: str) -> frozenset[int] | None:
    first, dash, last = word.lower().partition("-")
    if first not in DAYS or (dash and last not in DAYS):
        return None
    start = DAYS.index(first)
    length = (DAYS.index(last) - start) % 7 + 1 if dash else 1
    return frozenset((start + offset) % 7 for offset in range(length))


def _steps(words: Sequence[str], text: str) -> tuple[tuple[tuple[int, Decimal], ...], str]:
    wrong = WrongUsage(f"{text!r} is no price. Write it as 0.31/kWh, or '16:00-21:00 0.45/kWh'.")
    if not words or len(words) % 2 == 0:
        raise wrong
    prices = [_PRICE.fullmatch(word) for word in words[::2]]
    amounts = [_AMOUNT.fullmatch(word) for word in words[1::2]]
    if None in prices or None in amounts:
        raise wrong
    units = {match[2].lower() for match in (*prices, *amounts) if match is not None}
    if len(units) != 1 or not units <= UNITS.keys():
        raise WrongUsage(f"{text!r}: prices are per one of {', '.join(UNITS)}, the same throughout.")
    starts = [0, *(int(match[1]) for match in amounts if match is not None)]
    if starts != sorted(set(starts)) or starts[-1] > UINT48 or len(starts) > MAX_STEPS:
        raise WrongUsage(f"{text!r}: at most {MAX_STEPS} steps, each above more use than the one before.")
    values = [Decimal(match[1]) for match in prices if match is not None]
    return tuple(zip(starts, values, strict=True)), units.pop()


def parse_currency(text: str) -> int:
    """Return the number of a currency: EUR, or the number itself. Raises WrongUsage."""
    if text.upper() in CURRENCIES:
        return CURRENCIES[text.upper()]
    if text.isascii() and text.isdigit() and int(text) < 1_000:
        return int(text)
    raise WrongUsage(f"{text!r} is no currency known here. Write EUR, or its ISO 4217 number.")


def parse_emissions(text: str) -> dict[str, int]:
    """Read grams of CO2 as an EnvironmentalCost: 430g/kWh; the unit is that of the prices."""
    found = re.fullmatch(r"([0-9]{1,9})g/([A-Za-z0-9]+)", text)
    if found is None or found[2].lower() not in UNITS:
        raise WrongUsage(f"{text!r} is no emission. Write grams of CO2 a unit, as 430g/kWh.")
    return {
        "amount": int(found[1]),
        "costKind": CostKind.CARBON_DIOXIDE_GRAMS,
        "costLevel": 0,
        "numCostLevels": 1,
    }


# --- laying out ---------------------------------------------------------------------------------------------


def slots(rates: Sequence[Rate], *, first_day: datetime, days: int, now: float) -> list[Slot]:
    """Return when which rate holds on some days, from the local midnight ``first_day`` on.

    Hours are those of the clock on the wall, also on days that are 23 or 25 hours long. No slot goes over
    midnight, so the same days laid out tomorrow are the same slots. What is over at ``now`` is left out.
    """
    found: list[Slot] = []
    for offset in range(days):
        day = first_day + timedelta(days=offset)
        for start_s, end_s, steps in _of_day(rates, day.weekday()):
            start, end = _at(day, start_s), _at(day, end_s)
            if end > max(start, now):
                found.append(Slot(start, end - start, steps))
    return found


def _of_day(rates: Sequence[Rate], weekday: int) -> list[tuple[int, int, tuple[tuple[int, Decimal], ...]]]:
    today = [rate for rate in rates if weekday in rate.days]
    edges = sorted({edge for rate in today for edge in (rate.start_s, rate.end_s)})
    parts: list[tuple[int, int, tuple[tuple[int, Decimal], ...]]] = []
    for start, end in pairwise(edges):
        steps = next((one.steps for one in reversed(today) if one.start_s <= start < one.end_s), None)
        if steps is None:
            continue
        if parts and parts[-1][1] == start and parts[-1][2] == steps:
            parts[-1] = (parts[-1][0], end, steps)
        else:
            parts.append((start, end, steps))
    return parts


def _at(day: datetime, second: int) -> int:
    """Return when the clock on the wall shows a second of a day."""
    wall = day.replace(tzinfo=None) + timedelta(seconds=second)
    return int(wall.replace(tzinfo=day.tzinfo).timestamp())


def midnight(moment: float, zone: tzinfo | None) -> datetime:
    """Return the midnight before a moment, in a zone (None: this machine's)."""
    local = datetime.fromtimestamp(moment, zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


# --- in the standard's terms --------------------------------------------------------------------------------


def terms_of(rates: Iterable[Rate], *, multiplier: int | None = None) -> Terms:
    """Return how prices are told: no digit is lost, and dearer rates have higher tiers. Raises WrongUsage.

    ``multiplier`` is that of a tariff that is there already.
    """
    ladders = sorted({rate.steps for rate in rates}, key=lambda steps: [price for _, price in steps])
    if len(ladders) > MAX_TIERS:
        raise WrongUsage(f"{len(ladders)} different rates; the standard has {MAX_TIERS} tiers.")
    prices = [price for steps in ladders for _, price in steps]
    needed = min((_exponent(price) for price in prices), default=0)
    chosen = min(needed, MULTIPLIER) if multiplier is None else multiplier
    if needed < chosen or chosen < MIN_MULTIPLIER:
        raise WrongUsage(
            f"A price has more digits than a multiplier of 10^{max(chosen, MIN_MULTIPLIER)} can tell."
        )
    for price in prices:
        if abs(price.scaleb(-chosen)) > INT32:
            raise WrongUsage(f"{price} is too large a price, at a multiplier of 10^{chosen}.")
    return Terms(chosen, {steps: number for number, steps in enumerate(ladders, 1)})


def _exponent(price: Decimal) -> int:
    exponent = price.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return exponent


def reading_type(
    unit: str, commodity: str, *, tiers: int, steps: int, reverse: bool = False
) -> dict[str, int]:
    """Return what prices are for, as JSON in the standard's terms."""
    uom, multiplier = UNITS[unit]
    return {
        "accumulationBehaviour": AccumulationBehaviour.SUMMATION,
        "commodity": COMMODITIES[commodity][0],
        "flowDirection": FlowDirection.REVERSE if reverse else FlowDirection.FORWARD,
        "kind": Kind.ENERGY,
        "numberOfConsumptionBlocks": steps,
        "numberOfTouTiers": tiers,
        "powerOfTenMultiplier": multiplier,
        "uom": uom,
    }


def intervals(
    laid_out: Iterable[Slot],
    terms: Terms,
    *,
    emissions: dict[str, int] | None = None,
    spread: dict[str, int | None] | None = None,
) -> list[dict[str, Any]]:
    """Return slots as TimeTariffIntervals with their blocks, as JSON in the standard's terms.

    ``spread`` holds randomizeStart and randomizeDuration (s), as far as they are given.
    """
    extra = {"EnvironmentalCost": [emissions]} if emissions else {}
    given = {name: seconds for name, seconds in (spread or {}).items() if seconds is not None}
    return [
        {
            **given,
            "interval": {"start": slot.start, "duration": slot.duration},
            "touTier": terms.tiers[slot.steps],
            "ConsumptionTariffInterval": [
                {
                    "consumptionBlock": number,
                    "startValue": start,
                    "price": int(price.scaleb(-terms.multiplier)),
                    **extra,
                }
                for number, (start, price) in enumerate(slot.steps, 1)
            ],
        }
        for slot in laid_out
    ]


def unit_name(kind: dict[str, Any]) -> str:
    """Return the unit that prices are per, of a ReadingType as JSON: kWh."""
    found = (kind.get("uom"), kind.get("powerOfTenMultiplier", 0))
    name = next((unit for unit, values in UNITS.items() if values == found), None)
    return _WRITTEN.get(name or "", name or f"uom {found[0]} x 10^{found[1]}")


_WRITTEN = {"wh": "Wh", "kwh": "kWh", "mwh": "MWh", "mj": "MJ"}


def currency_name(number: int | None) -> str:
    """Return the code of a currency, or its number."""
    if number is None:
        return ""
    return next((code for code, one in CURRENCIES.items() if one == number), str(number))
