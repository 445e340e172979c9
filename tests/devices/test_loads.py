"""Loads: what a day does to them, and what an EndDeviceControl changes about it."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openesi.client.device import Applied, Grant, Price
from openesi.devices.catalogue import DEVICES, describe
from openesi.devices.display import Display
from openesi.devices.heat import Thermostat, WaterHeater
from openesi.devices.house import House, SmartMeter
from openesi.devices.load import Load, SetPointRange, set_point_c
from openesi.devices.sun import Site, array_power_w, irradiance_w_per_m2
from openesi.devices.switched import LoadSwitch, PoolPump, PriceAppliance
from openesi.devices.vehicle import Charger
from openesi.sep2 import model as sep
from openesi.sep2 import xml
from openesi.sep2.enums import ApplianceLoadReduction, Unit

MIDNIGHT = 1_800_057_600.0
assert MIDNIGHT % 86_400 == 0
HOUR = 3_600


def control(*, forward: bool = False, **kinds: Any) -> sep.EndDeviceControl:
    return sep.EndDeviceControl(
        mRID=bytes(16),
        creationTime=0,
        EventStatus=sep.EventStatus(currentStatus=1, dateTime=0, potentiallySuperseded=False),
        interval=sep.DateTimeInterval(duration=HOUR, start=0),
        deviceCategory=bytes(4),
        drProgramMandatory=False,
        loadShiftForward=forward,
        **kinds,
    )


def live(device: Any, start_h: float, hours: float, *, step_s: float = 60) -> list[float]:
    """Live from an hour of the day on; return the power at each step."""
    powers = []
    for number in range(round(hours * HOUR / step_s) + 1):
        device.advance(MIDNIGHT + start_h * HOUR + number * step_s)
        powers.append(device.power_w)
    return powers


def test_a_duty_cycle_begins_with_its_off_part() -> None:
    switch = LoadSwitch(load_w=1_000)
    switch.advance(MIDNIGHT)
    switch.obey_load(control(DutyCycle=sep.DutyCycle(normalValue=40)))
    powers = [0.0] * 0
    for minute in range(1, 61):
        switch.advance(MIDNIGHT + 60 * minute)
        powers.append(switch.power_w)
    assert powers == [0] * 17 + [1_000] * 12 + [0] * 18 + [1_000] * 12 + [0]
    switch.obey_load(None)
    switch.advance(MIDNIGHT + HOUR + 60)
    assert switch.power_w == 1_000


@pytest.mark.parametrize(
    ("told", "power_w"),
    [
        (control(TargetReduction=sep.TargetReduction(type=Unit.WATTS, value=400)), 600),
        (control(TargetReduction=sep.TargetReduction(type=Unit.KILOWATTS, value=4)), 0),
        (control(Offset=sep.Offset(loadAdjustmentPercentageOffset=2_500)), 750),
        (control(Offset=sep.Offset(loadAdjustmentPercentageOffset=2_500), forward=True), 1_250),
        (control(ApplianceLoadReduction=sep.ApplianceLoadReduction(type=ApplianceLoadReduction.DELAY)), 0),
        (control(ApplianceLoadReduction=sep.ApplianceLoadReduction(type=1)), 500),
    ],
)
def test_every_kind_of_reduction(told: sep.EndDeviceControl, power_w: float) -> None:
    switch = LoadSwitch(load_w=1_000)
    assert switch.can_obey(told)
    switch.obey_load(told)
    switch.advance(MIDNIGHT)
    assert switch.power_w == power_w


def test_what_a_device_has_no_means_for() -> None:
    gas = control(TargetReduction=sep.TargetReduction(type=Unit.CUBIC_METRES, value=4))
    warmer = control(SetPoint=sep.SetPoint(coolingSetpoint=2_700))
    assert not LoadSwitch().can_obey(gas)
    assert not PoolPump().can_obey(warmer)
    assert Thermostat().can_obey(warmer)
    assert WaterHeater().can_obey(warmer)


@pytest.mark.parametrize(
    ("told", "cooling", "expected_c"),
    [
        (None, True, 24.0),
        (control(Offset=sep.Offset(coolingOffset=25)), True, 26.5),
        (control(Offset=sep.Offset(heatingOffset=25)), False, 21.5),
        (control(Offset=sep.Offset(coolingOffset=25), forward=True), True, 21.5),
        (control(SetPoint=sep.SetPoint(coolingSetpoint=2_650)), True, 26.5),
        (control(SetPoint=sep.SetPoint(coolingSetpoint=9_900)), True, 32.0),
        (control(SetPoint=sep.SetPoint(heatingSetpoint=1_000)), True, 24.0),
    ],
)
def test_set_points(told: sep.EndDeviceControl | None, cooling: bool, expected_c: float) -> None:
    held = SetPointRange(24.0, 16.0, 32.0, cooling=cooling)
    assert set_point_c(told, held) == pytest.approx(expected_c)


def test_what_was_applied_is_told_within_the_bounds_of_the_device() -> None:
    hot = control(SetPoint=sep.SetPoint(coolingSetpoint=9_900, heatingSetpoint=1_800))
    assert Thermostat().applied(hot) == Applied(
        SetPoint=sep.SetPoint(coolingSetpoint=3_200, heatingSetpoint=1_800)
    )
    assert WaterHeater().applied(hot) == Applied(SetPoint=sep.SetPoint(heatingSetpoint=4_000))
    far = control(Offset=sep.Offset(coolingOffset=200, heatingOffset=15))
    assert Thermostat().applied(far) == Applied(Offset=sep.Offset(coolingOffset=80, heatingOffset=15))
    duty = control(DutyCycle=sep.DutyCycle(normalValue=40))
    assert PoolPump().applied(duty) == Applied(DutyCycle=sep.DutyCycle(normalValue=40))


@pytest.mark.parametrize(
    ("unit", "asked", "reached"),
    [(Unit.WATTS, 400, 400), (Unit.KILOWATTS, 4, 1), (Unit.KILOWATT_HOURS, 1, 1)],
)
def test_a_reduction_is_told_as_it_was_reached(unit: Unit, asked: int, reached: int) -> None:
    switch = LoadSwitch(load_w=1_000)
    switch.advance(MIDNIGHT)
    told = control(TargetReduction=sep.TargetReduction(type=unit, value=asked))
    switch.obey_load(told)
    live(switch, 0, 1)
    switch.obey_load(None)
    live(switch, 1, 1)
    expected = sep.AppliedTargetReduction(type=unit, value=reached)
    assert switch.applied(told) == Applied(AppliedTargetReduction=expected)
    assert switch.shed_wh == pytest.approx(400 if unit is Unit.WATTS else 1_000, rel=0.02)


def test_a_unit_of_another_world_is_no_reason_to_fall_over() -> None:
    unknown = control(TargetReduction=sep.TargetReduction(type=200, value=4))
    assert not LoadSwitch().can_obey(unknown)


@given(
    st.sampled_from([name for name in DEVICES if isinstance(DEVICES[name].make(MIDNIGHT), Load)]),
    st.floats(0, 24),
    st.sampled_from([
        control(DutyCycle=sep.DutyCycle(normalValue=0)),
        control(DutyCycle=sep.DutyCycle(normalValue=50)),
        control(Offset=sep.Offset(coolingOffset=30, heatingOffset=30, loadAdjustmentPercentageOffset=4_000)),
        control(SetPoint=sep.SetPoint(coolingSetpoint=2_900, heatingSetpoint=4_500)),
    ]),
    st.floats(0.1, 6),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_what_is_shed_is_what_a_twin_without_control_used_more(
    name: str, start_h: float, told: sep.EndDeviceControl, hours: float
) -> None:
    device, twin = (DEVICES[name].make(MIDNIGHT) for _ in range(2))
    for one in (device, twin):
        live(one, start_h, 1)
    assert isinstance(device, Load)
    assert isinstance(twin, Load)
    before_wh = twin.energy_wh - device.energy_wh
    assert before_wh == 0
    device.obey_load(told if device.can_obey(told) else None)
    for one in (device, twin):
        live(one, start_h + 1, hours)
    assert device.shed_wh == pytest.approx(twin.energy_wh - device.energy_wh, abs=0.01)
    able = device.sheddable()
    assert 0 <= able.power_w <= 8_000
    assert able.duration_s is None or 0 <= able.duration_s <= 86_400


ANY_CONTROL = st.none() | st.builds(
    lambda forward, duty, percent, degrees, set_point, reduction: control(
        forward=forward,
        DutyCycle=duty and sep.DutyCycle(normalValue=duty - 1),
        Offset=sep.Offset(
            coolingOffset=degrees, heatingOffset=degrees, loadAdjustmentPercentageOffset=percent
        ),
        SetPoint=None
        if set_point is None
        else sep.SetPoint(coolingSetpoint=set_point, heatingSetpoint=set_point),
        TargetReduction=reduction and sep.TargetReduction(type=Unit.WATTS, value=reduction),
    ),
    st.booleans(),
    st.none() | st.integers(1, 256),
    st.none() | st.integers(0, 10_000),
    st.none() | st.integers(0, 255),
    st.none() | st.integers(-32_768, 32_767),
    st.none() | st.integers(1, 65_535),
)


@given(
    st.sampled_from([name for name in DEVICES if isinstance(DEVICES[name].make(MIDNIGHT), Load)]),
    st.lists(st.tuples(ANY_CONTROL, st.floats(0.1, 3_600)), min_size=1, max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_nothing_a_server_may_ask_leaves_the_physical(
    name: str, orders: list[tuple[sep.EndDeviceControl | None, float]]
) -> None:
    device: Any = DEVICES[name].make(MIDNIGHT)
    now, energy_wh = MIDNIGHT, 0.0
    for told, seconds in orders:
        device.obey_load(told if told is not None and device.can_obey(told) else None)
        device.advance(now := now + seconds)
        assert 0 <= device.power_w <= 2 * 7_400
        assert energy_wh <= device.energy_wh
        energy_wh = device.energy_wh
        if hasattr(device, "temperature_c"):
            assert 10 < device.temperature_c < 80
        if isinstance(device, Charger):
            assert device.stored_wh <= device.vehicle.wanted_share * device.vehicle.capacity_wh + 1e-6
        able = device.sheddable()
        assert able.duration_s is None or able.duration_s >= 0


def test_a_meter_counts_nothing_while_its_clock_is_set() -> None:
    meter = SmartMeter(lambda time: 1_000.0)
    for now in (MIDNIGHT, MIDNIGHT + 1_800, MIDNIGHT + 40 * 86_400, MIDNIGHT + 30 * 86_400):
        meter.advance(now)
    assert meter.imported_wh == 500


def test_a_warm_room_can_do_without_for_longer_than_a_hot_one() -> None:
    spare_s = []
    for temperature_c in (24.0, 26.0, 27.5):
        thermostat = Thermostat(outside_c=lambda time: 34.0)
        thermostat.temperature_c = temperature_c
        thermostat.advance(MIDNIGHT)
        spare_s.append(thermostat.sheddable().duration_s)
    assert spare_s[0] == pytest.approx(math.log(10 / 7) * 10e6 / 150, rel=0.01)
    assert spare_s[1] < spare_s[0]
    assert spare_s[2] == 0


def test_a_thermostat_keeps_its_room_and_sheds_when_asked() -> None:
    thermostat = Thermostat()
    live(thermostat, 8, 5)
    usual_wh, before_wh = 0.0, thermostat.energy_wh
    live(thermostat, 13, 2)
    usual_wh = thermostat.energy_wh - before_wh
    assert 23 < thermostat.temperature_c < 25
    thermostat.obey_load(control(SetPoint=sep.SetPoint(coolingSetpoint=2_700)))
    before_wh = thermostat.energy_wh
    live(thermostat, 15, 2)
    assert thermostat.energy_wh - before_wh < 0.5 * usual_wh
    assert thermostat.temperature_c < 27.6


def test_a_water_heater_is_warm_and_needs_what_a_family_needs() -> None:
    heater = WaterHeater()
    live(heater, 0, 24)
    assert 45 < heater.temperature_c <= 60.5
    assert (
        5_000 < heater.energy_wh < 9_000
    )  # 120 l from 12 to 60 degrees are 6.7 kWh, and the tank loses some


def test_a_pool_pump_makes_up_for_what_it_was_kept_from() -> None:
    pump = PoolPump(pump_w=1_000, hours_a_day=6, starts_h=10)
    live(pump, 0, 12)
    assert pump.ran_s == pytest.approx(2 * HOUR, rel=0.02)
    pump.obey_load(control(DutyCycle=sep.DutyCycle(normalValue=0)))
    live(pump, 12, 1)
    assert pump.ran_s == pytest.approx(2 * HOUR, rel=0.02)
    pump.obey_load(None)
    live(pump, 13, 6)
    assert pump.ran_s == pytest.approx(6 * HOUR, rel=0.02)
    assert pump.power_w == 0


def test_an_appliance_waits_for_a_fair_price_but_not_for_ever() -> None:
    def starts_at(*prices: tuple[float, Price | None]) -> float | None:
        appliance = PriceAppliance(filled_h=19, done_h=30)
        changes = dict(prices)
        for minute in range(18 * 60, 31 * 60):
            if minute / 60 in changes:
                appliance.see_price(changes[minute / 60])
            appliance.advance(MIDNIGHT + minute * 60)
            if appliance.power_w:
                return minute / 60
        return None

    dear, cheap = Price(tier=2, per_kwh=0.40), Price(tier=1, per_kwh=0.10)
    assert starts_at((18, cheap)) == 19
    assert starts_at((18, dear), (22, cheap)) == 22
    assert starts_at((18, dear)) == pytest.approx(28.5, abs=0.02)
    assert starts_at((18, None)) == 19


def test_a_wash_takes_a_kilowatt_hour() -> None:
    appliance = PriceAppliance(filled_h=19)
    live(appliance, 18, 12)
    assert appliance.energy_wh == pytest.approx(1_000, rel=0.05)


def test_a_vehicle_asks_waits_and_takes_what_is_granted() -> None:
    charger = Charger()
    live(charger, 17, 0.9)
    assert charger.wish(0, bytes(20)) is None
    live(charger, 17.9, 0.2)
    now = MIDNIGHT + 18.1 * HOUR
    wish = charger.wish(int(now), bytes(20))
    assert wish is not None
    assert wish.energyRequested.value == pytest.approx(30_000 / 0.9, rel=0.01)
    assert xml.parse(xml.serialize(wish)) == wish
    assert charger.power_w == 0  # it waits for an answer
    charger.grant(Grant(power_w=3_000, until=int(now) + HOUR))
    assert live(charger, 18.1, 0.5)[-1] == 3_000
    again = charger.wish(int(now) + 1_800, bytes(20))
    assert again is not None
    assert again.mRID == wish.mRID  # one request for one stay
    status = charger.power_status(int(now))
    assert status.PEVInfo is not None
    assert xml.parse(xml.serialize(status)) == status
    charger.grant(None)
    assert live(charger, 18.6, 0.1)[-1] == 0


def test_a_vehicle_without_an_answer_is_charged_all_the_same() -> None:
    charger = Charger()
    assert max(live(charger, 17.9, 6)) == 7_400
    live(charger, 23.9, 7.2)
    assert charger.stored_wh == pytest.approx(0.8 * charger.vehicle.capacity_wh, rel=0.01)
    assert charger.plugged_since is None


def test_a_charger_can_be_told_a_reduction_in_watts() -> None:
    charger = Charger()
    charger.advance(MIDNIGHT)
    charger.plug_in(MIDNIGHT)
    charger.grant(Grant(power_w=7_000, until=int(MIDNIGHT) + 8 * HOUR))
    told = control(TargetReduction=sep.TargetReduction(type=Unit.KILOWATTS, value=3))
    assert charger.can_obey(told)
    charger.obey_load(told)
    assert live(charger, 0, 1)[-1] == 4_000
    reached = sep.AppliedTargetReduction(type=Unit.KILOWATTS, value=3)
    assert charger.applied(told) == Applied(AppliedTargetReduction=reached)


def test_the_vehicle_of_the_house_waits_for_an_answer_before_it_charges() -> None:
    evse = House(now=MIDNIGHT).evse
    assert max(live(evse, 0, 0.2, step_s=10)) == 0
    assert evse.wish(int(MIDNIGHT) + 720, bytes(20)) is not None
    assert live(evse, 0.2, 0.2, step_s=10)[-1] == 2_300  # a server that says nothing is not waited for longer
    live(evse, 0.4, 8)
    assert evse.stored_wh == pytest.approx(30_000, rel=0.01)


def test_a_display_shows_what_counts() -> None:
    display = Display()
    assert display.lines() == ["price not known"]
    display.see_price(Price(tier=2, per_kwh=0.113, currency=840))
    message = sep.TextMessage(
        mRID=bytes(16),
        creationTime=0,
        EventStatus=sep.EventStatus(currentStatus=1, dateTime=0, potentiallySuperseded=False),
        interval=sep.DateTimeInterval(duration=HOUR, start=0),
        originator="Utility",
        priority=1,
        textMessage="It will be hot",
    )
    display.show((message,))
    assert display.lines() == ["0.1130 per kWh, tier 2", "Utility: It will be hot"]


def test_the_sun_rises_and_sets() -> None:
    site = Site(latitude=37.8, longitude=0)
    light = [irradiance_w_per_m2(MIDNIGHT + hour * HOUR, site) for hour in range(24)]
    assert light[0] == light[23] == 0
    assert max(light) == light[12]
    assert 350 < light[12] < 600  # in January
    june = irradiance_w_per_m2(MIDNIGHT + 155 * 86_400 + 12 * HOUR, site)
    assert 950 < june < 1_100
    assert array_power_w(1_000, peak_w=5_000, air_c=-6.25) == pytest.approx(5_000)


@pytest.mark.parametrize("name", DEVICES)
def test_every_device_lives_a_day_and_says_what_it_does(name: str) -> None:
    device: Any = DEVICES[name].make(MIDNIGHT)
    for minute in range(0, 24 * 60, 5):
        device.advance(MIDNIGHT + minute * 60)
        assert describe(device)
    information = device.information(bytes(20))
    assert xml.parse(xml.serialize(information)) == information
    if isinstance(device, Load) and name not in ("evse", "appliance"):
        assert device.energy_wh > 100
