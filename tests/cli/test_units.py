"""Quantities as people write them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesi.cli import units
from openesi.errors import WrongUsage

NOW = 1_800_000_000.5


@pytest.mark.parametrize(
    ("text", "power_w"),
    [
        ("2000", "2000"),
        ("1500W", "1500"),
        ("2kW", "2000"),
        ("2 kw", "2000"),
        ("0.5MW", "500000"),
        ("-1.5kW", "-1500"),
        ("+3kW", "3000"),
    ],
)
def test_powers(text: str, power_w: str) -> None:
    assert units.parse_power(text) == Decimal(power_w)


@pytest.mark.parametrize("text", ["", "kW", "2 k W", "2kWh", "2,5kW", "1e3W", "nan", "2%", "٣kW"])
def test_what_is_no_power(text: str) -> None:
    with pytest.raises(WrongUsage, match=r"2kW|ASCII"):
        units.parse_power(text)


@pytest.mark.parametrize(
    ("text", "limit"), [("40%", ("percent", 40)), ("0 %", ("percent", 0)), ("2kW", ("w", 2000))]
)
def test_limits(text: str, limit: tuple[str, int]) -> None:
    assert units.parse_limit(text) == limit


@pytest.mark.parametrize("text", ["101%", "-1%", "-2kW", "much", "40 percent"])
def test_what_is_no_limit(text: str) -> None:
    with pytest.raises(WrongUsage):
        units.parse_limit(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("2m", 120), ("2 min", 120), ("1.5h", 5400), ("1d", 86_400)],
)
def test_durations(text: str, seconds: int) -> None:
    assert units.parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["0", "0.4s", "-5m", "367d", "2 weeks", "", "9" * 400])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(WrongUsage):
        units.parse_duration(text)


@given(st.integers(1, units.MAX_DURATION_S))
def test_a_duration_is_read_as_it_is_written(seconds: int) -> None:
    assert units.parse_duration(units.format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("now", 1_800_000_000),
        ("in 10m", 1_800_000_600),
        ("2026-11-20T18:00+01:00", int(datetime(2026, 11, 20, 17, tzinfo=UTC).timestamp())),
        ("2026-11-20T18:00Z", int(datetime(2026, 11, 20, 18, tzinfo=UTC).timestamp())),
    ],
)
def test_starts(text: str, start: int) -> None:
    assert units.parse_start(text, now=NOW) == start


@pytest.mark.parametrize("text", ["soon", "in", "in soon", "18:00:00:00", ""])
def test_what_is_no_start(text: str) -> None:
    with pytest.raises(WrongUsage):
        units.parse_start(text, now=NOW)


@pytest.mark.parametrize(
    ("power_w", "text"), [(0, "0 W"), (999, "999 W"), (2_000, "2.0 kW"), (-1_500, "-1.5 kW")]
)
def test_powers_for_people(power_w: float, text: str) -> None:
    assert units.format_power(power_w) == text
