"""Prices as people write them, laid out over days."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesi.cli import tariffs
from openesi.errors import WrongUsage

MONDAY = datetime(2026, 11, 30, tzinfo=UTC)
HOUR = 3_600


def steps(*values: str) -> tuple[tuple[int, Decimal], ...]:
    return tuple((int(start), Decimal(price)) for start, price in (value.split(":") for value in values))


@pytest.mark.parametrize(
    ("text", "days", "hours", "expected"),
    [
        ("0.31/kWh", 7, (0, 24), steps("0:0.31")),
        ("-0.05/kWh", 7, (0, 24), steps("0:-0.05")),
        ("16:00-21:30 0.45/kWh", 7, (16, 21.5), steps("0:0.45")),
        ("00:00-24:00 1/MWh", 7, (0, 24), steps("0:1")),
        ("sat-sun 0.2/kWh", 2, (0, 24), steps("0:0.2")),
        ("fri-mon 06:00-07:00 0.2/kWh", 4, (6, 7), steps("0:0.2")),
        ("Wed 0.2/kWh", 1, (0, 24), steps("0:0.2")),
        ("0.20/kWh >100kWh 0.30/kWh >500kWh 0.45/kWh", 7, (0, 24), steps("0:0.20", "100:0.30", "500:0.45")),
    ],
)
def test_rates_are_read(
    text: str, days: int, hours: tuple[float, float], expected: tuple[tuple[int, Decimal], ...]
) -> None:
    rate = tariffs.parse_rate(text)

    assert (len(rate.days), rate.start_s, rate.end_s) == (days, hours[0] * HOUR, hours[1] * HOUR)
    assert rate.steps == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "0.31", "0.31/", "/kWh", "0.31/horse", "0.31 /kWh", "21:00-06:00 0.2/kWh", "16:00-25:00 0.2/kWh",
        "16:00-16:60 0.2/kWh", "16-21 0.2/kWh", "0.2/kWh 0.3/kWh", "0.2/kWh >0kWh 0.3/kWh",
        "0.2/kWh >100kWh", "0.2/kWh >100MWh 0.3/kWh", "0.2/kWh >9kWh 0.3/kWh >8kWh 0.4/kWh",
        "mon-someday 0.2/kWh", "1e5/kWh", "nan/kWh", "0.2/kWh >1.5kWh 0.3/kWh",
        "0.2/kWh" + "".join(f" >{n}kWh 1/kWh" for n in range(1, 17)),
    ],
)  # fmt: skip
def test_what_is_no_rate_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(WrongUsage, match=r"Write it as|hours run|per one of|steps, each"):
        tariffs.parse_rate(text)


@given(st.text(max_size=40))
def test_every_text_is_a_rate_or_refused(text: str) -> None:
    try:
        rate = tariffs.parse_rate(text)
    except WrongUsage:
        return
    assert rate.start_s < rate.end_s


def laid_out(
    *texts: str, days: int = 1, first: datetime = MONDAY, now: float | None = None
) -> list[tuple[float, float, str]]:
    rates = [tariffs.parse_rate(text) for text in texts]
    found = tariffs.slots(rates, first_day=first, days=days, now=first.timestamp() if now is None else now)
    begin = first.timestamp()
    return [((one.start - begin) / HOUR, one.duration / HOUR, str(one.steps[0][1])) for one in found]


def test_a_day_is_laid_out_and_the_last_rate_given_counts() -> None:
    assert laid_out("0.22/kWh", "16:00-21:00 0.45/kWh") == [(0, 16, "0.22"), (16, 5, "0.45"), (21, 3, "0.22")]
    assert laid_out("16:00-21:00 0.45/kWh", "0.22/kWh") == [(0, 24, "0.22")]
    assert laid_out("06:00-08:00 1/kWh", "07:00-09:00 2/kWh") == [(6, 1, "1"), (7, 2, "2")]
    assert laid_out("06:00-07:00 1/kWh", "07:00-08:00 1/kWh") == [(6, 2, "1")]


def test_no_slot_goes_over_midnight_and_what_is_over_is_left_out() -> None:
    now = MONDAY.timestamp() + 17 * HOUR
    found = laid_out("0.22/kWh", "tue 0.45/kWh", "16:00-21:00 1/kWh", days=2, now=now)

    assert found == [(16, 5, "1"), (21, 3, "0.22"), (24, 16, "0.45"), (40, 5, "1"), (45, 3, "0.45")]


def test_the_same_days_laid_out_later_are_the_same_slots() -> None:
    rates = [tariffs.parse_rate(text) for text in ("0.22/kWh", "16:00-21:00 0.45/kWh")]
    now = MONDAY.timestamp() + 20 * HOUR
    today = tariffs.slots(rates, first_day=MONDAY, days=3, now=now)
    tomorrow = tariffs.slots(rates, first_day=MONDAY.replace(day=1, month=12), days=2, now=now + 10 * HOUR)

    assert set(tomorrow) <= set(today)


@pytest.mark.parametrize(
    ("day", "length"),
    [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 6, 1), 24)],
    ids=["spring", "autumn", "June"],
)
def test_days_of_23_and_25_hours_have_no_gap(day: tuple[int, int, int], length: int) -> None:
    first = datetime(*day, tzinfo=ZoneInfo("Europe/Paris"))
    found = laid_out("0.22/kWh", "03:00-05:00 0.45/kWh", "22:00-24:00 0.1/kWh", first=first)

    assert sum(duration for _, duration, _ in found) == length
    assert [start + duration for start, duration, _ in found[:-1]] == [start for start, _, _ in found[1:]]
    assert found[-1] == (length - 2, 2, "0.1")
    for start, duration, price in found:
        wall = datetime.fromtimestamp(first.timestamp() + start * HOUR, first.tzinfo)
        assert (price == "0.45") is (wall.hour == 3), (wall, duration)


def test_an_hour_that_does_not_exist_has_no_price() -> None:
    first = datetime(2026, 3, 29, tzinfo=ZoneInfo("Europe/Paris"))

    assert laid_out("02:00-03:00 1/kWh", first=first) == []
    assert sum(one[1] for one in laid_out("0.2/kWh", "02:00-03:00 1/kWh", first=first)) == 23


# --- in the standard's terms --------------------------------------------------------------------------------


def test_dearer_rates_have_higher_tiers_and_no_digit_is_lost() -> None:
    rates = [
        tariffs.parse_rate(text) for text in ("0.22/kWh", "16:00-21:00 0.451234567/kWh", "sat -0.01/kWh")
    ]
    terms = tariffs.terms_of(rates)

    assert terms.multiplier == -9
    assert [terms.tiers[rate.steps] for rate in rates] == [2, 3, 1]
    told = tariffs.intervals([tariffs.Slot(0, 60, rates[1].steps)], terms)[0]
    assert told["ConsumptionTariffInterval"] == [
        {"consumptionBlock": 1, "startValue": 0, "price": 451_234_567}
    ]


@pytest.mark.parametrize(
    ("texts", "multiplier", "problem"),
    [
        (["0.1234567891/kWh"], None, "more digits"),
        (["0.221/kWh"], -2, "more digits"),
        (["30000/kWh"], None, "too large"),
        ([f"{price}/kWh" for price in range(16)], None, "15 tiers"),
    ],
)
def test_prices_that_cannot_be_told_exactly_are_refused(
    texts: list[str], multiplier: int | None, problem: str
) -> None:
    with pytest.raises(WrongUsage, match=problem):
        tariffs.terms_of([tariffs.parse_rate(text) for text in texts], multiplier=multiplier)


@pytest.mark.parametrize(("text", "number"), [("EUR", 978), ("usd", 840), ("036", 36), ("999", 999)])
def test_currencies(text: str, number: int) -> None:
    assert tariffs.parse_currency(text) == number


@pytest.mark.parametrize("text", ["", "XYZ", "1000", "-1", "€"])
def test_what_is_no_currency(text: str) -> None:
    with pytest.raises(WrongUsage):
        tariffs.parse_currency(text)


@pytest.mark.parametrize("text", ["430", "430kg/kWh", "-1g/kWh", "430g/horse"])
def test_what_is_no_emission(text: str) -> None:
    with pytest.raises(WrongUsage, match="430g/kWh"):
        tariffs.parse_emissions(text)
