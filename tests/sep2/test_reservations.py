"""Flow reservations by rule: never more than the budget, never later than need be."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openesi.sep2 import model as sep
from openesi.sep2 import reservations
from openesi.sep2.reservations import Flow


def wish(
    *, start: int, span: int, power: int, energy: int = 0, duration: int | None = None, exponent: int = 0
) -> sep.FlowReservationRequest:
    return sep.FlowReservationRequest(
        mRID=b"\1",
        creationTime=0,
        durationRequested=duration,
        energyRequested=sep.SignedRealEnergy(multiplier=0, value=energy),
        intervalRequested=sep.DateTimeInterval(duration=span, start=start),
        powerRequested=sep.ActivePower(multiplier=exponent, value=power),
        RequestStatus=sep.RequestStatus(dateTime=0, requestStatus=0),
    )


@pytest.mark.parametrize(
    ("asked", "needed"),
    [
        ({"span": 7_200, "power": 7_000, "energy": 7_000}, 3_600),
        ({"span": 7_200, "power": -7_000, "energy": -7_000}, 3_600),
        ({"span": 7_200, "power": 7, "energy": 7_000, "exponent": 3}, 3_600),
        ({"span": 7_200, "power": 3, "energy": 1}, 1_200),
        ({"span": 7_200, "power": 7_000, "energy": 7_000, "duration": 5_000}, 5_000),
        ({"span": 7_200, "power": 7_000, "energy": 7_000, "duration": 60}, 3_600),
        ({"span": 60, "power": 7_000, "energy": 7_000}, 60),
        ({"span": 60, "power": 7_000, "energy": 0}, 1),
        ({"span": 60, "power": 0, "energy": 7_000}, 60),
        ({"span": 60, "power": 1, "energy": 2**47 - 1, "exponent": -128}, 60),
    ],
)
def test_how_long_a_request_needs_its_power(asked: dict[str, int], needed: int) -> None:
    assert reservations.needed_s(wish(start=0, **asked)) == needed


def test_a_request_that_does_not_fit_is_denied_by_no_duration() -> None:
    asked = wish(start=100, span=600, power=5_000, duration=600)
    others = [Flow(300, 400, Decimal(3_000))]

    denied = reservations.answer(asked, others, budget_w=Decimal(7_999), now=0)
    assert (denied.interval.duration, denied.power.value, denied.energy.value) == (0, 0, 0)
    granted = reservations.answer(asked, others, budget_w=Decimal(8_000), now=0)
    assert (granted.interval.start, granted.interval.duration) == (100, 600)
    assert granted.power == asked.powerRequested
    late = reservations.answer(asked, [], budget_w=Decimal(8_000), now=101)
    assert late.interval.duration == 0


def test_charging_and_discharging_have_a_budget_each() -> None:
    charging = [Flow(0, 600, Decimal(5_000))]

    def duration(power: int) -> int:
        asked = wish(start=0, span=600, power=power, duration=600)
        return reservations.answer(asked, charging, budget_w=Decimal(5_000), now=0).interval.duration

    assert (duration(1), duration(-5_000)) == (0, 600)


FLOWS = st.lists(
    st.builds(
        lambda start, length, power: Flow(start, start + length, Decimal(power)),
        st.integers(0, 30),
        st.integers(0, 12),
        st.integers(1, 5),
    ),
    max_size=7,
)


@settings(max_examples=200)
@given(
    FLOWS, st.integers(0, 5), st.integers(1, 8), st.integers(0, 20), st.integers(1, 25), st.integers(0, 12)
)
def test_what_is_granted_is_the_first_that_fits_and_nothing_is_denied_that_would(
    flows: list[Flow], power: int, needed: int, start: int, span: int, budget: int
) -> None:
    asked = wish(start=start, span=span, power=power, duration=min(needed, span), energy=0)
    needed = reservations.needed_s(asked)
    given = reservations.answer(asked, flows, budget_w=Decimal(budget), now=3).interval

    def load(second: int) -> Decimal:
        return sum((flow.power_w for flow in flows if flow.start <= second < flow.end), Decimal(0))

    fitting = [
        first
        for first in range(max(3, start), start + span - needed + 1)
        if all(load(second) + power <= budget for second in range(first, first + needed))
    ]
    assert (given.duration > 0) is bool(fitting)
    if fitting:
        assert (given.start, given.duration) == (fitting[0], needed)
