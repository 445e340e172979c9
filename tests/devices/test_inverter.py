"""The inverter as a function: what its controls make of sun and grid."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openesi.client.der import Orders
from openesi.devices.inverter import MODES, Rating, Settings, State, Surroundings, alarms_after, step
from openesi.devices.solar import Battery, Disturbance, SolarInverter
from openesi.devices.sun import Site
from openesi.sep2 import model as sep
from openesi.sep2 import xml
from openesi.sep2.editions import CSIP_AUS_13
from openesi.sep2.enums import AlarmStatus, DERCurveType, DERUnitRef, InverterStatus, StorageModeStatus, bits

RATING = Rating()
SUNNY = Surroundings(pv_w=4_500.0)


def orders(curves: dict[str, sep.DERCurve] | None = None, **modes: Any) -> Orders:
    links = {mode: sep.DERCurveLink(href=f"/{mode}") for mode in curves or {}}
    return Orders(base=sep.DERControlBase(**modes, **links), curves=curves or {})


def curve(
    mode: str, *points: tuple[float, float], ref: DERUnitRef = DERUnitRef.setMaxW, **more: Any
) -> sep.DERCurve:
    excitation = more.pop("excitation", None)
    return sep.DERCurve(
        mRID=bytes(16),
        creationTime=0,
        CurveData=tuple(
            sep.CurveData(xvalue=round(x * 100), yvalue=round(y * 100), excitation=excitation)
            for x, y in points
        ),
        curveType=DERCurveType[mode],
        xMultiplier=-2,
        yMultiplier=-2,
        yRefType=ref,
        **more,
    )


def settle(told: Orders, around: Surroundings = SUNNY, state: State | None = None, seconds: int = 1) -> State:
    state = state or State()
    for second in range(seconds):
        state = step(state, told, around, 1.0, rating=RATING, is_new_order=second == 0)
    return state


def var(power_w: float, factor: float) -> float:
    return power_w * math.tan(math.acos(factor))


PF = sep.PowerFactorWithExcitation


@pytest.mark.parametrize(
    ("told", "around", "power_w", "reactive"),
    [
        pytest.param(orders(), SUNNY, 4_500, 0, id="all sun"),
        pytest.param(orders(), Surroundings(pv_w=9_000), 5_000, 0, id="no more than rated"),
        pytest.param(orders(), Surroundings(pv_w=500, load_w=900), 900, 0, id="battery covers the house"),
        pytest.param(orders(opModMaxLimW=4_000), SUNNY, 2_000, 0, id="limit"),
        pytest.param(orders(opModMaxLimW=10_000), SUNNY, 4_500, 0, id="limit above the sun"),
        pytest.param(orders(opModMaxLimW=0), SUNNY, 0, 0, id="limit of nothing"),
        pytest.param(orders(opModFixedW=6_000), SUNNY, 3_000, 0, id="set point in percent"),
        pytest.param(orders(opModFixedW=-5_000), Surroundings(), -1_500, 0, id="charge at half rate"),
        pytest.param(
            orders(opModTargetW=sep.ActivePower(multiplier=1, value=120)), SUNNY, 1_200, 0, id="target"
        ),
        pytest.param(
            orders(opModTargetW=sep.ActivePower(multiplier=0, value=4_000), opModMaxLimW=5_000),
            SUNNY, 2_500, 0, id="a limit caps a set point",
        ),
        pytest.param(orders(opModEnergize=False, opModMaxLimW=9_000), SUNNY, 0, 0, id="cease to energize"),
        pytest.param(orders(opModConnect=False), SUNNY, 0, 0, id="disconnect"),
        pytest.param(
            orders(opModFixedPFInjectW=PF(displacement=95, multiplier=-2, excitation=False)),
            SUNNY, 4_500, var(4_500, 0.95), id="power factor, injecting",
        ),
        pytest.param(
            orders(opModFixedPFInjectW=PF(displacement=95, multiplier=-2, excitation=True)),
            SUNNY, 4_500, -var(4_500, 0.95), id="power factor, absorbing",
        ),
        pytest.param(
            orders(opModFixedVar=sep.FixedVar(refType=DERUnitRef.setMaxVar, value=-5_000)),
            SUNNY, 4_500, -1_150, id="fixed var",
        ),
        pytest.param(
            orders(opModTargetVar=sep.ReactivePower(multiplier=0, value=700),
                   opModFixedVar=sep.FixedVar(refType=DERUnitRef.setMaxW, value=5_000)),
            SUNNY, 4_500, 700, id="of two the smaller var",
        ),
        pytest.param(
            orders({"opModVoltVar": curve("opModVoltVar", (92, 30), (98, 0), (102, 0), (107, -30),
                                          ref=DERUnitRef.setMaxVar)}),
            Surroundings(pv_w=1_000, voltage_v=240 * 1.07), 1_000, -690, id="volt-var, high voltage",
        ),
        pytest.param(
            orders({"opModVoltWatt": curve("opModVoltWatt", (106, 100), (110, 20))}),
            Surroundings(pv_w=4_500, voltage_v=240 * 1.08), 3_000, 0, id="volt-watt",
        ),
        pytest.param(
            orders({"opModFreqWatt": curve("opModFreqWatt", (60, 100), (61, 0))}),
            Surroundings(pv_w=4_500, frequency_hz=60.5), 2_500, 0, id="freq-watt",
        ),
        pytest.param(
            orders(opModFreqDroop=sep.FreqDroopType(dBOF=36, dBUF=36, kOF=50, kUF=50, openLoopTms=0)),
            Surroundings(pv_w=9_000, frequency_hz=61.536), 2_500, 0, id="droop: half at 1.5 Hz above",
        ),
        pytest.param(
            orders({"opModWattVar": curve("opModWattVar", (0, 0), (50, 0), (100, -40),
                                          ref=DERUnitRef.setMaxVar)}),
            Surroundings(pv_w=5_000), 5_000, -920, id="watt-var",
        ),
        pytest.param(
            orders({"opModWattPF": curve("opModWattPF", (0, 1), (100, 0.92), excitation=True)}),
            Surroundings(pv_w=5_000), 5_000, -var(5_000, 0.92), id="watt-PF",
        ),
        pytest.param(
            orders(opModExpLimW=sep.ActivePower(multiplier=0, value=1_500)),
            Surroundings(pv_w=4_500, load_w=700), 2_200, 0, id="export limit leaves the house its own",
        ),
        pytest.param(
            orders(opModGenLimW=sep.ActivePower(multiplier=0, value=1_500)),
            Surroundings(pv_w=4_500, load_w=700), 1_500, 0, id="generation limit",
        ),
    ],
)  # fmt: skip
def test_one_step(told: Orders, around: Surroundings, power_w: float, reactive: float) -> None:
    state = settle(told, around)
    assert state.power_w == pytest.approx(power_w, abs=0.5)
    assert state.var == pytest.approx(reactive, abs=1)


def test_what_is_not_let_out_charges_the_battery_until_it_is_full() -> None:
    state = settle(orders(opModMaxLimW=4_000), seconds=3_600)
    assert state.stored_wh == pytest.approx(5_000 + 2_500 * 0.95, rel=0.01)
    assert state.limited
    full = settle(orders(opModMaxLimW=4_000), state=State(stored_wh=10_000))
    assert (full.power_w, full.pv_w, full.battery_w) == (2_000, 2_000, 0)


def test_an_empty_battery_gives_nothing() -> None:
    state = settle(orders(opModFixedW=10_000), Surroundings(pv_w=100), State(stored_wh=0.0))
    assert state.power_w == 100


def test_ramp_time_of_a_control() -> None:
    state = settle(orders())
    told = orders(opModMaxLimW=4_000, rampTms=1_000)
    powers = []
    for second in range(12):
        state = step(state, told, SUNNY, 1.0, rating=RATING, is_new_order=second == 0)
        powers.append(state.power_w)
    assert powers[4] == pytest.approx(3_250)
    assert powers[9:] == [2_000, 2_000, 2_000]


def test_default_ramp_and_return_to_service() -> None:
    set_up = Settings(grad_w=1_000, es_delay=500, es_ramp_tms=1_000)
    state = State(power_w=4_500.0)
    state = step(state, orders(opModEnergize=False), SUNNY, 1.0, rating=RATING, settings=set_up)
    assert (state.power_w, state.energized) == (0, False)
    powers = []
    for _ in range(17):
        state = step(state, orders(), SUNNY, 1.0, rating=RATING, settings=set_up)
        powers.append(state.power_w)
    assert powers[:5] == [0, 0, 0, 0, 0]  # five seconds of delay, then 500 W each second
    assert powers[5:8] == [500, 1_000, 1_500]
    assert powers[-1] == 4_500


def test_service_is_entered_when_the_grid_was_well_for_the_delay() -> None:
    set_up = Settings(
        es_delay=200, es_random_delay=200, random_share=0.5, es_high_volt=10_500, es_low_freq=5_950
    )
    state = State(power_w=4_500.0)

    def after(*arounds: Surroundings) -> list[float]:
        nonlocal state
        powers = []
        for around in arounds:
            state = step(state, orders(), around, 1.0, rating=RATING, settings=set_up)
            powers.append(state.power_w)
        return powers

    state = step(state, orders(opModEnergize=False), SUNNY, 1.0, rating=RATING, settings=set_up)
    high, slow = Surroundings(pv_w=4_500, voltage_v=253), Surroundings(pv_w=4_500, frequency_hz=59.4)
    assert after(SUNNY, SUNNY, high, slow, SUNNY, SUNNY, SUNNY, SUNNY) == [0, 0, 0, 0, 0, 0, 0, 4_500]


def test_momentary_cessation_ends_with_its_cause_and_without_a_delay() -> None:
    told = orders({"opModLVRTMomentaryCessation": curve("opModLVRTMomentaryCessation", (0, 50), (1, 50))})
    set_up = Settings(es_delay=30_000)
    state = State(power_w=4_500.0)
    low = Surroundings(pv_w=4_500, voltage_v=100)
    powers = []
    for around in (SUNNY, low, low, SUNNY):
        state = step(state, told, around, 1.0, rating=RATING, settings=set_up)
        powers.append(state.power_w)
    assert powers == [4_500, 0, 0, 4_500]


def test_droop_asks_the_battery_when_the_frequency_is_low() -> None:
    droop = sep.FreqDroopType(dBOF=36, dBUF=36, kOF=50, kUF=50, openLoopTms=0)
    around = Surroundings(pv_w=1_000, frequency_hz=60 - 0.036 - 0.6)
    assert settle(orders(opModFreqDroop=droop), around).power_w == pytest.approx(1_000 + 1_000)
    slow = sep.FreqDroopType(dBOF=36, dBUF=36, kOF=50, kUF=50, openLoopTms=500)
    state = settle(orders(opModFreqDroop=slow), around, State(power_w=1_000), seconds=5)
    assert state.power_w == pytest.approx(1_000 + 900, rel=0.01)


def test_alarms_begin_outside_continuous_operation_and_end_inside() -> None:
    alarms = AlarmStatus(0)
    seen = []
    for volts, hertz in (
        (240, 60),
        (265, 60),
        (263.5, 60),
        (260, 61.3),
        (210, 61.15),
        (240, 58.7),
        (240, 60),
    ):
        around = Surroundings(voltage_v=volts, frequency_hz=hertz)
        alarms = alarms_after(alarms, around, rating=RATING)
        seen.append(alarms)
    high, low = AlarmStatus.OVER_VOLTAGE, AlarmStatus.UNDER_VOLTAGE
    fast, slow = AlarmStatus.OVER_FREQUENCY, AlarmStatus.UNDER_FREQUENCY
    assert seen == [0, high, high, fast, low | fast, slow, 0]


def test_no_sun_and_an_empty_battery_are_low_input() -> None:
    dark = Surroundings(pv_w=30)
    state = settle(orders(), dark, State(stored_wh=0.0))
    assert state.alarms == AlarmStatus.LOW_POWER_INPUT
    assert settle(orders(), dark, State(stored_wh=500)).alarms == 0
    assert settle(orders(), SUNNY, state, seconds=2).alarms == 0


def test_a_disturbance_is_told_as_alarm_and_fault_and_passes() -> None:
    device = SolarInverter(site=Site(longitude=180))
    device.obey(orders({"opModHFRTMustTrip": curve("opModHFRTMustTrip", (0.16, 62), (300, 61.2))}))
    device.disturbances.append(Disturbance(start=1_010, end=1_020, frequency_hz=62.5))
    told = []
    for now in (1_000, 1_012, 1_015, 1_021):
        device.advance(now)
        status = device.status(now)
        assert status.inverterStatus is not None
        told.append((bits(status.alarmStatus or b""), status.inverterStatus.value))
    fault, well = (AlarmStatus.OVER_FREQUENCY, InverterStatus.FAULT), (0, told[0][1])
    assert told == [well, fault, fault, well]


def test_response_time_of_a_curve() -> None:
    volt_var = curve(
        "opModVoltVar", (92, 30), (98, 0), (102, 0), (107, -30), ref=DERUnitRef.setMaxVar, openLoopTms=1_000
    )
    around = Surroundings(pv_w=1_000, voltage_v=240 * 1.07)
    state = settle(orders({"opModVoltVar": volt_var}), around, seconds=10)
    assert state.var == pytest.approx(-690 * 0.9, rel=0.01)  # 90 % after the open-loop response time


def test_ride_through_trips_after_its_time_and_comes_back() -> None:
    told = orders(
        {"opModHVRTMustTrip": curve("opModHVRTMustTrip", (0.16, 120), (0.17, 110), (13, 110), (13.01, 110))}
    )
    high = Surroundings(pv_w=4_500, voltage_v=240 * 1.15)
    state = settle(told, Surroundings(pv_w=4_500, voltage_v=240 * 1.05))
    assert not state.tripped
    state = settle(told, high, state, seconds=2)
    assert (state.tripped, state.power_w) == (True, 0)
    state = settle(told, SUNNY, state, seconds=2)
    assert (state.tripped, state.power_w) == (False, 4_500)


@settings(max_examples=150, deadline=None)
@given(
    st.builds(
        Surroundings,
        pv_w=st.floats(0, 20_000),
        voltage_v=st.floats(0, 400),
        frequency_hz=st.floats(40, 70),
        load_w=st.floats(0, 30_000),
    ),
    st.floats(0, 10_000),
    st.integers(0, 10_000) | st.none(),
    st.integers(-10_000, 10_000) | st.none(),
    st.booleans() | st.none(),
    st.floats(0, 600),
)
def test_energy_is_neither_made_nor_lost(
    around: Surroundings, stored_wh: float, limit: int | None, fixed: int | None, on: bool | None, dt_s: float
) -> None:
    told = orders(opModMaxLimW=limit, opModFixedW=fixed, opModEnergize=on)
    state = step(State(stored_wh=stored_wh), told, around, dt_s, rating=RATING)
    assert state.power_w == pytest.approx(state.pv_w + state.battery_w)
    assert 0 <= state.pv_w <= around.pv_w + 1e-9
    assert 0 <= state.stored_wh <= RATING.battery_wh
    lossy = 0.95 if state.battery_w < 0 else 1 / 0.95
    assert stored_wh - state.stored_wh == pytest.approx(state.battery_w * lossy * dt_s / 3600, abs=1e-6)
    assert abs(state.power_w) <= RATING.max_w + 1e-6
    most_va = RATING.max_va * min(1.0, around.voltage_v / RATING.nominal_v)  # its greatest current
    assert math.hypot(state.power_w, state.var) <= most_va + 1e-6
    if limit is not None:
        assert state.power_w <= limit / 10_000 * RATING.max_w + 1e-6
    if on is False:
        assert state.power_w == 0


INT32 = st.integers(-(2**31), 2**31 - 1)
INT16 = st.integers(-(2**15), 2**15 - 1)
TENS = st.integers(-9, 9) | st.integers(-128, 127)
WATTS = st.builds(sep.ActivePower, multiplier=TENS, value=INT16)
CURVES = st.dictionaries(
    st.sampled_from([mode for mode in sorted(MODES) if mode in DERCurveType.__members__]),
    st.builds(
        lambda points, **more: sep.DERCurve(
            mRID=bytes(16),
            creationTime=0,
            curveType=0,
            CurveData=tuple(sep.CurveData(xvalue=x, yvalue=y, excitation=True) for x, y in points),
            **more,
        ),
        st.lists(st.tuples(INT32, INT32), min_size=1, max_size=10),
        xMultiplier=TENS,
        yMultiplier=TENS,
        yRefType=st.integers(0, 255),
        openLoopTms=st.none() | st.integers(0, 65_535),
        rampDecTms=st.none() | st.integers(0, 65_535),
        rampPT1Tms=st.none() | st.integers(0, 65_535),
        vRef=st.none() | st.integers(0, 10_000),
    ),
    max_size=4,
)
BASES = st.fixed_dictionaries(
    {},
    optional={
        "opModTargetW": WATTS,
        "opModStorageTargetW": WATTS,
        "opModExpLimW": WATTS,
        "opModImpLimW": WATTS,
        "opModFixedVar": st.builds(sep.FixedVar, refType=st.integers(0, 255), value=INT16),
        "opModFixedPFInjectW": st.builds(
            PF, displacement=st.integers(0, 65_535), multiplier=TENS, excitation=st.booleans()
        ),
        "opModFreqDroop": st.builds(
            sep.FreqDroopType,
            dBOF=st.integers(0, 5_000),
            dBUF=st.integers(0, 5_000),
            kOF=st.integers(0, 65_535),
            kUF=st.integers(0, 65_535),
            openLoopTms=st.integers(0, 65_535),
        ),
        "rampTms": st.integers(0, 65_535),
    },
)
GRID = st.tuples(st.floats(0, 400), st.floats(40, 70), st.floats(0, 10_000), st.floats(0.01, 600))


@settings(max_examples=100, deadline=None)
@given(CURVES, BASES, st.lists(GRID, min_size=1, max_size=6))
def test_no_order_leaves_the_nameplate(
    shapes: dict[str, sep.DERCurve], base: dict[str, Any], grid: list[tuple[float, float, float, float]]
) -> None:
    told, state = orders(shapes, **base), State()
    for number, (volts, hertz, sun_w, dt_s) in enumerate(grid):
        around = Surroundings(voltage_v=volts, frequency_hz=hertz, pv_w=sun_w, load_w=700)
        state = step(state, told, around, dt_s, rating=RATING, is_new_order=number == 0)
        assert -RATING.max_charge_w - 1e-6 <= state.power_w <= RATING.max_w + 1e-6
        most_va = RATING.max_va * min(1.0, volts / RATING.nominal_v)
        assert math.hypot(state.power_w, state.var) <= most_va + 1e-6
        assert 0 <= state.stored_wh <= RATING.battery_wh
        assert math.isfinite(state.shed_wh)


def test_what_it_tells_fits_the_schema_and_itself() -> None:
    for device in (SolarInverter(), Battery()):
        device.advance(1_800_000_000)
        device.advance(1_800_000_060)
        capability, setting = device.capability(), device.settings()
        assert capability.modesSupported == setting.modesEnabled
        assert capability.rtgMaxW == setting.setMaxW
        assert device.modes > MODES
        assert b"doeModesSupported" not in xml.serialize(capability)
        assert b">0F</csipaus:doeModesSupported>" in xml.serialize(capability, CSIP_AUS_13)
        assert b">01</csipaus13:vppModesEnabled>" in xml.serialize(setting, CSIP_AUS_13)
        status = device.status(1_800_000_060)
        assert status.storageModeStatus is not None
        assert status.storageModeStatus.value in set(StorageModeStatus)
        device.obey(orders(opModEnergize=False))
        device.advance(1_800_000_061)
        stopped = device.status(1_800_000_061)
        assert stopped.inverterStatus is not None
        assert stopped.inverterStatus.value == InverterStatus.STANDBY


def test_settings_of_the_default_control_are_taken_over_and_reported() -> None:
    device = SolarInverter()
    device.advance(1_800_000_000)
    default = sep.DefaultDERControl(
        mRID=bytes(16), DERControlBase=sep.DERControlBase(), setGradW=500, setESDelay=300
    )
    device.obey(Orders(default=default))
    assert (device.settings().setGradW, device.settings().setESDelay) == (500, 300)
    assert device.settings().updatedTime == 1_800_000_000


def test_a_clock_that_is_set_makes_no_energy() -> None:
    device = SolarInverter()
    device.advance(1_800_000_000)
    device.advance(1_800_000_000 + 40 * 86_400)
    assert device.state.exported_wh == 0
