"""A house: solar inverter with battery, meter, thermostat, EVSE, display; each a real 2030.5 client."""

from __future__ import annotations

import asyncio
import logging
import math
import time as time_module
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from openesi.client.agent import Agent, State
from openesi.client.der import Orders
from openesi.client.device import Device, Meter, Quantity
from openesi.client.session import Client
from openesi.devices.display import Display
from openesi.devices.heat import Thermostat, mild_day_c
from openesi.devices.load import CLOCK_SET_S
from openesi.devices.solar import SolarInverter, device_information
from openesi.devices.sun import DAY_S, Site
from openesi.devices.vehicle import Charger, Vehicle
from openesi.errors import Unreachable
from openesi.sep2 import model as sep
from openesi.sep2.enums import (
    AccumulationBehaviour,
    DeviceCategory,
    FlowDirection,
    FunctionsImplemented,
    Kind,
    RoleFlag,
    Uom,
)

log = logging.getLogger(__name__)

# The house of a demonstration wakes on a late summer morning, whenever that is: there is something to see.
LATE_MORNING_H = 11.0
SUMMER_LATITUDE = 30.0
ARRIVES_AFTER_S = 30.0  # the vehicle, after a house wakes
READY_S = 30.0  # a house that is not up by then will not come up

GRID_METER = Meter(
    name="Grid meter",
    role=RoleFlag.IS_PREMISES_AGGREGATION_POINT,
    quantities=(
        Quantity(name="W", uom=Uom.WATTS, kind=Kind.POWER),
        Quantity(name="V", uom=Uom.VOLTS, power_of_ten=-1),
        Quantity(
            name="Wh from grid",
            uom=Uom.WATT_HOURS,
            kind=Kind.ENERGY,
            accumulation=AccumulationBehaviour.SUMMATION,
        ),
        Quantity(
            name="Wh to grid",
            uom=Uom.WATT_HOURS,
            kind=Kind.ENERGY,
            accumulation=AccumulationBehaviour.SUMMATION,
            flow=FlowDirection.REVERSE,
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a device speaks TLS with: PEM files, and its PIN."""

    cert: Path
    key: Path
    ca: Path
    pin: int | None = None


def household_load_w(time: float) -> float:
    """Return the load of a family (W): a base, cooking in the evening, a refrigerator that comes and goes.

    The shape follows the standard load profile H0 of German households (VDEW, 1999), in rough.
    """
    hour = time / 3600 % 24
    evening = 900 * math.exp(-(((hour - 19) / 2.2) ** 2))
    morning = 450 * math.exp(-(((hour - 7.5) / 1.5) ** 2))
    refrigerator = 120 if time % 2400 < 800 else 0
    kettle = 1800 if time % 5400 < 150 else 0
    return 260 + evening + morning + refrigerator + kettle


def home_shift_s(now: float) -> float:
    """Return what is added to UTC for the clock of a home where it is late morning at ``now``."""
    return LATE_MORNING_H * 3600 - now % DAY_S


def summer_site(now: float) -> Site:
    """Return a place where the sun stands high at ``now`` (s since 1970)."""
    north = 80 <= now / DAY_S % 365.25 <= 266  # between the equinoxes
    return Site(
        latitude=SUMMER_LATITUDE if north else -SUMMER_LATITUDE,
        longitude=15 * home_shift_s(now) / 3600,
    )


def warm_room(now: float) -> Thermostat:
    """Return a thermostat on a summer's day, in a room that has just grown warm."""
    shift_s = home_shift_s(now)
    return Thermostat(outside_c=lambda time: mild_day_c(time + shift_s), temperature_c=24.6)


def charger_awaiting(now: float, *, charger_w: float = 7_400.0, wanted_share: float = 0.8) -> Charger:
    """Return a charger whose vehicle comes soon after ``now``, and stays for eight hours."""
    arrives_h = (now + ARRIVES_AFTER_S) % DAY_S / 3600
    vehicle = Vehicle(wanted_share=wanted_share, arrives_h=arrives_h, leaves_h=arrives_h + 8)
    return Charger(vehicle=vehicle, charger_w=charger_w)


class SmartMeter:
    """The meter at the door: what the house takes (positive) from the grid, after the inverter."""

    category = DeviceCategory.SMART_ENERGY_MODULE
    meters = (GRID_METER,)

    def __init__(
        self, power_w: Callable[[float], float], voltage_v: Callable[[], float] = lambda: 240.0
    ) -> None:
        self._power_w, self._voltage_v = power_w, voltage_v
        self._lived: float | None = None
        self.power_w = 0.0
        self.imported_wh = 0.0
        self.exported_wh = 0.0

    def advance(self, now: float) -> None:
        """Count energy until ``now``."""
        lived_s = now - self._lived if self._lived is not None else 0.0
        hours = lived_s / 3600 if 0 <= lived_s <= CLOCK_SET_S else 0.0
        self._lived = now
        self.power_w = self._power_w(now)
        self.imported_wh += max(0.0, self.power_w) * hours
        self.exported_wh += max(0.0, -self.power_w) * hours

    def readings(self, meter: str) -> Mapping[str, float]:
        """Return what the dials say."""
        del meter
        return {
            "W": self._power_w(self._lived or 0.0),
            "V": self._voltage_v(),
            "Wh from grid": self.imported_wh,
            "Wh to grid": self.exported_wh,
        }

    def information(self, lfdi: bytes) -> sep.DeviceInformation:
        """Return maker, model and versions."""
        return device_information(lfdi, model="Smart meter", functions=FunctionsImplemented.METERING)


class _Watched(SolarInverter):
    """An inverter that says when it is told something else."""

    def __init__(self, *, site: Site, stored_share: float, load_w: Callable[[float], float]) -> None:
        super().__init__(site=site, stored_share=stored_share, load_w=load_w)
        self.watchers: list[Callable[[], None]] = []

    def obey(self, orders: Orders) -> None:
        """Do this from the next step on."""
        super().obey(orders)
        for watcher in self.watchers:
            watcher()


NAMES = ("inverter", "meter", "thermostat", "evse", "display")
SLOW_CHARGER_W = 2_300.0  # 10 A from a socket


class House:
    """The devices of one house, wired together, in a place where it is late morning in summer ``now``.

    Thermostat and EVSE have no meters of their own: what they use shows at the door.
    """

    def __init__(self, *, now: float) -> None:
        self._shift_s = home_shift_s(now)
        self.inverter = _Watched(site=summer_site(now), stored_share=0.4, load_w=self._load_w)
        self.meter = SmartMeter(self._net_w, lambda: self.inverter.around.voltage_v)
        self.thermostat = warm_room(now)
        # Half a charge can wait for an answer: eight hours are enough for it.
        self.evse = charger_awaiting(now, charger_w=SLOW_CHARGER_W, wanted_share=0.5)
        self.display = Display()
        self.thermostat.meters = self.evse.meters = ()

    @property
    def devices(self) -> dict[str, Device]:
        """All of them, by name: those that make the power first, what shows it after."""
        return {name: getattr(self, name) for name in NAMES}

    def _load_w(self, time: float) -> float:
        return household_load_w(time + self._shift_s) + self.thermostat.power_w + self.evse.power_w

    def _net_w(self, time: float) -> float:
        del time
        return self.inverter.around.load_w - self.inverter.state.power_w


async def run_house(
    url: str,
    credentials: Mapping[str, Credentials],
    *,
    ready: asyncio.Event | None = None,
    house: House | None = None,
) -> None:
    """Run a house at a server until cancelled; set ``ready`` when its first readings are there.

    ``credentials`` are those of its devices by their ``NAMES``. Raises WrongPIN if the server is not the one
    that the devices were registered with.
    """
    house = house or House(now=time_module.time())
    agents = []
    for name, device in house.devices.items():
        who = credentials[name]
        agents.append(Agent(Client(url, cert=who.cert, key=who.key, ca=who.ca), device, pin=who.pin))
    # Both meters tell at once when the power jumps, or whoever adds them up sees a load that is not there.
    house.inverter.watchers += [
        agent.report_now for agent in agents if agent.device in (house.inverter, house.meter)
    ]
    tasks = [asyncio.create_task(agent.run(), name=type(agent.device).__name__) for agent in agents]
    try:
        if ready is not None:
            await _until_connected(agents, tasks)
            ready.set()
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for agent in agents:
            await agent.esi.close()


async def _until_connected(agents: list[Agent], tasks: list[asyncio.Task[None]]) -> None:
    try:
        async with asyncio.timeout(READY_S):
            while not all(agent.state is State.CONNECTED and agent.is_settled for agent in agents):
                for task in tasks:
                    if task.done():
                        task.result()
                await asyncio.sleep(0.05)
    except TimeoutError:
        problem = next((agent.problem for agent in agents if agent.problem is not None), None)
        raise problem or Unreachable("the house does not get ready") from None
