"""A value in W becomes hundredths of a percent, and comes back as it was."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openesi.errors import LocalError
from openesi.sep2 import model as sep
from openesi.sep2.xml import parse_as, serialize
from openesi.sunspec import setpoint


def control(base: sep.DERControlBase, description: str | None) -> sep.DERControl:
    made = sep.DERControl(
        mRID=bytes(16),
        description=description,
        creationTime=1,
        EventStatus=sep.EventStatus(currentStatus=1, dateTime=1, potentiallySuperseded=False),
        interval=sep.DateTimeInterval(duration=1, start=1),
        DERControlBase=base,
    )
    return parse_as(serialize(made), sep.DERControl)  # what a store gives back


@given(
    limit_w=st.floats(0.1, 1e9),
    share=st.floats(0, 1),
)
def test_what_was_set_comes_back_exactly(limit_w: float, share: float) -> None:
    value = min(limit_w, round(limit_w * share, 3))
    made = control(*setpoint.encode(value, limit_w))
    fixed = made.DERControlBase.opModFixedW
    assert fixed is not None
    assert -10_000 <= fixed <= 0
    found = setpoint.read_back(made, limit_w)
    assert found == pytest.approx(value, rel=1e-4, abs=1e-9)
    if len(repr(value)) <= 19:
        assert found == value


def test_zero_is_a_value() -> None:
    base, description = setpoint.encode(0, 7_400.0)
    assert base.opModFixedW == 0
    assert setpoint.read_back(control(base, description), 7_400.0) == 0.0
    assert math.copysign(1, setpoint.read_back(control(base, None), 7_400.0) or 0.0) == 1


def test_charging_is_negative_and_in_hundredths_of_a_percent() -> None:
    assert setpoint.encode(3_700, 7_400.0)[0].opModFixedW == -5_000
    assert setpoint.encode(7_400, 7_400.0)[0].opModFixedW == -10_000


def test_after_the_device_was_set_otherwise_the_value_is_what_the_percentage_now_means() -> None:
    made = control(*setpoint.encode(1_000, 2_000.0))
    assert setpoint.read_back(made, 4_000.0) == 2_000.0


def test_controls_of_others_are_read_and_are_not_ours() -> None:
    theirs = control(sep.DERControlBase(opModFixedW=-2_500), "b124_WChaMax=lots")
    assert setpoint.read_back(theirs, 10_000.0) == 2_500.0
    assert not setpoint.is_setpoint(theirs)
    assert setpoint.read_back(control(sep.DERControlBase(opModConnect=True), None), 10_000.0) is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1, 7_400.1, 1e300])
def test_what_is_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(LocalError, match=r"out of range|no number"):
        setpoint.encode(value, 7_400.0)


def test_without_a_known_maximum_there_are_no_watts() -> None:
    with pytest.raises(LocalError, match="setMaxChargeRateW"):
        setpoint.encode(1, None)


def test_raw_values_go_through_unconverted() -> None:
    for value in (-10_000, -100, 0, 10, 10_000):
        made = control(*setpoint.encode(value, None, raw=True))
        assert made.DERControlBase.opModFixedW == value
        assert setpoint.read_back(made, None) == value
    for value in (10_001, 0.5):
        with pytest.raises(LocalError, match="out of range"):
            setpoint.encode(value, None, raw=True)
