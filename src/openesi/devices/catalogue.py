"""The devices that can be run by name, and one line on what each is doing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from openesi.client.device import Device
from openesi.devices.display import Display
from openesi.devices.heat import Thermostat, WaterHeater
from openesi.devices.house import SmartMeter, household_load_w, summer_site
from openesi.devices.load import Load
from openesi.devices.solar import Battery, SolarInverter
from openesi.devices.switched import LoadSwitch, PoolPump, PriceAppliance
from openesi.devices.vehicle import Charger


@dataclass(frozen=True, slots=True)
class Entry:
    """One kind of device: how it is made at a time (s since 1970), and what it is, for people."""

    make: Callable[[float], Device]
    help: str


DEVICES: dict[str, Entry] = {
    "inverter": Entry(
        lambda now: SolarInverter(site=summer_site(now), load_w=household_load_w),
        "5 kW solar inverter with a 10 kWh battery: DER controls, curves, metering",
    ),
    "battery": Entry(lambda now: Battery(load_w=household_load_w), "5 kW battery of 10 kWh: DER controls"),
    "evse": Entry(lambda now: Charger(), "charger with a vehicle: flow reservation, load control"),
    "thermostat": Entry(lambda now: Thermostat(), "thermostat with a heat pump: load control"),
    "water-heater": Entry(lambda now: WaterHeater(), "200 l tank: load control"),
    "pool-pump": Entry(lambda now: PoolPump(), "pool pump: load control"),
    "switch": Entry(lambda now: LoadSwitch(), "load control switch before a 1.5 kW load"),
    "appliance": Entry(lambda now: PriceAppliance(), "dishwasher that waits for a good price"),
    "display": Entry(lambda now: Display(), "in-home display: price, messages"),
    "meter": Entry(lambda now: SmartMeter(household_load_w), "smart meter of a household"),
}


def describe(device: Any) -> str:
    """Return what a device is doing, in one line."""
    if isinstance(device, SolarInverter):
        return _describe_inverter(device)
    if isinstance(device, Display):
        return "  |  ".join(device.lines())
    parts = [f"{_kw(device.power_w)} kW"] if isinstance(device, Load | SmartMeter) else []
    if isinstance(device, Thermostat | WaterHeater):
        parts.append(f"{device.temperature_c:.1f} C")
    if isinstance(device, Charger):
        parts.append(f"needs {device.needed_wh / 1000:.1f} kWh" if device.plugged_since else "no vehicle")
    if isinstance(device, Load) and device.control is not None:
        parts.append("load control")
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
