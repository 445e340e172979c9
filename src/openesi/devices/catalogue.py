"""The devices that can be run by name, and one line on what each is doing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from openesi.client.device import Device
from openesi.devices.display import Display
from openesi.devices.heat import Thermostat, WaterHeater, usual_draw_l_per_s
from openesi.devices.house import (
    SmartMeter,
    charger_awaiting,
    home_shift_s,
    household_load_w,
    summer_site,
    warm_room,
)
from openesi.devices.load import Load
from openesi.devices.solar import Battery, SolarInverter
from openesi.devices.station import ChargingStation
from openesi.devices.sun import DAY_S
from openesi.devices.switched import LoadSwitch, PoolPump, PriceAppliance
from openesi.devices.vehicle import Charger


@dataclass(frozen=True, slots=True)
class Entry:
    """One kind of device: how it is made at a time (s since 1970), and what it is, for people."""

    make: Callable[[float], Device]
    help: str


def _hour(now: float) -> float:
    return now % DAY_S / 3600


def _household(now: float) -> Callable[[float], float]:
    shift_s = home_shift_s(now)
    return lambda time: household_load_w(time + shift_s)


def _water_heater(now: float) -> WaterHeater:
    shift_s = home_shift_s(now)
    return WaterHeater(draw_l_per_s=lambda time: usual_draw_l_per_s(time + shift_s), temperature_c=56.0)


# All of them live where it is late morning in summer, whenever they are started: there is something to see.
DEVICES: dict[str, Entry] = {
    "inverter": Entry(
        lambda now: SolarInverter(site=summer_site(now), load_w=_household(now)),
        "5 kW solar inverter with a 10 kWh battery: DER controls, curves, metering",
    ),
    "battery": Entry(lambda now: Battery(load_w=_household(now)), "5 kW battery of 10 kWh: DER controls"),
    "charger": Entry(
        lambda now: ChargingStation(), "charging station with a vehicle: DER controls, points for VOLTTRON"
    ),
    "evse": Entry(charger_awaiting, "charger with a vehicle: flow reservation, load control"),
    "thermostat": Entry(warm_room, "thermostat with a heat pump: load control"),
    "water-heater": Entry(_water_heater, "200 l tank: load control"),
    "pool-pump": Entry(lambda now: PoolPump(starts_h=_hour(now)), "pool pump: load control"),
    "switch": Entry(lambda now: LoadSwitch(), "load control switch before a 1.5 kW load"),
    "appliance": Entry(
        lambda now: PriceAppliance(filled_h=_hour(now + 30), done_h=_hour(now + 30) + 11),
        "dishwasher that waits for a good price",
    ),
    "display": Entry(lambda now: Display(), "in-home display: price, usage, messages"),
    "meter": Entry(lambda now: SmartMeter(_household(now)), "smart meter of a household"),
}


def describe(device: Any) -> str:
    """Return what a device is doing, in one line."""
    if isinstance(device, SolarInverter):
        return _describe_inverter(device)
    if isinstance(device, Display):
        return "  |  ".join(device.lines())
    if isinstance(device, ChargingStation):
        return _describe_station(device)
    if isinstance(device, SmartMeter):
        return f"{_kw(device.power_w)} kW  {device.imported_wh / 1000:.3f} kWh from the grid"
    parts = [f"{_kw(device.power_w)} kW", *_details(device)]
    if device.control is not None:
        parts.append(f"load control for {device.controlled_s:.0f} s")
    if abs(device.shed_wh) >= 1:
        parts.append(f"shed {device.shed_wh / 1000:.3f} kWh")
    return "  ".join(parts)


def _details(device: Load) -> list[str]:
    """Return what is to be said of a load besides its power."""
    if isinstance(device, Thermostat | WaterHeater):
        return [f"{device.temperature_c:.1f} C"]
    if isinstance(device, PoolPump):
        return [f"ran {device.ran_s / 3600:.2f} of {device.wanted_s / 3600:.0f} h today"]
    if isinstance(device, PriceAppliance):
        price = "unknown" if device.price is None else device.price.per_kwh
        waits = "runs" if device.runs else "waits" if device.left_s > 0 else "is empty"
        return [waits, f"price {price}"]
    if isinstance(device, Charger):
        if device.plugged_since is None:
            return ["no vehicle"]
        granted = "" if device.granted is None else f", granted {_kw(device.granted.power_w)} kW"
        return [f"needs {device.needed_wh / 1000:.1f} kWh{granted}"]
    return []


def _describe_station(device: ChargingStation) -> str:
    parts = [f"{_kw(device.power_w)} kW", f"{100 * device.stored_wh / device.capacity_wh:.1f} % charged"]
    if device.orders.base.opModFixedW is not None:
        parts.append("obeys opModFixedW")
    return "  ".join(parts)


def _describe_inverter(device: SolarInverter) -> str:
    state = device.state
    parts = [f"{_kw(state.power_w)} kW out"]
    if device.rating.pv_peak_w:
        parts.append(f"sun {_kw(state.pv_w)} of {_kw(device.around.pv_w)} kW")
    stored = 100 * state.stored_wh / device.rating.battery_wh
    parts.append(f"battery {stored:.0f} % {_kw(state.battery_w)} kW")
    if abs(state.var) > 1:
        parts.append(f"{state.var / 1000:+.2f} kvar")
    if state.tripped:
        parts.append("tripped")
    elif not state.energized:
        parts.append("off")
    elif not state.in_service:
        parts.append(f"back in {state.waiting_s:.0f} s")
    if state.alarms:
        parts.append("alarm " + ", ".join(str(one.name).lower().replace("_", " ") for one in state.alarms))
    ruled = sorted({mode for modes in device.orders.events.values() for mode in modes})
    if ruled:
        parts.append("obeys " + ", ".join(ruled))
    return "  ".join(parts)


def _kw(power_w: float) -> str:
    return f"{power_w / 1000:.2f}".replace("-0.00", "0.00")
